import assert from "node:assert/strict";
import { test } from "node:test";
import { Ack } from "../src/codec/gen/weir/v1/event_pb.js";
import { settle } from "./clock.js";
import { Bench, epoch, type Peer, producer } from "./relay.js";

const outcome = (promise: Promise<{ offset: number; duplicate: boolean }>) =>
  promise.then(({ offset, duplicate }) => (duplicate ? `again ${offset}` : offset), (error: { code: string }) => error.code);

/** Sequences, and payloads, of everything that waits at the relay. */
function sent(peer: Peer) {
  const list: { request: number; what: string }[] = [];
  while (peer.pending[0] === "publish") {
    const { request, publication } = peer.expect("publish");
    list.push({ request, what: `${publication!.sequence}:${new TextDecoder().decode(publication!.payload)}` });
  }
  return list;
}
const whats = (list: { what: string }[]) => list.map(({ what }) => what);

test("values, keys, headers and acks", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  void bench.client.publish("a", { x: 1 }, { key: "k", headers: { h: "1" } });
  void bench.client.publish("a", "text", { headers: [["h", "1"], ["h", "2"]], contentType: "text/markdown" });
  void bench.client.publish("a", new Uint8Array([1, 2]), { ack: "region" });
  void bench.client.publish("a", undefined, { key: "k", tombstone: true });
  const list = [1, 2, 3, 4].map(() => peer.expect("publish").publication!);
  assert.deepEqual(list.map((p) => p.contentType), ["application/json", "text/markdown", "application/octet-stream", ""]);
  assert.deepEqual(list.map((p) => p.sequence), [1n, 2n, 3n, 4n]);
  assert.deepEqual(list[1]!.headers.map((h) => [h.name, h.value]), [["h", "1"], ["h", "2"]]);
  assert.deepEqual([list[0]!.key, list[3]!.tombstone, list[3]!.payload.length], ["k", true, 0]);
});

test("publications are pipelined, numbered per channel, and answered with their offsets", async () => {
  const bench = new Bench();
  const outcomes = [outcome(bench.client.publish("a", 1)), outcome(bench.client.publish("b", 2)), outcome(bench.client.publish("a", 3))];
  const peer = await bench.session();
  const byChannel = [1, 2, 3].map(() => peer.expect("publish")).map(({ request, publication }) => ({ request, is: `${publication!.channel}${publication!.sequence}` }));
  assert.deepEqual(byChannel.map(({ is }) => is).sort(), ["a1", "a2", "b1"]);
  for (const { request } of byChannel) peer.say("published", { request, receipt: { epoch: BigInt(epoch), offset: BigInt(request * 10) } });
  assert.deepEqual((await Promise.all(outcomes)).length, 3);
  assert.deepEqual([bench.client.stats.published, bench.client.stats.pending], [3, 0]);
});

test("without an answer, sent again after a reconnect with the same numbers, in order", async () => {
  const bench = new Bench();
  let peer = await bench.session();
  const outcomes = [1, 2, 3].map((n) => outcome(bench.client.publish("a", n)));
  peer.accept(1);
  peer.break();
  outcomes.push(outcome(bench.client.publish("a", 4)));
  await bench.clock.advance(1000);
  peer = bench.peer;
  assert.equal(peer.expect("hello").producer, producer);
  assert.deepEqual(peer.pending, [], "nothing is published before WELCOME");
  peer.welcome();
  assert.equal(peer.accept(2, true).publication?.sequence, 2n);
  assert.equal(peer.accept(3).publication?.sequence, 3n);
  assert.equal(peer.accept(4).publication?.sequence, 4n);
  assert.deepEqual(await Promise.all(outcomes), [1, "again 2", 3, 4]);
});

test("no more in flight than the relay allows", async () => {
  const bench = new Bench();
  await settle();
  bench.peer.expect("hello");
  bench.peer.welcome({ publishesInFlight: 2 });
  for (const n of [1, 2, 3, 4]) void bench.client.publish("a", n);
  assert.equal(bench.peer.pending.length, 2);
  bench.peer.accept(1);
  assert.equal(bench.peer.pending.length, 2);
});

