//! The wizard as a line dialogue: for screen readers, dumb terminals and pipes. Numbered
//! choices, nothing is drawn over, everything stays in the scrollback.

mod ask;
mod finding;
mod page;
mod review;
mod strategies;

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ask::{Ask, Lines, Person};
use page::Page;

use super::Outcome;
use super::git_state::GitState;
use super::survey::Survey;
use super::words::{count, shown};
use crate::error::{Error, GitError};
use crate::session::{Progress, Session};
use crate::settings::Settings;

/// Runs the dialogue on stdin and stdout until the user leaves it; the settings of this `run` go
/// before the project's. What it returns is to be printed.
pub fn run(path: &Path, run: Settings) -> Result<Outcome, Error> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let at_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let held = if at_terminal && !is_dumb {
        hold(path, run, io::stdout(), Person::at_terminal())
    } else {
        // What is typed at a terminal is seen already.
        let echo = (!io::stdin().is_terminal()).then(io::stdout);
        let lines = Lines::new(io::stdin().lock(), io::stdout(), echo);
        hold(path, run, io::stdout(), lines)
    };
    match held {
        // A reader that has gone away has heard enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Outcome::nothing())
        }
        held => held,
    }
}

fn hold(path: &Path, run: Settings, out: impl Write, ask: impl Ask) -> Result<Outcome, Error> {
    let mut page = Page::new(out);
    let survey = scan(path, run.clone(), &mut page)?;
    let mut dialogue = Dialogue {
        page,
        ask,
        path: path.into(),
        run,
        git: GitState::of(path),
        branch: None,
        survey,
    };
    match dialogue.strategies()? {
        Step::Ended(outcome) => Ok(outcome),
        Step::Back => Ok(dialogue.left()),
    }
}

fn scan<W: Write>(path: &Path, run: Settings, page: &mut Page<W>) -> Result<Survey, Error> {
    page.line(&format!("Scanning {}", shown(&path.display().to_string())))?;
    let mut unheard = None;
    let session = Session::scan_with(path, run, |progress| {
        let words = match progress {
            Progress::Reading => "Reading the files...".to_owned(),
            Progress::Understanding(files) => format!(
                "Read {}. Understanding the application...",
                count(files, "file", "files")
            ),
            Progress::Judging(_) => "Judging every control...".to_owned(),
        };
        if let Err(error) = page.line(&words) {
            unheard = Some(error);
        }
    })?;
    match unheard {
        Some(error) => Err(error),
        None => Ok(Survey::new(Arc::new(session))),
    }
}

/// What the dialogue knows.
struct Dialogue<W, A> {
    page: Page<W>,
    ask: A,
    path: PathBuf,
    /// Decisions of this run, which every scan follows.
    run: Settings,
    git: Result<GitState, GitError>,
    /// The name that the user gave.
    branch: Option<String>,
    survey: Survey,
}

/// How a part of the dialogue ended.
enum Step {
    Back,
    Ended(Outcome),
}

/// One thing that may be answered, with what it does.
type Choice<'a> = (&'a str, &'a str);

impl<W: Write, A: Ask> Dialogue<W, A> {
    /// Lists the choices and asks; nothing where there are no more answers.
    fn choose(&mut self, choices: &[Choice<'_>]) -> Result<Option<String>, Error> {
        self.page.gap()?;
        self.page.line("You can type:")?;
        for (answer, what) in choices {
            self.page.item(&format!("  {answer:5} "), what)?;
        }
        let answer = self.ask.ask("Your choice")?;
        Ok(answer.map(|answer| answer.trim().to_owned()))
    }

    fn not_understood(&mut self, answer: &str) -> Result<(), Error> {
        let words = match answer {
            "" => "Nothing was typed.".to_owned(),
            other => format!("\"{}\" is not one of the choices.", shown(other)),
        };
        self.page.text(&words)
    }

    /// Quits, and asks first where ticked patches would be lost.
    fn quit(&mut self) -> Result<Option<Outcome>, Error> {
        if !self.survey.is_touched() {
            return Ok(Some(self.left()));
        }
        let ticked = count(self.survey.chosen().len(), "patch is", "patches are");
        self.page
            .text(&format!("{ticked} ticked and not applied."))?;
        let answer = self.ask.ask("Type y to quit, anything else to stay")?;
        let leaves = answer.is_none_or(|answer| answer.trim() == "y");
        Ok(leaves.then(|| self.left()))
    }

    /// The outcome of leaving without a branch.
    fn left(&self) -> Outcome {
        let touched = self.survey.is_touched();
        let ticked = self.survey.chosen().iter().filter(|_| touched);
        let ticked = ticked.cloned().collect();
        Outcome::left(ticked, self.survey.session.answers())
    }

    /// The Markdown page of a strategy or a control, as it is written.
    fn explain(&mut self, page: &str) -> Result<(), Error> {
        self.page.gap()?;
        for line in page.lines() {
            self.page.line(line)?;
        }
        Ok(())
    }
}

/// The index that a typed number names, of `length` things.
fn index(answer: &str, length: usize) -> Option<usize> {
    let number: usize = answer.parse().ok()?;
    (1..=length).contains(&number).then(|| number - 1)
}

#[cfg(test)]
mod tests;
