import type { SubscribeOptions, Subscription } from "./api/subscription.js";
import type { ConnectOptions, Handler, Published, PublishOptions, State, StateDetail, Stats, TransportKind, Weir, WeirEvents } from "./api/weir.js";
import { Backoff } from "./backoff.js";
import type { Welcome } from "./codec/gen/weir/v1/session_pb.js";
import type { Frame } from "./codec/type.js";
import { Connection, type Surroundings } from "./connection.js";
import { Counters } from "./counters.js";
import { Emitter } from "./emitter.js";
import { WeirError } from "./error.js";
import { closedError, connectionLost, errorOf } from "./fault.js";
import { Inquiries } from "./inquiries.js";
import type { Watch } from "./network.js";
import { checkChannel, publicationOf } from "./publication.js";
import { Publisher } from "./publisher.js";
import { Registry } from "./registry.js";
import type { Sender } from "./session.js";
import { LiveSubscription } from "./subscription.js";
import { Refresher } from "./token.js";

/** Told to relays, for their operators' logs. */
const agent = "weir-js/0.1.0";

const defaultQueue = 1000;
const maxQueue = 100_000;

/** Publications in flight and payload bytes, where a relay names none. */
const defaultLimits = { inFlight: 256, payloadBytes: 64 << 10 };

/** Puts the parts of a connection together. */
export class Client implements Weir {
  readonly ready: Promise<void>;
  private readonly counters = new Counters();
  /** Whether the console has been told that there is no connection. */
  private outage = false;
  private readonly callbacks = new Emitter<WeirEvents>();
  private readonly registry: Registry;
  private readonly inquiries = new Inquiries();
  private readonly publisher: Publisher;
  private readonly connection: Connection;
  private readonly refresher: Refresher;
  private readonly stopWatching: () => void;
  /** Of the present session, from WELCOME on. */
  private sender: Sender | undefined;
  /** What to add to the clock for the server's time, in milliseconds. */
  private serverOffset = 0;
  private settleReady!: { resolve: () => void; reject: (error: WeirError) => void };

  constructor(private readonly options: ConnectOptions, private readonly env: Surroundings, watch: Watch) {
    this.ready = new Promise((resolve, reject) => (this.settleReady = { resolve, reject }));
    this.ready.catch(() => {}); // whoever does not ask is told by the state
    this.registry = new Registry(env.clock, this.counters);
    this.publisher = new Publisher(queueOf(options), env.clock, this.counters, {
      adopt: (producer) => (this.connection.producer = producer),
      renew: () => this.renewProducer(),
    });
    this.connection = new Connection(options, agent, env, this.counters, this.connectionOwner());
    this.refresher = new Refresher(env.clock, {
      source: () => this.connection.freshToken(),
      send: (token) => this.sender?.send("refresh", { token }),
      failed: (error) => this.report(error),
    });
    this.stopWatching = watch(() => this.connection.wake());
    void this.connection.start();
  }

  get state(): State {
    return this.connection.state;
  }

  get transport(): TransportKind | undefined {
    return this.connection.transport;
  }

  get stats(): Stats {
    return { ...this.counters };
  }

  on<K extends keyof WeirEvents>(name: K, listener: WeirEvents[K]): () => void {
    return this.callbacks.on(name, listener);
  }

  subscribe<T>(channel: string, first?: SubscribeOptions | Handler<T>, second?: Handler<T>): Subscription<T> {
    const [options, handler] = typeof first === "function" ? [{}, first] : [first ?? {}, second];
    checkChannel(channel);
    if (this.state === "closed") throw closedError("the connection");
    const subscription = new LiveSubscription<T>(channel, options, handler, this.registry, this.inquiries, new Backoff(this.env.clock));
    this.registry.add(subscription);
    return subscription;
  }

  async publish(channel: string, value: unknown, options: PublishOptions = {}): Promise<Published> {
    if (this.state === "closed") throw closedError("the connection");
    return this.publisher.publish(publicationOf(channel, value, options));
  }

