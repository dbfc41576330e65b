//! Options of a command line: what a program is started with.

use ruff_python_ast::{Expr, ExprCall, StmtFunctionDef};

use super::super::command_line::{decorating_call, destination, flag_of, flags_of, inverts};
use super::super::walk::calls_in;
use super::{Follower, Switch};
use crate::model::deployment::Server;
use crate::model::modules::ModuleId;

impl Follower<'_> {
    /// `@click.option("--debug/--no-debug", default=…)` above `function`.
    pub(super) fn click_option(
        &self,
        module: ModuleId,
        function: &StmtFunctionDef,
        name: &str,
        steps: usize,
    ) -> Option<Switch> {
        let calls = function.decorator_list.iter().filter_map(decorating_call);
        let mut options = calls.filter(|call| {
            let callee = self
                .model
                .names
                .callee(&self.model.modules, module, &call.func);
            callee.is_some_and(|callee| callee.is("click.option") || callee.is("click.argument"))
                && destination(call).is_some_and(|destination| destination == name)
        });
        let option = options.next()?;
        Some(self.option(module, option, steps))
    }

    /// An option of argparse or optparse that is declared in `module` and stored as `name`.
    pub(super) fn declared_option(
        &self,
        module: ModuleId,
        name: &str,
        steps: usize,
    ) -> Option<Switch> {
        let declares = |call: &ExprCall| {
            let is_declaration = matches!(&*call.func, Expr::Attribute(method)
                if matches!(method.attr.as_str(), "add_argument" | "add_option"));
            is_declaration && destination(call).is_some_and(|destination| destination == name)
        };
        let calls = calls_in(self.model.modules.get(module).body(), declares);
        let option = calls.first()?;
        Some(self.option(module, option, steps))
    }

    /// What an option is when the command line does not name it.
    pub(super) fn option(&self, module: ModuleId, call: &ExprCall, steps: usize) -> Switch {
        let default = call.arguments.find_keyword("default");
        let default = default.map(|default| self.expression(module, &default.value, steps));
        let requested = Switch::OnRequest(format!(
            "with {} on the command line",
            flag_of(call).unwrap_or_default()
        ));
        let passed = self.passed_by_production(call);
        match default {
            Some(Switch::Off) | None if passed.is_some() && !inverts(call) => {
                passed.unwrap_or(requested)
            }
            Some(Switch::Off) => requested,
            Some(other) => other,
            None if inverts(call) => Switch::unknown("an option turns it off"),
            None => requested,
        }
    }

    /// Whether what production starts from Python has the option among its words.
    fn passed_by_production(&self, option: &ExprCall) -> Option<Switch> {
        let names: Vec<&str> = flags_of(option).collect();
        let mut production = self.model.deployment.production().filter(|process| {
            matches!(
                process.server,
                Server::PythonScript { .. }
                    | Server::PythonModule { .. }
                    | Server::ConsoleScript { .. }
            )
        });
        let word = production.find_map(|process| {
            let mut words = process.words.iter();
            words.find(|word| names.contains(&word.text.as_str()))
        })?;
        Some(Switch::Passed {
            flag: word.text.clone(),
            word: word.location.clone(),
        })
    }
}
