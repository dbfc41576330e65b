//! Hiding secrets on screens and in reports. The git text of the unmasked difference stays
//! exact, since a patch that removes a literal has to name it.

use std::ops::Range;

use super::{FileChange, FileDiff, Hunk, Line};
use crate::text::Span;

/// What stands in a secret's place: always as long, so that it tells nothing about it.
const MASK: &str = "••••••";

/// Values from here on are hidden inside longer words too; shorter ones ("dev") only where
/// they stand alone, since they also occur in innocent words ("development").
const DISTINCT: usize = 8;

/// Pieces of a value of several lines that are shorter (`}`, `==`) give nothing away.
const SHORTEST_PIECE: usize = 3;

/// Texts that no screen and no report may show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    values: Vec<Value>,
}

/// A single line, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Value {
    text: String,
    /// Also inside longer words.
    inside_words: bool,
}

impl Secrets {
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets = Self::default();
        for value in values {
            secrets.add(value);
        }
        secrets
    }

    /// The texts that stand at `spans` in the files before the change.
    pub fn from_spans<'a>(
        changes: &[FileChange],
        spans: impl IntoIterator<Item = (&'a str, Span)>,
    ) -> Self {
        let mut secrets = Self::default();
        for (path, span) in spans {
            let change = changes.iter().find(|change| &*change.path == path);
            let Some(text) = change.and_then(|change| change.before.as_deref()) else {
                continue;
            };
            let place = span.start..span.end;
            if let Some(value) = text.get(place.clone()) {
                secrets.add_value(value, !alone(text, &place));
            }
        }
        secrets
    }

    /// Adds one value. Values of several lines are hidden line by line.
    pub fn add(&mut self, value: &str) {
        self.add_value(value, false);
    }

    fn add_value(&mut self, value: &str, inside_words: bool) {
        let several = value.contains('\n');
        for piece in value.lines().map(str::trim) {
            let tells_nothing = piece.is_empty() || (several && piece.len() < SHORTEST_PIECE);
            if !tells_nothing {
                self.values.push(Value {
                    text: piece.to_owned(),
                    inside_words: inside_words || piece.len() >= DISTINCT,
                });
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// `text` with every secret in it replaced.
    pub fn mask(&self, text: &str) -> String {
        Masked::new(text, self.places(text)).text
    }

    /// Where secrets stand in `text`: sorted, disjoint.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        for value in &self.values {
            let found = overlapping(text, &value.text);
            places.extend(found.filter(|place| value.inside_words || alone(text, place)));
        }
        places.sort_by_key(|place| place.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for place in places {
            match merged.last_mut() {
                Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
                _ => merged.push(place),
            }
        }
        merged
    }
}

/// All places of `value`, those that share bytes included: "abab" stands twice in "ababab".
fn overlapping<'a>(text: &'a str, value: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find(value)?;
        from = text.ceil_char_boundary(start + 1);
        Some(start..start + value.len())
    })
}

fn alone(text: &str, place: &Range<usize>) -> bool {
    let in_word = |character: char| character.is_alphanumeric() || character == '_';
    let before = text[..place.start].chars().next_back();
    let behind = text[place.end..].chars().next();
    !before.is_some_and(in_word) && !behind.is_some_and(in_word)
}

/// A text with its secrets replaced, and how offsets move by that.
struct Masked {
    text: String,
    /// Each replaced range, and where its mask stands.
    moved: Vec<(Range<usize>, Range<usize>)>,
}

impl Masked {
    fn new(text: &str, places: Vec<Range<usize>>) -> Self {
        let mut masked = String::with_capacity(text.len());
        let mut moved = Vec::new();
        let mut end = 0;
        for place in places {
            masked.push_str(&text[end..place.start]);
            let start = masked.len();
            masked.push_str(MASK);
            end = place.end;
            moved.push((place, start..masked.len()));
        }
        masked.push_str(&text[end..]);
        Self {
            text: masked,
            moved,
        }
    }

    /// The same words in the masked text. A word that lies partly in a secret takes all of
    /// its mask: half an emphasis would tell which half has changed.
    fn range(&self, range: &Range<usize>) -> Range<usize> {
        let mut shift = 0_isize;
        let (mut start, mut end) = (None, None);
        for (place, mask) in &self.moved {
            if start.is_none() && range.start < place.end {
                let inside = place.start <= range.start;
                start = Some(if inside {
                    mask.start
                } else {
                    moved_by(range.start, shift)
                });
            }
            if end.is_none() && range.end <= place.end {
                let inside = place.start < range.end;
                end = Some(if inside {
                    mask.end
                } else {
                    moved_by(range.end, shift)
                });
            }
            shift = mask.end as isize - place.end as isize;
        }
        start.unwrap_or_else(|| moved_by(range.start, shift))
            ..end.unwrap_or_else(|| moved_by(range.end, shift))
    }
}

