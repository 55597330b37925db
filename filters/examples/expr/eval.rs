use crate::code::*;
use crate::fields::{Fields, Operand, Paths};
use core::cmp::Ordering;
use weir::json::Text;

/// Runs a program: whether the expression is true of the event.
pub fn holds(prepared: &[u8], fields: &mut Fields) -> bool {
    let u16_at = |at: usize| u16::from_le_bytes([prepared[at], prepared[at + 1]]) as usize;
    let paths = Paths { prepared, len: u16_at(0) };
    let instructions = HEADER_SIZE + paths.len * FIELD_SIZE;
    let count = u16_at(2);
    let machine = Machine { prepared, paths, constants: instructions + count * INSTRUCTION_SIZE };
    let mut truth = false;
    let mut i = 0;
    while i < count {
        let at = instructions + i * INSTRUCTION_SIZE;
        let (a, b, c) = (u16_at(at + 2), u16_at(at + 4), u16_at(at + 6));
        i += 1;
        match prepared[at] {
            COMPARE => truth = compare(prepared[at + 1], machine.operand(a, fields), machine.operand(b, fields)),
            IN => {
                let value = machine.operand(a, fields);
                truth = (b..b + c).any(|constant| compare(EQUAL, value, machine.constant(constant)));
            }
            PREFIX => truth = has_prefix(machine.operand(a, fields), machine.operand(b, fields)),
            EXISTS => truth = !matches!(machine.operand(a, fields), Operand::Missing),
            IS_TRUE => truth = matches!(machine.operand(a, fields), Operand::Bool(true)),
            NOT => truth = !truth,
            JUMP_IF_FALSE if !truth => i = a,
            JUMP_IF_TRUE if truth => i = a,
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
    #[inline]
    fn operand<'v, 'x: 'v>(&self, operand: usize, fields: &mut Fields<'x>) -> Operand<'v>
    where
        'p: 'v,
    {
        let operand = operand as u16;
        let index = operand & OPERAND_INDEX;
        match operand & !OPERAND_INDEX {
            OPERAND_FIELD => fields.get(self.paths, index as usize),
            OPERAND_META => fields.meta(index),
            _ => self.constant(index as usize),
        }
    }

    #[inline]
    fn constant(&self, index: usize) -> Operand<'p> {
        let c = &self.prepared[self.constants + index * CONSTANT_SIZE..][..CONSTANT_SIZE];
        match c[0] {
            NULL => Operand::Null,
            FALSE => Operand::Bool(false),
            TRUE => Operand::Bool(true),
            NUMBER => {
                let mut number = [0; 8];
                number.copy_from_slice(&c[8..]);
                Operand::Number(f64::from_le_bytes(number))
            }
            _ => {
                let start = u16::from_le_bytes([c[2], c[3]]) as usize;
                let len = u16::from_le_bytes([c[4], c[5]]) as usize;
                Operand::Text(Text::plain(&self.prepared[start..start + len]))
            }
        }
    }
}

/// Compares values of the same type. Those of different types, and those that have no order, compare false whatever the
/// comparison, as do missing ones.
#[inline]
fn compare(comparison: u8, a: Operand, b: Operand) -> bool {
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
