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
    let mut fraction = Fraction { words: [[0; 2]; WORDS], len: 0 };
    // All that there is to calculate with fits into so many words.
    let len = (text.len().min(DIGITS + 1) + magnitude.unsigned_abs() as usize) / 9 + 3;
    fraction.len = len.min(WORDS);
    fraction.multiply_add(BELOW, 0, 1);
    let mut exponent = magnitude - fraction.read(text);
    let mut scale = exponent;
    while exponent != 0 {
        fraction.multiply_add(if exponent < 0 { BELOW } else { ABOVE }, 5, 0);
        exponent -= exponent.signum();
    }
    // Near to 1, then below 1.
    while !fraction.subtract(false) {
        fraction.multiply_add(ABOVE, 1 << STEP, 0);
        scale -= STEP;
    }
    while fraction.subtract(false) {
        fraction.multiply_add(BELOW, 1 << STEP, 0);
        scale += STEP;
    }
    let mut quotient = 0u64;
    while quotient >> 63 == 0 {
        fraction.multiply_add(ABOVE, 2, 0);
        quotient = quotient << 1 | fraction.subtract(true) as u64;
        scale -= 1;
    }
    let more = fraction.words.iter().any(|pair| pair[ABOVE] != 0);
    round(quotient, scale, more)
}

/// Bits by which a fraction is brought near to 1.
const STEP: i32 = 16;
/// The two numbers of a fraction.
const ABOVE: usize = 0;
const BELOW: usize = 1;

/// Two natural numbers, least significant words first.
struct Fraction {
    words: [[u32; 2]; WORDS],
    /// How many words are in use, at most WORDS.
    len: usize,
}

impl Fraction {
    /// Reads the digits of a number into the one above, and returns how many there are.
    #[inline(always)]
    fn read(&mut self, text: &[u8]) -> i32 {
        let mut count = 0;
        for &c in text {
            let mut digit = c.wrapping_sub(b'0') as u32;
            if c | 0x20 == b'e' {
                break;
            }
            if digit > 9 || (digit == 0 && (count == 0 || count >= DIGITS)) {
                continue;
            }
            if count >= DIGITS {
                digit = 1; // it is as much more than the digits up to here as any other number in between
            }
            self.multiply_add(ABOVE, 10, digit);
            count += 1;
            if count > DIGITS {
                break;
            }
        }
        count as i32
    }

    /// One of the numbers = itself * factor + term.
    #[inline(never)]
    fn multiply_add(&mut self, which: usize, factor: u32, term: u32) {
        let mut carry = term as u64;
        for pair in self.words.iter_mut().take(self.len) {
            carry += pair[which & 1] as u64 * factor as u64;
            pair[which & 1] = carry as u32;
            carry >>= 32;
        }
    }

    /// Whether the number above is at least the one below; if so and if `write`, the difference takes its place.
    #[inline(never)]
    fn subtract(&mut self, write: bool) -> bool {
        let mut pass = 0;
        loop {
            let mut borrow = 0;
            for pair in self.words.iter_mut().take(self.len) {
                borrow += pair[ABOVE] as i64 - pair[BELOW] as i64;
                if pass > 0 {
                    pair[ABOVE] = borrow as u32;
                }
                borrow >>= 32;
            }
            if borrow < 0 {
                return false;
            }
            if pass > 0 || !write {
                return true;
            }
            pass += 1;
        }
    }
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
