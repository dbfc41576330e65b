//! `flask-harden scan`: the report.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::Output;
use super::{Knowledge, Outcome, Selection, Target};
use crate::assessment::baseline::Baseline;
use crate::error::Error;
use crate::finding::Severity;
use crate::session::Session;
use crate::settings::{FailOn, Settings};
use crate::ui::report::{Report, ci, json, overview, sarif, text};
use crate::ui::style::Palette;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    knowledge: Knowledge,
    /// The form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the report to FILE instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Exit with 1 when a finding is at least this severe
    /// (critical, high, medium, low or none; the default is the project's setting, else low)
    #[arg(long, value_name = "SEVERITY", value_parser = super::fail_on)]
    fail_on: Option<FailOn>,
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
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// For a pull request or a wiki
    Markdown,
    /// One page that needs nothing else
    Html,
    /// Workflow commands: findings beside the lines of a pull request
    Github,
    /// A code quality report
    Gitlab,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let scope = arguments.selection.scope()?;
    let baseline = match &arguments.baseline {
        Some(file) => Baseline::read(file)?,
        None => Baseline::default(),
    };
    let run = arguments.knowledge.added_to(Settings::default())?;
    let session = Session::scan_with(&arguments.target.path, run, |_| {})?;
    let report = Report::new(&session, &scope, &baseline);
    let palette = match arguments.output {
        Some(_) => Palette::PLAIN,
        None => output.palette(),
    };
    let written = match arguments.format {
        Format::Text => text::render(&report, palette, output.width()),
        Format::Json => json::render(&report)?,
        Format::Sarif => sarif::render(&report)?,
        Format::Markdown => overview::markdown(&report),
        Format::Html => overview::html(&report),
        Format::Github => ci::github(&report),
        Format::Gitlab => ci::gitlab(&report)?,
    };
    output.write_to(arguments.output.as_deref(), &written)?;
    remarks(&session, output);
    let least = FailOn::AtLeast(Severity::Low);
    let fail_on = arguments.fail_on.or(session.fail_on).unwrap_or(least);
    let outcome = match fail_on.fails(report.worst()) {
        true => Outcome::Short,
        false => Outcome::Good,
    };
    // The process ends here: taking a large model apart first only costs time.
    std::mem::forget(session);
    Ok(outcome)
}

/// Comments for this tool that do nothing.
fn remarks(session: &Session, output: &mut Output) {
    for remark in &session.assessment.remarks {
        let place = format!("{}:{}", remark.path, remark.line);
        output.warning(&format!("{place}: {}", remark.message));
    }
}
