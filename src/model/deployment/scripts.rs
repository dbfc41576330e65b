//! Shell scripts, command by command: what they export, where they go, what they start.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::argv::{self, Arg};
use super::conditions::{self, Reached};
use super::place::Found;
use super::reader::{MAX_DEPTH, Reader};
use super::scope::{Scope, ShellVariable};
use super::{EnvSetting, Form, Surface, dotenv, remote, values};
use crate::discover::FileKind;
use crate::parse::mapped::Mapped;
use crate::parse::shell::{self, Branch};
use crate::text::Location;

/// Longer scripts are generated (`configure`) and start nothing.
const MAX_SCRIPT: usize = 128 * 1024;

/// What a command leaves behind for those that follow.
enum What {
    Setting(EnvSetting),
    /// A variable that is not exported.
    Variable(ShellVariable),
}

/// The same, with where it happens.
struct Effect {
    what: What,
    branches: Vec<Branch>,
    /// Its conditions do not tie it to another stage.
    certain: bool,
}

impl Effect {
    /// Whether a command under `branches` sees it: one in the same branch always does, one in the
    /// `else` or under another label of the same `case` never.
    fn is_seen_from(&self, branches: &[Branch]) -> bool {
        if branches.starts_with(&self.branches) {
            return true;
        }
        let mut pairs = self.branches.iter().zip(branches);
        let excluded = pairs
            .find(|(own, other)| own != other)
            .is_some_and(|(own, other)| own.excludes(other));
        self.certain && !excluded
    }

    fn apply(&self, scope: &mut Scope) {
        match &self.what {
            What::Setting(setting) => scope.environment.push(setting.clone()),
            What::Variable(variable) => scope.variables.push(variable.clone()),
        }
    }
}

