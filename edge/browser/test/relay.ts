import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectOptions, TransportKind } from "../src/api/weir.js";
import { Client } from "../src/client.js";
import { FrameDecoder } from "../src/codec/decode.js";
import { encodeFrame } from "../src/codec/encode.js";
import type { Frame, FrameMessage, FrameName, frames } from "../src/codec/type.js";
import { WeirError } from "../src/error.js";
import type { Memory } from "../src/transport/memory.js";
import type { Candidate, Transport, TransportListener } from "../src/transport/transport.js";
import { FakeClock, settle } from "./clock.js";

export const epoch = 1_795_000_000_000;
export const producer = "mwm0nk74-000102030405060708090a0b0c0d0eff";

/** The relay's end of one transport: what the client sent, and what the test answers. */
export class Peer implements Transport {
  closed = false;
  private readonly decoder = new FrameDecoder();
  private readonly received: Frame[] = [];
  private listener: TransportListener | undefined;

  constructor(readonly kind: TransportKind = "webtransport") {}

  start(listener: TransportListener): void {
    this.listener = listener;
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.received.push(...this.decoder.push(frame));
  }

  close(): void {
    this.closed = true;
    this.listener = undefined;
  }

  /** Sends a frame to the client, through the codec. */
  say<N extends FrameName>(name: N, message: MessageInitShape<(typeof frames)[N]["schema"]>): void {
    const encoded = encodeFrame(name, message);
    this.listener?.frames(new FrameDecoder().push(encoded), encoded.length);
  }

  /** The transport breaks. */
  break(): void {
    const listener = this.listener;
    this.listener = undefined;
    listener?.lost(new WeirError("connection_lost", "cut by the test", { retryable: true }));
  }

  /** Takes the oldest frame, which must have this name. */
  expect<N extends FrameName>(name: N): FrameMessage<N> {
    const frame = this.received.shift();
    assert.equal(frame?.name, name, `the client sent ${frame?.name ?? "nothing"}`);
    return frame!.message as FrameMessage<N>;
  }

  /** The names of frames that were not taken yet. */
  get pending(): FrameName[] {
    return this.received.map((frame) => frame.name);
  }

  welcome(over: { producer?: string; tokenExpiresMs?: bigint; publishesInFlight?: number; explain?: boolean } = {}): void {
    const { publishesInFlight = 256, ...rest } = over;
    this.say("welcome", {
      session: "s-1", producer, serverTimeMs: BigInt(epoch), agent: "test",
      limits: {
        frameBytes: 262144, payloadBytes: 65536, subscriptions: 64, filters: 4, publishesInFlight,
        pingIntervalMs: 10_000, idleTimeoutMs: 30_000,
      },
      ...rest,
    });
  }

  /** Accepts the oldest publication with this offset. */
  accept(offset: number, duplicate = false): FrameMessage<"publish"> {
    const publish = this.expect("publish");
    this.say("published", { request: publish.request, receipt: { epoch: BigInt(epoch), offset: BigInt(offset), duplicate } });
    return publish;
  }

  /** Refuses the oldest publication. */
  refuse(code: string, retryable: boolean): FrameMessage<"publish"> {
    const publish = this.expect("publish");
    this.refuseRequest(publish.request, code, retryable);
    return publish;
  }

  refuseRequest(request: number, code: string, retryable: boolean): void {
    this.say("published", { request, fault: { code, message: "refused by the test", retryable } });
  }

  /** The hub has forgotten the producer; the relay grants another. */
  grant(request: number, granted: string): void {
    this.say("published", { request, fault: { code: "producer_expired", message: "refused by the test" }, producer: granted });
  }
}

/** A client and the relay that it talks to, in one place and in the test's time. */
export class Bench {
  readonly clock = new FakeClock();
  /** Every transport that the client opened, in order. */
  readonly peers: Peer[] = [];
  readonly states: string[] = [];
  readonly client: Client;
  /** Whether transports can be opened. */
  reachable = true;
  /** What `weir` was told by the page. */
  wake = () => {};
  remembered: TransportKind | undefined;

  constructor(options: ConnectOptions = {}) {
    const memory: Memory = { recall: () => this.remembered, remember: (kind) => (this.remembered = kind) };
    this.client = new Client({ token: "a.b.c", ...options }, {
      clock: this.clock, memory,
      locate: async () => ({ url: "https://relay/weir", websocketUrl: "wss://relay/weir", certificateHashes: [], token: undefined }),
      candidates: () => [this.candidate()],
    }, (returned) => {
      this.wake = returned;
      return () => {};
    });
    this.client.on("state", (state) => this.states.push(state));
  }

  /** The newest transport. */
  get peer(): Peer {
    const peer = this.peers.at(-1);
    assert.ok(peer, "the client has opened no transport");
    return peer;
  }

  /** Waits for the next HELLO, welcomes and returns the relay's end. */
  async session(): Promise<Peer> {
    await settle();
    const peer = this.peer;
    peer.expect("hello");
    peer.welcome();
    return peer;
  }

  /** Cuts the transport and welcomes the client when it comes back. */
  async reconnect(): Promise<Peer> {
    this.peer.break();
    await this.clock.advance(20_000);
    return this.session();
  }

  private candidate(): Candidate {
    return {
      kind: "webtransport",
      dial: async () => {
        if (!this.reachable) throw new WeirError("connection_lost", "unreachable", { retryable: true });
        const peer = new Peer();
        this.peers.push(peer);
        return peer;
      },
    };
  }
}

/** A cursor on the wire, in the epoch of the tests. */
export function at(offset: number): { epoch: bigint; offset: bigint } {
  return { epoch: BigInt(epoch), offset: BigInt(offset) };
}

/** An event on the wire. */
export function event(offset: number, payload: string, key = "") {
  return { offset: BigInt(offset), key, payload: new TextEncoder().encode(payload), contentType: "text/plain", timeMs: BigInt(epoch + offset) };
}
