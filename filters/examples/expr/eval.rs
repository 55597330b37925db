use crate::code::*;
use crate::fields::{Fields, Operand};
use weir::json::Text;
use weir::Prepared;

/// Runs a program: whether the expression is true of the event.
#[inline(never)]
pub fn holds<'x>(prepared: Prepared<'x>, fields: &mut Fields<'x>) -> bool {
    let program = Program::of(prepared);
    let mut truth = false;
    let mut at = program.instructions;
    while at < program.constants {
        let instruction = prepared.u64(at);
        let operation = instruction as u8;
        let a = (instruction >> 16) as u16;
        at += INSTRUCTION_SIZE;
        if operation >= NOT {
            if operation == NOT {
                truth = !truth;
            } else if truth == (operation == JUMP_IF_TRUE) {
                at = program.instructions + a as usize * INSTRUCTION_SIZE;
            }
            continue;
        }
        let value = operand(&program, fields, a);
        if operation == COMPARE {
            let comparison = (instruction >> 8) as u8;
            let (mut b, mut count) = ((instruction >> 32) as u16, instruction >> 48);
            loop {
                // Most often it is a constant.
                let other = match b & !OPERAND_INDEX {
                    OPERAND_CONSTANT => constant(&program, (b & OPERAND_INDEX) as usize),
                    _ => operand(&program, fields, b),
                };
                truth = compare(comparison, &value, &other);
                count -= 1;
                if truth || count == 0 {
                    break;
                }
                b += 1;
            }
        } else {
            truth = match value {
                Operand::Missing => false,
                Operand::Bool(true) => true,
                _ => operation == EXISTS,
            };
        }
    }
    truth
}

#[inline(never)]
fn operand<'x>(program: &Program<'x>, fields: &mut Fields<'x>, operand: u16) -> Operand<'x> {
    let index = operand & OPERAND_INDEX;
    match operand & !OPERAND_INDEX {
        OPERAND_FIELD => fields.get(program, index as usize),
        OPERAND_CONSTANT => constant(program, index as usize),
        _ => fields.meta(index),
    }
}

#[inline(always)]
fn constant<'x>(program: &Program<'x>, index: usize) -> Operand<'x> {
    let at = program.constants + index * CONSTANT_SIZE;
    let head = program.prepared.u64(at);
    match head as u8 {
        NUMBER => Operand::Number(program.prepared.f64(at + 8)),
        STRING => Operand::Text(Text::plain(program.text(head >> 16))),
        NULL => Operand::Null,
        kind => Operand::Bool(kind == TRUE),
    }
}

/// Compares values of the same type. Those of different types, and those that have no order, compare false whatever the
/// comparison, as do missing ones.
#[inline(always)]
fn compare(comparison: u8, a: &Operand, b: &Operand) -> bool {
    let order = match (a, b) {
        (Operand::Number(a), Operand::Number(b)) => order(a < b, a > b),
        (Operand::Text(a), Operand::Text(b)) => match comparison {
            PREFIX => return a.starts_with(b),
            EQUALS if !(a.escaped | b.escaped) => return a.raw == b.raw,
            _ => 1 << (a.compare(b) as i8 + 1),
        },
        (Operand::Bool(a), Operand::Bool(b)) if a != b => DIFFERENT,
        (Operand::Bool(_), Operand::Bool(_)) | (Operand::Null, Operand::Null) => EQUAL,
        _ => 0,
    };
    comparison & order != 0
}

#[inline(always)]
fn order(less: bool, greater: bool) -> u8 {
    if less {
        LESS
    } else if greater {
        GREATER
    } else {
        SAME
    }
}
