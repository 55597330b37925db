import type { Clock } from "../src/clock.js";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time that stands still until a test moves it, and chance that is always the same. */
export class FakeClock implements Clock {
  /** What `random` returns. */
  chance = 0.5;
  private time = 0;
  private timers = new Set<Timer>();

  now(): number {
    return this.time;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  random(): number {
    return this.chance;
  }

  /** How long until the next timer; undefined if there is none. */
  get untilNext(): number | undefined {
    const times = [...this.timers].map((timer) => timer.at - this.time);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Moves time, running the timers that fall due, and everything that they set off. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const due = [...this.timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.time = Math.max(this.time, due.at);
      this.timers.delete(due);
      due.run();
    }
    this.time = end;
    await settle();
  }
}

/** Lets every promise that can be settled be settled: a macrotask comes after all microtasks. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
