import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "./clock.js";
import { encodeFrame } from "./codec/encode.js";
import type { Hello, Welcome } from "./codec/gen/weir/v1/session_pb.js";
import type { Frame, FrameName, frames } from "./codec/type.js";
import type { Counters } from "./counters.js";
import { WeirError } from "./error.js";
import { connectionLost, errorOf } from "./fault.js";
import { Heartbeat } from "./heartbeat.js";
import type { Transport, TransportKind } from "./transport/transport.js";

/** How long a relay may take to answer HELLO, in milliseconds. */
const welcomeTimeout = 10_000;

/** Sends frames. */
export interface Sender {
  send<N extends FrameName>(name: N, message: MessageInitShape<(typeof frames)[N]["schema"]>): void;
}

/** What a session tells its owner. `ended` comes once and last. */
export interface SessionOwner {
  welcome(message: Welcome): void;
  /** Any frame but those that the session answers itself. */
  frame(frame: Frame): void;
  /** @param said - whether the relay itself said so, with GOODBYE. */
  ended(error: WeirError, said: boolean): void;
}

/** One session on one transport: greeting, liveness and farewell. */
export class Session implements Sender {
  private readonly heartbeat: Heartbeat;
  private readonly cancelWelcome: () => void;
  private welcomed = false;
  private over = false;

  constructor(
    private readonly transport: Transport,
    private readonly owner: SessionOwner,
    private readonly counters: Counters,
    clock: Clock,
  ) {
    this.heartbeat = new Heartbeat(clock, {
      ping: (ping) => this.send("ping", ping),
      dead: () => this.end(connectionLost("the relay does not answer any more")),
      rtt: (ms) => (this.counters.rttMs = ms),
    });
    this.cancelWelcome = clock.after(welcomeTimeout, () => this.end(connectionLost("the relay did not answer the greeting")));
    transport.start({
      frames: (list, bytes) => this.receive(list, bytes),
      lost: (error) => this.end(error),
    });
  }

  get kind(): TransportKind {
    return this.transport.kind;
  }

  /** Sends the first frame. */
  greet(hello: Pick<Hello, "token" | "agent" | "producer">): void {
    this.send("hello", hello);
  }

  send<N extends FrameName>(name: N, message: MessageInitShape<(typeof frames)[N]["schema"]>): void {
    if (this.over) return;
    const frame = encodeFrame(name, message);
    this.counters.bytesOut += frame.length;
    this.transport.send(frame);
  }

  /** Finds out soon whether the relay is still there. */
  probe(): void {
    if (this.welcomed && !this.over) this.heartbeat.probe();
  }

  /** Ends the session from this side. */
  end(error: WeirError, said = false): void {
    if (this.over) return;
    this.over = true;
    this.cancelWelcome();
    this.heartbeat.stop();
    this.transport.close();
    this.owner.ended(error, said);
  }

  private receive(list: Frame[], bytes: number): void {
    this.counters.bytesIn += bytes;
    if (this.welcomed) this.heartbeat.heard();
    try {
      for (const frame of list) {
        if (this.over) return;
        this.handle(frame);
      }
    } catch (error) {
      this.end(error instanceof WeirError ? error : new WeirError("internal", "a frame could not be handled", { cause: error }));
    }
  }

  private handle(frame: Frame): void {
    switch (frame.name) {
      case "goodbye":
        return this.end(frame.message.fault ? errorOf(frame.message.fault) : connectionLost("the relay ended the session"), true);
      case "welcome":
        if (this.welcomed) throw unexpected(frame.name);
        this.welcomed = true;
        this.cancelWelcome();
        this.heartbeat.start(frame.message.limits?.pingIntervalMs ?? 0);
        return this.owner.welcome(frame.message);
      case "ping":
        return this.send("pong", { nonce: frame.message.nonce, timeMs: BigInt(Date.now()) });
      case "pong":
        return this.heartbeat.pong(frame.message.nonce);
      case "hello": case "subscribe": case "params": case "unsubscribe": case "publish": case "refresh": case "explain":
        throw unexpected(frame.name);
      default:
        this.owner.frame(frame);
    }
  }
}

function unexpected(name: string): WeirError {
  return new WeirError("frame_unexpected", `the relay sent ${name}, which it must not at this point`);
}
