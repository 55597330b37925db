import { WeirError } from "./error.js";

/**
 * An unsigned 64-bit integer of the wire as a number.
 *
 * @throws {@link WeirError} `frame_malformed` beyond 2^53 - 1: no epoch in milliseconds and no offset gets there.
 */
export function toNumber(value: bigint, what: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new WeirError("frame_malformed", `the relay sent ${value} as ${what}`);
}
