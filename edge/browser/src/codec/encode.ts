import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type FrameName, frames } from "./type.js";
import { varintSize, writeVarint } from "./varint.js";

/** Encodes one frame. */
export function encodeFrame<N extends FrameName>(
  name: N, message: MessageInitShape<(typeof frames)[N]["schema"]>,
): Uint8Array<ArrayBuffer> {
  const { type, schema } = frames[name];
  const body = toBinary(schema as typeof frames.ping.schema, create(schema as typeof frames.ping.schema, message as object));
  const frame = new Uint8Array(varintSize(type) + varintSize(body.length) + body.length);
  frame.set(body, writeVarint(frame, writeVarint(frame, 0, type), body.length));
  return frame;
}
