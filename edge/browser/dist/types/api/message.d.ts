/**
 * A place in a channel: everything up to and including `offset` has been accounted for.
 *
 * Plain numbers, so that it can be kept as JSON and given back as {@link SubscribeOptions.since}.
 */
export interface Cursor {
    /** Changes when a channel's order could not be continued; offsets of different epochs must not be compared. */
    readonly epoch: number;
    /** From 1 on; 0 is before the first event. */
    readonly offset: number;
}
/**
 * What happened:
 *
 * - `event`: an event of a log channel that the filters let through
 * - `enter`: a key of a state channel matches and did not before
 * - `update`: a key matched and goes on matching, with a newer event (or shown differently)
 * - `leave`: a key no longer matches or is deleted; there is no payload
 */
export type MessageKind = "event" | "enter" | "update" | "leave";
/** One event as one subscription sees it. */
export interface Message<T = any> {
    readonly kind: MessageKind;
    readonly channel: string;
    /** On a state channel, what this is the latest version of; else "". */
    readonly key: string;
    /** Place in the channel's order, from 1 on; 0 for an ephemeral event. */
    readonly offset: number;
    /** Milliseconds since the Unix epoch, by the clock of the hub that ordered the event. */
    readonly timeMs: number;
    /** `timeMs` as a Date. */
    readonly time: Date;
    /** Media type of the payload; "" if the publisher named none. */
    readonly contentType: string;
    /** In the publisher's order; a name may repeat. `new Map(message.headers)` keeps the last of each. */
    readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
    /** The payload as it was published. */
    readonly bytes: Uint8Array;
    /** Whether the key was deleted, rather than no longer matching the filters. Only on a `leave`. */
    readonly tombstone: boolean;
    /**
     * The payload by its content type: parsed if it is JSON, a string if it is text, else `bytes`; undefined on a
     * `leave`. Decoded on first use.
     *
     * @throws {@link WeirError} `payload_malformed` if it is not what its content type says.
     */
    readonly data: T;
    /** The payload as text (UTF-8). */
    text(): string;
}
/** Why events are missing: see the table in SPEC.md. */
export type GapReason = "trimmed" | "epoch_changed" | "too_slow" | "filter_failed" | "fuel_exhausted" | (string & {});
/** Events that this subscription will not get. On a state channel a fresh snapshot has made up for them. */
export interface Gap {
    readonly kind: "gap";
    readonly channel: string;
    /** First missing offset; 0 where it can't be known, as after a change of epoch. */
    readonly from: number;
    /** Last missing offset; 0 where it can't be known. */
    readonly to: number;
    readonly reason: GapReason;
}
/** The state channel's view has been brought up to a snapshot; its differences have been delivered before this. */
export interface Snapshot {
    readonly channel: string;
    readonly cursor: Cursor;
    /** Keys in the view now. */
    readonly size: number;
    /** Whether the view was held before, and this made up for what was missed meanwhile. */
    readonly resync: boolean;
    readonly entered: number;
    readonly updated: number;
    readonly left: number;
}
/** Events that the filters held back since the last batch. */
export interface Skip {
    readonly channel: string;
    readonly cursor: Cursor;
    readonly events: number;
    /** Payload bytes that were not sent. */
    readonly bytes: number;
}
