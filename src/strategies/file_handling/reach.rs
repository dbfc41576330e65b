//! What a view evaluates, itself and through the repository's functions that it calls.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, TraversalSignal, walk_expr};
use ruff_python_ast::{AnyNodeRef, Expr};
use ruff_text_size::Ranged as _;

use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::text::Span;

/// How far calls are followed.
const MAX_DEPTH: usize = 2;

/// Every expression inside `span`, then those of the functions called there.
pub(super) fn expressions(model: &Model, module: ModuleId, span: Span) -> Vec<(ModuleId, &Expr)> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    collect(model, module, span, MAX_DEPTH, &mut seen, &mut found);
    found
}

fn collect<'m>(
    model: &'m Model,
    module: ModuleId,
    span: Span,
    depth: usize,
    seen: &mut Vec<(ModuleId, Span)>,
    found: &mut Vec<(ModuleId, &'m Expr)>,
) {
    if seen.contains(&(module, span)) {
        return;
    }
    seen.push((module, span));
    let mut inside = Inside {
        span,
        found: Vec::new(),
    };
    inside.visit_body(model.modules.get(module).body());
    for expr in inside.found {
        found.push((module, expr));
        let (Expr::Call(call), Some(depth)) = (expr, depth.checked_sub(1)) else {
            continue;
        };
        let callee = model.names.callee(&model.modules, module, &call.func);
        let function = callee.and_then(|callee| model.names.function(&model.modules, &callee));
        if let Some((at, function)) = function {
            collect(model, at, function.range.into(), depth, seen, found);
        }
    }
}

struct Inside<'a> {
    span: Span,
    found: Vec<&'a Expr>,
}

impl<'a> SourceOrderVisitor<'a> for Inside<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        match Span::from(node.range()).overlaps(self.span) {
            true => TraversalSignal::Traverse,
            false => TraversalSignal::Skip,
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if self.span.contains(expr.range().into()) {
            self.found.push(expr);
        }
        walk_expr(self, expr);
    }
}
