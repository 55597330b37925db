// The calls of filters/ABI.md, turned into calls of a filter's functions. A filter exports all of this file.

import { begin, finish } from "./output";
import { Bytes, Event, Groups, Verdicts } from "./types";
import { decider, preparer } from "./filter";

let buffer: usize = 0;
const groups = new Groups();
const verdicts = new Verdicts();

export function weir_abi_1(): void {}

export function weir_buf(size: u32): usize {
  if (buffer != 0) heap.free(buffer);
  buffer = heap.alloc(size);
  return buffer;
}

export function weir_prepare(params: usize, size: u32): u64 {
  __collect();
  begin();
  return finish(preparer(new Bytes(params, size)));
}

export function weir_match(event: usize, _size: u32, set: usize, count: u32, words: usize): u64 {
  __collect();
  groups.set = set;
  groups.length = count;
  verdicts.words = words;
  decider(changetype<Event>(event), groups, verdicts);
  return 0;
}
