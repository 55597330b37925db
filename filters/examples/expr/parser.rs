//! Recursive descent over the grammar in README.md, straight to a program.

mod operand;
mod trouble;

use crate::code::*;
use crate::lexer::{self, Kind, Token};
use crate::program::{Full, Program};
use trouble::Trouble;
use weir::json::{self, Text};
use weir::{Output, Refused};

/// Deepest nesting of parentheses and "not".
const DEPTH: usize = 32;

static mut EXPRESSION: [u8; crate::LENGTH] = [0; crate::LENGTH];

/// Compiles an expression.
pub fn compile(text: Text, out: &mut Output) -> Result<(), Refused> {
    // SAFETY: at most one call into the module runs at a time, and compiles one expression.
    let expression = unsafe { &mut *core::ptr::addr_of_mut!(EXPRESSION) };
    let mut len = 0;
    for c in text.bytes() {
        if len == expression.len() {
            return out.refuse("the expression is too long: at most 4096 bytes are allowed");
        }
        expression[len] = c;
        len += 1;
    }
    let program = Program::new();
    let mut parser = Parser::new(&expression[..len], program);
    match parser.whole() {
        Ok(()) => {
            program.write(out);
            Ok(())
        }
        Err(trouble) => trouble.tell(&expression[..len], out),
    }
}

struct Parser<'t, 'p> {
    text: &'t [u8],
    /// The token before the next one, which messages refer to. At first the empty one at the beginning.
    last: Token,
    next: Token,
    depth: usize,
    program: &'p mut Program,
}

type Parsed<T> = Result<T, Trouble>;

impl<'t, 'p> Parser<'t, 'p> {
    fn new(text: &'t [u8], program: &'p mut Program) -> Self {
        let next = lexer::token(text, lexer::space(text, 0));
        Parser { text, last: Token { kind: Kind::End, start: 0, end: 0 }, next, depth: 0, program }
    }

    fn advance(&mut self) -> Token {
        self.last = self.next;
        self.next = lexer::token(self.text, lexer::space(self.text, self.next.end));
        self.last
    }

    fn bytes(&self, token: Token) -> &'t [u8] {
        &self.text[token.start..token.end]
    }

    fn at_word(&self, word: &[u8]) -> bool {
        self.next.kind == Kind::Name && self.bytes(self.next) == word
    }

    fn take_word(&mut self, word: &[u8]) -> bool {
        let is = self.at_word(word);
        if is {
            self.advance();
        }
        is
    }

    /// Says that something else is expected where the next token stands.
    fn expected<T>(&self, what: &'static str) -> Parsed<T> {
        Err(Trouble::Expected { what, after: self.last, found: self.next })
    }

    fn add(&mut self, operation: u8, comparison: u8, operands: [u16; 3]) -> Parsed<usize> {
        self.program.instruction(operation, comparison, operands).map_err(Trouble::from)
    }

    fn whole(&mut self) -> Parsed<()> {
        self.or()?;
        if self.next.kind != Kind::End {
            return self.expected("'and', 'or' or the end");
        }
        Ok(())
    }

    fn or(&mut self) -> Parsed<()> {
        self.and()?;
        while self.take_word(b"or") {
            let jump = self.add(JUMP_IF_TRUE, 0, [0; 3])?;
            self.and()?;
            self.program.land(jump);
        }
        Ok(())
    }

    fn and(&mut self) -> Parsed<()> {
        self.not()?;
        while self.take_word(b"and") {
            let jump = self.add(JUMP_IF_FALSE, 0, [0; 3])?;
            self.not()?;
            self.program.land(jump);
        }
        Ok(())
    }

    fn not(&mut self) -> Parsed<()> {
        if self.depth == DEPTH {
            return Err(Trouble::TooDeep(self.next));
        }
        self.depth += 1;
        if self.take_word(b"not") {
            self.not()?;
            self.add(NOT, 0, [0; 3])?;
        } else {
            self.primary()?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn primary(&mut self) -> Parsed<()> {
        if self.next.kind == Kind::Open {
            self.advance();
            self.or()?;
            if self.next.kind != Kind::Close {
                return self.expected("'and', 'or' or ')'");
            }
            self.advance();
            return Ok(());
        }
        if self.take_word(b"exists") {
            let a = self.field()?;
            return self.add(EXISTS, 0, [a, 0, 0]).map(drop);
        }
        let a = self.value()?;
        self.comparison(a)
    }

    /// Parses what follows a value.
    fn comparison(&mut self, a: u16) -> Parsed<()> {
        if let Kind::Compare(comparison) = self.next.kind {
            self.advance();
            let b = self.value()?;
            return self.add(COMPARE, comparison, [a, b, 0]).map(drop);
        }
        if self.take_word(b"in") {
            let (b, c) = self.list()?;
            return self.add(IN, 0, [a, b, c]).map(drop);
        }
        if self.take_word(b"prefix") || self.take_word(b"startswith") {
            let b = self.value()?;
            return self.add(PREFIX, 0, [a, b, 0]).map(drop);
        }
        if a & !OPERAND_INDEX == OPERAND_CONSTANT && !matches!(self.bytes(self.last), b"true" | b"false") {
            return self.expected("a comparison");
        }
        self.add(IS_TRUE, 0, [a, 0, 0]).map(drop)
    }
}
