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
    pub fn bytes(&self) -> Bytes<'a> {
        Bytes { raw: self.raw, escaped: self.escaped, decoded: [0; 4], at: 0, end: 0 }
    }

    #[inline]
    pub fn equals(&self, other: &[u8]) -> bool {
        if self.escaped {
            self.bytes().eq(other.iter().copied())
        } else {
            self.raw == other
        }
    }

    /// Compares by bytes of UTF-8, which is the order of code points.
    pub fn compare(&self, other: &Text) -> Ordering {
        if self.escaped || other.escaped {
            self.bytes().cmp(other.bytes())
        } else {
            self.raw.cmp(other.raw)
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
    /// What is left of a decoded escape: decoded[at..end].
    decoded: [u8; 4],
    at: usize,
    end: usize,
}

impl<'a> Iterator for Bytes<'a> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if self.at < self.end {
            self.at += 1;
            return Some(self.decoded[self.at - 1]);
        }
        let (&c, rest) = self.raw.split_first()?;
        self.raw = rest;
        if c != b'\\' || !self.escaped {
            return Some(c);
        }
        self.escape()
    }
}

impl<'a> Bytes<'a> {
    fn escape(&mut self) -> Option<u8> {
        let (&c, rest) = self.raw.split_first()?;
        self.raw = rest;
        Some(match c {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(),
            _ => c,
        })
    }

    /// Decodes what follows "\u".
    fn unicode(&mut self) -> Option<u8> {
        let mut code = self.unit()?;
        if (0xd800..0xdc00).contains(&code) && self.raw.starts_with(b"\\u") {
            let before = self.raw;
            self.raw = &self.raw[2..];
            match self.unit()? {
                low @ 0xdc00..=0xdfff => code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00),
                _ => self.raw = before,
            }
        }
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.end = c.encode_utf8(&mut self.decoded).len();
        self.at = 1;
        Some(self.decoded[0])
    }

    /// Reads four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.raw.get(..4)?;
        self.raw = &self.raw[4..];
        let mut unit = 0;
        for &c in digits {
            unit = unit << 4 | (c as char).to_digit(16)?;
        }
        Some(unit)
    }
}
