//! Decimal text to 64-bit floats, correctly rounded (IEEE 754, round to nearest, ties to even). The standard library
//! can do that as well, with tables that are larger than most filters.

mod exact;

/// Significant digits that always fit into a u64.
const DIGITS: u32 = 19;
/// Powers of ten that are floats, and of five that are less than 2^63.
const TENS: i32 = 22;
const FIVES: i32 = 27;
/// Numbers of at least 10^LARGE are too large, and those below 10^SMALL are 0.
const LARGE: i32 = 310;
const SMALL: i32 = -330;

/// Parses a JSON number (RFC 8259, section 6), which the caller has checked. None: too large for a 64-bit float.
pub fn parse(text: &[u8]) -> Option<f64> {
    let v = float(text);
    if v.is_nan() {
        None
    } else {
        Some(v)
    }
}

/// The same; NaN: too large.
#[inline(never)]
pub fn float(text: &[u8]) -> f64 {
    // The number is (digits + less than 1, if `more`) * 10^exponent.
    let mut digits = 0u64;
    let mut count = 0;
    let mut exponent = 0;
    let mut more = false;
    let mut point = 0;
    let mut rest = text.iter();
    while let Some(&c) = rest.next() {
        match c {
            b'0'..=b'9' if count < DIGITS => {
                digits = digits * 10 + (c - b'0') as u64;
                count += (digits != 0) as u32;
                exponent -= point;
            }
            b'0'..=b'9' => {
                more |= c != b'0';
                exponent += 1 - point;
            }
            b'.' => point = 1,
            b'-' => {}
            _ => {
                exponent += signed(rest.as_slice());
                break;
            }
        }
    }
    let magnitude = exponent + count as i32;
    let v = if digits == 0 || magnitude < SMALL {
        0.0
    } else if magnitude > LARGE {
        f64::NAN
    } else if !more && digits >> 53 == 0 && -TENS <= exponent && exponent <= TENS {
        // Both numbers are floats, so that this rounds once.
        let power = power_of_ten(exponent.unsigned_abs());
        if exponent < 0 {
            digits as f64 / power
        } else {
            digits as f64 * power
        }
    } else if !more && -FIVES <= exponent && exponent <= 0 {
        divide(digits, exponent)
    } else {
        exact::float(text, magnitude)
    };
    if text.first() == Some(&b'-') {
        -v
    } else {
        v
    }
}

/// Reads an exponent. What is far out of range stays out of range.
#[inline(never)]
fn signed(text: &[u8]) -> i32 {
    let mut e = 0;
    for &c in text {
        if c >= b'0' && e < 100_000_000 {
            e = e * 10 + (c - b'0') as i32;
        }
    }
    if text.first() == Some(&b'-') {
        -e
    } else {
        e
    }
}

fn power_of_ten(n: u32) -> f64 {
    let mut power = 1.0;
    for _ in 0..n {
        power *= 10.0;
    }
    power
}

/// digits * 10^exponent for exponents from -FIVES to 0, by long division in binary.
fn divide(digits: u64, exponent: i32) -> f64 {
    let mut divisor = 1;
    for _ in exponent..0 {
        divisor *= 5u64;
    }
    // Not zero, but these don't bring along what panics if it were.
    let mut quotient = digits.checked_div(divisor).unwrap_or(0);
    let mut rest = digits.checked_rem(divisor).unwrap_or(0);
    let mut scale = exponent;
    // Two bits more than a float has, of which the last also tells whether anything is left: that is what rounding needs.
    while quotient >> 54 == 0 {
        rest <<= 1;
        quotient <<= 1;
        scale -= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    (quotient | (rest != 0) as u64) as f64 * power_of_two(scale)
}

/// 2^exponent, for -1022 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}
