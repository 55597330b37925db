use super::*;
use weir::json;

impl<'t, 'p, 'o> Parser<'t, 'p, 'o> {
    /// Parses a value: a constant, a field or something known of the event.
    #[inline(never)]
    pub(super) fn value(&mut self, what: &'static str) -> Parsed {
        match self.next.kind {
            META_NAME | QUOTED_NAME | NAME => self.field(what),
            _ => self.constant(what),
        }
    }

    #[inline(never)]
    pub(super) fn constant(&mut self, what: &'static str) -> Parsed {
        let token = self.next;
        let text = self.source.bytes(token);
        let operand = match token.kind {
            TRUE_WORD => self.program.constant(TRUE, 0.0),
            FALSE_WORD => self.program.constant(FALSE, 0.0),
            NULL_WORD => self.program.constant(NULL, 0.0),
            NUMBER_TOKEN => {
                let number = weir::number::float(text);
                if number.is_nan() {
                    return self.refuse("this number is too large", token);
                }
                self.program.constant(NUMBER, number)
            }
            TEXT => {
                let text = inner(text);
                if !has_valid_escapes(text) {
                    return self.refuse("this string has an escape that JSON does not know", token);
                }
                let mark = self.program.mark();
                self.write(Text { raw: text, escaped: true });
                self.program.string(mark)
            }
            _ => return self.expected(what),
        };
        self.advance();
        self.fits(operand)
    }

    /// Parses the name of a field or of something known of the event.
    #[inline(never)]
    pub(super) fn field(&mut self, what: &'static str) -> Parsed {
        if self.next.kind == META_NAME {
            for (i, name) in META.iter().enumerate() {
                if self.source.bytes(self.next).get(1..) == Some(name) {
                    self.advance();
                    return Ok(OPERAND_META | i as u16);
                }
            }
            return self.unknown_meta();
        }
        let mark = self.program.mark();
        let mut what = what;
        let mut inside = false;
        loop {
            let token = self.next;
            let mut name = self.source.bytes(token);
            match token.kind {
                QUOTED_NAME => name = inner(name),
                NAME => {}
                // Inside, an index and a keyword will do too.
                NUMBER_TOKEN | AND..=NULL_WORD if inside => {}
                _ => return self.expected(what),
            }
            if name.is_empty() || name.iter().any(|&c| c == json::SEPARATOR) {
                return self.refuse("this name is empty or has a NUL in it", token);
            }
            self.write(Text::plain(name));
            self.advance();
            if !self.take(b'.') {
                break;
            }
            self.next = self.source.index(self.next);
            self.program.byte(json::SEPARATOR);
            what = "a name";
            inside = true;
        }
        let field = self.program.field(mark);
        self.fits(field)
    }

    #[inline(never)]
    fn write(&mut self, text: Text) {
        for c in text.bytes() {
            self.program.byte(c);
        }
    }
}

/// What is between quotes.
fn inner(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len() - 1).unwrap_or(&[])
}

/// Whether the escapes of a string are those of JSON or \'.
fn has_valid_escapes(raw: &[u8]) -> bool {
    let mut bytes = raw.iter();
    while let Some(&c) = bytes.next() {
        if c != b'\\' {
            continue;
        }
        match bytes.next() {
            Some(b'u') => {
                for _ in 0..4 {
                    if !bytes.next().map_or(false, u8::is_ascii_hexdigit) {
                        return false;
                    }
                }
            }
            Some(b'\'' | b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
            _ => return false,
        }
    }
    true
}
