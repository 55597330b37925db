import type { Aircraft } from "../flights/aircraft.js";
import { lateness } from "../flights/aircraft.js";
import type { Camera } from "./camera.js";
import type { Palette } from "./palette.js";

/** A tail fades in so many steps; each step of each colour is one path, however many aircraft there are. */
const steps = 4;
const opacityOfNewest = 0.5;

/** Draws where the aircraft have come from. */
export class Tails {
  private readonly paths: Path2D[][] = [];

  draw(context: CanvasRenderingContext2D, camera: Camera, palette: Palette, aircraft: Iterable<Aircraft>, now: number): void {
    for (let c = 0; c < palette.aircraft.length; c++) {
      this.paths[c] = Array.from({ length: steps }, () => new Path2D());
    }
    for (const a of aircraft) this.add(a, camera, now);
    context.lineWidth = 1.5;
    context.lineCap = "round";
    this.paths.forEach((ofColour, c) => {
      context.strokeStyle = palette.aircraft[c] ?? "";
      ofColour.forEach((path, step) => {
        context.globalAlpha = opacityOfNewest * ((step + 1) / steps) ** 2;
        context.stroke(path);
      });
    });
    context.globalAlpha = 1;
  }

  private add(a: Aircraft, camera: Camera, now: number): void {
    const { tail } = a;
    const points = tail.length / 2;
    const paths = this.paths[lateness(a.position.delay)];
    if (points < 1 || !paths || a.departure) return;
    for (let i = 0; i < points; i++) {
      const path = paths[Math.floor((i * steps) / points)];
      const last = i + 1 === points;
      path?.moveTo(camera.screenX(tail[2 * i] ?? 0), camera.screenY(tail[2 * i + 1] ?? 0));
      path?.lineTo(
        camera.screenX(last ? a.motion.shownX(now) : (tail[2 * i + 2] ?? 0)),
        camera.screenY(last ? a.motion.shownY(now) : (tail[2 * i + 3] ?? 0)),
      );
    }
  }
}
