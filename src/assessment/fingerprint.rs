//! A name for a finding that survives moved lines.

use std::collections::BTreeMap;

use crate::discover::Repository;
use crate::finding::Finding;

/// Control, path, subject and the line's text without its spacing; equal ones are numbered in
/// order, so that one entry of a baseline never hides a second finding.
pub(super) fn of(
    repo: &Repository,
    finding: &Finding,
    seen: &mut BTreeMap<String, usize>,
) -> String {
    let line = repo.file(finding.path()).map_or_else(String::new, |file| {
        let line = file.text.line(file.text.line_of(finding.span().start));
        line.split_whitespace().collect()
    });
    let line = if finding.absent { String::new() } else { line };
    let key = format!(
        "{}\0{}\0{}\0{line}",
        finding.control,
        finding.path(),
        finding.subject
    );
    let count = seen.entry(key.clone()).or_insert(0);
    let numbered = format!("{key}\0{count}");
    *count += 1;
    format!("{:016x}", fnv1a(numbered.as_bytes()))
}

/// FNV-1a, 64 bits: small, stable across releases and machines, and no secret depends on it.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::text::{Location, Span};

    fn name(source: &str, needle: &str, seen: &mut BTreeMap<String, usize>) -> String {
        let repo = Repository::from_texts([("app.py", source)]);
        let start = source.find(needle).unwrap();
        let location = Location::new(
            &repo.file("app.py").unwrap().path,
            Span::new(start, start + needle.len()),
        );
        of(&repo, &Finding::new("x", location, Severity::Low, ""), seen)
    }

    #[test]
    fn moved_and_reindented_lines_keep_their_name() {
        let a = name("app.run(1)\n", "app", &mut BTreeMap::new());
        let b = name(
            "import x\nif y:\n    app.run( 1 )\n",
            "app",
            &mut BTreeMap::new(),
        );
        assert_eq!(a, b);
        assert_eq!(a.len(), 16);
    }

    #[test]
    fn equal_lines_are_numbered() {
        let mut seen = BTreeMap::new();
        let a = name("app.run(1)\n", "app", &mut seen);
        let b = name("app.run(1)\n", "app", &mut seen);
        assert_ne!(a, b);
    }
}
