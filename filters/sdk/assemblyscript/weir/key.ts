// Routing keys: filters/ABI.md, "Functions".

import { putU64 } from "./output";
import { Bytes } from "./types";

/** Stands for all: an event that concerns every group, a group that is to be asked about every event. */
export const ANY_KEY: u64 = 0;

/** Puts a routing key. An event and a group have at most 64 each. */
export function putKey(key: u64): void {
  putU64(key);
}

/** A routing key for a text, such as a name or a topic, the same in every SDK: FNV-1a with 64 bits, and 1 for 0. */
export function routingKey(text: Bytes): u64 {
  let hash: u64 = 0xcbf29ce484222325;
  for (let i: u32 = 0; i < text.length; i++) hash = (hash ^ load<u8>(text.at + i)) * 0x100000001b3;
  return hash == ANY_KEY ? 1 : hash;
}
