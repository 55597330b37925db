//! Shows events without some of their fields. README.md says how it is used.
#![no_std]

mod copy;

use weir::json::{self, Text, Value};
use weir::{params, Event, Filter, Groups, Input, Output, Project, Refused, Verdicts};

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
        let (kind, name) = match (found[0], found[1]) {
            (Value::Nested, Value::Missing) => (KEEP, &b"keep"[..]),
            (Value::Missing, Value::Nested) => (REMOVE, &b"remove"[..]),
            _ => return out.refuse(USAGE),
        };
        out.byte(kind);
        let mut count = 0;
        for i in 0..FIELDS + 1 {
            match item(text, name, i) {
                Value::Missing => break,
                Value::Text(_) if i == FIELDS => return out.refuse("at most 60 fields can be named"),
                Value::Text(field) if put(field, out) => count += 1,
                _ => return out.refuse("each field must be a name, such as \"email\" or \"card.number\""),
            }
        }
        if count == 0 {
            return out.refuse(USAGE);
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
    fn project<'a>(event: Event<'a>, prepared: &'a [u8], out: &'a mut Output) -> Result<&'a [u8], Refused> {
        if !is_nested(event.payload()) {
            return Ok(out.bytes()); // whatever it is, nobody sees it
        }
        // SAFETY: nothing that was read from the event is kept.
        let payload = unsafe { event.into_payload() };
        let len = copy::redact(payload, prepared);
        Ok(&payload[..len])
    }
}

fn is_nested(payload: Input) -> bool {
    json::find(payload, &[], &mut []) && matches!(payload.iter().find(|c| !c.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// Item `i` of an array, of at most 100.
fn item<'a>(text: Input<'a>, array: &[u8], i: usize) -> Value<'a> {
    let mut path = [0; 16];
    let len = array.len();
    path[..len].copy_from_slice(array);
    path[len] = json::SEPARATOR;
    let digits = if i < 10 { 1 } else { 2 };
    path[len + 1] = b'0' + (i / 10) as u8;
    path[len + digits] = b'0' + (i % 10) as u8;
    let mut found = [Value::Missing];
    json::find(text, &[&path[..len + 1 + digits]], &mut found);
    found[0]
}

/// Writes a path behind its length.
fn put(field: Text, out: &mut Output) -> bool {
    out.u16(0);
    let start = out.len();
    let ok = params::path(field, out);
    out.patch_u16(start - 2, (out.len() - start) as u16);
    ok
}
