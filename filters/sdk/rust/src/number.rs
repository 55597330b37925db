//! Decimal text to 64-bit floats, correctly rounded (IEEE 754, round to nearest, ties to even). The standard library
//! can do that as well, with tables that are larger than most filters.

mod big;
mod decimal;

use decimal::Decimal;

/// Powers of ten that a 64-bit float holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Parses a JSON number (RFC 8259, section 6), which the caller has checked. None: too large for a 64-bit float.
#[inline(never)]
pub fn parse(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let v = match short(digits) {
        Some(v) => v,
        None => Decimal::read(digits).to_f64(digits)?,
    };
    Some(if negative { -v } else { v })
}

/// Numbers of at most 15 digits without an exponent, which is nearly all there are: both the digits and the power of
/// ten are exact, so that dividing one by the other rounds once.
#[inline]
fn short(text: &[u8]) -> Option<f64> {
    if text.len() > 16 {
        return None;
    }
    let mut value = 0u64;
    let mut decimals = 0;
    let mut point = 0;
    for &c in text {
        match c {
            b'0'..=b'9' => {
                value = value * 10 + (c - b'0') as u64;
                decimals += point;
            }
            b'.' => point = 1,
            _ => return None,
        }
    }
    if text.len() - point > 15 {
        return None;
    }
    Some(value as f64 / TENS[decimals])
}

/// Rounds (mantissa + a fraction if `sticky`) * 2^exponent; mantissa has at least 65 bits where `sticky`. None: too
/// large.
fn round(mantissa: u128, exponent: i32, sticky: bool) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let bits = 128 - mantissa.leading_zeros() as i32;
    let top = exponent + bits - 1;
    // Below 2^-1022 floats have fewer digits.
    let keep = if top < -1022 { 53 - (-1022 - top) } else { 53 };
    let drop = bits - keep;
    if keep < 0 {
        return Some(0.0);
    }
    let mut kept = mantissa;
    let mut unit = exponent;
    if drop > 0 {
        kept = if drop < 128 { mantissa >> drop } else { 0 };
        let rest = mantissa - if drop < 128 { kept << drop } else { 0 };
        let half = 1u128 << (drop - 1);
        if rest > half || (rest == half && (sticky || kept & 1 == 1)) {
            kept += 1;
        }
        unit += drop;
    }
    // The product is exact: kept has 53 bits at most, and unit is no less than that of the smallest float.
    let kept = kept as u64 as f64;
    let v = if unit < -1022 { kept * power_of_two(unit + 64) * power_of_two(-64) } else { scaled(kept, unit) };
    if v.is_finite() {
        Some(v)
    } else {
        None
    }
}

fn scaled(v: f64, exponent: i32) -> f64 {
    if exponent > 1023 {
        return f64::INFINITY;
    }
    v * power_of_two(exponent)
}

/// 2^exponent, for -1022 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
