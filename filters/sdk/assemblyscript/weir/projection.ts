// A filter that changes what groups are shown exports all of this file too.

import { begin, finish } from "./output";
import { Bytes, Event } from "./types";
import { projector } from "./filter";

export function weir_project(event: usize, _size: u32, prepared: usize, preparedSize: u32): u64 {
  __collect();
  begin();
  return finish(projector(changetype<Event>(event), new Bytes(prepared, preparedSize)));
}
