//! What params often have in them.

use crate::json::{Text, SEPARATOR};
use crate::Output;

/// Longest name of a field, in bytes, dots included.
const NAME_LEN: usize = 256;

/// Writes a text behind its length as u16. Prepared params hold several of them one behind the other: [`Items`].
pub fn put(text: Text, out: &mut Output) {
    out.u16(0);
    let start = out.len();
    for c in text.bytes() {
        out.byte(c);
    }
    out.patch_u16(start - 2, (out.len() - start) as u16);
}

/// Iterates over texts behind their lengths.
#[derive(Clone, Copy)]
pub struct Items<'a>(pub &'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (&low, rest) = self.0.split_first()?;
        let (&high, rest) = rest.split_first()?;
        let len = low as usize | (high as usize) << 8;
        let item = rest.get(..len)?;
        self.0 = rest.get(len..)?;
        Some(item)
    }
}

/// Writes the dotted name of a field, such as "position.lon", as a path for [`crate::json::find`]. False: it names none.
pub fn path(name: Text, out: &mut Output) -> bool {
    if name.raw.len() > NAME_LEN {
        return false;
    }
    let mut empty = true;
    for c in name.bytes() {
        match c {
            b'.' if empty => return false,
            b'.' => out.byte(SEPARATOR),
            0..=0x1f => return false,
            _ => out.byte(c),
        }
        empty = c == b'.';
    }
    !empty
}
