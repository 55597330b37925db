use core::cmp::Ordering;

/// A string's content as it is written, escapes and all. The scanner has checked the escapes.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    pub raw: &'a [u8],
    pub escaped: bool,
}

impl<'a> Text<'a> {
    /// Text that contains no escapes, from elsewhere than a JSON text.
    pub fn plain(raw: &'a [u8]) -> Text<'a> {
        Text { raw, escaped: false }
    }

    /// The content as UTF-8, byte by byte. Half a surrogate pair becomes U+FFFD.
    #[inline]
    pub fn bytes(&self) -> Bytes<'a> {
        Bytes { raw: self.raw, escaped: self.escaped, decoded: 0 }
    }

    #[inline]
    pub fn equals(&self, other: &[u8]) -> bool {
        if !self.escaped {
            return self.raw == other;
        }
        let mut rest = other.iter();
        for c in self.bytes() {
            if rest.next() != Some(&c) {
                return false;
            }
        }
        rest.next().is_none()
    }

    /// Compares by bytes of UTF-8, which is the order of code points.
    #[inline(never)]
    pub fn compare(&self, other: &Text) -> Ordering {
        let (mut a, mut b) = (self.bytes(), other.bytes());
        loop {
            match (a.next(), b.next()) {
                (None, None) => return Ordering::Equal,
                // Nothing is less than any byte.
                (x, y) if x != y => return if x < y { Ordering::Less } else { Ordering::Greater },
                _ => {}
            }
        }
    }

    pub fn starts_with(&self, prefix: &Text) -> bool {
        let mut bytes = self.bytes();
        prefix.bytes().all(|c| bytes.next() == Some(c))
    }
}

/// Iterates over the bytes of a [`Text`].
pub struct Bytes<'a> {
    raw: &'a [u8],
    escaped: bool,
    /// What is left of a decoded escape, the next byte lowest. None of them is 0.
    decoded: u32,
}

impl<'a> Iterator for Bytes<'a> {
    type Item = u8;

    #[inline(never)]
    fn next(&mut self) -> Option<u8> {
        if self.decoded != 0 {
            let c = self.decoded as u8;
            self.decoded >>= 8;
            return Some(c);
        }
        let c = self.take()?;
        if c != b'\\' || !self.escaped {
            return Some(c);
        }
        Some(match self.take()? {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => self.unicode(),
            c => c,
        })
    }
}

impl<'a> Bytes<'a> {
    #[inline]
    fn take(&mut self) -> Option<u8> {
        let (&c, rest) = self.raw.split_first()?;
        self.raw = rest;
        Some(c)
    }

    /// Decodes what follows "\u", and returns the first byte of it.
    fn unicode(&mut self) -> u8 {
        let mut code = self.unit();
        if code >> 10 == 0xd800 >> 10 && self.raw.starts_with(b"\\u") {
            let before = self.raw;
            self.raw = self.raw.get(2..).unwrap_or(&[]);
            let low = self.unit();
            if low >> 10 == 0xdc00 >> 10 {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            } else {
                self.raw = before;
            }
        }
        if code >> 11 == 0xd800 >> 11 {
            code = char::REPLACEMENT_CHARACTER as u32;
        }
        self.encode(code)
    }

    /// Reads four hexadecimal digits.
    fn unit(&mut self) -> u32 {
        let mut unit = 0;
        for _ in 0..4 {
            let c = self.take().unwrap_or(b'0') as u32;
            unit = unit << 4 | ((c & 15) + if c > 64 { 9 } else { 0 });
        }
        unit
    }

    /// Returns the first byte of a code point in UTF-8 (RFC 3629, section 3) and keeps the others.
    fn encode(&mut self, mut code: u32) -> u8 {
        if code < 0x80 {
            return code as u8;
        }
        // What a first byte has room for, which is a bit less for each further byte.
        let mut room = 0x3f;
        while code > room {
            self.decoded = self.decoded << 8 | 0x80 | (code & 0x3f);
            code >>= 6;
            room >>= 1;
        }
        (!room << 1) as u8 | code as u8
    }
}
