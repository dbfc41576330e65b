//! Other words for what a deployment file starts, in the form that stands there.
//!
//! A command that several files make up, or that is nested in quotes within quotes, is left
//! alone: no edit then, and the change is a person's.

mod before;
mod both;
mod flags;
mod gunicorn;
mod quoting;

use std::sync::Arc;

use crate::discover::{File, Repository};
use crate::model::deployment::{Process, Word};
use crate::text::Span;

pub use before::insert_before_start;
pub use both::start_command_after;
pub use flags::{remove_flag, remove_word};
pub use gunicorn::{bind_address, start_command, start_command_on};

/// A command with the file that it stands in.
struct Command<'a> {
    file: &'a Arc<File>,
    process: &'a Process,
    /// The words that stand in the command itself.
    own: Vec<&'a Word>,
    /// Words that another place adds (`CMD` behind `ENTRYPOINT`, `"$@"`).
    others: Vec<&'a Word>,
}

impl<'a> Command<'a> {
    fn of(repo: &'a Repository, process: &'a Process) -> Option<Self> {
        let file = repo.file(&process.location.path)?;
        let here = |word: &&Word| {
            word.location.path == process.location.path
                && process.location.span.contains(word.location.span)
        };
        let (own, others) = process.words.iter().partition(here);
        let command = Self {
            file,
            process,
            own,
            others,
        };
        (!command.own.is_empty()).then_some(command)
    }

    /// From the program to the last word. Wrappers in front (`exec`, `poetry run`) are not part
    /// of it, nor are redirections behind.
    fn words_span(&self) -> Span {
        let start = self.own.first().map_or(0, |word| word.location.span.start);
        let end = self.own.iter().map(|word| word.location.span.end).max();
        Span::new(start, end.unwrap_or(start).max(start))
    }

    /// The program `name` of the same virtual environment: `/venv/bin/gunicorn` runs with
    /// `/venv/bin/python`. What the system's own folders hold is found by its name.
    fn beside_the_program(&self, name: &str) -> String {
        let program = self.own.first().map_or("", |word| word.text.as_str());
        let folder = program.rfind('/').map_or("", |at| &program[..=at]);
        match folder {
            "/usr/bin/" | "/usr/local/bin/" | "/bin/" | "./" => name.to_owned(),
            folder => format!("{folder}{name}"),
        }
    }

    /// What stands in front of the program: assignments, `exec`, wrappers.
    fn prefix(&self) -> &'a str {
        let start = self.process.location.span.start;
        self.file
            .text
            .slice(Span::new(start, self.words_span().start.max(start)))
    }
}

#[cfg(test)]
mod tests;
