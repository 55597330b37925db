import type { Explanation } from "./api/explanation.js";
import type { Cursor, Gap, Message } from "./api/message.js";
import type { FilterSpec, SubscribeOptions, Subscription, SubscriptionEvents, SubscriptionStats } from "./api/subscription.js";
import type { Handler } from "./api/weir.js";
import type { Backoff } from "./backoff.js";
import { ChannelKind } from "./codec/gen/weir/v1/event_pb.js";
import { type Batch, Start, type Subscribed } from "./codec/gen/weir/v1/session_pb.js";
import { checkCursor, fromWire, toWire } from "./cursor.js";
import { Delivery } from "./delivery.js";
import { Emitter } from "./emitter.js";
import { WeirError } from "./error.js";
import { closedError } from "./fault.js";
import { filtersOf, type WireFilter, wireFilters } from "./filters.js";
import type { Inquiries } from "./inquiries.js";
import { toNumber } from "./integer.js";
import type { Member, Registry } from "./registry.js";
import { Revisions } from "./revisions.js";
import type { Sender } from "./session.js";
import { View } from "./view.js";

/** Messages that wait for an iterator, by default: a second of a busy channel. */
const defaultBuffer = 1024;
const maxBuffer = 100_000;
/** How far beyond its bound the inbox may grow while a change of filters waits for its answer, which comes in a batch. */
const patience = 4;

/** A subscription, from one session to the next. */
export class LiveSubscription<T> implements Subscription<T>, Member {
  number = 0;
  closed = false;
  private readonly callbacks = new Emitter<SubscriptionEvents<T>>();
  private readonly folded: View<T>;
  private readonly delivery: Delivery<T>;
  private readonly revisions: Revisions;
  private readonly earliest: boolean;
  private readonly count = { batches: 0, heldBack: 0, heldBackBytes: 0, parked: 0 };
  private sender: Sender | undefined;
  /** Where to go on: what has arrived, be it told already or not. */
  private received: Cursor | undefined;
  private parked = false;
  private snapshotOpen = false;

  constructor(
    readonly channel: string,
    options: SubscribeOptions,
    handler: Handler<T> | undefined,
    private readonly registry: Registry,
    private readonly inquiries: Inquiries,
    private readonly backoff: Backoff,
  ) {
    this.earliest = options.since === "earliest";
    if (options.since !== undefined && options.since !== "earliest") this.received = checkCursor(options.since);
    this.folded = new View(channel, this.received);
    this.delivery = new Delivery(this.folded, this.callbacks, handler, this.deliveryOwner(), bufferOf(options));
    this.revisions = new Revisions(filtersOf(options), (revision, filters) => {
      this.sender?.send("params", { subscription: this.number, revision, filters });
    });
  }

  get active(): boolean {
    return this.number !== 0;
  }

  get cursor(): Cursor | undefined {
    return this.folded.cursor;
  }

  get view(): ReadonlyMap<string, Message<T>> {
    return this.folded.map;
  }

  get stats(): SubscriptionStats {
    return { ...this.count, events: this.delivery.events, gaps: this.delivery.gaps };
  }

  get wanted(): boolean {
    return !this.closed && !this.parked;
  }

  on<K extends keyof SubscriptionEvents<T>>(name: K, listener: SubscriptionEvents<T>[K]): () => void {
    return this.delivery.withConsumer(() => this.callbacks.on(name, listener));
  }

  [Symbol.asyncIterator](): AsyncIterator<Message<T> | Gap, undefined> {
    return this.delivery.iterator();
  }

  async setParams(params: unknown): Promise<void> {
    const [only, ...others] = this.revisions.latest;
    if (only === undefined || others.length > 0) {
      throw new WeirError("invalid_argument", `the subscription has ${others.length + (only ? 1 : 0)} filters, not one`, {
        hint: "use setFilters",
      });
    }
    return this.change([{ ...wireFilters([{ name: only.name, params }])[0]!, version: only.version }]);
  }

  async setFilters(filters: readonly FilterSpec[]): Promise<void> {
    return this.change(wireFilters(filters));
  }

