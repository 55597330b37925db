// Finds fields of a JSON text in one pass, without building anything.

import { parse } from "./number";
import { next, StringReader } from "./string";
import { Bytes } from "./types";

/** Most paths that one pass looks for. */
export const PATHS: i32 = 64;
/** Deepest nesting. Deeper texts count as not JSON. */
export const DEPTH: i32 = 64;

export const enum Kind {
  Missing,
  Null,
  False,
  True,
  Number,
  String,
  Nested,
}

/** A value in place. Its text is a number's, or a string's without quotes and with its escapes. */
export class Value {
  kind: Kind = Kind.Missing;
  at: usize = 0;
  length: u32 = 0;

  set(kind: Kind, at: usize, length: u32): void {
    this.kind = kind;
    this.at = at;
    this.length = length;
  }

  /** The value of a number, correctly rounded; NaN if it is none, or too large for 64 bits. */
  get number(): f64 {
    return this.kind == Kind.Number ? parse(this.at, this.length) : NaN;
  }

  /** Whether a string says this, its escapes resolved. */
  equals(text: Bytes): bool {
    return this.kind == Kind.String && same(this.at, this.length, text.at, text.length);
  }

  /** Reads a string byte by byte, its escapes resolved to UTF-8. */
  read(): StringReader {
    return new StringReader(this.at, this.length);
  }
}

/** Makes room for what find finds. */
export function values(count: i32): StaticArray<Value> {
  const list = new StaticArray<Value>(count);
  for (let i = 0; i < count; i++) list[i] = new Value();
  return list;
}

// The scanner. at is never beyond the end: the byte there is 0, which nothing accepts.
let at: usize = 0;
let paths: StaticArray<Bytes> = new StaticArray<Bytes>(0);
let found: StaticArray<Value> = new StaticArray<Value>(0);

/** Finds the values of paths such as "position.lon"; in an array, a name of digits counts from 0. Of fields with the same
 * name the last one counts. False: the whole text is not JSON (RFC 8259), and nothing is found. */
export function find(text: Bytes, wanted: StaticArray<Bytes>, into: StaticArray<Value>): bool {
  assert(wanted.length <= PATHS && wanted.length == into.length);
  paths = wanted;
  found = into;
  at = text.at;
  clear();
  space();
  if (value(wanted.length == 64 ? ~(<u64>0) : ((<u64>1) << wanted.length) - 1, 0)) {
    space();
    if (at == text.at + text.length) return true;
  }
  clear();
  return false;
}

function clear(): void {
  for (let i = 0; i < found.length; i++) found[i].set(Kind.Missing, 0, 0);
}

// @ts-ignore: decorator
@inline
function peek(): u32 {
  return load<u8>(at);
}

function space(): void {
  while (true) {
    const c = peek();
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return;
    at++;
  }
}

// @ts-ignore: decorator
@inline
function take(c: u32): bool {
  const is = peek() == c;
  at += <usize>is;
  return is;
}

// What value() last scanned.
let kind: Kind = Kind.Missing;
let start: usize = 0;
let end: usize = 0;

function scanned(k: Kind, from: usize, to: usize): bool {
  kind = k;
  start = from;
  end = to;
  return true;
}

function value(wanted: u64, depth: i32): bool {
  switch (peek()) {
    case 0x22: // "
      return text();
    case 0x7b: // {
      return depth < DEPTH && nested(wanted, depth, true);
    case 0x5b: // [
      return depth < DEPTH && nested(wanted, depth, false);
    case 0x74:
      return take(0x74) && take(0x72) && take(0x75) && take(0x65) && scanned(Kind.True, at, at);
    case 0x66:
      return take(0x66) && take(0x61) && take(0x6c) && take(0x73) && take(0x65) && scanned(Kind.False, at, at);
    case 0x6e:
      return take(0x6e) && take(0x75) && take(0x6c) && take(0x6c) && scanned(Kind.Null, at, at);
  }
  return number();
}

function isHex(c: u32): bool {
  return c - 0x30 < 10 || (c | 0x20) - 0x61 < 6;
}

