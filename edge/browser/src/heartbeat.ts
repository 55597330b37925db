import type { Clock } from "./clock.js";

/** Quiet time after which a client pings, in milliseconds, unless the relay asks for less. */
const longestQuiet = 5_000;
const shortestQuiet = 1_000;
/** How long an answer may take. */
const patience = 5_000;
/** The same when there is reason to doubt: the network changed, or the page was asleep. */
const doubtfulPatience = 2_000;
/** Makes the packet longer than 42 bytes, so that a restarted relay can answer it with a stateless reset (SPEC.md, section 9). */
const padding = new Uint8Array(32);

/** What a {@link Heartbeat} does. */
export interface HeartbeatActions {
  ping(ping: { nonce: bigint; padding: Uint8Array }): void;
  /** Nothing has been heard for too long. */
  dead(): void;
  rtt(ms: number): void;
}

/** Finds out whether the relay is still there: browsers take up to half a minute to. */
export class Heartbeat {
  private quiet = longestQuiet;
  private nonce = 0n;
  /** When the ping that waits for its answer was sent. */
  private pingedAt: number | undefined;
  private heardAt = 0;
  /** Whether anything has come since the last ping. */
  private heardSince = false;
  private cancel = () => {};
  private running = false;

  constructor(private readonly clock: Clock, private readonly actions: HeartbeatActions) {}

  /** @param intervalMs - what the relay asks for; 0: nothing. */
  start(intervalMs: number): void {
    this.quiet = Math.max(shortestQuiet, Math.min(longestQuiet, intervalMs || longestQuiet));
    this.running = true;
    this.heard();
    this.watch();
  }

  stop(): void {
    this.running = false;
    this.cancel();
  }

  /** Something has come from the relay. */
  heard(): void {
    this.heardAt = this.clock.now();
    this.heardSince = true;
  }

  pong(nonce: bigint): void {
    if (this.pingedAt === undefined || nonce !== this.nonce) return;
    this.actions.rtt(this.clock.now() - this.pingedAt);
    this.pingedAt = undefined;
  }

  /** Pings at once. */
  probe(): void {
    this.ask(doubtfulPatience);
  }

  /** Pings as soon as nothing has been heard for `quiet`. One timer, however many frames come. */
  private watch(): void {
    const silent = this.clock.now() - this.heardAt;
    if (silent >= this.quiet) return this.ask(patience);
    this.cancel();
    this.cancel = this.clock.after(this.quiet - silent, () => this.watch());
  }

  private ask(patienceMs: number): void {
    if (!this.running) return;
    this.nonce++;
    this.heardSince = false;
    this.pingedAt = this.clock.now();
    this.actions.ping({ nonce: this.nonce, padding });
    this.cancel();
    this.cancel = this.clock.after(patienceMs, () => {
      if (this.heardSince) this.watch();
      else this.actions.dead();
    });
  }
}
