//! `flask-harden [PATH]`: the wizard, the line dialogue, or the report where nobody can answer.

use clap::Args;

use super::output::Output;
use super::{Outcome, Target};
use crate::assessment::baseline::Baseline;
use crate::error::Error;
use crate::session::Session;
use crate::strategies::{Answers, Scope};
use crate::ui::report::{Report, text};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let session = Session::scan(&arguments.target.path, Answers::default(), |_| {})?;
    let report = Report::new(&session, &Scope::default(), &Baseline::default());
    output.write(&text::render(&report, output.palette(), output.width()))?;
    Ok(Outcome::Good)
}
