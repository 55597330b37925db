// Routing keys: filters/ABI.md, "Functions".

import { begin, finish, putU64, size } from "./output";
import { Bytes } from "./types";

/** Stands for all: an event that concerns every group, a group that is to be asked about every event. */
export const ANY_KEY: u64 = 0;

/** Most routing keys of an event or a group. */
const MOST: u32 = 64;

/** Puts a routing key. More than 64 for an event or a group stand for all. */
export function putKey(key: u64): void {
  putU64(key);
}

/** A routing key for a text, such as a name or a topic, the same in every SDK: FNV-1a with 64 bits. */
export function routingKey(text: Bytes): u64 {
  let hash: u64 = 0xcbf29ce484222325;
  for (let i: u32 = 0; i < text.length; i++) hash = (hash ^ load<u8>(text.at + i)) * 0x100000001b3;
  return hash;
}

/** Makes the result of a call that has put keys. */
export function finishKeys(): u64 {
  if (size() > 8 * MOST) {
    begin();
    putKey(ANY_KEY);
  }
  return finish(true);
}
