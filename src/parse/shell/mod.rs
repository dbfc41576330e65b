//! Shell text as simple commands with spans: enough to see what a script starts and exports.
//!
//! Not a shell: nothing is expanded (`$NAME` stays in the words as data), here-documents are
//! skipped, and control structures only tell under which conditions a command stands.

mod lexer;
mod script;

use super::mapped::Mapped;
use crate::text::Span;

pub use script::{Branch, Script, parse};

/// One word, unquoted. Spans are places in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes; `$NAME` and `$(…)` stand in it as written. Its map leads
    /// back to the file, so that `sh -c "…"` can be parsed in turn.
    pub value: Mapped,
    /// Quotes included.
    pub span: Span,
    /// Whether the shell expands something in it.
    pub expands: bool,
    /// The quotes that enclose all of it.
    pub quote: Option<char>,
    /// What stands behind the first `=`, inside its quotes where one pair encloses it.
    behind_equals: Option<Span>,
}

impl Word {
    pub fn text(&self) -> &str {
        self.value.as_str()
    }

    /// Reads the word as `NAME=value`.
    pub fn assignment(&self) -> Option<Assignment> {
        let (name, value) = self.text().split_once('=')?;
        let name = name.strip_suffix('+').unwrap_or(name);
        let starts = name.chars().next()?.is_alphabetic() || name.starts_with('_');
        let rest = |character: char| character.is_alphanumeric() || character == '_';
        if !starts || !name.chars().all(rest) {
            return None;
        }
        Some(Assignment {
            name: name.to_owned(),
            value: value.to_owned(),
            mapped: self.value.part(Span::new(
                self.text().len() - value.len(),
                self.text().len(),
            )),
            value_span: self.behind_equals?,
            span: self.span,
            expands: self.expands,
        })
    }
}

/// `NAME=value` in front of a command, alone, or behind `export`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub name: String,
    /// Unquoted; expansions stand in it as written.
    pub value: String,
    /// The same, with its places in the file.
    pub mapped: Mapped,
    /// The value as written, inside its quotes where one pair encloses it.
    pub value_span: Span,
    /// The word as a whole.
    pub span: Span,
    pub expands: bool,
}

/// How a command follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// `;`, a line break, or nothing before it.
    Sequence,
    And,
    Or,
    Pipe,
    /// The one before runs in the background.
    Background,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// From the first assignment or word to the last word or redirection.
    pub span: Span,
    pub assignments: Vec<Assignment>,
    pub words: Vec<Word>,
    pub follows: Follows,
    /// The conditions, functions and cases that it stands in, outermost first.
    pub branches: Vec<Branch>,
    /// Its output goes to these files.
    pub writes: Vec<String>,
    /// The body of its here-document, as a span of the parsed text's file.
    pub here_document: Option<Span>,
}

impl Command {
    /// The name of the program, without the folder that it lies in.
    pub fn program(&self) -> Option<&str> {
        let first = self.words.first()?.text();
        Some(first.rsplit('/').next().unwrap_or(first))
    }

    /// What it sets for every command behind it: `export A=1`, or `A=1` alone.
    pub fn exports(&self) -> Vec<Assignment> {
        match self.program() {
            None => self.assignments.clone(),
            Some("export" | "declare" | "typeset" | "setenv" | "readonly") => {
                let words = self.words.iter().skip(1);
                words.filter_map(Word::assignment).collect()
            }
            Some(_) => Vec::new(),
        }
    }
}

/// Splits text into words as a command line without a shell does: quotes and backslashes count,
/// operators are ordinary characters (`ExecStart=`, compose's `command:`).
pub fn split(text: &Mapped) -> Vec<Word> {
    let mut lexer = lexer::Lexer::without_operators(text);
    let mut words = Vec::new();
    while let Some(token) = lexer.next_token() {
        if let lexer::Token::Word(word) = token {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests;
