//! The text form of a difference, as `git diff` writes and `git apply` reads it.

use std::fmt::{self, Write as _};

use git2::{ObjectType, Oid};

use super::{CONTEXT, FileChange, FileDiff, Hunk, Line, LineKind, LineRange, diff};

/// One patch for all `changes`, in their order. Unchanged files leave no trace.
pub fn patch_text(changes: &[FileChange]) -> String {
    changes
        .iter()
        .map(|change| diff(change, CONTEXT).to_string())
        .collect()
}

/// What git calls the text, or forty zeros for no file.
pub(super) fn object_name(text: Option<&str>) -> String {
    let name = text.and_then(|text| Oid::hash_object(ObjectType::Blob, text.as_bytes()).ok());
    name.map_or_else(|| "0".repeat(40), |name| name.to_string())
}

impl fmt::Display for FileDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        let (old, new) = (quoted("a/", &self.path), quoted("b/", &self.path));
        writeln!(f, "diff --git {old} {new}")?;
        self.write_modes(f)?;
        if self.hunks.is_empty() {
            return Ok(());
        }
        let label = |absent, name: &str| match absent {
            true => "/dev/null".to_owned(),
            false => with_end_mark(name),
        };
        writeln!(f, "--- {}", label(self.new_file, &old))?;
        writeln!(f, "+++ {}", label(self.deleted, &new))?;
        self.hunks.iter().try_for_each(|hunk| hunk.fmt(f))
    }
}

impl FileDiff {
    fn write_modes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.executable { "100755" } else { "100644" };
        let short = |id: &str| id.get(..7).unwrap_or_default().to_owned();
        let (old, new) = (short(&self.old_id), short(&self.new_id));
        if self.new_file {
            return writeln!(f, "new file mode {mode}\nindex {old}..{new}");
        }
        if self.deleted {
            return writeln!(f, "deleted file mode {mode}\nindex {old}..{new}");
        }
        writeln!(f, "index {old}..{new} {mode}")
    }
}

impl fmt::Display for Hunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@@ -{} +{} @@", self.old, self.new)?;
        if !self.section.is_empty() {
            write!(f, " {}", shortened(&self.section))?;
        }
        writeln!(f)?;
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

impl fmt::Display for LineRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.start),
            count => write!(f, "{},{count}", self.start),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        };
        let carriage_return = if self.carriage_return { "\r" } else { "" };
        writeln!(f, "{sign}{}{carriage_return}", self.text)?;
        if self.missing_newline {
            writeln!(f, "\\ No newline at end of file")?;
        }
        Ok(())
    }
}

/// Git's buffer for a section is 80 bytes long.
fn shortened(section: &str) -> &str {
    let end = section.floor_char_boundary(80);
    section[..end].trim_end()
}

/// Behind a name with a space git writes a tab, so that readers see where it ends.
fn with_end_mark(name: &str) -> String {
    let mark = if name.contains(' ') { "\t" } else { "" };
    format!("{name}{mark}")
}

/// The name as git writes it with `core.quotePath` on: in quotes, escaped as in C, when a
/// byte of it is not printable ASCII, a quote or a backslash.
fn quoted(side: &str, path: &str) -> String {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if path.bytes().all(plain) {
        return format!("{side}{path}");
    }
    let mut out = format!("\"{side}");
    for byte in path.bytes() {
        match byte {
            b'\x07' => out.push_str("\\a"),
            b'\x08' => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\x0b' => out.push_str("\\v"),
            b'\x0c' => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            byte if plain(byte) => out.push(char::from(byte)),
            // Writing to a `String` cannot fail.
            byte => drop(write!(out, "\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}
