//! `{% … %}`: the statements that matter for what a template puts out.

use super::ast::Expr;
use super::expression::Parser;
use super::lexer::{Token, TokenKind};
use crate::text::Span;

/// One tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// With its delimiters.
    pub span: Span,
    pub kind: StatementKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    Extends(Expr),
    Include(Expr),
    /// `import "x" as name`.
    Import {
        from: Expr,
        name: String,
    },
    /// `from "x" import a, b as c`: (original, bound) names.
    FromImport {
        from: Expr,
        names: Vec<(String, String)>,
    },
    Block(String),
    Macro {
        name: String,
        /// With their defaults.
        parameters: Vec<(String, Option<Expr>)>,
    },
    /// `call(a, b) f(x)`.
    Call {
        parameters: Vec<String>,
        call: Expr,
    },
    /// `set a, b = value`.
    Set {
        targets: Vec<String>,
        value: Expr,
    },
    /// `set a` … `endset`.
    SetBlock(String),
    For {
        targets: Vec<String>,
        iterable: Expr,
    },
    If(Expr),
    Elif(Expr),
    Else,
    Autoescape(Expr),
    Filter(String),
    With(Vec<(String, Expr)>),
    /// `trans a=b`: what it binds.
    Trans(Vec<(String, Expr)>),
    /// `endfor` and the like, by the name behind `end`.
    End(String),
    /// A tag of an extension, or one that puts nothing out.
    Other(String),
}

impl StatementKind {
    /// The expressions in it, in source order.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Extends(expr)
            | Self::Include(expr)
            | Self::Import { from: expr, .. }
            | Self::FromImport { from: expr, .. }
            | Self::Call { call: expr, .. }
            | Self::Set { value: expr, .. }
            | Self::For { iterable: expr, .. }
            | Self::If(expr)
            | Self::Elif(expr)
            | Self::Autoescape(expr) => vec![expr],
            Self::Macro { parameters, .. } => {
                let defaults = parameters.iter();
                defaults
                    .filter_map(|(_, default)| default.as_ref())
                    .collect()
            }
            Self::With(bindings) | Self::Trans(bindings) => {
                bindings.iter().map(|(_, value)| value).collect()
            }
            Self::Block(_)
            | Self::SetBlock(_)
            | Self::Else
            | Self::Filter(_)
            | Self::End(_)
            | Self::Other(_) => Vec::new(),
        }
    }

    /// The name by which its `end…` tag calls it, if it has one.
    pub fn closes_with(&self) -> Option<&'static str> {
        Some(match self {
            Self::Block(_) => "block",
            Self::Macro { .. } => "macro",
            Self::Call { .. } => "call",
            Self::SetBlock(_) => "set",
            Self::For { .. } => "for",
            Self::If(_) => "if",
            Self::Autoescape(_) => "autoescape",
            Self::Filter(_) => "filter",
            Self::With(_) => "with",
            Self::Trans(_) => "trans",
            _ => return None,
        })
    }
}

/// Reads the tokens between the delimiters; `at` is where they begin.
pub(super) fn parse(span: Span, tokens: &[Token<'_>], at: usize) -> Statement {
    let kind = kind(tokens, at);
    Statement { span, kind }
}

fn kind(tokens: &[Token<'_>], at: usize) -> StatementKind {
    let Some((keyword, rest)) = tokens.split_first() else {
        return StatementKind::Other(String::new());
    };
    let mut parser = Parser::new(rest, keyword.span.end.max(at));
    match keyword.text {
        "extends" => StatementKind::Extends(parser.expression()),
        "include" => StatementKind::Include(parser.expression()),
        "import" => {
            let from = parser.expression();
            parser.skip("as");
            let name = parser.name().unwrap_or_default();
            StatementKind::Import { from, name }
        }
        "from" => {
            let from = parser.expression();
            parser.skip("import");
            let names = imported(&mut parser);
            StatementKind::FromImport { from, names }
        }
        "block" => StatementKind::Block(parser.name().unwrap_or_default()),
        "macro" => {
            let name = parser.name().unwrap_or_default();
            let parameters = parameters(&mut parser);
            StatementKind::Macro { name, parameters }
        }
        "call" => {
            let names = parameters(&mut parser).into_iter();
            let parameters = names.map(|(name, _)| name).collect();
            let call = parser.expression();
            StatementKind::Call { parameters, call }
        }
        "set" => set(&mut parser),
        "for" => {
            let targets = targets(&mut parser);
            parser.skip("in");
            let iterable = parser.without_condition();
            StatementKind::For { targets, iterable }
        }
        "if" => StatementKind::If(parser.whole()),
        "elif" => StatementKind::Elif(parser.whole()),
        "else" | "pluralize" => StatementKind::Else,
        "autoescape" => StatementKind::Autoescape(parser.expression()),
        "filter" => StatementKind::Filter(parser.name().unwrap_or_default()),
        "with" => StatementKind::With(assignments(&mut parser)),
        "trans" => StatementKind::Trans(assignments(&mut parser)),
        other => match other.strip_prefix("end") {
            Some(of) if keyword.kind == TokenKind::Name => StatementKind::End(of.to_owned()),
            _ => StatementKind::Other(other.to_owned()),
        },
    }
}

fn imported(parser: &mut Parser<'_, '_>) -> Vec<(String, String)> {
    let mut names = Vec::new();
    while let Some(name) = parser.name() {
        // The words of "with context" are no names, unless a comma stands in front of them.
        if matches!(name.as_str(), "with" | "without") && parser.peek_is("context") {
            break;
        }
        let bound = match parser.skip("as") {
            true => parser.name().unwrap_or_else(|| name.clone()),
            false => name.clone(),
        };
        names.push((name, bound));
        parser.skip(",");
    }
    names
}

fn parameters(parser: &mut Parser<'_, '_>) -> Vec<(String, Option<Expr>)> {
    let mut found = Vec::new();
    if !parser.skip("(") {
        return found;
    }
    while let Some(name) = parser.name() {
        let default = parser.skip("=").then(|| parser.expression());
        found.push((name, default));
        if !parser.skip(",") {
            break;
        }
    }
    parser.skip(")");
    found
}

fn targets(parser: &mut Parser<'_, '_>) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        while parser.skip("(") || parser.skip(",") || parser.skip(")") {}
        if parser.peek_is("in") || parser.peek_is("=") {
            return names;
        }
        let Some(name) = parser.name() else {
            return names;
        };
        // `set ns.attribute = …`
        if parser.skip(".") {
            let attribute = parser.name().unwrap_or_default();
            names.push(format!("{name}.{attribute}"));
        } else {
            names.push(name);
        }
    }
}

fn set(parser: &mut Parser<'_, '_>) -> StatementKind {
    let mut targets = targets(parser);
    if parser.skip("=") {
        let value = parser.whole();
        return StatementKind::Set { targets, value };
    }
    StatementKind::SetBlock(targets.pop().unwrap_or_default())
}

fn assignments(parser: &mut Parser<'_, '_>) -> Vec<(String, Expr)> {
    let mut found = Vec::new();
    while let Some(name) = parser.name() {
        if parser.skip("=") {
            found.push((name, parser.expression()));
        }
        parser.skip(",");
    }
    found
}
