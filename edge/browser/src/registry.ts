import type { Batch, Error as ErrorMessage, Subscribed, Unsubscribed } from "./codec/gen/weir/v1/session_pb.js";
import type { Clock } from "./clock.js";
import type { Counters } from "./counters.js";
import type { WeirError } from "./error.js";
import { errorOf } from "./fault.js";
import { toNumber } from "./integer.js";
import type { Sender } from "./session.js";

/** What the registry asks of a subscription. */
export interface Member {
  /** Whether it should be open at the relay. */
  readonly wanted: boolean;
  /** Its number in the session; 0 while it is not open. */
  readonly number: number;
  /** Sends SUBSCRIBE under this number. */
  open(number: number, sender: Sender): void;
  /** The session has ended. */
  lost(): void;
  batch(batch: Batch): void;
  subscribed(message: Subscribed): void;
  unsubscribed(error: WeirError | undefined): void;
  /** Returns whether the error was the answer to a change of filters. */
  refused(revision: number, error: WeirError): boolean;
  /** Ends it. */
  fail(error: WeirError): void;
}

/** The subscriptions of a client, and their numbers in the present session. */
export class Registry {
  private readonly members = new Set<Member>();
  private readonly byNumber = new Map<number, Member>();
  /** Timers of subscriptions that the relay has refused for the moment. */
  private readonly timers = new Map<Member, () => void>();
  private lastNumber = 0;
  private sender: Sender | undefined;

  constructor(private readonly clock: Clock, private readonly counters: Counters) {}

  add(member: Member): void {
    this.members.add(member);
    this.open(member);
  }

  /** Opens a subscription, if there is a session and it wants to. */
  open(member: Member): void {
    this.timers.get(member)?.();
    this.timers.delete(member);
    if (this.sender === undefined || !member.wanted || member.number !== 0) return;
    this.lastNumber++;
    this.byNumber.set(this.lastNumber, member);
    member.open(this.lastNumber, this.sender);
  }

  /** Opens a subscription later; a new session comes before that. */
  openAfter(member: Member, ms: number): void {
    this.timers.get(member)?.();
    this.timers.set(member, this.clock.after(ms, () => this.open(member)));
  }

  /** Closes a subscription at the relay; batches that are under way are ignored from now on. */
  close(number: number): void {
    if (this.byNumber.delete(number)) this.sender?.send("unsubscribe", { subscription: number });
  }

  remove(member: Member): void {
    this.close(member.number);
    this.timers.get(member)?.();
    this.timers.delete(member);
    this.members.delete(member);
  }

  /** A session has begun: numbers begin again. */
  start(sender: Sender): void {
    this.sender = sender;
    this.lastNumber = 0;
    for (const member of [...this.members]) this.open(member);
  }

  /** The session has ended. */
  lost(): void {
    this.sender = undefined;
    this.byNumber.clear();
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
    for (const member of [...this.members]) member.lost();
  }

  /** Ends all subscriptions. */
  failAll(error: WeirError): void {
    for (const member of [...this.members]) member.fail(error);
  }

  batch(batch: Batch): void {
    this.counters.batches++;
    this.counters.events += batch.items.length;
    this.counters.heldBack += toNumber(batch.skipped, "a count");
    this.counters.heldBackBytes += toNumber(batch.skippedBytes, "a count");
    if (batch.gap !== undefined) this.counters.gaps++;
    this.byNumber.get(batch.subscription)?.batch(batch);
  }

  subscribed(message: Subscribed): void {
    this.byNumber.get(message.subscription)?.subscribed(message);
  }

  unsubscribed(message: Unsubscribed): void {
    const member = this.byNumber.get(message.subscription);
    this.byNumber.delete(message.subscription);
    member?.unsubscribed(message.fault && errorOf(message.fault));
  }

  /** A request concerning a subscription was refused; returns false if it is none of ours. */
  refused(message: ErrorMessage, error: WeirError): boolean {
    const member = this.byNumber.get(message.subscription);
    if (member === undefined) return message.subscription !== 0;
    return member.refused(message.revision, error);
  }
}
