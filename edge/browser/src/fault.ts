import type { Fault } from "./codec/gen/weir/v1/event_pb.js";
import { WeirError } from "./error.js";

/** What the relay said, as an error. */
export function errorOf(fault: Fault): WeirError {
  return new WeirError(fault.code || "internal", fault.message, {
    hint: fault.hint,
    retryable: fault.retryable,
    retryAfterMs: fault.retryAfterMs,
  });
}

/** An error for whatever was thrown: itself, if it is one of ours. */
export function wrapped(cause: unknown, code: string, message: string, retryable: boolean): WeirError {
  return cause instanceof WeirError ? cause : new WeirError(code, message, { cause, retryable });
}

/** For requests that the session's end has left without an answer. */
export function connectionLost(message: string, cause?: unknown): WeirError {
  return new WeirError("connection_lost", message, { retryable: true, cause });
}

/** For everything that comes after `close`. */
export function closedError(what: string): WeirError {
  return new WeirError("closed", `${what} was closed`);
}
