//! What params often have in them.

use crate::json::{Text, SEPARATOR};
use crate::Output;

/// Longest name of a field, in bytes, dots included.
const NAME_LEN: usize = 256;

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
