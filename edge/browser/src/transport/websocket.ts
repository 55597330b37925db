import { FrameDecoder } from "../codec/decode.js";
import { WeirError } from "../error.js";
import { connectionLost } from "../fault.js";
import { Outbox } from "./outbox.js";
import type { Dial, Transport, TransportListener } from "./transport.js";

/** Bytes gathered into one message (SPEC.md, section 1). */
const messageBytes = 64 << 10;
const normalClosure = 1000;

/** Opens WebSocket connections. */
export function webSocket(url: string): Dial {
  return (signal) => new Promise((resolve, reject) => {
    if (typeof WebSocket === "undefined") return reject(new WeirError("unsupported", "this environment has no WebSocket"));
    const socket = new WebSocket(url, ["weir.1"]);
    socket.binaryType = "arraybuffer";
    const abort = () => {
      socket.close(normalClosure);
      reject(connectionLost("the attempt was given up"));
    };
    signal.addEventListener("abort", abort);
    socket.onopen = () => {
      signal.removeEventListener("abort", abort);
      resolve(new WebSocketConnection(socket));
    };
    socket.onerror = socket.onclose = () => {
      signal.removeEventListener("abort", abort);
      reject(connectionLost(`no WebSocket connection with ${url}`));
    };
  });
}

class WebSocketConnection implements Transport {
  readonly kind = "websocket";
  private readonly outbox: Outbox;
  private listener: TransportListener | undefined;

  constructor(private readonly socket: WebSocket) {
    this.outbox = new Outbox((bytes) => socket.send(bytes), messageBytes);
    socket.onmessage = (event) => this.message(event);
    socket.onerror = null;
    socket.onclose = (event) => {
      this.lost(connectionLost(`the connection was closed, with code ${event.code}`));
    };
  }

  start(listener: TransportListener): void {
    this.listener = listener;
    if (this.socket.readyState !== WebSocket.OPEN) queueMicrotask(() => this.lost(connectionLost("the connection was closed")));
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.outbox.push(frame);
  }

  close(): void {
    this.listener = undefined;
    this.socket.close(normalClosure);
  }

  private message(event: MessageEvent): void {
    if (this.listener === undefined) return;
    try {
      if (!(event.data instanceof ArrayBuffer)) throw malformed("a text message");
      const decoder = new FrameDecoder();
      const frames = decoder.push(new Uint8Array(event.data));
      if (decoder.midFrame || frames.length === 0) throw malformed("a message that is not made of whole frames");
      this.listener.frames(frames, event.data.byteLength);
    } catch (error) {
      this.lost(error as WeirError);
      this.socket.close(normalClosure);
    }
  }

  private lost(error: WeirError): void {
    const listener = this.listener;
    this.listener = undefined;
    listener?.lost(error);
  }
}

function malformed(what: string): WeirError {
  return new WeirError("frame_malformed", `the relay sent ${what}`);
}
