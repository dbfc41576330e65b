//! What a project has decided: `[tool.flask-harden]` in its `pyproject.toml`, or a file with
//! the same keys at its top (`--answers`).
//!
//! ```toml
//! [tool.flask-harden]
//! fail-on = "medium"            # critical, high, medium, low, none
//! exclude = ["legacy/**"]       # as in .gitignore, relative to the scanned folder
//!
//! [tool.flask-harden.answers]   # what the patches' options are answered with
//! session-backend.backend = "redis"
//!
//! [tool.flask-harden.disabled]  # controls that do not count, each with the reason
//! secret-key-store = "the platform injects the key"
//! ```
//!
//! An unknown key is an error that suggests the nearest one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Item, TableLike};

use crate::discover::read_text;
use crate::error::Error;
use crate::finding::Severity;
use crate::model::dependencies::Advisories;
use crate::parse::toml::Toml;
use crate::strategies::scope::unknown_control;
use crate::strategies::{Answers, registry};
use crate::suggest::closest;
use crate::text::Text;

const FILE: &str = "pyproject.toml";
const TABLE: [&str; 2] = ["tool", "flask-harden"];
const KEYS: [&str; 4] = ["fail-on", "exclude", "answers", "disabled"];

/// A project's decisions, or those of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    pub fail_on: Option<FailOn>,
    /// Globs of what is not read.
    pub exclude: Vec<String>,
    pub answers: Answers,
    /// Why a control does not count, by its id.
    pub disabled: BTreeMap<&'static str, String>,
    /// Known vulnerabilities newer than the embedded ones. Of a run only: what a repository is
    /// judged by is not the repository's to choose.
    pub advisories: Option<Arc<Advisories>>,
}

/// From which severity on a scan fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    AtLeast(Severity),
    Never,
}

impl FailOn {
    pub const WORDS: [&'static str; 5] = ["critical", "high", "medium", "low", "none"];

    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "critical" => Self::AtLeast(Severity::Critical),
            "high" => Self::AtLeast(Severity::High),
            "medium" => Self::AtLeast(Severity::Medium),
            "low" => Self::AtLeast(Severity::Low),
            "none" => Self::Never,
            _ => return None,
        })
    }

    /// Whether findings of which `worst` is the worst make a scan fail.
    pub fn fails(self, worst: Option<Severity>) -> bool {
        match self {
            Self::AtLeast(least) => worst.is_some_and(|worst| worst >= least),
            Self::Never => false,
        }
    }
}

impl Settings {
    /// The decisions of the project in `folder`: none without a `pyproject.toml` that has a
    /// table for this tool.
    pub fn of_project(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let Ok(text) = read_text(&path) else {
            // The scan names it among what was not read.
            return Ok(Self::default());
        };
        let text = Text::new(text);
        let concerned = text.as_str().contains(TABLE[1]);
        match Toml::parse(&text) {
            Ok(toml) => match toml.get(&TABLE) {
                Some(item) => Reader::new(FILE, &text).item(item),
                None => Ok(Self::default()),
            },
            Err(message) if concerned => Err(Error::Settings {
                path: FILE.into(),
                message,
            }),
            Err(_) => Ok(Self::default()),
        }
    }

    /// The decisions in a file of its own.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|source| Error::Unreadable {
            path: file.into(),
            source,
        })?;
        Self::parse(&file.display().to_string(), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let text = Text::new(text);
        let toml = Toml::parse(&text).map_err(|message| Error::Settings {
            path: name.into(),
            message,
        })?;
        Reader::new(name, &text).table(toml.root())
    }

    /// These decisions where `other` has none of its own.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        for (key, value) in other.answers.iter() {
            self.answers.set(key, value);
        }
        self.exclude.extend(other.exclude);
        self.disabled.extend(other.disabled);
        self.fail_on = other.fail_on.or(self.fail_on);
        self.advisories = other.advisories.or(self.advisories);
        self
    }
}

/// Reads one table, and says where in which file it is wrong.
struct Reader<'a> {
    name: &'a str,
    text: &'a Text,
}

impl<'a> Reader<'a> {
    const fn new(name: &'a str, text: &'a Text) -> Self {
        Self { name, text }
    }

    fn item(&self, item: &Item) -> Result<Settings, Error> {
        match item.as_table_like() {
            Some(table) => self.table(table),
            None => Err(self.wrong(item, "tool.flask-harden must be a table")),
        }
    }

    fn table(&self, table: &dyn TableLike) -> Result<Settings, Error> {
        let mut settings = Settings::default();
        for (key, item) in table.iter() {
            match key {
                "fail-on" => settings.fail_on = Some(self.fail_on(item)?),
                "exclude" => settings.exclude = self.exclude(item)?,
                "answers" => self.answers("", item, &mut settings.answers)?,
                "disabled" => settings.disabled = self.disabled(item)?,
                _ => return Err(self.unknown(table, "the key", key, KEYS)),
            }
        }
        Ok(settings)
    }

    fn fail_on(&self, item: &Item) -> Result<FailOn, Error> {
        let word = item.as_str().unwrap_or_default();
        FailOn::from_word(word).ok_or_else(|| {
            let words = FailOn::WORDS.join(", ");
            self.wrong(item, &format!("fail-on must be one of {words}"))
        })
    }

