//! Where applications are constructed.

use std::collections::HashSet;

use rayon::prelude::*;
use ruff_python_ast::visitor::source_order::{self, SourceOrderVisitor};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::{App, AppArguments, AppKind};
use crate::model::modules::{ModuleId, Modules, any_of};
use crate::model::names::{BindingKind, Names, Qualified};
use crate::parse::python::{Module, is_main_test, last_name};
use crate::text::Span;

/// Classes whose instances are, or hold, a Flask application.
const CLASSES: &[&str] = &[
    "flask.Flask",
    "connexion.App",
    "connexion.FlaskApp",
    "apiflask.APIFlask",
    "flask_openapi3.OpenAPI",
    "flask_api.FlaskAPI",
    "airflow.www.app.Flask",
];

pub(super) fn find(modules: &Modules, names: &Names) -> Vec<App> {
    let own = own_subclasses(modules);
    let words = any_of(&own);
    let list: Vec<_> = modules
        .iter()
        .filter(|(_, tree)| {
            let text = tree.file.text.as_str();
            words.as_ref().is_none_or(|words| words.is_match(text))
        })
        .map(|(id, _)| id)
        .collect();
    let found: Vec<Vec<App>> = list
        .par_iter()
        .map(|id| find_in(modules, names, *id, &own))
        .collect();
    found.into_iter().flatten().collect()
}

/// The bare names of classes that may inherit from Flask; what they are is resolved later.
fn own_subclasses(modules: &Modules) -> HashSet<String> {
    let mut known: HashSet<String> = CLASSES.iter().map(|class| last(class).to_owned()).collect();
    let mut classes = Vec::new();
    for (_, module) in modules.iter() {
        collect_classes(module.body(), &mut classes);
    }
    loop {
        let before = known.len();
        for (name, bases) in &classes {
            if bases.iter().any(|base| known.contains(*base)) {
                known.insert((*name).to_owned());
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

fn collect_classes<'m>(body: &'m [Stmt], found: &mut Vec<(&'m str, Vec<&'m str>)>) {
    for stmt in body {
        match stmt {
            Stmt::ClassDef(class) => {
                let bases = class.arguments.iter().flat_map(|it| &it.args);
                let bases: Vec<_> = bases.filter_map(last_name).collect();
                if !bases.is_empty() {
                    found.push((class.name.as_str(), bases));
                }
            }
            Stmt::If(stmt) => collect_classes(&stmt.body, found),
            Stmt::Try(stmt) => collect_classes(&stmt.body, found),
            _ => {}
        }
    }
}

fn last(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap_or(dotted)
}

fn find_in(
    modules: &Modules,
    names: &Names,
    module: ModuleId,
    classes: &HashSet<String>,
) -> Vec<App> {
    let tree = modules.get(module);
    let aliases = aliases_of(names, module, classes);
    let mut finder = Finder {
        classes,
        aliases: &aliases,
        functions: Vec::new(),
        statements: Vec::new(),
        main: 0,
        found: Vec::new(),
    };
    finder.visit_body(tree.body());
    let candidates = std::mem::take(&mut finder.found);
    candidates
        .into_iter()
        .filter_map(|candidate| app(modules, names, module, &candidate))
        .collect()
}

/// Names under which this module imports one of `classes` (`from flask import Flask as F`).
fn aliases_of(names: &Names, module: ModuleId, classes: &HashSet<String>) -> HashSet<String> {
    let mut aliases = HashSet::new();
    for scope in names.scopes(module).iter() {
        for (name, bindings) in &scope.bindings {
            let imports = bindings.iter().any(|binding| match &binding.kind {
                BindingKind::Import(imported) => imported
                    .member
                    .as_ref()
                    .is_some_and(|member| classes.contains(&**member)),
                _ => false,
            });
            if imports {
                aliases.insert(name.to_string());
            }
        }
    }
    aliases
}

/// A call that may construct an application.
struct Candidate<'a> {
    call: &'a ExprCall,
    statement: &'a Stmt,
    /// The enclosing functions and classes, outermost first.
    enclosing: Vec<&'a Stmt>,
    under_main: bool,
}

struct Finder<'a, 'c> {
    classes: &'c HashSet<String>,
    aliases: &'c HashSet<String>,
    functions: Vec<&'a Stmt>,
    statements: Vec<&'a Stmt>,
    main: usize,
    found: Vec<Candidate<'a>>,
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let is_main = is_main(stmt);
        let is_scope = matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_));
        self.main += usize::from(is_main);
        if is_scope {
            self.functions.push(stmt);
        }
        self.statements.push(stmt);
        source_order::walk_stmt(self, stmt);
        self.statements.pop();
        if is_scope {
            self.functions.pop();
        }
        self.main -= usize::from(is_main);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && let Some(name) = last_name(&call.func)
            && (self.classes.contains(name) || self.aliases.contains(name))
            && let Some(statement) = self.statements.last()
        {
            self.found.push(Candidate {
                call,
                statement,
                enclosing: self.functions.clone(),
                under_main: self.main > 0,
            });
        }
        source_order::walk_expr(self, expr);
    }
}

