import assert from "node:assert/strict";
import { test } from "node:test";
import { WeirError } from "../src/error.js";
import { settle } from "./clock.js";
import { Bench, epoch, producer } from "./relay.js";

test("a session begins with HELLO and stands with WELCOME", async () => {
  const bench = new Bench();
  assert.equal(bench.client.state, "connecting");
  await settle();
  const hello = bench.peer.expect("hello");
  assert.equal(hello.token, "a.b.c");
  assert.equal(hello.producer, "");
  assert.match(hello.agent, /^weir-js\//);
  assert.equal(bench.client.transport, undefined);
  bench.peer.welcome();
  await bench.client.ready;
  assert.equal(bench.client.state, "connected");
  assert.equal(bench.client.transport, "webtransport");
  assert.equal(bench.remembered, "webtransport");
  assert.deepEqual(bench.states, ["connected"]);
});

test("it comes back with its identity after the transport breaks", async () => {
  const bench = new Bench();
  const first = await bench.session();
  const details: unknown[] = [];
  bench.client.on("state", (state, detail) => details.push([state, detail.error?.code]));
  first.break();
  await bench.clock.advance(300);
  assert.equal(bench.peers.length, 2);
  assert.equal(bench.peer.expect("hello").producer, producer);
  bench.peer.welcome();
  assert.deepEqual(details, [["reconnecting", "connection_lost"], ["connected", undefined]]);
  assert.equal(bench.client.stats.reconnects, 1);
});

test("a session that stood for long is followed by another at once", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  for (let i = 0; i < 12; i++) {
    await bench.clock.advance(1_000);
    peer.say("ping", { nonce: 1n });
  }
  peer.break();
  await bench.clock.advance(0);
  assert.equal(bench.peers.length, 2);
});

test("waits grow while the relay cannot be reached, and are bounded", async () => {
  const bench = new Bench();
  bench.reachable = false;
  bench.clock.chance = 0.999;
  const waits: number[] = [];
  bench.client.on("state", (_, detail) => waits.push(Math.round(detail.retryInMs ?? -1)));
  await bench.clock.advance(60_000);
  assert.deepEqual(waits.slice(0, 8), [250, 500, 999, 1998, 3996, 7992, 14985, 14985]);
  assert.equal(bench.client.state, "connecting");
  bench.reachable = true;
  await bench.clock.advance(15_000);
  bench.peer.expect("hello");
});

test("the page's return ends the wait, or has the session looked at", async () => {
  const bench = new Bench();
  bench.reachable = false;
  await bench.clock.advance(30_000);
  bench.reachable = true;
  bench.wake();
  const peer = await bench.session();
  bench.wake();
  assert.equal(peer.expect("ping").padding.length, 32);
  await bench.clock.advance(2_000);
  assert.ok(peer.closed, "a session that does not answer a probe is given up");
});

test("goodbye: retryable, after the time that the relay asks for", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  peer.say("goodbye", { fault: { code: "draining", message: "moving", retryable: true, retryAfterMs: 3000 } });
  assert.equal(bench.client.state, "reconnecting");
  assert.ok(peer.closed);
  await bench.clock.advance(2_999);
  bench.wake(); // the relay's wish counts for more than the page's
  await settle();
  assert.equal(bench.peers.length, 1);
  await bench.clock.advance(1_501);
  assert.equal(bench.peers.length, 2);
});

test("goodbye: not retryable, and the client closes", async () => {
  const bench = new Bench();
  const subscription = bench.client.subscribe("chat", () => {});
  const errors: WeirError[] = [];
  subscription.on("error", (error) => errors.push(error));
  await settle();
  const published = bench.client.publish("chat", 1);
  bench.peer.say("goodbye", { fault: { code: "token_invalid", message: "forged", hint: "sign it", retryable: false } });
  await assert.rejects(bench.client.ready, { code: "token_invalid", hint: "sign it", retryable: false });
  await assert.rejects(published, { code: "token_invalid" });
  assert.equal(bench.client.state, "closed");
  assert.deepEqual(errors.map((error) => error.code), ["token_invalid"]);
  assert.ok(subscription.closed);
  await bench.clock.advance(100_000);
  assert.equal(bench.peers.length, 1);
});

test("a token function is asked again when a token is refused, once in a row", async () => {
  let asked = 0;
  const bench = new Bench({ token: async () => `token-${++asked}` });
  await settle();
  const expired = { fault: { code: "token_expired", message: "too late", retryable: false } };
  assert.equal(bench.peer.expect("hello").token, "token-1");
  bench.peer.say("goodbye", expired);
  await bench.clock.advance(0);
  assert.equal(bench.peer.expect("hello").token, "token-2");
  bench.peer.say("goodbye", expired);
  await bench.clock.advance(0);
  assert.equal(bench.client.state, "closed");
  assert.equal(asked, 2);
});