    fn exclude(&self, item: &Item) -> Result<Vec<String>, Error> {
        let wrong = || self.wrong(item, "exclude must be a list of globs");
        let globs = item.as_array().ok_or_else(wrong)?.iter();
        globs
            .map(|glob| glob.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect()
    }

    /// `a.b = "x"`, `"a.b" = "x"` and `[a] b = "x"` say the same.
    fn answers(&self, prefix: &str, item: &Item, answers: &mut Answers) -> Result<(), Error> {
        let table = item.as_table_like();
        let table = table.ok_or_else(|| self.wrong(item, "answers must be a table"))?;
        for (key, item) in table.iter() {
            let full = format!("{prefix}{key}");
            let control = full.split('.').next().unwrap_or_default();
            if registry::by_id(control).is_none() {
                return Err(self.at_key(table, key, &unknown_control(control)));
            }
            if item.is_table_like() {
                self.answers(&format!("{full}."), item, answers)?;
                continue;
            }
            let wrong = || {
                self.wrong(
                    item,
                    &format!("the answer to {full} must be a string, a number, true or false"),
                )
            };
            answers.set(full.as_str(), plain(item).ok_or_else(wrong)?);
        }
        Ok(())
    }

    fn disabled(&self, item: &Item) -> Result<BTreeMap<&'static str, String>, Error> {
        let table = item.as_table_like();
        let table = table.ok_or_else(|| self.wrong(item, "disabled must be a table"))?;
        let mut disabled = BTreeMap::new();
        for (key, item) in table.iter() {
            let Some(control) = registry::by_id(key) else {
                return Err(self.at_key(table, key, &unknown_control(key)));
            };
            let reason = item.as_str().map(str::trim).unwrap_or_default();
            if reason.is_empty() {
                return Err(self.wrong(item, &format!("say why {key} is disabled")));
            }
            disabled.insert(control.about().id, reason.to_owned());
        }
        Ok(disabled)
    }

    fn unknown<'k>(
        &self,
        table: &dyn TableLike,
        what: &'static str,
        given: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Error {
        let error = Error::UnknownName {
            what,
            given: given.to_owned(),
            suggestion: closest(given, known),
        };
        self.at_key(table, given, &error)
    }

    fn at_key(&self, table: &dyn TableLike, key: &str, error: &Error) -> Error {
        let key = table.get_key_value(key).and_then(|(key, _)| key.span());
        self.at(key.map(|span| span.start), &error.to_string())
    }

    fn wrong(&self, item: &Item, message: &str) -> Error {
        self.at(item.span().map(|span| span.start), message)
    }

    fn at(&self, offset: Option<usize>, message: &str) -> Error {
        let line = offset.map(|offset| self.text.line_of(offset));
        Error::Settings {
            path: line.map_or_else(
                || self.name.to_owned(),
                |line| format!("{}:{line}", self.name),
            ),
            message: message.to_owned(),
        }
    }
}

fn plain(item: &Item) -> Option<String> {
    let text = item.as_str().map(str::to_owned);
    let number = || item.as_integer().map(|number| number.to_string());
    let truth = || item.as_bool().map(|truth| truth.to_string());
    text.or_else(number).or_else(truth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Settings::parse("answers.toml", text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_key_is_read() {
        let settings = Settings::parse(
            "answers.toml",
            "fail-on = 'high'\nexclude = ['old/**']\n[answers]\ndebug-run.value = 'off'\n\
             'debug-run.n' = 3\n[disabled]\ndebug-run = 'because'\n",
        );
        let settings = settings.unwrap();
        assert_eq!(settings.fail_on, Some(FailOn::AtLeast(Severity::High)));
        assert_eq!(settings.exclude, ["old/**"]);
        assert_eq!(settings.answers.get("debug-run.value"), Some("off"));
        assert_eq!(settings.answers.get("debug-run.n"), Some("3"));
        assert_eq!(settings.disabled["debug-run"], "because");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        assert_eq!(
            wrong("\nexclud = []"),
            "answers.toml:2: the key `exclud` is not known; did you mean `exclude`?"
        );
        assert!(wrong("fail-on = 'worst'").contains("answers.toml:1: fail-on must be one of"));
        assert!(wrong("exclude = 'x'").contains("a list of globs"));
        assert!(wrong("[answers]\ndebug-rnu.value = 'x'").contains("did you mean `debug-run`"));
        assert!(wrong("[answers]\ndebug-run.value = []").contains("must be a string"));
        assert!(wrong("[disabled]\ndebug-run = ''").contains("say why"));
        assert!(wrong("= 1").starts_with("answers.toml: "));
    }

    #[test]
    fn a_run_overrides_the_project() {
        let project =
            Settings::parse("p", "fail-on='low'\n[answers]\ndebug-run.value='a'").unwrap();
        let run = Settings::parse("r", "[answers]\ndebug-run.value='b'").unwrap();
        let both = project.overridden_by(run);
        assert_eq!(both.answers.get("debug-run.value"), Some("b"));
        assert_eq!(both.fail_on, Some(FailOn::AtLeast(Severity::Low)));
    }

    #[test]
    fn a_project_without_a_table_has_no_settings() {
        let folder = tempfile::tempdir().unwrap();
        let none = Settings::of_project(folder.path()).unwrap();
        assert_eq!(none, Settings::default());
        let file = folder.path().join(FILE);
        std::fs::write(&file, "[project\nname = 'x'").unwrap();
        assert!(Settings::of_project(folder.path()).is_ok());
        std::fs::write(&file, "[tool.flask-harden]\nfail-on = 'none'").unwrap();
        let settings = Settings::of_project(folder.path()).unwrap();
        assert_eq!(settings.fail_on, Some(FailOn::Never));
        std::fs::write(&file, "[tool.flask-harden\n").unwrap();
        assert!(Settings::of_project(folder.path()).is_err());
    }
}
