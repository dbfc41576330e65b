//! Terraform: variables in maps (`environment { variables = { NAME = "value" } }`) and in lists of
//! `{ name = "NAME", value = "value" }`, written out or as JSON.

use std::sync::Arc;

use super::files;
use super::reader::Reader;
use super::scope::Scope;
use super::yaml_env::is_variable_name;
use super::{EnvValue, Surface, values};
use crate::discover::File;
use crate::text::{Location, Span};

/// `key = "value"` or `"key": "value"`, with the span of the value between its quotes.
struct Pair<'a> {
    key: &'a str,
    value: Span,
    whole: Span,
}

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let text = file.text.as_str();
    let judged = files::judge_plain(file, "Terraform sets it up");
    let scope = Scope::checkout(file, Surface::Terraform, judged, "");
    let mut named: Option<&str> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let body = line.trim_start();
        if body.starts_with('#') || body.starts_with("//") {
            continue;
        }
        for pair in pairs(line, start) {
            let name = match pair.key {
                "name" => {
                    let name = file.text.slice(pair.value);
                    named = Some(name).filter(|name| is_variable_name(name));
                    continue;
                }
                "value" => named.take(),
                key => Some(key).filter(|key| is_variable_name(key)),
            };
            let Some(name) = name else {
                continue;
            };
            let written = file.text.slice(pair.value);
            let value = match written.contains("${") {
                true => EnvValue::Outside,
                false => values::verbatim(written),
            };
            let setting = scope.setting(
                name,
                value,
                Location::new(&file.path, pair.value),
                Location::new(&file.path, pair.whole),
            );
            reader.set(setting);
        }
    }
}

/// The pairs of one line that begins at `offset`.
fn pairs(line: &str, offset: usize) -> Vec<Pair<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = line[from..].find(['=', ':']) {
        let at = from + at;
        from = at + 1;
        let before = line[..at].trim_end();
        let bare = before.strip_suffix('"').unwrap_or(before);
        let start = bare
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |it| it + 1);
        let key = &bare[start..];
        let behind = &line[at + 1..];
        let lead = behind.len() - behind.trim_start().len();
        let Some(inner) = behind[lead..].strip_prefix('"') else {
            continue;
        };
        let Some(len) = end_of_text(inner).filter(|_| !key.is_empty()) else {
            continue;
        };
        let open = at + 1 + lead + 1;
        let quoted_key = usize::from(bare.len() < before.len());
        found.push(Pair {
            key,
            value: Span::new(offset + open, offset + open + len),
            whole: Span::new(
                offset + start - quoted_key.min(start),
                offset + open + len + 1,
            ),
        });
        from = open + len + 1;
    }
    found
}

/// Up to the closing quote.
fn end_of_text(inner: &str) -> Option<usize> {
    let mut is_escaped = false;
    inner.char_indices().find_map(|(at, character)| {
        let closes = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        closes.then_some(at)
    })
}
