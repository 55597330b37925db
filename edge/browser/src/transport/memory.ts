import type { TransportKind } from "./transport.js";

const key = "weir.transport";

/** Remembers which transport won, for this tab's session: where UDP is blocked it stays so. */
export interface Memory {
  recall(): TransportKind | undefined;
  remember(kind: TransportKind): void;
}

/** Keeps it in sessionStorage, or not at all where there is none or it is forbidden. */
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
    try {
      globalThis.sessionStorage?.setItem(key, kind);
    } catch {
      // Forbidden, or full: the race is run again next time.
    }
  },
};
