use super::*;

/// Why an expression can't be compiled.
pub enum Trouble {
    Expected { what: &'static str, after: Token, found: Token },
    At { what: &'static str, token: Token },
    UnknownMeta(Token),
    TooDeep(Token),
    TooLong,
}

impl From<Full> for Trouble {
    fn from(_: Full) -> Trouble {
        Trouble::TooLong
    }
}

impl Trouble {
    /// Writes a sentence with the place, line and column from 1 on, columns counted in characters.
    pub fn tell(self, text: &[u8], out: &mut Output) -> Result<(), Refused> {
        let token = match self {
            Trouble::Expected { what, after, found } => {
                let _ = out.refuse("expected ");
                out.write(what.as_bytes());
                if after.end > after.start {
                    out.write(b" after ");
                    quote(text, after, out);
                }
                place(text, found.start, out);
                match found.kind {
                    Kind::End => out.write(b", found the end"),
                    Kind::Bad(advice) => {
                        out.write(b", found ");
                        quote(text, found, out);
                        out.write(b": ");
                        out.write(advice.as_bytes());
                    }
                    _ => {
                        out.write(b", found ");
                        quote(text, found, out);
                    }
                }
                return Err(Refused);
            }
            Trouble::At { what, token } => {
                let _ = out.refuse(what);
                token
            }
            Trouble::UnknownMeta(token) => {
                let _ = out.refuse("there is no ");
                quote(text, token, out);
                out.write(b", only");
                for (i, name) in META.iter().enumerate() {
                    out.write(if i == 0 { b" $" } else { b", $" });
                    out.write(name);
                }
                out.write(b",");
                token
            }
            Trouble::TooDeep(token) => {
                let _ = out.refuse("parentheses and 'not' nest more than 32 deep");
                token
            }
            Trouble::TooLong => return out.refuse("the expression has too many parts: at most 64 fields and 1024 values"),
        };
        place(text, token.start, out);
        Err(Refused)
    }
}

/// Longest piece of an expression that is quoted, in bytes.
const QUOTED: usize = 40;

fn quote(text: &[u8], token: Token, out: &mut Output) {
    let piece = &text[token.start..token.end];
    let mut len = piece.len().min(QUOTED);
    while 0 < len && len < piece.len() && piece[len] & 0xc0 == 0x80 {
        len -= 1;
    }
    out.byte(b'\'');
    out.write(&piece[..len]);
    out.write(if len < piece.len() { b"...'" } else { b"'" });
}

fn place(text: &[u8], at: usize, out: &mut Output) {
    let before = &text[..at];
    let line = before.iter().filter(|&&c| c == b'\n').count();
    let start = before.iter().rposition(|&c| c == b'\n').map_or(0, |p| p + 1);
    let column = before[start..].iter().filter(|&&c| c & 0xc0 != 0x80).count();
    out.write(b" at ");
    out.decimal(line + 1);
    out.byte(b':');
    out.decimal(column + 1);
}
