//! One line of text under the user's fingers.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A text and the place in it where the next character goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEdit {
    text: String,
    /// A byte offset, always between two characters.
    cursor: usize,
}

impl LineEdit {
    /// The cursor stands behind `text`.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            cursor: text.len(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text in front of the cursor and behind it.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// What a key does to the text; `false` when it does nothing.
    pub fn press(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, control) {
            (KeyCode::Char('a'), true) | (KeyCode::Home, _) => self.cursor = 0,
            (KeyCode::Char('e'), true) | (KeyCode::End, _) => self.cursor = self.text.len(),
            (KeyCode::Char('u'), true) => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            (KeyCode::Char('k'), true) => self.text.truncate(self.cursor),
            (KeyCode::Char('w'), true) => self.remove_word(),
            (KeyCode::Char(character), false) if !character.is_control() => {
                self.text.insert(self.cursor, character);
                self.cursor += character.len_utf8();
            }
            (KeyCode::Backspace, _) => {
                let before = self.before();
                self.text.replace_range(before..self.cursor, "");
                self.cursor = before;
            }
            (KeyCode::Delete, _) => self.text.replace_range(self.cursor..self.behind(), ""),
            (KeyCode::Left, _) => self.cursor = self.before(),
            (KeyCode::Right, _) => self.cursor = self.behind(),
            _ => return false,
        }
        true
    }

    /// Puts pasted text in; only its first line, without control characters.
    pub fn paste(&mut self, pasted: &str) {
        let line = pasted.lines().next().unwrap_or_default();
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        self.text.insert_str(self.cursor, &line);
        self.cursor += line.len();
    }

    fn before(&self) -> usize {
        let last = self.text[..self.cursor].chars().next_back();
        self.cursor - last.map_or(0, char::len_utf8)
    }

    fn behind(&self) -> usize {
        let next = self.text[self.cursor..].chars().next();
        self.cursor + next.map_or(0, char::len_utf8)
    }

    fn remove_word(&mut self) {
        let front = self.text[..self.cursor].trim_end();
        let start = front.rfind([' ', '/', '-']).map_or(0, |at| at + 1);
        let start = if start == front.len() {
            start.saturating_sub(1)
        } else {
            start
        };
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(edit: &mut LineEdit, code: KeyCode) {
        edit.press(KeyEvent::new(code, KeyModifiers::NONE));
    }

    #[test]
    fn characters_go_where_the_cursor_is() {
        let mut edit = LineEdit::new("añb");
        press(&mut edit, KeyCode::Left);
        press(&mut edit, KeyCode::Backspace);
        press(&mut edit, KeyCode::Char('漢'));
        assert_eq!(edit.halves(), ("a漢", "b"));
        press(&mut edit, KeyCode::Delete);
        press(&mut edit, KeyCode::Delete);
        press(&mut edit, KeyCode::Home);
        press(&mut edit, KeyCode::Backspace);
        assert_eq!(edit.halves(), ("", "a漢"));
    }

    #[test]
    fn words_and_lines_are_removed() {
        let mut edit = LineEdit::new("fix/more-words");
        edit.press(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(edit.text(), "fix/more-");
        edit.press(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        edit.press(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert!(edit.text().len() < "fix/more".len());
        edit.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        assert_eq!(edit.text(), "");
        edit.paste("one\ntwo");
        assert_eq!(edit.text(), "one");
    }
}
