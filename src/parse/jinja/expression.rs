//! Jinja's expressions, with the precedence of Jinja 3: a filter binds tighter than any
//! operator, so `{{ x if x else '' | safe }}` marks only `''`.

use super::ast::{Argument, Expr, ExprKind, Operator};
use super::lexer::{Token, TokenKind};
use crate::text::Span;

/// Deeper nesting than any template has; more becomes [`ExprKind::Unknown`].
const MAX_DEPTH: usize = 64;
const MAX_TOKENS: usize = 2_000;
/// Reads expressions from the tokens of one construct.
pub(super) struct Parser<'t, 's> {
    tokens: &'t [Token<'s>],
    at: usize,
    depth: usize,
    /// Where the construct's inside begins, for empty expressions.
    start: usize,
}

impl<'t, 's> Parser<'t, 's> {
    pub fn new(tokens: &'t [Token<'s>], start: usize) -> Self {
        Self {
            tokens,
            // A construct longer than any sensible one is not read: its tree would be too deep.
            at: if tokens.len() > MAX_TOKENS {
                tokens.len()
            } else {
                0
            },
            depth: 0,
            start,
        }
    }

    /// One expression, or several with commas as a list, up to the end.
    pub fn whole(&mut self) -> Expr {
        let first = self.expression();
        if !self.peek_is(",") {
            return first;
        }
        let start = first.span.start;
        let mut items = vec![first];
        while self.skip(",") && self.peek().is_some() {
            items.push(self.expression());
        }
        self.made(start, ExprKind::List(items))
    }

    pub fn expression(&mut self) -> Expr {
        if self.depth >= MAX_DEPTH {
            return self.unknown();
        }
        self.depth += 1;
        let expr = self.conditional();
        self.depth -= 1;
        expr
    }

    /// An expression in front of an `if` that belongs to the statement (`for x in xs if y`).
    pub fn without_condition(&mut self) -> Expr {
        let first = self.or();
        if !self.peek_is(",") {
            return first;
        }
        let start = first.span.start;
        let mut items = vec![first];
        while self.skip(",") {
            items.push(self.or());
        }
        self.made(start, ExprKind::List(items))
    }

    pub fn name(&mut self) -> Option<String> {
        let token = self.peek().filter(|token| token.kind == TokenKind::Name)?;
        self.at += 1;
        Some(token.text.to_owned())
    }

    /// Takes the token if it reads so.
    pub fn skip(&mut self, text: &str) -> bool {
        let is_it = self.peek_is(text);
        self.at += usize::from(is_it);
        is_it
    }

    pub fn peek_is(&self, text: &str) -> bool {
        self.peek()
            .is_some_and(|token| token.text == text && token.kind != TokenKind::String)
    }

    fn peek(&self) -> Option<Token<'s>> {
        self.tokens.get(self.at).copied()
    }

    fn end(&self) -> usize {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(self.start, |token| token.span.end)
    }

    fn made(&self, start: usize, kind: ExprKind) -> Expr {
        Expr {
            span: Span::new(start, self.end().max(start)),
            kind,
        }
    }

    /// Gives up on the rest.
    fn unknown(&mut self) -> Expr {
        let start = self.peek().map_or(self.end(), |token| token.span.start);
        self.at = self.tokens.len();
        self.made(start, ExprKind::Unknown)
    }

    fn conditional(&mut self) -> Expr {
        let mut expr = self.or();
        let start = expr.span.start;
        while self.skip("if") {
            let test = self.or();
            let other = self.skip("else").then(|| Box::new(self.expression()));
            let kind = ExprKind::Conditional {
                test: Box::new(test),
                then: Box::new(expr),
                other,
            };
            expr = self.made(start, kind);
        }
        expr
    }

    fn binary(&mut self, operators: &[(&str, Operator)], operand: fn(&mut Self) -> Expr) -> Expr {
        let mut left = operand(self);
        loop {
            let found = operators.iter().find(|(text, _)| self.peek_is(text));
            let Some((_, operator)) = found else {
                return left;
            };
            self.at += 1;
            let start = left.span.start;
            let right = operand(self);
            let kind = ExprKind::Binary {
                operator: *operator,
                left: Box::new(left),
                right: Box::new(right),
            };
            left = self.made(start, kind);
        }
    }

    fn or(&mut self) -> Expr {
        self.binary(&[("or", Operator::Or)], Self::and)
    }

    fn and(&mut self) -> Expr {
        self.binary(&[("and", Operator::And)], Self::not)
    }

    fn not(&mut self) -> Expr {
        let Some(token) = self.peek().filter(|_| self.peek_is("not")) else {
            return self.compare();
        };
        if self.depth >= MAX_DEPTH {
            return self.unknown();
        }
        self.at += 1;
        self.depth += 1;
        let value = Box::new(self.not());
        self.depth -= 1;
        let operator = Operator::Not;
        self.made(token.span.start, ExprKind::Unary { operator, value })
    }

    fn compare(&mut self) -> Expr {
        const COMPARISONS: [&str; 7] = ["==", "!=", "<", "<=", ">", ">=", "in"];
        let mut left = self.sum();
        loop {
            let negated = self.peek_is("not") && {
                let next = self.tokens.get(self.at + 1);
                next.is_some_and(|token| token.text == "in")
            };
            self.at += usize::from(negated);
            if !COMPARISONS.iter().any(|text| self.peek_is(text)) {
                return left;
            }
            self.at += 1;
            let start = left.span.start;
            let right = self.sum();
            let kind = ExprKind::Binary {
                operator: Operator::Compare,
                left: Box::new(left),
                right: Box::new(right),
            };
            left = self.made(start, kind);
        }
    }

    fn sum(&mut self) -> Expr {
        let operators = [("+", Operator::Add), ("-", Operator::Arithmetic)];
        self.binary(&operators, Self::concat)
    }

    fn concat(&mut self) -> Expr {
        self.binary(&[("~", Operator::Concat)], Self::product)
    }

    fn product(&mut self) -> Expr {
        let operators = [
            ("*", Operator::Multiply),
            ("/", Operator::Arithmetic),
            ("//", Operator::Arithmetic),
            ("%", Operator::Modulo),
        ];
        self.binary(&operators, Self::power)
    }

    fn power(&mut self) -> Expr {
        self.binary(&[("**", Operator::Arithmetic)], Self::filtered)
    }

    fn filtered(&mut self) -> Expr {
        let expr = self.unary();
        self.filters(expr)
    }

    /// Signs bind tighter than filters: `-x|abs` is `(-x)|abs`.
    fn unary(&mut self) -> Expr {
        let Some(token) = self.peek() else {
            return self.unknown();
        };
        if !self.peek_is("-") && !self.peek_is("+") {
            let primary = self.primary();
            return self.postfix(primary);
        }
        if self.depth >= MAX_DEPTH {
            return self.unknown();
        }
        self.at += 1;
        self.depth += 1;
        let value = Box::new(self.unary());
        self.depth -= 1;
        let operator = Operator::Arithmetic;
        self.made(token.span.start, ExprKind::Unary { operator, value })
    }

    fn primary(&mut self) -> Expr {
        let Some(token) = self.peek() else {
            return self.unknown();
        };
        let start = token.span.start;
        match (token.kind, token.text) {
            (TokenKind::Name, "true" | "false" | "none" | "True" | "False" | "None") => {
                self.at += 1;
                self.made(start, ExprKind::Constant(token.text.to_lowercase()))
            }
            (TokenKind::Name, name) => {
                self.at += 1;
                self.made(start, ExprKind::Name(name.to_owned()))
            }
            (TokenKind::String, _) => self.strings(start),
            (TokenKind::Integer, digits) => {
                self.at += 1;
                self.made(start, ExprKind::Integer(digits.to_owned()))
            }
            (TokenKind::Float, digits) => {
                self.at += 1;
                self.made(start, ExprKind::Float(digits.to_owned()))
            }
            (TokenKind::Operator, "(") => {
                self.at += 1;
                self.parenthesised(start)
            }
            (TokenKind::Operator, "[") => {
                self.at += 1;
                let items = self.items("]");
                self.made(start, ExprKind::List(items))
            }
            (TokenKind::Operator, "{") => {
                self.at += 1;
                self.dict(start)
            }
            (TokenKind::Operator, _) => self.unknown(),
        }
    }

    /// Neighbouring strings are one, as in Python.
    fn strings(&mut self, start: usize) -> Expr {
        let mut text = String::new();
        while let Some(token) = self.peek().filter(|it| it.kind == TokenKind::String) {
            text.push_str(&token.text[1..token.text.len() - 1]);
            self.at += 1;
        }
        self.made(start, ExprKind::String(text))
    }

    fn parenthesised(&mut self, start: usize) -> Expr {
        let mut items = self.items(")");
        let had_comma = self.at >= 2
            && self
                .tokens
                .get(self.at - 2)
                .is_some_and(|token| token.text == ",");
        if items.len() == 1 && !had_comma {
            let inner = items.remove(0);
            // The parentheses are part of the text that stands for the value.
            return self.made(start, inner.kind);
        }
        self.made(start, ExprKind::List(items))
    }

    fn items(&mut self, close: &str) -> Vec<Expr> {
        let mut items = Vec::new();
        while self.peek().is_some() && !self.skip(close) {
            items.push(self.expression());
            if !self.skip(",") {
                self.skip(close);
                break;
            }
        }
        items
    }

    fn dict(&mut self, start: usize) -> Expr {
        let mut items = Vec::new();
        while self.peek().is_some() && !self.skip("}") {
            let key = self.expression();
            self.skip(":");
            items.push((key, self.expression()));
            if !self.skip(",") {
                self.skip("}");
                break;
            }
        }
        self.made(start, ExprKind::Dict(items))
    }

    fn postfix(&mut self, mut expr: Expr) -> Expr {
        loop {
            let start = expr.span.start;
            if self.skip(".") {
                let Some(token) = self.peek() else {
                    return expr;
                };
                self.at += 1;
                let name = token.text.to_owned();
                let value = Box::new(expr);
                expr = match token.kind {
                    TokenKind::Name => self.made(start, ExprKind::Attribute { value, name }),
                    _ => {
                        let index = Some(Box::new(Expr {
                            span: token.span,
                            kind: ExprKind::Integer(name),
                        }));
                        self.made(start, ExprKind::Index { value, index })
                    }
                };
            } else if self.skip("[") {
                let index = self.index();
                let value = Box::new(expr);
                expr = self.made(start, ExprKind::Index { value, index });
            } else if self.peek_is("(") {
                let arguments = self.arguments();
                let function = Box::new(expr);
                let kind = ExprKind::Call {
                    function,
                    arguments,
                };
                expr = self.made(start, kind);
            } else {
                return expr;
            }
        }
    }

    fn index(&mut self) -> Option<Box<Expr>> {
        let mut index = None;
        let mut is_slice = false;
        while self.peek().is_some() && !self.skip("]") {
            if self.skip(":") || self.skip(",") {
                is_slice = true;
            } else {
                index = Some(Box::new(self.expression()));
            }
        }
        index.filter(|_| !is_slice)
    }

    fn arguments(&mut self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        if !self.skip("(") {
            return arguments;
        }
        while self.peek().is_some() && !self.skip(")") {
            let unpacked = self
                .peek()
                .filter(|_| self.peek_is("*") || self.peek_is("**"));
            let name = match unpacked {
                Some(token) => {
                    self.at += 1;
                    Some(token.text.to_owned())
                }
                None => self.keyword(),
            };
            let value = self.expression();
            arguments.push(Argument { name, value });
            if !self.skip(",") {
                self.skip(")");
                break;
            }
        }
        arguments
    }

    fn keyword(&mut self) -> Option<String> {
        let name = self.peek().filter(|it| it.kind == TokenKind::Name)?;
        let equals = self.tokens.get(self.at + 1)?;
        (equals.text == "=" && equals.kind == TokenKind::Operator).then(|| {
            self.at += 2;
            name.text.to_owned()
        })
    }

    fn filters(&mut self, mut expr: Expr) -> Expr {
        loop {
            let start = expr.span.start;
            if let Some(bar) = self.peek().filter(|_| self.peek_is("|")) {
                self.at += 1;
                let name = self.dotted_name();
                let arguments = self.arguments();
                let kind = ExprKind::Filter {
                    value: Box::new(expr),
                    name,
                    filter: Span::new(bar.span.start, self.end()),
                    arguments,
                };
                expr = self.made(start, kind);
            } else if self.skip("is") {
                self.skip("not");
                let name = self.dotted_name();
                self.test_argument();
                let value = Box::new(expr);
                expr = self.made(start, ExprKind::Test { value, name });
            } else if self.peek_is("(") {
                let arguments = self.arguments();
                let function = Box::new(expr);
                let kind = ExprKind::Call {
                    function,
                    arguments,
                };
                expr = self.made(start, kind);
            } else {
                return expr;
            }
        }
    }

    fn dotted_name(&mut self) -> String {
        let mut name = self.name().unwrap_or_default();
        while self.skip(".") {
            name.push('.');
            name.push_str(&self.name().unwrap_or_default());
        }
        name
    }

    /// A test takes arguments in parentheses, or one operand without.
    fn test_argument(&mut self) {
        if self.peek_is("(") {
            self.arguments();
            return;
        }
        let Some(token) = self.peek() else {
            return;
        };
        let is_operand = match token.kind {
            TokenKind::Name => !matches!(token.text, "else" | "or" | "and" | "if" | "is"),
            TokenKind::Operator => matches!(token.text, "[" | "{"),
            _ => true,
        };
        if is_operand {
            let primary = self.primary();
            self.postfix(primary);
        }
    }
}
