//! Whether a command of a script runs in production: what its conditions say.

use super::Stage;
use super::files::Judged;
use super::rules;
use super::scope::Scope;
use crate::parse::shell::Branch;

/// What the conditions around a command say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    /// It runs, or nothing says that it does not.
    Yes,
    /// It runs in another stage than the script.
    Only(Judged),
    /// With what the files set, it never runs.
    Never,
}

/// Judges the conditions that enclose a command.
pub(super) fn judge(branches: &[Branch], scope: &Scope) -> Reached {
    let mut reached = Reached::Yes;
    for branch in branches {
        match one(branch, scope) {
            Reached::Never => return Reached::Never,
            Reached::Only(judged) if reached == Reached::Yes => reached = Reached::Only(judged),
            _ => {}
        }
    }
    reached
}

fn one(branch: &Branch, scope: &Scope) -> Reached {
    match &branch.subject {
        Some(subject) => label(branch, subject, scope),
        None => condition(branch, scope),
    }
}

/// `case $1 in web) …`
fn label(branch: &Branch, subject: &str, scope: &Scope) -> Reached {
    let value = scope.expand(subject);
    let open = branch.text.split('|').any(|pattern| pattern.trim() == "*");
    if !value.contains('$') && !value.is_empty() {
        let taken = branch.earlier.iter().any(|label| fits(label, &value));
        return match fits(&branch.text, &value) && !taken {
            true => Reached::Yes,
            false => Reached::Never,
        };
    }
    match rules::stage_of_name(&branch.text) {
        Some((stage @ (Stage::Development | Stage::Test), word)) if !open => {
            Reached::Only(Judged::new(stage, format!("it runs only for \"{word}\"")))
        }
        _ => Reached::Yes,
    }
}

/// Whether a label (`a|b*`) takes the value.
fn fits(label: &str, value: &str) -> bool {
    label
        .split('|')
        .map(str::trim)
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => value.starts_with(prefix),
            None => pattern == value,
        })
}

/// `if [ "$FLASK_ENV" = development ]`, or the name of a function.
fn condition(branch: &Branch, scope: &Scope) -> Reached {
    if let Some(holds) = evaluate(&branch.text, scope) {
        return match holds == branch.negated {
            true => Reached::Never,
            false => Reached::Yes,
        };
    }
    let Some((stage, word)) = rules::stage_of_name(&branch.text) else {
        return Reached::Yes;
    };
    let inverted = branch.text.contains("!=") || branch.text.contains("-z ");
    match (stage, branch.negated != inverted) {
        (Stage::Development | Stage::Test, false) => {
            Reached::Only(Judged::new(stage, format!("it runs only for \"{word}\"")))
        }
        (Stage::Production, true) => Reached::Only(Judged::new(
            Stage::Development,
            format!("it runs where \"{word}\" does not hold"),
        )),
        _ => Reached::Yes,
    }
}

/// A comparison whose sides are known: `[ $A = b ]`, `[[ $A == b ]]`, `test -n "$A"`.
fn evaluate(text: &str, scope: &Scope) -> Option<bool> {
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !matches!(*word, "[" | "[[" | "]" | "]]" | "test"))
        .collect();
    let known = |word: &str| {
        let value = scope.expand(word);
        (word.contains('$') && !value.contains('$')).then_some(value)
    };
    match words.as_slice() {
        [left, "=" | "==", right] => Some(known(left)? == *right),
        [left, "!=", right] => Some(known(left)? != *right),
        ["-n", word] => Some(!known(word)?.is_empty()),
        ["-z", word] => Some(known(word)?.is_empty()),
        _ => None,
    }
}
