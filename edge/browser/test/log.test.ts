import assert from "node:assert/strict";
import { test } from "node:test";
import type { Gap, Message } from "../src/api/message.js";
import { ItemKind, Start } from "../src/codec/gen/weir/v1/session_pb.js";
import { settle } from "./clock.js";
import { at, Bench, epoch, event, type Peer } from "./relay.js";

/** Sends events with these offsets in one batch. */
function say(peer: Peer, subscription: number, offsets: number[], over: object = {}): void {
  peer.say("batch", {
    subscription, cursor: at(offsets.at(-1) ?? 0),
    items: offsets.map((n) => ({ kind: ItemKind.EVENT, event: event(n, `e${n}`) })), ...over,
  });
}

test("where a subscription begins", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  bench.client.subscribe("a", () => {});
  bench.client.subscribe("b", { since: "earliest" }, () => {});
  bench.client.subscribe("c", { since: { epoch, offset: 7 } }, () => {});
  assert.equal(peer.expect("subscribe").start, Start.LIVE);
  assert.equal(peer.expect("subscribe").start, Start.EARLIEST);
  const third = peer.expect("subscribe");
  assert.equal(third.start, Start.CURSOR);
  assert.equal(third.cursor?.offset, 7n);
  assert.equal(third.subscription, 3);
});

test("events, skips and gaps are told in order, each once", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const told: string[] = [];
  const subscription = bench.client.subscribe<string>("chat", (m) => told.push(m.kind === "gap" ? `gap ${m.from}-${m.to} ${m.reason}` : m.data));
  subscription.on("skip", (skip) => told.push(`skip ${skip.events} ${skip.bytes}`));
  say(peer, 1, [3, 5], { skipped: 1n, skippedBytes: 10n });
  say(peer, 1, [5, 6]); // 5 again, which the relay should not
  say(peer, 1, [12], { gap: { from: 7n, to: 11n, reason: "too_slow" } });
  peer.say("batch", { subscription: 1, cursor: at(12), items: [{ kind: ItemKind.EVENT, event: event(0, "typing") }] });
  peer.say("batch", { subscription: 1, cursor: at(40), skipped: 28n, skippedBytes: 280n });
  assert.deepEqual(told, ["e3", "e5", "skip 1 10", "e6", "gap 7-11 too_slow", "e12", "typing", "skip 28 280"]);
  assert.deepEqual(subscription.cursor, { epoch, offset: 40 });
  assert.deepEqual(subscription.stats, { batches: 5, events: 5, heldBack: 29, heldBackBytes: 290, gaps: 1, parked: 0 });
  const { heldBack, heldBackBytes, gaps, batches, events, bytesIn } = bench.client.stats;
  assert.deepEqual({ heldBack, heldBackBytes, gaps, batches, events }, { heldBack: 29, heldBackBytes: 290, gaps: 1, batches: 5, events: 6 });
  assert.ok(bytesIn > 100);
});

test("it goes on after its cursor when the client comes back, and another epoch begins anew", async () => {
  const bench = new Bench();
  let peer = await bench.session();
  const told: string[] = [];
  bench.client.subscribe<string>("chat", { since: "earliest" }, (m) => told.push(m.kind === "gap" ? `gap ${m.reason}` : m.data));
  peer.expect("subscribe");
  say(peer, 1, [1, 2]);
  peer.say("batch", { subscription: 1, cursor: at(5), skipped: 3n });
  peer = await bench.reconnect();
  const again = peer.expect("subscribe");
  assert.deepEqual([again.start, again.cursor?.offset, again.subscription], [Start.CURSOR, 5n, 1]);
  say(peer, 1, [4, 6]);
  peer.say("batch", {
    subscription: 1, cursor: { epoch: BigInt(epoch + 1), offset: 1n }, gap: { reason: "epoch_changed" },
    items: [{ kind: ItemKind.EVENT, event: event(1, "new 1") }],
  });
  assert.deepEqual(told, ["e1", "e2", "e6", "gap epoch_changed", "new 1"]);
});

test("payloads are decoded by their content type", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const got: Message[] = [];
  bench.client.subscribe("chat", (m) => got.push(m as Message));
  const bytes = new TextEncoder().encode('{"a":1}');
  const types = ["application/json", "application/vnd.x+json; charset=utf-8", "text/plain;charset=utf-8", "", "application/json"];
  peer.say("batch", {
    subscription: 1, cursor: at(5), items: types.map((contentType, i) => ({
      kind: ItemKind.EVENT,
      event: { offset: BigInt(i + 1), payload: i === 4 ? bytes.slice(1) : bytes, contentType, timeMs: 5n, headers: [{ name: "h", value: "1" }] },
    })),
  });
  assert.deepEqual(got.slice(0, 4).map((m) => m.data), [{ a: 1 }, { a: 1 }, '{"a":1}', bytes]);
  assert.throws(() => got[4]!.data, { code: "payload_malformed" });
  assert.equal(got[4]!.text(), '"a":1}');
  assert.deepEqual([got[0]!.time, got[0]!.headers], [new Date(5), [["h", "1"]]]);
});

test("an iterator gets everything from the beginning, and sets the pace of the cursor", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("chat");
  say(peer, 1, [1, 2, 3], { gap: { from: 0n, to: 0n, reason: "epoch_changed" } });
  assert.equal(subscription.cursor, undefined);
  const iterator = subscription[Symbol.asyncIterator]();
  const next = async () => (await iterator.next()).value as Message<string> | Gap;
  assert.equal((await next()).kind, "gap");
  assert.equal(((await next()) as Message<string>).data, "e1");
  assert.deepEqual(subscription.cursor, { epoch, offset: 1 });
  await next();
  await next();
  const waiting = next();
  say(peer, 1, [4]);
  assert.equal(((await waiting) as Message<string>).data, "e4");
  subscription.close();
  assert.equal((await iterator.next()).done, true);
});

