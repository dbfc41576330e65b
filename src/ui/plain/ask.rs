//! Where answers come from: a person at a terminal, or lines of a pipe.

use std::io::{self, BufRead, Write};

use console::Term;
use dialoguer::Input;
use dialoguer::theme::SimpleTheme;

use crate::error::Error;

/// Asks for one line.
pub trait Ask {
    /// The answer without its line end, or nothing when there are no more answers.
    fn ask(&mut self, question: &str) -> Result<Option<String>, Error>;
}

/// A person at a terminal that can move its cursor.
pub struct Person {
    terminal: Term,
}

impl Person {
    pub fn at_terminal() -> Self {
        Self {
            terminal: Term::stdout(),
        }
    }
}

impl Ask for Person {
    fn ask(&mut self, question: &str) -> Result<Option<String>, Error> {
        let input = Input::<String>::with_theme(&SimpleTheme)
            .with_prompt(question)
            .allow_empty(true);
        match input.interact_on(&self.terminal) {
            Ok(answer) => Ok(Some(answer)),
            Err(dialoguer::Error::IO(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(None)
            }
            Err(dialoguer::Error::IO(error)) => Err(Error::Terminal(error)),
        }
    }
}

/// Lines of any source. Question and answer are written, so that the whole dialogue can be
/// read afterwards.
pub struct Lines<R, W> {
    source: R,
    echo: Option<W>,
    prompt: W,
}

impl<R: BufRead, W: Write> Lines<R, W> {
    /// Answers that nobody saw being typed are written to `echo`.
    pub fn new(source: R, prompt: W, echo: Option<W>) -> Self {
        Self {
            source,
            echo,
            prompt,
        }
    }
}

impl<R: BufRead, W: Write> Ask for Lines<R, W> {
    fn ask(&mut self, question: &str) -> Result<Option<String>, Error> {
        write!(self.prompt, "{question}: ")
            .and_then(|()| self.prompt.flush())
            .map_err(Error::Output)?;
        let mut line = String::new();
        let read = self.source.read_line(&mut line).map_err(Error::Terminal)?;
        let answer = line.trim_end_matches(['\n', '\r']);
        if let Some(echo) = &mut self.echo {
            writeln!(echo, "{answer}").map_err(Error::Output)?;
        }
        Ok((read > 0).then(|| answer.to_owned()))
    }
}
