//! The command line: what may be asked, and which exit code answers.

mod explain;
mod fix;
mod output;
mod report;
mod scan;
mod wizard;

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::Error;
use crate::model::dependencies::Advisories;
use crate::settings::{FailOn, Settings};
use crate::strategies::Scope;
use output::Output;

/// The exit code for "could not do it", usage errors included.
pub const COULD_NOT: u8 = 2;

/// How a command ended, when it could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    /// Findings at or above the threshold, or patches that could not be applied.
    Short,
    /// A dialogue that ended in its own way.
    Ended(u8),
}

const ABOUT: &str = "Makes a Flask application safe to run in production";

const LONG_ABOUT: &str = "\
Makes a Flask application safe to run in production.

Without a command it opens a wizard: it reads the repository, shows for six mitigation \
strategies what is in place and what is missing, offers a patch for each finding, and \
commits the ones you choose to a new git branch. Nothing of the repository is run, and \
nothing is changed until you say so.";

const EXIT_CODES: &str = "\
Exit codes:
  scan   0 nothing at or above --fail-on, 1 findings, 2 could not do it
  fix    0 done or nothing to do, 1 some patch asked for could not be applied, 2 could not do it
  other  0 done, 2 could not do it";

#[derive(Debug, Parser)]
#[command(
    name = "flask-harden",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = EXIT_CODES,
    args_conflicts_with_subcommands = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    wizard: wizard::Arguments,
    /// Whether to use colour; `auto` heeds NO_COLOR, CLICOLOR_FORCE and TERM
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        display_order = 90
    )]
    color: ColorWhen,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report what is in place and what is missing
    Scan(scan::Arguments),
    /// Apply patches without the wizard
    Fix(fix::Arguments),
    /// Write the deep analysis: every control, the gaps, the recommendations, the impacts
    Report(report::Arguments),
    /// Show the page of a strategy or a control; without ID the list of all
    Explain(explain::Arguments),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// The repository that a command reads.
#[derive(Debug, Args)]
struct Target {
    /// The folder of the application's repository; without it the current one
    #[arg(default_value = ".", hide_default_value = true)]
    path: PathBuf,
}

/// What dependencies are judged by.
#[derive(Debug, Args)]
struct Knowledge {
    /// Known vulnerabilities newer than the embedded ones: an OSV file, or a folder of them
    #[arg(long, value_name = "PATH")]
    advisories: Option<PathBuf>,
}

impl Knowledge {
    /// `settings` with the advisories that were given.
    fn added_to(&self, settings: Settings) -> Result<Settings, Error> {
        let Some(path) = &self.advisories else {
            return Ok(settings);
        };
        Ok(Settings {
            advisories: Some(Arc::new(Advisories::from_osv(path)?)),
            ..settings
        })
    }
}

/// Which controls a command is about.
#[derive(Debug, Args)]
struct Selection {
    /// Only the controls of this strategy; may be given several times
    #[arg(long = "strategy", value_name = "ID", value_delimiter = ',')]
    strategies: Vec<String>,
    /// Only this control; may be given several times, and adds to --strategy
    #[arg(long = "control", value_name = "ID", value_delimiter = ',')]
    controls: Vec<String>,
}

impl Selection {
    fn scope(&self) -> Result<Scope, Error> {
        Scope::of(&self.strategies, &self.controls)
    }
}

/// The value of `--fail-on`.
fn fail_on(word: &str) -> Result<FailOn, String> {
    FailOn::from_word(word).ok_or_else(|| format!("one of {}", FailOn::WORDS.join(", ")))
}

/// Runs the program with `arguments`, its name first, and gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(answer) => return print_answer(&answer),
    };
    let mut output = Output::new(cli.color);
    let outcome = match cli.command {
        None => wizard::run(&cli.wizard, &mut output),
        Some(Command::Scan(arguments)) => scan::run(&arguments, &mut output),
        Some(Command::Fix(arguments)) => fix::run(&arguments, &mut output),
        Some(Command::Report(arguments)) => report::run(&arguments, &mut output),
        Some(Command::Explain(arguments)) => explain::run(&arguments, &mut output),
    };
    match outcome {
        Ok(Outcome::Good) => 0,
        Ok(Outcome::Short) => 1,
        Ok(Outcome::Ended(code)) => code,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

/// Says that the program could not even begin, and gives the exit code.
pub fn cannot_start(reason: &dyn Display) -> u8 {
    let mut output = Output::new(ColorWhen::Auto);
    output.say(&format!("error: cannot start: {reason}"));
    COULD_NOT
}

/// Help and version go to stdout with 0, usage errors to stderr with 2.
fn print_answer(answer: &clap::Error) -> u8 {
    // A reader that has gone away is no error.
    let _ = answer.print();
    match answer.use_stderr() {
        true => COULD_NOT,
        false => 0,
    }
}
