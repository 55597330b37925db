/** The last so many values, and how they are distributed. */
export class Sample {
  private readonly values: number[] = [];
  private next = 0;

  /** @param size how many values are remembered */
  constructor(private readonly size: number) {}

  add(value: number): void {
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.size;
  }

  get count(): number {
    return this.values.length;
  }

  /** The values below which the given parts of all lie: 0.5 is the median. Undefined before there is a value. */
  quantiles(...parts: number[]): number[] | undefined {
    if (this.values.length === 0) return undefined;
    const sorted = [...this.values].sort((a, b) => a - b);
    return parts.map((p) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0);
  }
}
