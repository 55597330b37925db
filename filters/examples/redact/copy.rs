//! Copies a JSON text onto itself, without some of its fields. What is written is never longer than what was read, so the
//! place to write to stays behind the place to read from.

use crate::{FIELDS, KEEP};
use weir::params::Items;
use weir::{trap, Prepared};
use weir::json::{Text, SEPARATOR};

struct Copier<'t, 'p> {
    text: &'t mut [u8],
    /// Where to read on, and where to write on.
    at: usize,
    end: usize,
    keep: bool,
    paths: [&'p [u8]; FIELDS],
}

/// Redacts a valid text that is an object or an array, and returns how long it is then.
pub fn redact(text: &mut [u8], prepared: Prepared) -> usize {
    let mut copier = Copier { text, at: 0, end: 0, keep: prepared.byte(0) == KEEP, paths: [&[]; FIELDS] };
    let mut all = 0;
    for (path, item) in copier.paths.iter_mut().zip(Items(prepared.from(1))) {
        *path = item;
        all = all << 1 | 1;
    }
    copier.space();
    copier.nested(all, 0);
    copier.end
}

impl<'t, 'p> Copier<'t, 'p> {
    #[inline]
    fn peek(&self) -> u8 {
        match self.text.get(self.at) {
            Some(c) => *c,
            None => trap(),
        }
    }

    fn space(&mut self) {
        while let b' ' | b'\n' | b'\r' | b'\t' = self.peek() {
            self.at += 1;
        }
    }

    fn put(&mut self, c: u8) {
        match self.text.get_mut(self.end) {
            Some(to) => *to = c,
            None => trap(),
        }
        self.end += 1;
    }

    /// Writes what stands between two places.
    fn put_from(&mut self, start: usize, end: usize) {
        for at in start..end {
            if let Some(&c) = self.text.get(at) {
                self.put(c);
            }
        }
    }

    /// Copies an object or an array. `paths` has a bit per path that leads into it, through `level` objects. What is in an
    /// array has the array's place.
    fn nested(&mut self, paths: u64, level: usize) {
        let object = self.peek() == b'{';
        let start = self.end;
        self.put(if object { b'{' } else { b'[' });
        self.at += 1;
        loop {
            self.space();
            match self.peek() {
                b'}' | b']' => break,
                b',' => self.at += 1,
                _ if object => self.member(paths, level, start),
                _ => self.value(paths, level, start, (0, 0)),
            }
        }
        self.at += 1;
        self.put(if object { b'}' } else { b']' });
    }

    /// Copies a member of an object that was begun at `start`, or does not.
    fn member(&mut self, paths: u64, level: usize, start: usize) {
        let from = self.at;
        self.skip_string();
        let name = (from, self.at);
        self.space();
        self.at += 1; // the colon
        self.space();
        let raw = self.text.get(name.0 + 1..name.1 - 1).unwrap_or(&[]);
        let text = Text { raw, escaped: raw.contains(&b'\\') };
        let (mut named, mut inside) = (false, 0);
        for (i, path) in self.paths.iter().enumerate() {
            if paths >> i & 1 == 0 {
                continue;
            }
            let (segment, last) = segment(path, level);
            if text.equals(segment) {
                named |= last;
                inside |= (!last as u64) << i;
            }
        }
        if named && self.keep {
            self.whole(start, name);
        } else if named {
            self.skip();
        } else {
            self.value(inside, level + 1, start, name);
        }
    }

    /// Copies a value into the object or array that was begun at `start`, with its name if that is not empty.
    fn value(&mut self, paths: u64, level: usize, start: usize, name: (usize, usize)) {
        let nested = matches!(self.peek(), b'{' | b'[');
        if paths != 0 && nested {
            self.introduce(start, name);
            self.nested(paths, level);
        } else if self.keep {
            self.skip();
        } else {
            self.whole(start, name);
        }
    }

    /// Copies a value as it is.
    fn whole(&mut self, start: usize, name: (usize, usize)) {
        self.introduce(start, name);
        let from = self.at;
        self.skip();
        self.put_from(from, self.at);
    }

    /// Writes what stands before a value.
    fn introduce(&mut self, start: usize, name: (usize, usize)) {
        if self.end > start + 1 {
            self.put(b',');
        }
        if name.1 > 0 {
            self.put_from(name.0, name.1);
            self.put(b':');
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while self.peek() != b'"' {
            self.at += 1 + (self.peek() == b'\\') as usize;
        }
        self.at += 1;
    }

    /// Passes over a value.
    fn skip(&mut self) {
        let mut depth = 0;
        loop {
            match self.peek() {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ if depth > 0 => self.at += 1,
                _ => {
                    while !matches!(self.peek(), b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

/// Name `n` of a path, and whether it is the last one. A path that has no such name is never asked for it.
fn segment(path: &[u8], n: usize) -> (&[u8], bool) {
    let mut rest = path.iter();
    for _ in 0..n {
        rest.find(|&&c| c == SEPARATOR);
    }
    let names = rest.as_slice();
    let end = rest.position(|&c| c == SEPARATOR).unwrap_or(names.len());
    (&names[..end], end == names.len())
}
