//! Jinja templates: what stands between the delimiters, with byte spans.
//!
//! The scanner never fails: what Jinja itself would refuse becomes text, and
//! [`Template::broken`] says where. Each byte is looked at a bounded number of times.

mod ast;
mod expression;
mod lexer;
mod scanner;
mod statement;

#[cfg(test)]
mod tests;

use crate::text::Span;

pub use ast::{Argument, Expr, ExprKind, Operator};
pub use statement::{Statement, StatementKind};

/// One parsed template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// In source order; together they cover the text.
    pub pieces: Vec<Piece>,
    /// Where a delimiter is opened and never closed: from here on all is text.
    pub broken: Option<usize>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Sent as it stands; also the inside of `{% raw %}`.
    Text(Span),
    Output(Output),
    Statement(Statement),
    /// `{# … #}`, and the tags of `{% raw %}`.
    Comment(Span),
}

/// `{{ … }}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// With its delimiters.
    pub span: Span,
    pub expr: Expr,
}

/// The delimiters in force. A Vue application often has others than Jinja's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syntax {
    pub variable: (String, String),
    pub block: (String, String),
    pub comment: (String, String),
}

impl Default for Syntax {
    fn default() -> Self {
        let pair = |start: &str, end: &str| (start.to_owned(), end.to_owned());
        Self {
            variable: pair("{{", "}}"),
            block: pair("{%", "%}"),
            comment: pair("{#", "#}"),
        }
    }
}

impl Template {
    pub fn parse(source: &str) -> Self {
        Self::parse_with(source, &Syntax::default())
    }

    pub fn parse_with(source: &str, syntax: &Syntax) -> Self {
        scanner::scan(source, syntax)
    }

    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Output(output) => Some(output),
            _ => None,
        })
    }

    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Statement(statement) => Some(statement),
            _ => None,
        })
    }
}