test("the queue is bounded, online and offline", async () => {
  const bench = new Bench({ queue: 2 });
  const outcomes = [1, 2, 3].map((n) => outcome(bench.client.publish("a", n)));
  assert.equal(await outcomes[2], "busy");
  const peer = await bench.session();
  peer.accept(1);
  peer.accept(2);
  assert.deepEqual(await Promise.all(outcomes), [1, 2, "busy"]);
  void bench.client.publish("a", 4);
  assert.equal(peer.expect("publish").publication?.sequence, 3n);
});

test("busy: certainly not accepted; those behind it wait and all are sent again in order", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = [1, 2, 3].map((n) => outcome(bench.client.publish("a", n)));
  const [first, second, third] = sent(peer);
  peer.refuseRequest(first!.request, "busy", true);
  peer.refuseRequest(second!.request, "sequence_gap", true);
  await bench.clock.advance(500);
  assert.deepEqual(peer.pending, [], "the third is still under way");
  peer.refuseRequest(third!.request, "sequence_gap", true);
  await bench.clock.advance(500);
  for (const n of [1, 2, 3]) assert.equal(peer.accept(n).publication?.sequence, BigInt(n));
  assert.deepEqual(await Promise.all(outcomes), [1, 2, 3]);
});

test("refused for good: its number is free, and those behind it move up", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = [1, 2, 3].map((n) => outcome(bench.client.publish("a", n)));
  peer.accept(1);
  peer.refuse("key_required", false);
  peer.refuse("sequence_gap", true);
  await bench.clock.advance(1000);
  assert.equal(peer.accept(2).publication?.sequence, 2n);
  assert.deepEqual(await Promise.all(outcomes), [1, "key_required", 2]);
});

test("timeout: maybe accepted, so it keeps its number", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = [1, 2].map((n) => outcome(bench.client.publish("a", n)));
  peer.refuse("timeout", true);
  peer.accept(2);
  await bench.clock.advance(1000);
  assert.equal(peer.accept(1, true).publication?.sequence, 1n);
  assert.deepEqual(await Promise.all(outcomes), ["again 1", 2]);
});

for (const taken of [true, false]) {
  test(`given up without knowing: nobody else gets its number, ${taken ? "which was taken" : "so the identity is changed"}`, async () => {
    const bench = new Bench();
    let peer = await bench.session();
    const outcomes = [outcome(bench.client.publish("a", 1))];
    peer = await bench.reconnect();
    peer.refuse("permission_denied", false); // the session before may have accepted it
    outcomes.push(outcome(bench.client.publish("a", 2)));
    if (taken) {
      assert.equal(peer.accept(2).publication?.sequence, 2n);
    } else {
      for (let i = 0; i < 3; i++) {
        assert.equal(peer.refuse("sequence_gap", true).publication?.sequence, 2n);
        await bench.clock.advance(1000);
      }
      bench.peer.expect("hello");
      bench.peer.welcome({ producer: "another" });
      assert.equal(bench.peer.accept(1).publication?.sequence, 1n);
    }
    assert.deepEqual(await Promise.all(outcomes), ["permission_denied", taken ? 2 : 1]);
    void bench.client.publish("a", 3);
    assert.equal(bench.peer.expect("publish").publication?.sequence, taken ? 3n : 2n);
  });
}

test("a forgotten producer: another session, another identity, and what was certainly refused is published there", async () => {
  const bench = new Bench();
  let peer = await bench.session();
  const outcomes = [1, 2].map((n) => outcome(bench.client.publish("a", n)));
  peer.accept(1);
  peer.refuse("producer_expired", false);
  await bench.clock.advance(1000);
  peer = bench.peer;
  assert.equal(bench.peers.length, 2);
  assert.equal(peer.expect("hello").producer, "");
  peer.welcome({ producer: "another" });
  const publish = peer.accept(2);
  assert.deepEqual([publish.publication?.sequence, new TextDecoder().decode(publish.publication?.payload)], [1n, "2"]);
  assert.deepEqual(await Promise.all(outcomes), [1, 2]);
});

