//! What a module's tree is searched for.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall, Stmt};

use crate::text::Span;

/// The calls in `body` that are wanted.
pub(super) fn calls_in(body: &[Stmt], wanted: impl Fn(&ExprCall) -> bool) -> Vec<&ExprCall> {
    let mut calls = Calls {
        wanted,
        found: Vec::new(),
    };
    calls.visit_body(body);
    calls.found
}

struct Calls<'a, F> {
    wanted: F,
    found: Vec<&'a ExprCall>,
}

impl<'a, F: Fn(&ExprCall) -> bool> SourceOrderVisitor<'a> for Calls<'a, F> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && (self.wanted)(call)
        {
            self.found.push(call);
        }
        walk_expr(self, expr);
    }
}

/// The values a function returns itself.
pub(super) struct Returns<'a>(pub Vec<&'a Expr>);

impl<'a> Returns<'a> {
    pub fn body(&mut self, body: &'a [Stmt]) {
        ruff_python_ast::statement_visitor::StatementVisitor::visit_body(self, body);
    }
}

impl<'a> ruff_python_ast::statement_visitor::StatementVisitor<'a> for Returns<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Return(stmt) => self.0.extend(stmt.value.as_deref()),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => ruff_python_ast::statement_visitor::walk_stmt(self, stmt),
        }
    }
}

/// `name["key"] = value` within a scope.
pub(super) struct Entries<'a, 'n> {
    pub name: &'n str,
    pub key: &'n str,
    pub within: Span,
    pub found: Vec<&'a Expr>,
}

impl<'a> Entries<'a, '_> {
    pub fn visit_statements(&mut self, body: &'a [Stmt]) {
        ruff_python_ast::statement_visitor::StatementVisitor::visit_body(self, body);
    }
}

impl<'a> ruff_python_ast::statement_visitor::StatementVisitor<'a> for Entries<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assign(assign) = stmt
            && self.within.contains(assign.range.into())
            && assign.targets.iter().any(|target| {
                matches!(target, Expr::Subscript(subscript)
                    if matches!(&*subscript.value, Expr::Name(name) if name.id.as_str() == self.name)
                    && matches!(&*subscript.slice, Expr::StringLiteral(key)
                        if key.value.to_str() == self.key))
            })
        {
            self.found.push(&assign.value);
        }
        ruff_python_ast::statement_visitor::walk_stmt(self, stmt);
    }
}
