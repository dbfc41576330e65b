//! Words that the wizard and the line dialogue share.

use std::borrow::Cow;

use super::survey::Counts;
use crate::assessment::Assessment;
use crate::text::printable;

/// Text from the repository or from a control, fit for one line of the screen.
pub fn shown(text: &str) -> String {
    let text: Cow<'_, str> = match text.contains(['\t', '\n']) {
        true => text.replace(['\t', '\n'], " ").into(),
        false => text.into(),
    };
    printable(&text)
}

/// "1 patch", "3 patches".
pub fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}

/// "3 missing", "2 in place", "1 undecided", with `between` them.
pub fn counts_words(counts: Counts, between: &str) -> String {
    let parts = [
        (counts.missing, "missing"),
        (counts.in_place, "in place"),
        (counts.undecided, "undecided"),
        (counts.not_applicable, "not needed"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    match parts.is_empty() {
        true => "no controls".into(),
        false => parts.join(between),
    }
}

/// What a scan leaves out or lowers, and what was accepted: one sentence each.
pub fn left_out_words(assessment: &Assessment) -> Vec<String> {
    let mut words = Vec::new();
    let outside = &assessment.outside;
    if outside.left_out > 0 {
        let findings = count(outside.left_out, "finding", "findings");
        words.push(format!(
            "{findings} left out, in tests, migrations and vendored code"
        ));
    }
    if outside.lowered > 0 {
        let findings = count(outside.lowered, "finding", "findings");
        words.push(format!(
            "{findings} rated lower, in examples and documentation"
        ));
    }
    for accepted in &assessment.accepted {
        let found = &accepted.found;
        words.push(format!(
            "accepted: {} in {}, because {}",
            found.about.id,
            shown(found.finding.path()),
            accepted.by.reason
        ));
    }
    for remark in &assessment.remarks {
        let path = shown(&remark.path);
        words.push(format!("{path}:{}: {}", remark.line, remark.message));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_made_visible() {
        assert_eq!(shown("a\tb\u{1b}[31m\nc"), "a b␛[31m c");
    }
}
