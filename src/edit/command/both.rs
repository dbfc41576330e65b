//! gunicorn in place of the development server, and a check in front of it: one change of the
//! same command.

use std::sync::Arc;

use super::{insert_before_start, start_command_on};
use crate::discover::Repository;
use crate::finding::Edit;
use crate::model::deployment::{Deployment, Process};
use crate::text::Span;

/// What [`start_command_on`] makes of the process with the target and the address of `served`, with [`insert_before_start`] of `words` on top
/// of it, stated against the original text. Nothing where either has nothing.
pub fn start_command_after(
    repo: &Repository,
    process: &Process,
    served: (&str, &str),
    words: &[&str],
) -> Vec<Edit> {
    both(repo, process, served, words).unwrap_or_default()
}

fn both(
    repo: &Repository,
    process: &Process,
    (target, bind): (&str, &str),
    words: &[&str],
) -> Option<Vec<Edit>> {
    let path = &process.location.path;
    let original = repo.file(path)?.text.as_str();
    let started = start_command_on(repo, process, target, bind);
    let (here, elsewhere): (Vec<Edit>, Vec<Edit>) = started
        .into_iter()
        .partition(|edit| matches!(edit, Edit::Replace { path: own, .. } if own == path));
    let served = applied(original, &here)?;
    let repo = repo.with_texts([(Arc::clone(path), served.clone())]);
    let deployment = Deployment::read(&repo);
    let moved = |span: &Span| span.start.abs_diff(process.location.span.start);
    let server = deployment
        .production()
        .filter(|it| it.location.path == *path && it.server.is_production_server())
        .min_by_key(|it| moved(&it.location.span))?;
    let checked = insert_before_start(&repo, server, words);
    if here.is_empty() || checked.is_empty() {
        return None;
    }
    let mut edits = elsewhere;
    match merged(path, &here, &checked) {
        Some(merged) => edits.extend(merged),
        None => edits.push(difference(path, original, &applied(&served, &checked)?)),
    }
    Some(edits)
}

/// A replacement of the original text, and where its new text starts.
struct Region {
    original: Span,
    start: usize,
    text: String,
}

impl Region {
    const fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The second edits, stated against the text after the first ones, put together with them and
/// stated against the original; nothing where one of the second covers more than one of the first.
fn merged(path: &Arc<str>, first: &[Edit], second: &[Edit]) -> Option<Vec<Edit>> {
    let mut regions = Vec::new();
    let mut ordered: Vec<(Span, &str)> = first.iter().filter_map(replacement).collect();
    ordered.sort_by_key(|(span, _)| (span.start, span.end));
    let (mut grown, mut shrunk) = (0, 0);
    for (span, text) in ordered {
        regions.push(Region {
            original: span,
            start: span.start + grown - shrunk,
            text: text.to_owned(),
        });
        grown += text.len();
        shrunk += span.len();
    }
    let back = |offset: usize| {
        let before = regions.iter().rev().find(|it| it.end() <= offset);
        before.map_or(offset, |it| it.original.end + offset - it.end())
    };
    let mut edits = Vec::new();
    let mut inner: Vec<(usize, Span, &str)> = Vec::new();
    for (span, text) in second.iter().filter_map(replacement) {
        let touches = |it: &Region| span.start <= it.end() && it.start <= span.end;
        let mut touched = (0..regions.len()).filter(|index| touches(&regions[*index]));
        match (touched.next(), touched.next()) {
            (None, _) => edits.push(Edit::replace(
                path,
                Span::new(back(span.start), back(span.end)),
                text,
            )),
            (Some(index), None)
                if regions[index].start <= span.start && span.end <= regions[index].end() =>
            {
                inner.push((index, span, text));
            }
            _ => return None,
        }
    }
    inner.sort_by_key(|(_, span, _)| std::cmp::Reverse((span.start, span.end)));
    for (index, span, text) in inner {
        let region = &mut regions[index];
        let local = span.start - region.start..span.end - region.start;
        region.text.get(local.clone())?;
        region.text.replace_range(local, text);
    }
    let regions = regions.into_iter();
    edits.extend(regions.map(|it| Edit::replace(path, it.original, it.text)));
    Some(edits)
}

fn replacement(edit: &Edit) -> Option<(Span, &str)> {
    match edit {
        Edit::Replace { span, text, .. } => Some((*span, text)),
        _ => None,
    }
}

/// The text after replacements of one file.
fn applied(original: &str, edits: &[Edit]) -> Option<String> {
    let mut changes: Vec<(Span, &str)> = Vec::new();
    for edit in edits {
        let Edit::Replace { span, text, .. } = edit else {
            return None;
        };
        changes.push((*span, text));
    }
    changes.sort_by_key(|(span, _)| (span.start, span.end));
    let mut out = String::with_capacity(original.len());
    let mut at = 0;
    for (span, text) in changes {
        out.push_str(original.get(at..span.start)?);
        out.push_str(text);
        at = span.end;
    }
    out.push_str(original.get(at..)?);
    Some(out)
}

/// One replacement that turns `before` into `after`.
fn difference(path: &Arc<str>, before: &str, after: &str) -> Edit {
    let same = |(a, b): &(char, char)| a == b;
    let head: usize = before
        .chars()
        .zip(after.chars())
        .take_while(same)
        .map(|(character, _)| character.len_utf8())
        .sum();
    let tail: usize = before[head..]
        .chars()
        .rev()
        .zip(after[head..].chars().rev())
        .take_while(same)
        .map(|(character, _)| character.len_utf8())
        .sum();
    let text = &after[head..after.len() - tail];
    Edit::replace(path, Span::new(head, before.len() - tail), text)
}
