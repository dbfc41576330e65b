//! Every call that some control asks about, by what it calls.

use std::collections::BTreeMap;

use rayon::prelude::*;
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall, ExprName};
use ruff_text_size::Ranged as _;

use super::modules::{ModuleId, Modules};
use super::names::{BindingKind, Names, Qualified};
use crate::parse::python::Module;
use crate::text::{Location, Span};

/// One call in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    pub module: ModuleId,
    pub location: Location,
}

/// Calls by the dotted name of what they call ("flask.Flask.run", "flask.send_file").
#[derive(Debug, Default)]
pub struct Calls {
    by_callee: BTreeMap<String, Vec<CallSite>>,
    /// Calls of a method on a receiver of whatever type, known or not.
    by_method: BTreeMap<&'static str, Vec<CallSite>>,
}

/// Methods whose receiver's type is worth finding out. Plain names and attributes of imported
/// modules are always resolved: that is cheap.
const METHODS: &[&str] = &[
    "run",
    "run_simple",
    "init_app",
    "from_string",
    "get_template",
    "select_template",
    "set_cookie",
    "after_request",
    "save",
    "register_blueprint",
    "context_processor",
    "route",
    "test_client",
    "wsgi_app",
];

impl Calls {
    pub fn index(modules: &Modules, names: &Names) -> Self {
        let list: Vec<_> = modules.iter().collect();
        let found: Vec<Vec<Found>> = list
            .par_iter()
            .map(|(id, module)| calls_in(modules, names, *id, module))
            .collect();
        let mut calls = Self::default();
        for found in found.into_iter().flatten() {
            if let Some(method) = found.method {
                let sites = calls.by_method.entry(method).or_default();
                sites.push(found.site.clone());
            }
            if let Some(callee) = found.callee {
                calls.by_callee.entry(callee).or_default().push(found.site);
            }
        }
        calls
    }

    /// The calls of `callee`, in the order of files and positions.
    pub fn of(&self, callee: &str) -> &[CallSite] {
        self.by_callee.get(callee).map_or(&[], Vec::as_slice)
    }

    /// The calls of a method of that name, whatever the receiver; only for names in
    /// [`METHODS`].
    pub fn of_method(&self, name: &str) -> impl Iterator<Item = &CallSite> {
        self.by_method.get(name).into_iter().flatten()
    }

    /// The calls of anything whose dotted name starts so.
    pub fn of_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a CallSite)> {
        self.by_callee
            .range(prefix.to_owned()..)
            .take_while(move |(callee, _)| callee.starts_with(prefix))
            .flat_map(|(callee, sites)| sites.iter().map(|site| (callee.as_str(), site)))
    }
}

impl CallSite {
    /// The call's tree.
    pub fn call<'m>(&self, modules: &'m Modules) -> Option<&'m ExprCall> {
        modules.get(self.module).call_at(self.location.span)
    }
}

struct Found {
    callee: Option<String>,
    method: Option<&'static str>,
    site: CallSite,
}

fn calls_in(modules: &Modules, names: &Names, id: ModuleId, module: &Module) -> Vec<Found> {
    let mut collector = Collector(Vec::new());
    collector.visit_body(module.body());
    let sites = collector.0.into_iter().filter_map(|call| {
        is_worth_it(names, id, call).then_some(())?;
        let callee = match names.callee(modules, id, &call.func) {
            Some(Qualified::External(dotted)) => Some(dotted),
            _ => None,
        };
        let method = method_of(call);
        (callee.is_some() || method.is_some()).then_some(())?;
        let location = module.location(Span::from(call.range()));
        Some(Found {
            callee,
            method,
            site: CallSite {
                module: id,
                location,
            },
        })
    });
    sites.collect()
}

fn method_of(call: &ExprCall) -> Option<&'static str> {
    let Expr::Attribute(attribute) = &*call.func else {
        return None;
    };
    let known = METHODS.iter();
    known
        .copied()
        .find(|method| *method == attribute.attr.as_str())
}

fn is_worth_it(names: &Names, module: ModuleId, call: &ExprCall) -> bool {
    match &*call.func {
        Expr::Name(name) => is_bound(names, module, name, |kind| {
            matches!(kind, BindingKind::Import(_) | BindingKind::Value(_))
        }),
        Expr::Attribute(attribute) => {
            METHODS.contains(&attribute.attr.as_str())
                || root(&attribute.value).is_some_and(|name| {
                    is_bound(names, module, name, |kind| {
                        matches!(kind, BindingKind::Import(_))
                    })
                })
        }
        _ => false,
    }
}

/// Whether a name is bound in such a way, or in none that is known.
fn is_bound(
    names: &Names,
    module: ModuleId,
    name: &ExprName,
    is: impl Fn(&BindingKind) -> bool,
) -> bool {
    let offset = name.range.start().to_usize();
    let found = names.scopes(module).lookup(&name.id, offset);
    found.is_none_or(|(_, bindings)| bindings.iter().any(|binding| is(&binding.kind)))
}

/// What stands first in `name.name.name`.
fn root(expr: &Expr) -> Option<&ExprName> {
    match expr {
        Expr::Name(name) => Some(name),
        Expr::Attribute(attribute) => root(&attribute.value),
        _ => None,
    }
}

struct Collector<'a>(Vec<&'a ExprCall>);

impl<'a> SourceOrderVisitor<'a> for Collector<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.0.push(call);
        }
        walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    #[test]
    fn calls_are_indexed_by_what_they_call() {
        let modules = Modules::parse(&Repository::from_texts([(
            "app.py",
            "import flask\nfrom flask import Flask, send_file as s\napp = Flask('x')\n\
             s('a')\nflask.send_file('b')\napp.run()\nopen('c')\n",
        )]));
        let calls = Calls::index(&modules, &Names::collect(&modules));
        assert_eq!(calls.of("flask.send_file").len(), 2);
        assert_eq!(calls.of("flask.Flask.run").len(), 1);
        assert_eq!(calls.of_prefix("flask.").count(), 4);
    }
}
