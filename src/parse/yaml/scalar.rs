//! Scalars: from what is written to what it says.

use super::{Scalar, Style};
use crate::parse::mapped::Mapped;
use crate::text::Span;

/// The quoted scalar at `start`, and the offset behind it. An open quote ends with the text.
pub(super) fn quoted(text: &str, start: usize) -> (Scalar, usize) {
    let quote = text.as_bytes()[start];
    let style = if quote == b'"' {
        Style::Double
    } else {
        Style::Single
    };
    let mut value = Mapped::default();
    let mut at = start + 1;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let stop = |byte: &u8| *byte == quote || matches!(byte, b'\n' | b'\\');
        let len = rest.as_bytes().iter().position(stop).unwrap_or(rest.len());
        value.push(&rest[..len], at);
        at += len;
        match text.as_bytes().get(at) {
            Some(b'\n') => at = fold_line_break(text, at, &mut value),
            Some(b'\\') if style == Style::Double => at = escape(text, at, &mut value),
            Some(b'\\') => {
                value.push("\\", at);
                at += 1;
            }
            Some(_) if style == Style::Single && text.as_bytes().get(at + 1) == Some(&quote) => {
                value.push_decoded("'", Span::new(at, at + 2));
                at += 2;
            }
            _ => break,
        }
    }
    let at = at.min(text.len());
    let inner = Span::new((start + 1).min(at), at);
    let scalar = Scalar {
        value,
        style,
        inner,
    };
    (scalar, (at + 1).min(text.len()))
}

/// A line break inside a flow scalar becomes a blank, further empty lines become line breaks.
fn fold_line_break(text: &str, at: usize, value: &mut Mapped) -> usize {
    let kept = value.as_str().trim_end_matches([' ', '\t', '\r']).len();
    value.truncate(kept);
    let rest = &text[at..];
    let folded = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    let breaks = rest[..folded].matches('\n').count();
    let place = Span::new(at, at + folded);
    match breaks {
        0 | 1 => value.push_decoded(" ", place),
        more => value.push_decoded(&"\n".repeat(more - 1), place),
    }
    place.end
}

fn escape(text: &str, at: usize, value: &mut Mapped) -> usize {
    let Some(escaped) = text[at + 1..].chars().next() else {
        value.push("\\", at);
        return at + 1;
    };
    let end = at + 1 + escaped.len_utf8();
    let digits = match escaped {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits > 0 {
        let code = text
            .get(end..end + digits)
            .and_then(|it| u32::from_str_radix(it, 16).ok());
        if let Some(character) = code.and_then(char::from_u32) {
            let place = Span::new(at, end + digits);
            value.push_decoded(character.encode_utf8(&mut [0; 4]), place);
            return place.end;
        }
    }
    let decoded = match escaped {
        '\n' => {
            let rest = &text[end..];
            return end + rest.len() - rest.trim_start_matches([' ', '\t']).len();
        }
        '0' => "\0",
        'a' => "\u{7}",
        'b' => "\u{8}",
        't' | '\t' => "\t",
        'n' => "\n",
        'v' => "\u{b}",
        'f' => "\u{c}",
        'r' => "\r",
        'e' => "\u{1b}",
        'N' => "\u{85}",
        '_' => "\u{a0}",
        'L' => "\u{2028}",
        'P' => "\u{2029}",
        _ => &text[at + 1..end],
    };
    value.push_decoded(decoded, Span::new(at, end));
    end
}

/// Where a plain scalar on one line ends: at ` #`, at `: ` when `key` is looked for, at the end
/// of the line. Template tags are passed over as a whole.
pub(super) fn plain_end(text: &str, start: usize, in_flow: bool, as_key: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'\n' => break,
            b'#' if at > start && matches!(bytes[at - 1], b' ' | b'\t') => break,
            b'{' if matches!(next, Some(b'{' | b'%')) => {
                if let Some(end) = tag_end(text, at) {
                    at = end;
                    continue;
                }
            }
            b':' if as_key || in_flow => {
                let ends = match next {
                    None | Some(b' ' | b'\t' | b'\n' | b'\r') => true,
                    Some(b',' | b'[' | b']' | b'{' | b'}') => in_flow,
                    _ => false,
                };
                if ends {
                    break;
                }
            }
            b',' | b'[' | b']' | b'{' | b'}' if in_flow => break,
            _ => {}
        }
        at += 1;
    }
    start + text[start..at].trim_end().len()
}

/// The offset behind the template tag at `at`, if it closes on the same line.
pub(super) fn tag_end(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let close = match rest.as_bytes().get(..2)? {
        b"{{" => "}}",
        b"{%" => "%}",
        b"{#" => "#}",
        _ => return None,
    };
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    let end = line.find(close)? + close.len();
    // `{{ "{{" }}}`: a third brace belongs to it.
    let extra = usize::from(close == "}}" && line[end..].starts_with('}'));
    Some(at + end + extra)
}

