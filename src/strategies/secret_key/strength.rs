//! `secret-key-strength`: keys that can be seen are long, random, and in no tutorial.

use super::keys::{self, Kind, Weakness};
use super::report;
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
            "Replace {key} in {}, which git ignores and no diff shows, by what this prints: `{}`.",
            finding.path(),
            report::MAKE
        );
        Patch::manual(format!("Make a strong {key}"), vec![words])
    }
}

/// The keys in files that git ignores.
fn local(model: &Model) -> impl Iterator<Item = &EnvSetting> {
    let environment = model.deployment.environment.iter();
    environment.filter(|setting| {
        setting.ignored
            && setting.surface == Surface::Dotenv
            && keys::is_key_variable(&setting.name)
            && keys::kind(&setting.name) == Kind::Key
            && setting.literal().is_some_and(|value| !value.is_empty())
    })
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
