//! Recursive descent over the grammar in README.md, straight to a program.

mod operand;
mod trouble;

use crate::code::*;
use crate::lexer::*;
use crate::program::Builder;
use weir::json::Text;
use weir::{Input, Output, Refused};

/// Deepest nesting of parentheses and "not".
const DEPTH: usize = 32;

/// The expression, with zeros behind it.
static mut EXPRESSION: [u8; crate::LENGTH + 8] = [0; crate::LENGTH + 8];

/// Compiles an expression.
#[inline(never)]
pub fn compile(text: Text, out: &mut Output) -> Result<(), Refused> {
    // SAFETY: at most one call into the module runs at a time, and compiles one expression.
    let expression = unsafe { &mut *core::ptr::addr_of_mut!(EXPRESSION) };
    expression.fill(0);
    let mut len = 0;
    for c in text.bytes() {
        if len == crate::LENGTH {
            return out.refuse("the expression is too long: at most 4096 bytes are allowed");
        }
        expression[len] = c;
        len += 1;
    }
    let source = Source { text: Input::followed(&expression[..], len) };
    let start = Token { kind: END, comparison: 0, start: 0, end: 0 };
    let mut parser = Parser { source, last: start, next: source.token(0), depth: 0, program: Builder::new(), out };
    parser.or()?;
    if parser.next.kind != END {
        return parser.expected("'and', 'or' or the end").map(drop);
    }
    parser.program.write(parser.out);
    Ok(())
}

struct Parser<'t, 'p, 'o> {
    source: Source<'t>,
    /// The token before the next one, which messages refer to. At first the empty one at the beginning.
    last: Token,
    next: Token,
    depth: usize,
    program: &'p mut Builder,
    out: &'o mut Output,
}

/// An operand, or whatever else there is; or the text of what is wrong has been written.
type Parsed = Result<u16, Refused>;

impl<'t, 'p, 'o> Parser<'t, 'p, 'o> {
    #[inline(never)]
    fn advance(&mut self) {
        self.last = self.next;
        self.next = self.source.token(self.next.end);
    }

    /// Passes over a token, if it is of this kind.
    #[inline(never)]
    fn take(&mut self, kind: u8) -> bool {
        let is = self.next.kind == kind;
        if is {
            self.advance();
        }
        is
    }

    #[inline(never)]
    fn need(&mut self, kind: u8, what: &'static str) -> Parsed {
        if self.take(kind) {
            return Ok(0);
        }
        self.expected(what)
    }

    #[inline(never)]
    fn add(&mut self, operation: u8, comparison: u8, operands: [u16; 3]) -> Parsed {
        let index = self.program.instruction(operation, comparison, operands);
        self.fits(index)
    }

    fn or(&mut self) -> Parsed {
        self.chain(OR, JUMP_IF_TRUE)
    }

    /// Parses what stands between "or" or between "and". Once the outcome is known, a jump passes over the next of them.
    #[inline(never)]
    fn chain(&mut self, word: u8, jump: u8) -> Parsed {
        loop {
            let link = if self.last.kind == word { Some(self.add(jump, 0, [0; 3])?) } else { None };
            if word == OR {
                self.chain(AND, JUMP_IF_FALSE)?;
            } else {
                self.not()?;
            }
            if let Some(link) = link {
                self.program.land(link);
            }
            if !self.take(word) {
                return Ok(0);
            }
        }
    }

    fn not(&mut self) -> Parsed {
        if self.depth == DEPTH {
            return self.refuse("parentheses and 'not' nest more than 32 deep", self.next);
        }
        self.depth += 1;
        if self.take(NOT_WORD) {
            self.not()?;
            self.add(NOT, 0, [0; 3])?;
        } else if self.take(b'(') {
            self.or()?;
            self.need(b')', "'and', 'or' or ')'")?;
        } else {
            self.condition()?;
        }
        self.depth -= 1;
        Ok(0)
    }

    fn condition(&mut self) -> Parsed {
        if self.take(EXISTS_WORD) {
            let a = self.field("the name of a field")?;
            return self.add(EXISTS, 0, [a, 0, 0]);
        }
        let a = self.value("a value")?;
        let mut comparison = self.next.comparison;
        let b;
        let mut count = 1;
        match self.next.kind {
            IN => {
                self.advance();
                comparison = EQUALS;
                self.need(b'[', "'['")?;
                b = self.constant("a constant value")?;
                while self.take(b',') {
                    self.constant("a constant value")?;
                    count += 1;
                }
                self.need(b']', "',' or ']'")?;
            }
            COMPARISON | PREFIX_WORD | STARTS_WITH => {
                self.advance();
                if comparison == 0 {
                    comparison = PREFIX;
                }
                b = self.value("a value")?;
            }
            _ if a & !OPERAND_INDEX != OPERAND_CONSTANT || matches!(self.last.kind, TRUE_WORD | FALSE_WORD) => {
                return self.add(IS_TRUE, 0, [a, 0, 0]);
            }
            _ => return self.expected("a comparison"),
        }
        self.add(COMPARE, comparison, [a, b, count])
    }
}
