import { worldX, worldY, type World } from "./mercator.js";

/** Where flights begin and end. */
export interface Airport extends World {
  readonly code: string;
  readonly city: string;
  readonly lon: number;
  readonly lat: number;
}

type Row = [code: string, city: string, state: string, lon: number, lat: number, flights: number];

/** By code; the busiest first. */
export type Airports = ReadonlyMap<string, Airport>;

export async function loadAirports(url: string): Promise<Airports> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const rows = (await response.json()) as Row[];
  return new Map(
    rows.map(([code, city, state, lon, lat]) => [
      code,
      { code, city: `${city}, ${state}`, lon, lat, x: worldX(lon), y: worldY(lat) },
    ]),
  );
}
