import { worldX, worldY } from "./mercator.js";

/** What the map draws below the aircraft, as paths on the unit square of the Mercator projection. */
export interface Outlines {
  /** The neighbours' land, to be filled. */
  readonly neighbours: Path2D;
  /** The United States' land, to be filled. */
  readonly homeland: Path2D;
  /** Borders between states, to be stroked. */
  readonly states: Path2D;
}

/** Coordinates in outlines.bin are hundredths of a degree. */
const scale = 100;

/** Loads outlines.bin: three layers of lines, see deploy/demo/internal/pack. */
export async function loadOutlines(url: string): Promise<Outlines> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const reader = new Varints(new Uint8Array(await response.arrayBuffer()));
  return { neighbours: layer(reader, true), homeland: layer(reader, true), states: layer(reader, false) };
}

function layer(reader: Varints, closed: boolean): Path2D {
  const path = new Path2D();
  for (let lines = reader.unsigned(); lines > 0; lines--) {
    let lon = 0;
    let lat = 0;
    const points = reader.unsigned();
    for (let i = 0; i < points; i++) {
      lon += reader.signed();
      lat += reader.signed();
      const x = worldX(lon / scale);
      const y = worldY(lat / scale);
      if (i === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    if (closed) path.closePath();
  }
  return path;
}

/** Reads the variable-length integers of Protocol Buffers: 7 bits a byte, signed ones zigzag. */
class Varints {
  private next = 0;

  constructor(private readonly bytes: Uint8Array) {}

  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.bytes[this.next++];
      if (byte === undefined) throw new Error("the outlines are cut off");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error("the outlines are malformed");
  }

  signed(): number {
    const n = this.unsigned();
    return (n >>> 1) ^ -(n & 1);
  }
}
