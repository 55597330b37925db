//! Lets an event through to the subscribers whose expression is true of it. README.md has the language.
#![no_std]

mod code;
mod eval;
mod fields;
mod index;
mod lexer;
mod parser;
mod program;

use weir::json::{self, Text, Value};
use weir::{Event, Filter, Groups, Input, Keys, Output, Prepared, Refused, Route, Verdicts};

struct Expr;

weir::export!(Expr);
weir::export_route!(Expr);

/// Longest expression, in bytes.
pub const LENGTH: usize = 4096;

impl Filter for Expr {
    /// Params are an expression, or a JSON object {"expr": expression}.
    fn prepare(params: Input, out: &mut Output) -> Result<(), Refused> {
        if params.first() != b'{' {
            return parser::compile(Text::plain(params.bytes()), out);
        }
        let mut found = [Value::Missing];
        if !json::find(params, &[b"expr"], &mut found) {
            return out.refuse("params look like JSON, but are not valid JSON");
        }
        match found[0] {
            Value::Text(text) => parser::compile(text, out),
            Value::Missing => out.refuse("params must have a field \"expr\""),
            _ => out.refuse("\"expr\" must be a string"),
        }
    }

    fn decide(event: &Event, groups: Groups, verdicts: Verdicts) {
        let mut fields = fields::Fields::of(event);
        verdicts.decide(groups, |prepared| eval::holds(prepared, &mut fields));
    }
}

impl Route for Expr {
    fn keys(event: &Event, keys: &mut Keys) {
        index::keys(event, keys)
    }

    fn interest(prepared: Prepared, keys: &mut Keys) {
        index::interest(prepared, keys)
    }
}
