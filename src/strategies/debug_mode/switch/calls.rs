//! What a call gives: reads of the environment, conversions, functions of the repository.

use ruff_python_ast::{Expr, ExprCall, Stmt};

use super::super::logic::{environment_read, first_read};
use super::super::walk::Returns;
use super::{Follower, Switch};
use crate::model::modules::ModuleId;
use crate::model::names::Qualified;
use crate::text::Location;

impl Follower<'_> {
    pub(super) fn call(
        &self,
        module: ModuleId,
        call: &ExprCall,
        at: Location,
        steps: usize,
    ) -> Switch {
        let callee = self
            .model
            .names
            .callee(&self.model.modules, module, &call.func);
        let dotted = callee.as_ref().and_then(Qualified::external).unwrap_or("");
        let first = call.arguments.args.first();
        if let Some(read) = environment_read(call, dotted) {
            let default = call.arguments.find_argument_value("default", 1);
            let default = default.map(|default| self.expression(module, default, steps));
            return Switch::Trap {
                variable: read,
                at,
                by_default: matches!(default, Some(Switch::On { .. })),
            };
        }
        let name = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(method) => method.attr.as_str(),
            _ => "",
        };
        match (name, first) {
            ("bool", Some(inner)) => match self.expression(module, inner, steps) {
                Switch::Trap {
                    variable,
                    by_default,
                    ..
                } => Switch::Trap {
                    variable,
                    at,
                    by_default,
                },
                other => other,
            },
            // A parser: what it makes of the text is up to whoever sets the variable.
            ("int" | "strtobool" | "str2bool" | "str_to_bool" | "parse_bool", Some(inner)) => {
                match self.expression(module, inner, steps) {
                    Switch::Trap {
                        variable,
                        by_default: false,
                        ..
                    } => Switch::OnRequest(format!("when {variable} says so")),
                    Switch::Trap { variable, .. } if self.defaults_to_off_word(module, inner) => {
                        Switch::OnRequest(format!("when {variable} says so"))
                    }
                    Switch::Trap {
                        variable,
                        by_default: true,
                        ..
                    } => Switch::Unless {
                        variable,
                        words: ["0", "false", "no", "off"].map(str::to_owned).to_vec(),
                        at,
                    },
                    _ => Switch::unknown("it is parsed from a text"),
                }
            }
            // `debug: bool = Field(default=True)` of pydantic.
            ("Field", _) if dotted.starts_with("pydantic") => {
                let default = call.arguments.find_argument_value("default", 0);
                let default = default.filter(|default| !default.is_ellipsis_literal_expr());
                match default.map(|default| self.expression(module, default, steps)) {
                    Some(Switch::Off) | None => {
                        Switch::OnRequest("when the environment says so".into())
                    }
                    Some(other) => other,
                }
            }
            ("Option" | "Argument", Some(inner)) if dotted.starts_with("typer.") => {
                match self.expression(module, inner, steps) {
                    Switch::Off => Switch::OnRequest("with an option on the command line".into()),
                    other => other,
                }
            }
            ("get", Some(Expr::StringLiteral(key))) => {
                let Expr::Attribute(method) = &*call.func else {
                    return Switch::unknown("it is computed");
                };
                self.entry(module, &method.value, key.value.to_str(), steps)
            }
            _ => self
                .returned(callee.as_ref(), steps)
                .unwrap_or_else(|| Switch::unknown("it is computed")),
        }
    }

    /// What a function of the repository answers: its only value, or values none of which is on.
    pub(super) fn returned(&self, callee: Option<&Qualified>, steps: usize) -> Option<Switch> {
        let (home, function) = self.model.names.function(&self.model.modules, callee?)?;
        if function.is_async || !function.decorator_list.is_empty() {
            return None;
        }
        let mut returned = Returns(Vec::new());
        returned.body(&function.body);
        let values = returned.0.into_iter();
        let mut switches: Vec<Switch> = values
            .map(|value| self.expression(home, value, steps))
            .collect();
        let ends = matches!(function.body.last(), Some(Stmt::Return(_)));
        let is_quiet = |it: &Switch| matches!(it, Switch::Off | Switch::OnRequest(_));
        if switches.iter().all(is_quiet) {
            let asked = switches.iter().position(|it| *it != Switch::Off);
            return (!switches.is_empty()).then(|| switches.swap_remove(asked.unwrap_or(0)));
        }
        match switches.len() {
            1 if ends => switches.pop(),
            _ => None,
        }
    }

    /// `strtobool(os.environ.get("DEBUG", "false"))`: a text that a parser takes for off.
    fn defaults_to_off_word(&self, module: ModuleId, inner: &Expr) -> bool {
        let read = first_read(self.model, module, inner);
        let Some((_, Some(Expr::StringLiteral(word)))) = read else {
            return false;
        };
        let word = word.value.to_str().trim().to_lowercase();
        matches!(&*word, "" | "0" | "false" | "f" | "no" | "n" | "off")
    }
}
