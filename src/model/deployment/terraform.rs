//! Terraform: variables in maps (`environment { variables = { NAME = "value" } }`) and in lists of
//! `{ name = "NAME", value = "value" }`, written out or as JSON; what they take from Terraform's
//! own variables (`NAME = var.key`), in `*.tfvars` and in the defaults of declarations.

use std::collections::{BTreeMap, BTreeSet};
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

/// The environment variables that a variable of Terraform's reaches.
type Reached<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

pub(super) fn read(reader: &mut Reader<'_>, files: &[Arc<File>]) {
    let mut reached = Reached::new();
    for file in files {
        references(file.text.as_str(), &mut reached);
    }
    for file in files {
        read_file(reader, file, &reached);
    }
}

/// The lines that are no comments, with their offsets.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let body = line.trim_start();
        let is_comment = body.starts_with('#') || body.starts_with("//");
        (!is_comment).then_some((start, line))
    })
}

/// `NAME = var.key`, `{ name = "NAME", value = var.key }`.
fn references<'a>(text: &'a str, reached: &mut Reached<'a>) {
    let mut named: Option<&str> = None;
    for (_, line) in lines(text) {
        if let Some(pair) = pairs(line, 0).iter().find(|pair| pair.key == "name") {
            named = line.get(pair.value.start..pair.value.end);
        }
        for (at, _) in line.match_indices("var.") {
            let variable = &line[at + "var.".len()..];
            let end = variable.find(|c: char| !c.is_alphanumeric() && !"_-".contains(c));
            let variable = &variable[..end.unwrap_or(variable.len())];
            let name = match key_before(&line[..at]) {
                Some("value") => named,
                key => key,
            };
            if let Some(name) = name.filter(|name| is_variable_name(name)) {
                reached.entry(variable).or_default().insert(name);
            }
        }
    }
}

/// The key of the last pair that begins in `before`.
fn key_before(before: &str) -> Option<&str> {
    let (key, _) = before.rsplit_once(['=', ':'])?;
    let key = key.trim_end().trim_end_matches('"');
    let start = key.rfind(|c: char| !is_of_key(c)).map_or(0, |it| it + 1);
    Some(&key[start..])
}

fn is_of_key(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

fn read_file(reader: &mut Reader<'_>, file: &Arc<File>, reached: &Reached<'_>) {
    let judged = files::judge_plain(file, "Terraform sets it up");
    let scope = Scope::checkout(file, Surface::Terraform, judged, "");
    let gives_values = file.path.ends_with(".tfvars");
    let mut named: Option<&str> = None;
    let mut declared: Option<&str> = None;
    for (start, line) in lines(file.text.as_str()) {
        if let Some(rest) = line.strip_prefix("variable ") {
            declared = rest.split('"').nth(1);
        }
        for pair in pairs(line, start) {
            let written = file.text.slice(pair.value);
            let mut note = |name: &str, value: EnvValue| {
                let setting = scope.setting(
                    name,
                    value,
                    Location::new(&file.path, pair.value),
                    Location::new(&file.path, pair.whole),
                );
                reader.set(setting);
            };
            let is_default = pair.key == "default" && declared.is_some();
            let variable = match is_default {
                true => declared,
                false => Some(pair.key).filter(|_| gives_values),
            };
            if let Some(names) = variable.and_then(|variable| reached.get(variable)) {
                for name in names {
                    let value = match is_default && !written.is_empty() {
                        true => EnvValue::Default(written.to_owned()),
                        false => values::verbatim(written),
                    };
                    note(name, value);
                }
                continue;
            }
            let name = match pair.key {
                "name" => {
                    named = Some(written).filter(|name| is_variable_name(name));
                    continue;
                }
                "value" => named.take(),
                key => Some(key).filter(|key| is_variable_name(key)),
            };
            let Some(name) = name else {
                continue;
            };
            let value = match written.contains("${") {
                true => EnvValue::Outside,
                false => values::verbatim(written),
            };
            note(name, value);
        }
        if line.starts_with('}') || line.trim_end().ends_with('}') && line.starts_with("variable") {
            declared = None;
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
        let start = bare.rfind(|c: char| !is_of_key(c)).map_or(0, |it| it + 1);
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

#[cfg(test)]
mod tests {
    use super::super::{Deployment, EnvValue, Stage};
    use crate::discover::Repository;

    fn settings(texts: &[(&str, &str)], name: &str) -> Vec<(String, EnvValue, Stage)> {
        let repo = Repository::from_texts(texts.iter().copied());
        let deployment = Deployment::read(&repo);
        let found = deployment.settings(name);
        found
            .map(|it| (it.location.path.to_string(), it.value.clone(), it.stage))
            .collect()
    }

    #[test]
    fn variables_reach_the_environment() {
        let main = "resource \"a\" \"b\" {\n  app_settings = {\n    \"SECRET_KEY\" = var.flask-key\n    \
                    FLASK_DEBUG  = tostring(var.debug)\n  }\n}\n";
        let list = "locals { env = [\n  { name = \"SECRET_KEY\", value = var.flask-key }\n] }\n";
        let values = "region = \"eu\"\nflask-key = \"x7\"\n# flask-key = \"old\"\n";
        for code in [main, list] {
            let texts = [("main.tf", code), ("env/prod.tfvars", values)];
            let literal = EnvValue::Literal("x7".into());
            let expected = [("env/prod.tfvars".to_owned(), literal, Stage::Production)];
            assert_eq!(settings(&texts, "SECRET_KEY"), expected);
        }
        let declared = "variable \"debug\" {\n  type    = string\n  default = \"1\"\n}\n\
                        variable \"other\" { default = \"2\" }\n";
        let texts = [("main.tf", main), ("variables.tf", declared)];
        let default = EnvValue::Default("1".into());
        let expected = [("variables.tf".to_owned(), default, Stage::Production)];
        assert_eq!(settings(&texts, "FLASK_DEBUG"), expected);
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        let main = "provider \"aws\" {\n  secret_key = var.secret_key\n}\n";
        let values = "secret_key = \"x7\"\n";
        let texts = [("main.tf", main), ("terraform.tfvars", values)];
        assert_eq!(settings(&texts, "SECRET_KEY"), []);
        let used = "SECRET_KEY = var.secret_key\n";
        let of = |path| settings(&[("main.tf", used), (path, values)], "SECRET_KEY")[0].2;
        assert_eq!(of("example.tfvars"), Stage::Unknown);
        assert_eq!(of("dev.tfvars"), Stage::Development);
    }
}
