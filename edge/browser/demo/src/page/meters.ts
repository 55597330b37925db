import type { Subscription } from "/weir.js";
import { bytes, count, duration, percent, perSecond } from "../meters/format.js";
import type { Reading } from "../meters/traffic.js";
import { element, show } from "./element.js";
import { Spark } from "./spark.js";

const none = "–";

/** Shows what has been measured; called every second. */
export class Meters {
  private readonly spark = new Spark(element<Element>("spark"));

  render(reading: Reading, subscription: Subscription): void {
    const { atHub, here, heldBack, savedBytes, medianMs, p99Ms } = reading;
    figure("rate-hub", atHub, perSecond);
    figure("rate-here", here, perSecond);
    figure("held-share", heldBack, percent);
    figure("saved", savedBytes, bytes);
    figure("median", medianMs, duration);
    figure("p99", p99Ms, duration);
    figure("in-box", subscription.view.size, count);
    element("split-here").style.inlineSize = `${heldBack === undefined ? 0 : Math.max(0.5, (1 - heldBack) * 100)}%`;
    const { cursor } = subscription;
    show(element("cursor"), cursor ? count(cursor.offset) : none, cursor?.offset ?? "");
    this.spark.add(atHub ?? 0, here ?? 0);
    const caption = atHub === undefined
      ? "What this browser receives"
      : `${perSecond(atHub)} events a second at the hub. Only the ${count(subscription.view.size)} aircraft in this box reach you.`;
    show(element("caption-text"), caption);
  }
}

function figure(id: string, value: number | undefined, format: (n: number) => string): void {
  show(element(id), value === undefined ? none : format(value), value ?? "");
}
