//! Which application an expression is: through names, imports, factories and attributes.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::{AppId, AppKind, Apps};
use crate::model::deployment::{Process, Server};
use crate::model::modules::{ModuleId, Modules};
use crate::model::names::{BindingKind, Names, Qualified};
use crate::text::Span;

/// Longest chain that is followed.
const MAX_STEPS: usize = 16;

/// What an expression is, as far as applications go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    App(AppId),
    /// A Flask application, but nothing tells which (`current_app`, a parameter).
    SomeApp,
    Other,
}

pub(super) fn origin(
    apps: &Apps,
    modules: &Modules,
    names: &Names,
    module: ModuleId,
    expr: &Expr,
) -> Origin {
    let tracer = Tracer {
        apps,
        modules,
        names,
    };
    if let Some(id) = tracer.expression(module, expr, MAX_STEPS) {
        return Origin::App(id);
    }
    let is_flask = names
        .type_of(modules, module, expr)
        .is_some_and(|class| names.is_subclass(modules, &class, "flask.Flask"));
    if is_flask {
        Origin::SomeApp
    } else {
        Origin::Other
    }
}

/// The application that a process of a deployment loads.
pub(super) fn of_process(
    apps: &Apps,
    modules: &Modules,
    names: &Names,
    process: &Process,
) -> Option<AppId> {
    let tracer = Tracer {
        apps,
        modules,
        names,
    };
    let (module, wanted) = match (&process.target, &process.server) {
        (Some(target), _) => (
            modules.find(&process.folder, &target.module)?,
            target.name(),
        ),
        (None, Server::PythonScript { path }) => (modules.by_path(path)?, None),
        (None, Server::PythonModule { name }) => (modules.find(&process.folder, name)?, None),
        _ => return None,
    };
    let usual = ["app", "application", "create_app", "make_app"];
    let candidates = wanted.map_or_else(|| usual.to_vec(), |name| vec![name]);
    candidates
        .into_iter()
        .find_map(|name| {
            let found = names.resolve_member(modules, module, name)?;
            tracer
                .global(&found, MAX_STEPS)
                .or_else(|| tracer.made_by(&found, MAX_STEPS))
        })
        .or_else(|| {
            let mut own = apps.iter().filter(|(_, app)| app.module == module);
            own.next().map(|(id, _)| id)
        })
}

struct Tracer<'a> {
    apps: &'a Apps,
    modules: &'a Modules,
    names: &'a Names,
}

impl Tracer<'_> {
    fn expression(&self, module: ModuleId, expr: &Expr, steps: usize) -> Option<AppId> {
        let steps = steps.checked_sub(1)?;
        match expr {
            Expr::Call(call) => {
                let location = self.modules.get(module).location(call.range());
                if let Some(id) = self.apps.constructed_at(&location) {
                    return Some(id);
                }
                let callee = self.names.callee(self.modules, module, &call.func)?;
                self.made_by(&callee, steps)
            }
            Expr::Name(name) => {
                let offset = name.range.start().to_usize();
                self.name(module, &name.id, offset, steps)
            }
            Expr::Attribute(attribute) => {
                if let Some(found) = self.names.qualify(self.modules, module, expr)
                    && let Some(id) = self.global(&found, steps)
                {
                    return Some(id);
                }
                if matches!(&*attribute.value, Expr::Name(base) if base.id.as_str() == "self") {
                    return self.own_attribute(module, expr);
                }
                // `connexion_app.app`, `socketio.server_app`: the holder's own application.
                (attribute.attr.as_str() == "app")
                    .then(|| self.expression(module, &attribute.value, steps))?
            }
            Expr::Named(named) => self.expression(module, &named.value, steps),
            _ => None,
        }
    }

    fn name(&self, module: ModuleId, name: &str, offset: usize, steps: usize) -> Option<AppId> {
        let steps = steps.checked_sub(1)?;
        let (_, bindings) = self.names.scopes(module).lookup(name, offset)?;
        bindings
            .iter()
            .rev()
            .find_map(|binding| match &binding.kind {
                BindingKind::Value(span) => {
                    let location = self.modules.get(module).location(*span);
                    if let Some(id) = self.apps.constructed_at(&location) {
                        return Some(id);
                    }
                    let value = self.modules.get(module).expression_at(*span)?;
                    self.expression(module, value, steps)
                }
                BindingKind::Import(_) => {
                    let reference = self
                        .names
                        .resolve_name(self.modules, module, name, offset)?;
                    self.global(&reference, steps)
                }
                _ => None,
            })
    }

    fn global(&self, name: &Qualified, steps: usize) -> Option<AppId> {
        let Qualified::Internal(module, path) = name else {
            return None;
        };
        if path.is_empty() || path.contains('.') {
            return None;
        }
        let end = self.modules.get(*module).file.text.len();
        self.name(*module, path, end, steps)
    }

    /// The application that calling a function of the repository gives.
    fn made_by(&self, callee: &Qualified, steps: usize) -> Option<AppId> {
        let steps = steps.checked_sub(1)?;
        let (module, function) = self.names.function(self.modules, callee)?;
        let span = Span::from(function.range());
        let own = self.apps.iter().find(|(_, app)| {
            app.module == module
                && matches!(&app.kind, AppKind::Factory { function, returns_app: true, .. }
                    if *function == span)
        });
        if let Some((id, _)) = own {
            return Some(id);
        }
        let mut returned = Vec::new();
        collect_returns(&function.body, &mut returned);
        returned
            .into_iter()
            .find_map(|value| self.expression(module, value, steps))
    }

    /// `self.app`, by the text of the construction's target in the same class.
    fn own_attribute(&self, module: ModuleId, expr: &Expr) -> Option<AppId> {
        let tree = self.modules.get(module);
        let text = tree.source(Span::from(expr.range()));
        let offset = expr.range().start().to_usize();
        let class = self.names.scopes(module).enclosing_class(offset)?.span;
        self.apps
            .iter()
            .find(|(_, app)| {
                app.module == module
                    && app.name.as_deref() == Some(text)
                    && class.contains(app.construction.span)
            })
            .map(|(id, _)| id)
    }
}

fn collect_returns<'a>(body: &'a [Stmt], found: &mut Vec<&'a Expr>) {
    struct Returns<'a, 'f>(&'f mut Vec<&'a Expr>);
    impl<'a> ruff_python_ast::statement_visitor::StatementVisitor<'a> for Returns<'a, '_> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::Return(found) => self.0.extend(found.value.as_deref()),
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                _ => ruff_python_ast::statement_visitor::walk_stmt(self, stmt),
            }
        }
    }
    ruff_python_ast::statement_visitor::StatementVisitor::visit_body(&mut Returns(found), body);
}
