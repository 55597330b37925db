import type { WeirError } from "../error.js";
import type { Cursor } from "./message.js";

/** What a filter, or all of a subscription together, say about an event. */
export type Verdict = "match" | "held" | "failed";

/** Why a subscription got an event or did not: what its filters say about it, asked once more. */
export interface Explanation {
  readonly channel: string;
  readonly cursor: Cursor;
  readonly time: Date;
  /** On a state channel, the event's key; else "". */
  readonly key: string;
  /** The event deletes its key: whoever is shown it is told that it leaves, and no filter is asked. */
  readonly tombstone: boolean;
  /** Of all filters together, the failure policy included. Undefined for a tombstone. */
  readonly verdict: Verdict | undefined;
  /** Those that must let the event through, those that the token pins first. */
  readonly filters: readonly FilterExplanation[];
  /** What the subscription gets of a match: parsed if it is JSON, else text; undefined if it gets nothing. */
  readonly shown: unknown;
  /** Whether the subscription has been told of the event, or that it was held back. If not, its batch is to come. */
  readonly past: boolean;
  /** What happens to events that a filter fails on. */
  readonly onFilterFailure: "closed" | "open" | "last-good" | (string & {});
}

/** What one filter says. */
export interface FilterExplanation {
  readonly name: string;
  /** The version that was live when the event was decided, or the one that the subscription names. */
  readonly version: number;
  /** The version that serves the subscription now, where that is another. */
  readonly servesNow: number | undefined;
  /** As they were given: parsed if they are JSON, else text. */
  readonly params: unknown;
  /** The token pins it. */
  readonly pinned: boolean;
  readonly canary: boolean;
  /** It is paused, and was not asked. */
  readonly paused: boolean;
  readonly verdict: Verdict;
  /** Why it failed. */
  readonly error: WeirError | undefined;
  /** Routing keys in hexadecimal, where the filter has such: the event's, those wanted, and those in common. */
  readonly keys: { readonly event: readonly string[]; readonly interest: readonly string[]; readonly shared: readonly string[] } | undefined;
  /** Fuel that was used: by checking the params, the verdict, what is shown, the keys. */
  readonly fuel: { readonly prepare: number; readonly match: number; readonly project: number; readonly keys: number };
  /** What the filter said meanwhile. */
  readonly log: readonly string[];
  /** What decides where the filter fails, if another version does. */
  readonly fallback: FilterExplanation | undefined;
}