function escape(): bool {
  const c = peek();
  if (c == 0) return false;
  at++;
  switch (c) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return true;
    case 0x75: // u
      for (let i = 0; i < 4; i++, at++) if (!isHex(peek())) return false;
      return true;
  }
  return false;
}

function text(): bool {
  if (!take(0x22)) return false;
  const from = at;
  while (true) {
    const c = peek();
    if (c == 0x22) return scanned(Kind.String, from, at++);
    if (c < 0x20) return false;
    at++;
    if (c == 0x5c && !escape()) return false;
  }
}

function digits(): bool {
  const from = at;
  while (peek() - 0x30 < 10) at++;
  return at > from;
}

function number(): bool {
  const from = at;
  take(0x2d);
  if (!take(0x30) && !digits()) return false;
  if (take(0x2e) && !digits()) return false;
  if (take(0x65) || take(0x45)) {
    if (!take(0x2b)) take(0x2d);
    if (!digits()) return false;
  }
  return scanned(Kind.Number, from, at);
}

function nested(wanted: u64, depth: i32, object: bool): bool {
  const close: u32 = object ? 0x7d : 0x5d;
  at++;
  space();
  if (take(close)) return scanned(Kind.Nested, at, at);
  let index: u32 = 0;
  while (true) {
    if (object) {
      space();
      if (!text()) return false;
      const nameAt = start;
      const nameLength = <u32>(end - start);
      space();
      if (!take(0x3a)) return false;
      if (!member(wanted, depth, true, nameAt, nameLength)) return false;
    } else if (!member(wanted, depth, false, 0, index++)) return false;
    if (!take(0x2c)) return take(close) && scanned(Kind.Nested, at, at);
  }
}

/** Scans the value of a member, named as an object's or by its index (as nameLength), and the space around it. */
function member(wanted: u64, depth: i32, object: bool, nameAt: usize, nameLength: u32): bool {
  let ending: u64 = 0;
  let inside: u64 = 0;
  for (let left = wanted; left; left &= left - 1) {
    const i = <i32>ctz(left);
    const last = segment(paths[i], depth);
    if (!(object ? same(nameAt, nameLength, segmentAt, segmentLength) : isIndex(nameLength))) continue;
    found[i].set(Kind.Missing, 0, 0); // what an earlier member of this name had in it no longer counts
    if (last) ending |= (<u64>1) << i;
    else inside |= (<u64>1) << i;
  }
  space();
  if (!value(inside, depth + 1)) return false;
  for (; ending; ending &= ending - 1) found[<i32>ctz(ending)].set(kind, start, <u32>(end - start));
  space();
  return true;
}

let segmentAt: usize = 0;
let segmentLength: u32 = 0;

/** Makes name n of a path the segment. Returns whether it is the last one. */
function segment(path: Bytes, n: i32): bool {
  let from: u32 = 0;
  while (true) {
    let to = from;
    while (to < path.length && load<u8>(path.at + to) != 0x2e) to++;
    if (n-- == 0 || to == path.length) {
      segmentAt = path.at + from;
      segmentLength = to - from;
      return to == path.length;
    }
    from = to + 1;
  }
}

/** Whether the segment is this index of an array: decimal, without leading zeros. */
function isIndex(index: u32): bool {
  if (segmentLength == 0 || segmentLength > 9 || (load<u8>(segmentAt) == 0x30 && segmentLength > 1)) return false;
  let v: u32 = 0;
  for (let i: u32 = 0; i < segmentLength; i++) {
    const digit = <u32>load<u8>(segmentAt + i) - 0x30;
    if (digit > 9) return false;
    v = v * 10 + digit;
  }
  return v == index;
}

const reader = new StringReader(0, 0);

/** Whether a string, escapes and all, says what these bytes do. */
function same(stringAt: usize, stringLength: u32, textAt: usize, length: u32): bool {
  reader.begin(stringAt, stringLength);
  for (let i: u32 = 0; i < length; i++) if (next(reader) != load<u8>(textAt + i)) return false;
  return next(reader) < 0;
}
