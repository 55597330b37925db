// A filter that tells who may want an event exports all of this file too.

import { begin } from "./output";
import { Bytes, Event } from "./types";
import { keyer, wanter } from "./filter";
import { finishKeys } from "./key";

export function weir_keys(event: usize, _size: u32): u64 {
  __collect();
  begin();
  keyer(changetype<Event>(event));
  return finishKeys();
}

export function weir_interest(prepared: usize, preparedSize: u32): u64 {
  __collect();
  begin();
  wanter(new Bytes(prepared, preparedSize));
  return finishKeys();
}