/// `if __name__ == "__main__":` and `def main(...)`.
fn is_main(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::If(stmt) => is_main_test(&stmt.test),
        Stmt::FunctionDef(function) => function.name.as_str() == "main",
        _ => false,
    }
}

fn app(
    modules: &Modules,
    names: &Names,
    module: ModuleId,
    candidate: &Candidate<'_>,
) -> Option<App> {
    let class = names.callee(modules, module, &candidate.call.func)?;
    let is_app = CLASSES
        .iter()
        .any(|known| names.is_subclass(modules, &class, known));
    if !is_app {
        return None;
    }
    let tree = modules.get(module);
    let name = bound_name(candidate.statement, candidate.call);
    let path = tree.path();
    Some(App {
        module,
        construction: tree.location(candidate.call.range()),
        statement: tree.location(candidate.statement.range()),
        kind: kind(tree, candidate, name.as_deref()),
        name,
        class: class_name(&class),
        root: path
            .rsplit_once('/')
            .map_or_else(String::new, |(folder, _)| folder.to_owned()),
        purpose: tree.file.purpose,
        arguments: arguments(tree, candidate.call),
        under_main: candidate.under_main,
        routes: Vec::new(),
        registrations: Vec::new(),
        extensions: Vec::new(),
        hooks: Vec::new(),
    })
}

fn class_name(class: &Qualified) -> String {
    class.to_string()
}

/// The target that the statement binds the call's value to.
fn bound_name(statement: &Stmt, call: &ExprCall) -> Option<Box<str>> {
    let (targets, value) = match statement {
        Stmt::Assign(assign) => (assign.targets.as_slice(), &*assign.value),
        Stmt::AnnAssign(assign) => (
            std::slice::from_ref(&*assign.target),
            assign.value.as_deref()?,
        ),
        _ => return None,
    };
    if !Span::from(value.range()).contains(call.range().into()) {
        return None;
    }
    targets.iter().find_map(|target| match target {
        Expr::Name(name) => Some(name.id.as_str().into()),
        Expr::Attribute(attribute) => match &*attribute.value {
            Expr::Name(base) => Some(format!("{}.{}", base.id, attribute.attr).into()),
            _ => None,
        },
        _ => None,
    })
}

fn kind(tree: &Module, candidate: &Candidate<'_>, name: Option<&str>) -> AppKind {
    let Some(Stmt::FunctionDef(function)) = candidate
        .enclosing
        .iter()
        .rfind(|stmt| matches!(stmt, Stmt::FunctionDef(_)))
    else {
        return AppKind::Module;
    };
    let span = Span::from(function.range());
    if name.is_some_and(|name| name.starts_with("self."))
        && let Some(Stmt::ClassDef(class)) = candidate
            .enclosing
            .iter()
            .rfind(|stmt| matches!(stmt, Stmt::ClassDef(_)))
    {
        return AppKind::Attribute {
            class: class.name.to_string(),
            method: span,
        };
    }
    let path: Vec<&str> = candidate
        .enclosing
        .iter()
        .filter_map(|stmt| match stmt {
            Stmt::FunctionDef(function) => Some(function.name.as_str()),
            Stmt::ClassDef(class) => Some(class.name.as_str()),
            _ => None,
        })
        .collect();
    AppKind::Factory {
        name: path.join("."),
        function: span,
        returns_app: returns(tree, function, candidate.call, name),
    }
}

/// Whether the function returns the name or the call itself.
fn returns(tree: &Module, function: &StmtFunctionDef, call: &ExprCall, name: Option<&str>) -> bool {
    let mut returns = Returns(Vec::new());
    ruff_python_ast::statement_visitor::StatementVisitor::visit_body(&mut returns, &function.body);
    returns.0.iter().any(|value| {
        let whole = Span::from(value.range());
        whole.contains(call.range().into())
            || name.is_some_and(|name| {
                let text = tree.source(whole);
                text == name
                    || text
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with([',', '.', ' ']))
            })
            || matches!(value, Expr::Tuple(tuple) if tuple.elts.iter().any(|element|
                Some(tree.source(Span::from(element.range()))) == name))
    })
}

struct Returns<'a>(Vec<&'a Expr>);

impl<'a> ruff_python_ast::statement_visitor::StatementVisitor<'a> for Returns<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Return(found) => self.0.extend(found.value.as_deref()),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => ruff_python_ast::statement_visitor::walk_stmt(self, stmt),
        }
    }
}

fn arguments(tree: &Module, call: &ExprCall) -> AppArguments {
    let span = |name: &str| {
        let keyword = call.arguments.find_keyword(name)?;
        Some(Span::from(keyword.value.range()))
    };
    AppArguments {
        static_folder: span("static_folder"),
        static_url_path: span("static_url_path"),
        template_folder: span("template_folder"),
        instance_path: span("instance_path"),
        instance_relative: span("instance_relative_config")
            .is_some_and(|span| tree.source(span) != "False"),
    }
}