impl Reader<'_> {
    /// Every command of a script, in its order.
    pub fn script(&mut self, text: &Mapped, path: &Arc<str>, form: Form, scope: &Scope) {
        if scope.depth > MAX_DEPTH || text.as_str().len() > MAX_SCRIPT {
            return;
        }
        let script = shell::parse(text);
        let mut base = scope.clone();
        let mut effects: Vec<Effect> = Vec::new();
        let exported = exported_names(&script);
        let last = script.commands.len().saturating_sub(1);
        for (index, command) in script.commands.iter().enumerate() {
            let mut own = base.clone();
            let seen = effects
                .iter()
                .filter(|it| it.is_seen_from(&command.branches));
            seen.for_each(|effect| effect.apply(&mut own));
            let certain = match conditions::judge(&command.branches, &own) {
                Reached::Never => continue,
                Reached::Only(judged) => {
                    own.judged = judged;
                    false
                }
                Reached::Yes => true,
            };
            let args = argv::of_shell(command, path, form);
            let mut caused = self.exports(command, path, &exported, &own);
            match command.program() {
                None | Some("export" | "declare" | "typeset" | "set" | "unset" | "local") => {}
                Some("cd" | "pushd") => {
                    if let Some(folder) = args.get(1) {
                        base.change_folder(folder.text());
                    }
                }
                Some("." | "source") => caused.extend(self.sourced(&args, &own)),
                Some(_) => {
                    for assignment in &command.assignments {
                        let setting = self.assigned(assignment, path, &own);
                        own.environment.push(setting);
                    }
                    let replaces = command.program() == Some("exec");
                    own.main = scope.main && (replaces || index == last);
                    if !self.remote_settings(&args, &own) {
                        self.command(args, &own);
                    }
                }
            }
            effects.extend(caused.into_iter().map(|what| Effect {
                what,
                branches: command.branches.clone(),
                certain,
            }));
        }
    }

    /// What `NAME=value` and `export NAME=value` leave to the commands that follow.
    fn exports(
        &mut self,
        command: &shell::Command,
        path: &Arc<str>,
        exported: &BTreeSet<String>,
        own: &Scope,
    ) -> Vec<What> {
        let alone = command.words.is_empty();
        let assigned = if alone {
            command.assignments.clone()
        } else {
            command.exports()
        };
        let mut caused = Vec::new();
        for assignment in assigned {
            let known = |it: &EnvSetting| it.name == assignment.name;
            let is_exported = !alone
                || exported.contains(&assignment.name)
                || exported.contains("")
                || own.environment.iter().any(known);
            let value = own.expand(&assignment.value);
            if is_exported {
                caused.push(What::Setting(self.assigned(&assignment, path, own)));
            } else if !value.contains("$(") && !value.contains('`') {
                caused.push(What::Variable(ShellVariable {
                    name: assignment.name,
                    value,
                    origin: Some((assignment.mapped, Arc::clone(path))),
                }));
            }
        }
        caused
    }

    fn assigned(
        &mut self,
        assignment: &shell::Assignment,
        path: &Arc<str>,
        scope: &Scope,
    ) -> EnvSetting {
        let value = match assignment.expands {
            true => values::expanded(&scope.expand_shell_value(&assignment.value)),
            false => values::verbatim(&assignment.value),
        };
        let setting = scope.setting(
            &assignment.name,
            value,
            Location::new(path, assignment.value_span),
            Location::new(path, assignment.span),
        );
        self.set(setting)
    }

    /// `. ./env.sh`, `source .env`.
    fn sourced(&mut self, args: &[Arg], own: &Scope) -> Vec<What> {
        let Some(word) = args.get(1) else {
            return Vec::new();
        };
        let repo = self.repo;
        let Some(Found::File(file)) = own.place.file(repo, word.text(), &own.cwd) else {
            return Vec::new();
        };
        if file.kind == FileKind::Dotenv {
            return dotenv::read(file).into_iter().map(What::Setting).collect();
        }
        if file.text.len() > MAX_SCRIPT {
            return Vec::new();
        }
        self.used.insert(Arc::clone(&file.path));
        let script = shell::parse(&Mapped::verbatim(file.text.as_str(), 0));
        let exported = exported_names(&script);
        let mut inner = own.clone();
        inner.surface = Surface::Shell;
        let mut caused = Vec::new();
        for command in &script.commands {
            caused.extend(self.exports(command, &file.path, &exported, &inner));
        }
        caused
    }

    /// Settings that a command makes for something that runs elsewhere: `docker run -e`,
    /// `heroku config:set`, `kubectl create secret --from-literal`. True when it is such a
    /// command.
    pub fn remote_settings(&mut self, args: &[Arg], scope: &Scope) -> bool {
        let Some(found) = remote::settings(args) else {
            return false;
        };
        for assigned in found {
            let Some((name, value)) = assigned.text().split_once('=') else {
                continue;
            };
            let word = assigned.word;
            let value_start = assigned.start + name.len() + 1;
            let shown = values::expanded(&scope.expand_shell_value(value));
            let setting = scope.setting(
                name,
                shown,
                word.part(value_start, assigned.end),
                word.part(assigned.start, assigned.end),
            );
            self.set(setting);
        }
        true
    }
}

impl Scope {
    /// A value of a shell assignment: what the script itself sets is put in, the rest stays.
    pub fn expand_shell_value(&self, value: &str) -> String {
        // make hands one dollar of two to the shell.
        let value = match self.surface {
            Surface::Makefile => &*value.replace("$$", "$"),
            _ => value,
        };
        match values::default_of(value) {
            // A default stays a default: the environment may say otherwise.
            Some(_) => value.to_owned(),
            None => self.expand(value),
        }
    }
}

/// Names that a script exports somewhere without a value; the empty name for all (`set -a`).
fn exported_names(script: &shell::Script) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for command in &script.commands {
        let words: Vec<&str> = command.words.iter().map(shell::Word::text).collect();
        match words.as_slice() {
            ["set", flags @ ..] if flags.iter().any(|it| exports_all(it)) => {
                names.insert(String::new());
            }
            ["export", rest @ ..] => {
                names.extend(
                    rest.iter()
                        .filter(|it| !it.contains('='))
                        .map(|it| (*it).to_owned()),
                );
            }
            _ => {}
        }
    }
    names
}

fn exports_all(flag: &str) -> bool {
    flag == "allexport" || (flag.starts_with('-') && !flag.starts_with("--") && flag.contains('a'))
}
