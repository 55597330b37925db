import assert from "node:assert/strict";
import { test } from "node:test";
import { ItemKind } from "../src/codec/gen/weir/v1/session_pb.js";
import { settle } from "./clock.js";
import { at, Bench, event } from "./relay.js";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const outcome = (promise: Promise<void>) => promise.then(() => "resolved", (error: { code: string }) => error.code);

/** A view with one key, and the relay's end of it. */
async function view() {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("flights", { filter: "viewport", params: "p0", version: 2 }, () => {});
  peer.expect("subscribe");
  peer.say("batch", { subscription: 1, cursor: at(1), snapshotBegin: true, snapshotEnd: true, items: [{ kind: ItemKind.SNAPSHOT, event: event(1, "v1", "a") }] });
  return { bench, peer, subscription };
}

test("the promise resolves with the first batch that holds to the params", async () => {
  const { peer, subscription } = await view();
  let resolved = false;
  void subscription.setParams("p1").then(() => (resolved = true));
  const params = peer.expect("params");
  assert.deepEqual([params.revision, text(params.filters[0]?.params), params.filters[0]?.version], [1, "p1", 2]);
  peer.say("batch", { subscription: 1, cursor: at(2), revision: 0, items: [{ kind: ItemKind.UPDATE, event: event(2, "v2", "a") }] });
  await settle();
  assert.ok(!resolved, "a batch of the older params was under way");
  peer.say("batch", { subscription: 1, cursor: at(2), revision: 1, items: [
    { kind: ItemKind.LEAVE, event: event(2, "", "a") }, { kind: ItemKind.ENTER, event: event(1, "v1", "b") },
  ] });
  assert.deepEqual([...subscription.view.keys()], ["b"]);
  await settle();
  assert.ok(resolved);
});

test("while one change is under way only the newest other waits", async () => {
  const { peer, subscription } = await view();
  const outcomes = ["p1", "p2", "p3", "p4"].map((params) => outcome(subscription.setParams(params)));
  assert.equal(text(peer.expect("params").filters[0]?.params), "p1");
  assert.deepEqual(peer.pending, []);
  peer.say("batch", { subscription: 1, cursor: at(1), revision: 1 });
  const second = peer.expect("params");
  assert.deepEqual([second.revision, text(second.filters[0]?.params)], [2, "p4"]);
  peer.say("batch", { subscription: 1, cursor: at(1), revision: 2 });
  assert.deepEqual(await Promise.all(outcomes), ["resolved", "resolved", "resolved", "resolved"]);
});

test("refused params leave the older ones in force", async () => {
  const { bench, peer, subscription } = await view();
  const refused = outcome(subscription.setParams("bad"));
  const params = peer.expect("params");
  peer.say("error", { subscription: 1, revision: params.revision, fault: { code: "filter_params_invalid", message: "west of east" } });
  assert.equal(await refused, "filter_params_invalid");
  const again = await bench.reconnect();
  assert.equal(text(again.expect("subscribe").filters[0]?.params), "p0");
  assert.deepEqual(again.pending, []);
});

test("a snapshot counts when it is whole", async () => {
  const { peer, subscription } = await view();
  let resolved = false;
  void subscription.setParams("p1").then(() => (resolved = true));
  peer.say("batch", { subscription: 1, cursor: at(2), revision: 1, snapshotBegin: true });
  await settle();
  assert.ok(!resolved);
  peer.say("batch", { subscription: 1, cursor: at(2), revision: 1, snapshotEnd: true });
  await settle();
  assert.ok(resolved);
  assert.equal(subscription.view.size, 0);
});

test("a change that was under way is made in the next session, after the subscription", async () => {
  const { bench, subscription } = await view();
  const outcomes = ["p1", "p2"].map((params) => outcome(subscription.setParams(params)));
  const peer = await bench.reconnect();
  assert.equal(text(peer.expect("subscribe").filters[0]?.params), "p0", "what held goes on holding if the change is refused");
  const params = peer.expect("params");
  assert.deepEqual([params.subscription, params.revision, text(params.filters[0]?.params)], [1, 1, "p2"]);
  peer.say("batch", { subscription: 1, cursor: at(1), revision: 0, snapshotBegin: true, snapshotEnd: true });
  peer.say("batch", { subscription: 1, cursor: at(1), revision: 1 });
  assert.deepEqual(await Promise.all(outcomes), ["resolved", "resolved"]);
});

test("a change that is awaited within the loop is not waited for by a full inbox", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("chat", { filter: "words", params: "p0", buffer: 2 });
  peer.expect("subscribe");
  const batch = (number: number, offset: number, revision = 0) => peer.say("batch", {
    subscription: number, cursor: at(offset), revision, items: [{ kind: ItemKind.EVENT, event: event(offset, `e${offset}`) }],
  });
  for (const n of [1, 2]) batch(1, n);
  peer.expect("unsubscribe");
  const changed = outcome(subscription.setParams("p1"));
  assert.equal(peer.expect("subscribe").cursor?.offset, 2n);
  peer.expect("params");
  batch(2, 3);
  batch(2, 4, 1);
  assert.equal(await changed, "resolved");
  peer.expect("unsubscribe");
});

test("closing rejects what waits", async () => {
  const { subscription } = await view();
  const waiting = ["p1", "p2"].map((params) => outcome(subscription.setParams(params)));
  subscription.close();
  assert.deepEqual(await Promise.all(waiting), ["closed", "closed"]);
  await assert.rejects(subscription.setParams("p3"), { code: "closed" });
});

test("setParams needs exactly one filter", async () => {
  const bench = new Bench();
  const subscription = bench.client.subscribe("flights", () => {});
  await assert.rejects(subscription.setParams({}), { code: "invalid_argument" });
});
