import type { Subscription } from "/weir.js";
import { Rate } from "./rate.js";
import { Sample } from "./quantile.js";

/** What is known of a subscription's traffic at one moment. Undefined: not known yet. */
export interface Reading {
  /** Events a second that the hub has put into the channel. */
  readonly atHub: number | undefined;
  /** Events a second that have come to this browser. */
  readonly here: number | undefined;
  /** Of the events at the hub, the share that the filters held back, from 0 to 1. */
  readonly heldBack: number | undefined;
  /** Payload bytes that were held back since the page was opened. */
  readonly savedBytes: number;
  /** From the hub's clock to this browser's, in milliseconds. */
  readonly medianMs: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Rates are over so many milliseconds; delays are of the last so many events. */
const spanMs = 3000;
const delays = 1000;

/** Measures a subscription's traffic by its cursor, which counts what was held back too. */
export class Traffic {
  private readonly hub = new Rate(spanMs);
  private readonly here = new Rate(spanMs);
  private readonly held = new Rate(spanMs);
  private readonly delay = new Sample(delays);

  constructor(private readonly subscription: Subscription) {
    // What enters may be old: the map has moved to it. Only updates have come straight from the hub.
    subscription.on("update", (m) => this.delay.add(Date.now() - m.timeMs));
  }

  /** After a pause in which nothing could come. */
  reset(): void {
    for (const rate of [this.hub, this.here, this.held]) rate.reset();
  }

  read(now: number): Reading {
    const { stats, cursor } = this.subscription;
    if (cursor) this.hub.observe(cursor.offset, now);
    this.here.observe(stats.events, now);
    this.held.observe(stats.heldBack, now);
    const atHub = this.hub.perSecond;
    const held = this.held.perSecond;
    const [median, p99] = this.delay.quantiles(0.5, 0.99) ?? [];
    return {
      atHub,
      here: this.here.perSecond,
      heldBack: atHub !== undefined && held !== undefined && atHub > 0 ? Math.min(1, held / atHub) : undefined,
      savedBytes: stats.heldBackBytes,
      medianMs: median,
      p99Ms: p99,
    };
  }
}
