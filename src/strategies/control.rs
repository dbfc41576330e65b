//! What every control is.

use std::collections::BTreeMap;

use super::strategy::Strategy;
use crate::finding::{Finding, Patch, Severity, Verdict};
use crate::model::Model;

/// One verifiable step of a strategy. Detection is cheap and total; a patch is made only when
/// somebody looks at its finding.
pub trait Control: Sync + Send {
    fn about(&self) -> &'static About;

    /// Whether the control is in place, with evidence or findings.
    fn check(&self, model: &Model) -> Verdict;

    /// What to do about one of the findings that [`Control::check`] gave for this same model.
    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch;
}

/// The facts about a control that do not depend on the application.
#[derive(Debug)]
pub struct About {
    /// Kebab-case, its only name.
    pub id: &'static str,
    /// What is in place when it is implemented ("No start of the server with debug on").
    pub title: &'static str,
    pub strategy: &'static Strategy,
    /// The ids of the strategy's threats that this control bears on.
    pub threats: &'static [&'static str],
    /// What an undecided verdict counts as, and the worst that the control's findings reach.
    pub severity: Severity,
    /// The Markdown page that `explain` shows.
    pub page: &'static str,
}

/// Answers to the options of remedies, by option key. Unanswered options take their default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The answer, or the default.
    pub fn or<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.get(key).unwrap_or(default)
    }

    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}
