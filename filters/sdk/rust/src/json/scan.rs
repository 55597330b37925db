use super::{Text, Value, DEPTH, PATHS, SEPARATOR};
use crate::Input;

/// One pass over a text. Every method returns None where the text isn't JSON.
pub(super) struct Scanner<'a, 'p, 'f> {
    text: Input<'a>,
    /// No more than the text's length: the byte there is 0, which nothing accepts.
    at: usize,
    paths: &'p [&'p [u8]],
    /// Length of each path's first name.
    firsts: [usize; PATHS],
    found: &'f mut [Value<'a>],
}

impl<'a, 'p, 'f> Scanner<'a, 'p, 'f> {
    pub fn new(text: Input<'a>, paths: &'p [&'p [u8]], found: &'f mut [Value<'a>]) -> Self {
        let mut firsts = [0; PATHS];
        for (first, path) in firsts.iter_mut().zip(paths) {
            *first = end_of_name(path);
        }
        Scanner { text, at: 0, paths, firsts, found }
    }

    /// Scans the whole text. `wanted` has a bit per path to look for.
    pub fn document(&mut self, wanted: u64) -> Option<()> {
        self.space();
        self.value(wanted, 0)?;
        self.space();
        if self.at == self.text.len() {
            Some(())
        } else {
            None
        }
    }

    /// The next byte; at the end 0.
    #[inline(always)]
    fn peek(&self) -> u8 {
        self.text.byte(self.at)
    }

    #[inline(always)]
    fn space(&mut self) {
        while let b' ' | b'\n' | b'\r' | b'\t' = self.peek() {
            self.at += 1;
        }
    }

    /// Passes over a byte, which is not 0.
    #[inline(always)]
    fn take(&mut self, c: u8) -> bool {
        let is = self.peek() == c;
        self.at += is as usize;
        is
    }

    #[inline]
    fn expect(&mut self, c: u8) -> Option<()> {
        if self.take(c) {
            Some(())
        } else {
            None
        }
    }

    /// Scans a value inside of `depth` arrays and objects. `wanted` has a bit per path that leads into it.
    fn value(&mut self, wanted: u64, depth: usize) -> Option<Value<'a>> {
        match self.peek() {
            b'"' => self.string().map(Value::Text),
            b'{' if depth < DEPTH => self.object(wanted, depth),
            b'[' if depth < DEPTH => self.array(wanted, depth),
            b't' => self.word(b"true", Value::Bool(true)),
            b'f' => self.word(b"false", Value::Bool(false)),
            b'n' => self.word(b"null", Value::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &[u8], value: Value<'a>) -> Option<Value<'a>> {
        if !self.text[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(value)
    }

    fn object(&mut self, wanted: u64, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Some(Value::Nested);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            self.member(wanted, depth, |segment| name.equals(segment))?;
            if !self.take(b',') {
                self.expect(b'}')?;
                return Some(Value::Nested);
            }
        }
    }

    fn array(&mut self, wanted: u64, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Some(Value::Nested);
        }
        let mut index = 0;
        loop {
            self.member(wanted, depth, |segment| is_index(segment, index))?;
            index += 1;
            if !self.take(b',') {
                self.expect(b']')?;
                return Some(Value::Nested);
            }
        }
    }

    /// Scans the value of a member and the space around it, and notes it for the paths that end there. `named` tells
    /// whether the member has a certain name.
    #[inline]
    fn member(&mut self, wanted: u64, depth: usize, named: impl Fn(&[u8]) -> bool) -> Option<()> {
        let mut ending = 0;
        let mut inside = 0;
        for i in Ones(wanted) {
            let path = self.paths[i];
            let (segment, last) = if depth == 0 {
                (&path[..self.firsts[i]], self.firsts[i] == path.len())
            } else {
                name_at(path, depth)
            };
            if !named(segment) {
                continue;
            }
            // Whatever an earlier member of this name had in it no longer counts.
            self.found[i] = Value::Missing;
            if last {
                ending |= 1 << i;
            } else {
                inside |= 1 << i;
            }
        }
        self.space();
        let value = self.value(inside, depth + 1)?;
        for i in Ones(ending) {
            self.found[i] = value;
        }
        self.space();
        Some(())
    }

    fn string(&mut self) -> Option<Text<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            // No more than 8 bytes, and no further than the zero at the end.
            let plain = plain_bytes(self.text.word(self.at));
            self.at += plain;
            if plain == 8 {
                continue;
            }
            match self.peek() {
                b'"' => {
                    let raw = &self.text.bytes()[start..self.at];
                    self.at += 1;
                    return Some(Text { raw, escaped });
                }
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let c = self.peek();
        if c == 0 {
            return None;
        }
        self.at += 1;
        match c {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.bytes().get(self.at..self.at + 4)?;
                self.at += 4;
                if digits.iter().all(u8::is_ascii_hexdigit) {
                    Some(())
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(Value::Number(&self.text.bytes()[start..self.at]))
    }

    /// Scans at least one digit.
    #[inline]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at > start {
            Some(())
        } else {
            None
        }
    }
}

/// How many of 8 bytes, from the lowest on, are neither a quote nor a backslash nor a control character.
#[inline(always)]
fn plain_bytes(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Each term has the high bit of the lowest byte in question set, and none of a lower byte's.
    let zero = |v: u64| v.wrapping_sub(ONES) & !v;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    ((quote | backslash | control) & HIGH).trailing_zeros() as usize / 8
}

/// Where the first name of a path ends.
fn end_of_name(path: &[u8]) -> usize {
    path.iter().position(|&c| c == SEPARATOR).unwrap_or(path.len())
}

/// Name `n` of a path, and whether it is the last one. A path that has no such name is never asked for it.
fn name_at(path: &[u8], n: usize) -> (&[u8], bool) {
    let mut rest = path;
    for _ in 0..n {
        rest = rest.get(end_of_name(rest) + 1..).unwrap_or(&[]);
    }
    let end = end_of_name(rest);
    (&rest[..end], end == rest.len())
}

/// Whether a name is this index of an array: decimal, without leading zeros.
fn is_index(name: &[u8], index: usize) -> bool {
    if name.is_empty() || name.len() > 9 || (name[0] == b'0' && name.len() > 1) {
        return false;
    }
    let mut value = 0;
    for &c in name {
        if !c.is_ascii_digit() {
            return false;
        }
        value = value * 10 + (c - b'0') as usize;
    }
    value == index
}

/// The places of the 1 bits of a word.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let i = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(i)
    }
}
