//! What is known of a value's class: from annotations, assignments, and what functions return.

use std::cell::Cell;

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt};

use super::resolve::{MAX_STEPS, Qualified};
use super::scope::BindingKind;
use super::{ModuleId, Modules, Names};

/// Most expressions that one question about a type may look at: names that are assigned from
/// each other again and again (`query = query.filter(…)`) would otherwise take for ever.
const MAX_LOOKS: usize = 400;

thread_local! {
    /// How many expressions the question that is being answered may still look at.
    static LOOKS: Cell<usize> = const { Cell::new(MAX_LOOKS) };
}

impl Names {
    /// What a call's function is: a qualified name, or a method of a known type
    /// ("flask.Flask.run" for `app.run`, whatever `app` is called).
    pub fn callee(&self, modules: &Modules, module: ModuleId, func: &Expr) -> Option<Qualified> {
        LOOKS.set(MAX_LOOKS);
        self.callee_within(modules, module, func, MAX_STEPS)
    }

    fn callee_within(
        &self,
        modules: &Modules,
        module: ModuleId,
        func: &Expr,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        let qualified = self.qualify_within(modules, module, func, steps);
        let is_definite = match &qualified {
            Some(Qualified::External(dotted)) => !dotted.starts_with("flask.current_app."),
            Some(name) => self.definition(name).is_some_and(|found| {
                matches!(
                    found.binding.kind,
                    BindingKind::Function | BindingKind::Class
                )
            }),
            None => false,
        };
        if is_definite {
            return qualified;
        }
        let Expr::Attribute(method) = func else {
            return qualified;
        };
        let Some(receiver) = self.type_within(modules, module, &method.value, steps) else {
            return qualified;
        };
        let own = receiver.clone().member(&method.attr);
        if self.definition(&own).is_some() {
            return Some(own);
        }
        for base in ["flask.Flask", "flask.Blueprint", "flask_socketio.SocketIO"] {
            if self.is_subclass(modules, &receiver, base) {
                return Some(Qualified::External(format!("{base}.{}", method.attr)));
            }
        }
        Some(own)
    }

    /// Whether `class` is the library class `base` or inherits from it.
    pub fn is_subclass(&self, modules: &Modules, class: &Qualified, base: &str) -> bool {
        self.is_subclass_within(modules, class, base, MAX_STEPS)
    }

    fn is_subclass_within(
        &self,
        modules: &Modules,
        class: &Qualified,
        base: &str,
        steps: usize,
    ) -> bool {
        if class.is(base) {
            return true;
        }
        let (Some(steps), Some((module, class))) =
            (steps.checked_sub(1), self.class(modules, class))
        else {
            return false;
        };
        let bases = class.arguments.iter().flat_map(|arguments| &arguments.args);
        bases
            .filter_map(|expr| self.qualify_within(modules, module, expr, steps))
            .any(|parent| self.is_subclass_within(modules, &parent, base, steps))
    }

    /// The class that `expr` is an instance of, as far as assignments, annotations, `self`
    /// attributes and the returns of the repository's functions tell.
    pub fn type_of(&self, modules: &Modules, module: ModuleId, expr: &Expr) -> Option<Qualified> {
        LOOKS.set(MAX_LOOKS);
        self.type_within(modules, module, expr, MAX_STEPS)
    }

    fn type_within(
        &self,
        modules: &Modules,
        module: ModuleId,
        expr: &Expr,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        LOOKS.set(LOOKS.get().checked_sub(1)?);
        match expr {
            Expr::Call(call) => {
                let callee = self.callee_within(modules, module, &call.func, steps)?;
                self.returned(modules, callee, steps)
            }
            Expr::Name(name) => {
                let offset = name.range.start().to_usize();
                self.type_of_name(modules, module, &name.id, offset, steps)
            }
            Expr::Attribute(attribute) => {
                let qualified = self.qualify_within(modules, module, expr, steps);
                if let Some(found) = qualified
                    && let Some(kind) = self.type_of_global(modules, &found, steps)
                {
                    return Some(kind);
                }
                if let Some(kind) = self.type_of_self(modules, module, attribute, steps) {
                    return Some(kind);
                }
                let base = self.type_within(modules, module, &attribute.value, steps)?;
                self.type_of_member(modules, &base, &attribute.attr)
            }
            Expr::Named(named) => self.type_within(modules, module, &named.value, steps),
            Expr::Await(inner) => self.type_within(modules, module, &inner.value, steps),
            _ => None,
        }
    }

    fn type_of_name(
        &self,
        modules: &Modules,
        module: ModuleId,
        name: &str,
        offset: usize,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        let Some((_, bindings)) = self.scopes(module).lookup(name, offset) else {
            let starred = self.starred(modules, module, name, steps)?;
            return self.type_of_global(modules, &starred, steps);
        };
        // Inside `query = query.filter(…)` the name means what it was first set to.
        let refers_to_itself = bindings.iter().any(|binding| {
            matches!(&binding.kind, BindingKind::Value(span) if span.contains_offset(offset))
        });
        let candidates = match refers_to_itself {
            true => &bindings[..1],
            false => bindings,
        };
        candidates
            .iter()
            .rev()
            .find_map(|binding| match &binding.kind {
                BindingKind::Value(span) if span.contains_offset(offset) => None,
                BindingKind::Value(span) => {
                    let value = modules.get(module).expression_at(*span)?;
                    self.type_within(modules, module, value, steps)
                }
                BindingKind::Import(imported) => {
                    let target = self.imported(modules, module, imported, steps)?;
                    self.type_of_global(modules, &target, steps)
                }
                BindingKind::Parameter(Some(annotation)) => {
                    let annotation = modules.get(module).expression_at(*annotation)?;
                    self.annotated(modules, module, annotation, steps)
                }
                // Flask's own convention for factories and extensions: `def init_app(app)`.
                BindingKind::Parameter(None) => matches!(name, "app" | "application" | "flask_app")
                    .then(|| Qualified::External("flask.Flask".into())),
                _ => None,
            })
    }

