//! A variable more in a YAML mapping or list, in the style that stands there.

use std::sync::Arc;

use super::in_place::{is_simple, yaml_text};
use crate::discover::File;
use crate::finding::Edit;
use crate::parse::yaml::Node;
use crate::text::Text;

/// How a list of variables writes one, where it has none yet to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `NAME: "value"`
    Map,
    /// `- name: NAME` and `value: "value"`
    Named,
}

/// Adds the variable under `key` of the mapping `parent`. Where the key is missing, it comes
/// behind the first entry of `behind` that is there, else at the end.
pub(super) fn add_under(
    file: &Arc<File>,
    parent: Node<'_>,
    key: &str,
    style: Style,
    behind: &[&str],
    (name, value): (&str, &str),
) -> Option<Edit> {
    let Some(entry) = parent.own_entries().find(|it| it.key.as_str() == Some(key)) else {
        return new_key(file, parent, key, style, behind, (name, value));
    };
    if entry.value.is_null() {
        let indent = format!(
            "{}{}",
            column(&file.text, entry.key.span().start),
            unit(&file.text)
        );
        let lines = lines_of(style, &indent, file.text.newline(), (name, value));
        return Some(behind_line(file, entry.span().end, &lines));
    }
    add_to(file, entry.value, (name, value))
}

/// Adds the variable to a mapping or to a list of variables.
pub(super) fn add_to(
    file: &Arc<File>,
    node: Node<'_>,
    (name, value): (&str, &str),
) -> Option<Edit> {
    let node = node.resolved();
    if node.is_mapping() {
        return add_entry(file, node, (name, value));
    }
    if !node.is_sequence() {
        return None;
    }
    let items: Vec<Node<'_>> = node.items().collect();
    let named = items.iter().find_map(|item| {
        let keys = ["name", "key"];
        keys.into_iter()
            .find(|key| item.is_mapping() && item.get(key).is_some())
    });
    if node.is_flow() {
        let text = match named {
            Some(key) => format!("{{{key}: {name}, value: {}}}", yaml_text(value, true)),
            None => format!("\"{name}={}\"", is_simple(value).then_some(value)?),
        };
        return Some(into_flow(file, node, items.last().copied(), &text));
    }
    let dash = node.item_spans().last()?;
    let indent = column(&file.text, dash.start);
    let newline = file.text.newline();
    let lines = match named {
        Some(key) => format!(
            "{indent}- {key}: {name}{newline}{indent}  value: {}{newline}",
            yaml_text(value, true)
        ),
        None => format!("{indent}- {}{newline}", list_item(name, value)?),
    };
    Some(behind_line(file, dash.end, &lines))
}

fn list_item(name: &str, value: &str) -> Option<String> {
    is_simple(value).then(|| format!("{name}={value}"))
}

fn add_entry(file: &Arc<File>, node: Node<'_>, (name, value): (&str, &str)) -> Option<Edit> {
    let entries: Vec<_> = node.own_entries().collect();
    let last = entries.last();
    if node.is_flow() {
        let text = format!("{name}: {}", yaml_text(value, true));
        return Some(into_flow(file, node, last.map(|entry| entry.value), &text));
    }
    let last = last?;
    let indent = column(&file.text, last.key.span().start);
    let line = format!(
        "{indent}{name}: {}{}",
        yaml_text(value, true),
        file.text.newline()
    );
    Some(behind_line(file, last.span().end, &line))
}

/// In front of the bracket that closes a flow collection. JSON quotes its keys.
fn into_flow(file: &Arc<File>, node: Node<'_>, last: Option<Node<'_>>, text: &str) -> Edit {
    let close = node.span().end.saturating_sub(1);
    match last {
        Some(last) => Edit::insert(&file.path, last.span().end, format!(", {text}")),
        None => Edit::insert(&file.path, close, text),
    }
}

fn new_key(
    file: &Arc<File>,
    parent: Node<'_>,
    key: &str,
    style: Style,
    behind: &[&str],
    variable: (&str, &str),
) -> Option<Edit> {
    if parent.is_flow() {
        return None;
    }
    let entries: Vec<_> = parent.own_entries().collect();
    let anchor = behind
        .iter()
        .find_map(|wanted| entries.iter().find(|it| it.key.as_str() == Some(wanted)))
        .or(entries.last())?;
    let indent = column(&file.text, anchor.key.span().start);
    let newline = file.text.newline();
    let deeper = format!("{indent}{}", unit(&file.text));
    let lines = format!(
        "{indent}{key}:{newline}{}",
        lines_of(style, &deeper, newline, variable)
    );
    Some(behind_line(file, anchor.span().end, &lines))
}

fn lines_of(style: Style, indent: &str, newline: &str, (name, value): (&str, &str)) -> String {
    let value = yaml_text(value, true);
    match style {
        Style::Map => format!("{indent}{name}: {value}{newline}"),
        Style::Named => format!("{indent}- name: {name}{newline}{indent}  value: {value}{newline}"),
    }
}

/// Whole lines behind the line that holds `offset`.
pub(super) fn behind_line(file: &Arc<File>, offset: usize, lines: &str) -> Edit {
    let text = &file.text;
    let at = text.next_line_start(offset.min(text.len()));
    if at == text.len() && !text.as_str().ends_with('\n') && !text.is_empty() {
        let newline = text.newline();
        let body = lines.strip_suffix(newline).unwrap_or(lines);
        return Edit::insert(&file.path, at, format!("{newline}{body}"));
    }
    Edit::insert(&file.path, at, lines)
}

/// Blanks up to the column of `offset`: a dash in front of it counts as one.
pub(super) fn column(text: &Text, offset: usize) -> String {
    let start = text.line_start(text.line_of(offset));
    let lead = text.as_str().get(start..offset).unwrap_or_default();
    lead.chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect()
}

/// What the file indents by: its first indented line tells.
pub(super) fn unit(text: &Text) -> String {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = text
        .as_str()
        .lines()
        .filter(|line| !line.trim_start().starts_with(['#', '-']))
        .map(blanks)
        .find(|blanks| (1..=8).contains(blanks));
    " ".repeat(first.unwrap_or(2))
}
