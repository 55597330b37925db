use crate::code::*;
use crate::fields::{Fields, Operand, Paths};
use core::cmp::Ordering;
use weir::json::Text;

/// Runs a program: whether the expression is true of the event.
pub fn holds(prepared: &[u8], fields: &mut Fields) -> bool {
    let header = word(prepared, 0);
    let paths = Paths { prepared, len: header as u16 as usize };
    let instructions = HEADER_SIZE + paths.len * FIELD_SIZE;
    let count = (header >> 16) as u16 as usize;
    let machine = Machine { prepared, paths, constants: instructions + count * INSTRUCTION_SIZE };
    let mut truth = false;
    let mut i = 0;
    while i < count {
        let instruction = word(prepared, instructions + i * INSTRUCTION_SIZE);
        let comparison = (instruction >> 8) as u8;
        let (a, b, c) = ((instruction >> 16) as u16, (instruction >> 32) as u16, (instruction >> 48) as u16);
        i += 1;
        match instruction as u8 {
            COMPARE => truth = compare(comparison, machine.operand(a, fields), machine.operand(b, fields)),
            IN => {
                let value = machine.operand(a, fields);
                truth = (b..b + c).any(|constant| compare(EQUAL, value, machine.constant(constant)));
            }
            PREFIX => truth = has_prefix(machine.operand(a, fields), machine.operand(b, fields)),
            EXISTS => truth = !matches!(machine.operand(a, fields), Operand::Missing),
            IS_TRUE => truth = matches!(machine.operand(a, fields), Operand::Bool(true)),
            NOT => truth = !truth,
            JUMP_IF_FALSE if !truth => i = a as usize,
            JUMP_IF_TRUE if truth => i = a as usize,
            _ => {}
        }
    }
    truth
}

struct Machine<'p> {
    prepared: &'p [u8],
    paths: Paths<'p>,
    /// Where the constants begin.
    constants: usize,
}

impl<'p> Machine<'p> {
    #[inline(always)]
    fn operand<'v, 'x: 'v>(&self, operand: u16, fields: &mut Fields<'x>) -> Operand<'v>
    where
        'p: 'v,
    {
        let index = operand & OPERAND_INDEX;
        match operand & !OPERAND_INDEX {
            OPERAND_FIELD => fields.get(self.paths, index as usize),
            OPERAND_META => fields.meta(index),
            _ => self.constant(index),
        }
    }

    #[inline(always)]
    fn constant(&self, index: u16) -> Operand<'p> {
        let at = self.constants + index as usize * CONSTANT_SIZE;
        let number = word(self.prepared, at + 8);
        let head = word(self.prepared, at);
        match head as u8 {
            NULL => Operand::Null,
            FALSE => Operand::Bool(false),
            TRUE => Operand::Bool(true),
            NUMBER => Operand::Number(f64::from_bits(number)),
            _ => {
                let start = (head >> 16) as u16 as usize;
                let len = (head >> 32) as u16 as usize;
                Operand::Text(Text::plain(&self.prepared[start..start + len]))
            }
        }
    }
}

/// Compares values of the same type. Those of different types, and those that have no order, compare false whatever the
/// comparison, as do missing ones.
#[inline(always)]
fn compare(comparison: u8, a: Operand, b: Operand) -> bool {
    if let (EQUAL, Operand::Text(a), Operand::Text(b)) = (comparison, a, b) {
        if !a.escaped && !b.escaped {
            return a.raw == b.raw;
        }
    }
    let order = match (a, b) {
        (Operand::Number(a), Operand::Number(b)) => a.partial_cmp(&b),
        (Operand::Text(a), Operand::Text(b)) => Some(a.compare(&b)),
        (Operand::Bool(a), Operand::Bool(b)) => return equality(comparison, a == b),
        (Operand::Null, Operand::Null) => return equality(comparison, true),
        _ => None,
    };
    match (comparison, order) {
        (_, None) => false,
        (EQUAL, Some(o)) => o == Ordering::Equal,
        (NOT_EQUAL, Some(o)) => o != Ordering::Equal,
        (LESS, Some(o)) => o == Ordering::Less,
        (LESS_OR_EQUAL, Some(o)) => o != Ordering::Greater,
        (GREATER, Some(o)) => o == Ordering::Greater,
        (_, Some(o)) => o != Ordering::Less,
    }
}

fn equality(comparison: u8, equal: bool) -> bool {
    match comparison {
        EQUAL => equal,
        NOT_EQUAL => !equal,
        _ => false,
    }
}

fn has_prefix(a: Operand, b: Operand) -> bool {
    match (a, b) {
        (Operand::Text(a), Operand::Text(b)) => a.starts_with(&b),
        _ => false,
    }
}
