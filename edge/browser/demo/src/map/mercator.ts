/** Web Mercator on the unit square: x from 0 at 180° west to 1 at 180° east, y from 0 in the north to 1 in the south. */

/** A place on the unit square. */
export interface World {
  readonly x: number;
  readonly y: number;
}

/** A box of longitudes and latitudes, in degrees; the params of the viewport filter. */
export interface Bounds {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

export function worldX(lon: number): number {
  return (lon + 180) / 360;
}

export function worldY(lat: number): number {
  const sin = Math.sin((lat * Math.PI) / 180);
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
}

export function lonOf(x: number): number {
  return x * 360 - 180;
}

export function latOf(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** Rounded to 4 decimals, 11 m: as exact as the positions are. */
export function roundBounds(b: Bounds): Bounds {
  const round = (degrees: number) => Math.round(degrees * 1e4) / 1e4;
  return { west: round(b.west), south: round(b.south), east: round(b.east), north: round(b.north) };
}