fn moved_by(offset: usize, shift: isize) -> usize {
    offset.saturating_add_signed(shift)
}

impl FileDiff {
    /// The same difference for eyes: wherever one of `secrets` stands, a mask stands instead.
    /// Its `Display` is for reading; only the text of the unmasked difference applies.
    #[must_use]
    pub fn masked(&self, secrets: &Secrets) -> Self {
        if secrets.is_empty() {
            return self.clone();
        }
        let hunks = self.hunks.iter().map(|hunk| Hunk {
            section: secrets.mask(&hunk.section),
            lines: hunk
                .lines
                .iter()
                .map(|line| masked_line(line, secrets))
                .collect(),
            ..hunk.clone()
        });
        Self {
            hunks: hunks.collect(),
            ..self.clone()
        }
    }
}

fn masked_line(line: &Line, secrets: &Secrets) -> Line {
    let places = secrets.places(&line.text);
    if places.is_empty() {
        return line.clone();
    }
    let masked = Masked::new(&line.text, places);
    let mut emphasis: Vec<Range<usize>> = Vec::new();
    for word in &line.emphasis {
        let word = masked.range(word);
        match emphasis.last_mut() {
            Some(last) if word.start <= last.end => last.end = last.end.max(word.end),
            _ => emphasis.push(word),
        }
    }
    Line {
        emphasis,
        text: masked.text,
        ..line.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diff::{CONTEXT, LineKind, diff};

    fn change(path: &str, before: &str, after: &str) -> FileChange {
        FileChange::new(&Arc::from(path), Some(before), after)
    }

    fn emphasised(line: &Line) -> Vec<&str> {
        let words = line.emphasis.iter();
        words.map(|word| &line.text[word.clone()]).collect()
    }

    #[test]
    fn a_secret_is_hidden_in_every_line_and_kept_in_the_git_text() {
        let before = "KEY = 'not-a-real-key'\nuse(KEY)\n# was not-a-real-key once\n";
        let after = "KEY = os.environ['KEY']\nuse(KEY)\n# was not-a-real-key once\n";
        let change = change("app.py", before, after);
        let start = before.find("not-a").unwrap();
        let span = Span::new(start, start + "not-a-real-key".len());
        let secrets = Secrets::from_spans(std::slice::from_ref(&change), [("app.py", span)]);
        let exact = diff(&change, CONTEXT);
        let shown = exact.masked(&secrets).to_string();
        assert!(!shown.contains("real"), "{shown}");
        assert!(shown.contains("-KEY = '••••••'"), "{shown}");
        assert!(shown.contains("# was •••••• once"), "{shown}");
        assert!(exact.to_string().contains("-KEY = 'not-a-real-key'"));
    }

    #[test]
    fn a_section_never_shows_a_secret() {
        let key = format!("KEY={}", "k".repeat(100));
        let before = format!("{key}\n#\n#\n#\n#\nDEBUG=1\n");
        let change = change(".env", &before, &before.replace("DEBUG=1", "DEBUG=0"));
        let shown = diff(&change, CONTEXT).masked(&Secrets::new([&key[4..]]));
        assert_eq!(shown.hunks[0].section, "KEY=••••••");
    }

    #[test]
    fn short_values_are_hidden_as_words_only() {
        let secrets = Secrets::new(["dev"]);
        assert_eq!(
            secrets.mask("'dev' in development"),
            "'••••••' in development"
        );
        let change = change(".env", "KEY=devx\n", "KEY=\n");
        let inside = [(".env", Span::new(4, 7))];
        let secrets = Secrets::from_spans(&[change], inside);
        assert_eq!(secrets.mask("KEY=devx"), "KEY=••••••x");
    }

    #[test]
    fn values_of_several_lines_and_overlapping_ones_are_hidden_whole() {
        let secrets = Secrets::new(["first-part\n  second-part\n}\n"]);
        assert_eq!(secrets.mask("  second-part }"), "  •••••• }");
        let secrets = Secrets::new(["abcdabcd", "cdabcdef"]);
        assert_eq!(secrets.mask("xabcdabcdefx"), "x••••••x");
    }

    #[test]
    fn emphasis_moves_with_the_text() {
        let before = "connect('päss-wörd-1', port=80, safe=False)\n";
        let after = "connect('päss-wörd-2', port=80, safe=True)\n";
        let change = change("app.py", before, after);
        let secrets = Secrets::new(["päss-wörd-1", "päss-wörd-2"]);
        let shown = diff(&change, CONTEXT).masked(&secrets);
        let removed = &shown.hunks[0].lines[0];
        assert_eq!(removed.kind, LineKind::Removed);
        assert_eq!(removed.text, "connect('••••••', port=80, safe=False)");
        assert_eq!(emphasised(removed), ["••••••", "False"]);
    }
}
