import type { Cursor } from "./api/message.js";
import type { Cursor as WireCursor } from "./codec/gen/weir/v1/event_pb.js";
import { WeirError } from "./error.js";
import { toNumber } from "./integer.js";

/** A cursor as applications see it. */
export function fromWire(cursor: WireCursor): Cursor {
  return { epoch: toNumber(cursor.epoch, "an epoch"), offset: toNumber(cursor.offset, "an offset") };
}

/** A cursor as it travels. */
export function toWire(cursor: Cursor): { epoch: bigint; offset: bigint } {
  return { epoch: BigInt(cursor.epoch), offset: BigInt(cursor.offset) };
}

/** @throws {@link WeirError} `invalid_argument` if an application's cursor is none. */
export function checkCursor(cursor: Cursor): Cursor {
  for (const part of [cursor?.epoch, cursor?.offset]) {
    if (Number.isSafeInteger(part) && part >= 0) continue;
    throw new WeirError("invalid_argument", "a cursor is made of two whole numbers, epoch and offset", {
      hint: "give a subscription's cursor, or \"earliest\"",
    });
  }
  return { epoch: cursor.epoch, offset: cursor.offset };
}
