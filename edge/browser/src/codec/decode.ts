import { fromBinary } from "@bufbuild/protobuf";
import { WeirError } from "../error.js";
import { type Frame, frameName, frames } from "./type.js";
import { readVarint, varintLength } from "./varint.js";

/** The longest body that a client accepts, in bytes (SPEC.md, section 10). */
export const maxFrameBytes = 1 << 20;

/** Types are below this: anything above is noise. */
const typeBound = 0x40;

/**
 * Cuts a stream of bytes into frames.
 *
 * Holds at most one incomplete frame; a length is checked when its header is there, before any of its body is kept.
 */
export class FrameDecoder {
  /** Chunks of the frame that is not complete yet. */
  private chunks: Uint8Array[] = [];
  private held = 0;
  /** How many bytes must be there before trying again. */
  private wanted = 1;

  constructor(private readonly limit: number = maxFrameBytes) {}

  /** Whether the bytes so far end within a frame. */
  get midFrame(): boolean {
    return this.held > 0;
  }

  /**
   * Takes further bytes, which must not be changed afterwards: payloads refer to them.
   *
   * @returns the frames that are complete now.
   * @throws {@link WeirError} `frame_too_large`, `frame_malformed` or `frame_unknown`; the decoder must not be used again.
   */
  push(chunk: Uint8Array): Frame[] {
    this.chunks.push(chunk);
    this.held += chunk.length;
    if (this.held < this.wanted) return [];
    const bytes = this.joined();
    const complete: Frame[] = [];
    let at = 0;
    for (;;) {
      const header = this.header(bytes, at);
      if (header === undefined || header.end > bytes.length) {
        this.wanted = header === undefined ? bytes.length - at + 1 : header.end - at;
        break;
      }
      complete.push(decodeBody(header.type, bytes.subarray(header.body, header.end)));
      at = header.end;
    }
    this.held = bytes.length - at;
    this.chunks = this.held === 0 ? [] : [bytes.subarray(at)];
    return complete;
  }

  private joined(): Uint8Array {
    if (this.chunks.length === 1) return this.chunks[0]!;
    const bytes = new Uint8Array(this.held);
    let at = 0;
    for (const chunk of this.chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** Reads type and length at `at`; undefined if they are not all there. */
  private header(bytes: Uint8Array, at: number): { type: number; body: number; end: number } | undefined {
    if (at >= bytes.length) return undefined;
    const lengthAt = at + varintLength(bytes[at]!);
    if (lengthAt >= bytes.length) return undefined;
    const body = lengthAt + varintLength(bytes[lengthAt]!);
    if (body > bytes.length) return undefined;
    const type = readVarint(bytes, at);
    if (type >= typeBound) throw new WeirError("frame_malformed", "the relay sent bytes that are no frame");
    const length = readVarint(bytes, lengthAt);
    if (length > this.limit) {
      throw new WeirError("frame_too_large", `the relay sent a frame of ${length} bytes, at most ${this.limit} are allowed`);
    }
    return { type, body, end: body + length };
  }
}

function decodeBody(type: number, body: Uint8Array): Frame {
  const name = frameName(type);
  if (name === undefined) {
    throw new WeirError("frame_unknown", `the relay sent a frame of unknown type 0x${type.toString(16)}`);
  }
  try {
    return { name, message: fromBinary(frames[name].schema as typeof frames.ping.schema, body, { readUnknownFields: false }) } as Frame;
  } catch (cause) {
    throw new WeirError("frame_malformed", `the relay sent a ${name} frame that can't be read`, { cause });
  }
}
