//! One logical line to what it says.

use super::lines::RawInstruction;
use super::{Body, CommandForm, Instruction, Item, Pair};
use crate::parse::mapped::Mapped;
use crate::parse::shell::{self, Word};
use crate::text::Span;

pub(super) fn read(raw: RawInstruction) -> Instruction {
    let arguments = &raw.arguments;
    let body = match raw.keyword.as_str() {
        "FROM" => from(arguments),
        "ENV" => Some(Body::Env(pairs(arguments, true))),
        "ARG" => Some(Body::Arg(pairs(arguments, false))),
        "CMD" | "ENTRYPOINT" | "RUN" => Some(Body::Command(command(arguments))),
        "USER" => single(arguments).map(|(text, span)| Body::User(text, span)),
        "WORKDIR" => single(arguments).map(|(text, span)| Body::Workdir(text, span)),
        "COPY" | "ADD" => copy(arguments),
        "EXPOSE" => Some(Body::Expose(texts(&shell::split(arguments)))),
        _ => None,
    };
    Instruction {
        keyword: raw.keyword,
        span: raw.span,
        arguments: raw.arguments,
        body: body.unwrap_or(Body::Other),
        here_documents: raw.here_documents,
        stage: None,
    }
}

fn texts(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.text().to_owned()).collect()
}

fn single(arguments: &Mapped) -> Option<(String, Span)> {
    let word = shell::split(arguments).into_iter().next()?;
    Some((word.text().to_owned(), word.span))
}

fn from(arguments: &Mapped) -> Option<Body> {
    let words = shell::split(arguments);
    let mut words = words.iter().filter(|word| !word.text().starts_with("--"));
    let image = words.next()?;
    let named = words
        .next()
        .is_some_and(|word| word.text().eq_ignore_ascii_case("as"));
    let name = words.next().filter(|_| named);
    Some(Body::From {
        image: image.text().to_owned(),
        image_span: image.span,
        name: name.map(|word| word.text().to_owned()),
    })
}

/// `A=1 B="2 3"`, or for `ENV` the legacy `A rest of the line`.
fn pairs(arguments: &Mapped, is_env: bool) -> Vec<Pair> {
    let words = shell::split(arguments);
    let Some(first) = words.first() else {
        return Vec::new();
    };
    if is_env && !first.text().contains('=') {
        return legacy_pair(arguments, first).into_iter().collect();
    }
    words.iter().map(pair).collect()
}

fn pair(word: &Word) -> Pair {
    let Some(assignment) = word.assignment() else {
        return Pair {
            name: word.text().to_owned(),
            name_span: word.span,
            value: None,
            value_span: Span::at(word.span.end),
            span: word.span,
            legacy: false,
        };
    };
    let name_len = assignment.name.len();
    Pair {
        name_span: word.value.source(Span::new(0, name_len)),
        name: assignment.name,
        value: Some(assignment.value),
        value_span: assignment.value_span,
        span: word.span,
        legacy: false,
    }
}

fn legacy_pair(arguments: &Mapped, name: &Word) -> Option<Pair> {
    let text = arguments.as_str();
    let behind = text.find(char::is_whitespace)?;
    let value = text[behind..].trim();
    let start = text.len() - text[behind..].trim_start().len();
    let value_span = arguments.source(Span::new(start, start + value.len()));
    Some(Pair {
        name: name.text().to_owned(),
        name_span: name.span,
        value: Some(value.to_owned()),
        value_span,
        span: Span::new(name.span.start, value_span.end),
        legacy: true,
    })
}

fn command(arguments: &Mapped) -> CommandForm {
    let start = skip_flags(arguments.as_str());
    let text = arguments.part(Span::new(start, arguments.as_str().len()));
    match exec_form(&text) {
        Some((items, span)) => CommandForm::Exec(items, span),
        None => CommandForm::Shell(text),
    }
}

/// The offset behind the flags of `RUN` (`--mount=…`, `--network=…`).
fn skip_flags(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text[at..].trim_start();
        at = text.len() - rest.len();
        let flag = rest.starts_with("--") && rest.chars().nth(2).is_some_and(char::is_alphabetic);
        let Some(len) = rest.find(char::is_whitespace).filter(|_| flag) else {
            return at;
        };
        at += len;
    }
}

fn copy(arguments: &Mapped) -> Option<Body> {
    let start = skip_flags(arguments.as_str());
    let flags = &arguments.as_str()[..start];
    let from = flags
        .split_whitespace()
        .find_map(|flag| flag.strip_prefix("--from="))
        .map(str::to_owned);
    let rest = arguments.part(Span::new(start, arguments.as_str().len()));
    let mut sources: Vec<String> = match exec_form(&rest) {
        Some((items, _)) => items
            .iter()
            .map(|item| item.value.as_str().to_owned())
            .collect(),
        None => texts(&shell::split(&rest)),
    };
    let target = sources.pop()?;
    Some(Body::Copy {
        from,
        sources,
        target,
    })
}

pub(super) fn exec_form(text: &Mapped) -> Option<(Vec<Item>, Span)> {
    let source = text.as_str();
    let start = source.len() - source.trim_start().len();
    let end = source.trim_end().len();
    if !source[start..].starts_with('[') || !source[..end].ends_with(']') {
        return None;
    }
    let mut items = Vec::new();
    let mut at = skip_blanks(source, start + 1);
    while at < end - 1 {
        let (item, behind) = json_string(text, at)?;
        items.push(item);
        at = skip_blanks(source, behind);
        match source.as_bytes().get(at) {
            Some(b',') => at = skip_blanks(source, at + 1),
            Some(b']') if at == end - 1 => break,
            _ => return None,
        }
    }
    Some((items, text.source(Span::new(start, end))))
}

fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    text.len() - rest.trim_start().len()
}

/// The JSON string at `start`, and the offset behind it.
fn json_string(text: &Mapped, start: usize) -> Option<(Item, usize)> {
    let source = text.as_str();
    let mut characters = source.get(start..)?.char_indices();
    if characters.next()?.1 != '"' {
        return None;
    }
    let mut value = Mapped::default();
    while let Some((at, character)) = characters.next() {
        let at = start + at;
        match character {
            '"' => {
                let span = text.source(Span::new(start, at + 1));
                return Some((Item { value, span }, at + 1));
            }
            '\\' => {
                let (escaped_at, escaped) = characters.next()?;
                let mut end = start + escaped_at + escaped.len_utf8();
                let decoded = match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    '"' | '\\' | '/' => escaped,
                    'u' => {
                        let digits = source.get(end..end + 4)?;
                        characters.nth(3)?;
                        end += 4;
                        let code = u32::from_str_radix(digits, 16).ok()?;
                        char::from_u32(code).unwrap_or('\u{fffd}')
                    }
                    _ => return None,
                };
                let place = text.source(Span::new(at, end));
                value.push_decoded(decoded.encode_utf8(&mut [0; 4]), place);
            }
            _ => text.copy(Span::new(at, at + character.len_utf8()), &mut value),
        }
    }
    None
}
