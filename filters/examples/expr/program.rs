use crate::code::*;
use core::ptr::addr_of_mut;
use weir::Output;

/// Most fields that one expression can name: one pass over a payload finds so many.
const FIELDS: usize = weir::json::PATHS;
const INSTRUCTIONS: usize = 1024;
const CONSTANTS: usize = 1024;
/// The bytes of all names and strings: an expression's own length bounds them, but for what aligns them.
const BYTES: usize = crate::LENGTH + ALIGNMENT * (FIELDS + CONSTANTS);

/// A program under construction.
pub struct Program {
    fields: [Span; FIELDS],
    field_count: usize,
    instructions: [Instruction; INSTRUCTIONS],
    instruction_count: usize,
    constants: [Constant; CONSTANTS],
    constant_count: usize,
    bytes: [u8; BYTES],
    len: usize,
}

#[derive(Clone, Copy)]
pub struct Span {
    start: u16,
    len: u16,
}

#[derive(Clone, Copy)]
struct Instruction {
    operation: u8,
    comparison: u8,
    a: u16,
    b: u16,
    c: u16,
}

#[derive(Clone, Copy)]
struct Constant {
    kind: u8,
    text: Span,
    number: f64,
}

/// The expression is too long for a program.
pub struct Full;

const NOTHING: Span = Span { start: 0, len: 0 };

static mut PROGRAM: Program = Program {
    fields: [NOTHING; FIELDS],
    field_count: 0,
    instructions: [Instruction { operation: 0, comparison: 0, a: 0, b: 0, c: 0 }; INSTRUCTIONS],
    instruction_count: 0,
    constants: [Constant { kind: 0, text: NOTHING, number: 0.0 }; CONSTANTS],
    constant_count: 0,
    bytes: [0; BYTES],
    len: 0,
};

impl Program {
    /// Begins a program. There is room for one, outside of the small stack.
    pub fn new() -> &'static mut Program {
        // SAFETY: at most one call into the module runs at a time, and begins one program.
        let program = unsafe { &mut *addr_of_mut!(PROGRAM) };
        program.field_count = 0;
        program.instruction_count = 0;
        program.constant_count = 0;
        program.len = 0;
        program
    }

    /// Returns where bytes written from now on begin, aligned.
    pub fn mark(&mut self) -> usize {
        while self.len % ALIGNMENT != 0 {
            // There is room: BYTES counts it in.
            self.bytes[self.len] = 0;
            self.len += 1;
        }
        self.len
    }

    pub fn byte(&mut self, c: u8) -> Result<(), Full> {
        *self.bytes.get_mut(self.len).ok_or(Full)? = c;
        self.len += 1;
        Ok(())
    }

    /// Returns the bytes since a mark.
    fn since(&self, mark: usize) -> Span {
        Span { start: mark as u16, len: (self.len - mark) as u16 }
    }

    fn text(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..][..span.len as usize]
    }

    /// Returns the operand for the field whose path was written since a mark.
    pub fn field(&mut self, mark: usize) -> Result<u16, Full> {
        let path = self.since(mark);
        for i in 0..self.field_count {
            if self.text(self.fields[i]) == self.text(path) {
                self.len = mark;
                return Ok(OPERAND_FIELD | i as u16);
            }
        }
        *self.fields.get_mut(self.field_count).ok_or(Full)? = path;
        self.field_count += 1;
        Ok(OPERAND_FIELD | (self.field_count - 1) as u16)
    }

    fn constant(&mut self, kind: u8, text: Span, number: f64) -> Result<u16, Full> {
        *self.constants.get_mut(self.constant_count).ok_or(Full)? = Constant { kind, text, number };
        self.constant_count += 1;
        Ok(OPERAND_CONSTANT | (self.constant_count - 1) as u16)
    }

    pub fn word(&mut self, kind: u8) -> Result<u16, Full> {
        self.constant(kind, NOTHING, 0.0)
    }

    pub fn number(&mut self, number: f64) -> Result<u16, Full> {
        self.constant(NUMBER, NOTHING, number)
    }

    /// Returns the operand for the string that was written since a mark.
    pub fn string(&mut self, mark: usize) -> Result<u16, Full> {
        self.constant(STRING, self.since(mark), 0.0)
    }

    /// Adds an instruction, and returns where it is.
    pub fn instruction(&mut self, operation: u8, comparison: u8, operands: [u16; 3]) -> Result<usize, Full> {
        let [a, b, c] = operands;
        *self.instructions.get_mut(self.instruction_count).ok_or(Full)? = Instruction { operation, comparison, a, b, c };
        self.instruction_count += 1;
        Ok(self.instruction_count - 1)
    }

    /// Has a jump go to the next instruction that will be added.
    pub fn land(&mut self, jump: usize) {
        self.instructions[jump].a = self.instruction_count as u16;
    }

    pub fn write(&self, out: &mut Output) {
        let names = HEADER_SIZE
            + self.field_count * FIELD_SIZE
            + self.instruction_count * INSTRUCTION_SIZE
            + self.constant_count * CONSTANT_SIZE;
        let span = |out: &mut Output, span: Span| {
            out.u16((names + span.start as usize) as u16);
            out.u16(span.len);
        };
        for count in [self.field_count, self.instruction_count, self.constant_count, 0] {
            out.u16(count as u16);
        }
        for field in &self.fields[..self.field_count] {
            out.u32(hash(self.text(*field)));
            span(out, *field);
        }
        for i in &self.instructions[..self.instruction_count] {
            out.byte(i.operation);
            out.byte(i.comparison);
            for operand in [i.a, i.b, i.c] {
                out.u16(operand);
            }
        }
        for c in &self.constants[..self.constant_count] {
            out.byte(c.kind);
            out.byte(0);
            span(out, c.text);
            out.u16(0);
            out.f64(c.number);
        }
        out.write(&self.bytes[..self.len]);
        while out.len() % ALIGNMENT != 0 {
            out.byte(0);
        }
    }
}
