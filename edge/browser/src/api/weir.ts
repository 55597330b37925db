import type { WeirError } from "../error.js";
import type { Gap, Message } from "./message.js";
import type { SubscribeOptions, Subscription } from "./subscription.js";

/** How frames travel. */
export type TransportKind = "webtransport" | "websocket";

/** A token, or where to get a fresh one. A function is asked before each session and before a token expires. */
export type Token = string | (() => string | Promise<string>);

/** Everything that {@link connect} can be told. All of it is optional where a relay served the page or the SDK itself. */
export interface ConnectOptions {
  /**
   * Of the relay: "https://relay.example", or of a `weir dev` on the same machine: "http://localhost:8080", which says the
   * rest itself, a token too. Absent: the relay that served the SDK is asked, or else the page's origin, at /.well-known/weir.
   */
  readonly url?: string;
  /** Needed with the `url` of a relay that is no `weir dev`. */
  readonly token?: Token;
  /** Absent: `url` with wss in the place of https. */
  readonly websocketUrl?: string;
  /** SHA-256 of certificates to accept beside publicly trusted ones, in hex; for development. WebTransport only. */
  readonly certificateHashes?: readonly string[];
  /** What to try. Absent: both, WebSocket half a second later. */
  readonly transports?: readonly TransportKind[];
  /** Most publications that wait for their receipt, online or not, 1 to 100,000. Absent: 1,000. */
  readonly queue?: number;
}

/**
 * - `connecting`: for the first time
 * - `connected`: publications and events flow
 * - `reconnecting`: the session was lost; everything is resumed when the next one stands
 * - `closed`: for good, by {@link Weir.close} or by an error that trying again would not cure
 */
export type State = "connecting" | "connected" | "reconnecting" | "closed";

/** What comes with a change of state. */
export interface StateDetail {
  readonly state: State;
  /** Of the session; undefined where there is none. */
  readonly transport: TransportKind | undefined;
  /** Why the session was lost or refused. */
  readonly error?: WeirError;
  /** When the next attempt begins, from now. */
  readonly retryInMs?: number;
}

/** What {@link Weir.on} can listen to. */
export interface WeirEvents {
  /** The connection has another state, or has failed again. Failures are logged to the console, once an outage, if nobody listens. */
  state: (state: State, detail: StateDetail) => void;
  /** Something failed that no promise and no subscription reports, as a refused token refresh. */
  error: (error: WeirError) => void;
}

/** Counters since `connect`. */
export interface Stats {
  readonly batches: number;
  /** Messages received in batches. */
  readonly events: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Events that filters held back. */
  readonly heldBack: number;
  /** Bytes of their payloads, which were not sent. */
  readonly heldBackBytes: number;
  readonly gaps: number;
  /** Publications accepted. */
  readonly published: number;
  /** Publications that wait for their receipt now. */
  readonly pending: number;
  /** Sessions after the first. */
  readonly reconnects: number;
  /** Of the last ping, in milliseconds; undefined before the first. */
  readonly rttMs: number | undefined;
}

/** What may accompany a publication. */
export interface PublishOptions {
  /** What the event is the latest version of; needed on a state channel. */
  readonly key?: string;
  /** `region` (absent): durable before the promise resolves. `none`: passed on to whoever is there, never stored. */
  readonly ack?: "region" | "none";
  readonly headers?: Readonly<Record<string, string>> | ReadonlyArray<readonly [string, string]>;
  /** Absent: by the value's type, see {@link Weir.publish}. */
  readonly contentType?: string;
  /** Deletes the key on a state channel. The value must be undefined or null. */
  readonly tombstone?: boolean;
}

/** The receipt of a publication. */
export interface Published {
  readonly epoch: number;
  /** Its place in the channel; 0 for `ack: "none"`. */
  readonly offset: number;
  /** Whether an earlier attempt of the same publication had been accepted: this is its offset. */
  readonly duplicate: boolean;
}

/** Takes what a subscription delivers, in order. */
export type Handler<T = any> = (message: Message<T> | Gap) => void;

/** A connection to a relay that heals itself. */
export interface Weir {
  readonly state: State;
  /** Of the present session; undefined where there is none. */
  readonly transport: TransportKind | undefined;
  readonly stats: Stats;
  /** Resolves with the first session; rejects if there will be none. */
  readonly ready: Promise<void>;
  /** Adds a listener; returns a function that removes it. */
  on<K extends keyof WeirEvents>(name: K, listener: WeirEvents[K]): () => void;
  /** Subscribes at once, or as soon as there is a session. */
  subscribe<T = any>(channel: string, handler?: Handler<T>): Subscription<T>;
  subscribe<T = any>(channel: string, options: SubscribeOptions, handler?: Handler<T>): Subscription<T>;
  /**
   * Publishes a value: bytes as they are, a string as text/plain, anything else as application/json.
   *
   * Without a connection it waits in a bounded queue. It is sent again after a reconnect, and never published twice.
   * With `ack: "none"` it is now or never.
   *
   * @throws {@link WeirError} `busy` if the queue is full, `producer_expired` where it can't be known any more whether an
   * earlier attempt was accepted, or what the relay answered.
   */
  publish(channel: string, value: unknown, options?: PublishOptions): Promise<Published>;
  /** Closes the session and all subscriptions; publications without a receipt are rejected. */
  close(): void;
  /**
   * Cuts the transport, as a failing network would. For demonstrations and tests.
   *
   * @param forMs - how long to stay away at least, in milliseconds; half as much may be added. Absent: not at all.
   */
  interrupt(forMs?: number): void;
}
