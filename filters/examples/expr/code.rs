//! What prepare writes and decide reads: an expression as a short program over one truth value.
//!
//! A header of 8 bytes: how many fields, instructions and constants there are, u16 each, and 2 bytes of 0. Then the
//! fields (FIELD_SIZE bytes each), the instructions (INSTRUCTION_SIZE) and the constants (CONSTANT_SIZE), and at last
//! the bytes of names and strings, which the others refer to by offset from the beginning. All of these begin at a
//! multiple of ALIGNMENT, with zeros in between, so that decide can read a word at a time.

pub const ALIGNMENT: usize = 8;

pub const HEADER_SIZE: usize = 8;

/// A field: hash of its path u32, offset and length of the path u16 each.
pub const FIELD_SIZE: usize = 8;

/// An instruction: operation u8, comparison u8, operands a, b and c u16 each.
pub const INSTRUCTION_SIZE: usize = 8;

/// A constant: kind u8, a byte of 0, offset and length of a string u16 each, 2 bytes of 0, a number f64.
pub const CONSTANT_SIZE: usize = 16;

/// truth = a compared with b
pub const COMPARE: u8 = 0;
/// truth = a is one of the c constants from b on
pub const IN: u8 = 1;
/// truth = a is a string that begins with the string b
pub const PREFIX: u8 = 2;
/// truth = a is there
pub const EXISTS: u8 = 3;
/// truth = a is the boolean true
pub const IS_TRUE: u8 = 4;
/// truth = not truth
pub const NOT: u8 = 5;
/// goes on at instruction a if truth is false
pub const JUMP_IF_FALSE: u8 = 6;
/// goes on at instruction a if truth is true
pub const JUMP_IF_TRUE: u8 = 7;

pub const EQUAL: u8 = 0;
pub const NOT_EQUAL: u8 = 1;
pub const LESS: u8 = 2;
pub const LESS_OR_EQUAL: u8 = 3;
pub const GREATER: u8 = 4;
pub const GREATER_OR_EQUAL: u8 = 5;

pub const NULL: u8 = 0;
pub const FALSE: u8 = 1;
pub const TRUE: u8 = 2;
pub const NUMBER: u8 = 3;
pub const STRING: u8 = 4;

/// What an operand is, in its upper bits; the lower ones are an index.
pub const OPERAND_FIELD: u16 = 0 << 12;
pub const OPERAND_CONSTANT: u16 = 1 << 12;
pub const OPERAND_META: u16 = 2 << 12;
pub const OPERAND_INDEX: u16 = (1 << 12) - 1;

/// What is known of an event besides its payload, by index of a meta operand.
pub const META: [&[u8]; 6] = [b"key", b"channel", b"content_type", b"time", b"offset", b"tombstone"];
pub const META_KEY: u16 = 0;
pub const META_CHANNEL: u16 = 1;
pub const META_CONTENT_TYPE: u16 = 2;
pub const META_TIME: u16 = 3;
pub const META_OFFSET: u16 = 4;

/// Hashes a field's path (FNV-1a).
pub fn hash(path: &[u8]) -> u32 {
    path.iter().fold(0x811c_9dc5, |h, &c| (h ^ c as u32).wrapping_mul(0x0100_0193))
}

/// Reads 8 bytes.
#[inline(always)]
pub fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
