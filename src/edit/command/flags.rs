//! A flag less.

use std::sync::Arc;

use crate::discover::{File, Repository};
use crate::finding::Edit;
use crate::model::deployment::{FlagKind, Process};
use crate::text::{Location, Span};

/// Removes every flag of that kind that is turned on, with its value: from the command and from
/// the configuration files that it reads.
pub fn remove_flag(repo: &Repository, process: &Process, kind: FlagKind) -> Vec<Edit> {
    let flags = process
        .flags
        .iter()
        .filter(|flag| flag.kind == kind && flag.on);
    let mut edits: Vec<Edit> = flags
        .filter_map(|flag| {
            let file = repo.file(&flag.location.path)?;
            Some(removed(file, &flag.location))
        })
        .collect();
    edits.sort();
    edits.dedup();
    edits
}

/// Removes one word of a command.
pub fn remove_word(repo: &Repository, word: &Location) -> Option<Edit> {
    Some(removed(repo.file(&word.path)?, word))
}

fn removed(file: &Arc<File>, location: &Location) -> Edit {
    let span = location.span;
    let text = file.text.as_str();
    let before = &text[..span.start];
    let line_start = file.text.line_start(file.text.line_of(span.start));
    let lead = text[line_start..span.start].trim();
    let line_end = file.text.line_span(file.text.line_of(span.end)).end;
    let rest = text[span.end..line_end.max(span.end)].trim();
    let gone = if let Some(span) = array_item(before, text, span) {
        span
    } else if lead == "-"
        || (lead.is_empty()
            && (rest.is_empty() || rest.starts_with(['#', ';']))
            && !continues(before))
    {
        // An item of a block list, or a line of a configuration file.
        Span::new(line_start, file.text.next_line_start(span.end))
    } else {
        Span::new(without_gap(before), span.end)
    };
    Edit::replace(&file.path, gone, "")
}

/// An item of `[…]` goes with the comma in front of it, the first one with the comma behind.
fn array_item(before: &str, text: &str, span: Span) -> Option<Span> {
    let quoted = text[span.start..].starts_with(['"', '\'']);
    let lead = before.trim_end_matches([' ', '\t', '\n', '\r', '\\']);
    if lead.ends_with(',') && (quoted || in_brackets(lead)) {
        return Some(Span::new(lead.len() - 1, span.end));
    }
    if !lead.ends_with('[') {
        return None;
    }
    let behind = &text[span.end..];
    let rest = behind.trim_start();
    let comma = rest.strip_prefix(',').map_or(rest, str::trim_start);
    Some(Span::new(span.start, span.end + behind.len() - comma.len()))
}

fn in_brackets(lead: &str) -> bool {
    let line = lead.rsplit('\n').next().unwrap_or(lead);
    line.matches('[').count() > line.matches(']').count()
}

/// The line in front ends with a backslash.
fn continues(before: &str) -> bool {
    let lead = before.trim_end_matches([' ', '\t']);
    lead.strip_suffix('\n')
        .is_some_and(|lead| lead.trim_end_matches('\r').ends_with('\\'))
}

/// The offset in front of the blanks that part the flag from the word before it, a continued
/// line included.
fn without_gap(before: &str) -> usize {
    let mut lead = before.trim_end_matches([' ', '\t']);
    while continues(lead) {
        let line = lead.trim_end_matches(['\n', '\r']);
        lead = line
            .strip_suffix('\\')
            .unwrap_or(line)
            .trim_end_matches([' ', '\t']);
    }
    lead.len()
}
