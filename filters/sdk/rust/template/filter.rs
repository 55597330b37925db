//! NAME: lets through the events whose field "delay" is at least what the subscriber asks for: {"min":60}.
#![no_std]

use weir::json::{self, Value};
use weir::{Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Late;

weir::export!(Late);

/// Finds a number in a JSON object.
fn number(text: Input, name: &[u8]) -> Option<f64> {
    let mut found = [Value::Missing];
    json::find(text, &[name], &mut found);
    found[0].number()
}

impl Filter for Late {
    /// Checks a subscriber's params, once. What is written to `out`, `decide` finds in the subscriber's group.
    fn prepare(params: Input, out: &mut Output) -> Result<(), Refused> {
        match number(params, b"min") {
            Some(min) => {
                out.f64(min);
                Ok(())
            }
            None => out.refuse("params must be like {\"min\":60}"),
        }
    }

    /// Decides about one event for all groups of subscribers.
    fn decide(event: &Event, groups: Groups, verdicts: Verdicts) {
        // Nobody gets an event without a delay: NaN is not greater than anything.
        let delay = number(event.payload(), b"delay").unwrap_or(f64::NAN);
        verdicts.decide(groups, |prepared| {
            let mut min = [0; 8];
            min.copy_from_slice(&prepared[..8]);
            delay >= f64::from_le_bytes(min)
        });
    }
}
