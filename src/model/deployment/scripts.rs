//! Shell scripts, command by command: what they export, where they go, what they start.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::argv::{self, Arg};
use super::conditions::{self, Reached};
use super::place::Found;
use super::reader::{MAX_DEPTH, Reader};
use super::scope::Scope;
use super::{EnvSetting, Form, Surface, dotenv, remote, values};
use crate::discover::FileKind;
use crate::parse::mapped::Mapped;
use crate::parse::shell;
use crate::text::Location;

impl Reader<'_> {
    /// Every command of a script, in its order.
    pub fn script(&mut self, text: &Mapped, path: &Arc<str>, form: Form, scope: &Scope) {
        if scope.depth > MAX_DEPTH {
            return;
        }
        let script = shell::parse(text);
        let mut state = scope.clone();
        let exported = exported_names(&script);
        let last = script.commands.len().saturating_sub(1);
        for (index, command) in script.commands.iter().enumerate() {
            let mut own = state.clone();
            match conditions::judge(&command.branches, &state) {
                Reached::Never => continue,
                Reached::Only(judged) => own.judged = judged,
                Reached::Yes => {}
            }
            self.exports(command, path, &exported, &own, &mut state);
            let args = argv::of_shell(command, path, form);
            match command.program() {
                None | Some("export" | "declare" | "typeset" | "set" | "unset" | "local") => {}
                Some("cd" | "pushd") => {
                    if let Some(folder) = args.get(1) {
                        state.change_folder(folder.text());
                    }
                }
                Some("." | "source") => self.sourced(&args, &own, &mut state),
                Some(_) => {
                    own.environment.clone_from(&state.environment);
                    own.variables.clone_from(&state.variables);
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
        }
    }

    /// `NAME=value` and `export NAME=value`, for the commands that follow.
    fn exports(
        &mut self,
        command: &shell::Command,
        path: &Arc<str>,
        exported: &BTreeSet<String>,
        own: &Scope,
        state: &mut Scope,
    ) {
        let alone = command.words.is_empty();
        let assigned = if alone {
            command.assignments.clone()
        } else {
            command.exports()
        };
        for assignment in assigned {
            let known = |it: &EnvSetting| it.name == assignment.name;
            let is_exported = !alone
                || exported.contains(&assignment.name)
                || exported.contains("")
                || state.environment.iter().any(known);
            let value = state.expand(&assignment.value);
            if is_exported {
                let setting = self.assigned(&assignment, path, own);
                state.environment.push(setting);
            } else if !value.contains("$(") && !value.contains('`') {
                state.variables.push((assignment.name.clone(), value));
            }
        }
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
    fn sourced(&mut self, args: &[Arg], own: &Scope, state: &mut Scope) {
        let Some(word) = args.get(1) else {
            return;
        };
        let repo = self.repo;
        let Some(Found::File(file)) = own.place.file(repo, word.text(), &own.cwd) else {
            return;
        };
        if file.kind == FileKind::Dotenv {
            state.environment.extend(dotenv::read(file));
            return;
        }
        self.used.insert(Arc::clone(&file.path));
        let script = shell::parse(&Mapped::verbatim(file.text.as_str(), 0));
        let exported = exported_names(&script);
        let mut inner = own.clone();
        inner.surface = Surface::Shell;
        for command in &script.commands {
            self.exports(command, &file.path, &exported, &inner, state);
        }
    }

    /// Settings that a command makes for something that runs elsewhere: `docker run -e`,
    /// `heroku config:set`, `kubectl create secret --from-literal`. True when it is such a
    /// command.
    fn remote_settings(&mut self, args: &[Arg], scope: &Scope) -> bool {
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
