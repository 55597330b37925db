import { FrameDecoder } from "../codec/decode.js";
import { WeirError } from "../error.js";
import { connectionLost, wrapped } from "../fault.js";
import { Outbox } from "./outbox.js";
import type { Dial, Transport, TransportListener } from "./transport.js";

/** Bytes gathered into one write; 16 KiB is where throughput stops growing. */
const writeBytes = 16 << 10;
/** Streams that a relay may open: one for batches, and a few to come. */
const maxStreams = 8;

/** Options that are newer than the compiler's library. */
type Options = WebTransportOptions & { protocols: string[] };

/** Opens WebTransport sessions. @param hashes - SHA-256 of certificates to accept, in hex. */
export function webTransport(url: string, hashes: readonly string[]): Dial {
  return async (signal) => {
    if (typeof WebTransport === "undefined") throw new WeirError("unsupported", "this browser has no WebTransport");
    const options: Options = { protocols: ["weir.1"] };
    if (hashes.length > 0) options.serverCertificateHashes = hashes.map((hash) => ({ algorithm: "sha-256", value: unhex(hash) }));
    const session = new WebTransport(url, options);
    const abort = () => session.close();
    signal.addEventListener("abort", abort);
    session.closed.catch(() => {}); // told by `ready`, or later by the transport
    try {
      await session.ready;
      const control = await session.createBidirectionalStream();
      signal.throwIfAborted();
      return new WebTransportSession(session, control);
    } catch (cause) {
      close(session);
      throw wrapped(cause, "connection_lost", `no WebTransport session with ${url}`, true);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };
}

class WebTransportSession implements Transport {
  readonly kind = "webtransport";
  private readonly outbox: Outbox;
  private listener: TransportListener | undefined;

  constructor(private readonly session: WebTransport, private readonly control: WebTransportBidirectionalStream) {
    const writer = control.writable.getWriter();
    this.outbox = new Outbox(async (bytes) => {
      await writer.write(bytes).catch((error) => this.lost(error));
    }, writeBytes);
  }

  start(listener: TransportListener): void {
    this.listener = listener;
    this.session.closed.then(() => this.lost(undefined), (error) => this.lost(error));
    void this.read(this.control.readable).then(() => this.lost(undefined));
    void this.accept();
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.outbox.push(frame);
  }

  close(): void {
    this.listener = undefined;
    close(this.session);
  }

  private async accept(): Promise<void> {
    const incoming: ReadableStreamDefaultReader<ReadableStream<Uint8Array>> = this.session.incomingUnidirectionalStreams.getReader();
    try {
      for (let n = 1; ; n++) {
        const { value, done } = await incoming.read();
        if (done) return;
        if (n > maxStreams) throw new WeirError("protocol_violation", "the relay opened too many streams");
        void this.read(value);
      }
    } catch (error) {
      this.lost(error);
    }
  }

  /** Reads a stream to its end. Each chunk is dealt with before the next is asked for: the stream's flow control holds. */
  private async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new FrameDecoder();
    const reader = stream.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done && decoder.midFrame) throw new WeirError("frame_malformed", "the relay ended a stream within a frame", { retryable: true });
        if (done || this.listener === undefined) return;
        this.listener.frames(decoder.push(value), value.length);
      }
    } catch (error) {
      this.lost(error);
    }
  }

  private lost(cause: unknown): void {
    const listener = this.listener;
    this.listener = undefined;
    listener?.lost(cause === undefined ? connectionLost("the connection was closed") : wrapped(cause, "connection_lost", "the connection broke", true));
  }
}

function close(session: WebTransport): void {
  try {
    session.close({ closeCode: 0, reason: "" });
  } catch {
    // Never opened, or closed already: there is nothing left to close.
  }
}

function unhex(hash: string): Uint8Array<ArrayBuffer> {
  const digits = hash.replaceAll(":", "");
  if (!/^[0-9a-f]{64}$/i.test(digits)) {
    throw new WeirError("invalid_argument", "a certificate hash is a SHA-256 in 64 hexadecimal digits");
  }
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}
