import type { WeirError } from "../error.js";
import type { Explanation } from "./explanation.js";
import type { Cursor, Gap, Message, Skip, Snapshot } from "./message.js";
/** A filter by name, with the params that its prepare function reads. */
export interface FilterSpec {
    readonly name: string;
    /** Absent or 0: the live version. */
    readonly version?: number;
    /** Bytes are passed as they are, a string as UTF-8, anything else as JSON. */
    readonly params?: unknown;
}
/** What to subscribe to, and from where. */
export interface SubscribeOptions {
    /** Short for a single entry of `filters`. */
    readonly filter?: string;
    /** Params of `filter`. */
    readonly params?: unknown;
    /** Version of `filter`. */
    readonly version?: number;
    /** Up to four; all of them must let an event through. Not together with `filter`. */
    readonly filters?: readonly FilterSpec[];
    /**
     * Where to begin on a log channel: with the next event (absent), with the oldest of the window, or after a cursor.
     * A state channel begins with a snapshot in any case.
     */
    readonly since?: "earliest" | Cursor;
    /**
     * Most messages that wait for an iterator, 1 to 100,000; absent: 1,024. When they are that many, the subscription is
     * parked: closed at the server, and opened again where it stopped once half of them have been taken.
     */
    readonly buffer?: number;
}
/** What {@link Subscription.on} can listen to. */
export interface SubscriptionEvents<T = any> {
    /** An event of a log channel. */
    event: (message: Message<T>) => void;
    /** A key entered the view. */
    enter: (message: Message<T>) => void;
    /** A key of the view has a newer event. */
    update: (message: Message<T>) => void;
    /** A key left the view. */
    leave: (message: Message<T>) => void;
    /** Events are lost to this subscription. Logged to the console if nobody listens. */
    gap: (gap: Gap) => void;
    /** A snapshot has been folded into the view, after its enters, updates and leaves. */
    snapshot: (snapshot: Snapshot) => void;
    /** The filters held events back. */
    skip: (skip: Skip) => void;
    /** The subscription is open, or open again after a reconnect. */
    subscribed: (info: SubscribedInfo) => void;
    /**
     * Something failed. If the error is retryable the subscription recovers by itself, else it is closed.
     * Logged to the console if nobody listens.
     */
    error: (error: WeirError) => void;
    /** The subscription is closed, by {@link Subscription.close} or with the error that ended it. */
    closed: (error: WeirError | undefined) => void;
}
/** What the server says about a channel when a subscription opens. */
export interface SubscribedInfo {
    readonly channel: string;
    readonly kind: "log" | "state" | "unknown";
    readonly namespace: string;
    /** Oldest offset that can be replayed. */
    readonly firstOffset: number;
    /** Offset that the next event will get. */
    readonly nextOffset: number;
}
/** Counters of one subscription. */
export interface SubscriptionStats {
    readonly batches: number;
    /** Messages delivered. */
    readonly events: number;
    /** Events that the filters held back. */
    readonly heldBack: number;
    /** Bytes of their payloads, which were not sent. */
    readonly heldBackBytes: number;
    readonly gaps: number;
    /** How often it was parked because nobody took its messages. */
    readonly parked: number;
}
/**
 * A subscription goes on across reconnects until it is closed.
 *
 * Messages go to callbacks as they arrive. With an iterator they wait for it in a bounded buffer, and callbacks, `view`
 * and `cursor` keep its pace. With neither, a log channel's messages wait for the first of either, and a state channel's
 * view is kept up to date: a consumer that comes later is told `enter` for what is in it.
 */
export interface Subscription<T = any> extends AsyncIterable<Message<T> | Gap> {
    readonly channel: string;
    /** Whether it is open at the server right now. */
    readonly active: boolean;
    readonly closed: boolean;
    /** Where it stands: what was delivered so far. Undefined before the first batch. */
    readonly cursor: Cursor | undefined;
    /** On a state channel, the keys that match right now; empty on a log channel. */
    readonly view: ReadonlyMap<string, Message<T>>;
    readonly stats: SubscriptionStats;
    /** Adds a listener; returns a function that removes it. */
    on<K extends keyof SubscriptionEvents<T>>(name: K, listener: SubscriptionEvents<T>[K]): () => void;
    /**
     * Gives other params to the only filter.
     *
     * @returns a promise that resolves when the subscription holds to them (or to newer ones given meanwhile), and rejects
     * with a {@link WeirError} if they are refused: the older ones go on holding.
     */
    setParams(params: unknown): Promise<void>;
    /** As `setParams`, for the whole list of filters. */
    setFilters(filters: readonly FilterSpec[]): Promise<void>;
    /**
     * Asks the relay why the subscription got an event or did not: `explain({ epoch, offset })`.
     *
     * @returns a promise that rejects with a {@link WeirError}: `permission_denied` where the relay does not run for development
     * and the token lacks the claim `weir.explain`, `not_found` for an event that is not in the window any more.
     */
    explain(event: Cursor): Promise<Explanation>;
    /** Closes it for good. Nothing is delivered afterwards. */
    close(): void;
}