test("a forgotten producer: the session goes on under the identity granted, in order", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = [1, 2].map((n) => outcome(bench.client.publish("a", n)));
  const b = outcome(bench.client.publish("b", 3));
  const [first, second, third] = sent(peer);
  peer.grant(first!.request, "granted");
  peer.grant(second!.request, "granted");
  outcomes.push(outcome(bench.client.publish("a", 4)));
  const later = outcome(bench.client.publish("b", 5));
  assert.deepEqual(peer.pending, [], "what is new waits for the new identity");
  peer.refuseRequest(third!.request, "timeout", true);
  await bench.clock.advance(1000);
  const again = peer.accept(7, true).publication!;
  assert.deepEqual([again.sequence, again.producer], [1n, ""], "maybe accepted: must be found out under the old identity");
  const publications = [1, 2, 3, 4].map((offset) => peer.accept(offset).publication!);
  assert.deepEqual(publications.map((p) => `${p.channel}${p.sequence}:${new TextDecoder().decode(p.payload)}`), ["a1:1", "a2:2", "a3:4", "b1:5"]);
  assert.deepEqual(publications.map((p) => p.producer), Array(4).fill("granted"));
  assert.deepEqual(await Promise.all([...outcomes, b, later]), [1, 2, 3, "again 7", 4]);
  assert.equal(bench.peers.length, 1);

  void outcome(bench.client.publish("a", 6, { ack: "none" }));
  assert.equal(peer.expect("publish").publication?.producer, "");
  const open = outcome(bench.client.publish("a", 7));
  peer.expect("publish");
  peer.break();
  await bench.clock.advance(1000);
  assert.equal(bench.peer.expect("hello").producer, "granted");
  bench.peer.welcome({ producer: "granted" });
  const retry = bench.peer.expect("publish");
  assert.deepEqual([retry.publication?.sequence, retry.publication?.producer], [4n, ""]);
  bench.peer.grant(retry.request, "another");
  assert.equal(await open, "producer_expired", "maybe accepted: never under another identity");
  void bench.client.publish("a", 8);
  const next = bench.peer.expect("publish").publication;
  assert.deepEqual([next?.sequence, next?.producer], [1n, "another"]);
});

test("a forgotten producer: an identity that is refused as soon as it was granted is not replaced in the session", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const published = outcome(bench.client.publish("a", 1));
  peer.grant(peer.expect("publish").request, "granted");
  peer.grant(peer.expect("publish").request, "another");
  await bench.clock.advance(1000);
  assert.equal(bench.peer.expect("hello").producer, "");
  bench.peer.welcome({ producer: "fresh" });
  bench.peer.accept(1);
  assert.equal(await published, 1);
});

test("a number that may be taken is never used again, though nothing waits before it", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const first = outcome(bench.client.publish("a", 1));
  peer.refuse("timeout", true); // it is still on its way somewhere
  await bench.clock.advance(1000);
  peer.refuse("permission_denied", false);
  assert.equal(await first, "permission_denied");
  const second = outcome(bench.client.publish("a", 2));
  assert.equal(peer.refuse("sequence_gap", true).publication?.sequence, 2n); // and arrives now, so that number 1 is its
  await bench.clock.advance(1000);
  for (let n = 0; n < 10 && !peer.closed; n++) {
    assert.equal(peer.refuse("sequence_gap", true).publication?.sequence, 2n, "it would get the receipt of the other");
    await bench.clock.advance(1000);
  }
  assert.equal(bench.peer.expect("hello").producer, "");
  bench.peer.welcome({ producer: "another" });
  assert.deepEqual([bench.peer.accept(2).publication?.sequence, await second], [1n, 2]);
});

test("sequence_expired: its number is taken", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = [1, 2].map((n) => outcome(bench.client.publish("a", n)));
  peer.refuse("sequence_expired", false);
  peer.refuse("busy", true);
  await bench.clock.advance(1000);
  assert.equal(peer.accept(2).publication?.sequence, 2n);
  assert.deepEqual(await Promise.all(outcomes), ["sequence_expired", 2]);
});

