//! Text in columns: fitted, wrapped, made harmless.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

pub use crate::ui::words::{count, shown};

/// How many columns `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of `text` in at most `columns` columns; `…` stands for what is cut.
pub fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > columns - 1 {
            break;
        }
        out.push(character);
        used += wide;
    }
    out.push('…');
    out
}

/// The end of `text` in at most `columns` columns: for paths, whose end says most.
pub fn fit_end(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 0;
    for character in text.chars().rev() {
        let wide = character.width().unwrap_or(0);
        if used + wide > columns - 1 {
            break;
        }
        kept.push(character);
        used += wide;
    }
    kept.push('…');
    kept.iter().rev().collect()
}

/// `text`, fitted and filled with blanks to exactly `columns` columns.
pub fn cell(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    let missing = columns.saturating_sub(out.width());
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// The words of `text` in lines of at most `columns` columns. Words that are longer are cut
/// into pieces. Never empty.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = word.width();
        if used > 0 && used + 1 + wide <= columns {
            push(&mut lines, " ");
            push(&mut lines, word);
            used += 1 + wide;
            continue;
        }
        if used > 0 {
            lines.push(String::new());
        }
        used = 0;
        for character in word.chars() {
            let wide = character.width().unwrap_or(0);
            if used > 0 && used + wide > columns {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(character);
            }
            used += wide;
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_fitted_by_columns() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("漢字漢字", 5), "漢字…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_end("shop/app.py", 7), "…app.py");
        assert_eq!(cell("ab", 4), "ab  ");
        assert_eq!(width(&cell("漢字漢", 6)), 6);
        assert_eq!(width(&cell("漢字漢", 4)), 4);
    }

    #[test]
    fn words_are_wrapped_and_long_ones_cut() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("abcdefgh i", 4), ["abcd", "efgh", "i"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("漢字漢", 4), ["漢字", "漢"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }
}