  close(): void {
    this.connection.close(closedError("the connection"));
  }

  interrupt(forMs = 0): void {
    const cut = new WeirError("connection_lost", "the application interrupted the connection", { retryable: true, retryAfterMs: forMs });
    this.connection.renew(cut);
  }

  private connectionOwner() {
    return {
      state: (state: State, detail: StateDetail) => this.tell(state, detail),
      greeted: (sender: Sender) => this.registry.start(sender),
      welcome: (message: Welcome, sender: Sender, kept: boolean) => this.welcome(message, sender, kept),
      frame: (frame: Frame) => this.frame(frame),
      lost: () => this.lost(),
      closed: (error: WeirError) => this.closed(error),
    };
  }

  private welcome(message: Welcome, sender: Sender, kept: boolean): void {
    if (message.producer === "") throw new WeirError("protocol_violation", "the relay granted no producer identity");
    this.sender = sender;
    const limits = {
      inFlight: message.limits?.publishesInFlight || defaultLimits.inFlight,
      payloadBytes: message.limits?.payloadBytes || defaultLimits.payloadBytes,
    };
    this.serverOffset = Number(message.serverTimeMs) - this.env.clock.now();
    this.watchToken(message.tokenExpiresMs);
    this.settleReady.resolve();
    this.inquiries.start(sender, message.explain);
    this.publisher.start(sender, limits, kept);
  }

  /** The server's clock alone counts: the device's may be wrong. */
  private watchToken(expiresMs: bigint): void {
    if (typeof this.options.token === "string" || expiresMs === 0n) return this.refresher.stop();
    this.refresher.start(Math.max(1, Number(expiresMs) - this.serverOffset - this.env.clock.now()));
  }

  private frame(frame: Frame): void {
    switch (frame.name) {
      case "batch":
        return this.registry.batch(frame.message);
      case "subscribed":
        return this.registry.subscribed(frame.message);
      case "unsubscribed":
        return this.registry.unsubscribed(frame.message);
      case "published":
        return this.publisher.answered(frame.message);
      case "explained":
        return this.inquiries.answered(frame.message);
      case "refreshed":
        return this.refreshed(frame.message.fault && errorOf(frame.message.fault), frame.message.tokenExpiresMs);
      case "error": {
        const error = frame.message.fault ? errorOf(frame.message.fault) : new WeirError("internal", "the relay reported an error");
        if (!this.registry.refused(frame.message, error)) this.report(error);
      }
    }
  }

  private refreshed(error: WeirError | undefined, expiresMs: bigint): void {
    if (error !== undefined) return this.refresher.refused(error);
    this.watchToken(expiresMs);
  }

  private lost(): void {
    this.sender = undefined;
    this.refresher.stop();
    this.registry.lost();
    this.inquiries.lost();
    this.publisher.lost();
  }

  private closed(error: WeirError): void {
    this.stopWatching();
    this.refresher.stop();
    this.registry.failAll(error);
    this.publisher.close(error);
    this.settleReady.reject(error);
  }

  private renewProducer(): void {
    this.connection.producer = "";
    this.connection.renew(connectionLost("a new producer identity is needed"));
  }

  /** Somebody must say it where nobody listens: a page that stays empty has a reason. Once an outage. */
  private tell(state: State, detail: StateDetail): void {
    const heard = this.callbacks.emit("state", state, detail);
    if (state === "connected" || state === "closed") {
      this.outage = false;
    } else if (!heard && !this.outage && detail.error !== undefined) {
      this.outage = true;
      console.warn(`weir: no connection, trying again: ${detail.error}`);
    }
  }

  private report(error: WeirError): void {
    if (!this.callbacks.emit("error", error)) console.error(`weir: ${error}`);
  }
}

function queueOf({ queue = defaultQueue }: ConnectOptions): number {
  if (Number.isInteger(queue) && queue >= 1 && queue <= maxQueue) return queue;
  throw new WeirError("invalid_argument", `queue must be a whole number from 1 to ${maxQueue}`);
}
