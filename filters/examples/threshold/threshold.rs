//! Lets an event through to those for whom a number in it is within bounds. README.md says how it is used.
#![no_std]

use weir::json::{self, Value};
use weir::{params, Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Threshold;

weir::export!(Threshold);

/// What prepare makes of params: the lower and the upper bound as f64, a byte of flags, and the path of the field.
const HEAD: usize = 17;
const ABOVE: u8 = 1;
const BELOW: u8 = 2;

const USAGE: &str = "params must be like {\"field\":\"delay\",\"min\":60}, with one or more of min, max, above and below";

impl Filter for Threshold {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        let mut found = [Value::Missing; 5];
        json::find(text, &[b"field", b"min", b"above", b"max", b"below"], &mut found);
        let low = bound(&found[1], &found[2], f64::NEG_INFINITY);
        let high = bound(&found[3], &found[4], f64::INFINITY);
        let ((low, above), (high, below)) = match (low, high) {
            (Some(low), Some(high)) if low.0 > f64::NEG_INFINITY || high.0 < f64::INFINITY => (low, high),
            _ => return out.refuse(USAGE),
        };
        out.f64(low);
        out.f64(high);
        out.byte(if above { ABOVE } else { 0 } | if below { BELOW } else { 0 });
        match found[0] {
            Value::Text(name) if params::path(name, out) => Ok(()),
            _ => out.refuse("\"field\" must name a field, such as \"delay\" or \"position.speed\""),
        }
    }

    fn decide(event: &Event, groups: Groups, mut verdicts: Verdicts) {
        // Groups mostly ask for the same field: the one before is remembered.
        let mut last: &[u8] = &[];
        let mut value = f64::NAN;
        for i in 0..groups.len() {
            let prepared = groups.get(i);
            let path = &prepared[HEAD..];
            if path != last {
                let mut found = [Value::Missing];
                json::find(event.payload(), &[path], &mut found);
                value = found[0].number().unwrap_or(f64::NAN);
                last = path;
            }
            if within(value, prepared) {
                verdicts.allow(i);
            }
        }
    }
}

/// One bound, and whether it is excluded. None: both are given, or one that is no number.
fn bound(included: &Value, excluded: &Value, none: f64) -> Option<(f64, bool)> {
    match (included, excluded) {
        (Value::Missing, Value::Missing) => Some((none, false)),
        (v, Value::Missing) => v.number().map(|v| (v, false)),
        (Value::Missing, v) => v.number().map(|v| (v, true)),
        _ => None,
    }
}

/// Not a number is within no bounds.
fn within(v: f64, prepared: &[u8]) -> bool {
    let low = f64_at(prepared, 0);
    let high = f64_at(prepared, 8);
    let flags = prepared[HEAD - 1];
    (if flags & ABOVE != 0 { v > low } else { v >= low }) && (if flags & BELOW != 0 { v < high } else { v <= high })
}

fn f64_at(bytes: &[u8], at: usize) -> f64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    f64::from_le_bytes(word)
}
