import assert from "node:assert/strict";
import { test } from "node:test";
import { Verdict } from "../src/codec/gen/weir/v1/session_pb.js";
import { settle } from "./clock.js";
import { at, Bench, epoch } from "./relay.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const code = (promise: Promise<unknown>) => promise.then(() => "resolved", (error: { code: string }) => error.code);

/** A subscription, and the relay's end of it. */
async function open(explain = true) {
  const bench = new Bench();
  await settle();
  const peer = bench.peer;
  peer.expect("hello");
  peer.welcome({ explain });
  const subscription = bench.client.subscribe("chat", { filter: "expr", params: "late > 60" }, () => {});
  peer.expect("subscribe");
  return { bench, peer, subscription };
}

test("an explanation arrives with its types", async () => {
  const { peer, subscription } = await open();
  const asked = subscription.explain({ epoch, offset: 7 });
  await settle();
  const request = peer.expect("explain");
  assert.deepEqual([request.subscription, request.event?.epoch, request.event?.offset], [1, BigInt(epoch), 7n]);
  peer.say("explained", {
    request: request.request,
    explanation: {
      channel: "chat", event: at(7), timeMs: BigInt(epoch), verdict: Verdict.MATCH, shown: bytes('{"late":70}'), past: true, onFilterFailure: "closed",
      filters: [
        { name: "pin", version: 1, params: bytes('{"a":1}'), pinned: true, verdict: Verdict.MATCH, keyed: true, eventKeys: [255n], interest: [255n], sharedKeys: [255n] },
        {
          name: "expr", version: 2, servesNow: 3, params: bytes("late > 60"), verdict: Verdict.FAILED, matchFuel: 40n, log: ["hm"],
          fault: { code: "filter_failed", message: "it trapped" }, fallback: { name: "expr", version: 1, verdict: Verdict.MATCH },
        },
      ],
    },
  });
  const { time, filters, ...rest } = await asked;
  assert.equal(time.getTime(), epoch);
  assert.deepEqual(rest, {
    channel: "chat", cursor: { epoch, offset: 7 }, key: "", tombstone: false, verdict: "match", shown: { late: 70 }, past: true, onFilterFailure: "closed",
  });
  assert.deepEqual([filters[0]?.pinned, filters[0]?.params, filters[0]?.keys?.shared, filters[0]?.servesNow], [true, { a: 1 }, ["0xff"], undefined]);
  const failed = filters[1]!;
  assert.deepEqual(
    [failed.verdict, failed.error?.code, failed.params, failed.fuel.match, failed.log, failed.servesNow, failed.keys, failed.fallback?.verdict],
    ["failed", "filter_failed", "late > 60", 40, ["hm"], 3, undefined, "match"],
  );
});

test("a relay that does not offer it is not asked", async () => {
  const { peer, subscription } = await open(false);
  await assert.rejects(subscription.explain({ epoch, offset: 1 }), { code: "permission_denied", hint: /explain/ });
  assert.deepEqual(peer.pending, []);
});

test("what the relay refuses rejects", async () => {
  const { peer, subscription } = await open();
  const asked = code(subscription.explain({ epoch, offset: 1 }));
  await settle();
  peer.say("explained", { request: peer.expect("explain").request, fault: { code: "not_found", message: "gone" } });
  assert.equal(await asked, "not_found");
});

test("a lost session rejects, and the next one can be asked", async () => {
  const { bench, peer, subscription } = await open();
  const asked = code(subscription.explain({ epoch, offset: 1 }));
  await settle();
  peer.expect("explain");
  peer.break();
  assert.equal(await asked, "connection_lost");
  assert.equal(await code(subscription.explain({ epoch, offset: 1 })), "unavailable");
  bench.client.close();
  assert.equal(await code(subscription.explain({ epoch, offset: 1 })), "closed");
});

test("a cursor that is none is refused, and so is an answer to nothing", async () => {
  const { peer, subscription } = await open();
  assert.equal(await code(subscription.explain({ epoch, offset: -1 })), "invalid_argument");
  peer.say("explained", { request: 99 });
  assert.ok(peer.closed);
});
