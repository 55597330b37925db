import type { Message, Subscription } from "/weir.js";
import { Aircraft, type Departure, type Position } from "./aircraft.js";

/** A first guess of how fast aircraft cross the unit square, per millisecond; measured from then on. */
const firstSpeed = 3.4e-7;

/** What the map shows: the subscription's view, and for a moment what has just left it. */
export class Fleet {
  /** In the view. */
  readonly present = new Map<string, Aircraft>();
  /** Fading away. */
  readonly departing = new Set<Aircraft>();
  /** Counts changes of `present`'s keys. */
  changes = 0;
  private speed = firstSpeed;

  /** @param still whether things appear and go at once */
  constructor(subscription: Subscription<Position>, private readonly still: () => boolean) {
    subscription.on("enter", (m) => this.entered(m));
    subscription.on("update", (m) => this.updated(m));
    subscription.on("leave", (m) => this.left(m.key, m.tombstone ? "landed" : "left"));
  }

  get(key: string): Aircraft | undefined {
    return this.present.get(key);
  }

  /** Forgets what has faded away. */
  sweep(now: number): void {
    for (const a of this.departing) if (a.gone(now)) this.departing.delete(a);
  }

  private entered(m: Message<Position>): void {
    const now = performance.now();
    for (const a of this.departing) if (a.key === m.key) this.departing.delete(a);
    this.present.set(m.key, new Aircraft(m.key, m.data, m.offset, this.speed, now, !this.still()));
    this.changes++;
  }

  private updated(m: Message<Position>): void {
    const known = this.present.get(m.key);
    if (!known) {
      this.entered(m);
      return;
    }
    known.moved(m.data, m.offset, performance.now());
    this.speed += 0.01 * (known.motion.speed - this.speed);
  }

  private left(key: string, why: Departure): void {
    const known = this.present.get(key);
    if (!known) return;
    this.present.delete(key);
    this.changes++;
    if (this.still()) return;
    known.goes(why, performance.now());
    this.departing.add(known);
  }
}
