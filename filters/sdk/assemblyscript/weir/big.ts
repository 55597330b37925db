// Two natural numbers, 0 the numerator and 1 the denominator, and their quotient as a 64-bit float. Words of 32 bits, least
// significant first; the longest numbers are those of 801 digits, and the powers of ten up to 330 + 801.

const WORDS: i32 = 136;
const words: usize = memory.data(1088, 8); // 2 * WORDS * 4
const sizes: StaticArray<i32> = [0, 0];

// @ts-ignore: decorator
@inline
function get(n: i32, i: i32): u32 {
  return load<u32>(words + 4 * (n * WORDS + i));
}

// @ts-ignore: decorator
@inline
function set(n: i32, i: i32, v: u32): void {
  store<u32>(words + 4 * (n * WORDS + i), v);
}

/** Makes the numerator 0 and the denominator 1. */
export function reset(): void {
  sizes[0] = 0;
  sizes[1] = 1;
  set(1, 0, 1);
}

/** Multiplies number n and adds to it. */
export function grow(n: i32, factor: u32, term: u32): void {
  let carry: u64 = term;
  for (let i = 0; i < sizes[n]; i++) {
    carry += <u64>get(n, i) * factor;
    set(n, i, <u32>carry);
    carry >>= 32;
  }
  if (carry) set(n, sizes[n]++, <u32>carry);
}

function bits(n: i32): i32 {
  return sizes[n] ? 32 * sizes[n] - <i32>clz(get(n, sizes[n] - 1)) : 0;
}

function shiftLeft(n: i32, by: i32): void {
  if (sizes[n] == 0) return;
  grow(n, (<u32>1) << (by % 32), 0);
  const whole = by / 32;
  if (whole == 0) return;
  for (let i = sizes[n] - 1; i >= 0; i--) set(n, i + whole, get(n, i));
  for (let i = 0; i < whole; i++) set(n, i, 0);
  sizes[n] += whole;
}

function atLeast(): bool {
  if (sizes[0] != sizes[1]) return sizes[0] > sizes[1];
  for (let i = sizes[0] - 1; i >= 0; i--) if (get(0, i) != get(1, i)) return get(0, i) > get(1, i);
  return true;
}

function subtract(): void {
  let borrow: i64 = 0;
  for (let i = 0; i < sizes[0]; i++) {
    borrow += <i64>get(0, i) - (i < sizes[1] ? <i64>get(1, i) : 0);
    set(0, i, <u32>borrow);
    borrow >>= 32;
  }
  while (sizes[0] && get(0, sizes[0] - 1) == 0) sizes[0]--;
}

/** Divides by long division. NaN: too large for a float. */
export function divide(): f64 {
  const shift = bits(0) - bits(1);
  if (shift >= 0) shiftLeft(1, shift);
  else shiftLeft(0, -shift);
  let quotient: u64 = 0;
  for (let i = 0; i < 64; i++) {
    quotient <<= 1;
    if (atLeast()) {
      subtract();
      quotient |= 1;
    }
    shiftLeft(0, 1);
  }
  return rounded(quotient, shift - 63, sizes[0] > 0);
}

/** Rounds (mantissa + a fraction if sticky) * 2^exponent; mantissa has 63 or 64 bits. */
function rounded(mantissa: u64, exponent: i32, sticky: bool): f64 {
  const have = 64 - <i32>clz(mantissa);
  const top = exponent + have - 1;
  const keep = top < -1022 ? 53 - (-1022 - top) : 53; // below 2^-1022 there are fewer digits
  if (keep < 0) return 0;
  const drop = have - keep;
  let kept: u64 = drop < 64 ? mantissa >> drop : 0;
  const rest: u64 = drop < 64 ? mantissa - (kept << drop) : mantissa;
  const half: u64 = (<u64>1) << (drop - 1);
  if (rest > half || (rest == half && (sticky || kept & 1))) kept++;
  // A carry out of the digits goes into the exponent by itself.
  const word: u64 = top < -1022 ? kept : ((<u64>(top + 1023)) << 52) + (kept - ((<u64>1) << 52));
  return word >> 52 < 2047 ? reinterpret<f64>(word) : NaN;
}
