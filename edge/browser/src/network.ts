/** Tells when the network or the page has come back, and so when a connection deserves a second look. */
export type Watch = (returned: () => void) => () => void;

/** Listens to the page's events; in an environment without them, to nothing. */
export const watchPage: Watch = (returned) => {
  const visible = () => {
    if (globalThis.document?.visibilityState === "visible") returned();
  };
  const page = globalThis as Partial<Pick<Window, "addEventListener" | "removeEventListener">>;
  // "offline" too: what the session says to a probe counts, not what the browser believes about the network.
  for (const name of ["online", "offline", "pageshow"] as const) page.addEventListener?.(name, returned);
  globalThis.document?.addEventListener("visibilitychange", visible);
  return () => {
    for (const name of ["online", "offline", "pageshow"] as const) page.removeEventListener?.(name, returned);
    globalThis.document?.removeEventListener("visibilitychange", visible);
  };
};
