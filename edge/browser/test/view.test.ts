import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { BatchSchema, ItemKind } from "../src/codec/gen/weir/v1/session_pb.js";
import { View } from "../src/view.js";
import { settle } from "./clock.js";
import { vectors } from "./files.js";
import { at, Bench, event } from "./relay.js";

interface ViewVector {
  name: string;
  steps: { batch: JsonValue; tells: { kind: string; key: string; offset: number }[]; holds: string[] }[];
}

for (const vector of vectors<ViewVector>("views.json")) {
  test(`view: ${vector.name}`, () => {
    const view = new View("channel", undefined);
    for (const [i, step] of vector.steps.entries()) {
      const told: unknown[] = [];
      for (const telling of view.fold(fromJson(BatchSchema, step.batch))) {
        if (telling.what !== "message") continue;
        const { kind, key, offset } = telling.message;
        told.push({ kind, key, offset });
        assert.equal(view.map.has(key), kind !== "leave", `step ${i}: the map keeps pace with ${key}`);
      }
      told.sort((a, b) => ((a as { key: string }).key < (b as { key: string }).key ? -1 : 1));
      assert.deepEqual(told, step.tells, `step ${i}`);
      assert.deepEqual([...view.map.keys()].sort(), step.holds, `step ${i}`);
    }
  });
}

test("a view stays exact across a reconnect", async () => {
  const bench = new Bench();
  let peer = await bench.session();
  const told: string[] = [];
  const subscription = bench.client.subscribe<string>("flights", { filter: "viewport", params: { west: 1 } }, (m) => {
    told.push(m.kind === "gap" ? "gap" : `${m.kind} ${m.key}=${m.data}`);
  });
  const snapshots: unknown[] = [];
  subscription.on("snapshot", ({ size, resync, entered, updated, left }) => snapshots.push({ size, resync, entered, updated, left }));
  const subscribe = peer.expect("subscribe");
  assert.equal(new TextDecoder().decode(subscribe.filters[0]!.params), '{"west":1}');
  peer.say("batch", {
    subscription: 1, cursor: at(3), snapshotBegin: true, snapshotEnd: true,
    items: [1, 2, 3].map((n) => ({ kind: ItemKind.SNAPSHOT, event: event(n, "v1", `k${n}`) })),
  });
  peer.say("batch", { subscription: 1, cursor: at(4), items: [{ kind: ItemKind.UPDATE, event: event(4, "v2", "k1") }] });
  assert.equal(subscription.view.get("k1")!.data, "v2");
  told.length = 0;

  peer = await bench.reconnect();
  const again = peer.expect("subscribe");
  assert.equal(again.cursor?.offset, 4n);
  assert.equal(subscription.view.size, 3, "what was held stays while away");
  peer.say("batch", { subscription: 1, cursor: at(9), snapshotBegin: true, items: [{ kind: ItemKind.SNAPSHOT, event: event(4, "v2", "k1") }] });
  assert.deepEqual(told, [], "nothing is told before the snapshot is whole");
  peer.say("batch", { subscription: 1, cursor: at(9), snapshotEnd: true, items: [
    { kind: ItemKind.SNAPSHOT, event: event(8, "v3", "k2") }, { kind: ItemKind.SNAPSHOT, event: event(9, "v1", "k4") },
  ] });
  assert.deepEqual(told, ["leave k3=undefined", "update k2=v3", "enter k4=v1"]);
  assert.deepEqual(snapshots, [
    { size: 3, resync: false, entered: 3, updated: 0, left: 0 }, { size: 3, resync: true, entered: 1, updated: 1, left: 1 },
  ]);
  assert.deepEqual(subscription.cursor, { epoch: Number(at(0).epoch), offset: 9 });
});

test("a view that nobody listens to is kept, and introduced to whoever comes", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe<string>("flights");
  peer.expect("subscribe");
  peer.say("batch", { subscription: 1, cursor: at(1), snapshotBegin: true, snapshotEnd: true, items: [{ kind: ItemKind.SNAPSHOT, event: event(1, "v1", "a") }] });
  peer.say("batch", { subscription: 1, cursor: at(2), items: [{ kind: ItemKind.UPDATE, event: event(2, "v2", "a") }] });
  assert.equal(subscription.view.get("a")!.data, "v2");
  const told: string[] = [];
  subscription.on("enter", (m) => told.push(`enter ${m.key}=${m.data}`));
  subscription.on("leave", (m) => told.push(`leave ${m.key}`));
  assert.deepEqual(told, ["enter a=v2"]);
  peer.say("batch", { subscription: 1, cursor: at(3), items: [{ kind: ItemKind.LEAVE, event: { ...event(3, "", "a"), tombstone: true } }] });
  assert.deepEqual(told, ["enter a=v2", "leave a"]);
});

test("an item that the relay should not have sent ends the subscription alone", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe("flights", () => {});
  const errors: string[] = [];
  subscription.on("error", (error) => errors.push(error.code));
  peer.say("batch", { subscription: 1, cursor: at(1), items: [{ kind: ItemKind.SNAPSHOT, event: event(1, "", "a") }] });
  await settle();
  assert.deepEqual(errors, ["protocol_violation"]);
  assert.ok(subscription.closed);
  assert.equal(bench.client.state, "connected");
});
