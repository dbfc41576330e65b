//! `flask-harden report`: the deep analysis.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::Output;
use super::{Knowledge, Outcome, Selection, Target};
use crate::assessment::baseline::Baseline;
use crate::error::Error;
use crate::session::Session;
use crate::settings::Settings;
use crate::ui::report::{Report, analysis};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    knowledge: Knowledge,
    /// The form of the document
    #[arg(long, value_enum, default_value = "markdown")]
    format: Format,
    /// Write the document to FILE instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a repository, a wiki, a pull request
    Markdown,
    /// One page that needs nothing else
    Html,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let scope = arguments.selection.scope()?;
    let run = arguments.knowledge.added_to(Settings::default())?;
    let session = Session::scan_with(&arguments.target.path, run, |_| {})?;
    let report = Report::new(&session, &scope, &Baseline::default());
    let written = match arguments.format {
        Format::Markdown => analysis::markdown(&report),
        Format::Html => analysis::html(&report),
    };
    output.write_to(arguments.output.as_deref(), &written)?;
    Ok(Outcome::Good)
}
