//! NAME: lets through the events whose field "delay" is at least what the subscriber asks for: {"min":60}.
#![no_std]

use weir::json::{self, Value};
use weir::{Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Late;

weir::export!(Late);

/// Finds a number in a JSON object; what is not there is NaN, not a number.
fn number(text: Input, name: &[u8]) -> f64 {
    let mut found = [Value::Missing];
    json::find(text, &[name], &mut found);
    found[0].float()
}

impl Filter for Late {
    /// Checks a subscriber's params, once. What is written to `out`, `decide` finds in the subscriber's group.
    fn prepare(params: Input, out: &mut Output) -> Result<(), Refused> {
        let min = number(params, b"min");
        if min.is_nan() {
            return out.refuse("params must be like {\"min\":60}");
        }
        out.f64(min);
        Ok(())
    }

    /// Decides about one event for all groups of subscribers.
    fn decide(event: &Event, groups: Groups, verdicts: Verdicts) {
        // Nobody gets an event without a delay: NaN is not greater than anything.
        let delay = number(event.payload(), b"delay");
        verdicts.decide(groups, |prepared| delay >= prepared.f64(0));
    }
}
