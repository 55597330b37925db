//! Says why an expression can't be compiled, and where.

use super::*;

/// Longest piece of an expression that is quoted, in bytes.
const QUOTED: usize = 40;

impl<'t, 'p, 'o> Parser<'t, 'p, 'o> {
    /// Says that something else is expected where the next token stands.
    #[cold]
    #[inline(never)]
    pub(super) fn expected(&mut self, what: &'static str) -> Parsed {
        let _ = self.out.refuse("expected ");
        self.out.write(what.as_bytes());
        if self.last.end > self.last.start {
            self.out.write(b" after ");
            self.quote(self.last);
        }
        self.place(self.next);
        self.out.write(b", found ");
        if self.next.kind == END {
            self.out.write(b"the end");
        } else {
            self.quote(self.next);
        }
        if self.next.kind == BAD {
            self.out.write(b": ");
            let first = self.source.bytes(self.next).first().copied();
            self.out.write(advice(first.unwrap_or(0)).as_bytes());
        }
        Err(Refused)
    }

    /// Says what is wrong with a token.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&mut self, what: &'static str, token: Token) -> Parsed {
        let _ = self.out.refuse(what);
        self.place(token);
        Err(Refused)
    }

    #[cold]
    pub(super) fn unknown_meta(&mut self) -> Parsed {
        let _ = self.out.refuse("there is no ");
        self.quote(self.next);
        self.out.write(b", only");
        for name in META {
            self.out.write(b" $");
            self.out.write(name);
            self.out.byte(b',');
        }
        self.place(self.next);
        Err(Refused)
    }

    /// Says that there are too many of something, unless there is an index.
    #[inline(never)]
    pub(super) fn fits(&mut self, index: Option<u16>) -> Parsed {
        match index {
            Some(index) => Ok(index),
            None => {
                let _ = self.out.refuse("the expression has too many parts: at most 64 fields and 1024 values");
                Err(Refused)
            }
        }
    }

    #[inline(never)]
    fn quote(&mut self, token: Token) {
        let piece = self.source.bytes(token);
        let mut len = piece.len().min(QUOTED);
        while piece.get(len).map_or(false, |c| c & 0xc0 == 0x80) && len > 0 {
            len -= 1;
        }
        self.out.byte(b'\'');
        self.out.write(piece.get(..len).unwrap_or(&[]));
        self.out.write(if len < piece.len() { b"...'" } else { b"'" });
    }

    /// Writes the place, line and column from 1 on, columns counted in characters.
    #[inline(never)]
    fn place(&mut self, token: Token) {
        let (mut line, mut column) = (1, 1);
        for &c in self.source.text.bytes().iter().take(token.start as usize) {
            if c == b'\n' {
                line += 1;
                column = 1;
            } else {
                column += (c & 0xc0 != 0x80) as usize;
            }
        }
        self.out.write(b" at ");
        self.out.decimal(line);
        self.out.byte(b':');
        self.out.decimal(column);
    }
}
