use crate::code::*;
use weir::json;

/// A token, by its bytes in the expression.
#[derive(Clone, Copy)]
pub struct Token {
    /// One of the following, or the byte itself of ( ) [ ] , and .
    pub kind: u8,
    /// Of COMPARE: the comparison.
    pub comparison: u8,
    pub start: u16,
    pub end: u16,
}

pub const END: u8 = 0;
/// A name of letters, digits and "_".
pub const NAME: u8 = b'a';
/// A name in backquotes.
pub const QUOTED_NAME: u8 = b'`';
/// "$" and a name.
pub const META_NAME: u8 = b'$';
pub const NUMBER_TOKEN: u8 = b'0';
/// In single or double quotes.
pub const TEXT: u8 = b'"';
pub const COMPARISON: u8 = b'=';
/// What no expression contains.
pub const BAD: u8 = b'?';
/// The keywords, from this one on, in the order of KEYWORDS.
pub const AND: u8 = 128;
pub const OR: u8 = AND + 1;
pub const NOT_WORD: u8 = AND + 2;
pub const IN: u8 = AND + 3;
pub const PREFIX_WORD: u8 = AND + 4;
pub const STARTS_WITH: u8 = AND + 5;
pub const EXISTS_WORD: u8 = AND + 6;
pub const TRUE_WORD: u8 = AND + 7;
pub const FALSE_WORD: u8 = AND + 8;
pub const NULL_WORD: u8 = AND + 9;

/// Words that are no names of fields, unless in backquotes.
const KEYWORDS: &str = "and or not in prefix startswith exists true false null";

/// An expression to be read. There are zeros behind it.
#[derive(Clone, Copy)]
pub struct Source<'t> {
    pub text: weir::Input<'t>,
}

impl<'t> Source<'t> {
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        *self.text.get(at).unwrap_or(&0)
    }

    pub fn bytes(&self, token: Token) -> &'t [u8] {
        self.text.bytes().get(token.start as usize..token.end as usize).unwrap_or(&[])
    }

    /// Reads the token from `at` on, where space may be first.
    #[inline(never)]
    pub fn token(&self, at: u16) -> Token {
        let mut start = at as usize;
        while let b' ' | b'\t' | b'\r' | b'\n' = self.byte(start) {
            start += 1;
        }
        let first = self.byte(start);
        let mut token = Token { kind: first, comparison: 0, start: start as u16, end: 0 };
        let equal = self.byte(start + 1) == b'=';
        let mut len = match first {
            0 if start == self.text.len() => return Token { end: token.start, ..token },
            b'(' | b')' | b'[' | b']' | b',' | b'.' => 1,
            b'=' | b'!' | b'<' | b'>' => {
                token.kind = COMPARISON;
                token.comparison = match first {
                    b'=' => EQUALS,
                    b'!' => DIFFERS,
                    b'<' => LESS,
                    _ => GREATER,
                };
                if equal {
                    token.comparison |= SAME * (first > b'!' && first != b'=') as u8;
                    2
                } else {
                    matches!(first, b'<' | b'>') as usize
                }
            }
            b'$' => match self.name(start + 1) {
                0 => 0,
                n => n + 1,
            },
            b'`' => self.quoted(start),
            b'"' | b'\'' => {
                token.kind = TEXT;
                self.quoted(start)
            }
            b'-' | b'0'..=b'9' => {
                token.kind = NUMBER_TOKEN;
                let len = json::number_len(self.text, start);
                // "12abc" is neither a number nor a name.
                len * !is_name(self.byte(start + len)) as usize
            }
            _ => {
                token.kind = NAME;
                self.name(start)
            }
        };
        if len == 0 {
            token.kind = BAD;
            len = 1;
            // The whole character.
            while len < 4 && self.byte(start + len) & 0xc0 == 0x80 {
                len += 1;
            }
        }
        token.end = (start + len) as u16;
        if token.kind == NAME {
            let word = self.bytes(token);
            if let Some(i) = KEYWORDS.as_bytes().split(|&c| c == b' ').position(|keyword| keyword == word) {
                token.kind = AND + i as u8;
            }
        }
        token
    }

    /// Reads a token anew that follows a dot in a path, where digits are an index: in "legs.0.5" there is no number 0.5.
    pub fn index(&self, mut token: Token) -> Token {
        let mut end = token.start;
        while self.byte(end as usize).is_ascii_digit() {
            end += 1;
        }
        if end > token.start {
            token.kind = NUMBER_TOKEN;
            token.end = end;
        }
        token
    }

    /// Length of a name, 0 if there is none.
    fn name(&self, start: usize) -> usize {
        if self.byte(start).is_ascii_digit() {
            return 0;
        }
        let mut len = 0;
        while is_name(self.byte(start + len)) {
            len += 1;
        }
        len
    }

    /// Length of something in quotes, 0 if the closing one is missing.
    fn quoted(&self, start: usize) -> usize {
        let quote = self.byte(start);
        let mut at = start + 1;
        while at < self.text.len() {
            match self.byte(at) {
                b'\\' if quote != b'`' => at += 1,
                b'\n' | b'\r' => break,
                c if c == quote => return at + 1 - start,
                _ => {}
            }
            at += 1;
        }
        0
    }
}

#[inline(never)]
fn is_name(c: u8) -> bool {
    c == b'_' || c.is_ascii_alphanumeric()
}

/// What to do about a BAD token that begins with this byte.
pub fn advice(first: u8) -> &'static str {
    match first {
        b'=' => "use '==' to compare",
        b'!' => "use 'not'",
        b'&' => "use 'and'",
        b'|' => "use 'or'",
        b'$' => "a name must follow '$'",
        b'`' => "the closing '`' is missing",
        b'"' => "the closing '\"' is missing",
        b'\'' => "the closing \"'\" is missing",
        b'-' | b'0'..=b'9' => "this is not a number",
        _ => "this character has no meaning here",
    }
}
