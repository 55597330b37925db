//! Lets an event through to those who want one of its tags. README.md says how it is used.
#![no_std]

use weir::json::{self, Text, Value};
use weir::params::Items;
use weir::{hash, params, texts, Event, Filter, Groups, Input, Keys, Output, Prepared, Refused, Route, Verdicts};

struct Tags;

weir::export!(Tags);
weir::export_route!(Tags);

/// What prepare makes of params: a byte FIELD or HEADER, its path or name behind its length, then the wanted tags, each
/// behind its length. Lengths are u16.
const SOURCE: usize = 3;
const FIELD: u8 = 0;
const HEADER: u8 = 1;

/// Most tags that a subscriber can want.
const WANTED: usize = 60;
/// Most tags of an array in an event that count.
const TAGS: usize = 32;
impl Filter for Tags {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        let mut found = [Value::Missing; 3];
        json::find(text, &[b"field", b"header", b"in"], &mut found);
        match (found[0], found[1]) {
            (Value::Text(name), Value::Missing) => {
                out.byte(FIELD);
                out.u16(0);
                if !params::path(name, out) {
                    return out.refuse("\"field\" must name a field, such as \"topic\" or \"order.tags\"");
                }
                out.patch_u16(1, (out.len() - SOURCE) as u16);
            }
            (Value::Missing, Value::Text(name)) if !name.raw.is_empty() => {
                out.byte(HEADER);
                params::put(name, out);
            }
            _ => return out.refuse("params must be like {\"field\":\"topic\",\"in\":[\"a\",\"b\"]}, with a field or a header"),
        }
        let mut wanted = [Value::Missing; WANTED + 1];
        match found[2] {
            Value::Nested(list) => {
                json::items(list, &mut wanted);
            }
            one => wanted[0] = one,
        }
        if !wanted[WANTED].is_missing() {
            return out.refuse("\"in\" has more than 60 tags");
        }
        if wanted[0].is_missing() {
            return out.refuse("\"in\" must be a list of texts, at least one");
        }
        for value in &wanted {
            match *value {
                Value::Missing => {}
                Value::Text(tag) => params::put(tag, out),
                _ => return out.refuse("\"in\" must be a list of texts"),
            }
        }
        Ok(())
    }

    fn decide(event: &Event, groups: Groups, mut verdicts: Verdicts) {
        // Groups mostly ask for the same field: the one before is remembered.
        let mut last: &[u8] = &[];
        let mut tags = [Value::Missing; TAGS + 1];
        for i in 0..groups.len() {
            let prepared = groups.get(i);
            let len = prepared.u16(1) as usize;
            let source = prepared.part(0, SOURCE + len);
            if source != last {
                find(event, prepared.byte(0), prepared.part(SOURCE, len), &mut tags);
                last = source;
            }
            if any(&tags, Items(prepared.from(SOURCE + len))) {
                verdicts.allow(i);
            }
        }
    }
}

impl Route for Tags {
    /// An event does not know which of its fields are asked for, so all its texts count, and all its headers.
    fn keys(event: &Event, keys: &mut Keys) {
        for (name, value) in event.headers() {
            keys.add(header_key(name, value));
        }
        texts::have(event.payload(), keys);
    }

    fn interest(prepared: Prepared, keys: &mut Keys) {
        let len = prepared.u16(1) as usize;
        let name = prepared.part(SOURCE, len);
        for tag in Items(prepared.from(SOURCE + len)) {
            if prepared.byte(0) == HEADER {
                keys.add(header_key(name, tag));
            } else {
                texts::want(name, Text::plain(tag), keys);
            }
        }
    }
}

/// The routing key of a header.
fn header_key(name: &[u8], value: &[u8]) -> u64 {
    // What has the same bytes with another end of the name only makes more work.
    hash::text(hash::text(hash::byte(hash::EMPTY, HEADER), Text::plain(name)), Text::plain(value))
}

/// Whether one of an event's tags is wanted.
#[inline(always)]
fn any(tags: &[Value], wanted: Items) -> bool {
    for tag in tags {
        match tag {
            Value::Missing => return false,
            Value::Text(tag) if wanted.clone().any(|item| tag.equals(item)) => return true,
            _ => {}
        }
    }
    false
}

/// Finds the tags of an event: a field's text, or those in its array; or the values of a header.
#[inline(never)]
fn find<'a>(event: &Event<'a>, kind: u8, name: &[u8], tags: &mut [Value<'a>; TAGS + 1]) {
    tags.fill(Value::Missing);
    if kind == HEADER {
        for (tag, (_, value)) in tags.iter_mut().zip(event.headers().filter(|(n, _)| *n == name)) {
            *tag = Value::Text(Text::plain(value));
        }
        return;
    }
    json::find(event.payload(), &[name], &mut tags[..1]);
    if let Value::Nested(list) = tags[0] {
        tags[0] = Value::Missing;
        json::items(list, &mut tags[..TAGS]);
    }
}
