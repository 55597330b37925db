import type { ErrorCode } from "./api/codes.js";
/** What a {@link WeirError} is made of besides its code and message. */
export interface WeirErrorDetail {
    readonly hint?: string;
    readonly retryable?: boolean;
    readonly retryAfterMs?: number;
    readonly cause?: unknown;
}
/** Any failure that this package reports. */
export declare class WeirError extends Error {
    readonly name = "WeirError";
    /** Stable; see SPEC.md for those of the relay. */
    readonly code: ErrorCode;
    /** What to do about it; may be "". */
    readonly hint: string;
    /** Whether the same may succeed later, unchanged. */
    readonly retryable: boolean;
    /** How long the relay asks to wait before that; 0: as long as you like. */
    readonly retryAfterMs: number;
    constructor(code: ErrorCode, message: string, detail?: WeirErrorDetail);
    /** "code: message (hint)". */
    toString(): string;
}