test("a loop that is left lets messages wait for the next one", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("chat");
  say(peer, 1, [1, 2, 3]);
  const told: unknown[] = [];
  for await (const m of subscription) {
    told.push(m.kind === "gap" || m.data);
    if (told.length === 2) break;
  }
  say(peer, 1, [4]);
  for await (const m of subscription) {
    told.push(m.kind === "gap" || m.data);
    if (told.length === 4) break;
  }
  assert.deepEqual(told, ["e1", "e2", "e3", "e4"]);
});

test("nobody takes messages: the subscription is parked, and goes on where it stopped", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("chat", { buffer: 4 });
  const other: string[] = [];
  bench.client.subscribe<string>("other", (m) => other.push(m.kind === "gap" ? "gap" : m.data));
  peer.expect("subscribe");
  peer.expect("subscribe");
  say(peer, 1, [1, 2]);
  say(peer, 1, [3, 4]);
  assert.equal(peer.expect("unsubscribe").subscription, 1);
  assert.ok(!subscription.active && !subscription.closed);
  say(peer, 1, [5]); // was under way
  peer.say("unsubscribed", { subscription: 1 });
  say(peer, 2, [1]);
  assert.deepEqual(other, ["e1"], "the others go on");

  const told: unknown[] = [];
  for await (const m of subscription) {
    told.push(m.kind === "gap" || m.data);
    if (told.length === 3) {
      const again = peer.expect("subscribe");
      assert.deepEqual([again.subscription, again.start, again.cursor?.offset], [3, Start.CURSOR, 4n]);
      say(peer, 3, [5, 6]);
    }
    if (told.length === 6) break;
  }
  assert.deepEqual(told, ["e1", "e2", "e3", "e4", "e5", "e6"]);
  assert.equal(subscription.stats.parked, 1);
});

test("cursors that nobody comes for do not pile up", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe("chat");
  for (let n = 1; n <= 1000; n++) peer.say("batch", { subscription: 1, cursor: at(n), skipped: 1n, skippedBytes: 2n });
  const skips: unknown[] = [];
  subscription.on("skip", ({ events, bytes, cursor }) => skips.push([events, bytes, cursor.offset]));
  subscription.on("event", () => {});
  assert.deepEqual(skips, [[1000, 2000, 1000]]);
});

test("a subscription that the relay ends: for a while, or for good", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("chat");
  const errors: string[] = [];
  subscription.on("error", (error) => errors.push(error.code));
  peer.expect("subscribe");
  say(peer, 1, [1]);
  peer.say("unsubscribed", { subscription: 1, fault: { code: "unavailable", message: "no hub", retryable: true } });
  assert.ok(!subscription.closed);
  await bench.clock.advance(250);
  const again = peer.expect("subscribe");
  assert.deepEqual([again.subscription, again.cursor?.offset], [2, 1n]);
  say(peer, 2, [2]);
  peer.say("unsubscribed", { subscription: 2, fault: { code: "permission_denied", message: "not any more", retryable: false } });
  assert.deepEqual(errors, ["unavailable", "permission_denied"]);
  assert.ok(subscription.closed);
  const told: unknown[] = [];
  await assert.rejects(async () => {
    for await (const m of subscription) told.push(m.kind === "gap" || m.data);
  }, { code: "permission_denied" });
  assert.deepEqual(told, ["e1", "e2"], "what has arrived comes before the error");
  peer.say("error", { subscription: 2, fault: { code: "subscription_unknown", message: "gone" } });
  assert.equal(bench.client.state, "connected");
});

test("closing within a callback stops at once", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const told: string[] = [];
  const subscription = bench.client.subscribe<string>("chat", (m) => {
    told.push(m.kind === "gap" ? "gap" : m.data);
    subscription.close();
  });
  peer.expect("subscribe");
  say(peer, 1, [1, 2, 3]);
  assert.deepEqual(told, ["e1"]);
  assert.equal(peer.expect("unsubscribe").subscription, 1);
  await settle();
});

test("what is said about a channel when a subscription opens", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe("flights", () => {});
  const infos: unknown[] = [];
  subscription.on("subscribed", (info) => infos.push(info));
  peer.say("subscribed", { subscription: 1, channel: { name: "flights", kind: 2, epoch: 1n, firstOffset: 3n, nextOffset: 9n, namespace: "flights" } });
  assert.deepEqual(infos, [{ channel: "flights", kind: "state", namespace: "flights", firstOffset: 3, nextOffset: 9 }]);
  assert.ok(subscription.active);
});

test("nonsense is refused before it is sent", async () => {
  const bench = new Bench();
  for (const channel of ["", "a b", "ü", "x".repeat(201)]) assert.throws(() => bench.client.subscribe(channel), { code: "channel_invalid" });
  const refused = (options: object) => assert.throws(() => bench.client.subscribe("c", options), { name: "WeirError" });
  refused({ filter: "f", filters: [] });
  refused({ params: {} });
  refused({ filters: Array(5).fill({ name: "f" }) });
  refused({ filter: "f", params: "x".repeat(17000) });
  refused({ since: { epoch: 1, offset: -1 } });
  refused({ since: "latest" });
  refused({ buffer: 0 });
});
