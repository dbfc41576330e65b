//! The names of one `from … import …` statement: added in its order and form, and dropped.

use ruff_python_ast::{Alias, StmtImportFrom};

use crate::finding::Import;
use crate::parse::python::Module;
use crate::text::Span;

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// A change of a file's text.
type Change = (Span, String);

/// How the names of a statement are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Constants, classes, the rest: the default of isort and ruff.
    ByType,
    Alphabetic,
}

impl Order {
    fn of(names: &[&str]) -> Option<Self> {
        let orders = [Self::ByType, Self::Alphabetic];
        orders
            .into_iter()
            .find(|order| names.is_sorted_by_key(|name| order.key(name)))
    }

    fn key(self, name: &str) -> (u8, String) {
        let is_constant = name.len() > 1 && !name.contains(char::is_lowercase);
        let kind = match self {
            Self::Alphabetic => 0,
            Self::ByType if is_constant => 0,
            Self::ByType if name.starts_with(char::is_uppercase) => 1,
            Self::ByType => 2,
        };
        (kind, name.to_lowercase())
    }
}

/// Adds to and drops from one `from … import …` statement. What it takes up leaves `missing`.
pub(super) fn rework(
    module: &Module,
    statement: &StmtImportFrom,
    missing: &mut Vec<&Import>,
    unused: &[&Import],
) -> Vec<Change> {
    let is_star = statement
        .names
        .iter()
        .any(|alias| alias.name.as_str() == "*");
    if is_star {
        return Vec::new();
    }
    let (mut added, rest): (Vec<&Import>, Vec<&Import>) = std::mem::take(missing)
        .into_iter()
        .partition(|import| is_from(statement, &import.module) && import.name.is_some());
    *missing = rest;
    let mut dropped: Vec<&Alias> = statement
        .names
        .iter()
        .filter(|alias| {
            unused.iter().any(|import| {
                is_from(statement, &import.module)
                    && import.name.as_deref() == Some(alias.name.as_str())
                    && alias.asname.is_none()
            })
        })
        .collect();
    if added.is_empty() && dropped.is_empty() {
        return Vec::new();
    }
    if let Some(change) = sorted(module, statement, &added, &dropped) {
        return vec![change];
    }
    let mut changes = Vec::new();
    while !dropped.is_empty() && !added.is_empty() {
        let (alias, import) = (dropped.remove(0), added.remove(0));
        changes.push((alias.range.into(), member(import)));
    }
    if dropped.len() == statement.names.len() {
        changes.push((whole_line(module, statement.range.into()), String::new()));
        return changes;
    }
    for alias in dropped {
        changes.push((without(statement, alias), String::new()));
    }
    changes.extend(extend(module, statement, &added));
    changes
}

/// The names in order, where the statement keeps one and has no comments in it.
fn sorted(
    module: &Module,
    statement: &StmtImportFrom,
    added: &[&Import],
    dropped: &[&Alias],
) -> Option<Change> {
    let text = &module.file.text;
    let whole = text.slice(statement.range.into());
    let (first, last) = (statement.names.first()?, statement.names.last()?);
    let span = Span::new(first.range.start().to_usize(), last.range.end().to_usize());
    let line_of = |offset: usize| text.line_of(offset);
    let starts: Vec<usize> = statement
        .names
        .iter()
        .map(|alias| line_of(alias.range.start().to_usize()))
        .collect();
    let start = Span::from(statement.range).start;
    let stacked = starts.windows(2).all(|pair| pair[0] < pair[1]) && starts[0] > line_of(start);
    let is_one_line = line_of(start) == line_of(Span::from(statement.range).end);
    if whole.contains(['#', '\\']) || !(stacked || is_one_line) {
        return None;
    }
    let names: Vec<&str> = statement.names.iter().map(|it| it.name.as_str()).collect();
    let order = Order::of(&names)?;
    let is_kept = |alias: &&Alias| !dropped.iter().any(|gone| gone.range == alias.range);
    let mut members: Vec<(&str, String)> = statement
        .names
        .iter()
        .filter(is_kept)
        .map(|alias| {
            (
                alias.name.as_str(),
                text.slice(alias.range.into()).to_owned(),
            )
        })
        .collect();
    for import in added {
        let name = import.name.as_deref().unwrap_or_default();
        let at = members.partition_point(|(other, _)| order.key(other) <= order.key(name));
        members.insert(at, (name, member(import)));
    }
    if members.is_empty() {
        return None;
    }
    let members: Vec<String> = members.into_iter().map(|(_, member)| member).collect();
    let newline = text.newline();
    if stacked {
        let indentation = text.indentation(span.start);
        return Some((span, members.join(&format!(",{newline}{indentation}"))));
    }
    let listed = members.join(", ");
    let line = text.line(line_of(start)).chars().count();
    if line + listed.len() <= LINE_LENGTH + span.len() {
        return Some((span, listed));
    }
    let outer = text.indentation(start);
    let lines: String = members
        .iter()
        .map(|member| format!("{outer}    {member},{newline}"))
        .collect();
    let end = Span::from(statement.range).end;
    let open = whole.find('(').map_or(span.start, |at| start + at);
    let end = if open < span.start { end } else { span.end };
    Some((Span::new(open, end), format!("({newline}{lines}{outer})")))
}

