//! `%`, `str.format` and f-strings.

use super::call::Args;
use super::expr::as_parts;
use super::heap::State;
use super::interp::{Frame, Interp};
use super::value::{Part, Place, Str, StrKind, Value, add_piece, mix};

impl<'a> Interp<'a> {
    /// `"…%s…" % values`.
    pub fn percent(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        right_place: Place,
        whole: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let Value::Str(format) = left else {
            let mut pieces = left.pieces();
            let inner = self.deep_pieces(right, st);
            inner.iter().for_each(|piece| add_piece(&mut pieces, piece));
            return Value::tainted(mix(left.key(), right.key()), pieces);
        };
        let positional = match right {
            Value::Tuple(items) => items.to_vec(),
            other => vec![other.clone()],
        };
        let mut next = 0;
        let mut out = Str::new(format.kind);
        for part in &format.parts {
            let Part::Lit(literal) = part else {
                out.push(part.clone());
                continue;
            };
            for token in percent_tokens(literal) {
                let (name, conversion) = match token {
                    Token::Text(text) => {
                        out.push(Part::Lit(text.into()));
                        continue;
                    }
                    Token::Field { name, spec } => (name, spec),
                };
                let value = if name.is_empty() {
                    next += 1;
                    positional.get(next - 1).cloned()
                } else {
                    let key = Value::text(name);
                    Some(self.subscript(right, &key, right_place, st, fr))
                };
                let value = value.unwrap_or_else(|| Value::unknown(whole.key()));
                self.put_in(&mut out, &value, Some(conversion), right_place, st, fr);
            }
        }
        Value::str(out)
    }

    /// `"…{}…".format(…)`.
    pub(super) fn format(
        &mut self,
        format: &Str<'a>,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let mut next = 0;
        let mut out = Str::new(format.kind);
        for part in &format.parts {
            let Part::Lit(literal) = part else {
                out.push(part.clone());
                continue;
            };
            for token in format_tokens(literal) {
                let (name, spec) = match token {
                    Token::Text(text) => {
                        out.push(Part::Lit(text.into()));
                        continue;
                    }
                    Token::Field { name, spec } => (name, spec),
                };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (root, path) = name.split_at(end);
                let (index, name) = match root.parse::<usize>() {
                    Ok(index) => (index, ""),
                    Err(_) if root.is_empty() => {
                        next += 1;
                        (next - 1, "")
                    }
                    Err(_) => (usize::MAX, root),
                };
                let place = args.place_of(index, name);
                let mut value = args.get(index, name).cloned();
                if value.is_none() {
                    value = args.spare(name, st);
                }
                let mut value = value.unwrap_or_else(|| Value::unknown(place.key()));
                for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
                    let key = step.trim_end_matches(']');
                    value = match step.ends_with(']') {
                        true => self.subscript(&value, &Value::text(key), place, st, fr),
                        false => self.attribute(&value, key, place, st, fr),
                    };
                }
                self.put_in(&mut out, &value, Some(spec), place, st, fr);
            }
        }
        Value::str(out)
    }

    pub(super) fn put_in(
        &mut self,
        out: &mut Str<'a>,
        value: &Value<'a>,
        spec: Option<&str>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let is_markup = matches!(value, Value::Str(text) if text.kind == StrKind::Markup);
        let mut value = self.formatted(value, spec, place, st, fr);
        if out.kind == StrKind::Markup && !is_markup {
            value = self.escaped(&value, Some(place));
        }
        let one = match value.alternatives() {
            [one] => one.clone(),
            several if value.is_tainted() => {
                // The most dangerous alternative stands for all.
                let tainted = several.iter().rfind(|one| one.is_tainted());
                tainted.cloned().unwrap_or(value.clone())
            }
            _ => Value::unknown(value.key()),
        };
        as_parts(&one).into_iter().for_each(|part| out.push(part));
        for piece in value.pieces() {
            if !out.pieces().any(|known| known.id == piece.id) {
                out.push(Part::Taint(piece));
            }
        }
    }
}

enum Token<'t> {
    Text(&'t str),
    Field { name: &'t str, spec: &'t str },
}

/// `%s`, `%(name)s`, `%05.2f`, `%%`. The field's spec is its conversion letter.
fn percent_tokens(format: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        tokens.push(Token::Text(&rest[..at]));
        rest = &rest[at + 1..];
        let mut name = "";
        if let Some(inner) = rest.strip_prefix('(')
            && let Some(end) = inner.find(')')
        {
            name = &inner[..end];
            rest = &inner[end + 1..];
        }
        let flags = rest.len()
            - rest
                .trim_start_matches([
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.', '-', '+', '#', '*', ' ',
                ])
                .len();
        rest = &rest[flags..];
        let Some(letter) = rest.chars().next() else {
            break;
        };
        let (conversion, behind) = rest.split_at(letter.len_utf8());
        rest = behind;
        match letter {
            '%' => tokens.push(Token::Text("%")),
            _ => tokens.push(Token::Field {
                name,
                spec: conversion,
            }),
        }
    }
    tokens.push(Token::Text(rest));
    tokens
}

/// `{}`, `{0}`, `{name.attr!r:spec}`, `{{`, `}}`.
fn format_tokens(format: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        tokens.push(Token::Text(&rest[..at]));
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            tokens.push(Token::Text(&tail[..1]));
            rest = &tail[2..];
            continue;
        }
        let Some(end) = tail.find('}').filter(|_| tail.starts_with('{')) else {
            rest = &tail[1..];
            continue;
        };
        let field = &tail[1..end];
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let name = name.split('!').next().unwrap_or(name);
        tokens.push(Token::Field { name, spec });
        rest = &tail[end + 1..];
    }
    tokens.push(Token::Text(rest));
    tokens
}
