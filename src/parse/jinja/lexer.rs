//! The tokens of Jinja's expressions.

use crate::text::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Integer,
    Float,
    String,
    /// One of Jinja's operators and brackets.
    Operator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub kind: TokenKind,
    pub text: &'s str,
    pub span: Span,
}

const OPERATORS: [&str; 28] = [
    "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",",
    ":", ";", "(", ")", "[", "]", "{", "}", "!", "&",
];

/// The tokens of `source[at..]` up to the closing delimiter `end`, and where the delimiter
/// stands. Nothing when the delimiter never comes.
pub(super) fn tokens<'s>(
    source: &'s str,
    mut at: usize,
    end: &str,
) -> Option<(Vec<Token<'s>>, usize)> {
    let mut tokens = Vec::new();
    let mut depth = 0usize;
    loop {
        let rest = source.get(at..)?;
        let first = rest.chars().next()?;
        // Inside brackets `}}` closes dictionaries, as long as there are any to close.
        if depth == 0 && closes(rest, end) {
            return Some((tokens, at));
        }
        let (kind, length) = token(rest, first)?;
        if let Some(kind) = kind {
            let text = &rest[..length];
            match text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            tokens.push(Token {
                kind,
                text,
                span: Span::new(at, at + length),
            });
        }
        at += length;
    }
}

/// Whether the closing delimiter stands here, with or without whitespace control.
fn closes(rest: &str, end: &str) -> bool {
    let after = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    rest.starts_with(end) || after.starts_with(end)
}

/// The kind (none for spaces) and the length of the token in front. Nothing for a string that
/// never ends.
fn token(rest: &str, first: char) -> Option<(Option<TokenKind>, usize)> {
    if first.is_whitespace() {
        return Some((None, first.len_utf8()));
    }
    if first == '"' || first == '\'' {
        return Some((Some(TokenKind::String), string_length(rest, first)?));
    }
    if first.is_ascii_digit() {
        return Some(number(rest));
    }
    if first.is_alphabetic() || first == '_' {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        return Some((Some(TokenKind::Name), length));
    }
    let operator = OPERATORS.iter().find(|it| rest.starts_with(**it));
    Some(match operator {
        Some(operator) => (Some(TokenKind::Operator), operator.len()),
        None => (None, first.len_utf8()),
    })
}

fn string_length(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn number(rest: &str) -> (Option<TokenKind>, usize) {
    let digits = |text: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.find(|c| !is_part(c)).unwrap_or(text.len())
    };
    let whole = digits(rest);
    let fraction = rest[whole..].strip_prefix('.');
    match fraction.filter(|text| text.starts_with(|c: char| c.is_ascii_digit())) {
        Some(text) => (Some(TokenKind::Float), whole + 1 + digits(text)),
        None => (Some(TokenKind::Integer), whole),
    }
}
