use super::big::Big;
use super::round;

/// Significant digits that a u64 holds.
const DIGITS: usize = 19;
/// Significant digits that can make a difference (the longest number half way between two floats has 767); of further
/// ones only counts whether they are all 0.
const MAX_DIGITS: usize = 800;
/// Powers of five that a u64 holds.
const MAX_FIVES: i32 = 27;

/// A number taken apart: digits * 10^exponent.
pub(super) struct Decimal {
    /// The first DIGITS significant digits.
    digits: u64,
    exponent: i32,
    /// There are more of them, not all 0.
    more: bool,
    /// Power of ten of the first significant digit, and how many bytes come before that digit.
    magnitude: i32,
    skip: usize,
}

impl Decimal {
    /// Reads an unsigned number.
    pub fn read(text: &[u8]) -> Decimal {
        let mut d = Decimal { digits: 0, exponent: 0, more: false, magnitude: 0, skip: text.len() };
        let mut count = 0;
        let mut after_point = false;
        let mut at = 0;
        let mut whole = 0;
        while let Some(&c) = text.get(at) {
            match c {
                b'.' => after_point = true,
                b'0'..=b'9' => {
                    if count == 0 && c != b'0' {
                        d.skip = at;
                    }
                    if count > 0 || c != b'0' {
                        count += 1;
                        whole += !after_point as i32;
                        if count <= DIGITS {
                            d.digits = d.digits * 10 + (c - b'0') as u64;
                        } else {
                            d.more |= c != b'0';
                        }
                    } else if after_point {
                        whole -= 1;
                    }
                }
                _ => break,
            }
            at += 1;
        }
        let e = exponent(text.get(at + 1..).unwrap_or(&[]));
        d.magnitude = whole - 1 + e;
        d.exponent = d.magnitude + 1 - count.min(DIGITS) as i32;
        d
    }

    /// Rounds to a float; `text` is what was read. None: too large.
    pub fn to_f64(&self, text: &[u8]) -> Option<f64> {
        if self.digits == 0 || self.magnitude < -330 {
            return Some(0.0);
        }
        if self.magnitude > 310 {
            return None;
        }
        let e = self.exponent;
        if self.more || !(-MAX_FIVES..=MAX_FIVES).contains(&e) {
            return self.slow(text);
        }
        let fives = 5u64.pow(e.unsigned_abs());
        if e >= 0 {
            return round(self.digits as u128 * fives as u128, e, false);
        }
        // digits / 5^-e with at least 65 bits, which is more than a float has.
        let shift = self.digits.leading_zeros() as i32;
        let numerator = ((self.digits << shift) as u128) << 64;
        let quotient = numerator / fives as u128;
        round(quotient, e - 64 - shift, quotient * fives as u128 != numerator)
    }

    /// The same for any number, by long division.
    #[cold]
    #[inline(never)]
    fn slow(&self, text: &[u8]) -> Option<f64> {
        let mut numerator = Big::from(0);
        let mut count = 0;
        let mut more = false;
        for &c in text[self.skip..].iter().filter(|&&c| c != b'.').take_while(|c| c.is_ascii_digit()) {
            if count < MAX_DIGITS {
                numerator.multiply_add(10, (c - b'0') as u32);
                count += 1;
            } else {
                more |= c != b'0';
            }
        }
        if more {
            numerator.multiply_add(10, 1);
            count += 1;
        }
        let e = self.magnitude + 1 - count as i32;
        let mut denominator = Big::from(1);
        let grow = if e < 0 { &mut denominator } else { &mut numerator };
        for _ in 0..e.unsigned_abs() {
            grow.multiply_add(10, 0);
        }
        let (quotient, exponent, rest) = numerator.divide(denominator);
        round(quotient, exponent, rest)
    }
}

/// Reads an exponent, which may be empty. What is far out of range stays out of range.
fn exponent(text: &[u8]) -> i32 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let e = digits.iter().fold(0i32, |e, &c| (e * 10 + (c - b'0') as i32).min(100_000_000));
    if negative {
        -e
    } else {
        e
    }
}
