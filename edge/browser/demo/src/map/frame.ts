import type { Camera } from "./camera.js";
import { worldX, worldY, type Bounds } from "./mercator.js";
import type { Palette } from "./palette.js";

/** How fast the drawn box follows the one that holds, per millisecond. */
const following = 0.012;

/** The box that the browser receives, drawn where the server holds it: while the map moves, it catches up. */
export class Frame {
  private shown: [west: number, north: number, east: number, south: number] | undefined;
  private goal: [number, number, number, number] = [0, 0, 1, 1];

  /** The subscription holds to this box from now on. */
  holds(b: Bounds): void {
    this.goal = [worldX(b.west), worldY(b.north), worldX(b.east), worldY(b.south)];
  }

  draw(context: CanvasRenderingContext2D, camera: Camera, palette: Palette, elapsed: number, still: boolean): void {
    const part = still || !this.shown ? 1 : 1 - Math.exp(-following * elapsed);
    const from = this.shown ?? this.goal;
    this.shown = this.goal.map((g, i) => (from[i] ?? g) + part * (g - (from[i] ?? g))) as typeof this.goal;
    const [west, north, east, south] = this.shown;
    const x = camera.screenX(west);
    const y = camera.screenY(north);
    const width = camera.screenX(east) - x;
    const height = camera.screenY(south) - y;

    context.fillStyle = palette.outside;
    context.beginPath();
    context.rect(0, 0, camera.width, camera.height);
    context.roundRect(x, y, width, height, corner);
    context.fill("evenodd");

    context.strokeStyle = palette.frame;
    context.lineWidth = 1.5;
    context.setLineDash([7, 6]);
    context.beginPath();
    context.roundRect(x, y, width, height, corner);
    context.stroke();
    context.setLineDash([]);
  }
}

/** Radius of the box' corners, in pixels. */
const corner = 6;
