//! Lets an event through to those for whom a number in it is within bounds. README.md says how it is used.
#![no_std]

use weir::json::{self, Value};
use weir::{params, Event, Filter, Groups, Input, Output, Prepared, Refused, Verdicts};

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
        let (low, high) = (bound(found[1], found[2]), bound(found[3], found[4]));
        if low.refused || high.refused || !(low.given || high.given) {
            return out.refuse(USAGE);
        }
        out.f64(if low.given { low.value } else { f64::NEG_INFINITY });
        out.f64(if high.given { high.value } else { f64::INFINITY });
        out.byte(if low.excluded { ABOVE } else { 0 } | if high.excluded { BELOW } else { 0 });
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
            let path = prepared.from(HEAD);
            if path != last {
                let mut found = [Value::Missing];
                json::find(event.payload(), &[path], &mut found);
                value = found[0].float();
                last = path;
            }
            if within(value, prepared) {
                verdicts.allow(i);
            }
        }
    }
}

/// A bound of params.
struct Bound {
    value: f64,
    given: bool,
    excluded: bool,
    refused: bool,
}

/// Reads a bound, which is given by one field or the other.
fn bound(included: Value, excluded: Value) -> Bound {
    let (given, other) = if excluded.is_missing() { (included, excluded) } else { (excluded, included) };
    let value = given.float();
    let refused = !other.is_missing() || value.is_nan() && !given.is_missing();
    Bound { value, given: !value.is_nan(), excluded: !excluded.is_missing(), refused }
}

/// Not a number is within no bounds.
#[inline(always)]
fn within(v: f64, prepared: Prepared) -> bool {
    let flags = prepared.byte(HEAD - 1);
    let low = prepared.f64(0);
    let high = prepared.f64(8);
    (if flags & ABOVE != 0 { v > low } else { v >= low }) && (if flags & BELOW != 0 { v < high } else { v <= high })
}
