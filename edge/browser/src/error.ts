import type { ErrorCode } from "./api/codes.js";

/** What a {@link WeirError} is made of besides its code and message. */
export interface WeirErrorDetail {
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Any failure that this package reports. */
export class WeirError extends Error {
  override readonly name = "WeirError";
  /** Stable; see SPEC.md for those of the relay. */
  readonly code: ErrorCode;
  /** What to do about it; may be "". */
  readonly hint: string;
  /** Whether the same may succeed later, unchanged. */
  readonly retryable: boolean;
  /** How long the relay asks to wait before that; 0: as long as you like. */
  readonly retryAfterMs: number;

  constructor(code: ErrorCode, message: string, detail: WeirErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.hint = detail.hint ?? "";
    this.retryable = detail.retryable ?? false;
    this.retryAfterMs = detail.retryAfterMs ?? 0;
  }

  /** "code: message (hint)". */
  override toString(): string {
    return this.hint === "" ? `${this.code}: ${this.message}` : `${this.code}: ${this.message} (${this.hint})`;
  }
}
