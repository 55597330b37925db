import assert from "node:assert/strict";
import { test } from "node:test";
import { equals, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { FrameDecoder, maxFrameBytes } from "../src/codec/decode.js";
import { encodeFrame } from "../src/codec/encode.js";
import { type FrameName, frames } from "../src/codec/type.js";
import { WeirError } from "../src/error.js";
import { vectors } from "./files.js";

interface FrameVector {
  name: string;
  type: number;
  typeName: string;
  message: string;
  json: JsonValue;
  hex: string;
  decodeOnly?: boolean;
}

const unhex = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

for (const vector of vectors<FrameVector>("frames.json")) {
  test(`frame: ${vector.name}`, () => {
    const name = vector.typeName.toLowerCase() as FrameName;
    const { type, schema } = frames[name];
    assert.equal(type, vector.type);
    assert.equal(schema.typeName, vector.message);
    const want = fromJson(schema, vector.json);
    const [got, ...others] = new FrameDecoder().push(unhex(vector.hex));
    assert.equal(others.length, 0);
    assert.equal(got?.name, name);
    assert.ok(equals(schema, got!.message as typeof want, want), "decoded to another message");
    const again = encodeFrame(name, want as never);
    assert.equal(Buffer.from(again).toString("hex") === vector.hex, vector.decodeOnly !== true);
  });

  test(`frame, byte by byte: ${vector.name}`, () => {
    const decoder = new FrameDecoder();
    const bytes = unhex(vector.hex);
    for (let i = 0; i < bytes.length - 1; i++) {
      assert.deepEqual(decoder.push(bytes.subarray(i, i + 1)), []);
      assert.ok(decoder.midFrame);
    }
    const [frame] = decoder.push(bytes.subarray(-1));
    const { schema } = frames[vector.typeName.toLowerCase() as FrameName];
    assert.deepEqual(
      toBinary(schema as typeof frames.ping.schema, frame!.message as never),
      toBinary(schema as typeof frames.ping.schema, fromJson(schema, vector.json) as never),
    );
    assert.ok(!decoder.midFrame);
  });
}

const codes: Record<string, string> = {
  too_large: "frame_too_large", malformed: "frame_malformed", bad_message: "frame_malformed", unknown_type: "frame_unknown",
};

for (const vector of vectors<{ name: string; limit: number; hex: string; error: string }>("malformed.json")) {
  test(`malformed: ${vector.name}`, () => {
    const decoder = new FrameDecoder(vector.limit);
    if (vector.error === "truncated") {
      assert.deepEqual(decoder.push(unhex(vector.hex)), []);
      assert.ok(decoder.midFrame);
      return;
    }
    assert.throws(() => decoder.push(unhex(vector.hex)), (error) => error instanceof WeirError && error.code === codes[vector.error]);
  });
}

test("frames that arrive together and apart are the same", () => {
  const stream = Buffer.concat(vectors<FrameVector>("frames.json").map((vector) => unhex(vector.hex)));
  const names = (size: number) => {
    const decoder = new FrameDecoder();
    const list: string[] = [];
    for (let i = 0; i < stream.length; i += size) list.push(...decoder.push(new Uint8Array(stream.subarray(i, i + size))).map((f) => f.name));
    return list;
  };
  for (const size of [1, 2, 3, 7, 64, 1000]) assert.deepEqual(names(size), names(stream.length), `in pieces of ${size}`);
});

test("random bytes are refused or wait for more, and nothing else happens", () => {
  let seed = 1; // a linear congruential generator: the same bytes every time
  const next = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31);
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: next() % 40 }, () => next() % 256);
    bytes[0] = 0x30 + (next() % 10);
    try {
      new FrameDecoder(maxFrameBytes).push(bytes);
    } catch (error) {
      assert.ok(error instanceof WeirError, String(error));
    }
  }
});
