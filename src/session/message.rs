//! The words of a commit: what was found, what it meant, what is left for a person.

use crate::assessment::{Assessed, ThreatImpact};
use crate::finding::Patch;
use crate::model::Model;

/// Lines of a commit's body are wrapped here, as git's own documentation advises.
const WIDTH: usize = 72;

/// The body: what changes, the findings, the threats, and the follow-ups.
pub(super) fn body(
    model: &Model,
    patched: &[(&Assessed, &Patch)],
    impacts: &[ThreatImpact],
    follow_ups: &[String],
) -> String {
    let mut out = String::new();
    for (_, patch) in patched {
        let line = format!("- {}.", patch.title.trim_end_matches('.'));
        push_once(&mut out, &wrap(&line, "  "));
    }
    out.push_str("\nFindings:\n");
    for (found, _) in patched {
        let finding = &found.finding;
        let line = model
            .repo
            .file(finding.path())
            .map_or(1, |file| file.text.line_of(finding.span().start));
        let item = format!(
            "- {}:{line} {} ({}): {}",
            finding.path(),
            found.about.id,
            finding.severity.label().to_lowercase(),
            finding.message
        );
        out.push_str(&wrap(&item, "  "));
    }
    out.push_str("\nImpact, now -> after:\n");
    for impact in impacts {
        let item = format!(
            "- {}: {} -> {}",
            impact.threat.name, impact.now.severity, impact.after.severity
        );
        out.push_str(&wrap(&item, "  "));
    }
    if !follow_ups.is_empty() {
        out.push_str("\nLeft to do by hand:\n");
        for follow_up in follow_ups {
            out.push_str(&wrap(&format!("- {follow_up}"), "  "));
        }
    }
    out
}

/// Every follow-up of the patches, each once, in order.
pub(super) fn follow_ups(patched: &[(&Assessed, &Patch)]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for follow_up in patched.iter().flat_map(|(_, patch)| &patch.follow_ups) {
        if !all.contains(follow_up) {
            all.push(follow_up.clone());
        }
    }
    all
}

fn push_once(out: &mut String, line: &str) {
    if !out.contains(line) {
        out.push_str(line);
    }
}

/// `text` in lines of at most [`WIDTH`] characters, the later ones behind `indent`.
fn wrap(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            width = indent.len();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped() {
        let text = wrap(&"- word ".repeat(20), "  ");
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert!(text.lines().nth(1).unwrap().starts_with("  "));
    }
}
