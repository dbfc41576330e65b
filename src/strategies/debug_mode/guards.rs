//! Checks that a project has already: code that stops the start on account of debug mode.

use std::collections::HashSet;

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{AnyNodeRef, Expr, Stmt, StmtFunctionDef, StmtIf};
use ruff_text_size::Ranged as _;

use super::walk::calls_in;
use crate::discover::Purpose;
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, Qualified};
use crate::parse::python::is_main_test;
use crate::text::{Location, Span};

/// How far names and helpers are looked into.
const MAX_DEPTH: usize = 4;

/// What a test asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asks {
    /// The state: `app.debug`, `config["DEBUG"]`.
    pub state: bool,
    /// `FLASK_DEBUG`, which `flask run` applies after the app is loaded.
    pub flag: bool,
    /// The declared environment: `FLASK_ENV`, `APP_ENV`, a comparison with "development".
    pub environment: bool,
}

impl Asks {
    const fn and(self, other: Self) -> Self {
        Self {
            state: self.state || other.state,
            flag: self.flag || other.flag,
            environment: self.environment || other.environment,
        }
    }
}

/// Code that stops the start.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub module: ModuleId,
    /// The first statement that stops.
    pub location: Location,
    /// The statements that stop: `if …: raise …` without `else`.
    pub statements: Vec<Span>,
    pub asks: Asks,
    /// The function that holds it, if it is one of its own and not a factory.
    pub function: Option<String>,
    /// Whether something calls that function; true for code outside of functions.
    pub is_called: bool,
    /// The applications that it is handed or asks about; empty where that cannot be told.
    pub about: Vec<AppId>,
}

impl Guard {
    /// Why it lets debug mode through; `None` when it holds.
    pub fn hole(&self) -> Option<&'static str> {
        let Asks {
            state,
            flag,
            environment,
        } = self.asks;
        if !self.is_called {
            return Some("nothing calls it");
        }
        match (state, flag, environment) {
            (true, true, true) => None,
            (false, false, _) => Some(
                "it checks the name of the environment and not whether debug is on: FLASK_DEBUG=1, \
                 app.debug = True and app.run(debug=True) pass, and every developer is refused",
            ),
            (true, false, _) => Some(
                "it runs before `flask run` applies FLASK_DEBUG to the app, so that FLASK_DEBUG=1 \
                 passes, and it cannot see app.run(debug=True)",
            ),
            (false, true, _) => Some(
                "it reads FLASK_DEBUG only: debug that the code or the configuration turns on passes",
            ),
            (true, true, false) => Some("no environment is declared that may debug"),
        }
    }
}

/// Every guard in the application's own code.
pub(super) fn find(model: &Model) -> Vec<Guard> {
    let modules = model.modules.iter();
    let own = modules.filter(|(_, module)| {
        module.file.purpose == Purpose::Application && mentions(module.file.text.as_str())
    });
    let mut guards = Vec::new();
    for (id, module) in own {
        let finder = Finder { model, module: id };
        guards.extend(finder.in_body(module.body(), None));
        let mut functions = Functions(Vec::new());
        functions.visit_body(module.body());
        for function in functions.0 {
            guards.extend(finder.in_body(&function.body, Some(function)));
        }
    }
    guards
}

/// Cheap: whether a file can hold a guard at all.
fn mentions(source: &str) -> bool {
    let asks = ["debug", "DEBUG", "FLASK_ENV", "development"];
    let stops = ["raise", "exit", "abort"];
    asks.iter().any(|word| source.contains(word)) && stops.iter().any(|word| source.contains(word))
}

struct Finder<'m> {
    model: &'m Model,
    module: ModuleId,
}

