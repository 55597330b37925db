//! Finds fields of a JSON text (RFC 8259) in one pass, without building anything.
//!
//! The whole text is checked: in one that isn't JSON nothing is found, so that a filter and whoever reads the event
//! can't disagree about half a text. Of fields with the same name the last one counts, as in browsers.

mod scan;
mod text;

use crate::{number, Input};
use scan::Scanner;
pub use text::{Bytes, Text};

/// Deepest nesting of arrays and objects. Deeper texts are treated as not JSON.
pub const DEPTH: usize = 64;
/// Most paths that one pass can look for.
pub const PATHS: usize = 64;
/// Separates the names in a path.
pub const SEPARATOR: u8 = 0;

/// A value in place.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Missing,
    Null,
    Bool(bool),
    /// The text of a number.
    Number(&'a [u8]),
    Text(Text<'a>),
    /// An array or an object.
    Nested,
}

impl<'a> Value<'a> {
    /// The value as a 64-bit float, if it is a number that fits.
    #[inline]
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(text) => number::parse(text),
            _ => None,
        }
    }
}

/// Finds the values of `paths` in `text`: names from the outermost to the innermost, [`SEPARATOR`] between them. In an
/// array, a name of digits counts from 0. At most [`PATHS`] paths, and `found` is as long. False: the text is not JSON,
/// and nothing is found.
#[inline(never)]
pub fn find<'a>(text: Input<'a>, paths: &[&[u8]], found: &mut [Value<'a>]) -> bool {
    assert!(paths.len() <= PATHS && paths.len() == found.len());
    clear(found);
    let wanted = if paths.len() == 64 { u64::MAX } else { (1 << paths.len()) - 1 };
    let valid = Scanner::new(text, paths, found).document(wanted).is_some();
    if !valid {
        clear(found);
    }
    valid
}

fn clear(found: &mut [Value]) {
    for value in found {
        *value = Value::Missing;
    }
}
