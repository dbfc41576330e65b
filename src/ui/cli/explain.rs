//! `flask-harden explain`: what a strategy or a control is about.

use clap::Args;

use super::Outcome;
use super::output::Output;
use crate::error::Error;
use crate::strategies::strategy::{self, STRATEGIES};
use crate::strategies::{Strategy, registry};
use crate::suggest::closest;
use crate::ui::style::Palette;
use crate::ui::wrap::{pad, wrap};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The strategy or control, for example `debug-run`
    id: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let text = match &arguments.id {
        None => list(output.palette(), output.width()),
        Some(id) => styled(page(id)?, output.palette()),
    };
    output.write(&text)?;
    Ok(Outcome::Good)
}

fn page(id: &str) -> Result<&'static str, Error> {
    if let Some(strategy) = strategy::by_id(id) {
        return Ok(strategy.page);
    }
    match registry::by_id(id) {
        Some(control) => Ok(control.about().page),
        None => Err(unknown(id)),
    }
}

fn unknown(given: &str) -> Error {
    let strategies = STRATEGIES.iter().map(|strategy| strategy.id);
    let controls = registry::CONTROLS.iter().map(|control| control.about().id);
    Error::UnknownName {
        what: "the strategy or control",
        given: given.to_owned(),
        suggestion: closest(given, strategies.chain(controls)),
    }
}

/// Every strategy with its controls and what each asserts.
fn list(palette: Palette, width: usize) -> String {
    let ids = registry::CONTROLS.iter().map(|control| control.about().id);
    let column = ids.map(str::len).max().unwrap_or(0);
    let mut out = String::new();
    for strategy in STRATEGIES {
        if !out.is_empty() {
            out.push('\n');
        }
        let title = palette.heading(strategy.title);
        let id = palette.frame(&format!("({})", strategy.id));
        out.push_str(&format!("{title} {id}\n"));
        for line in controls(strategy, column, width) {
            out.push_str(&line);
        }
    }
    out
}

fn controls(strategy: &Strategy, column: usize, width: usize) -> Vec<String> {
    let all = registry::CONTROLS.iter().map(|control| control.about());
    let of_strategy = all.filter(|about| about.strategy == strategy);
    let indent = column + 4;
    let lines = of_strategy.flat_map(|about| {
        let title = wrap(about.title, width.saturating_sub(indent).max(20));
        let lines = title.into_iter().enumerate().map(|(index, line)| {
            let name = if index == 0 { about.id } else { "" };
            format!("  {}  {line}\n", pad(name, column))
        });
        lines.collect::<Vec<_>>()
    });
    lines.collect()
}

/// The page with its headings set apart; the text itself stays as it is.
fn styled(page: &str, palette: Palette) -> String {
    let mut in_code = false;
    let mut out = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        let heading = !in_code && line.starts_with('#');
        let line = match heading {
            true => palette.heading(line),
            false => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}
