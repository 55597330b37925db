//! Finds fields of a JSON text (RFC 8259) in one pass, without building anything.
//!
//! The whole text is checked: in one that isn't JSON nothing is found, so that a filter and whoever reads the event
//! can't disagree about half a text. Of fields with the same name the last one counts, as in browsers.

mod place;
mod scan;
mod text;

use crate::{abi, number, Input};
use place::Place;
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
    /// An array or an object, which can be searched in its turn.
    Nested(Input<'a>),
}

impl<'a> Value<'a> {
    /// The value as a 64-bit float, if it is a number that fits.
    #[inline]
    pub fn number(&self) -> Option<f64> {
        let v = self.float();
        if v.is_nan() {
            None
        } else {
            Some(v)
        }
    }

    /// The same, or NaN, which no comparison is true of.
    #[inline]
    pub fn float(&self) -> f64 {
        match self {
            Value::Number(text) => number::float(text),
            _ => f64::NAN,
        }
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }
}

/// Finds the values of `paths` in `text`: names from the outermost to the innermost, [`SEPARATOR`] between them. In an
/// array, a name of digits counts from 0. At most [`PATHS`] paths, and `found` is as long. False: the text is not JSON,
/// and nothing is found.
pub fn find<'a>(text: Input<'a>, paths: &[&[u8]], found: &mut [Value<'a>]) -> bool {
    if paths.len() > PATHS || paths.len() != found.len() {
        abi::trap();
    }
    scan(text, paths, found)
}

/// Finds the items of the array that `text` is, as many as there is room for; what is left of `found` is missing. False:
/// the text is not JSON.
pub fn items<'a>(text: Input<'a>, found: &mut [Value<'a>]) -> bool {
    scan(text, &[], found)
}

/// Length of the number that stands at a place of a text, 0 if there is none.
pub fn number_len(text: Input, at: usize) -> usize {
    let start = Place::start_of(text).on(at.min(text.len()));
    start.number().map_or(0, |end| start.until(end).len())
}

#[inline(never)]
fn scan<'a>(text: Input<'a>, paths: &[&[u8]], found: &mut [Value<'a>]) -> bool {
    found.fill(Value::Missing);
    let valid = Scanner::new(paths, found).document(text);
    if !valid {
        found.fill(Value::Missing);
    }
    valid
}
