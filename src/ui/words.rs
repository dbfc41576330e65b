//! Words that the wizard and the line dialogue share.

use std::borrow::Cow;

use super::survey::Counts;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_made_visible() {
        assert_eq!(shown("a\tb\u{1b}[31m\nc"), "a b␛[31m c");
    }
}
