//! Makefiles: the recipes of targets, and `make target` as a command.

use std::sync::Arc;

use super::argv::Arg;
use super::files::{self, Judged};
use super::place::{self, Found};
use super::reader::Reader;
use super::scope::{Scope, ShellVariable};
use super::{EnvValue, Form, Quoting, Stage, Surface, rules, values};
use crate::discover::{File, FileKind};
use crate::parse::makefile::{Makefile, Target, Variable};
use crate::text::Location;

/// Targets that a deployment runs.
const DEPLOYING: &[&str] = &["deploy", "deployment", "prod", "production", "release"];

/// Every target of a Makefile, on its own: what a person may start.
pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let parsed = Makefile::parse(file.text.as_str());
    let folder = files::folder_of(&file.path);
    let judged = file_stage(file);
    let base = Scope::checkout(file, Surface::Makefile, judged, folder);
    let mut scope = base.clone();
    for variable in &parsed.variables {
        take(reader, file, &parsed, variable, &base, &mut scope);
    }
    for target in &parsed.targets {
        let mut own = scope.clone();
        own.judged = judge_target(file, target);
        run(reader, file, &parsed, target, own);
    }
}

/// `make target…` as a command: the recipes belong to whoever calls it.
pub(super) fn follow(reader: &mut Reader<'_>, args: &[Arg], scope: &Scope) {
    let repo = reader.repo;
    let folder = args
        .iter()
        .position(|arg| arg.text() == "-C")
        .and_then(|at| args.get(at + 1))
        .map_or("", Arg::text);
    let path = place::join_relative(folder, "Makefile");
    let Some(Found::File(file)) = scope.place.file(repo, &path, &scope.cwd) else {
        return;
    };
    if file.kind != FileKind::Makefile {
        return;
    }
    let file = Arc::clone(file);
    let parsed = Makefile::parse(file.text.as_str());
    let Some(first) = args.first() else {
        return;
    };
    let mut inner = scope.clone();
    inner.depth += 1;
    inner.surface = Surface::Makefile;
    inner.via.push(first.whole.clone());
    let base = inner.clone();
    for variable in &parsed.variables {
        take(reader, &file, &parsed, variable, &base, &mut inner);
    }
    for arg in args {
        let Some(target) = parsed.target(arg.text()) else {
            continue;
        };
        run(reader, &file, &parsed, target, inner.clone());
    }
}

fn run(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    parsed: &Makefile,
    target: &Target,
    mut scope: Scope,
) {
    let base = scope.clone();
    for variable in &parsed.variables {
        if variable
            .target
            .as_ref()
            .is_some_and(|name| target.names.contains(name))
        {
            let mut own = variable.clone();
            own.target = None;
            take(reader, file, parsed, &own, &base, &mut scope);
        }
    }
    scope.name = target.names.join(" ");
    for line in &target.recipe {
        reader.script(line, &file.path, Form::Shell(Quoting::Bare), &scope);
    }
}

/// An exported variable is a setting, any other one is known to the recipes alone.
fn take(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    parsed: &Makefile,
    variable: &Variable,
    base: &Scope,
    scope: &mut Scope,
) {
    if variable.target.is_some() {
        return;
    }
    if !variable.exported && !parsed.exports_all {
        scope.variables.push(ShellVariable {
            name: variable.name.clone(),
            value: variable.value.clone(),
            origin: None,
        });
        return;
    }
    let value = match values::expanded(&variable.value) {
        EnvValue::Literal(text) if variable.is_default => EnvValue::Default(text),
        other => other,
    };
    let setting = base.setting(
        &variable.name,
        value,
        Location::new(&file.path, variable.value_span),
        Location::new(&file.path, variable.span),
    );
    let setting = reader.set(setting);
    scope.environment.push(setting);
}

fn file_stage(file: &File) -> Judged {
    files::judge_place(file)
        .unwrap_or_else(|| Judged::new(Stage::Unknown, "a Makefile serves whoever calls it"))
}

fn judge_target(file: &File, target: &Target) -> Judged {
    let names = target.names.join(" ");
    let deploys = target
        .names
        .iter()
        .flat_map(|name| name.split(['-', '_', '.', ':']))
        .find(|word| DEPLOYING.contains(word));
    if let Some((stage @ (Stage::Development | Stage::Test), word)) = rules::stage_of_name(&names) {
        return Judged::new(stage, format!("the target is called \"{word}\""));
    }
    match deploys {
        Some(word) => Judged::new(
            Stage::Production,
            format!("the target is called \"{word}\""),
        ),
        None => file_stage(file),
    }
}
