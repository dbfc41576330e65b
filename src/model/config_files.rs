//! Configuration files that are not Python: what `app.config.from_file("config.json", …)` reads.

use std::sync::Arc;

use super::Model;
use super::app::AppId;
use super::config::{Environment, Source, SourceKind};
use crate::discover::File;
use crate::parse::toml::Toml;
use crate::parse::yaml::{Style, Yaml};
use crate::text::{Location, Span};

/// One upper-case key of such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSetting {
    pub app: AppId,
    pub key: String,
    /// Without quotes.
    pub text: String,
    /// Quoted: a text, whatever it says.
    pub is_text: bool,
    /// Of the text.
    pub value: Location,
    /// From the key to the value.
    pub entry: Location,
}

impl FileSetting {
    /// Python's truth value of what the file says.
    pub fn is_truthy(&self) -> bool {
        match self.is_text {
            true => !self.text.is_empty(),
            false => !matches!(
                &*self.text.to_ascii_lowercase(),
                "" | "0" | "0.0" | "false" | "no" | "off" | "null" | "none" | "~" | "[]" | "{}"
            ),
        }
    }
}

/// Every setting of every file that production loads, in the order of the code.
pub fn settings(model: &Model) -> Vec<FileSetting> {
    let mut found: Vec<FileSetting> = Vec::new();
    for (app, _) in model.apps.production() {
        for source in model.configuration.sources(app) {
            let is_loaded = source.environments.contains(&Environment::Production);
            if source.kind != SourceKind::File || !is_loaded {
                continue;
            }
            let Some(file) = file_of(model, app, source) else {
                continue;
            };
            for setting in of_file(app, file) {
                if !found.iter().any(|known| known.value == setting.value) {
                    found.push(setting);
                }
            }
        }
    }
    found
}

/// The file, in the places where Flask looks.
fn file_of<'m>(model: &'m Model, app: AppId, source: &Source) -> Option<&'m Arc<File>> {
    let name = source.name.as_deref()?.trim_start_matches("./");
    let root = model.apps.get(app).root.as_str();
    let above = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let places = [root, above].into_iter().flat_map(|folder| {
        let folder = match folder {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        [
            format!("{folder}{name}"),
            format!("{folder}instance/{name}"),
        ]
    });
    let mut places = places.chain([name.to_owned()]);
    places.find_map(|place| model.repo.file(&place))
}

fn of_file(app: AppId, file: &File) -> Vec<FileSetting> {
    if file.path.ends_with(".toml") {
        return of_toml(app, file);
    }
    // JSON is YAML as far as this goes.
    let is_known = [".json", ".yaml", ".yml"]
        .iter()
        .any(|end| file.path.ends_with(end));
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root().filter(|_| is_known) else {
        return Vec::new();
    };
    let entries = root.own_entries().filter_map(|entry| {
        let key = entry.key.as_str().filter(|key| is_setting(key))?;
        let scalar = entry.value.scalar()?;
        Some(FileSetting {
            app,
            key: key.to_owned(),
            text: scalar.value.as_str().to_owned(),
            is_text: scalar.style != Style::Plain,
            value: Location::new(&file.path, scalar.inner),
            entry: Location::new(&file.path, entry.span()),
        })
    });
    entries.collect()
}

fn of_toml(app: AppId, file: &File) -> Vec<FileSetting> {
    let Ok(toml) = Toml::parse(&file.text) else {
        return Vec::new();
    };
    let root = toml.root();
    let entries = root.iter().filter_map(|(key, item)| {
        let value = item.as_value().filter(|_| is_setting(key))?;
        let plain = Span::from(value.span()?);
        let (text, span) = match toml.string(value) {
            Some(piece) => (piece.text, piece.span),
            None => (file.text.slice(plain).to_owned(), plain),
        };
        Some(FileSetting {
            app,
            key: key.to_owned(),
            text,
            is_text: value.is_str(),
            value: Location::new(&file.path, span),
            entry: Location::new(&file.path, toml.entry_span(root, key)?),
        })
    });
    entries.collect()
}

/// Flask takes upper-case keys only.
fn is_setting(key: &str) -> bool {
    let has_upper = key.bytes().any(|byte| byte.is_ascii_uppercase());
    has_upper && !key.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    fn found(path: &str, text: &str) -> Vec<(String, String, bool)> {
        let source = format!(
            "from flask import Flask\nimport json\napp = Flask(__name__)\n\
             app.config.from_file(\"{path}\", load=json.load)\n"
        );
        let texts = [("app.py", source.as_str()), (path, text)];
        let model = Model::build(Arc::new(Repository::from_texts(texts)));
        let all = settings(&model).into_iter();
        all.map(|it| {
            let file = model.repo.file(&it.value.path).unwrap();
            let slice = file.text.slice(it.value.span).to_owned();
            let truth = it.is_truthy();
            (it.key, slice, truth)
        })
        .collect()
    }

    #[test]
    fn every_kind_of_file_is_read() {
        let wanted = |value: &str, truth| vec![("DEBUG".to_owned(), value.to_owned(), truth)];
        let json = "{\n  \"debug\": true,\n  \"DEBUG\": VALUE\n}\n";
        for (value, inner, truth) in [
            ("true", "true", true),
            ("false", "false", false),
            ("\"False\"", "False", true),
            ("0", "0", false),
        ] {
            assert_eq!(
                found("c.json", &json.replace("VALUE", value)),
                wanted(inner, truth)
            );
            assert_eq!(
                found("c.yaml", &format!("DEBUG: {value}\n")),
                wanted(inner, truth)
            );
            assert_eq!(
                found("c.toml", &format!("DEBUG = {value} # x\n")),
                wanted(inner, truth)
            );
        }
        assert_eq!(found("c.txt", "DEBUG: true\n"), []);
        assert_eq!(found("c.toml", "DEBUG = [\n"), []);
    }
}
