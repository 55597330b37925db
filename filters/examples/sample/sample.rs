//! Lets a share of all events through, the same for everybody who asks for it. README.md says how it is used.
#![no_std]

use weir::json::{self, Value};
use weir::{params, Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Sample;

weir::export!(Sample);

/// What prepare makes of params: how many of 2^53 hashes are let through, the hash of the seed, and the path of the field,
/// empty for the event's key.
const HEAD: usize = 16;

/// Two to the power of 53: below that, every whole number is a float.
const ALL: f64 = 9007199254740992.0;

/// The parameters of FNV-1a with 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl Filter for Sample {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        let mut found = [Value::Missing; 3];
        json::find(text, &[b"share", b"seed", b"field"], &mut found);
        let share = match found[0].number() {
            Some(share) if (0.0..=1.0).contains(&share) => share,
            _ => return out.refuse("params must be like {\"share\":0.1}, from 0 to 1"),
        };
        out.u64((share * ALL) as u64);
        match found[1] {
            Value::Missing => out.u64(FNV_OFFSET),
            Value::Text(seed) => out.u64(hash(FNV_OFFSET, seed.bytes())),
            _ => return out.refuse("\"seed\" must be a text"),
        }
        match found[2] {
            Value::Missing => Ok(()),
            Value::Text(name) if params::path(name, out) => Ok(()),
            _ => out.refuse("\"field\" must name a field, such as \"user\" or \"order.id\""),
        }
    }

    fn decide(event: &Event, groups: Groups, mut verdicts: Verdicts) {
        let (mut last, mut drawn) = (&[][..], None);
        for i in 0..groups.len() {
            let prepared = groups.get(i);
            let (head, path) = prepared.split_at(HEAD);
            // Groups with the same seed and field have the same hash.
            if drawn.is_none() || &prepared[8..] != last {
                last = &prepared[8..];
                drawn = Some(draw(event, u64_at(head, 8), path));
            }
            if drawn < Some(u64_at(head, 0)) {
                verdicts.allow(i);
            }
        }
    }
}

/// A number below 2^53, always the same for the same key or field. What has neither counts by its offset.
fn draw(event: &Event, seed: u64, path: &[u8]) -> u64 {
    if path.is_empty() {
        if event.key().is_empty() {
            return mixed(hash(seed, event.offset().to_le_bytes().iter().copied()));
        }
        return mixed(hash(seed, event.key().iter().copied()));
    }
    let mut found = [Value::Missing];
    json::find(event.payload(), &[path], &mut found);
    mixed(match found[0] {
        Value::Text(text) => hash(seed, text.bytes()),
        Value::Number(text) => hash(seed, text.iter().copied()),
        _ => hash(seed, event.offset().to_le_bytes().iter().copied()),
    })
}

fn hash(start: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(start, |h, c| (h ^ c as u64).wrapping_mul(FNV_PRIME))
}

/// Spreads what FNV leaves in the low bits over all, and keeps 53.
fn mixed(h: u64) -> u64 {
    let h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (h ^ h >> 33) >> 11
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
