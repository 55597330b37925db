// What a filter says it is.

import { Bytes, Event, Groups, Verdicts } from "./types";

/** Checks and parses a subscriber's params, once, and puts whatever decide wants to have of them. False, from refuse(),
 * refuses the subscription with that text. */
type Prepare = (params: Bytes) => bool;

/** Decides about one event for all groups, with verdicts.allow. */
type Decide = (event: Event, groups: Groups, verdicts: Verdicts) => void;

/** Puts the payload that a group is shown. */
type Project = (event: Event, prepared: Bytes) => bool;

/** Puts the routing keys of an event, with putKey. */
type Keys = (event: Event) => void;

/** Puts the routing keys that a group wants, with putKey. */
type Interest = (prepared: Bytes) => void;

export let preparer: Prepare = (_params: Bytes): bool => true;
export let decider: Decide = (_event: Event, _groups: Groups, _verdicts: Verdicts): void => {};
export let projector: Project = (_event: Event, _prepared: Bytes): bool => true;
export let keyer: Keys = (_event: Event): void => {};
export let wanter: Interest = (_prepared: Bytes): void => {};

/** Says which functions are the filter. Call it once, outside of functions. */
export function filter(prepare: Prepare, decide: Decide): void {
  preparer = prepare;
  decider = decide;
}

/** Says which function makes what groups are shown. */
export function projects(project: Project): void {
  projector = project;
}

/** Says which functions tell who may want an event at all. Where decide would allow an event to a group, they must have put a
 * key in common, or one of them ANY_KEY; a host may then ask decide about few groups of many. */
export function routes(keys: Keys, interest: Interest): void {
  keyer = keys;
  wanter = interest;
}
