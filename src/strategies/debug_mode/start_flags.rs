//! `flask run --debug` and `--debugger` in what production starts.

use super::reach::place;
use crate::edit::command;
use crate::finding::{Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::deployment::{FlagKind, Process, Server};

pub(super) const SUBJECT: &str = "flask run";

const KINDS: [(FlagKind, &str); 2] = [
    (FlagKind::Debug, "--debug"),
    (FlagKind::Debugger, "--debugger"),
];

/// One finding per command of production that turns the debugger on.
pub(super) fn check(model: &Model, findings: &mut Vec<Finding>) {
    for process in processes(model) {
        let flags: Vec<&str> = on(process).map(|(_, name)| *name).collect();
        let message = format!(
            "Production starts `flask run {}` ({}): whoever reaches the server can run Python code \
             in Werkzeug's debugger.",
            flags.join(" "),
            place(model, &process.location)
        );
        let at = process.location.clone();
        let finding = Finding::new("debug-run", at, Severity::Critical, message).subject(SUBJECT);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}

pub(super) fn remedy(model: &Model, finding: &Finding) -> Patch {
    let title = "Start the server without the debugger";
    let found = processes(model).find(|process| process.location == finding.location);
    let edits: Vec<_> = found
        .iter()
        .flat_map(|process| {
            KINDS
                .iter()
                .flat_map(|(kind, _)| command::remove_flag(&model.repo, process, *kind))
        })
        .collect();
    if edits.is_empty() {
        let at = place(model, &finding.location);
        return Patch::manual(
            title,
            vec![format!("Take --debug and --debugger out of {at}.")],
        );
    }
    let guarantees = "The command does not bring up Werkzeug's debugger";
    Patch::new(PatchKind::Safe, title, guarantees).edits(edits)
}

fn processes(model: &Model) -> impl Iterator<Item = &Process> {
    let production = model.deployment.production();
    production.filter(|it| it.server == Server::FlaskRun && on(it).next().is_some())
}

fn on(process: &Process) -> impl Iterator<Item = &'static (FlagKind, &'static str)> {
    KINDS.iter().filter(|(kind, _)| process.switched_on(*kind))
}
