use super::place::Place;
use super::{Text, Value, DEPTH, SEPARATOR};
use crate::Input;

/// One pass over a text. Its methods are given a place in the text and return the place behind what they have scanned,
/// None where the text isn't JSON.
pub(super) struct Scanner<'a, 'p, 'f> {
    paths: &'p [&'p [u8]],
    /// As long as `paths`. Where there are no paths, the text's own items are noted in it.
    found: &'f mut [Value<'a>],
    /// What was scanned last.
    value: Value<'a>,
}

impl<'a, 'p, 'f> Scanner<'a, 'p, 'f> {
    pub fn new(paths: &'p [&'p [u8]], found: &'f mut [Value<'a>]) -> Self {
        Scanner { paths, found, value: Value::Missing }
    }

    /// Scans a whole text, and tells whether it is JSON.
    pub fn document(&mut self, text: Input<'a>) -> bool {
        // A bit per path.
        let wanted = if self.paths.is_empty() { 0 } else { u64::MAX >> (64 - self.paths.len()) };
        match self.value(Place::start_of(text).space(), wanted, 0) {
            // Behind a part of a text, which is known to be JSON, there may be further space.
            Some(end) => end.space() >= Place::end_of(text),
            None => false,
        }
    }

    /// Scans a value inside of `depth` arrays and objects. `wanted` has a bit per path that leads into it.
    #[inline(never)]
    fn value(&mut self, at: Place<'a>, wanted: u64, depth: usize) -> Option<Place<'a>> {
        let word = at.word() as u32;
        let (value, len) = match word as u8 {
            b'"' => return self.string(at),
            b'{' | b'[' if depth < DEPTH => return self.nested(at, wanted, depth),
            b't' if word == u32::from_le_bytes(*b"true") => (Value::Bool(true), 4),
            b'n' if word == u32::from_le_bytes(*b"null") => (Value::Null, 4),
            b'f' if at.on(1).word() as u32 == u32::from_le_bytes(*b"alse") => (Value::Bool(false), 5),
            _ => {
                let end = at.number()?;
                self.value = Value::Number(at.until(end).bytes());
                return Some(end);
            }
        };
        self.value = value;
        Some(at.on(len))
    }

    fn nested(&mut self, start: Place<'a>, wanted: u64, depth: usize) -> Option<Place<'a>> {
        let object = start.byte() == b'{';
        let close = start.byte() + 2;
        let mut at = start.on(1).space();
        let mut index = 0;
        let mut more = at.byte() != close;
        while more {
            let mut digits = Digits([0; 10]);
            let mut name = Text::plain(&[]);
            if object {
                at = self.string(at.space())?.space().take(b':')?;
                if let Value::Text(text) = self.value {
                    name = text;
                }
            } else if wanted != 0 {
                name = digits.of(index);
            }
            at = self.member(at, wanted, depth, name)?;
            if depth == 0 && !object && self.paths.is_empty() {
                if let Some(found) = self.found.get_mut(index) {
                    *found = self.value;
                }
            }
            index += 1;
            more = at.byte() == b',';
            at = at.on(more as usize);
        }
        let end = at.take(close)?;
        self.value = Value::Nested(start.until(end));
        Some(end)
    }

    /// Scans the value of a member and the space around it, and notes it for the paths that end there. In an array, the
    /// name is an index.
    #[inline]
    fn member(&mut self, at: Place<'a>, wanted: u64, depth: usize, name: Text) -> Option<Place<'a>> {
        let mut ending = 0;
        let mut inside = 0;
        for i in Ones(wanted) {
            // SAFETY: there are as many paths as bits, and as many places for what is found.
            let (path, found) = unsafe { (*self.paths.get_unchecked(i), self.found.get_unchecked_mut(i)) };
            let rest = match behind(path, depth, name) {
                Some(rest) => rest,
                None => continue,
            };
            // Whatever an earlier member of this name had in it no longer counts.
            *found = Value::Missing;
            if rest.is_empty() {
                ending |= 1 << i;
            } else {
                inside |= 1 << i;
            }
        }
        let end = self.value(at.space(), inside, depth + 1)?;
        for i in Ones(ending) {
            // SAFETY: as above.
            unsafe { *self.found.get_unchecked_mut(i) = self.value };
        }
        Some(end.space())
    }

    #[inline(never)]
    fn string(&mut self, at: Place<'a>) -> Option<Place<'a>> {
        let start = at.take(b'"')?;
        let mut at = start;
        let mut escaped = false;
        loop {
            // No more than 8 bytes, and no further than the zero at the end.
            let plain = plain_bytes(at.word());
            at = at.on(plain);
            if plain == 8 {
                continue;
            }
            if at.byte() == b'"' {
                self.value = Value::Text(Text { raw: start.until(at).bytes(), escaped });
                return Some(at.on(1));
            }
            at = at.take(b'\\')?;
            escaped = true;
            let mut digits = match at.byte() {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
                b'u' => 4,
                _ => return None,
            };
            at = at.on(1);
            while digits > 0 {
                if !at.byte().is_ascii_hexdigit() {
                    return None;
                }
                at = at.on(1);
                digits -= 1;
            }
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

/// What is behind name number `depth` of a path, if it is this one. A separator counts, so only a path's end is empty. A
/// path that has no such name is never asked for it.
#[inline(always)]
fn behind<'p>(path: &'p [u8], depth: usize, name: Text) -> Option<&'p [u8]> {
    let mut rest = path.iter();
    for _ in 0..depth {
        rest.find(|&&c| c == SEPARATOR);
    }
    for c in name.bytes() {
        if c == SEPARATOR || rest.next() != Some(&c) {
            return None;
        }
    }
    match rest.as_slice().first() {
        None | Some(&SEPARATOR) => Some(rest.as_slice()),
        _ => None,
    }
}

/// Room for an index of an array, in decimal.
struct Digits([u8; 10]);

impl Digits {
    #[inline(always)]
    fn of(&mut self, mut index: usize) -> Text {
        let mut len = 0;
        for digit in self.0.iter_mut().rev() {
            *digit = b'0' + (index % 10) as u8;
            len += 1;
            index /= 10;
            if index == 0 {
                break;
            }
        }
        Text::plain(self.0.get(self.0.len() - len..).unwrap_or(&[]))
    }
}

/// The places of the 1 bits of a word.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let i = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(i)
    }
}
