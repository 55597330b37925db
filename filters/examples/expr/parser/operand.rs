use super::*;

/// Words that are no names of fields, unless in backquotes.
const KEYWORDS: [&[u8]; 10] =
    [b"and", b"or", b"not", b"in", b"prefix", b"startswith", b"exists", b"true", b"false", b"null"];

impl<'t, 'p> Parser<'t, 'p> {
    /// Parses a value: a constant, a field or something known of the event.
    pub(super) fn value(&mut self) -> Parsed<u16> {
        match self.next.kind {
            Kind::Meta | Kind::QuotedName => self.field(),
            Kind::Name if !KEYWORDS.contains(&self.bytes(self.next)) => self.field(),
            _ => self.constant("a value"),
        }
    }

    fn constant(&mut self, what: &'static str) -> Parsed<u16> {
        let token = self.next;
        let operand = match (token.kind, self.bytes(token)) {
            (Kind::Name, b"true") => self.program.word(TRUE)?,
            (Kind::Name, b"false") => self.program.word(FALSE)?,
            (Kind::Name, b"null") => self.program.word(NULL)?,
            (Kind::Number, text) => match weir::number::parse(text) {
                Some(number) => self.program.number(number)?,
                None => return Err(Trouble::At { what: "this number is too large", token }),
            },
            (Kind::Text, quoted) => self.string(token, &quoted[1..quoted.len() - 1])?,
            _ => return self.expected(what),
        };
        self.advance();
        Ok(operand)
    }

    /// Decodes a string, whose escapes are those of JSON and \'.
    fn string(&mut self, token: Token, raw: &[u8]) -> Parsed<u16> {
        let mark = self.program.mark();
        let mut rest = raw;
        while let Some((&c, after)) = rest.split_first() {
            if c != b'\\' {
                self.program.byte(c)?;
                rest = after;
                continue;
            }
            let len = match after.first() {
                Some(b'\'') => {
                    self.program.byte(b'\'')?;
                    rest = &after[1..];
                    continue;
                }
                Some(b'u') => unicode_len(rest),
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                _ => 0,
            };
            if len == 0 {
                return Err(Trouble::At { what: "this string has an escape that JSON does not know", token });
            }
            for c in (Text { raw: &rest[..len], escaped: true }).bytes() {
                self.program.byte(c)?;
            }
            rest = &rest[len..];
        }
        self.program.string(mark).map_err(Trouble::from)
    }

    /// Parses the name of a field or of something known of the event.
    pub(super) fn field(&mut self) -> Parsed<u16> {
        if self.next.kind == Kind::Meta {
            let token = self.next;
            let name = &self.bytes(token)[1..];
            let index = META.iter().position(|m| *m == name).ok_or(Trouble::UnknownMeta(token))?;
            self.advance();
            return Ok(OPERAND_META | index as u16);
        }
        let mark = self.program.mark();
        self.segment("the name of a field", false)?;
        while self.next.kind == Kind::Dot {
            self.advance();
            self.next = lexer::index(self.text, self.next);
            self.program.byte(json::SEPARATOR)?;
            self.segment("a name", true)?;
        }
        self.program.field(mark).map_err(Trouble::from)
    }

    /// Parses one name of a path; inside, an index and a keyword will do too.
    fn segment(&mut self, what: &'static str, inside: bool) -> Parsed<()> {
        let token = self.next;
        let name = match (token.kind, self.bytes(token)) {
            (Kind::QuotedName, quoted) => &quoted[1..quoted.len() - 1],
            (Kind::Name, name) if inside || !KEYWORDS.contains(&name) => name,
            (Kind::Number, index) if inside => index,
            _ => return self.expected(what),
        };
        if name.is_empty() || name.contains(&json::SEPARATOR) {
            return Err(Trouble::At { what: "this name is empty or has a NUL in it", token });
        }
        for &c in name {
            self.program.byte(c)?;
        }
        self.advance();
        Ok(())
    }

    /// Parses "[" constant, ... "]". Returns the first and how many there are.
    pub(super) fn list(&mut self) -> Parsed<(u16, u16)> {
        if self.next.kind != Kind::OpenList {
            return self.expected("'['");
        }
        self.advance();
        let first = self.constant("a constant value")?;
        let mut count = 1;
        while self.next.kind == Kind::Comma {
            self.advance();
            self.constant("a constant value")?;
            count += 1;
        }
        if self.next.kind != Kind::CloseList {
            return self.expected("',' or ']'");
        }
        self.advance();
        Ok((first & OPERAND_INDEX, count))
    }
}

/// Length of a \u escape at the beginning, with the second half of a pair; 0 if it isn't one.
fn unicode_len(rest: &[u8]) -> usize {
    let is_unit = |at: usize| {
        rest.get(at..at + 6).map_or(false, |unit| unit.starts_with(b"\\u") && unit[2..].iter().all(u8::is_ascii_hexdigit))
    };
    if !is_unit(0) {
        return 0;
    }
    let high = matches!(&rest[2..4], [b'd' | b'D', b'8' | b'9' | b'a' | b'A' | b'b' | b'B']);
    let low = high && is_unit(6) && matches!(&rest[8..10], [b'd' | b'D', b'c'..=b'f' | b'C'..=b'F']);
    if low {
        12
    } else {
        6
    }
}
