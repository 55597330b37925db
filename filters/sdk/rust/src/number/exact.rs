//! Any number, by long division of natural numbers. It takes some microseconds, for the longest numbers some hundreds.

/// Significant digits that can make a difference (the longest number half way between two floats has 767); of further
/// ones only counts whether they are all 0.
const DIGITS: usize = 800;
/// Words of 32 bits. A word holds more than 9 digits; the longest number is 5^(330 + 801), with room for scaling.
const WORDS: usize = 136;

/// Returns the number that `text` is, which is less than 10^magnitude, but not than a tenth of that. NaN: too large.
#[cold]
#[inline(never)]
pub(super) fn float(text: &[u8], magnitude: i32) -> f64 {
    // Natural numbers, least significant word first.
    let (mut numerator, mut denominator) = ([0; WORDS], [0; WORDS]);
    // All that there is to calculate with fits into so many words.
    let len = (text.len().min(DIGITS + 1) + magnitude.unsigned_abs() as usize) / 9 + 3;
    let len = len.min(WORDS);
    let (a, b) = (&mut numerator[..len], &mut denominator[..len]);
    let count = read(text, a);
    multiply_add(b, 0, 1);
    let exponent = magnitude - count;
    for _ in 0..exponent.unsigned_abs() {
        multiply_add(if exponent < 0 { b } else { a }, 5, 0);
    }
    let (quotient, scale, more) = divide(a, b);
    round(quotient, exponent + scale, more)
}

/// Reads the digits of a number, and returns how many there are.
fn read(text: &[u8], to: &mut [u32]) -> i32 {
    let mut count = 0;
    for &c in text {
        match c {
            b'1'..=b'9' if count == DIGITS => {
                // It is as much more than the digits up to here as any other number in between.
                multiply_add(to, 10, 1);
                return count as i32 + 1;
            }
            b'0'..=b'9' if count < DIGITS => {
                if c != b'0' || count > 0 {
                    count += 1;
                    multiply_add(to, 10, (c - b'0') as u32);
                }
            }
            b'e' | b'E' => break,
            _ => {}
        }
    }
    count as i32
}

/// a / b as (quotient + less than 1, if the last is true) * 2^scale, where the quotient has 64 bits.
fn divide(a: &mut [u32], b: &mut [u32]) -> (u64, i32, bool) {
    const STEP: u32 = 16;
    let mut scale = 0;
    while !subtract(a, b, false) {
        multiply_add(a, 1 << STEP, 0);
        scale -= STEP as i32;
    }
    while subtract(a, b, false) {
        multiply_add(b, 1 << STEP, 0);
        scale += STEP as i32;
    }
    let mut quotient = 0u64;
    while quotient >> 63 == 0 {
        multiply_add(a, 2, 0);
        quotient = quotient << 1 | subtract(a, b, true) as u64;
        scale -= 1;
    }
    (quotient, scale, a.iter().any(|&word| word != 0))
}

/// to = to * factor + term
#[inline(never)]
fn multiply_add(to: &mut [u32], factor: u32, term: u32) {
    let mut carry = term as u64;
    for word in to {
        carry += *word as u64 * factor as u64;
        *word = carry as u32;
        carry >>= 32;
    }
}

/// Whether a >= b; if so and if `write`, a = a - b.
#[inline(never)]
fn subtract(a: &mut [u32], b: &[u32], write: bool) -> bool {
    let mut pass = |write: bool| {
        let mut borrow = 0;
        for (x, y) in a.iter_mut().zip(b) {
            borrow += *x as i64 - *y as i64;
            if write {
                *x = borrow as u32;
            }
            borrow >>= 32;
        }
        borrow == 0
    };
    pass(false) && (!write || pass(true))
}

/// Rounds (quotient + less than 1, if `more`) * 2^scale, where the quotient has 64 bits. NaN: too large.
fn round(quotient: u64, scale: i32, more: bool) -> f64 {
    // A float has 53 bits; fewer, and no exponent, below 2^-1022.
    let above = (scale + 63 + 1022).max(-64);
    let drop = 11 - above.min(0) as u32;
    if drop > 64 {
        return 0.0;
    }
    let mut kept = if drop < 64 { quotient >> drop } else { 0 };
    let half = quotient >> (drop - 1) & 1;
    let more = more || quotient << (65 - drop) != 0;
    kept += half & (more as u64 | kept);
    // The highest of 53 bits and a carry out of them count in the exponent.
    let bits = kept + ((above.max(0) as u64) << 52);
    if bits >> 52 < 2047 {
        f64::from_bits(bits)
    } else {
        f64::NAN
    }
}
