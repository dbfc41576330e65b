//! Fresh keys for local work: made here, written only to a file that git ignores, shown nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::{self, Kind};
use super::{strength, surroundings};
use crate::discover::History;
use crate::error::Error;
use crate::model::Model;
use crate::model::config::{Environment, Value};
use crate::text::Span;

const DOTENV: &str = ".env";

/// The command that puts fresh keys into the ignored file.
pub(super) const COMMAND: &str = "flask-harden fix --write --control secret-key-strength";

/// A variable that gets a fresh key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// A file that git ignores, or will once it is there.
    pub path: Arc<str>,
    pub variable: String,
    /// The guessable value that goes; `None`: the file lacks the variable.
    pub replaces: Option<Span>,
}

/// Every variable for a key that the application reads and the ignored `.env` lacks, and every
/// key in it that can be guessed. Salts are left out: their value must not change (facts 2.8).
pub fn wanted(model: &Model) -> Vec<Fresh> {
    let history = History::open(model.repo.root()).ok();
    // A pattern in `.gitignore` does not untrack what is committed already.
    let is_tracked = |path: &str| {
        let history = history.as_ref();
        history.is_some_and(|it| it.is_tracked(path).unwrap_or(true))
    };
    let mut found = in_ignored_files(model);
    found.retain(|fresh| !is_tracked(&fresh.path));
    found
}

fn in_ignored_files(model: &Model) -> Vec<Fresh> {
    let weak = strength::weak(model).map(|setting| Fresh {
        path: Arc::clone(&setting.location.path),
        variable: setting.name.clone(),
        replaces: Some(setting.location.span),
    });
    let mut found: Vec<Fresh> = weak.collect();
    if !takes_lines(model) {
        return found;
    }
    for variable in variables(model) {
        let settings = model.deployment.settings(&variable);
        let is_set = settings
            .filter(|it| it.ignored)
            .any(|it| it.literal().is_some_and(|text| !text.is_empty()));
        let is_known = found.iter().any(|it| it.variable == variable);
        if !is_set && !is_known {
            found.push(Fresh {
                path: Arc::from(DOTENV),
                variable,
                replaces: None,
            });
        }
    }
    found
}

/// Whether the project works with `.env`, and git ignores the one at its root.
fn takes_lines(model: &Model) -> bool {
    let is_ignored = match model.repo.file(DOTENV) {
        Some(file) => file.ignored,
        None => surroundings::ignored(model).is_empty(),
    };
    is_ignored && surroundings::uses_dotenv(model)
}

/// The variables that production's keys are read from, through whatever the project reads them
/// with.
fn variables(model: &Model) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for key in keys::names().filter(|key| keys::kind(key) == Kind::Key) {
        for write in model.configuration.writes(key) {
            let file = &model.modules.get(write.module).file;
            if !file.purpose.is_application() || !write.in_environment(Environment::Production) {
                continue;
            }
            for leaf in write.value.leaves() {
                if let Value::Env(read) = leaf
                    && !found.contains(&read.name)
                {
                    found.push(read.name.clone());
                }
            }
        }
    }
    found
}

/// The new texts of the files, each with its keys, by path.
pub fn texts(model: &Model, fresh: &[Fresh]) -> Result<BTreeMap<Arc<str>, String>, Error> {
    let mut texts: BTreeMap<Arc<str>, String> = BTreeMap::new();
    let mut changes: Vec<&Fresh> = fresh.iter().collect();
    // From the end, so that the spans of the others stay right.
    changes.sort_by_key(|it| std::cmp::Reverse(it.replaces.map_or(0, |span| span.start)));
    for it in changes {
        let text = texts.entry(Arc::clone(&it.path)).or_insert_with(|| {
            let file = model.repo.file(&it.path);
            file.map_or_else(String::new, |file| file.text.as_str().to_owned())
        });
        let key = make()?;
        match it.replaces {
            Some(span) if text.is_char_boundary(span.start) && text.is_char_boundary(span.end) => {
                text.replace_range(span.start..span.end, &key);
            }
            Some(_) => {}
            None => set(text, &it.variable, &key),
        }
    }
    Ok(texts)
}

/// `NAME=key`: where the name stands without a value, else at the end.
fn set(text: &mut String, variable: &str, key: &str) {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let empty = format!("{variable}=");
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let name = line.trim_start().trim_start_matches("export ");
        if name.trim_end() == empty {
            let end = start + line.trim_end().len();
            text.insert_str(end, key);
            return;
        }
        start += line.len();
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(newline);
    }
    text.push_str(&format!("{variable}={key}{newline}"));
}

/// As `secrets.token_urlsafe(64)`: 86 characters of an alphabet of 64 (facts 2.1).
fn make() -> Result<String, Error> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0u8; 86];
    getrandom::fill(&mut bytes).map_err(|error| Error::NoRandomness(error.to_string()))?;
    let characters = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 63)]));
    Ok(characters.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;
    use crate::discover::scratch::{commit, repository};
    use crate::strategies::secret_key::keys::Weakness;
    use crate::strategies::testing;

    const APP: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n\
                       app.secret_key = os.environ['SHOP_KEY']\n\
                       app.config['SECURITY_PASSWORD_SALT'] = os.environ['SALT']\n";

    #[test]
    fn what_the_ignored_file_lacks_is_made() {
        let needs = ("requirements.txt", "flask\npython-dotenv\n");
        let ignores = (".gitignore", ".env\n");
        let model = testing::model(&[("app.py", APP), needs, ignores]);
        let fresh = wanted(&model);
        assert_eq!(fresh.len(), 1, "{fresh:?}");
        let texts = texts(&model, &fresh).unwrap();
        let (name, key) = texts[".env"].trim_end().split_once('=').unwrap();
        assert_eq!((name, key.len()), ("SHOP_KEY", 86));
        assert_eq!(Weakness::of(key), None);
        // Not where git would take it, and not where nothing reads it.
        assert_eq!(wanted(&testing::model(&[("app.py", APP), needs])), []);
        assert_eq!(wanted(&testing::model(&[("app.py", APP), ignores])), []);
    }

    #[test]
    fn a_committed_file_gets_no_key_though_a_pattern_names_it() {
        for is_committed in [false, true] {
            let (folder, raw) = repository(&[("app.py", APP)]);
            let write = |name: &str, text: &str| {
                std::fs::write(folder.path().join(name), text).unwrap();
            };
            match is_committed {
                true => drop(commit(&raw, &[(".env", "A=1\n")])),
                false => write(".env", "A=1\n"),
            }
            write(".gitignore", ".env\n");
            let repo = Repository::discover(folder.path()).unwrap();
            let found = wanted(&Model::build(Arc::new(repo)));
            assert_eq!(found.is_empty(), is_committed, "{found:?}");
        }
    }

    #[test]
    fn only_the_value_changes() {
        let mut text = "A=1\r\nexport SHOP_KEY=\r\nB=2\r\n".to_owned();
        set(&mut text, "SHOP_KEY", "x");
        assert_eq!(text, "A=1\r\nexport SHOP_KEY=x\r\nB=2\r\n");
        let mut text = "A=1".to_owned();
        set(&mut text, "SHOP_KEY", "x");
        assert_eq!(text, "A=1\nSHOP_KEY=x\n");
    }
}
