import type { ConnectOptions } from "/weir.js";

/** How to connect: as the page's origin says, and with "?transport=websocket" in the address by WebSocket alone. */
export function connectOptions(): ConnectOptions {
  const kind = new URLSearchParams(location.search).get("transport");
  return kind === "websocket" || kind === "webtransport" ? { transports: [kind] } : {};
}
