import { latOf, lonOf, worldX, worldY, type Bounds, type World } from "./mercator.js";

/** The part of the world that can be looked at: where the flights are. */
const limits: Bounds = { west: -178, south: 8, east: -44, north: 74 };

/** Pixels per unit of the world: from a continent on a phone to a city. */
const minScale = 256 * 2 ** 1.6;
const maxScale = 256 * 2 ** 9.5;

/** Where the map looks: a centre and a scale. Tells one listener of every change. */
export class Camera {
  x = 0.25;
  y = 0.38;
  scale = 1024;
  /** Of the canvas, in CSS pixels. */
  width = 1;
  height = 1;

  constructor(private readonly changed: () => void) {}

  resize(width: number, height: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.changed();
  }

  screenX(x: number): number {
    return (x - this.x) * this.scale + this.width / 2;
  }

  screenY(y: number): number {
    return (y - this.y) * this.scale + this.height / 2;
  }

  /** The place under a pixel. */
  at(px: number, py: number): World {
    return { x: (px - this.width / 2) / this.scale + this.x, y: (py - this.height / 2) / this.scale + this.y };
  }

  /** The box that lies `inset` pixels inside the canvas' edges. */
  bounds(insetX: number, insetY: number): Bounds {
    const nw = this.at(insetX, insetY);
    const se = this.at(this.width - insetX, this.height - insetY);
    return {
      west: Math.max(-180, lonOf(nw.x)),
      north: latOf(nw.y),
      east: Math.min(180, lonOf(se.x)),
      south: latOf(se.y),
    };
  }

  /** Looks at a box so that it fills the canvas but for an inset. */
  fit(b: Bounds, insetX: number, insetY: number): void {
    const [west, east, north, south] = [worldX(b.west), worldX(b.east), worldY(b.north), worldY(b.south)];
    const across = Math.max(1, this.width - 2 * insetX) / (east - west);
    const down = Math.max(1, this.height - 2 * insetY) / (south - north);
    this.moveTo((west + east) / 2, (north + south) / 2, Math.min(across, down));
  }

  /** Shifts the map by pixels, as dragging it does. */
  pan(dx: number, dy: number): void {
    this.moveTo(this.x - dx / this.scale, this.y - dy / this.scale, this.scale);
  }

  /** Scales about a pixel, which stays where it is. */
  zoom(factor: number, px: number, py: number): void {
    const fixed = this.at(px, py);
    const scale = clamp(this.scale * factor, minScale, maxScale);
    this.moveTo(fixed.x - (px - this.width / 2) / scale, fixed.y - (py - this.height / 2) / scale, scale);
  }

  moveTo(x: number, y: number, scale: number): void {
    this.x = clamp(x, worldX(limits.west), worldX(limits.east));
    this.y = clamp(y, worldY(limits.north), worldY(limits.south));
    this.scale = clamp(scale, minScale, maxScale);
    this.changed();
  }
}

function clamp(v: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, v));
}
