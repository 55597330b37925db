/** Variable-length integers as in QUIC (RFC 9000, section 16), up to 2^53 - 1. */

/** How many bytes the integer that begins with this byte takes: 1, 2, 4 or 8. */
export function varintLength(first: number): number {
  return 1 << (first >> 6);
}

/**
 * Reads the integer at `at`, all of whose bytes are there.
 *
 * @returns its value; Infinity where it exceeds 2^53 - 1, which no valid frame needs.
 */
export function readVarint(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  let value = first & 0x3f;
  for (let i = 1; i < varintLength(first); i++) value = value * 256 + bytes[at + i]!;
  return value > Number.MAX_SAFE_INTEGER ? Infinity : value;
}

/** How many bytes `writeVarint` takes for a value below 2^30. */
export function varintSize(value: number): number {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : 4;
}

/** Writes a value below 2^30 in as few bytes as possible; returns the index behind it. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  const size = varintSize(value);
  for (let i = size - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) into[at + i] = rest & 0xff;
  into[at]! |= size === 1 ? 0 : size === 2 ? 0x40 : 0x80;
  return at + size;
}
