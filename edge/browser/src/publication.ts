import type { PublishOptions } from "./api/weir.js";
import { Ack } from "./codec/gen/weir/v1/event_pb.js";
import { WeirError } from "./error.js";

/** Bytes that the largest payload of any namespace may have (SPEC.md, section 10). */
const maxPayload = 128 << 10;
/** Bytes that everything else may have together: such a frame ends the session, so it must not leave. */
const maxRest = 8 << 10;

/** A publication as it travels, without identity and sequence. */
export interface Publication {
  readonly channel: string;
  readonly key: string;
  readonly payload: Uint8Array;
  readonly contentType: string;
  readonly headers: { name: string; value: string }[];
  readonly tombstone: boolean;
  readonly ack: Ack;
}

const encoder = new TextEncoder();

/** @throws {@link WeirError} if the value or the options can't be published. */
export function publicationOf(channel: string, value: unknown, options: PublishOptions): Publication {
  checkChannel(channel);
  if (options.tombstone === true && value !== undefined && value !== null) {
    throw new WeirError("invalid_argument", "a tombstone has no value");
  }
  const { payload, contentType } = options.tombstone === true ? { payload: new Uint8Array(), contentType: "" } : encode(value);
  const publication: Publication = {
    channel, payload, key: options.key ?? "", contentType: options.contentType ?? contentType,
    headers: headersOf(options.headers), tombstone: options.tombstone ?? false,
    ack: options.ack === "none" ? Ack.NONE : Ack.REGION,
  };
  checkSize(publication);
  return publication;
}

/** @throws {@link WeirError} `channel_invalid` (SPEC.md, section 4). */
export function checkChannel(channel: string): void {
  if (typeof channel === "string" && /^[A-Za-z0-9_.~@/+=:-]{1,200}$/.test(channel)) return;
  throw new WeirError("channel_invalid", `${JSON.stringify(channel)} is no channel name`, {
    hint: "1 to 200 letters, digits and _ . ~ @ / + = - :",
  });
}

function encode(value: unknown): { payload: Uint8Array; contentType: string } {
  if (value instanceof Uint8Array) return { payload: value.slice(), contentType: "application/octet-stream" };
  if (value instanceof ArrayBuffer) return { payload: new Uint8Array(value.slice(0)), contentType: "application/octet-stream" };
  if (typeof value === "string") return { payload: encoder.encode(value), contentType: "text/plain" };
  const json = JSON.stringify(value);
  if (json === undefined) {
    throw new WeirError("invalid_argument", `a value of type ${typeof value} can't be published`, { hint: "give null, or a tombstone" });
  }
  return { payload: encoder.encode(json), contentType: "application/json" };
}

function headersOf(headers: PublishOptions["headers"] = []): { name: string; value: string }[] {
  const pairs = Array.isArray(headers) ? (headers as ReadonlyArray<readonly [string, string]>) : Object.entries(headers);
  return pairs.map(([name, value]) => ({ name, value }));
}

function checkSize({ payload, key, contentType, headers }: Publication): void {
  if (payload.length > maxPayload) throw payloadTooLarge(payload.length, maxPayload);
  const rest = headers.reduce((sum, { name, value }) => sum + name.length + value.length + 8, key.length + contentType.length);
  if (rest <= maxRest) return;
  throw new WeirError("invalid_argument", `key, content type and headers are ${rest} characters long`, {
    hint: "a key has at most 512 bytes, a content type 128, headers 1 KiB in all",
  });
}

/** A payload is longer than allowed. */
export function payloadTooLarge(bytes: number, bound: number): WeirError {
  return new WeirError("payload_too_large", `the payload has ${bytes} bytes, at most ${bound} are possible`);
}
