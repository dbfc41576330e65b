//! Finds the delimiters.

use memchr::memmem;

use super::expression::Parser;
use super::lexer::{self, Token};
use super::statement::{self, StatementKind};
use super::{Output, Piece, Syntax, Template};
use crate::text::Span;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Variable,
    Block,
    Comment,
}

pub(super) fn scan(source: &str, syntax: &Syntax) -> Template {
    let mut template = Template {
        pieces: Vec::new(),
        broken: None,
    };
    let finder = Finder::new(syntax);
    let mut at = 0;
    while let Some((start, opening)) = finder.next(source, at) {
        let Some((pieces, end)) = construct(source, start, opening, syntax) else {
            template.broken = Some(start);
            break;
        };
        push_text(&mut template, at, start);
        template.pieces.extend(pieces);
        at = end;
    }
    push_text(&mut template, at, source.len());
    template
}

fn push_text(template: &mut Template, start: usize, end: usize) {
    if start < end {
        template.pieces.push(Piece::Text(Span::new(start, end)));
    }
}

/// Looks for every opening delimiter in one pass; the longest wins where two begin together.
struct Finder<'s> {
    openings: [(&'s str, Opening); 3],
    first_bytes: Vec<u8>,
}

impl<'s> Finder<'s> {
    fn new(syntax: &'s Syntax) -> Self {
        let mut openings = [
            (syntax.comment.0.as_str(), Opening::Comment),
            (syntax.block.0.as_str(), Opening::Block),
            (syntax.variable.0.as_str(), Opening::Variable),
        ];
        openings.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let mut first_bytes: Vec<u8> = openings
            .iter()
            .filter_map(|(text, _)| text.bytes().next())
            .collect();
        first_bytes.sort_unstable();
        first_bytes.dedup();
        Self {
            openings,
            first_bytes,
        }
    }

    fn next(&self, source: &str, mut at: usize) -> Option<(usize, Opening)> {
        let bytes = source.as_bytes();
        loop {
            let rest = bytes.get(at..)?;
            let offset = match self.first_bytes.as_slice() {
                [] => None,
                [one] => memchr::memchr(*one, rest),
                [one, two, ..] => memchr::memchr2(*one, *two, rest),
            };
            let start = at + offset?;
            let opens =
                |text: &str| !text.is_empty() && bytes[start..].starts_with(text.as_bytes());
            if let Some((_, opening)) = self.openings.iter().find(|(text, _)| opens(text)) {
                return Some((start, *opening));
            }
            at = start + 1;
        }
    }
}

/// The pieces of one delimited construct, and where it ends.
fn construct(
    source: &str,
    start: usize,
    opening: Opening,
    syntax: &Syntax,
) -> Option<(Vec<Piece>, usize)> {
    let (open, close) = match opening {
        Opening::Variable => &syntax.variable,
        Opening::Block => &syntax.block,
        Opening::Comment => &syntax.comment,
    };
    let inner = start + open.len();
    if opening == Opening::Comment {
        let found = memmem::find(source.as_bytes().get(inner..)?, close.as_bytes())?;
        let end = inner + found + close.len();
        return Some((vec![Piece::Comment(Span::new(start, end))], end));
    }
    let inner = after_control(source, inner);
    let (tokens, closing) = lexer::tokens(source, inner, close)?;
    let end = after_control(source, closing) + close.len();
    let span = Span::new(start, end);
    match opening {
        Opening::Variable => {
            let expr = Parser::new(&tokens, inner).whole();
            Some((vec![Piece::Output(Output { span, expr })], end))
        }
        _ if is_keyword(&tokens, "raw") => raw(source, span, syntax),
        _ => {
            let statement = statement::parse(span, &tokens, inner);
            let is_end_of_raw = matches!(&statement.kind, StatementKind::End(of) if of == "raw");
            let piece = match is_end_of_raw {
                true => Piece::Comment(span),
                false => Piece::Statement(statement),
            };
            Some((vec![piece], end))
        }
    }
}

fn after_control(source: &str, at: usize) -> usize {
    let is_control = source[at..].starts_with(['-', '+']);
    at + usize::from(is_control)
}

fn is_keyword(tokens: &[Token<'_>], keyword: &str) -> bool {
    tokens.len() == 1 && tokens[0].text == keyword
}

/// `{% raw %}` up to its `{% endraw %}`: nothing in it is Jinja's.
fn raw(source: &str, opening: Span, syntax: &Syntax) -> Option<(Vec<Piece>, usize)> {
    let (open, close) = &syntax.block;
    let mut at = opening.end;
    let (inside, tag) = loop {
        let found = memmem::find(source.as_bytes().get(at..)?, open.as_bytes())?;
        let start = at + found;
        let body = after_control(source, start + open.len());
        let tag = source[body..].trim_start();
        if let Some(rest) = tag.strip_prefix("endraw") {
            let rest = rest.trim_start();
            let after = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if after.starts_with(close.as_str()) {
                let end = source.len() - after.len() + close.len();
                break (Span::new(opening.end, start), Span::new(start, end));
            }
        }
        at = start + open.len();
    };
    let mut pieces = vec![Piece::Comment(opening)];
    if !inside.is_empty() {
        pieces.push(Piece::Text(inside));
    }
    pieces.push(Piece::Comment(tag));
    Some((pieces, tag.end))
}
