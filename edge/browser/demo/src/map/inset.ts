/**
 * How far the box that is subscribed to lies within the map, in pixels. What a browser receives could fill the map; here
 * it is kept smaller, so that one sees aircraft come and go at its border.
 */
export interface Inset {
  readonly x: number;
  readonly y: number;
}

export function insetOf(width: number, height: number): Inset {
  return { x: Math.round(between(width * 0.16, 22, 200)), y: Math.round(between(height * 0.15, 62, 130)) };
}

function between(v: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, v));
}
