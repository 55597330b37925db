import { lateness, type Aircraft } from "../flights/aircraft.js";
import type { Fleet } from "../flights/fleet.js";
import type { Airports } from "./airports.js";
import { drawBasemap } from "./basemap.js";
import type { Camera } from "./camera.js";
import { Frame } from "./frame.js";
import type { Outlines } from "./outlines.js";
import { readPalette, type Palette } from "./palette.js";
import { drawRoute } from "./route.js";
import { Sprites } from "./sprites.js";
import { Tails } from "./tails.js";

/** Sharper than this nobody sees, but every pixel costs. */
const maxRatio = 2;

/** How close to an aircraft a click must be, in pixels. */
const reach = 22;

/** Draws the map: the land on one canvas, whenever the camera moves; aircraft and frame on another, in every frame. */
export class FlightMap {
  readonly frame = new Frame();
  outlines: Outlines | undefined;
  selected: string | undefined;
  private palette: Palette;
  private readonly sprites = new Sprites();
  private readonly tails = new Tails();
  private stale = true;
  private last = 0;
  private ratio = 1;

  constructor(
    private readonly base: HTMLCanvasElement, private readonly top: HTMLCanvasElement, private readonly camera: Camera,
    private readonly fleet: Fleet, private readonly airports: Airports, private readonly still: () => boolean,
  ) {
    this.palette = readPalette(document.body);
    requestAnimationFrame((now) => this.tick(now));
  }

  /** The camera has moved, or the outlines have come. */
  invalidate(): void {
    this.stale = true;
  }

  /** The theme has changed. */
  recolour(): void {
    this.palette = readPalette(document.body);
    this.stale = true;
  }

  resize(width: number, height: number): void {
    this.ratio = Math.min(maxRatio, devicePixelRatio || 1);
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    this.camera.resize(width, height);
  }

  /** The aircraft next to a pixel, if one is close enough. */
  nearest(x: number, y: number): Aircraft | undefined {
    const now = performance.now();
    let found: Aircraft | undefined;
    let closest = reach;
    for (const a of this.fleet.present.values()) {
      const away = Math.hypot(
        this.camera.screenX(a.motion.shownX(now)) - x, this.camera.screenY(a.motion.shownY(now)) - y,
      );
      if (away < closest) [found, closest] = [a, away];
    }
    return found;
  }

  private tick(now: number): void {
    requestAnimationFrame((next) => this.tick(next));
    if (this.top.width < 2 || this.top.offsetParent === null) return; // not to be seen
    if (this.stale) {
      this.stale = false;
      const context = this.base.getContext("2d");
      if (context) drawBasemap(context, this.ratio, this.camera, this.palette, this.outlines, this.airports);
    }
    const context = this.top.getContext("2d");
    if (context) this.drawTop(context, now);
    this.last = now;
  }

  private drawTop(context: CanvasRenderingContext2D, now: number): void {
    const { camera, palette } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    this.frame.draw(context, camera, palette, now - this.last, this.still());
    this.fleet.sweep(now);
    this.tails.draw(context, camera, palette, this.fleet.present.values(), now);
    this.drawRoute(context);
    this.sprites.prepare(palette, this.radius(), this.ratio);
    for (const a of this.fleet.departing) this.drawAircraft(context, a, now);
    for (const a of this.fleet.present.values()) this.drawAircraft(context, a, now);
    context.globalAlpha = 1;
    this.drawRing(context, now);
  }

  private drawAircraft(context: CanvasRenderingContext2D, a: Aircraft, now: number): void {
    const x = this.camera.screenX(a.motion.shownX(now));
    const y = this.camera.screenY(a.motion.shownY(now));
    if (x < -20 || y < -20 || x > this.camera.width + 20 || y > this.camera.height + 20) return;
    context.globalAlpha = a.opacity(now);
    this.sprites.stamp(context, lateness(a.position.delay), a.position.heading, x, y, this.ratio);
  }

  private get chosen(): Aircraft | undefined {
    return this.selected === undefined ? undefined : this.fleet.get(this.selected);
  }

  private drawRoute(context: CanvasRenderingContext2D): void {
    const a = this.chosen;
    if (!a) return;
    const from = this.airports.get(a.position.origin);
    const to = this.airports.get(a.position.destination);
    if (from && to) drawRoute(context, this.camera, this.palette.route, from, to);
  }

  private drawRing(context: CanvasRenderingContext2D, now: number): void {
    const a = this.chosen;
    if (!a) return;
    context.strokeStyle = this.palette.route;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(
      this.camera.screenX(a.motion.shownX(now)), this.camera.screenY(a.motion.shownY(now)), this.radius() + 7, 0, 2 * Math.PI,
    );
    context.stroke();
  }

  /** Of an aircraft, in pixels: larger the closer one looks. */
  private radius(): number {
    const zoom = Math.log2(this.camera.scale / 256);
    return Math.round(Math.min(14, Math.max(5, 2.2 * zoom - 1), Math.max(7, this.camera.width / 80)));
  }
}
