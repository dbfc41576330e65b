//! Lines that fit.

use unicode_width::UnicodeWidthStr as _;

/// Breaks `text` at spaces into lines of at most `width` columns. Words that are wider than a
/// line stay whole, since paths and commands are copied.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// `text` and spaces, `width` columns in all.
pub fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a very-long-word b", 4), ["a", "very-long-word", "b"]);
        assert!(wrap("  ", 4).is_empty());
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(wrap("名前 名前", 8), ["名前", "名前"]);
        assert_eq!(pad("名", 4), "名  ");
    }
}
