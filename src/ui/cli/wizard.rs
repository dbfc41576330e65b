//! `flask-harden [PATH]`: the wizard, the line dialogue, or the report where nobody can answer.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};

use super::output::Output;
use super::{Cli, Knowledge, Outcome, Target};
use crate::assessment::baseline::Baseline;
use crate::error::Error;
use crate::session::Session;
use crate::settings::Settings;
use crate::strategies::Scope;
use crate::suggest::closest;
use crate::ui::report::{Report, text};
use crate::ui::{self, wizard::WizardOptions};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    knowledge: Knowledge,
    /// Answers to the options of patches: a TOML file with the keys of [tool.flask-harden]
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The wizard as a dialogue of lines, for screen readers and dumb terminals
    #[arg(long)]
    plain: bool,
}

/// A command with a slip of the finger arrives here as a path.
fn misspelt(path: &Path) -> Option<Error> {
    let given = path.to_str()?.to_owned();
    let commands = Cli::command();
    let names = commands.get_subcommands().map(clap::Command::get_name);
    let suggestion = closest(&given, names)?;
    Some(Error::UnknownName {
        what: "the command or path",
        given,
        suggestion: Some(suggestion),
    })
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let path = &arguments.target.path;
    if !path.exists()
        && let Some(error) = misspelt(path)
    {
        return Err(error);
    }
    let run = match &arguments.answers {
        Some(file) => Settings::read(file)?,
        None => Settings::default(),
    };
    let run = arguments.knowledge.added_to(run)?;
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let at_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if arguments.plain || (at_terminal && is_dumb) {
        let ended = ui::plain::run(path, run)?;
        return end(&ended, output);
    }
    if at_terminal {
        let options = WizardOptions {
            mono: !output.palette().is_colored(),
        };
        let ended = ui::wizard::run(path, run, options)?;
        return end(&ended, output);
    }
    let session = Session::scan_with(path, run, |_| {})?;
    let report = Report::new(&session, &Scope::default(), &Baseline::default());
    output.write(&text::render(&report, output.palette(), output.width()))?;
    output.hint(
        "The wizard needs a terminal. `flask-harden scan --help` lists other forms of this report.",
    );
    Ok(Outcome::Good)
}

/// What stays in the terminal after a dialogue, and its exit code.
fn end(ended: &ui::Outcome, output: &mut Output) -> Result<Outcome, Error> {
    output.write(&ended.to_string())?;
    Ok(Outcome::Ended(ended.exit_code()))
}
