import type { Clock } from "../clock.js";
import { WeirError } from "../error.js";
import { connectionLost, wrapped } from "../fault.js";
import type { Candidate, Transport } from "./transport.js";

/** How long a candidate has before the next is tried beside it, in milliseconds. */
const stagger = 500;
/** How long all of them have together. */
const patience = 10_000;

/**
 * Tries transports one beside the other: each begins half a second after the one before it, or as soon as all before it
 * have failed. The first that opens wins, and the others are given up.
 *
 * @throws {@link WeirError} the error of the candidate that failed first, or `connection_lost` if `signal` aborts.
 */
export function race(candidates: readonly Candidate[], clock: Clock, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    const errors: WeirError[] = [];
    let begun = 0, over = false;
    let cancelNext = () => {};

    const settle = (finish: () => void) => {
      if (over) return;
      over = true;
      cancelNext();
      cancelPatience();
      signal.removeEventListener("abort", giveUp);
      finish();
      abort.abort();
    };
    const giveUp = () => settle(() => reject(connectionLost("the attempt was given up")));
    const cancelPatience = clock.after(patience, () => settle(() => reject(errors[0] ?? connectionLost("the relay did not answer in time"))));

    const next = () => {
      cancelNext();
      const candidate = candidates[begun++];
      if (over || candidate === undefined) return;
      if (begun < candidates.length) cancelNext = clock.after(stagger, next);
      candidate.dial(abort.signal).then(
        (transport) => (over ? transport.close() : settle(() => resolve(transport))),
        (cause) => {
          errors.push(wrapped(cause, "connection_lost", `${candidate.kind} failed`, true));
          if (errors.length === candidates.length) settle(() => reject(telling(errors)));
          else if (errors.length === begun) next();
        },
      );
    };
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    else if (candidates.length === 0) settle(() => reject(new WeirError("unsupported", "there is no transport to try")));
    else next();
  });
}

/** The error worth telling: not that a transport does not exist here, where another was tried. */
function telling(errors: WeirError[]): WeirError {
  return errors.find((error) => error.code !== "unsupported") ?? errors[0]!;
}
