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
  if (options.url === undefined) return () => discover(home(import.meta.url, globalThis.location?.origin ?? ""), options);
  const local = development(options.url);
  if (local !== undefined) return () => discover(local, options);
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

/** The origin of a relay for development, `weir dev`: it speaks plain HTTP to its own machine, and says the rest itself. */
function development(url: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "http:" || !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(parsed.hostname)) return undefined;
  return parsed.origin;
}

/** What to do where the origin that was asked is no relay: a bundle asks the page's. */
const hint = 'give connect() the url of a relay; that of "weir dev" is http://localhost:8080';

/** Asks an origin (SPEC.md, section 13). */
async function discover(origin: string, options: ConnectOptions): Promise<Endpoint> {
  const asked = origin || "the page's origin";
  const response = await fetch(`${origin}/.well-known/weir`, { headers: { accept: "application/json" }, cache: "no-store" }).catch((cause) => {
    throw new WeirError("discovery_failed", `${asked} can't be reached`, {
      hint: "is the relay running? And does the page's Content-Security-Policy allow it, by connect-src?", cause, retryable: true,
    });
  });
  if (!response.ok) {
    throw new WeirError("discovery_failed", `${asked} answered ${response.status} for /.well-known/weir`, {
      hint, retryable: response.status >= 500 || response.status === 429,
    });
  }
  const text = await response.text();
  if (text.length > maxDocument) throw new WeirError("discovery_failed", `what ${asked} answers for /.well-known/weir is too long`, { hint });
  const found = parse(text, asked);
  return endpoint(
    stringOf(found["url"]) ?? origin, options.websocketUrl ?? stringOf(found["websocketUrl"]),
    options.certificateHashes ?? listOf(found["certificateHashes"]), stringOf(found["token"]),
  );
}

function parse(text: string, asked: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new WeirError("discovery_failed", `what ${asked} answers for /.well-known/weir is no JSON object`, { hint });
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
    throw new WeirError("invalid_argument", `"${url}" must begin with ${protocols.map((p) => p + "//").join(" or ")}`, {
      hint: 'only a "weir dev" on the same machine is named by http://',
    });
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
