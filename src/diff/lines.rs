//! From two texts to hunks of lines with the changed words marked.

use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, ChangeTag, DiffOp, DiffTag, InlineChangeOptions, TextDiff};

use super::section::section;
use super::{FileChange, Hunk, Line, LineKind, LineRange};

/// Behind this the line diff settles for a correct but longer one: texts of 4 MiB that share
/// nothing must not hold up a screen.
const PATIENCE: Duration = Duration::from_secs(1);

/// Replaced blocks with more lines get no word emphasis: nobody looks for a word in them.
const MOST_LINES_WITH_EMPHASIS: usize = 200;

/// No caller wants more, and sums of it cannot overflow.
const MOST_CONTEXT: usize = 1 << 24;

type LineDiff<'a> = TextDiff<'a, 'a, str>;

pub(super) fn hunks(change: &FileChange, context: usize) -> Vec<Hunk> {
    let old = split(change.before.as_deref().unwrap_or_default());
    let new = split(change.after.as_deref().unwrap_or_default());
    let mut config = LineDiff::configure();
    config.algorithm(Algorithm::Myers);
    if let Some(deadline) = Instant::now().checked_add(PATIENCE) {
        config.deadline(deadline);
    }
    let diff: LineDiff<'_> = config.diff_slices(&old, &new);
    let groups = diff.grouped_ops(context.min(MOST_CONTEXT));
    groups
        .iter()
        .filter_map(|operations| hunk(&change.path, &diff, &old, operations))
        .collect()
}

/// The lines with their ends. Only `\n` ends a line, as for git.
fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn hunk(path: &str, diff: &LineDiff<'_>, old: &[&str], operations: &[DiffOp]) -> Option<Hunk> {
    let (first, last) = (operations.first()?, operations.last()?);
    let old_lines = first.old_range().start..last.old_range().end;
    let new_lines = first.new_range().start..last.new_range().end;
    Some(Hunk {
        section: section(path, old, old_lines.start),
        old: LineRange::from(old_lines),
        new: LineRange::from(new_lines),
        lines: operations
            .iter()
            .flat_map(|operation| lines(diff, operation))
            .collect(),
    })
}

impl From<Range<usize>> for LineRange {
    /// From 0-based line indices to what a hunk header counts.
    fn from(lines: Range<usize>) -> Self {
        Self {
            start: lines.start + usize::from(!lines.is_empty()),
            count: lines.len(),
        }
    }
}

fn lines(diff: &LineDiff<'_>, operation: &DiffOp) -> Vec<Line> {
    let size = operation.old_range().len() + operation.new_range().len();
    if operation.tag() == DiffTag::Replace && size <= MOST_LINES_WITH_EMPHASIS {
        return emphasised(diff, operation);
    }
    diff.iter_changes(operation)
        .map(|change| {
            let numbers = (change.old_index(), change.new_index());
            line(change.tag(), change.value(), Vec::new(), numbers)
        })
        .collect()
}

fn emphasised(diff: &LineDiff<'_>, operation: &DiffOp) -> Vec<Line> {
    let mut options = InlineChangeOptions::new();
    options.semantic_cleanup(true);
    let changes = diff.iter_inline_changes_with_options_deadline(operation, options, None);
    changes
        .map(|change| {
            let numbers = (change.old_index(), change.new_index());
            let (raw, words) = join(change.values());
            line(change.tag(), &raw, words, numbers)
        })
        .collect()
}

/// The line that `pieces` make, and where the emphasised ones lie in it.
fn join(pieces: &[(bool, &str)]) -> (String, Vec<Range<usize>>) {
    let mut raw = String::new();
    let mut words: Vec<Range<usize>> = Vec::new();
    for (emphasised, piece) in pieces {
        let start = raw.len();
        raw.push_str(piece);
        if !emphasised {
            continue;
        }
        match words.last_mut() {
            Some(last) if last.end == start => last.end = raw.len(),
            _ => words.push(start..raw.len()),
        }
    }
    (raw, words)
}

fn line(
    tag: ChangeTag,
    raw: &str,
    words: Vec<Range<usize>>,
    (old_index, new_index): (Option<usize>, Option<usize>),
) -> Line {
    let ended = raw.strip_suffix('\n');
    let body = ended.unwrap_or(raw);
    let text = body.strip_suffix('\r').unwrap_or(body);
    let emphasis = words
        .into_iter()
        .map(|word| word.start..word.end.min(text.len()))
        .filter(|word| word.start < word.end);
    Line {
        kind: match tag {
            ChangeTag::Equal => LineKind::Context,
            ChangeTag::Delete => LineKind::Removed,
            ChangeTag::Insert => LineKind::Added,
        },
        text: text.to_owned(),
        emphasis: emphasis.collect(),
        old_number: old_index.map(|index| index + 1),
        new_number: new_index.map(|index| index + 1),
        missing_newline: ended.is_none(),
        carriage_return: body.len() > text.len(),
    }
}
