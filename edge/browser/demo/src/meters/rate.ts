/** How fast a counter grows: over the last few seconds, so that the number can be read. */
export class Rate {
  private readonly history: Array<{ readonly at: number; readonly value: number }> = [];

  /** @param spanMs over how long */
  constructor(private readonly spanMs: number) {}

  /** Takes the counter's value; `at` in milliseconds. A counter that falls has begun anew. */
  observe(value: number, at: number): void {
    const last = this.history.at(-1);
    if (last && value < last.value) this.history.length = 0;
    this.history.push({ at, value });
    while (this.history.length > 2 && at - (this.history[1]?.at ?? at) >= this.spanMs) this.history.shift();
  }

  /** Per second. Undefined before there are two values. */
  get perSecond(): number | undefined {
    const first = this.history[0];
    const last = this.history.at(-1);
    if (!first || !last || last.at <= first.at) return undefined;
    return ((last.value - first.value) * 1000) / (last.at - first.at);
  }

  reset(): void {
    this.history.length = 0;
  }
}
