//! Which events an expression can be true of at all: those with a text that it certainly compares a field with.

use crate::code::*;
use weir::json::Text;
use weir::{texts, Event, Keys, Prepared};

/// The path under which the event's own key is found. A field of that name leads to the same routing keys, which does no harm.
const KEY: &[u8] = b"$key";

/// Gives the keys of an event: of its own key, and of all texts in its payload.
pub fn keys(event: &Event, keys: &mut Keys) {
    texts::want(KEY, Text::plain(event.key()), keys);
    texts::have(event.payload(), keys);
}

/// Gives the keys of what a program compares a field with for equality, where it can't be true without; all, if there is no
/// such comparison. Of several the one with fewest texts.
pub fn interest(prepared: Prepared, keys: &mut Keys) {
    let program = Program::of(prepared);
    let mut best = None;
    let mut fewest = weir::route::MOST + 1;
    // Up to here instructions may be passed over with an outcome that is true yet, or not known.
    let mut avoidable = program.instructions;
    let mut at = program.instructions;
    while at < program.constants {
        let instruction = prepared.u64(at);
        let next = at + INSTRUCTION_SIZE;
        match instruction as u8 {
            jump @ (JUMP_IF_FALSE | JUMP_IF_TRUE) => {
                let target = landing(&program, instruction);
                if !fails(&program, target, jump == JUMP_IF_TRUE) && target > avoidable {
                    avoidable = target;
                }
            }
            COMPARE if at >= avoidable && fails(&program, next, false) => {
                if let Some((_, _, count)) = equality(&program, instruction) {
                    if count < fewest {
                        best = Some(instruction);
                        fewest = count;
                    }
                }
            }
            _ => {}
        }
        at = next;
    }
    match best.and_then(|instruction| equality(&program, instruction)) {
        Some((path, first, count)) => {
            for i in first..first + count {
                texts::want(path, Text::plain(program.text(prepared.u64(program.constants + i * CONSTANT_SIZE) >> 16)), keys);
            }
        }
        None => keys.add_all(),
    }
}

/// The place of the instruction that a jump goes to.
fn landing(program: &Program, jump: u64) -> usize {
    program.instructions + (jump >> 16) as u16 as usize * INSTRUCTION_SIZE
}

/// Whether the outcome is false when an instruction is come to with that truth. Where something would be asked of the event, it
/// is not known.
#[inline(never)]
fn fails(program: &Program, mut at: usize, mut truth: bool) -> bool {
    while at < program.constants {
        let instruction = program.prepared.u64(at);
        at += INSTRUCTION_SIZE;
        match instruction as u8 {
            NOT => truth = !truth,
            JUMP_IF_FALSE if !truth => at = landing(program, instruction),
            JUMP_IF_TRUE if truth => at = landing(program, instruction),
            JUMP_IF_FALSE | JUMP_IF_TRUE => {}
            _ => return false,
        }
    }
    !truth
}

/// The path, the first constant and how many there are, if an instruction compares a field with texts alone for equality.
#[inline(never)]
fn equality<'p>(program: &Program<'p>, instruction: u64) -> Option<(&'p [u8], usize, usize)> {
    let mut field = (instruction >> 16) as u16;
    let mut other = (instruction >> 32) as u16;
    let count = (instruction >> 48) as usize;
    if field & !OPERAND_INDEX == OPERAND_CONSTANT {
        core::mem::swap(&mut field, &mut other);
    }
    if (instruction >> 8) as u8 != EQUALS || other & !OPERAND_INDEX != OPERAND_CONSTANT {
        return None;
    }
    let index = (field & OPERAND_INDEX) as usize;
    let path = match field & !OPERAND_INDEX {
        OPERAND_FIELD => program.text(program.prepared.u64(HEADER_SIZE + index * FIELD_SIZE) >> 32),
        OPERAND_META if index == META_KEY as usize => KEY,
        _ => return None,
    };
    let first = (other & OPERAND_INDEX) as usize;
    let texts = (first..first + count).all(|i| program.prepared.u64(program.constants + i * CONSTANT_SIZE) as u8 == STRING);
    if texts { Some((path, first, count)) } else { None }
}