impl Finder<'_> {
    fn in_body(&self, body: &[Stmt], function: Option<&StmtFunctionDef>) -> Option<Guard> {
        let mut ifs = Ifs(Vec::new());
        ifs.visit_body(body);
        let asked = |stmt: &StmtIf| self.asks(&stmt.test, MAX_DEPTH, &mut HashSet::new());
        let stopping: Vec<&StmtIf> = ifs
            .0
            .iter()
            .copied()
            .filter(|stmt| self.stops(&stmt.body, MAX_DEPTH) && asked(stmt) != Asks::default())
            .filter(|stmt| self.is_about_debug_alone(stmt))
            .collect();
        let first = stopping.first()?;
        if function.is_some_and(|function| !self.may_guard(function)) {
            return None;
        }
        let all = ifs.0.iter().map(|stmt| asked(stmt));
        let asks = all.fold(Asks::default(), Asks::and);
        let module = self.model.modules.get(self.module);
        // A factory checks while it builds the app: it needs no caller of its own.
        let own = function.filter(|function| !self.makes_app(function));
        let location = module.location(first.range);
        Some(Guard {
            module: self.module,
            location,
            statements: stopping
                .iter()
                .filter(|stmt| stmt.elif_else_clauses.is_empty() && self.asks_only(&stmt.test))
                .map(|stmt| Span::from(stmt.range))
                .collect(),
            asks,
            function: own.map(|function| function.name.to_string()),
            is_called: own.is_none_or(|function| self.is_called(function, MAX_DEPTH)),
            about: match (own, function) {
                (Some(own), _) => self.handed(own),
                (None, Some(factory)) => self.made_in(factory),
                (None, None) => self.asked_about(&stopping),
            },
        })
    }

    /// The applications that calls of a function of the guard's own hand over.
    fn handed(&self, function: &StmtFunctionDef) -> Vec<AppId> {
        let model = self.model;
        let wanted = Qualified::Internal(self.module, function.name.to_string());
        let mut found = Vec::new();
        for (id, module) in model.modules.iter() {
            if !module.file.text.as_str().contains(function.name.as_str()) {
                continue;
            }
            let calls = calls_in(module.body(), |call| {
                let callee = model.names.callee(&model.modules, id, &call.func);
                callee.is_some_and(|callee| callee == wanted)
            });
            let arguments = calls.iter().filter_map(|call| call.arguments.args.first());
            found.extend(arguments.filter_map(|argument| self.app(id, argument)));
        }
        found
    }

    fn app(&self, module: ModuleId, expr: &Expr) -> Option<AppId> {
        let model = self.model;
        model.apps.of(&model.modules, &model.names, module, expr)
    }

    /// The applications that a factory makes.
    fn made_in(&self, factory: &StmtFunctionDef) -> Vec<AppId> {
        let span = Span::from(factory.range);
        let apps = self.model.apps.iter();
        apps.filter(|(_, app)| app.module == self.module && span.contains(app.construction.span))
            .map(|(id, _)| id)
            .collect()
    }

    /// The applications whose state the tests ask about.
    fn asked_about(&self, stopping: &[&StmtIf]) -> Vec<AppId> {
        let mut parts = Parts::default();
        for stmt in stopping {
            parts.visit_expr(&stmt.test);
        }
        let names = parts.names.into_iter();
        names
            .filter_map(|name| self.app(self.module, &Expr::Name(name.clone())))
            .collect()
    }

    /// Whether no condition of another kind stands around the statement: what is refused for a
    /// missing key outside of development is a check of the key.
    fn is_about_debug_alone(&self, stmt: &StmtIf) -> bool {
        let module = self.model.modules.get(self.module);
        let own = Span::from(stmt.range);
        module.ancestors(own).iter().all(|node| match node {
            AnyNodeRef::StmtIf(around) if Span::from(around.range) != own => {
                is_main_test(&around.test)
                    || self.asks(&around.test, MAX_DEPTH, &mut HashSet::new()) != Asks::default()
            }
            _ => true,
        })
    }

    /// Views, hooks and methods of other business raise on account of debug mode as well.
    fn may_guard(&self, function: &StmtFunctionDef) -> bool {
        let words = [
            "guard", "check", "verify", "ensure", "assert", "refuse", "debug",
        ];
        let name = function.name.to_ascii_lowercase();
        let is_named_so = words.iter().any(|word| name.contains(word));
        function.decorator_list.is_empty() && (is_named_so || self.makes_app(function))
    }

    fn makes_app(&self, function: &StmtFunctionDef) -> bool {
        let span = Span::from(function.range);
        let mut apps = self.model.apps.iter();
        apps.any(|(_, app)| app.module == self.module && span.contains(app.construction.span))
    }

    /// Whether the body ends the start: `raise`, `sys.exit()`, or a helper that does.
    fn stops(&self, body: &[Stmt], depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        body.iter().any(|stmt| match stmt {
            // A bare `raise` hands an error on, in debug mode for instance.
            Stmt::Raise(raise) => raise.exc.is_some(),
            Stmt::Expr(expr) => matches!(&*expr.value, Expr::Call(call) if {
                let source = self.source(call.func.range());
                matches!(source, "sys.exit" | "exit" | "quit" | "os._exit" | "os.abort")
                    || self.helper(&call.func).is_some_and(|helper| self.stops(&helper.body, depth))
            }),
            // What is refused for another reason (a short key) is no guard.
            Stmt::If(stmt) => {
                self.asks(&stmt.test, MAX_DEPTH, &mut HashSet::new()) != Asks::default()
                    && self.stops(&stmt.body, depth)
            }
            _ => false,
        })
    }

    /// Whether every part of a test is about debug mode: such a check another one can replace.
    fn asks_only(&self, test: &Expr) -> bool {
        let parts = match test {
            Expr::BoolOp(operation) => &operation.values[..],
            other => std::slice::from_ref(other),
        };
        parts.iter().all(|part| {
            let part = match part {
                Expr::UnaryOp(not) => &not.operand,
                other => other,
            };
            self.asks(part, MAX_DEPTH, &mut HashSet::new()) != Asks::default()
        })
    }

    fn helper(&self, func: &Expr) -> Option<&StmtFunctionDef> {
        let names = &self.model.names;
        let callee = names.callee(&self.model.modules, self.module, func)?;
        let (home, function) = names.function(&self.model.modules, &callee)?;
        (home == self.module).then_some(function)
    }

    fn source(&self, range: ruff_text_size::TextRange) -> &str {
        self.model.modules.get(self.module).source(range)
    }

    /// What an expression asks about, through the names and helpers that it uses.
    fn asks(&self, expr: &Expr, depth: usize, seen: &mut HashSet<Span>) -> Asks {
        let Some(depth) = depth.checked_sub(1) else {
            return Asks::default();
        };
        if !seen.insert(Span::from(expr.range())) {
            return Asks::default();
        }
        let mut parts = Parts::default();
        parts.visit_expr(expr);
        let mut asks = parts.asks;
        let names = parts.names.into_iter().map(|name| (name, false));
        let negated = parts.negated.into_iter().map(|name| (name, true));
        for (name, is_negated) in names.chain(negated) {
            let scopes = self.model.names.scopes(self.module);
            let found = scopes.lookup(&name.id, name.range.start().to_usize());
            let bindings = found.map_or(&[][..], |(_, bindings)| bindings);
            for binding in bindings {
                if let BindingKind::Value(span) = binding.kind
                    && let Some(value) = self.model.modules.get(self.module).expression_at(span)
                {
                    let mut more = self.asks(value, depth, seen);
                    if is_negated {
                        (more.state, more.flag) = (false, false);
                    }
                    asks = asks.and(more);
                }
            }
        }
        for func in parts.calls {
            let Some(helper) = self.helper(func) else {
                continue;
            };
            let mut returned = super::walk::Returns(Vec::new());
            returned.body(&helper.body);
            for value in returned.0 {
                asks = asks.and(self.asks(value, depth, seen));
            }
        }
        asks
    }

    /// Whether application code calls the function: from another module, from the module's body,
    /// from a factory, or from a function of its own module that is called itself.
    fn is_called(&self, function: &StmtFunctionDef, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let wanted = Qualified::Internal(self.module, function.name.to_string());
        let inside = Span::from(function.range);
        self.model.modules.iter().any(|(id, module)| {
            if module.file.purpose != Purpose::Application
                || !module.file.text.as_str().contains(function.name.as_str())
            {
                return false;
            }
            let calls = calls_in(module.body(), |call| {
                let is_inside = id == self.module && inside.contains(call.range().into());
                let callee = self.model.names.callee(&self.model.modules, id, &call.func);
                !is_inside && callee.is_some_and(|callee| callee == wanted)
            });
            let mut callers = calls.iter().map(|call| {
                module.body().iter().find_map(|stmt| match stmt {
                    Stmt::FunctionDef(caller) if caller.range.contains_range(call.range()) => {
                        Some(caller)
                    }
                    _ => None,
                })
            });
            callers.any(|caller| match caller {
                Some(caller) if id == self.module => {
                    self.makes_app(caller) || self.is_called(caller, depth)
                }
                _ => true,
            })
        })
    }
}

