//! Shows events without some of their fields. README.md says how it is used.
#![no_std]

mod copy;

use weir::json::{self, Text, Value};
use weir::{params, Event, Filter, Groups, Input, Output, Prepared, Project, Refused, Verdicts};

struct Redact;

weir::export!(Redact);
weir::export_project!(Redact);

/// What prepare makes of params: a byte KEEP or REMOVE, then the paths, each behind its length as u16.
pub const KEEP: u8 = 0;
pub const REMOVE: u8 = 1;

/// Most fields that can be named.
pub const FIELDS: usize = 60;

const USAGE: &str = "params must be like {\"remove\":[\"email\",\"card.number\"]} or {\"keep\":[\"id\"]}";

impl Filter for Redact {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        let mut found = [Value::Missing; 2];
        json::find(text, &[b"keep", b"remove"], &mut found);
        let (kind, list) = match (found[0], found[1]) {
            (Value::Nested(list), Value::Missing) => (KEEP, list),
            (Value::Missing, Value::Nested(list)) => (REMOVE, list),
            _ => return out.refuse(USAGE),
        };
        out.byte(kind);
        let mut fields = [Value::Missing; FIELDS + 1];
        json::items(list, &mut fields);
        if fields[0].is_missing() {
            return out.refuse(USAGE);
        }
        for (i, field) in fields.iter().enumerate() {
            match *field {
                Value::Missing => break,
                Value::Text(_) if i == FIELDS => return out.refuse("at most 60 fields can be named"),
                Value::Text(field) if put(field, out) => {}
                _ => return out.refuse("each field must be a name, such as \"email\" or \"card.number\""),
            }
        }
        Ok(())
    }

    /// Lets through what can be redacted: objects and arrays of JSON, and events without a payload.
    fn decide(event: &Event, groups: Groups, verdicts: Verdicts) {
        let payload = event.payload();
        let fit = payload.is_empty() || is_nested(payload);
        verdicts.decide(groups, |_| fit);
    }
}

impl Project for Redact {
    fn project<'a>(event: Event<'a>, prepared: Prepared<'a>, out: &'a mut Output) -> Result<&'a [u8], Refused> {
        if !is_nested(event.payload()) {
            return Ok(out.bytes()); // whatever it is, nobody sees it
        }
        // SAFETY: nothing that was read from the event is kept.
        let payload = unsafe { event.into_payload() };
        let len = copy::redact(payload, prepared);
        Ok(payload.get(..len).unwrap_or(&[]))
    }
}

fn is_nested(payload: Input) -> bool {
    json::find(payload, &[], &mut []) && matches!(payload.first(), b'{' | b'[')
}

/// Writes a path behind its length.
fn put(field: Text, out: &mut Output) -> bool {
    out.u16(0);
    let start = out.len();
    let ok = params::path(field, out);
    out.patch_u16(start - 2, (out.len() - start) as u16);
    ok
}
