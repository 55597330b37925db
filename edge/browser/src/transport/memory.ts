import type { TransportKind } from "./transport.js";

const key = "weir.transport";

/** Remembers which transport won, for this tab's session: where UDP is blocked it stays so. */
export interface Memory {
  recall(): TransportKind | undefined;
  remember(kind: TransportKind): void;
}

/**
 * Keeps it in sessionStorage, or not at all where there is none or it is forbidden. Where WebTransport has worked, UDP is not
 * blocked: a WebSocket that was faster once, as when the relay had just come back, is not remembered.
 */
export const sessionMemory: Memory = {
  recall() {
    try {
      const kind = globalThis.sessionStorage?.getItem(key);
      return kind === "webtransport" || kind === "websocket" ? kind : undefined;
    } catch {
      return undefined;
    }
  },
  remember(kind) {
    if (kind === "websocket" && sessionMemory.recall() === "webtransport") return;
    try {
      globalThis.sessionStorage?.setItem(key, kind);
    } catch {
      // Forbidden, or full: the race is run again next time.
    }
  },
};
