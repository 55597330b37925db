import type { Airports } from "./airports.js";
import type { Camera } from "./camera.js";
import type { Outlines } from "./outlines.js";
import type { Palette } from "./palette.js";

/** From this scale on (pixels per unit of the world) airports are dots; labels need a little more. */
const airportScale = 256 * 2 ** 3;
const labelScale = 256 * 2 ** 3.6;

/** Draws land, borders and airports: what changes only when the camera does. */
export function drawBasemap(
  context: CanvasRenderingContext2D, ratio: number, camera: Camera, palette: Palette,
  outlines: Outlines | undefined, airports: Airports,
): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = palette.water;
  context.fillRect(0, 0, camera.width, camera.height);
  if (outlines) drawLand(context, ratio, camera, palette, outlines);
  if (camera.scale >= airportScale) drawAirports(context, ratio, camera, palette, airports);
}

function drawLand(
  context: CanvasRenderingContext2D, ratio: number, camera: Camera, palette: Palette, outlines: Outlines,
): void {
  const s = camera.scale * ratio;
  context.setTransform(s, 0, 0, s, camera.screenX(0) * ratio, camera.screenY(0) * ratio);
  context.lineJoin = "round";
  context.fillStyle = palette.neighbours;
  context.strokeStyle = palette.states;
  context.lineWidth = 0.75 / camera.scale;
  context.fill(outlines.neighbours);
  context.stroke(outlines.neighbours);
  context.fillStyle = palette.homeland;
  context.fill(outlines.homeland);
  context.stroke(outlines.states);
  context.lineWidth = 1 / camera.scale;
  context.stroke(outlines.homeland);
}

function drawAirports(
  context: CanvasRenderingContext2D, ratio: number, camera: Camera, palette: Palette, airports: Airports,
): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = "600 10px ui-sans-serif, system-ui, sans-serif";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = palette.halo;
  const taken: Array<readonly [number, number]> = [];
  for (const a of airports.values()) {
    const x = camera.screenX(a.x);
    const y = camera.screenY(a.y);
    if (x < -30 || y < -10 || x > camera.width + 10 || y > camera.height + 10) continue;
    context.fillStyle = palette.airport;
    context.beginPath();
    context.arc(x, y, 2, 0, 2 * Math.PI);
    context.fill();
    // The busiest come first, so they are the ones that get a label where there is no room for all.
    if (camera.scale < labelScale || taken.some(([tx, ty]) => Math.abs(tx - x) < 34 && Math.abs(ty - y) < 14)) continue;
    taken.push([x, y]);
    context.strokeText(a.code, x + 5, y);
    context.fillStyle = palette.label;
    context.fillText(a.code, x + 5, y);
  }
}
