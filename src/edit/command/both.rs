//! gunicorn in place of the development server, and a check in front of it: one change of the
//! same command.

use std::sync::Arc;

use super::{insert_before_start, start_command};
use crate::discover::Repository;
use crate::finding::Edit;
use crate::model::deployment::{Deployment, Process};
use crate::text::Span;

/// What [`start_command`] makes of the process, with [`insert_before_start`] of `words` on top
/// of it, stated against the original text. Nothing where either has nothing.
pub fn start_command_after(
    repo: &Repository,
    process: &Process,
    target: &str,
    words: &[&str],
) -> Vec<Edit> {
    both(repo, process, target, words).unwrap_or_default()
}

fn both(repo: &Repository, process: &Process, target: &str, words: &[&str]) -> Option<Vec<Edit>> {
    let path = &process.location.path;
    let original = repo.file(path)?.text.as_str();
    let started = start_command(repo, process, target);
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
    let text = applied(&served, &checked)?;
    let mut edits = elsewhere;
    edits.push(difference(path, original, &text));
    Some(edits)
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
