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
    Nested,
}

impl<'a> From<Value<'a>> for Operand<'a> {
    fn from(value: Value<'a>) -> Operand<'a> {
        match value {
            Value::Missing => Operand::Missing,
            Value::Null => Operand::Null,
            Value::Bool(v) => Operand::Bool(v),
            // A number beyond 64-bit floats compares with nothing, as if it were of another type.
            Value::Number(_) => value.number().map_or(Operand::Nested, Operand::Number),
            Value::Text(v) => Operand::Text(v),
            Value::Nested => Operand::Nested,
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
    path: Path<'a>,
    value: Operand<'a>,
}

impl<'a> Fields<'a> {
    pub fn of(event: &'a Event<'a>) -> Fields<'a> {
        Fields { event, slots: [MaybeUninit::uninit(); SLOTS], used: [false; SLOTS], count: 0 }
    }

    /// Returns what is known of the event besides its payload.
    pub fn meta(&self, index: u16) -> Operand<'a> {
        match index {
            META_KEY => text(self.event.key()),
            META_CHANNEL => text(self.event.channel()),
            META_CONTENT_TYPE => text(self.event.content_type()),
            META_TIME => Operand::Number(self.event.time_ms() as f64),
            META_OFFSET => Operand::Number(self.event.offset() as f64),
            _ => Operand::Bool(self.event.tombstone()),
        }
    }

    /// Returns a remembered field, or the slot where it would be.
    #[inline(always)]
    fn slot(&self, path: &Path) -> Result<Operand<'a>, usize> {
        let mut i = path.hash as usize % SLOTS;
        while self.used[i] {
            // SAFETY: a used slot has been written.
            let known = unsafe { self.slots[i].assume_init_ref() };
            if known.path.equals(path) {
                return Ok(known.value);
            }
            i = (i + 1) % SLOTS;
        }
        Err(i)
    }

    /// Returns a field of the payload. `all` are the fields that the asking expression has, `index` the one it wants:
    /// where that is not known yet, all of them are found in the same pass.
    #[inline(always)]
    pub fn get(&mut self, all: Paths, index: usize) -> Operand<'a> {
        match self.slot(&all.get(index)) {
            Ok(value) => value,
            Err(_) => self.find(all, index),
        }
    }

    #[inline(never)]
    fn find(&mut self, all: Paths, index: usize) -> Operand<'a> {
        let mut paths = [&[] as &[u8]; json::PATHS];
        let mut found = [Value::Missing; json::PATHS];
        for i in 0..all.len {
            paths[i] = all.get(i).name();
        }
        json::find(self.event.payload(), &paths[..all.len], &mut found[..all.len]);
        for i in 0..all.len {
            let path = all.get(i);
            if let Err(slot) = self.slot(&path) {
                if self.count < REMEMBERED {
                    // SAFETY: the set that paths lie in stays for as long as the event does, one call.
                    let padded = unsafe { core::slice::from_raw_parts(path.padded.as_ptr(), path.padded.len()) };
                    self.slots[slot].write(Known { path: Path { padded, ..path }, value: found[i].into() });
                    self.used[slot] = true;
                    self.count += 1;
                }
            }
        }
        found[index].into()
    }
}

/// What isn't there is empty.
fn text(bytes: &[u8]) -> Operand {
    if bytes.is_empty() {
        return Operand::Missing;
    }
    Operand::Text(Text::plain(bytes))
}

/// The fields of one expression.
#[derive(Clone, Copy)]
pub struct Paths<'p> {
    pub prepared: &'p [u8],
    pub len: usize,
}

/// The path of a field.
#[derive(Clone, Copy)]
struct Path<'p> {
    hash: u32,
    len: usize,
    /// The path, and zeros up to a whole number of words.
    padded: &'p [u8],
}

impl<'p> Paths<'p> {
    #[inline(always)]
    fn get(&self, index: usize) -> Path<'p> {
        let entry = word(self.prepared, HEADER_SIZE + index * FIELD_SIZE);
        let start = (entry >> 32) as u16 as usize;
        let len = (entry >> 48) as usize;
        Path { hash: entry as u32, len, padded: &self.prepared[start..][..(len + ALIGNMENT - 1) & !(ALIGNMENT - 1)] }
    }
}

impl<'p> Path<'p> {
    fn name(&self) -> &'p [u8] {
        &self.padded[..self.len]
    }

    #[inline(always)]
    fn equals(&self, other: &Path) -> bool {
        if self.hash != other.hash || self.len != other.len {
            return false;
        }
        let words = (self.padded.chunks_exact(ALIGNMENT), other.padded.chunks_exact(ALIGNMENT));
        words.0.zip(words.1).all(|(a, b)| word(a, 0) == word(b, 0))
    }
}
