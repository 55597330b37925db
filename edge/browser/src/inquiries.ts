import type { Explanation } from "./api/explanation.js";
import type { Cursor } from "./api/message.js";
import type { Explained } from "./codec/gen/weir/v1/session_pb.js";
import { toWire } from "./cursor.js";
import { WeirError } from "./error.js";
import { connectionLost, errorOf } from "./fault.js";
import { explanationOf } from "./explanation.js";
import type { Sender } from "./session.js";

interface Waiter {
  readonly resolve: (explanation: Explanation) => void;
  readonly reject: (error: WeirError) => void;
}

/** How many explanations may be waited for: a relay answers two at once. */
const maxAsked = 16;

/** The explanations that were asked for in the present session. */
export class Inquiries {
  private sender: Sender | undefined;
  private offered = false;
  private last = 0;
  private readonly asked = new Map<number, Waiter>();

  /** A session has begun; `offered` is what WELCOME says. */
  start(sender: Sender, offered: boolean): void {
    this.sender = sender;
    this.offered = offered;
    this.last = 0;
  }

  /** The session has ended, and with it the hope for answers. */
  lost(): void {
    this.sender = undefined;
    const waiters = [...this.asked.values()];
    this.asked.clear();
    for (const waiter of waiters) waiter.reject(connectionLost("the session was lost before the explanation came"));
  }

  /** Asks why a subscription, by its number in the session, got an event or did not. */
  ask(subscription: number, event: Cursor): Promise<Explanation> {
    const sender = this.sender;
    if (sender === undefined || subscription === 0) {
      return Promise.reject(new WeirError("unavailable", "the subscription is not open at the relay now", { retryable: true }));
    }
    if (!this.offered) {
      return Promise.reject(new WeirError("permission_denied", "this relay gives no explanations, or not with this token", {
        hint: 'in development: weir dev, weir edge --explain, or the token\'s claim "weir": {"explain": true}',
      }));
    }
    if (this.asked.size >= maxAsked) {
      return Promise.reject(new WeirError("busy", `${this.asked.size} explanations are waited for already`, { retryable: true }));
    }
    const request = ++this.last;
    return new Promise((resolve, reject) => {
      this.asked.set(request, { resolve, reject });
      sender.send("explain", { request, subscription, event: toWire(event) });
    });
  }

  /** @throws {@link WeirError} if nobody has asked. */
  answered({ request, explanation, fault }: Explained): void {
    const waiter = this.asked.get(request);
    if (waiter === undefined) throw new WeirError("protocol_violation", "the relay explained what nobody asked");
    this.asked.delete(request);
    if (fault !== undefined || explanation === undefined) {
      return waiter.reject(fault ? errorOf(fault) : new WeirError("internal", "the relay's explanation is empty"));
    }
    waiter.resolve(explanationOf(explanation));
  }
}
