//! Configuration files that are not Python: what `app.config.from_file("config.json", …)` reads,
//! what code takes out of them by itself, and dynaconf's.

use std::sync::Arc;

use super::Model;
use super::app::AppId;
use super::config::{Environment, FileEntry, Resolved, Source, SourceKind, Value, Write};
use crate::discover::{File, FileKind};
use crate::parse::ini::{Dialect, Ini};
use crate::parse::toml::Toml;
use crate::parse::yaml::{Style, Yaml};
use crate::text::{Location, Span};

/// One setting that production gets from such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSetting {
    pub app: AppId,
    /// As Flask knows it, whatever the file calls it.
    pub key: String,
    /// Without quotes.
    pub text: String,
    /// Quoted: a text, whatever it says.
    pub is_text: bool,
    /// Of the text.
    pub value: Location,
    /// From the key to the value.
    pub entry: Location,
    pub origin: Origin,
    /// Production gets another value: a later file, or code behind it, sets the key again.
    pub is_overridden: bool,
}

/// How a file's setting becomes the application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The file is loaded as a whole (`from_file`, `update`).
    Loaded,
    /// Code takes the value out of it; the write's place.
    Read(Location),
    /// A library loads it, and variables of the environment with this prefix win over it.
    Layered { prefix: String },
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
        let mut own = loaded(model, app);
        own.extend(read(model, app));
        for setting in own {
            if !found.iter().any(|known| known.value == setting.value) {
                found.push(setting);
            }
        }
    }
    found
}

fn loaded(model: &Model, app: AppId) -> Vec<FileSetting> {
    let mut found: Vec<FileSetting> = Vec::new();
    for source in model.configuration.sources(app) {
        let is_loaded = source.environments.contains(&Environment::Production);
        if source.kind != SourceKind::File || !is_loaded {
            continue;
        }
        let name = source.name.as_deref();
        let Some(file) = name.and_then(|name| file_of(model, app, name)) else {
            continue;
        };
        for entry in entries(file, &source.section, source.prefix.is_some()) {
            let key = match &source.prefix {
                Some(_) => entry.key.to_ascii_uppercase(),
                None if is_setting(&entry.key) => entry.key.clone(),
                None => continue,
            };
            let origin = match &source.prefix {
                Some(prefix) => Origin::Layered {
                    prefix: prefix.clone(),
                },
                None => Origin::Loaded,
            };
            if source.conditions.is_empty() {
                for before in found.iter_mut().filter(|it| it.key == key) {
                    before.is_overridden = true;
                }
            }
            let is_overridden = is_set_behind(model, app, &key, source);
            found.push(entry.into_setting(app, key, origin, is_overridden));
        }
    }
    found
}

/// Whether code sets the key for certain after the file is loaded.
fn is_set_behind(model: &Model, app: AppId, key: &str, source: &Source) -> bool {
    let resolved = model
        .configuration
        .resolved(app, key, Environment::Production);
    match resolved {
        Resolved::Set { write, open, .. } => {
            write.is_certain() && !open.iter().any(|it| it.location == source.location)
        }
        _ => false,
    }
}

fn read(model: &Model, app: AppId) -> Vec<FileSetting> {
    let mut found = Vec::new();
    let writes = model.configuration.in_order(app, Environment::Production);
    for write in writes {
        for leaf in write.value.leaves() {
            let Value::Entry(entry) = leaf else {
                continue;
            };
            let Some(mut setting) = of_entry(model, app, entry, &write.key) else {
                continue;
            };
            setting.origin = match &entry.prefix {
                Some(prefix) => Origin::Layered {
                    prefix: prefix.clone(),
                },
                None => Origin::Read(write.place()),
            };
            setting.is_overridden = !is_in_force(model, app, write);
            found.push(setting);
        }
    }
    found
}

fn is_in_force(model: &Model, app: AppId, write: &Write) -> bool {
    let resolved = model
        .configuration
        .resolved(app, &write.key, Environment::Production);
    match &resolved {
        Resolved::Set { .. } => resolved
            .possible()
            .iter()
            .any(|other| other.key_at == write.key_at),
        _ => true,
    }
}

