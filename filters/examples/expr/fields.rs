use crate::code::*;
use core::mem::MaybeUninit;
use weir::json::{self, Text, Value};
use weir::Event;

/// A value to compare.
#[derive(Clone, Copy)]
pub enum Operand<'a> {
    Missing,
    Null,
    Bool(bool),
    Number(f64),
    Text(Text<'a>),
    /// What compares with nothing: an array, an object, a number beyond 64-bit floats.
    Other,
}

impl<'a> From<Value<'a>> for Operand<'a> {
    #[inline(never)]
    fn from(value: Value<'a>) -> Operand<'a> {
        match value {
            Value::Missing => Operand::Missing,
            Value::Null => Operand::Null,
            Value::Bool(v) => Operand::Bool(v),
            Value::Text(v) => Operand::Text(v),
            _ => value.number().map_or(Operand::Other, Operand::Number),
        }
    }
}

/// Places for remembered fields: a power of two, more than different fields are likely to be asked for.
const SLOTS: usize = 256;
/// Fields that are remembered at most, so that a free slot is found soon.
const REMEMBERED: usize = 192;

/// The fields of one event, by path, each found once however many expressions ask for it.
pub struct Fields<'a> {
    event: &'a Event<'a>,
    slots: [MaybeUninit<Known<'a>>; SLOTS],
    used: [bool; SLOTS],
    count: usize,
}

#[derive(Clone, Copy)]
struct Known<'a> {
    hash: u32,
    path: &'a [u8],
    value: Operand<'a>,
}

impl<'a> Fields<'a> {
    pub fn of(event: &'a Event<'a>) -> Fields<'a> {
        Fields { event, slots: [MaybeUninit::uninit(); SLOTS], used: [false; SLOTS], count: 0 }
    }

    /// Returns what is known of the event besides its payload.
    #[inline(never)]
    pub fn meta(&self, index: u16) -> Operand<'a> {
        let text = match index {
            META_KEY => self.event.key(),
            META_CHANNEL => self.event.channel(),
            META_CONTENT_TYPE => self.event.content_type(),
            META_TIME => return Operand::Number(self.event.time_ms() as f64),
            META_OFFSET => return Operand::Number(self.event.offset() as f64),
            _ => return Operand::Bool(self.event.tombstone()),
        };
        if text.is_empty() {
            return Operand::Missing;
        }
        Operand::Text(Text::plain(text))
    }

    /// Returns a remembered field, or the slot where it would be.
    #[inline(always)]
    fn slot(&self, hash: u32, path: &[u8]) -> Result<&Operand<'a>, usize> {
        let mut i = hash as usize % SLOTS;
        while self.used[i] {
            // SAFETY: a used slot has been written.
            let known = unsafe { self.slots[i].assume_init_ref() };
            if known.hash == hash && same(known.path, path) {
                return Ok(&known.value);
            }
            i = (i + 1) % SLOTS;
        }
        Err(i)
    }

    /// Returns a field of the payload: where it is not known yet, all fields of the asking expression are found in the same
    /// pass.
    #[inline(always)]
    pub fn get(&mut self, program: &Program<'a>, index: usize) -> Operand<'a> {
        let (hash, path) = path(program, index);
        match self.slot(hash, path) {
            Ok(value) => *value,
            Err(_) => self.find(program, index),
        }
    }

    #[inline(never)]
    fn find(&mut self, program: &Program<'a>, index: usize) -> Operand<'a> {
        let mut paths = [&[] as &[u8]; json::PATHS];
        let mut found = [Value::Missing; json::PATHS];
        let mut asked = Operand::Missing;
        let count = program.fields.min(json::PATHS);
        for (i, name) in paths.iter_mut().enumerate().take(count) {
            *name = path(program, i).1;
        }
        json::find(self.event.payload(), &paths[..count], &mut found[..count]);
        for (i, value) in found.iter().enumerate().take(count) {
            let (hash, path) = path(program, i);
            let value = Operand::from(*value);
            if i == index {
                asked = value;
            }
            if let Err(slot) = self.slot(hash, path) {
                if self.count < REMEMBERED {
                    self.slots[slot].write(Known { hash, path, value });
                    self.used[slot] = true;
                    self.count += 1;
                }
            }
        }
        asked
    }
}

/// The path of a field, and its hash.
#[inline(always)]
fn path<'p>(program: &Program<'p>, index: usize) -> (u32, &'p [u8]) {
    let entry = program.prepared.u64(HEADER_SIZE + index * FIELD_SIZE);
    (entry as u32, program.text(entry >> 32))
}

/// Compares paths, behind which there are zeros up to a whole number of words.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    // SAFETY: at least the rest of a word can be read behind each path.
    let word = |path: &[u8], at: usize| unsafe { *(path.as_ptr().add(at) as *const u64) };
    a.len() == b.len() && (0..a.len()).step_by(8).all(|at| word(a, at) == word(b, at))
}
