//! `secret-key-strength`: keys that can be seen are long, random, and in no tutorial.

use super::keys::{self, Kind, Weakness};
use super::{fresh, report};
use crate::finding::{Evidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::deployment::{EnvSetting, Surface};
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};

pub struct SecretKeyStrength;

static ABOUT: About = About {
    id: "secret-key-strength",
    title: "Keys that can be seen are long and random",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking", "csrf", "data-tampering"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/secret-key-strength.md"),
};

impl Control for SecretKeyStrength {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// The local `.env`, which no other control looks at: keys in tracked files are findings of
    /// their own, which say how strong they are.
    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for setting in local(model) {
            let value = setting.literal().unwrap_or_default();
            match Weakness::of(value) {
                Some(weakness) => findings.push(finding(setting, value, weakness)),
                None => {
                    let note = format!("{} is long and random", setting.name);
                    evidence.push(Evidence::new(setting.statement.clone(), note));
                }
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("no key is in a local file");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, _model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let key = &finding.subject;
        let words = format!(
            "Replace {key} in {}, which git ignores: `{} --review` puts a fresh one there and shows \
             it nowhere. By hand, take what this prints: `{}`.",
            finding.path(),
            fresh::COMMAND,
            report::MAKE
        );
        Patch::manual(format!("Make a strong {key}"), vec![words])
    }
}

/// The keys in ignored files that can be guessed.
pub(super) fn weak(model: &Model) -> impl Iterator<Item = &EnvSetting> {
    local(model).filter(|setting| Weakness::of(setting.literal().unwrap_or_default()).is_some())
}

/// The keys in files that git ignores.
fn local(model: &Model) -> impl Iterator<Item = &EnvSetting> {
    let environment = model.deployment.environment.iter();
    environment.filter(|setting| {
        setting.ignored
            && setting.surface == Surface::Dotenv
            && is_key(model, &setting.name)
            && setting.literal().is_some_and(|value| !value.is_empty())
    })
}

/// Whether a variable holds a key, and not a salt: by its name, or because the code reads a key
/// from it.
fn is_key(model: &Model, name: &str) -> bool {
    let by_name = keys::is_key_variable(name) && keys::kind(name) == Kind::Key;
    by_name
        || keys::names()
            .filter(|key| keys::kind(key) == Kind::Key)
            .flat_map(|key| model.configuration.writes(key))
            .flat_map(|write| write.value.leaves())
            .any(|leaf| leaf.env().is_some_and(|read| read.name == name))
}

fn finding(setting: &EnvSetting, value: &str, weakness: Weakness) -> Finding {
    let message = format!(
        "{} of this machine can be guessed (fingerprint {}): {}. A key that was made for local work \
         often ends up in production.",
        setting.name,
        keys::mark(value),
        weakness.because()
    );
    Finding::new(ABOUT.id, setting.statement.clone(), Severity::Low, message)
        .subject(&setting.name)
        .secret(setting.location.clone())
}
