import type { Message, MessageKind } from "./api/message.js";
import type { Event } from "./codec/gen/weir/v1/event_pb.js";
import { WeirError } from "./error.js";
import { toNumber } from "./integer.js";

const decoder = new TextDecoder();
const empty = new Uint8Array();

/** Whether a media type is JSON's (RFC 6839 has the suffix). */
function isJSON(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

/** An event as a subscription hands it on; the payload is decoded when first asked for. */
export class ReceivedMessage<T> implements Message<T> {
  readonly key: string;
  readonly offset: number;
  readonly timeMs: number;
  readonly contentType: string;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly bytes: Uint8Array;
  readonly tombstone: boolean;
  private decoded: { readonly data: unknown } | undefined;

  constructor(readonly kind: MessageKind, readonly channel: string, event: Event) {
    this.key = event.key;
    this.offset = toNumber(event.offset, "an offset");
    this.timeMs = Number(event.timeMs);
    this.contentType = event.contentType;
    this.headers = event.headers.map((header) => [header.name, header.value] as const);
    // A copy: a slice would keep the whole packet alive for as long as a view holds one small payload of it.
    this.bytes = event.payload.length === 0 ? empty : event.payload.slice();
    this.tombstone = event.tombstone;
  }

  get time(): Date {
    return new Date(this.timeMs);
  }

  get data(): T {
    this.decoded ??= { data: this.decode() };
    return this.decoded.data as T;
  }

  text(): string {
    return decoder.decode(this.bytes);
  }

  /** The same event, told as something else. */
  as(kind: MessageKind): ReceivedMessage<T> {
    if (kind === this.kind) return this;
    const copy = Object.create(ReceivedMessage.prototype) as { -readonly [K in keyof this]: this[K] };
    return Object.assign(copy, this, { kind }) as unknown as ReceivedMessage<T>;
  }

  /** What a view tells of a key that has left it: no payload any more. */
  gone(): ReceivedMessage<T> {
    const left = this.as("leave");
    return Object.assign(left, { bytes: empty, headers: [], contentType: "", decoded: undefined });
  }

  /** Whether an application could tell the two apart, leaving aside how they were told. */
  equals(other: ReceivedMessage<T>): boolean {
    return this.offset === other.offset && this.contentType === other.contentType && this.timeMs === other.timeMs &&
      sameHeaders(this.headers, other.headers) && sameBytes(this.bytes, other.bytes);
  }

  private decode(): unknown {
    if (this.kind === "leave") return undefined;
    const type = (this.contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
    if (type.startsWith("text/")) return this.text();
    if (!isJSON(type)) return this.bytes;
    try {
      return JSON.parse(this.text());
    } catch (cause) {
      throw new WeirError("payload_malformed", `event ${this.offset} of ${this.channel} is not the JSON that it claims to be`, { cause });
    }
  }
}

function sameHeaders(a: ReceivedMessage<unknown>["headers"], b: ReceivedMessage<unknown>["headers"]): boolean {
  return a.length === b.length && a.every(([name, value], i) => b[i]![0] === name && b[i]![1] === value);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
