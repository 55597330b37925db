// Decimal text to 64-bit floats, correctly rounded (IEEE 754, round to nearest, ties to even).

import { divide, grow, reset } from "./big";

/** Significant digits that can make a difference; of further ones only counts whether they are all 0. */
const DIGITS: i32 = 800;

const TENS: StaticArray<f64> = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
  1e22,
];

/** Parses a JSON number, which the scanner has checked. NaN: too large. */
export function parse(at: usize, length: u32): f64 {
  const end = at + length;
  const negative = load<u8>(at) == 0x2d;
  if (negative) at++;
  const v = unsigned(at, end);
  return negative ? -v : v;
}

function unsigned(at: usize, end: usize): f64 {
  let first = at;
  let count: i32 = 0;
  let whole: i32 = 0;
  let mantissa: u64 = 0;
  let afterPoint = false;
  for (; at < end; at++) {
    const c = <u32>load<u8>(at);
    if (c == 0x2e) afterPoint = true;
    else if (c - 0x30 >= 10) break;
    else if (count > 0 || c != 0x30) {
      if (count++ == 0) first = at;
      if (!afterPoint) whole++;
      if (count <= 19) mantissa = mantissa * 10 + (c - 0x30);
    } else if (afterPoint) whole--;
  }
  // The power of ten of the first digit.
  const magnitude = whole - 1 + exponent(at, end);
  if (count == 0 || magnitude < -330) return 0;
  if (magnitude > 310) return NaN;
  const e = magnitude + 1 - count;
  // Both are exact, so that this rounds once.
  if (count <= 15 && e >= -22 && e <= 22) return e < 0 ? <f64>mantissa / TENS[-e] : <f64>mantissa * TENS[e];
  return slow(first, at, magnitude);
}

function exponent(at: usize, end: usize): i32 {
  if (at >= end) return 0;
  at++;
  const sign = load<u8>(at);
  if (sign == 0x2d || sign == 0x2b) at++;
  let e: i32 = 0;
  for (; at < end; at++) if (e < 10000000) e = e * 10 + (<i32>load<u8>(at) - 0x30);
  return sign == 0x2d ? -e : e;
}

function slow(at: usize, end: usize, magnitude: i32): f64 {
  reset();
  let count: i32 = 0;
  let more = false;
  for (; at < end; at++) {
    const c = <u32>load<u8>(at);
    if (c == 0x2e) continue;
    if (count < DIGITS) {
      grow(0, 10, c - 0x30);
      count++;
    } else if (c != 0x30) more = true;
  }
  if (more) {
    grow(0, 10, 1);
    count++;
  }
  const e = magnitude + 1 - count;
  for (let i = 0; i < abs(e); i++) grow(e < 0 ? 1 : 0, 10, 0);
  return divide();
}