/// What a block scalar's header says.
pub(super) struct Header {
    pub style: Style,
    /// How many trailing line breaks stay: none, one, all.
    pub chomp: Chomp,
    /// The indentation, relative to the parent, where the header gives it.
    pub indent: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// Reads `|`, `>-`, `|2+`; `None` when it is something else.
pub(super) fn header(line: &str) -> Option<Header> {
    let mut header = Header {
        style: match line.chars().next()? {
            '|' => Style::Literal,
            '>' => Style::Folded,
            _ => return None,
        },
        chomp: Chomp::Clip,
        indent: None,
    };
    let rest = &line[1..];
    let flags = &rest[..rest.find([' ', '\t', '\r', '\n']).unwrap_or(rest.len())];
    let behind = rest[flags.len()..].trim();
    if !behind.is_empty() && !behind.starts_with('#') {
        return None;
    }
    for flag in flags.chars() {
        match flag {
            '-' => header.chomp = Chomp::Strip,
            '+' => header.chomp = Chomp::Keep,
            '1'..='9' => header.indent = flag.to_digit(10).map(|digit| digit as usize),
            _ => return None,
        }
    }
    Some(header)
}

/// Reads the lines of a block scalar from `start` (the line behind the header). `parent` is the
/// column of the enclosing node, -1 at the top. Gives the scalar and the offset behind it.
pub(super) fn block(text: &str, start: usize, parent: isize, header: &Header) -> (Scalar, usize) {
    let least = usize::try_from(parent + 1).unwrap_or(0);
    let given = header
        .indent
        .map(|it| it + usize::try_from(parent).unwrap_or(0));
    let lines = block_lines(text, start, least, given);
    let mut value = Mapped::default();
    match header.style {
        Style::Folded => fold(text, &lines, &mut value),
        _ => {
            for line in &lines {
                value.push(&text[line.start..line.end], line.start);
                value.push_decoded("\n", line_break(text, line.end));
            }
        }
    }
    chomp(&mut value, header.chomp);
    let end = lines.iter().rev().find(|line| !line.is_empty());
    let end = end.map_or(start, |line| line.end);
    let first = lines.first().map_or(start, |line| line.start.min(end));
    let behind = lines
        .last()
        .map_or(start, |line| (line.end + 1).min(text.len()));
    let scalar = Scalar {
        value,
        style: header.style,
        inner: Span::new(first, end.max(first)),
    };
    (scalar, behind)
}

/// The line break at `at`; empty where the text ends.
fn line_break(text: &str, at: usize) -> Span {
    let rest = text.get(at..).unwrap_or_default();
    let len = ["\r\n", "\n"]
        .iter()
        .find(|it| rest.starts_with(**it))
        .map_or(0, |it| it.len());
    Span::new(at, at + len)
}

/// The lines without their indentation, up to the first one that is indented less.
fn block_lines(text: &str, start: usize, least: usize, given: Option<usize>) -> Vec<Span> {
    let mut lines = Vec::new();
    let mut indent = given;
    let mut at = start;
    while at < text.len() {
        let rest = &text[at..];
        let len = rest.find('\n').unwrap_or(rest.len());
        let line = rest[..len].trim_end_matches('\r');
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let is_blank = line.trim().is_empty();
        if !is_blank && (blanks < least || blanks < *indent.get_or_insert(blanks)) {
            break;
        }
        let cut = indent.map_or(line.len(), |indent| indent.min(line.len()));
        lines.push(Span::new(at + cut, at + line.len()));
        at += len + 1;
    }
    lines
}

/// Folds single line breaks to blanks; lines that are indented further keep theirs.
fn fold(text: &str, lines: &[Span], value: &mut Mapped) {
    let mut previous_indented = true;
    let mut previous_end = 0;
    let mut pending = 0usize;
    for line in lines {
        let body = &text[line.start..line.end];
        if body.is_empty() {
            pending += 1;
            continue;
        }
        let indented = body.starts_with([' ', '\t']);
        let place = Span::new(previous_end, line.start.max(previous_end));
        if !value.is_empty() && !previous_indented && !indented {
            match pending {
                0 => value.push_decoded(" ", place),
                more => value.push_decoded(&"\n".repeat(more), place),
            }
        } else {
            let breaks = pending + usize::from(!value.is_empty());
            value.push_decoded(&"\n".repeat(breaks), place);
        }
        value.push(body, line.start);
        previous_indented = indented;
        previous_end = line.end;
        pending = 0;
    }
    let end = lines.last().map_or(0, |line| line.end);
    let place = Span::new(previous_end.min(end), end);
    value.push_decoded(&"\n".repeat(pending + 1), place);
}

fn chomp(value: &mut Mapped, chomp: Chomp) {
    let body = value.as_str().trim_end_matches('\n').len();
    match chomp {
        Chomp::Strip => value.truncate(body),
        Chomp::Clip if body == 0 => value.truncate(0),
        Chomp::Clip => value.truncate(body + 1),
        Chomp::Keep => {}
    }
}
