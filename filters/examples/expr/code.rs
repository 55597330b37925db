//! What prepare writes and decide reads: an expression as a short program over one truth value.
//!
//! A header of 8 bytes: how many fields, instructions and constants there are, u16 each, and 2 bytes of 0. Then the
//! fields (FIELD_SIZE bytes each), the instructions (INSTRUCTION_SIZE) and the constants (CONSTANT_SIZE), and at last
//! the bytes of names and strings, which the others refer to by offset from the first of them. Each name and string
//! begins at a multiple of 8, with zeros in between, so that decide can read a word at a time.

use weir::Prepared;

pub const HEADER_SIZE: usize = 8;
/// A field: hash of its path u32, offset and length of the path u16 each.
pub const FIELD_SIZE: usize = 8;
/// An instruction: operation u8, comparison u8, operands a, b and c u16 each.
pub const INSTRUCTION_SIZE: usize = 8;
/// A constant: kind u8, a byte of 0, offset and length of a string u16 each, 2 bytes of 0, a number f64.
pub const CONSTANT_SIZE: usize = 16;

/// truth = a compared with one of the c operands from b on
pub const COMPARE: u8 = 0;
/// truth = a is there
pub const EXISTS: u8 = 1;
/// truth = a is the boolean true
pub const IS_TRUE: u8 = 2;
/// truth = not truth
pub const NOT: u8 = 3;
/// goes on at instruction a if truth is false
pub const JUMP_IF_FALSE: u8 = 4;
/// goes on at instruction a if truth is true
pub const JUMP_IF_TRUE: u8 = 5;

// What values can be to each other, a bit each.
pub const LESS: u8 = 1;
pub const SAME: u8 = 2;
pub const GREATER: u8 = 4;
/// Of what has no order: equal and not.
pub const EQUAL: u8 = 8;
pub const DIFFERENT: u8 = 16;

// A comparison is the set of what it is true of; PREFIX is one of its own.
pub const EQUALS: u8 = SAME | EQUAL;
pub const DIFFERS: u8 = LESS | GREATER | DIFFERENT;
pub const PREFIX: u8 = 32;

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

/// A program, and where its parts begin.
#[derive(Clone, Copy)]
pub struct Program<'p> {
    pub prepared: Prepared<'p>,
    pub fields: usize,
    pub instructions: usize,
    pub constants: usize,
    pub bytes: usize,
}

impl<'p> Program<'p> {
    #[inline(always)]
    pub fn of(prepared: Prepared<'p>) -> Program<'p> {
        let header = prepared.u64(0);
        let fields = header as u16 as usize;
        let instructions = HEADER_SIZE + fields * FIELD_SIZE;
        let constants = instructions + (header >> 16) as u16 as usize * INSTRUCTION_SIZE;
        let bytes = constants + (header >> 32) as u16 as usize * CONSTANT_SIZE;
        Program { prepared, fields, instructions, constants, bytes }
    }

    /// The text that a field or a constant refers to by an offset and a length, u16 each.
    #[inline(always)]
    pub fn text(&self, span: u64) -> &'p [u8] {
        self.prepared.part(self.bytes + span as u16 as usize, (span >> 16) as u16 as usize)
    }
}
