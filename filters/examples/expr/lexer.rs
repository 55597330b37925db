use crate::code::*;

/// A token, by its bytes in the expression.
#[derive(Clone, Copy, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    End,
    /// A name of letters, digits and "_", which may be a keyword.
    Name,
    /// A name in backquotes.
    QuotedName,
    /// "$" and a name.
    Meta,
    Number,
    /// In single or double quotes.
    Text,
    Compare(u8),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Dot,
    /// What no expression contains, with advice.
    Bad(&'static str),
}

/// Reads the token at `start`, where no space is.
pub fn token(text: &[u8], start: usize) -> Token {
    let (kind, len) = scan(&text[start..]);
    Token { kind, start, end: start + len }
}

/// Returns a token anew that follows a dot in a path, where digits are an index: in "legs.0.5" there is no number 0.5.
pub fn index(text: &[u8], token: Token) -> Token {
    match text[token.start..].iter().take_while(|c| c.is_ascii_digit()).count() {
        0 => token,
        n => Token { kind: Kind::Number, start: token.start, end: token.start + n },
    }
}

/// Skips spaces from `at` on.
pub fn space(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n')).count()
}

fn scan(rest: &[u8]) -> (Kind, usize) {
    let next = rest.get(1).copied().unwrap_or(0);
    match rest.first().copied() {
        None => (Kind::End, 0),
        Some(b'(') => (Kind::Open, 1),
        Some(b')') => (Kind::Close, 1),
        Some(b'[') => (Kind::OpenList, 1),
        Some(b']') => (Kind::CloseList, 1),
        Some(b',') => (Kind::Comma, 1),
        Some(b'.') => (Kind::Dot, 1),
        Some(b'=') if next == b'=' => (Kind::Compare(EQUAL), 2),
        Some(b'!') if next == b'=' => (Kind::Compare(NOT_EQUAL), 2),
        Some(b'<') if next == b'=' => (Kind::Compare(LESS_OR_EQUAL), 2),
        Some(b'>') if next == b'=' => (Kind::Compare(GREATER_OR_EQUAL), 2),
        Some(b'<') => (Kind::Compare(LESS), 1),
        Some(b'>') => (Kind::Compare(GREATER), 1),
        Some(b'=') => (Kind::Bad("use '==' to compare"), 1),
        Some(b'!') => (Kind::Bad("use 'not'"), 1),
        Some(b'&') => (Kind::Bad("use 'and'"), 1),
        Some(b'|') => (Kind::Bad("use 'or'"), 1),
        Some(b'$') => match names(&rest[1..]) {
            0 => (Kind::Bad("a name must follow '$'"), 1),
            n => (Kind::Meta, 1 + n),
        },
        Some(b'`') => quoted(rest, b'`', Kind::QuotedName, "the closing '`' is missing"),
        Some(b'"') => quoted(rest, b'"', Kind::Text, "the closing '\"' is missing"),
        Some(b'\'') => quoted(rest, b'\'', Kind::Text, "the closing \"'\" is missing"),
        Some(b'-') | Some(b'0'..=b'9') => match number(rest) {
            0 => (Kind::Bad("this is not a number"), 1),
            n => (Kind::Number, n),
        },
        Some(_) => match names(rest) {
            0 => (Kind::Bad("this character has no meaning here"), char_len(rest)),
            n => (Kind::Name, n),
        },
    }
}

/// Length of a name at the beginning, 0 if there is none.
fn names(rest: &[u8]) -> usize {
    if rest.first().map_or(true, u8::is_ascii_digit) {
        return 0;
    }
    rest.iter().take_while(|&&c| c == b'_' || c.is_ascii_alphanumeric()).count()
}

fn quoted(rest: &[u8], quote: u8, kind: Kind, unclosed: &'static str) -> (Kind, usize) {
    let mut at = 1;
    while let Some(&c) = rest.get(at) {
        match c {
            b'\\' if kind == Kind::Text => at += 1,
            b'\n' | b'\r' => return (Kind::Bad(unclosed), 1),
            _ if c == quote => return (kind, at + 1),
            _ => {}
        }
        at += 1;
    }
    (Kind::Bad(unclosed), 1)
}

/// Length of a JSON number at the beginning, 0 if there is none.
fn number(rest: &[u8]) -> usize {
    let digits = |at: usize| rest[at.min(rest.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut at = (rest[0] == b'-') as usize;
    let whole = digits(at);
    if whole == 0 || (whole > 1 && rest[at] == b'0') {
        return 0;
    }
    at += whole;
    if rest.get(at) == Some(&b'.') {
        match digits(at + 1) {
            0 => return 0,
            n => at += 1 + n,
        }
    }
    if let Some(b'e') | Some(b'E') = rest.get(at) {
        let sign = matches!(rest.get(at + 1), Some(b'+') | Some(b'-')) as usize;
        match digits(at + 1 + sign) {
            0 => return 0,
            n => at += 1 + sign + n,
        }
    }
    // "12abc" is neither a number nor a name.
    if rest.get(at).map_or(false, |&c| c == b'_' || c.is_ascii_alphanumeric()) {
        return 0;
    }
    at
}

/// Length of the character at the beginning.
fn char_len(rest: &[u8]) -> usize {
    1 + rest[1..].iter().take(3).take_while(|&&c| c & 0xc0 == 0x80).count()
}
