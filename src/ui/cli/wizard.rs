//! `flask-harden [PATH]`: the wizard, the line dialogue, or the report where nobody can answer.

use std::io::IsTerminal as _;

use clap::Args;

use super::output::Output;
use super::{Outcome, Target};
use crate::assessment::baseline::Baseline;
use crate::error::Error;
use crate::session::Session;
use crate::strategies::{Answers, Scope};
use crate::ui::report::{Report, text};
use crate::ui::{self, wizard::WizardOptions};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let path = &arguments.target.path;
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        let options = WizardOptions {
            mono: !output.palette().is_colored(),
        };
        let ended = ui::wizard::run(path, Answers::default(), options)?;
        output.write(&ended.to_string())?;
        return Ok(Outcome::Ended(ended.exit_code()));
    }
    let session = Session::scan(path, Answers::default(), |_| {})?;
    let report = Report::new(&session, &Scope::default(), &Baseline::default());
    output.write(&text::render(&report, output.palette(), output.width()))?;
    Ok(Outcome::Good)
}
