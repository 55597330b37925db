import type { Camera } from "./camera.js";
import { worldX, worldY } from "./mercator.js";
import type { Airport } from "./airports.js";

/** Points of a great circle as it is drawn. */
const points = 48;

const radians = Math.PI / 180;

/** Draws the great circle between two airports. */
export function drawRoute(
  context: CanvasRenderingContext2D, camera: Camera, colour: string, from: Airport, to: Airport,
): void {
  const a = vector(from);
  const b = vector(to);
  const angle = Math.acos(Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  if (angle === 0) return;
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.setLineDash([2, 5]);
  context.lineCap = "round";
  context.beginPath();
  for (let i = 0; i <= points; i++) {
    const p = Math.sin((1 - i / points) * angle) / Math.sin(angle);
    const q = Math.sin((i / points) * angle) / Math.sin(angle);
    const [x, y, z] = [p * a[0] + q * b[0], p * a[1] + q * b[1], p * a[2] + q * b[2]];
    const lon = Math.atan2(y, x) / radians;
    const lat = Math.atan2(z, Math.hypot(x, y)) / radians;
    context.lineTo(camera.screenX(worldX(lon)), camera.screenY(worldY(lat)));
  }
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colour;
  for (const end of [from, to]) {
    context.beginPath();
    context.arc(camera.screenX(end.x), camera.screenY(end.y), 3.5, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}

function vector(a: Airport): [number, number, number] {
  const cos = Math.cos(a.lat * radians);
  return [cos * Math.cos(a.lon * radians), cos * Math.sin(a.lon * radians), Math.sin(a.lat * radians)];
}
