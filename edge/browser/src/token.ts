import type { Token } from "./api/weir.js";
import type { Clock } from "./clock.js";
import { WeirError } from "./error.js";
import { wrapped } from "./fault.js";

/** Bytes that a HELLO may have, less room for its other fields (SPEC.md, section 10). */
const maxToken = 15 << 10;
/** How long before its end a token is replaced at the latest, in milliseconds, if it lives long enough. */
const margin = 30_000;
/** How long to wait after a refused or failed refresh, in milliseconds. */
const retry = 10_000;

/** Gives a fresh token. */
export type TokenSource = () => Promise<string>;

/** @throws {@link WeirError} `token_unavailable` (retryable) if the application's function throws; `unauthenticated` if there is no token. */
export async function obtain(token: Token | undefined): Promise<string> {
  let text: unknown;
  try {
    text = typeof token === "function" ? await token() : token;
  } catch (cause) {
    throw wrapped(cause, "token_unavailable", "the token function failed", true);
  }
  if (typeof text !== "string" || text === "") {
    throw new WeirError("unauthenticated", "there is no token", { hint: "give connect() a token, or a function that fetches one" });
  }
  if (text.length > maxToken) throw new WeirError("token_invalid", `the token has ${text.length} bytes, at most ${maxToken} are possible`);
  return text;
}

/** What a {@link Refresher} does. */
export interface RefreshActions {
  source: TokenSource;
  /** Sends REFRESH. */
  send(token: string): void;
  failed(error: WeirError): void;
}

/** Replaces a session's token before it expires. */
export class Refresher {
  private cancel = () => {};
  private stopped = true;
  /** Counts starts: what was asked for one session must not be sent on the next. */
  private run = 0;

  constructor(private readonly clock: Clock, private readonly actions: RefreshActions) {}

  /** @param lifeMs - how long the token still holds; 0: for ever. */
  start(lifeMs: number): void {
    this.stop();
    this.stopped = false;
    if (lifeMs > 0) this.schedule(lifeMs - Math.max(lifeMs / 10, Math.min(margin, lifeMs / 2)));
  }

  stop(): void {
    this.stopped = true;
    this.run++;
    this.cancel();
  }

  /** The relay has refused the newer token: the older goes on holding, and it is tried again until that ends. */
  refused(error: WeirError): void {
    this.actions.failed(error);
    if (!this.stopped) this.schedule(retry);
  }

  private schedule(ms: number): void {
    this.cancel();
    this.cancel = this.clock.after(ms, () => void this.refresh());
  }

  private async refresh(): Promise<void> {
    const run = this.run;
    try {
      const token = await this.actions.source();
      if (run === this.run) this.actions.send(token);
    } catch (error) {
      if (run === this.run) this.refused(wrapped(error, "token_unavailable", "the token function failed", true));
    }
  }
}
