//! FNV-1a with 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): short, and good enough for tables and routing keys.

use crate::json::Text;

/// The hash of nothing.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// Hashes a further byte.
#[inline]
pub fn byte(hash: u64, c: u8) -> u64 {
    (hash ^ c as u64).wrapping_mul(0x0100_0000_01b3)
}

/// Hashes a further text, as it reads: escapes do not count. [`Text::plain`] makes one of any bytes.
#[inline(never)]
pub fn text(hash: u64, text: Text) -> u64 {
    text.bytes().fold(hash, byte)
}
