//! `flask-harden scan`: the report.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::Output;
use super::{FailOn, Outcome, Selection, Target};
use crate::assessment::baseline::Baseline;
use crate::error::Error;
use crate::session::Session;
use crate::strategies::Answers;
use crate::ui::report::{Report, json, text};
use crate::ui::style::Palette;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    /// The form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to FILE instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Exit with 1 when a finding is at least this severe
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    fail_on: FailOn,
    /// Leave out the findings that FILE, an earlier report in JSON, holds already
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs; stable within a schema number
    Json,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let scope = arguments.selection.scope()?;
    let baseline = match &arguments.baseline {
        Some(file) => Baseline::read(file)?,
        None => Baseline::default(),
    };
    let session = Session::scan(&arguments.target.path, Answers::default(), |_| {})?;
    let report = Report::new(&session, &scope, &baseline);
    let palette = match arguments.output {
        Some(_) => Palette::PLAIN,
        None => output.palette(),
    };
    let written = match arguments.format {
        Format::Text => text::render(&report, palette, output.width()),
        Format::Json => json::render(&report)?,
    };
    output.write_to(arguments.output.as_deref(), &written)?;
    Ok(verdict(&report, arguments.fail_on))
}

fn verdict(report: &Report<'_>, fail_on: FailOn) -> Outcome {
    match (report.worst(), fail_on.threshold()) {
        (Some(worst), Some(threshold)) if worst >= threshold => Outcome::Short,
        _ => Outcome::Good,
    }
}