/// What the repository's files hold at that place.
pub fn of_entry(model: &Model, app: AppId, entry: &FileEntry, key: &str) -> Option<FileSetting> {
    let (last, above) = entry.keys.split_last()?;
    let layers: Vec<Option<&String>> = match entry.layers.is_empty() {
        true => vec![None],
        false => entry.layers.iter().rev().map(Some).collect(),
    };
    for name in entry.files.iter().rev() {
        let Some(file) = file_of(model, app, name) else {
            continue;
        };
        let any_case = entry.prefix.is_some() || file.kind == FileKind::Ini;
        let is_it = |own: &str| own == last || (any_case && own.eq_ignore_ascii_case(last));
        for layer in &layers {
            let section: Vec<String> = layer.iter().copied().chain(above).cloned().collect();
            let mut all = entries(file, &section, entry.prefix.is_some()).into_iter();
            let Some(mut found) = all.find(|it| is_it(&it.key)) else {
                continue;
            };
            // `getboolean` reads words; everything else of an INI file is a text.
            let parses = ["getboolean", "getint", "getfloat"];
            found.is_text |= file.kind == FileKind::Ini
                && !parses.iter().any(|method| entry.how.ends_with(method));
            return Some(found.into_setting(app, key.to_owned(), Origin::Loaded, false));
        }
    }
    None
}

/// The file, in the places where Flask looks, and where the code is started.
fn file_of<'m>(model: &'m Model, app: AppId, name: &str) -> Option<&'m Arc<File>> {
    let name = name.trim_start_matches("./");
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
            format!("{folder}config/{name}"),
        ]
    });
    let mut places = places.chain([name.to_owned()]);
    let found = places.find_map(|place| model.repo.file(&place));
    found.filter(|file| !file.ignored)
}

/// A scalar of a file, before it is known what it is for.
struct Raw {
    key: String,
    text: String,
    is_text: bool,
    value: Location,
    entry: Location,
}

impl Raw {
    fn into_setting(
        self,
        app: AppId,
        key: String,
        origin: Origin,
        is_overridden: bool,
    ) -> FileSetting {
        FileSetting {
            app,
            key,
            text: self.text,
            is_text: self.is_text,
            value: self.value,
            entry: self.entry,
            origin,
            is_overridden,
        }
    }
}

/// The scalars of a section.
fn entries(file: &File, section: &[String], any_case: bool) -> Vec<Raw> {
    match file.kind {
        FileKind::Ini => return of_ini(file, section),
        _ if file.path.ends_with(".toml") => return of_toml(file, section, any_case),
        _ => {}
    }
    // JSON is YAML as far as this goes.
    let is_known = [".json", ".yaml", ".yml"]
        .iter()
        .any(|end| file.path.ends_with(end));
    let yaml = Yaml::parse(file.text.as_str());
    let Some(mut node) = yaml.root().filter(|_| is_known) else {
        return Vec::new();
    };
    for key in section {
        let own = node.entries();
        let found = own.iter().find(|entry| {
            let name = entry.key.as_str().unwrap_or_default();
            name == key || (any_case && name.eq_ignore_ascii_case(key))
        });
        let Some(found) = found else {
            return Vec::new();
        };
        node = found.value;
    }
    let entries = node.own_entries().filter_map(|entry| {
        let key = entry.key.as_str()?;
        let scalar = entry.value.scalar()?;
        Some(Raw {
            key: key.to_owned(),
            text: scalar.value.as_str().to_owned(),
            is_text: scalar.style != Style::Plain,
            value: Location::new(&file.path, scalar.inner),
            entry: Location::new(&file.path, entry.span()),
        })
    });
    entries.collect()
}

fn of_toml(file: &File, section: &[String], any_case: bool) -> Vec<Raw> {
    let Ok(toml) = Toml::parse(&file.text) else {
        return Vec::new();
    };
    let mut table = toml.root();
    for key in section {
        let mut own = table.iter();
        let found =
            own.find(|(name, _)| name == key || (any_case && name.eq_ignore_ascii_case(key)));
        let Some(inner) = found.and_then(|(_, item)| item.as_table_like()) else {
            return Vec::new();
        };
        table = inner;
    }
    let entries = table.iter().filter_map(|(key, item)| {
        let value = item.as_value()?;
        let plain = Span::from(value.span()?);
        let (text, span) = match toml.string(value) {
            Some(piece) => (piece.text, piece.span),
            None => (file.text.slice(plain).to_owned(), plain),
        };
        Some(Raw {
            key: key.to_owned(),
            text,
            is_text: value.is_str(),
            value: Location::new(&file.path, span),
            entry: Location::new(&file.path, toml.entry_span(table, key)?),
        })
    });
    entries.collect()
}

fn of_ini(file: &File, section: &[String]) -> Vec<Raw> {
    let ini = Ini::parse(file.text.as_str(), Dialect::Indented);
    let [name] = section else {
        return Vec::new();
    };
    let Some(index) = ini.section_named(name) else {
        return Vec::new();
    };
    let entries = ini.of(index).map(|entry| Raw {
        key: entry.key.clone(),
        text: entry.value.as_str().to_owned(),
        is_text: false,
        value: Location::new(&file.path, entry.value_span),
        entry: Location::new(&file.path, entry.span),
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
