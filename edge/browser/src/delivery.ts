import type { Gap, Message } from "./api/message.js";
import type { SubscriptionEvents } from "./api/subscription.js";
import type { Handler } from "./api/weir.js";
import type { Batch } from "./codec/gen/weir/v1/session_pb.js";
import { type Emitter, shielded } from "./emitter.js";
import type { WeirError } from "./error.js";
import { wrapped } from "./fault.js";
import { Inbox } from "./inbox.js";
import type { Telling, View } from "./view.js";

/** Whoever waits for an iterator's next message. */
interface Waiter<T> {
  readonly iterator: object;
  resolve(result: IteratorResult<Message<T> | Gap, undefined>): void;
  reject(error: WeirError): void;
}

/** What {@link Delivery} tells its subscription. */
export interface DeliveryOwner {
  /** A batch has been taken out of the inbox. */
  drained(): void;
  /** The relay sent what can't be told to anybody. */
  broken(error: WeirError): void;
}

/**
 * Brings batches to callbacks, iterators and the view, in order.
 *
 * Iterators set the pace if there are any. Else callbacks get everything at once. With neither, a state channel's view
 * is kept up to date, and a log channel's batches wait.
 */
export class Delivery<T> {
  readonly inbox: Inbox;
  events = 0;
  gaps = 0;
  private readonly iterators = new Set<object>();
  private readonly waiters: Waiter<T>[] = [];
  private telling: Generator<Telling<T>, void> | undefined;
  private running = false;
  private stateChannel = false;
  /** Whether a consumer has come to a view that nobody had been told of. */
  private introduction = false;
  private ended: { readonly error: WeirError | undefined } | undefined;

  constructor(
    private readonly view: View<T>,
    private readonly callbacks: Emitter<SubscriptionEvents<T>>,
    private readonly handler: Handler<T> | undefined,
    private readonly owner: DeliveryOwner,
    buffer: number,
  ) {
    this.inbox = new Inbox(buffer);
  }

  /** Takes what the relay sent. */
  push(batch: Batch): void {
    this.stateChannel ||= batch.snapshotBegin;
    this.inbox.push(batch);
    this.advance();
  }

  /** Runs `add`, which adds a callback, and lets it have what waits. */
  withConsumer<R>(add: () => R): R {
    const idle = this.idle;
    const result = add();
    if (idle && !this.idle) this.introduction = this.stateChannel;
    this.advance();
    return result;
  }

  iterator(): AsyncIterator<Message<T> | Gap, undefined> {
    const iterator: AsyncIterator<Message<T> | Gap, undefined> = {
      next: () => new Promise((resolve, reject) => {
        if (!this.iterators.has(iterator) && this.ended === undefined) return resolve({ done: true, value: undefined });
        this.waiters.push({ iterator, resolve, reject });
        this.advance();
      }),
      return: async () => {
        this.detach(iterator);
        return { done: true, value: undefined };
      },
    };
    if (this.ended === undefined) this.withConsumer(() => this.iterators.add(iterator));
    return iterator;
  }

  /** Nothing comes any more. With an error, iterators get what waits first; without, they are done at once. */
  end(error: WeirError | undefined): void {
    this.ended = { error };
    if (error === undefined) {
      this.inbox.clear();
      this.telling = undefined;
    }
    this.advance();
  }

  private get idle(): boolean {
    return this.iterators.size === 0 && this.handler === undefined &&
      !(["event", "enter", "update", "leave"] as const).some((name) => this.callbacks.has(name));
  }

  private detach(iterator: object): void {
    this.iterators.delete(iterator);
    for (const waiter of this.waiters.filter((w) => w.iterator === iterator)) {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      waiter.resolve({ done: true, value: undefined });
    }
    this.advance();
  }

  /** Moves on as far as there are both something to tell and somebody to take it. */
  private advance(): void {
    if (this.running) return; // called by a callback: the loop below goes on
    this.running = true;
    try {
      while (this.wanted && this.step());
    } catch (error) {
      this.owner.broken(wrapped(error, "internal", "a batch could not be told", false));
    } finally {
      this.running = false;
    }
    if (this.ended !== undefined) this.release(this.ended.error);
  }

  private get wanted(): boolean {
    if (this.waiters.length > 0) return true;
    return this.iterators.size === 0 && (this.stateChannel || !this.idle);
  }

  /** Tells one thing; returns false if there is nothing. */
  private step(): boolean {
    this.telling ??= this.following();
    if (this.telling === undefined) return false;
    const { done, value } = this.telling.next();
    if (done) this.telling = undefined;
    else this.tell(value);
    return true;
  }

  private following(): Generator<Telling<T>, void> | undefined {
    if (this.introduction) {
      this.introduction = false;
      return this.view.introduce();
    }
    const batch = this.inbox.shift();
    if (batch === undefined) return undefined;
    this.owner.drained();
    return this.view.fold(batch);
  }

  private tell(telling: Telling<T>): void {
    switch (telling.what) {
      case "message":
        return this.tellMessage(telling.message);
      case "gap":
        return this.tellGap(telling.gap);
      case "snapshot":
        this.callbacks.emit("snapshot", telling.snapshot);
        return;
      case "end":
        if (telling.skipped === 0 || telling.cursor === undefined) return;
        this.callbacks.emit("skip", {
          channel: this.view.channel, cursor: telling.cursor, events: telling.skipped, bytes: telling.skippedBytes,
        });
    }
  }

  private tellMessage(message: Message<T>): void {
    this.events++;
    this.callbacks.emit(message.kind, message);
    this.hand(message);
  }

  private tellGap(gap: Gap): void {
    this.gaps++;
    const heard = this.callbacks.emit("gap", gap);
    if (!this.hand(gap) && !heard) {
      console.warn(`weir: events ${gap.from} to ${gap.to} of ${gap.channel} are lost to this subscription: ${gap.reason}`);
    }
  }

  /** Gives a message to the handler and to whoever waits for one; returns whether there was anybody. */
  private hand(message: Message<T> | Gap): boolean {
    if (this.handler !== undefined) shielded(() => this.handler!(message));
    const waiter = this.waiters.shift();
    waiter?.resolve({ done: false, value: message });
    return this.handler !== undefined || waiter !== undefined;
  }

  private release(error: WeirError | undefined): void {
    this.iterators.clear();
    for (const waiter of this.waiters.splice(0)) {
      if (error === undefined) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
  }
}
