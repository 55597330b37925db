/** How many seconds are shown, and the size of the drawing in its own units. */
const seconds = 60;
const height = 36;

/** Two areas over time: what there was, and what came here. */
export class Spark {
  private readonly hub: number[] = [];
  private readonly here: number[] = [];

  constructor(private readonly svg: Element) {}

  add(hub: number, here: number): void {
    for (const [series, value] of [[this.hub, hub], [this.here, here]] as const) {
      series.push(value);
      if (series.length > seconds) series.shift();
    }
    const top = Math.max(1, ...this.hub, ...this.here) * 1.08;
    this.svg.querySelector("path.hub")?.setAttribute("d", area(this.hub, top));
    this.svg.querySelector("path.here")?.setAttribute("d", area(this.here, top));
  }
}

function area(values: readonly number[], top: number): string {
  const first = seconds - values.length;
  const points = values.map((v, i) => `${first + i + 1} ${(height - (v / top) * height).toFixed(2)}`);
  return `M${first} ${height}L${first} ${points[0]?.split(" ")[1] ?? height}L${points.join("L")}L${seconds} ${height}Z`;
}
