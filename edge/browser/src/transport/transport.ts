import type { TransportKind } from "../api/weir.js";
import type { Frame } from "../codec/type.js";
import type { WeirError } from "../error.js";

export type { TransportKind };

/** What a transport tells. `lost` comes at most once, and last; never after `close`. */
export interface TransportListener {
  /** @param bytes - how many these frames, and parts of further ones, have. */
  frames(list: Frame[], bytes: number): void;
  lost(error: WeirError): void;
}

/** Carries frames, in order, until it is lost or closed. */
export interface Transport {
  readonly kind: TransportKind;
  /** Begins to read. Called once. */
  start(listener: TransportListener): void;
  /** Queues a whole frame. What is queued is bounded by who sends: see Publisher for what is not small. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Opens a transport; rejects with a {@link WeirError}. When `signal` aborts, whatever was opened is closed. */
export type Dial = (signal: AbortSignal) => Promise<Transport>;

/** A transport that can be tried. */
export interface Candidate {
  readonly kind: TransportKind;
  readonly dial: Dial;
}
