import type { StateDetail, Subscription, TransportKind, Weir, WeirError } from "/weir.js";
import { duration } from "../meters/format.js";
import { element, show } from "./element.js";
import { notify, resolved } from "./notice.js";

const names: Record<TransportKind, string> = { webtransport: "WebTransport", websocket: "WebSocket" };

const words = { connecting: "Connecting", connected: "Live", reconnecting: "Reconnecting", closed: "Closed" } as const;

/** Shows the connection's state: in the header, in its card, and over the map while there is nothing to see. */
export function showConnection(weir: Weir): void {
  weir.on("state", (_, detail) => render(detail));
  render({ state: weir.state, transport: weir.transport });
}

function render(detail: StateDetail): void {
  const { state, transport } = detail;
  document.body.dataset["state"] = state;
  document.body.dataset["transport"] = transport ?? "";
  show(element("link-state"), words[state]);
  const badge = element("link-transport");
  badge.hidden = transport === undefined;
  show(badge, transport ? names[transport] : "");
  show(element("transport"), transport ? `${names[transport]} ${transport === "webtransport" ? "(QUIC, UDP)" : "(TCP)"}` : "none");
  renderNotice(detail);
}

function renderNotice({ state, error, retryInMs }: StateDetail): void {
  const again = retryInMs === undefined ? "" : ` Next attempt in ${duration(retryInMs)}.`;
  const reason = error ? sentence(error) : "";
  if (state === "connected") {
    resolved("connection");
  } else if (state === "connecting") {
    const text = reason ? `${reason}${again}` : "WebTransport first, WebSocket half a second later.";
    notify("connection", "Connecting to the edge", text);
  } else if (state === "reconnecting") {
    const text = `Aircraft stand still until it is back; then you get what has changed.${again}`;
    notify("connection", "The connection is gone", text);
  } else {
    notify("connection", "Closed for good", `${reason} Reload the page to try again.`);
  }
}

/** Tells of a subscription that was ended: nothing more comes until the page is loaded anew. */
export function showEnd(subscription: Subscription): void {
  subscription.on("closed", (error) => {
    if (error) notify(subscription.channel, `No ${subscription.channel} any more`, sentence(error));
  });
}

function sentence(error: WeirError): string {
  return `${error.message}${error.hint ? ` (${error.hint})` : ""}.`;
}

/** Shows the connection's figures; called every second. */
export function refreshConnection(weir: Weir): void {
  show(element("rtt"), weir.stats.rttMs === undefined ? "–" : duration(weir.stats.rttMs));
  show(element("reconnects"), String(weir.stats.reconnects), weir.stats.reconnects);
}
