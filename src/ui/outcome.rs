//! How a dialogue ended, in words that stay in the terminal after it.

use std::fmt::{self, Write as _};

use crate::git::Created;
use crate::strategies::Answers;

/// A branch that was made, and what is left for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub created: Created,
    pub follow_ups: Vec<String>,
}

/// How the wizard or the line dialogue ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The user left without applying anything. `ticked` holds the fingerprints of patches
    /// that had been chosen by hand, so that the choice is not lost, and `answers` what their
    /// options were answered with.
    Left {
        ticked: Vec<String>,
        answers: Answers,
    },
    /// A branch was made.
    Applied { summary: String },
    /// A signal ended the run.
    Interrupted { signal: i32 },
}

impl Outcome {
    /// The user left, and there was no choice to be kept.
    pub fn nothing() -> Self {
        Self::left(Vec::new(), &Answers::default())
    }

    /// The user left with these patches ticked.
    pub fn left(ticked: Vec<String>, answers: &Answers) -> Self {
        let answers = match ticked.is_empty() {
            true => Answers::default(),
            false => answers.clone(),
        };
        Self::Left { ticked, answers }
    }

    /// The process's exit code: 0, or 128 and the signal, as shells count.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Left { .. } | Self::Applied { .. } => 0,
            Self::Interrupted { signal } => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// What to print once the screen is the shell's again. Empty, or whole lines.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left { ticked, .. } if ticked.is_empty() => Ok(()),
            Self::Left { ticked, answers } => {
                writeln!(
                    f,
                    "Nothing was changed. What you had ticked can still be applied:"
                )?;
                write!(f, "\n  flask-harden fix --branch NAME")?;
                for fingerprint in ticked {
                    write!(f, " --finding {fingerprint}")?;
                }
                let mut given = answers.iter().peekable();
                if given.peek().is_none() {
                    return writeln!(f);
                }
                writeln!(f, " --answers answers.toml")?;
                writeln!(f, "\nwith your answers in answers.toml:\n\n  [answers]")?;
                given.try_for_each(|(key, value)| {
                    let value = toml_edit::Value::from(value);
                    writeln!(f, "  {key} = {value}")
                })
            }
            Self::Applied { summary } => f.write_str(summary),
            Self::Interrupted { .. } => Ok(()),
        }
    }
}

/// What to type after a branch was made, each with what it does. `head` is the branch that is
/// checked out.
pub(super) fn next_commands(applied: &Applied, head: Option<&str>) -> Vec<(String, &'static str)> {
    let branch = shell_word(&applied.created.branch);
    let compared = match head {
        Some(head) => format!("{}..{branch}", shell_word(head)),
        None => branch.clone(),
    };
    vec![
        (format!("git log -p {compared}"), "read the commits"),
        (format!("git switch {branch}"), "try them out"),
        (format!("git branch -D {branch}"), "throw them away"),
    ]
}

/// What was made, for the terminal's scrollback.
pub(super) fn summary(applied: &Applied, head: Option<&str>) -> String {
    let mut out = format!("Made the branch {}:\n\n", applied.created.branch);
    for (id, subject) in &applied.created.commits {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {id} {subject}");
    }
    if !applied.follow_ups.is_empty() {
        out.push_str("\nLeft to you:\n\n");
        for follow_up in &applied.follow_ups {
            let _ = writeln!(out, "  - {follow_up}");
        }
    }
    out.push_str("\nNext:\n\n");
    let commands = next_commands(applied, head);
    let width = commands.iter().map(|(command, _)| command.len()).max();
    let width = width.unwrap_or_default();
    for (command, what) in commands {
        let _ = writeln!(out, "  {command:width$}  # {what}");
    }
    out
}

/// A branch name that a shell reads as one word.
fn shell_word(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    match name.chars().all(is_plain) && !name.starts_with('-') {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_keeps_the_choice() {
        let left = Outcome::Left {
            ticked: vec!["00ff".into(), "11ee".into()],
            answers: Answers::default(),
        };
        let text = left.to_string();
        assert!(text.ends_with("--finding 00ff --finding 11ee\n"), "{text}");
        assert_eq!(Outcome::nothing().to_string(), "");
        assert_eq!(Outcome::Interrupted { signal: 15 }.exit_code(), 143);
    }

    #[test]
    fn leaving_keeps_the_answers() {
        let mut answers = Answers::default();
        answers.set("debug-run.value", "a \"b\"");
        let text = Outcome::left(vec!["00ff".into()], &answers).to_string();
        assert!(
            text.contains("--finding 00ff --answers answers.toml\n"),
            "{text}"
        );
        let toml = text.split("answers.toml:\n").nth(1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers.toml");
        std::fs::write(&file, toml).unwrap();
        assert_eq!(
            crate::settings::Settings::read(&file).unwrap().answers,
            answers
        );
        let nothing = Outcome::left(Vec::new(), &answers);
        assert_eq!(nothing, Outcome::nothing());
    }

    #[test]
    fn branch_names_are_one_word() {
        assert_eq!(shell_word("fix/a-b"), "fix/a-b");
        assert_eq!(shell_word("a&b"), "'a&b'");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
    }
}
