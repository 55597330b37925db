// A filter that tells who may want an event exports all of this file too.

import { begin, finish } from "./output";
import { Bytes, Event } from "./types";
import { keyer, wanter } from "./filter";

export function weir_keys(event: usize, _size: u32): u64 {
  __collect();
  begin();
  keyer(changetype<Event>(event));
  return finish(true);
}

export function weir_interest(prepared: usize, preparedSize: u32): u64 {
  __collect();
  begin();
  wanter(new Bytes(prepared, preparedSize));
  return finish(true);
}
