import assert from "node:assert/strict";
import { test } from "node:test";
import { candidatesOf, home, locator } from "../src/endpoint.js";
import { WeirError } from "../src/error.js";
import { race } from "../src/transport/race.js";
import type { Candidate, TransportKind } from "../src/transport/transport.js";
import { FakeClock, settle } from "./clock.js";
import { Peer } from "./relay.js";

/** A candidate whose attempt the test decides. */
class Attempt implements Candidate {
  begun = false;
  aborted = false;
  open!: (peer: Peer) => void;
  fail!: (error: unknown) => void;

  constructor(readonly kind: TransportKind) {}

  dial = (signal: AbortSignal): Promise<Peer> => {
    this.begun = true;
    signal.addEventListener("abort", () => (this.aborted = true));
    return new Promise((resolve, reject) => {
      this.open = resolve;
      this.fail = reject;
    });
  };
}

function start() {
  const clock = new FakeClock();
  const [quic, tcp] = [new Attempt("webtransport"), new Attempt("websocket")];
  const abort = new AbortController();
  const result = race([quic, tcp], clock, abort.signal).then((transport) => transport.kind, (error: WeirError) => error.code);
  return { clock, quic, tcp, abort, result };
}

test("the second begins half a second later; the first that opens wins, and the other is closed", async () => {
  const { clock, quic, tcp, result } = start();
  await clock.advance(499);
  assert.ok(quic.begun && !tcp.begun);
  await clock.advance(1);
  assert.ok(tcp.begun);
  tcp.open(new Peer("websocket"));
  assert.equal(await result, "websocket");
  assert.ok(quic.aborted);
  const late = new Peer();
  quic.open(late);
  await settle();
  assert.ok(late.closed, "one that opens too late is closed");
  assert.equal(clock.untilNext, undefined);
});

test("the second is not tried if the first opens in time", async () => {
  const { clock, quic, tcp, result } = start();
  quic.open(new Peer());
  assert.equal(await result, "webtransport");
  await clock.advance(1000);
  assert.ok(!tcp.begun);
});

test("the second begins at once if the first fails", async () => {
  const { quic, tcp, result } = start();
  quic.fail(new WeirError("unsupported", "no WebTransport"));
  await settle();
  assert.ok(tcp.begun);
  tcp.fail(new WeirError("connection_lost", "refused"));
  assert.equal(await result, "connection_lost", "the error that says more");
});

test("ten seconds are enough, and an attempt can be given up", async () => {
  const slow = start();
  await slow.clock.advance(10_000);
  assert.equal(await slow.result, "connection_lost");
  assert.ok(slow.quic.aborted && slow.tcp.aborted);
  const given = start();
  given.abort.abort();
  assert.equal(await given.result, "connection_lost");
  assert.ok(given.quic.aborted);
});

test("the winner of the last race goes first", () => {
  const endpoint = { url: "https://relay/weir", websocketUrl: "wss://relay/weir", certificateHashes: [], token: undefined };
  const order = (winner?: TransportKind, kinds?: TransportKind[]) => candidatesOf(endpoint, kinds, winner).map(({ kind }) => kind);
  assert.deepEqual(order(), ["webtransport", "websocket"]);
  assert.deepEqual(order("websocket"), ["websocket", "webtransport"]);
  assert.deepEqual(order("websocket", ["webtransport"]), ["webtransport"]);
});

test("where to connect to", async () => {
  assert.deepEqual(await locator({ url: "https://relay.example:8443" })(), {
    url: "https://relay.example:8443/weir", websocketUrl: "wss://relay.example:8443/weir", certificateHashes: [], token: undefined,
  });
  assert.equal((await locator({ url: "https://a/x", websocketUrl: "ws://b:1/y" })()).websocketUrl, "ws://b:1/y");
  for (const url of ["relay", "http://relay", "http://localhost.relay", "http://127.0.0.1.relay", "wss://relay"]) assert.throws(() => locator({ url }), { code: "invalid_argument" });
});

test("who is asked where to connect to", () => {
  for (const [module, origin] of [
    ["http://127.0.0.1:8080/weir.js", "http://127.0.0.1:8080"], ["https://relay.example/weir.js", "https://relay.example"],
    ["https://shop.example/assets/index-4f2a.js", "page"], ["file:///app/weir.js", "page"],
  ] as const) assert.equal(home(module, "page"), origin);
});

test("a relay for development is asked itself", async (t) => {
  const asked: string[] = [];
  t.mock.method(globalThis, "fetch", async (url: string) => {
    asked.push(url);
    return Response.json({ url: "https://127.0.0.1:8443", token: "t" });
  });
  for (const url of ["http://localhost:8080", "http://127.0.0.1:8080/", "http://[::1]:1"]) {
    const { url: at, token } = await locator({ url })();
    assert.deepEqual([at, token], ["https://127.0.0.1:8443/weir", "t"]);
  }
  assert.deepEqual(asked, ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:1"].map((origin) => `${origin}/.well-known/weir`));
});

test("discovery", async (t) => {
  const answers: (Response | Error)[] = [
    Response.json({ url: "https://127.0.0.1:8443", websocketUrl: "ws://localhost:8080/weir", certificateHashes: ["ab", 1], token: "t", more: {} }),
    new Response("gone", { status: 404 }), new Response("later", { status: 503 }), new Response("[", { status: 200 }), new TypeError("offline"),
  ];
  t.mock.method(globalThis, "fetch", async () => {
    const answer = answers.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const locate = locator({});
  assert.deepEqual(await locate(), {
    url: "https://127.0.0.1:8443/weir", websocketUrl: "ws://localhost:8080/weir", certificateHashes: ["ab"], token: "t",
  });
  for (const retryable of [false, true, false, true]) await assert.rejects(locate(), { code: "discovery_failed", retryable });
});
