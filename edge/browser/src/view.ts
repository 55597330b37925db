import type { Cursor, Gap, Message, Snapshot } from "./api/message.js";
import { type Batch, type Item, ItemKind } from "./codec/gen/weir/v1/session_pb.js";
import { fromWire } from "./cursor.js";
import { WeirError } from "./error.js";
import { toNumber } from "./integer.js";
import { ReceivedMessage } from "./message.js";

/** Keys that a view may have, ten times a state channel's default bound: a relay must not fill the page's memory. */
const maxKeys = 1_000_000;

/** What a batch gives to tell, in order. The last is always where the subscription stands. */
export type Telling<T> =
  | { readonly what: "message"; readonly message: Message<T> }
  | { readonly what: "gap"; readonly gap: Gap }
  | { readonly what: "snapshot"; readonly snapshot: Snapshot }
  | { readonly what: "end"; readonly cursor: Cursor | undefined; readonly skipped: number; readonly skippedBytes: number };

/** Turns batches into what an application is told (SPEC.md, sections 5 and 6). */
export class View<T> {
  /** The keys that match, on a state channel. */
  readonly map = new Map<string, ReceivedMessage<T>>();
  /** Accounts for everything told so far. */
  cursor: Cursor | undefined;
  /** The snapshot that is coming in. */
  private next: Map<string, ReceivedMessage<T>> | undefined;
  /** Epoch of the events in `map`. */
  private epoch: number | undefined;
  private complete = false;

  constructor(readonly channel: string, cursor: Cursor | undefined) {
    this.cursor = cursor;
  }

  /**
   * Tells what a batch says. `map` and `cursor` are brought up to each telling just before it is yielded; the caller must
   * take all of them before it folds another batch.
   */
  *fold(batch: Batch): Generator<Telling<T>, void> {
    const cursor = batch.cursor === undefined ? this.cursor : fromWire(batch.cursor);
    if (batch.gap !== undefined) yield { what: "gap", gap: this.gap(batch.gap) };
    if (batch.snapshotBegin) this.next = new Map();
    for (const item of batch.items) {
      const message = this.apply(item, cursor);
      if (message !== undefined) yield { what: "message", message };
    }
    if (batch.snapshotEnd && this.next !== undefined && cursor !== undefined) yield* this.replace(this.next, cursor);
    this.cursor = cursor;
    yield {
      what: "end", cursor, skipped: toNumber(batch.skipped, "a count"), skippedBytes: toNumber(batch.skippedBytes, "a count"),
    };
  }

  /** Tells somebody who comes later what the view holds. */
  *introduce(): Generator<Telling<T>, void> {
    for (const message of [...this.map.values()]) yield { what: "message", message: message.as("enter") };
  }

  private gap(gap: NonNullable<Batch["gap"]>): Gap {
    return {
      kind: "gap", channel: this.channel, reason: gap.reason, from: toNumber(gap.from, "an offset"), to: toNumber(gap.to, "an offset"),
    };
  }

  /** Takes one item; returns what is to be told of it. */
  private apply(item: Item, cursor: Cursor | undefined): Message<T> | undefined {
    if (item.event === undefined) throw new WeirError("frame_malformed", "the relay sent an item without an event");
    switch (item.kind) {
      case ItemKind.EVENT:
        return this.event(new ReceivedMessage("event", this.channel, item.event), cursor);
      case ItemKind.SNAPSHOT:
        this.collect(new ReceivedMessage("enter", this.channel, item.event));
        return undefined;
      case ItemKind.ENTER:
      case ItemKind.UPDATE:
        this.epoch = cursor?.epoch;
        return this.put(new ReceivedMessage(this.map.has(item.event.key) ? "update" : "enter", this.channel, item.event));
      case ItemKind.LEAVE:
        return this.map.delete(item.event.key) ? new ReceivedMessage("leave", this.channel, item.event) : undefined;
      default:
        throw new WeirError("protocol_violation", `the relay sent an item of unknown kind ${item.kind}`);
    }
  }

  /** An event of a log channel, unless it was told before. */
  private event(message: ReceivedMessage<T>, cursor: Cursor | undefined): Message<T> | undefined {
    if (message.offset === 0 || cursor === undefined) return message;
    if (this.cursor?.epoch === cursor.epoch && message.offset <= this.cursor.offset) return undefined;
    this.cursor = { epoch: cursor.epoch, offset: message.offset };
    return message;
  }

  private collect(message: ReceivedMessage<T>): void {
    if (this.next === undefined) throw new WeirError("protocol_violation", "the relay sent part of a snapshot that it never began");
    this.next.set(message.key, message);
    this.bounded(this.next);
  }

  private put(message: ReceivedMessage<T>): Message<T> {
    this.map.set(message.key, message);
    this.bounded(this.map);
    return message;
  }

  private bounded(map: ReadonlyMap<string, unknown>): void {
    if (map.size <= maxKeys) return;
    throw new WeirError("view_too_large", `the view of ${this.channel} exceeds ${maxKeys} keys`, { hint: "filter more strictly" });
  }

  /** Replaces the view by a snapshot, telling just the difference. */
  private *replace(next: Map<string, ReceivedMessage<T>>, cursor: Cursor): Generator<Telling<T>, void> {
    this.next = undefined;
    const sameEpoch = this.epoch === cursor.epoch;
    const resync = this.complete;
    this.complete = true;
    this.epoch = cursor.epoch;
    let entered = 0, updated = 0, left = 0;
    for (const [key, before] of [...this.map]) {
      if (next.has(key)) continue;
      this.map.delete(key);
      left++;
      yield { what: "message", message: before.gone() };
    }
    for (const [key, message] of next) {
      const before = this.map.get(key);
      if (before !== undefined && sameEpoch && before.equals(message)) continue;
      this.map.set(key, message.as(before === undefined ? "enter" : "update"));
      before === undefined ? entered++ : updated++;
      yield { what: "message", message: this.map.get(key)! };
    }
    this.cursor = cursor;
    yield { what: "snapshot", snapshot: { channel: this.channel, cursor, size: this.map.size, resync, entered, updated, left } };
  }
}
