//! ⑦ What a plan changes, line by line: hunks and changed words for a screen, and real git text
//! that `git apply` accepts. Data in, data out.

mod git_text;
mod lines;
mod mask;
mod section;

use std::fmt;
use std::sync::Arc;

pub use git_text::patch_text;
pub use mask::Secrets;

/// How many unchanged lines git shows around a change.
pub const CONTEXT: usize = 3;

/// One file as it is and as a plan makes it. Texts are whole, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Relative to the scanned root, with `/`.
    pub path: Arc<str>,
    /// The text before, or `None` for a new file.
    pub before: Option<String>,
    /// The text after, or `None` for a deleted file.
    pub after: Option<String>,
    /// The file's mode is 100755. Decides the mode of a new file; an existing one keeps its own.
    pub executable: bool,
}

impl FileChange {
    pub fn new(path: &Arc<str>, before: Option<&str>, after: &str) -> Self {
        Self {
            path: Arc::clone(path),
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
            executable: false,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_unchanged(&self) -> bool {
        self.before == self.after
    }
}

/// The difference of one file. `Display` writes it as `git diff` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Relative to the scanned root, with `/`.
    pub path: Arc<str>,
    pub new_file: bool,
    pub deleted: bool,
    pub executable: bool,
    /// The object names (hexadecimal) that git gives the two texts; all zeros for no file.
    pub old_id: String,
    pub new_id: String,
    pub hunks: Vec<Hunk>,
}

/// Changed lines that lie close together, with the context around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    pub old: LineRange,
    pub new: LineRange,
    /// The line that opens the enclosing definition, as git finds it; may be empty.
    pub section: String,
    pub lines: Vec<Line>,
}

/// Which lines of a file a hunk covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRange {
    /// The 1-based first line; for an empty range the line in front of it, which may be 0.
    pub start: usize,
    pub count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    Context,
    Removed,
    Added,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: LineKind,
    /// Without its line end.
    pub text: String,
    /// Byte ranges of `text` that hold the changed words, sorted and disjoint.
    pub emphasis: Vec<std::ops::Range<usize>>,
    /// The 1-based number in the text before.
    pub old_number: Option<usize>,
    /// The 1-based number in the text after.
    pub new_number: Option<usize>,
    /// The file ends here, without a newline.
    pub missing_newline: bool,
    /// A carriage return stands between `text` and the newline.
    pub carriage_return: bool,
}

/// How many lines come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    pub added: usize,
    pub removed: usize,
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{} −{}", self.added, self.removed)
    }
}

impl std::iter::Sum for Stat {
    fn sum<I: Iterator<Item = Self>>(stats: I) -> Self {
        stats.fold(Self::default(), |sum, stat| Self {
            added: sum.added + stat.added,
            removed: sum.removed + stat.removed,
        })
    }
}

impl FileDiff {
    /// Whether the two texts are the same file.
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty() && !self.new_file && !self.deleted
    }

    pub fn stat(&self) -> Stat {
        let lines = || self.hunks.iter().flat_map(|hunk| &hunk.lines);
        let count = |kind| lines().filter(|line| line.kind == kind).count();
        Stat {
            added: count(LineKind::Added),
            removed: count(LineKind::Removed),
        }
    }
}

/// Compares the two texts of `change`; `context` unchanged lines are kept around each change.
pub fn diff(change: &FileChange, context: usize) -> FileDiff {
    FileDiff {
        path: Arc::clone(&change.path),
        new_file: change.before.is_none() && change.after.is_some(),
        deleted: change.before.is_some() && change.after.is_none(),
        executable: change.executable,
        old_id: git_text::object_name(change.before.as_deref()),
        new_id: git_text::object_name(change.after.as_deref()),
        hunks: lines::hunks(change, context),
    }
}

#[cfg(test)]
mod tests;
