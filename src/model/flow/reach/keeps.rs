//! Whether a function may leave something in the memory of the server: in a global, in what a
//! global holds, in an object that outlives the call.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtFunctionDef};

const WRITERS: &[&str] = &[
    "append",
    "appendleft",
    "add",
    "extend",
    "insert",
    "update",
    "setdefault",
    "put",
    "push",
    "set",
];

/// By its form: what it writes to is not its own.
pub(super) fn keeps(def: &StmtFunctionDef) -> bool {
    let mut keeper = Keeper::default();
    let is_init = def.name.as_str() == "__init__";
    for (at, parameter) in def.parameters.iter().enumerate() {
        let name = parameter.name().as_str();
        // What an object keeps lives as long as the object; a new one's fields are its own.
        if at > 0 || is_init || !matches!(name, "self" | "cls") {
            keeper.own.insert(name);
        }
    }
    keeper.visit_body(&def.body);
    keeper.is_global || keeper.written.iter().any(|name| !keeper.own.contains(name))
}

#[derive(Default)]
struct Keeper<'a> {
    own: HashSet<&'a str>,
    written: Vec<&'a str>,
    is_global: bool,
}

impl<'a> Keeper<'a> {
    fn target(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => {
                self.own.insert(name.id.as_str());
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|one| self.target(one)),
            Expr::List(list) => list.elts.iter().for_each(|one| self.target(one)),
            Expr::Starred(starred) => self.target(&starred.value),
            Expr::Attribute(_) | Expr::Subscript(_) => self.written.extend(root(target)),
            _ => {}
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        let Expr::Attribute(attribute) = &*call.func else {
            return;
        };
        if WRITERS.contains(&attribute.attr.as_str()) && !is_database(&attribute.value) {
            self.written.extend(root(&attribute.value));
        }
    }
}

impl<'a> SourceOrderVisitor<'a> for Keeper<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Global(_) | Stmt::Nonlocal(_) => self.is_global = true,
            Stmt::Assign(it) => {
                it.targets.iter().for_each(|target| self.target(target));
                if let Expr::Call(call) = &*it.value {
                    self.call(call);
                }
            }
            Stmt::AnnAssign(it) => self.target(&it.target),
            Stmt::AugAssign(it) => match &*it.target {
                Expr::Name(_) => {}
                target => self.target(target),
            },
            Stmt::For(it) => self.target(&it.target),
            Stmt::With(it) => {
                let names = it
                    .items
                    .iter()
                    .filter_map(|item| item.optional_vars.as_deref());
                names.for_each(|name| self.target(name));
            }
            Stmt::Expr(it) => {
                if let Expr::Call(call) = &*it.value {
                    self.call(call);
                }
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// What stands first in `name.field["key"]`.
fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        Expr::Subscript(subscript) => root(&subscript.value),
        Expr::Call(call) => root(&call.func),
        _ => None,
    }
}

/// `db.session`: what is added there goes to a database.
fn is_database(receiver: &Expr) -> bool {
    match receiver {
        Expr::Name(name) => matches!(name.id.as_str(), "session" | "db" | "flash"),
        Expr::Attribute(attribute) => attribute.attr.as_str() == "session",
        _ => false,
    }
}
