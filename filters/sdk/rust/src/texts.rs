//! Routing keys for texts: an event has one for each text in its payload, by the path to it, and a group wants those of
//! the texts that it compares a field with.

use crate::json::{self, Text, SEPARATOR};
use crate::{hash, Input, Keys};
use core::slice::Iter;

/// Stands between a path and a text. Neither has it: it is in no UTF-8.
const END: u8 = 0xff;

/// Adds the key of a text at a path, as [`crate::json::find`] takes it, or of one among the items of an array there.
pub fn want(path: &[u8], text: Text, keys: &mut Keys) {
    add(hash::text(hash::EMPTY, Text::plain(path)), text, keys);
}

/// Adds the keys of all texts in a payload; none if it is not JSON, all if they are too many.
pub fn have(payload: Input, keys: &mut Keys) {
    if json::find(payload, &[], &mut []) {
        Walker { rest: payload.iter(), keys }.items(hash::EMPTY, Some(hash::EMPTY));
    }
}

#[inline(never)]
fn add(path: u64, text: Text, keys: &mut Keys) {
    keys.add(hash::text(hash::byte(path, END), text));
}

/// Walks through a text that is known to be JSON.
struct Walker<'a, 'k> {
    rest: Iter<'a, u8>,
    keys: &'k mut Keys,
}

impl<'a, 'k> Walker<'a, 'k> {
    /// Adds what is in an object or an array up to its end. `path` is the hash of the path to it, and `item` that of the path
    /// to what comes next in it; None: its name does. The whole text is the item of an array that has no path.
    fn items(&mut self, path: u64, mut item: Option<u64>) {
        let object = item.is_none();
        let inside = behind(path);
        let mut index = 0;
        while let Some(&c) = self.rest.next() {
            match (c, item) {
                (b'"', None) => item = Some(hash::text(inside, self.text())),
                (b'"', Some(item)) => {
                    let text = self.text();
                    add(item, text, self.keys);
                    if !object {
                        add(path, text, self.keys);
                    }
                }
                (b'{', Some(item)) => self.items(item, None),
                (b'[', Some(item)) => self.items(item, Some(decimal(behind(item), 0))),
                (b',', _) if object => item = None,
                (b',', _) => {
                    index += 1;
                    item = Some(decimal(inside, index));
                }
                (b'}' | b']', _) => return,
                _ => {}
            }
        }
    }

    /// Passes over the rest of a string.
    fn text(&mut self) -> Text<'a> {
        let start = self.rest.as_slice();
        let mut escaped = false;
        let mut len = 0;
        while let Some(&c) = self.rest.next() {
            if c == b'"' {
                break;
            }
            len += 1;
            if c == b'\\' {
                escaped = true;
                len += 1;
                self.rest.next();
            }
        }
        Text { raw: start.get(..len).unwrap_or(&[]), escaped }
    }
}

/// The hash of a path behind which a further name follows.
fn behind(path: u64) -> u64 {
    if path == hash::EMPTY {
        path
    } else {
        hash::byte(path, SEPARATOR)
    }
}

/// Hashes an index of an array, in decimal.
fn decimal(hash: u64, index: usize) -> u64 {
    let hash = if index < 10 { hash } else { decimal(hash, index / 10) };
    hash::byte(hash, b'0' + (index % 10) as u8)
}
