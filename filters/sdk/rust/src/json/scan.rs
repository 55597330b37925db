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
            let mut name = None;
            if object {
                at = self.string(at.space())?.space().take(b':')?;
                if let Value::Text(text) = self.value {
                    name = Some(text);
                }
            }
            at = self.member(at, wanted, depth, name, index)?;
            index += 1;
            more = at.byte() == b',';
            at = at.on(more as usize);
        }
        let end = at.take(close)?;
        self.value = Value::Nested(start.until(end));
        Some(end)
    }

    /// Scans the value of a member and the space around it, and notes it for the paths that end there. The member has a
    /// name in an object, and an index in an array.
    #[inline]
    fn member(&mut self, at: Place<'a>, wanted: u64, depth: usize, name: Option<Text>, index: usize) -> Option<Place<'a>> {
        let mut ending = 0;
        let mut inside = 0;
        for i in Ones(wanted) {
            // SAFETY: there are as many paths as bits, and as many places for what is found.
            let (path, found) = unsafe { (*self.paths.get_unchecked(i), self.found.get_unchecked_mut(i)) };
            let rest = match after_member(skip_names(path, depth), name, index) {
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
        if depth == 0 && name.is_none() && self.paths.is_empty() {
            if let Some(found) = self.found.get_mut(index) {
                *found = self.value;
            }
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

/// A path without its first names. One that has no more of them is never asked for them.
#[inline(always)]
fn skip_names(path: &[u8], count: usize) -> &[u8] {
    let mut names = path.iter();
    for _ in 0..count {
        names.find(|&&c| c == SEPARATOR);
    }
    names.as_slice()
}

/// What of a path is behind a member, if that is what it begins with. A separator counts, so only a path's end is empty.
#[inline(always)]
fn after_member<'p>(path: &'p [u8], name: Option<Text>, index: usize) -> Option<&'p [u8]> {
    let mut rest = path.iter();
    match name {
        None => {
            if !is_index(&mut rest, index) {
                return None;
            }
        }
        Some(Text { raw, escaped: false }) => {
            for c in raw {
                if rest.next() != Some(c) {
                    return None;
                }
            }
        }
        Some(text) => {
            for c in text.bytes() {
                if c == SEPARATOR || rest.next() != Some(&c) {
                    return None;
                }
            }
        }
    }
    match rest.as_slice().first() {
        None | Some(&SEPARATOR) => Some(rest.as_slice()),
        _ => None,
    }
}

/// Reads an index from a path, decimal without leading zeros, and whether it is this one.
fn is_index(rest: &mut core::slice::Iter<u8>, index: usize) -> bool {
    let digits = rest.as_slice();
    let mut value = 0usize;
    while let Some(c @ b'0'..=b'9') = rest.as_slice().first() {
        if value > index {
            return false;
        }
        value = value * 10 + (c - b'0') as usize;
        rest.next();
    }
    let len = digits.len() - rest.as_slice().len();
    value == index && (len == 1 || (len > 0 && digits[0] != b'0'))
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
