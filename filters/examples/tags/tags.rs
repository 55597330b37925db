//! Lets an event through to those who want one of its tags. README.md says how it is used.
#![no_std]

use weir::json::{self, Text, Value};
use weir::{params, Event, Filter, Groups, Input, Output, Refused, Verdicts};

struct Tags;

weir::export!(Tags);

/// What prepare makes of params: a byte FIELD or HEADER, its path or name behind its length, then the wanted tags, each
/// behind its length. Lengths are u16.
const FIELD: u8 = 0;
const HEADER: u8 = 1;

/// Most tags that a subscriber can want.
const WANTED: usize = 60;
/// Most tags of an array in an event that count.
const TAGS: usize = 32;
/// Longest path of a field with an index behind it.
const PATH: usize = 260;

impl Filter for Tags {
    fn prepare(text: Input, out: &mut Output) -> Result<(), Refused> {
        let mut source = [Value::Missing; 3];
        let mut wanted = [Value::Missing; WANTED + 1];
        json::find(text, &[b"field", b"header", b"in"], &mut source);
        find_items(text, b"in", &mut wanted);
        match (source[0], source[1]) {
            (Value::Text(name), Value::Missing) => {
                let at = begin(FIELD, out);
                if !params::path(name, out) {
                    return out.refuse("\"field\" must name a field, such as \"topic\" or \"order.tags\"");
                }
                end(at, out);
            }
            (Value::Missing, Value::Text(name)) if !name.raw.is_empty() => {
                let at = begin(HEADER, out);
                name.bytes().for_each(|c| out.byte(c));
                end(at, out);
            }
            _ => return out.refuse("params must be like {\"field\":\"topic\",\"in\":[\"a\",\"b\"]}, with a field or a header"),
        }
        if let Value::Text(only) = source[2] {
            put(only, out);
            return Ok(());
        }
        if !matches!(wanted[WANTED], Value::Missing) {
            return out.refuse("\"in\" has more than 60 tags");
        }
        let mut count = 0;
        for value in wanted.iter() {
            match value {
                Value::Missing => {}
                Value::Text(tag) => {
                    put(*tag, out);
                    count += 1;
                }
                _ => return out.refuse("\"in\" must be a list of texts"),
            }
        }
        if count == 0 {
            return out.refuse("\"in\" must be a list of texts, at least one");
        }
        Ok(())
    }

    fn decide(event: &Event, groups: Groups, mut verdicts: Verdicts) {
        // Groups mostly ask for the same field: the one before is remembered.
        let mut last: &[u8] = &[];
        let mut tags = [Value::Missing; TAGS + 1];
        for i in 0..groups.len() {
            let (source, wanted) = groups.get(i).split_at(source_len(groups.get(i)));
            if source != last {
                tags = tags_of(event, source);
                last = source;
            }
            if tags.iter().any(|tag| matches!(tag, Value::Text(tag) if Items(wanted).any(|item| tag.equals(item)))) {
                verdicts.allow(i);
            }
        }
    }
}

fn begin(kind: u8, out: &mut Output) -> usize {
    out.byte(kind);
    out.u16(0);
    out.len()
}

fn end(start: usize, out: &mut Output) {
    out.patch_u16(start - 2, (out.len() - start) as u16);
}

fn put(tag: Text, out: &mut Output) {
    out.u16(0);
    let start = out.len();
    tag.bytes().for_each(|c| out.byte(c));
    end(start, out);
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    bytes[at] as usize | (bytes[at + 1] as usize) << 8
}

/// How long the part of prepared params is that says where the tags are.
fn source_len(prepared: &[u8]) -> usize {
    3 + u16_at(prepared, 1)
}

/// Iterates over texts behind their lengths.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.len() < 2 {
            return None;
        }
        let (item, rest) = self.0[2..].split_at(u16_at(self.0, 0));
        self.0 = rest;
        Some(item)
    }
}

/// The tags of an event: a field's text, or those in its array; or the values of a header.
fn tags_of<'a>(event: &Event<'a>, source: &[u8]) -> [Value<'a>; TAGS + 1] {
    let mut tags = [Value::Missing; TAGS + 1];
    let name = &source[3..];
    if source[0] == FIELD {
        let mut field = [Value::Missing];
        json::find(event.payload(), &[name], &mut field);
        match field[0] {
            Value::Nested => find_items(event.payload(), name, &mut tags[..TAGS]),
            value => tags[0] = value,
        }
        return tags;
    }
    for (tag, (_, value)) in tags.iter_mut().zip(event.headers().filter(|(n, _)| *n == name)) {
        *tag = Value::Text(Text::plain(value));
    }
    tags
}

/// Finds the items of an array, as many as there is room for.
fn find_items<'a>(text: Input<'a>, array: &[u8], found: &mut [Value<'a>]) {
    let mut paths = [[0u8; PATH]; json::PATHS];
    let mut slices: [&[u8]; json::PATHS] = [&[]; json::PATHS];
    for (i, (path, slice)) in paths.iter_mut().zip(slices.iter_mut()).enumerate() {
        let len = array.len();
        path[..len].copy_from_slice(array);
        path[len] = json::SEPARATOR;
        let digits = if i < 10 { 1 } else { 2 };
        if i >= 10 {
            path[len + 1] = b'0' + (i / 10) as u8;
        }
        path[len + digits] = b'0' + (i % 10) as u8;
        *slice = &path[..len + 1 + digits];
    }
    json::find(text, &slices[..found.len()], found);
}
