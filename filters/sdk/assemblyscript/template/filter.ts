// NAME: lets through the events whose field "delay" is at least what the subscriber asks for: {"min":60}.

import { Bytes, Event, Groups, Verdicts, filter, find, putF64, refuse, values } from "./weir";

export * from "./weir/abi";

const minPath: StaticArray<Bytes> = [Bytes.of("min")];
const delayPath: StaticArray<Bytes> = [Bytes.of("delay")];
const found = values(1);

/** Checks a subscriber's params, once. What is put here, decide finds in the subscriber's group. */
function prepare(params: Bytes): bool {
  find(params, minPath, found);
  const min = found[0].number; // NaN if it is none
  if (isNaN(min)) return refuse('params must be like {"min":60}');
  putF64(min);
  return true;
}

/** Decides about one event for all groups of subscribers. */
function decide(event: Event, groups: Groups, verdicts: Verdicts): void {
  find(event.payload, delayPath, found);
  const delay = found[0].number;
  // Nobody gets an event without a delay: NaN is not greater than anything.
  for (let i: u32 = 0; i < groups.length; i++) {
    if (delay >= load<f64>(groups.at(i))) verdicts.allow(i);
  }
}

// Last, as it needs all that stands above.
filter(prepare, decide);