test("a token function that throws is tried again", async () => {
  let asked = 0;
  const bench = new Bench({ token: () => {
    if (++asked === 1) throw new Error("offline");
    return "ok";
  } });
  await bench.clock.advance(300);
  assert.equal(bench.peer.expect("hello").token, "ok");
});

test("a token is refreshed before it expires, by the relay's clock, and a refusal is tried again", async () => {
  let asked = 0;
  const bench = new Bench({ token: () => `token-${++asked}` });
  const errors: string[] = [];
  bench.client.on("error", (error) => errors.push(error.code));
  await settle();
  bench.peer.expect("hello");
  bench.peer.welcome({ tokenExpiresMs: BigInt(epoch + 600_000) });
  const alive = async (ms: number) => {
    for (let t = 0; t < ms; t += 1000) {
      await bench.clock.advance(1000);
      bench.peer.say("pong", { nonce: 0n });
    }
  };
  await alive(539_000);
  assert.deepEqual(bench.peer.pending, []);
  await alive(2_000);
  assert.equal(bench.peer.expect("refresh").token, "token-2");
  bench.peer.say("refreshed", { fault: { code: "token_invalid", message: "another subject" } });
  assert.deepEqual(errors, ["token_invalid"]);
  await alive(11_000);
  assert.equal(bench.peer.expect("refresh").token, "token-3");
  bench.peer.say("refreshed", { tokenExpiresMs: BigInt(epoch + 1_200_000) });
  await alive(500_000);
  assert.deepEqual(bench.peer.pending, []);
  await alive(100_000);
  assert.equal(bench.peer.expect("refresh").token, "token-4");
});

test("a quiet relay is pinged, and given up if it does not answer", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  await bench.clock.advance(5_000);
  const ping = peer.expect("ping");
  assert.ok(ping.padding.length >= 32, "the packet must be longer than a stateless reset");
  await bench.clock.advance(40);
  peer.say("pong", { nonce: ping.nonce, timeMs: 0n });
  assert.equal(bench.client.stats.rttMs, 40);
  await bench.clock.advance(9_000);
  peer.expect("ping");
  assert.equal(bench.client.state, "connected");
  await bench.clock.advance(5_000);
  assert.ok(peer.closed);
  assert.notEqual(bench.peers.length, 1);
});

test("a relay that talks is not pinged, and its pings are answered", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  for (let i = 1; i <= 20; i++) {
    await bench.clock.advance(1_000);
    peer.say("ping", { nonce: BigInt(i) });
    assert.equal(peer.expect("pong").nonce, BigInt(i));
  }
  assert.deepEqual(peer.pending, []);
});

test("a relay that does not answer the greeting is given up", async () => {
  const bench = new Bench();
  await bench.clock.advance(10_000);
  assert.ok(bench.peers[0]!.closed);
  assert.equal(bench.client.state, "connecting");
});

test("what a relay must not send ends the session for good", async () => {
  for (const misbehave of [
    (bench: Bench) => bench.peer.say("hello", {}),
    (bench: Bench) => bench.peer.welcome(),
    (bench: Bench) => bench.peer.say("published", { request: 77 }),
    (bench: Bench) => bench.peer.say("batch", { subscription: 1, skipped: 2n ** 60n }),
  ]) {
    const bench = new Bench();
    const peer = await bench.session();
    misbehave(bench);
    assert.ok(peer.closed, String(misbehave));
    assert.equal(bench.client.state, "closed", String(misbehave));
  }
});

test("close: everything ends, and nothing is timed any more", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  const subscription = bench.client.subscribe("chat", () => {});
  const published = bench.client.publish("chat", 1);
  bench.client.close();
  await assert.rejects(published, { code: "closed" });
  assert.ok(peer.closed && subscription.closed);
  assert.equal(bench.client.state, "closed");
  assert.throws(() => bench.client.subscribe("chat"), { code: "closed" });
  await assert.rejects(bench.client.publish("chat", 1), { code: "closed" });
  await settle();
  assert.equal(bench.clock.untilNext, undefined);
});

test("interrupt: cut off now, back no sooner than asked", async () => {
  const bench = new Bench();
  const peer = await bench.session();
  bench.client.interrupt(5_000);
  assert.ok(peer.closed);
  assert.equal(bench.client.state, "reconnecting");
  await bench.clock.advance(4_999);
  assert.equal(bench.peers.length, 1);
  await bench.clock.advance(2_501);
  assert.equal(bench.peers.length, 2);
});

test("a listener that throws stops neither the others nor the client, and is reported", async (t) => {
  const reported: (() => void)[] = [];
  t.mock.method(globalThis, "queueMicrotask", (report: () => void) => reported.push(report));
  const bench = new Bench();
  bench.client.on("state", () => {
    throw new Error("from the application");
  });
  const states: string[] = [];
  bench.client.on("state", (state) => states.push(state));
  await bench.session();
  assert.deepEqual(states, ["connected"]);
  assert.equal(reported.length, 1);
  assert.throws(reported[0]!, /from the application/);
});