test("a forgotten producer: others are finished under it first", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = ["a", "b"].map((channel) => outcome(bench.client.publish(channel, channel)));
  peer.refuse("producer_expired", false);
  const b = peer.expect("publish");
  const later = outcome(bench.client.publish("b", "b2"));
  await bench.clock.advance(1000);
  assert.equal(bench.peers.length, 1);
  assert.deepEqual(peer.pending, [], "what is new waits for the new identity");
  peer.refuseRequest(b.request, "timeout", true);
  await bench.clock.advance(1000);
  assert.equal(bench.peers.length, 1, "maybe accepted: must be found out under the old identity");
  peer.accept(7, true);
  await bench.clock.advance(1000);
  bench.peer.expect("hello");
  bench.peer.welcome({ producer: "another" });
  assert.deepEqual(whats(sent(bench.peer)), ["1:a", "1:b2"]);
  assert.equal(await outcomes[1], "again 7");
  void later;
});

test("another identity than the one asked for: what may have been accepted is not published again", async () => {
  const bench = new Bench();
  const first = await bench.session();
  const maybe = outcome(bench.client.publish("a", 1));
  first.break();
  const fresh = outcome(bench.client.publish("a", 2));
  await bench.clock.advance(1000);
  bench.peer.expect("hello");
  bench.peer.welcome({ producer: "another" });
  assert.equal(await maybe, "producer_expired");
  const publish = bench.peer.accept(9);
  assert.deepEqual([publish.publication?.sequence, new TextDecoder().decode(publish.publication?.payload)], [1n, "2"]);
  assert.equal(await fresh, 9);
});

test("a relay that remembers less than it accepted is asked for a new identity, not for ever", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const published = outcome(bench.client.publish("a", 1));
  for (let i = 0; i < 3; i++) {
    assert.equal(peer.refuse("sequence_gap", true).publication?.sequence, 1n);
    await bench.clock.advance(1000);
  }
  bench.peer.expect("hello");
  bench.peer.welcome({ producer: "another" });
  bench.peer.accept(1);
  assert.equal(await published, 1);
});

test("maybe accepted, behind a number that came free: never under another number, so given up with the identity", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const outcomes = [1, 2, 3].map((n) => outcome(bench.client.publish("a", n)));
  const [first, second, third] = sent(peer);
  peer.refuseRequest(second!.request, "timeout", true); // still on its way somewhere
  peer.refuseRequest(third!.request, "sequence_gap", true);
  peer.refuseRequest(first!.request, "key_required", false);
  for (let i = 0; i < 3; i++) {
    await bench.clock.advance(1000);
    const [again, ...behind] = sent(peer);
    assert.equal(again!.what, "2:2");
    for (const { request } of [again!, ...behind]) peer.refuseRequest(request, "sequence_gap", true);
  }
  await bench.clock.advance(1000);
  bench.peer.expect("hello");
  bench.peer.welcome({ producer: "another" });
  assert.deepEqual(whats(sent(bench.peer)), ["1:3"]);
  assert.deepEqual(await Promise.all(outcomes.slice(0, 2)), ["key_required", "producer_expired"]);
});

test("ephemeral events are now or never, and never numbered", async () => {
  const bench = new Bench();
  assert.equal(await outcome(bench.client.publish("a", 1, { ack: "none" })), "connection_lost");
  const peer = await bench.session();
  const lost = outcome(bench.client.publish("a", 2, { ack: "none" }));
  const publish = peer.expect("publish");
  assert.deepEqual([publish.publication?.sequence, publish.publication?.ack], [0n, Ack.NONE]);
  peer.break();
  assert.equal(await lost, "connection_lost");
  const again = await bench.reconnect();
  assert.deepEqual(again.pending, []);
});

test("what would cost the session is refused before it is sent", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const code = (promise: Promise<unknown>) => promise.then(() => "accepted", (error: { code: string }) => error.code);
  assert.equal(await code(bench.client.publish("a", new Uint8Array(129 << 10))), "payload_too_large");
  assert.equal(await code(bench.client.publish("a", new Uint8Array(65 << 10))), "payload_too_large");
  assert.equal(await code(bench.client.publish("a", 1, { key: "k".repeat(9000) })), "invalid_argument");
  assert.equal(await code(bench.client.publish("a", undefined)), "invalid_argument");
  assert.equal(await code(bench.client.publish("a", 1, { tombstone: true })), "invalid_argument");
  assert.equal(await code(bench.client.publish("ä", 1)), "channel_invalid");
  assert.deepEqual(peer.pending, []);
  void bench.client.publish("a", 1);
  assert.equal(peer.expect("publish").publication?.sequence, 1n);
});