/// The names, calls and direct questions of one expression.
#[derive(Default)]
struct Parts<'a> {
    asks: Asks,
    names: Vec<&'a ruff_python_ast::ExprName>,
    /// Behind `not`: what they say of debug does not count.
    negated: Vec<&'a ruff_python_ast::ExprName>,
    calls: Vec<&'a Expr>,
}

impl<'a> SourceOrderVisitor<'a> for Parts<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::UnaryOp(not) = expr
            && not.op == ruff_python_ast::UnaryOp::Not
        {
            // Refusing something while debug is off guards nothing.
            let (state, flag) = (self.asks.state, self.asks.flag);
            let names = self.names.len();
            walk_expr(self, expr);
            if !matches!(&*not.operand, Expr::UnaryOp(_)) {
                (self.asks.state, self.asks.flag) = (state, flag);
                self.negated.extend(self.names.drain(names..));
            }
            return;
        }
        match expr {
            Expr::Attribute(attribute) => match attribute.attr.as_str() {
                "debug" | "DEBUG" => self.asks.state = true,
                "env" | "ENV" => self.asks.environment = true,
                _ => {}
            },
            Expr::StringLiteral(text) => match text.value.to_str() {
                "DEBUG" => self.asks.state = true,
                "FLASK_DEBUG" => self.asks.flag = true,
                "ENV" | "FLASK_ENV" | "APP_ENV" | "ENVIRONMENT" | "APP_SETTINGS"
                | "FLASK_CONFIG" | "development" | "production" | "dev" | "prod" => {
                    self.asks.environment = true;
                }
                _ => {}
            },
            Expr::Name(name) => {
                if matches!(name.id.as_str(), "get_debug_flag") {
                    self.asks.flag = true;
                }
                self.names.push(name);
            }
            Expr::Call(call) => self.calls.push(&call.func),
            _ => {}
        }
        walk_expr(self, expr);
    }
}

/// The `if` statements of a body; nested functions and classes are not looked into.
struct Ifs<'a>(Vec<&'a StmtIf>);

impl<'a> StatementVisitor<'a> for Ifs<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::If(inner) => {
                self.0.push(inner);
                walk_stmt(self, stmt);
            }
            _ => walk_stmt(self, stmt),
        }
    }
}

/// Every function, nested ones as well.
struct Functions<'a>(Vec<&'a StmtFunctionDef>);

impl<'a> StatementVisitor<'a> for Functions<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::FunctionDef(function) = stmt {
            self.0.push(function);
        }
        walk_stmt(self, stmt);
    }
}
