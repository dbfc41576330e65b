//! Taking one entry out of a JSON, YAML, TOML or INI file.

use std::sync::Arc;

use crate::discover::File;
use crate::finding::Edit;
use crate::text::Span;

/// Takes the entry away with its line, or with its comma, where others stand on the line. An
/// entry that a mapping cannot do without keeps its key: its value, of which `value` is the
/// text, becomes empty.
pub fn remove(file: &Arc<File>, entry: Span, value: Span) -> Edit {
    let text = file.text.as_str();
    let line = Span::new(
        file.text.line_start(file.text.line_of(entry.start)),
        file.text
            .next_line_start(entry.end.saturating_sub(1).max(entry.start)),
    );
    let before = &text[line.start..entry.start];
    let behind = &text[entry.end..line.end];
    let (comma, rest) = match behind.trim_start_matches([' ', '\t']).strip_prefix(',') {
        Some(rest) => (true, rest),
        None => (false, behind),
    };
    let is_alone = before.trim().is_empty() && is_blank(rest);
    let in_braces = is_in_braces(file, entry);
    match (in_braces, is_alone) {
        (true, true) if comma => Edit::replace(&file.path, line, ""),
        (true, _) => match comma {
            true => Edit::replace(
                &file.path,
                Span::new(entry.start, upto_next(text, line.end - rest.len())),
                "",
            ),
            false => last_in_braces(file, entry, value),
        },
        (false, true) if has_siblings(file, line, before.len()) => {
            Edit::replace(&file.path, line, "")
        }
        _ => emptied(file, value),
    }
}

/// Nothing, or a comment.
fn is_blank(rest: &str) -> bool {
    let rest = rest.trim();
    rest.is_empty() || rest.starts_with(['#', ';'])
}

fn upto_next(text: &str, at: usize) -> usize {
    at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len()
}

/// `{…}`: JSON, and the flow mappings of YAML and TOML.
fn is_in_braces(file: &File, entry: Span) -> bool {
    let is_json = file.path.ends_with(".json");
    let before = file.text.as_str()[..entry.start].trim_end();
    is_json || before.ends_with('{') || before.ends_with(',')
}

/// The last entry goes with the comma in front of it.
fn last_in_braces(file: &Arc<File>, entry: Span, value: Span) -> Edit {
    let before = file.text.as_str()[..entry.start].trim_end();
    match before.strip_suffix(',') {
        Some(before) => Edit::replace(&file.path, Span::new(before.len(), entry.end), ""),
        None => emptied(file, value),
    }
}

/// Whether a line beside it has the same indentation: another entry of the same mapping. TOML
/// and INI have sections that may be empty.
fn has_siblings(file: &File, line: Span, indentation: usize) -> bool {
    let is_yaml = [".yaml", ".yml"].iter().any(|end| file.path.ends_with(end));
    let text = file.text.as_str();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let counts = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let is_sibling = |line: &str| indent(line) == indentation;
    let mut above = text[..line.start].lines().rev().filter(counts);
    let mut below = text[line.end..].lines().filter(counts);
    let deeper = |line: &&str| indent(line) > indentation;
    !is_yaml
        || above.find(|line| !deeper(line)).is_some_and(is_sibling)
        || below.find(|line| !deeper(line)).is_some_and(is_sibling)
}

/// The value alone goes.
fn emptied(file: &Arc<File>, value: Span) -> Edit {
    let text = file.text.as_str();
    let quote = text[..value.start].chars().next_back();
    let is_quoted = matches!(quote, Some('"' | '\''));
    Edit::replace(&file.path, value, if is_quoted { "" } else { "\"\"" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    #[track_caller]
    fn removed(path: &str, text: &str, entry: &str, value: &str) -> String {
        let repo = Repository::from_texts([(path, text)]);
        let file = repo.file(path).unwrap();
        let start = text.find(entry).unwrap();
        let inner = start + entry.rfind(value).unwrap();
        let edit = remove(
            file,
            Span::new(start, start + entry.len()),
            Span::new(inner, inner + value.len()),
        );
        let Edit::Replace {
            span, text: new, ..
        } = edit
        else {
            panic!("{edit:?}");
        };
        let mut after = text.to_owned();
        after.replace_range(span.start..span.end, &new);
        after
    }

    #[test]
    fn an_entry_goes_with_its_line_or_its_comma() {
        let json = |text: &str| removed("c.json", text, "\"K\": \"v\"", "v");
        assert_eq!(
            json("{\n  \"K\": \"v\",\n  \"A\": 1\n}\n"),
            "{\n  \"A\": 1\n}\n"
        );
        assert_eq!(
            json("{\n  \"A\": 1,\n  \"K\": \"v\"\n}\n"),
            "{\n  \"A\": 1\n}\n"
        );
        assert_eq!(json("{\"A\": 1, \"K\": \"v\"}\n"), "{\"A\": 1}\n");
        assert_eq!(json("{\"K\": \"v\", \"A\": 1}\n"), "{\"A\": 1}\n");
        assert_eq!(json("{\"K\": \"v\"}\n"), "{\"K\": \"\"}\n");
        let toml = |text: &str| removed("c.toml", text, "K = \"v\"", "v");
        assert_eq!(toml("A = 1\nK = \"v\" # why\n\n[b]\n"), "A = 1\n\n[b]\n");
        assert_eq!(toml("a = { K = \"v\", B = 1 }\n"), "a = { B = 1 }\n");
        let yaml = |text: &str| removed("c.yml", text, "K: v", "v");
        assert_eq!(yaml("flask:\n  K: v\n  A: 1\n"), "flask:\n  A: 1\n");
        assert_eq!(
            yaml("flask:\n  A:\n    - 1\n  K: v\n"),
            "flask:\n  A:\n    - 1\n"
        );
        assert_eq!(yaml("flask:\n  K: v\nb: 1\n"), "flask:\n  K: \"\"\nb: 1\n");
        assert_eq!(removed("c.ini", "[a]\nK = v\n", "K = v", "v"), "[a]\n");
    }
}
