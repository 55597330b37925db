import type { ConnectOptions, TransportKind } from "./api/weir.js";
import { WeirError } from "./error.js";
import { webSocket } from "./transport/websocket.js";
import { webTransport } from "./transport/webtransport.js";
import type { Candidate } from "./transport/transport.js";

/** Where a relay's sessions are, and with which token, as far as the relay said so itself. */
export interface Endpoint {
  readonly url: string;
  readonly websocketUrl: string;
  readonly certificateHashes: readonly string[];
  readonly token: string | undefined;
}

/** Finds out where to connect to; asked before each attempt. */
export type Locate = () => Promise<Endpoint>;

/** The path of sessions, where a URL names none. */
const path = "/weir";

/** Bytes of a discovery document that are read. */
const maxDocument = 64 << 10;

/** @throws {@link WeirError} `invalid_argument` if the options name no place to connect to. */
export function locator(options: ConnectOptions): Locate {
  if (options.url === undefined) return () => discover(options);
  const fixed = endpoint(options.url, options.websocketUrl, options.certificateHashes, undefined);
  return async () => fixed;
}

/** The transports to try, the one that won before first. */
export function candidatesOf(
  endpoint: Endpoint, kinds: readonly TransportKind[] | undefined, winner: TransportKind | undefined,
): Candidate[] {
  const order = [...(kinds ?? (["webtransport", "websocket"] as const))];
  order.sort((a, b) => Number(b === winner) - Number(a === winner));
  return order.map((kind) => ({
    kind,
    dial: kind === "webtransport" ? webTransport(endpoint.url, endpoint.certificateHashes) : webSocket(endpoint.websocketUrl),
  }));
}

/**
 * The origin that knows where to connect to: that of the relay which served this SDK, and where it comes from elsewhere, as
 * part of an application's bundle, the page's.
 */
export function home(module: string, page: string): string {
  return /^https?:.*\/weir\.js$/.test(module) ? new URL(module).origin : page;
}

/** Asks that origin (SPEC.md, section 13). */
async function discover(options: ConnectOptions): Promise<Endpoint> {
  const origin = home(import.meta.url, globalThis.location?.origin ?? "");
  const response = await fetch(`${origin}/.well-known/weir`, { headers: { accept: "application/json" }, cache: "no-store" }).catch((cause) => {
    throw new WeirError("discovery_failed", `${origin || "the page's origin"} can't be reached`, { cause, retryable: true });
  });
  if (!response.ok) {
    throw new WeirError("discovery_failed", `${origin || "the page's origin"} answered ${response.status} for /.well-known/weir`, {
      hint: "give connect() the url of a relay, or import the SDK from one",
      retryable: response.status >= 500 || response.status === 429,
    });
  }
  const text = await response.text();
  if (text.length > maxDocument) throw new WeirError("discovery_failed", "the discovery document is too long");
  const found = parse(text);
  return endpoint(
    stringOf(found["url"]) ?? origin, options.websocketUrl ?? stringOf(found["websocketUrl"]),
    options.certificateHashes ?? listOf(found["certificateHashes"]), stringOf(found["token"]),
  );
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new WeirError("discovery_failed", "the discovery document is no JSON object");
}

function endpoint(
  url: string, websocketUrl: string | undefined, certificateHashes: readonly string[] | undefined, token: string | undefined,
): Endpoint {
  const at = withPath(url, "https:");
  const fallback = new URL(at);
  fallback.protocol = "wss:";
  return {
    url: at, websocketUrl: websocketUrl === undefined ? fallback.href : withPath(websocketUrl, "wss:", "ws:"),
    certificateHashes: certificateHashes ?? [], token,
  };
}

function withPath(url: string, ...protocols: string[]): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new WeirError("invalid_argument", `"${url}" is no URL`, { cause });
  }
  if (!protocols.includes(parsed.protocol)) {
    throw new WeirError("invalid_argument", `the URL must begin with ${protocols.map((p) => p + "//").join(" or ")}`);
  }
  if (parsed.pathname === "/") parsed.pathname = path;
  return parsed.href;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}
