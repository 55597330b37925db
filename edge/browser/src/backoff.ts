import type { Clock } from "./clock.js";

/** Bound of the first wait, in milliseconds. */
const first = 250;
/** Bound of every wait, in milliseconds: a relay that is back should be found within seconds. */
const longest = 15_000;

/** Waits that grow with each failure and are spread at random, so that many clients do not come back at once. */
export class Backoff {
  private failures = 0;

  constructor(private readonly clock: Clock) {}

  /**
   * How long to wait before the next attempt, in milliseconds.
   *
   * @param atLeastMs - what the relay asked for; up to half as much is added.
   */
  next(atLeastMs = 0): number {
    const bound = Math.min(longest, first * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 16);
    const chance = this.clock.random();
    return Math.max(chance * bound, atLeastMs * (1 + chance / 2));
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.failures = 0;
  }
}
