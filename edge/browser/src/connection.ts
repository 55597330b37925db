import type { ConnectOptions, State, StateDetail, TransportKind } from "./api/weir.js";
import { Backoff } from "./backoff.js";
import type { Clock } from "./clock.js";
import type { Welcome } from "./codec/gen/weir/v1/session_pb.js";
import type { Frame } from "./codec/type.js";
import type { Counters } from "./counters.js";
import type { Endpoint, Locate } from "./endpoint.js";
import { WeirError } from "./error.js";
import { wrapped } from "./fault.js";
import { type Sender, Session } from "./session.js";
import { obtain } from "./token.js";
import type { Memory } from "./transport/memory.js";
import { race } from "./transport/race.js";
import type { Candidate } from "./transport/transport.js";

/** A session that has stood this long has shown that the relay is well, in milliseconds. */
const steady = 10_000;

/** What a connection needs of its surroundings; tests bring their own. */
export interface Surroundings {
  readonly clock: Clock;
  readonly locate: Locate;
  readonly candidates: (endpoint: Endpoint, winner: TransportKind | undefined) => Candidate[];
  readonly memory: Memory;
}

/** What a connection tells. */
export interface ConnectionOwner {
  state(state: State, detail: StateDetail): void;
  /** HELLO has been sent; what does not depend on WELCOME may follow. */
  greeted(sender: Sender): void;
  /** @param kept - whether the session goes on with the producer identity of the one before. */
  welcome(message: Welcome, sender: Sender, kept: boolean): void;
  frame(frame: Frame): void;
  /** A session that was greeted has ended. */
  lost(): void;
  /** There will be no session any more. */
  closed(error: WeirError): void;
}

/** One session after the other, until closed or until trying again is of no use. */
export class Connection {
  state: State = "connecting";
  /** The identity under which publications are numbered; "" asks for a new one. */
  producer = "";
  private readonly backoff: Backoff;
  private session: Session | undefined;
  private attempt: AbortController | undefined;
  private cancelRetry: (() => void) | undefined;
  /** Whether it was the relay that asked for the present wait. */
  private told = false;
  private welcomedAt: number | undefined;
  /** Sessions that were refused in a row because of their token. */
  private tokensRefused = 0;

  constructor(
    private readonly options: Pick<ConnectOptions, "token">,
    private readonly agent: string,
    private readonly env: Surroundings,
    private readonly counters: Counters,
    private readonly owner: ConnectionOwner,
  ) {
    this.backoff = new Backoff(env.clock);
  }

  get transport(): TransportKind | undefined {
    return this.state === "connected" ? this.session?.kind : undefined;
  }

  /** Begins an attempt. */
  async start(): Promise<void> {
    this.cancelRetry?.();
    this.cancelRetry = undefined;
    const attempt = (this.attempt = new AbortController());
    try {
      const endpoint = await this.env.locate();
      const token = await obtain(this.options.token ?? endpoint.token);
      if (attempt.signal.aborted) return;
      const transport = await race(this.env.candidates(endpoint, this.env.memory.recall()), this.env.clock, attempt.signal);
      if (attempt.signal.aborted) return transport.close();
      this.open(new Session(transport, this.sessionOwner(), this.counters, this.env.clock), token);
    } catch (error) {
      if (!attempt.signal.aborted) this.failed(wrapped(error, "internal", "the attempt to connect failed", false), false);
    }
  }

  /** A fresh token, from where the first one came. */
  async freshToken(): Promise<string> {
    return obtain(this.options.token ?? (await this.env.locate()).token);
  }

  /** The network or the page has come back: tries at once, or looks whether the session still stands. */
  wake(): void {
    if (this.cancelRetry !== undefined && !this.told) void this.start();
    else this.session?.probe();
  }

  /** Ends the session; another follows. */
  renew(error: WeirError): void {
    this.session?.end(error);
  }

  close(error: WeirError): void {
    if (this.state === "closed") return;
    this.cancelRetry?.();
    this.cancelRetry = undefined;
    this.attempt?.abort();
    this.change("closed", error.code === "closed" ? {} : { error });
    this.session?.end(error);
    this.owner.closed(error);
  }

  private open(session: Session, token: string): void {
    this.session = session;
    session.greet({ token, agent: this.agent, producer: this.producer });
    this.owner.greeted(session);
  }

  private sessionOwner() {
    return {
      welcome: (message: Welcome) => this.welcome(message),
      frame: (frame: Frame) => this.owner.frame(frame),
      ended: (error: WeirError, said: boolean) => {
        this.session = undefined;
        this.owner.lost();
        this.failed(error, said);
      },
    };
  }

  private welcome(message: Welcome): void {
    const session = this.session!;
    this.env.memory.remember(session.kind);
    this.welcomedAt = this.env.clock.now();
    this.tokensRefused = 0;
    if (this.state === "reconnecting") this.counters.reconnects++;
    const kept = message.producer === this.producer;
    this.producer = message.producer;
    this.owner.welcome(message, session, kept);
    if (this.session === session) this.change("connected", {}); // unless the owner has ended it at once
  }

  private failed(error: WeirError, said: boolean): void {
    if (this.state === "closed") return;
    const stood = this.welcomedAt === undefined ? 0 : this.env.clock.now() - this.welcomedAt;
    this.welcomedAt = undefined;
    const wasSteady = stood >= steady;
    if (wasSteady) this.backoff.reset();
    const freshToken = this.curable(error, said);
    if (!error.retryable && !freshToken) return this.close(error);
    const first = (wasSteady || freshToken) && error.retryAfterMs === 0;
    this.retry(error, first ? 0 : this.backoff.next(error.retryAfterMs));
  }

  /** Whether a fresh token could help; once in a row, for a function that keeps giving the same one must not be asked for ever. */
  private curable(error: WeirError, said: boolean): boolean {
    if (!said || !["unauthenticated", "token_invalid", "token_expired"].includes(error.code)) return false;
    return typeof this.options.token !== "string" && ++this.tokensRefused <= 1;
  }

  private retry(error: WeirError, retryInMs: number): void {
    this.told = error.retryAfterMs > 0;
    this.cancelRetry = this.env.clock.after(retryInMs, () => void this.start());
    this.change(this.state === "connecting" ? "connecting" : "reconnecting", { error, retryInMs });
  }

  private change(state: State, detail: Omit<StateDetail, "state" | "transport">): void {
    this.state = state;
    this.owner.state(state, { state, transport: this.transport, ...detail });
  }
}
