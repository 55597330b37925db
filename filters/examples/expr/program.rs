use crate::code::*;
use core::ptr::addr_of_mut;
use weir::Output;

/// Most fields that one expression can name: one pass over a payload finds so many.
const FIELDS: usize = weir::json::PATHS;
const INSTRUCTIONS: usize = 1024;
const CONSTANTS: usize = 1024;
/// The bytes of all names and strings: an expression's own length bounds them, but for what aligns them.
const BYTES: usize = crate::LENGTH + 8 * (FIELDS + CONSTANTS + 1);

/// A program under construction, each part as code.rs describes it.
pub struct Builder {
    fields: List<u64, FIELDS>,
    instructions: List<u64, INSTRUCTIONS>,
    constants: List<[u64; 2], CONSTANTS>,
    bytes: List<u8, BYTES>,
}

struct List<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T: Copy, const N: usize> List<T, N> {
    /// Returns the index of the new item, or None where there is no room.
    #[inline(always)]
    fn add(&mut self, item: T) -> Option<u16> {
        *self.items.get_mut(self.len)? = item;
        self.len += 1;
        Some(self.len as u16 - 1)
    }

    fn write(&self, out: &mut Output) {
        let size = self.len * core::mem::size_of::<T>();
        // SAFETY: there are so many bytes of plain numbers.
        out.write(unsafe { core::slice::from_raw_parts(self.items.as_ptr() as *const u8, size) });
    }
}

static mut BUILDER: Builder = Builder {
    fields: List { items: [0; FIELDS], len: 0 },
    instructions: List { items: [0; INSTRUCTIONS], len: 0 },
    constants: List { items: [[0; 2]; CONSTANTS], len: 0 },
    bytes: List { items: [0; BYTES], len: 0 },
};

impl Builder {
    /// Begins a program. There is room for one, outside of the small stack.
    pub fn new() -> &'static mut Builder {
        // SAFETY: at most one call into the module runs at a time, and begins one program.
        let builder = unsafe { &mut *addr_of_mut!(BUILDER) };
        builder.fields.len = 0;
        builder.instructions.len = 0;
        builder.constants.len = 0;
        builder.bytes.len = 0;
        builder
    }

    /// Returns where bytes written from now on begin, aligned.
    pub fn mark(&mut self) -> usize {
        while self.bytes.len % 8 != 0 {
            self.byte(0);
        }
        self.bytes.len
    }

    #[inline(never)]
    pub fn byte(&mut self, c: u8) {
        // There is room: BYTES counts everything in.
        let _ = self.bytes.add(c);
    }

    /// The bytes since a mark, by offset and length.
    fn since(&self, mark: usize) -> u64 {
        (mark | (self.bytes.len - mark) << 16) as u64
    }

    fn text(&self, span: u64) -> &[u8] {
        let start = span as u16 as usize;
        self.bytes.items.get(start..start + (span >> 16) as u16 as usize).unwrap_or(&[])
    }

    /// Returns the operand for the field whose path was written since a mark.
    pub fn field(&mut self, mark: usize) -> Option<u16> {
        let span = self.since(mark);
        let path = self.text(span);
        let hash = path.iter().fold(0x811c_9dc5, |h, &c| (h ^ c as u32).wrapping_mul(0x0100_0193));
        for (i, field) in self.fields.items.iter().enumerate().take(self.fields.len) {
            if *field as u32 == hash && self.text(field >> 32) == path {
                self.bytes.len = mark;
                return Some(OPERAND_FIELD | i as u16);
            }
        }
        self.fields.add(hash as u64 | span << 32)
    }

    /// Returns the operand for a constant.
    #[inline(never)]
    pub fn constant(&mut self, kind: u8, number: f64) -> Option<u16> {
        Some(OPERAND_CONSTANT | self.constants.add([kind as u64, number.to_bits()])?)
    }

    /// Returns the operand for the string that was written since a mark.
    pub fn string(&mut self, mark: usize) -> Option<u16> {
        Some(OPERAND_CONSTANT | self.constants.add([STRING as u64 | self.since(mark) << 16, 0])?)
    }

    /// Adds an instruction, and returns where it is.
    #[inline(never)]
    pub fn instruction(&mut self, operation: u8, comparison: u8, [a, b, c]: [u16; 3]) -> Option<u16> {
        let operands = (a as u64) << 16 | (b as u64) << 32 | (c as u64) << 48;
        self.instructions.add(operation as u64 | (comparison as u64) << 8 | operands)
    }

    /// Has a jump go to the next instruction that will be added.
    pub fn land(&mut self, jump: u16) {
        if let Some(instruction) = self.instructions.items.get_mut(jump as usize) {
            *instruction |= (self.instructions.len as u64) << 16;
        }
    }

    pub fn write(&mut self, out: &mut Output) {
        self.mark();
        out.u64((self.fields.len | self.instructions.len << 16) as u64 | (self.constants.len as u64) << 32);
        self.fields.write(out);
        self.instructions.write(out);
        self.constants.write(out);
        self.bytes.write(out);
    }
}
