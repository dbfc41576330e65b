//! `.env`, `.flaskenv` and other files of `NAME=value` lines.

use std::sync::Arc;

use super::files::{self, Judged};
use super::{EnvSetting, Stage, Surface, values};
use crate::discover::File;
use crate::parse::dotenv;
use crate::text::Location;

/// Every setting of the file.
pub(super) fn read(file: &Arc<File>) -> Vec<EnvSetting> {
    let judged = judge(file);
    dotenv::parse(file.text.as_str())
        .into_iter()
        .map(|entry| EnvSetting {
            value: values::expanded(&entry.value),
            name: entry.name,
            location: Location::new(&file.path, entry.value_span),
            statement: Location::new(&file.path, entry.span),
            surface: Surface::Dotenv,
            stage: judged.stage,
            because: judged.because.clone(),
            ignored: file.ignored,
            base64: false,
            build_only: false,
        })
        .collect()
}

fn judge(file: &File) -> Judged {
    if let Some(judged) = files::judge_place(file) {
        return judged;
    }
    if file.ignored {
        return Judged::new(
            Stage::Development,
            "git ignores it: it stays on this machine",
        );
    }
    Judged::new(Stage::Production, "it is part of every checkout")
}

#[cfg(test)]
mod tests {
    use super::super::Deployment;
    use super::*;
    use crate::discover::Repository;

    #[test]
    fn names_decide_the_stage() {
        let stage = |path: &str| {
            let repo = Repository::from_texts([(path, "FLASK_DEBUG=1\n")]);
            Deployment::read(&repo).environment[0].stage
        };
        assert_eq!(stage(".env"), Stage::Production);
        assert_eq!(stage(".flaskenv"), Stage::Production);
        assert_eq!(stage(".env.example"), Stage::Unknown);
        assert_eq!(stage("env.sample"), Stage::Unknown);
        assert_eq!(stage(".env.development"), Stage::Development);
        assert_eq!(stage(".env.test"), Stage::Test);
        assert_eq!(stage("prod.env"), Stage::Production);
        assert_eq!(stage("tests/.env"), Stage::Test);
    }
}