    fn annotated(
        &self,
        modules: &Modules,
        module: ModuleId,
        annotation: &Expr,
        steps: usize,
    ) -> Option<Qualified> {
        match annotation {
            Expr::BinOp(either) => self
                .annotated(modules, module, &either.left, steps)
                .or_else(|| self.annotated(modules, module, &either.right, steps)),
            Expr::Subscript(generic) => self.annotated(modules, module, &generic.slice, steps),
            Expr::StringLiteral(quoted) => {
                let name = quoted.value.to_str();
                let offset = quoted.range.start().to_usize();
                self.name(modules, module, name, offset, steps)
            }
            _ => self.qualify_within(modules, module, annotation, steps),
        }
    }

    /// The type of what a qualified name holds: a proxy of Flask's, or a global of a module.
    fn type_of_global(
        &self,
        modules: &Modules,
        name: &Qualified,
        steps: usize,
    ) -> Option<Qualified> {
        match name {
            Qualified::External(dotted) => match dotted.as_str() {
                "flask.current_app" => Some(Qualified::External("flask.Flask".into())),
                "flask.request" => Some(Qualified::External("flask.Request".into())),
                "flask.session" => Some(Qualified::External("flask.Session".into())),
                _ => None,
            },
            Qualified::Internal(module, path) => {
                if path.is_empty() || path.contains('.') {
                    return None;
                }
                let end = modules.get(*module).file.text.len();
                self.type_of_name(modules, *module, path, end, steps)
            }
        }
    }

    /// `self.name`: the type of what the class assigns to it anywhere.
    fn type_of_self(
        &self,
        modules: &Modules,
        module: ModuleId,
        attribute: &ruff_python_ast::ExprAttribute,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        let Expr::Name(base) = &*attribute.value else {
            return None;
        };
        if base.id.as_str() != "self" {
            return None;
        }
        let offset = attribute.range.start().to_usize();
        let class = self.scopes(module).enclosing_class(offset)?.span;
        let Some(Stmt::ClassDef(class)) = modules.get(module).statement_exactly(class) else {
            return None;
        };
        let mut assigned = AssignedToSelf {
            name: &attribute.attr,
            values: Vec::new(),
        };
        ruff_python_ast::statement_visitor::StatementVisitor::visit_body(
            &mut assigned,
            &class.body,
        );
        let mut values = assigned.values.into_iter();
        values.find_map(|value| self.type_within(modules, module, value, steps))
    }

    fn type_of_member(
        &self,
        modules: &Modules,
        base: &Qualified,
        member: &str,
    ) -> Option<Qualified> {
        if self.is_subclass(modules, base, "flask.Flask") {
            let known = match member {
                "config" => "flask.Config",
                "jinja_env" => "jinja2.Environment",
                _ => return None,
            };
            return Some(Qualified::External(known.into()));
        }
        // connexion.FlaskApp(...).app is the Flask object.
        let wraps = ["connexion.App", "connexion.FlaskApp"];
        (member == "app" && wraps.iter().any(|class| base.is(class)))
            .then(|| Qualified::External("flask.Flask".into()))
    }

    /// What calling `callee` gives: an instance of the class, or the function's return type.
    fn returned(&self, modules: &Modules, callee: Qualified, steps: usize) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        if let Qualified::External(dotted) = &callee {
            let last = dotted.rsplit('.').next().unwrap_or(dotted);
            let is_class = last.starts_with(char::is_uppercase);
            return is_class.then_some(callee);
        }
        if self.class(modules, &callee).is_some() {
            return Some(callee);
        }
        let (module, function) = self.function(modules, &callee)?;
        let mut returns = Returns(Vec::new());
        ruff_python_ast::statement_visitor::StatementVisitor::visit_body(
            &mut returns,
            &function.body,
        );
        let mut values = returns.0.into_iter();
        values.find_map(|value| self.type_within(modules, module, value, steps))
    }
}

struct AssignedToSelf<'a, 'n> {
    name: &'n str,
    values: Vec<&'a Expr>,
}

impl<'a> StatementVisitor<'a> for AssignedToSelf<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let (targets, value) = match stmt {
            Stmt::Assign(assign) => (assign.targets.as_slice(), Some(&assign.value)),
            Stmt::AnnAssign(assign) => {
                (std::slice::from_ref(&*assign.target), assign.value.as_ref())
            }
            _ => (&[][..], None),
        };
        let is_wanted = |target: &Expr| {
            matches!(target, Expr::Attribute(attribute)
                if attribute.attr.as_str() == self.name
                    && matches!(&*attribute.value, Expr::Name(base) if base.id.as_str() == "self"))
        };
        if let Some(value) = value.filter(|_| targets.iter().any(is_wanted)) {
            self.values.push(value);
        }
        walk_stmt(self, stmt);
    }
}

/// The values a function returns itself; nested functions are not looked into.
struct Returns<'a>(Vec<&'a Expr>);

impl<'a> StatementVisitor<'a> for Returns<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Return(stmt) => self.0.extend(stmt.value.as_deref()),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => walk_stmt(self, stmt),
        }
    }
}
