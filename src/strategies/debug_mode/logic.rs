//! How switches combine, and where they read the environment.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall};

use super::switch::Switch;
use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::model::names::Qualified;
use crate::text::Location;

/// The variable that `os.environ.get(…)` or `os.getenv(…)` reads.
pub(super) fn environment_read(call: &ExprCall, dotted: &str) -> Option<String> {
    let reads = matches!(
        dotted,
        "os.environ.get" | "os.getenv" | "os.environ.setdefault"
    );
    match call.arguments.args.first() {
        Some(Expr::StringLiteral(name)) if reads => Some(name.value.to_str().to_owned()),
        _ => None,
    }
}

/// The first read of the environment inside an expression, with its default.
pub(super) fn first_read<'a>(
    model: &Model,
    module: ModuleId,
    expr: &'a Expr,
) -> Option<(String, Option<&'a Expr>)> {
    let mut reads = EnvironmentReads {
        model,
        module,
        found: None,
    };
    reads.visit_expr(expr);
    reads.found
}

pub(super) fn negated(switch: Switch, at: Location) -> Switch {
    match switch {
        Switch::On { .. } => Switch::Off,
        Switch::Off => Switch::On { at },
        // `not os.environ.get("PRODUCTION")`: any text turns it off, and nothing turns it on.
        Switch::Trap {
            variable,
            by_default: false,
            ..
        } => Switch::Unless {
            variable,
            words: Vec::new(),
            at,
        },
        Switch::OnRequest(_)
        | Switch::Passed { .. }
        | Switch::Trap { .. }
        | Switch::Unless { .. } => Switch::unknown("it is on unless the start says otherwise"),
        other => other,
    }
}

pub(super) fn combined(is_and: bool, switches: impl Iterator<Item = Switch>) -> Switch {
    let mut rest = Vec::new();
    for switch in switches {
        match (&switch, is_and) {
            (Switch::Off, true) | (Switch::On { .. }, false) => return switch,
            (Switch::On { .. }, true) | (Switch::Off, false) => {}
            _ => rest.push(switch),
        }
    }
    match (rest.pop(), rest.is_empty()) {
        (Some(only), true) => only,
        (None, _) => Switch::Off,
        (Some(_), false) => Switch::unknown("several things decide"),
    }
}

pub(super) fn strings_of(collection: &Expr) -> Vec<String> {
    let elements = match collection {
        Expr::Tuple(tuple) => &tuple.elts,
        Expr::List(list) => &list.elts,
        Expr::Set(set) => &set.elts,
        _ => return Vec::new(),
    };
    let texts = elements.iter().map(|element| match element {
        Expr::StringLiteral(text) => Some(text.value.to_str().to_lowercase()),
        _ => None,
    });
    texts.collect::<Option<Vec<_>>>().unwrap_or_default()
}

struct EnvironmentReads<'m, 'a> {
    model: &'m Model,
    module: ModuleId,
    found: Option<(String, Option<&'a Expr>)>,
}

impl<'a> SourceOrderVisitor<'a> for EnvironmentReads<'_, 'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            let names = &self.model.names;
            let callee = names.callee(&self.model.modules, self.module, &call.func);
            let dotted = callee.as_ref().and_then(Qualified::external).unwrap_or("");
            if let Some(name) = environment_read(call, dotted) {
                let default = call.arguments.find_argument_value("default", 1);
                self.found.get_or_insert((name, default));
            }
        }
        walk_expr(self, expr);
    }
}
