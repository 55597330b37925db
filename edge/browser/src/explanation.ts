import type { Explanation, FilterExplanation, Verdict } from "./api/explanation.js";
import { type Explanation as WireExplanation, type FilterExplanation as WireFilter, Verdict as WireVerdict } from "./codec/gen/weir/v1/session_pb.js";
import { fromWire } from "./cursor.js";
import { WeirError } from "./error.js";
import { errorOf } from "./fault.js";
import { toNumber } from "./integer.js";

const verdicts = new Map<WireVerdict, Verdict>([
  [WireVerdict.MATCH, "match"], [WireVerdict.HELD, "held"], [WireVerdict.FAILED, "failed"],
]);

/** An explanation as applications see it. */
export function explanationOf(wire: WireExplanation): Explanation {
  if (wire.event === undefined) throw new WeirError("frame_malformed", "the relay sent an explanation of no event");
  return {
    channel: wire.channel,
    cursor: fromWire(wire.event),
    time: new Date(Number(wire.timeMs)),
    key: wire.key,
    tombstone: wire.tombstone,
    verdict: verdicts.get(wire.verdict),
    filters: wire.filters.map(filterExplanationOf),
    shown: wire.verdict === WireVerdict.MATCH ? readable(wire.shown) : undefined,
    past: wire.past,
    onFilterFailure: wire.onFilterFailure,
  };
}

function filterExplanationOf(wire: WireFilter): FilterExplanation {
  return {
    name: wire.name,
    version: wire.version,
    servesNow: wire.servesNow || undefined,
    params: readable(wire.params),
    pinned: wire.pinned,
    canary: wire.canary,
    paused: wire.paused,
    verdict: verdicts.get(wire.verdict) ?? "failed",
    error: wire.fault && errorOf(wire.fault),
    keys: wire.keyed ? { event: hex(wire.eventKeys), interest: hex(wire.interest), shared: hex(wire.sharedKeys) } : undefined,
    fuel: {
      prepare: toNumber(wire.prepareFuel, "fuel"), match: toNumber(wire.matchFuel, "fuel"),
      project: toNumber(wire.projectFuel, "fuel"), keys: toNumber(wire.keysFuel, "fuel"),
    },
    log: wire.log,
    fallback: wire.fallback && filterExplanationOf(wire.fallback),
  };
}

const hex = (keys: readonly bigint[]) => keys.map((key) => `0x${key.toString(16)}`);

/** JSON parsed, anything else as text: for people to read. */
function readable(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
