/// Words of 32 bits. The longest number is that of 801 digits, or a power of ten with an exponent of 330 + 801.
const WORDS: usize = 136;

/// A natural number, least significant word first.
pub(super) struct Big {
    words: [u32; WORDS],
    len: usize,
}

impl Big {
    pub fn from(v: u32) -> Big {
        let mut words = [0; WORDS];
        words[0] = v;
        Big { words, len: (v != 0) as usize }
    }

    /// self = self * factor + term
    pub fn multiply_add(&mut self, factor: u32, term: u32) {
        let mut carry = term as u64;
        for word in &mut self.words[..self.len] {
            carry += *word as u64 * factor as u64;
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.words[self.len] = carry as u32;
            self.len += 1;
        }
    }

    fn bits(&self) -> usize {
        match self.len {
            0 => 0,
            n => 32 * n - self.words[n - 1].leading_zeros() as usize,
        }
    }

    fn shift_left(&mut self, bits: usize) {
        let (words, bits) = (bits / 32, bits % 32);
        let at = |i: usize, s: &Big| if i < s.len { s.words[i] as u64 } else { 0 };
        let top = self.len + words + 1;
        for i in (0..top.min(WORDS)).rev() {
            let low = if i > words { at(i - words - 1, self) } else { 0 };
            let high = if i >= words { at(i - words, self) } else { 0 };
            self.words[i] = (((high << 32 | low) << bits) >> 32) as u32;
        }
        self.len = top.min(WORDS);
        self.trim();
    }

    fn trim(&mut self) {
        while self.len > 0 && self.words[self.len - 1] == 0 {
            self.len -= 1;
        }
    }

    fn at_least(&self, other: &Big) -> bool {
        if self.len != other.len {
            return self.len > other.len;
        }
        for i in (0..self.len).rev() {
            if self.words[i] != other.words[i] {
                return self.words[i] > other.words[i];
            }
        }
        true
    }

    /// self = self - other, which is not greater
    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0i64;
        for i in 0..self.len {
            let v = self.words[i] as i64 - if i < other.len { other.words[i] as i64 } else { 0 } + borrow;
            self.words[i] = v as u32;
            borrow = v >> 32;
        }
        self.trim();
    }

    /// Returns self / divisor as quotient * 2^exponent, the quotient with 65 or 66 bits, and whether anything is left.
    pub fn divide(mut self, mut divisor: Big) -> (u128, i32, bool) {
        const BITS: i32 = 65;
        let shift = self.bits() as i32 - divisor.bits() as i32;
        if shift >= 0 {
            divisor.shift_left(shift as usize);
        } else {
            self.shift_left(-shift as usize);
        }
        let mut quotient = 0;
        for _ in 0..=BITS {
            quotient <<= 1;
            if self.at_least(&divisor) {
                self.subtract(&divisor);
                quotient |= 1;
            }
            self.shift_left(1);
        }
        (quotient, shift - BITS, self.len > 0)
    }
}