  async explain(event: Cursor): Promise<Explanation> {
    if (this.closed) throw closedError(`the subscription to ${this.channel}`);
    return this.inquiries.ask(this.number, checkCursor(event));
  }

  close(): void {
    this.end(undefined);
  }

  fail(error: WeirError): void {
    this.end(error);
  }

  open(number: number, sender: Sender): void {
    this.number = number;
    this.sender = sender;
    this.snapshotOpen = false;
    const start = this.received !== undefined ? Start.CURSOR : this.earliest ? Start.EARLIEST : Start.LIVE;
    sender.send("subscribe", {
      subscription: number, channel: this.channel, filters: this.revisions.filters, start,
      ...(this.received && { cursor: toWire(this.received) }),
    });
    this.revisions.opened();
  }

  lost(): void {
    this.number = 0;
    this.sender = undefined;
  }

  batch(batch: Batch): void {
    this.count.batches++;
    this.count.heldBack += toNumber(batch.skipped, "a count");
    this.count.heldBackBytes += toNumber(batch.skippedBytes, "a count");
    this.snapshotOpen = (this.snapshotOpen || batch.snapshotBegin) && !batch.snapshotEnd;
    if (batch.cursor !== undefined) this.received = fromWire(batch.cursor);
    this.delivery.push(batch);
    if (this.closed) return;
    if (!this.snapshotOpen) this.revisions.reached(batch.revision);
    if (this.delivery.inbox.full(this.revisions.pending ? patience : 1)) this.park();
  }

  subscribed({ channel }: Subscribed): void {
    this.backoff.reset();
    this.callbacks.emit("subscribed", {
      channel: this.channel,
      kind: channel?.kind === ChannelKind.LOG ? "log" : channel?.kind === ChannelKind.STATE ? "state" : "unknown",
      namespace: channel?.namespace ?? "",
      firstOffset: toNumber(channel?.firstOffset ?? 0n, "an offset"),
      nextOffset: toNumber(channel?.nextOffset ?? 0n, "an offset"),
    });
  }

  unsubscribed(error = new WeirError("closed", `the relay closed the subscription to ${this.channel}`)): void {
    this.lost();
    if (!error.retryable) return this.end(error);
    this.report(error);
    this.registry.openAfter(this, this.backoff.next(error.retryAfterMs));
  }

  refused(revision: number, error: WeirError): boolean {
    if (this.revisions.refused(revision, error)) return true;
    this.report(error);
    return true;
  }

  private change(filters: WireFilter[]): Promise<void> {
    if (this.closed) return Promise.reject(closedError(`the subscription to ${this.channel}`));
    const changed = this.revisions.change(filters, this.active);
    // Whoever awaits the change may not take messages meanwhile, so it must not wait for them to be taken.
    if (this.parked) this.unpark();
    return changed;
  }

  /** Closes it at the relay until messages have been taken: what is not taken must wait there, not here. */
  private park(): void {
    this.count.parked++;
    this.parked = true;
    this.registry.close(this.number);
    this.lost();
  }

  private unpark(): void {
    this.parked = false;
    this.registry.open(this);
  }

  private deliveryOwner() {
    return {
      drained: () => {
        if (this.parked && !this.delivery.inbox.full(0.5)) this.unpark();
      },
      broken: (error: WeirError) => this.end(error),
    };
  }

  private report(error: WeirError): void {
    if (!this.callbacks.emit("error", error)) console.error(`weir: subscription to ${this.channel}: ${error}`);
  }

  private end(error: WeirError | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.registry.remove(this);
    this.lost();
    this.revisions.fail(error ?? closedError(`the subscription to ${this.channel}`));
    if (error !== undefined && error.code !== "closed") this.report(error);
    this.delivery.end(error);
    this.callbacks.emit("closed", error);
  }
}

function bufferOf({ buffer = defaultBuffer }: SubscribeOptions): number {
  if (Number.isInteger(buffer) && buffer >= 1 && buffer <= maxBuffer) return buffer;
  throw new WeirError("invalid_argument", `buffer must be a whole number from 1 to ${maxBuffer}`);
}