pub(super) fn member(import: &Import) -> String {
    let name = import.name.as_deref().unwrap_or_default();
    match &import.alias {
        Some(alias) => format!("{name} as {alias}"),
        None => name.to_owned(),
    }
}

/// The span that takes an alias and one comma away.
fn without(statement: &StmtImportFrom, alias: &Alias) -> Span {
    let at = statement
        .names
        .iter()
        .position(|other| other.range == alias.range);
    let at = at.unwrap_or(0);
    let (start, end) = match (at.checked_sub(1), statement.names.get(at + 1)) {
        (_, Some(next)) => (alias.range.start(), next.range.start()),
        (Some(before), None) => (statement.names[before].range.end(), alias.range.end()),
        (None, None) => (alias.range.start(), alias.range.end()),
    };
    Span::new(start.to_usize(), end.to_usize())
}

/// Puts names behind those that a statement imports, in the statement's own form.
fn extend(module: &Module, statement: &StmtImportFrom, added: &[&Import]) -> Vec<Change> {
    let (Some(first), Some(last)) = (statement.names.first(), statement.names.last()) else {
        return Vec::new();
    };
    if added.is_empty() {
        return Vec::new();
    }
    let text = &module.file.text;
    let names: Vec<String> = added.iter().map(|import| member(import)).collect();
    let at = last.range.end().to_usize();
    let line_of = |offset: usize| text.line_of(offset);
    let start = first.range.start().to_usize();
    let stacked = statement.names.len() > 1
        && line_of(start) != line_of(at)
        && line_of(start) != line_of(statement.range.start().to_usize());
    let newline = text.newline();
    if stacked {
        let indentation = text.indentation(last.range.start().to_usize());
        let lines = names
            .iter()
            .map(|name| format!(",{newline}{indentation}{name}"));
        return vec![(Span::at(at), lines.collect())];
    }
    let appended: String = names.iter().map(|name| format!(", {name}")).collect();
    let line = text.line(line_of(at));
    let is_parenthesised = text.slice(statement.range.into()).contains('(');
    let fits = line.chars().count() + appended.chars().count() <= LINE_LENGTH;
    if fits || is_parenthesised || line_of(start) != line_of(at) {
        return vec![(Span::at(at), appended)];
    }
    let all = statement
        .names
        .iter()
        .map(|alias| text.slice(alias.range.into()).to_owned());
    let lines: String = all
        .chain(names)
        .map(|name| format!("    {name},{newline}"))
        .collect();
    vec![(Span::new(start, at), format!("({newline}{lines})"))]
}

/// Whether the statement imports from `module`, leading dots included.
pub(super) fn is_from(from: &StmtImportFrom, module: &str) -> bool {
    let (level, name) = dots(module);
    from.level == level && from.module.as_deref().unwrap_or("") == name
}

/// The leading dots of a relative module, and the rest of its name.
pub(super) fn dots(module: &str) -> (u32, &str) {
    let name = module.trim_start_matches('.');
    let level = u32::try_from(module.len() - name.len()).unwrap_or(0);
    (level, name)
}

/// The lines of a statement, its line end included; where it leaves two blank lines, or one at
/// the top of the file, one of them goes as well.
pub(super) fn whole_line(module: &Module, span: Span) -> Span {
    let text = &module.file.text;
    let line = text.line_of(span.start);
    let start = text.line_start(line);
    let end = text.next_line_start(span.end);
    let is_blank = |line: usize| text.line(line).trim().is_empty();
    let opens_gap = line == 1 || is_blank(line - 1);
    if opens_gap && end < text.len() && is_blank(text.line_of(end)) {
        return Span::new(start, text.next_line_start(end));
    }
    Span::new(start, end)
}
