//! FNV-1a with 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): short, and good enough for tables and routing keys.

/// The hash of nothing.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// Hashes a further byte.
#[inline]
pub fn byte(hash: u64, c: u8) -> u64 {
    (hash ^ c as u64).wrapping_mul(0x0100_0000_01b3)
}

/// Hashes further bytes, such as those of a slice or of a [`crate::json::Text`].
#[inline]
pub fn bytes(hash: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(hash, byte)
}
