//! Lets a share of all events through, the same for everybody who asks for it. README.md says how it is used.
#![no_std]

use weir::json::{self, Text, Value};
use weir::{hash, params, Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Sample;

weir::export!(Sample);

/// What prepare makes of params: how many of 2^53 hashes are let through, the hash of the seed, and the path of the field,
/// empty for the event's key.
const SEED: usize = 8;
const HEAD: usize = 16;

/// Two to the power of 53: below that, every whole number is a float.
const ALL: f64 = 9007199254740992.0;

impl Filter for Sample {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        let mut found = [Value::Missing; 3];
        json::find(text, &[b"share", b"seed", b"field"], &mut found);
        let share = found[0].float();
        if !(0.0 <= share && share <= 1.0) {
            return out.refuse("params must be like {\"share\":0.1}, from 0 to 1");
        }
        out.u64((share * ALL) as u64);
        match found[1] {
            Value::Missing => out.u64(hash::EMPTY),
            Value::Text(seed) => out.u64(hash::text(hash::EMPTY, seed)),
            _ => return out.refuse("\"seed\" must be a text"),
        }
        match found[2] {
            Value::Missing => Ok(()),
            Value::Text(name) if params::path(name, out) => Ok(()),
            _ => out.refuse("\"field\" must name a field, such as \"user\" or \"order.id\""),
        }
    }

    fn decide(event: &Event, groups: Groups, mut verdicts: Verdicts) {
        // Groups with the same seed and field have the same hash: the one before is remembered.
        let mut last: &[u8] = &[];
        let mut drawn = 0;
        for i in 0..groups.len() {
            let prepared = groups.get(i);
            let source = prepared.from(SEED);
            if source != last {
                drawn = draw(event, prepared.u64(SEED), prepared.from(HEAD));
                last = source;
            }
            if drawn < prepared.u64(0) {
                verdicts.allow(i);
            }
        }
    }
}

/// A number below 2^53, always the same for the same key or field. What has neither counts by its offset.
fn draw(event: &Event, seed: u64, path: &[u8]) -> u64 {
    let mut by = Value::Missing;
    if !path.is_empty() {
        let mut found = [by];
        json::find(event.payload(), &[path], &mut found);
        by = found[0];
    } else if !event.key().is_empty() {
        by = Value::Text(Text::plain(event.key()));
    }
    let offset = event.offset().to_le_bytes();
    let text = match by {
        Value::Text(text) => text,
        Value::Number(text) => Text::plain(text),
        _ => Text::plain(&offset),
    };
    mixed(hash::text(seed, text))
}

/// Spreads what FNV leaves in the low bits over all, and keeps 53.
fn mixed(h: u64) -> u64 {
    let h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (h ^ h >> 33) >> 11
}
