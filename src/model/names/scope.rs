//! Which names each scope of one module binds, and to what.

use std::collections::HashMap;

use ruff_python_ast::{
    ExceptHandler, Expr, Parameters, Pattern, Stmt, StmtClassDef, StmtFunctionDef,
};
use ruff_text_size::Ranged as _;

use crate::parse::python::Module;
use crate::text::Span;

/// The scopes of one module in source order; the first is the module's own.
#[derive(Debug, Default)]
pub struct Scopes {
    scopes: Vec<Scope>,
}

/// A module, class or function body.
#[derive(Debug)]
pub struct Scope {
    pub kind: ScopeKind,
    /// The whole definition; for functions without decorators and defaults, which are
    /// evaluated outside.
    pub span: Span,
    pub parent: Option<usize>,
    pub bindings: HashMap<Box<str>, Vec<Binding>>,
    /// Modules of `from … import *`.
    pub stars: Vec<Imported>,
    globals: Vec<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    Module,
    Class,
    Function,
}

/// One statement that gives a name a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub kind: BindingKind,
    /// The binding statement or definition.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingKind {
    Import(Imported),
    Function,
    Class,
    /// An assignment of the expression at that span.
    Value(Span),
    /// A parameter, with the span of its annotation.
    Parameter(Option<Span>),
    /// A loop variable, an unpacked element, …: something, but not traceable by name.
    Opaque,
}

/// `import module` (no member) or `from module import member`, `level` leading dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub level: u32,
    pub module: Box<str>,
    pub member: Option<Box<str>>,
}

impl Scopes {
    pub(super) fn of(module: &Module) -> Self {
        let whole = Span::new(0, module.file.text.len());
        let mut collector = Collector {
            scopes: Vec::new(),
            current: 0,
        };
        collector.open(ScopeKind::Module, whole);
        collector.body(module.body());
        Self {
            scopes: collector.scopes,
        }
    }

    pub fn module(&self) -> &Scope {
        &self.scopes[0]
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// The innermost scope at `offset`.
    pub fn at(&self, offset: usize) -> &Scope {
        let inside = |scope: &&Scope| scope.span.contains_offset(offset);
        let innermost = self.scopes.iter().rev().find(inside);
        innermost.unwrap_or_else(|| self.module())
    }

    /// What `name` may mean at `offset`: the bindings of the scope Python would look in.
    pub fn lookup(&self, name: &str, offset: usize) -> Option<(&Scope, &[Binding])> {
        let mut scope = self.at(offset);
        let mut innermost = true;
        loop {
            let visible = innermost || scope.kind != ScopeKind::Class;
            if let Some(bindings) = scope.bindings.get(name).filter(|_| visible) {
                return Some((scope, bindings));
            }
            innermost = false;
            scope = &self.scopes[scope.parent?];
        }
    }

    /// The class whose body directly holds the function at `offset`, if any.
    pub fn enclosing_class(&self, offset: usize) -> Option<&Scope> {
        let mut scope = self.at(offset);
        loop {
            if scope.kind == ScopeKind::Class {
                return Some(scope);
            }
            scope = &self.scopes[scope.parent?];
        }
    }
}

struct Collector {
    scopes: Vec<Scope>,
    current: usize,
}

impl Collector {
    fn open(&mut self, kind: ScopeKind, span: Span) -> usize {
        let parent = (!self.scopes.is_empty()).then_some(self.current);
        self.scopes.push(Scope {
            kind,
            span,
            parent,
            bindings: HashMap::new(),
            stars: Vec::new(),
            globals: Vec::new(),
        });
        std::mem::replace(&mut self.current, self.scopes.len() - 1)
    }

    fn bind(&mut self, name: &str, kind: BindingKind, span: impl Into<Span>) {
        let scope = &self.scopes[self.current];
        let is_global = scope.globals.iter().any(|global| &**global == name);
        let target = if is_global { 0 } else { self.current };
        let binding = Binding {
            kind,
            span: span.into(),
        };
        let bindings = &mut self.scopes[target].bindings;
        bindings.entry(name.into()).or_default().push(binding);
    }

    fn body(&mut self, body: &[Stmt]) {
        for stmt in body {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.assign(target, Some(&assign.value), assign.range.into());
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assign(&assign.target, Some(value), assign.range.into());
                }
            }
            Stmt::AugAssign(assign) => self.assign(&assign.target, None, assign.range.into()),
            Stmt::For(stmt) => {
                self.assign(&stmt.target, None, stmt.target.range().into());
                self.body(&stmt.body);
                self.body(&stmt.orelse);
            }
            Stmt::While(stmt) => {
                self.walrus(&stmt.test);
                self.body(&stmt.body);
                self.body(&stmt.orelse);
            }
            Stmt::If(stmt) => {
                self.walrus(&stmt.test);
                self.body(&stmt.body);
                for clause in &stmt.elif_else_clauses {
                    self.body(&clause.body);
                }
            }
            Stmt::With(stmt) => {
                for item in &stmt.items {
                    if let Some(target) = &item.optional_vars {
                        self.assign(target, None, item.range.into());
                    }
                }
                self.body(&stmt.body);
            }
            Stmt::Try(stmt) => {
                self.body(&stmt.body);
                for ExceptHandler::ExceptHandler(handler) in &stmt.handlers {
                    if let Some(name) = &handler.name {
                        self.bind(name, BindingKind::Opaque, name.range);
                    }
                    self.body(&handler.body);
                }
                self.body(&stmt.orelse);
                self.body(&stmt.finalbody);
            }
            Stmt::Match(stmt) => {
                for case in &stmt.cases {
                    self.pattern(&case.pattern);
                    self.body(&case.body);
                }
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Global(stmt) => {
                let names = stmt.names.iter().map(|name| name.as_str().into());
                self.scopes[self.current].globals.extend(names);
            }
            Stmt::Expr(stmt) => self.walrus(&stmt.value),
            _ => {}
        }
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        self.bind(&function.name, BindingKind::Function, function.range);
        let start = function.parameters.range.start();
        let span = Span::new(start.to_usize(), function.range.end().to_usize());
        let outer = self.open(ScopeKind::Function, span);
        self.parameters(&function.parameters);
        self.body(&function.body);
        self.current = outer;
    }

    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters.iter() {
            let parameter = parameter.as_parameter();
            let annotation = parameter.annotation.as_ref();
            let annotation = annotation.map(|annotation| annotation.range().into());
            let kind = BindingKind::Parameter(annotation);
            self.bind(&parameter.name, kind, parameter.range);
        }
    }

    fn class(&mut self, class: &StmtClassDef) {
        self.bind(&class.name, BindingKind::Class, class.range);
        let outer = self.open(ScopeKind::Class, class.range.into());
        self.body(&class.body);
        self.current = outer;
    }

    fn assign(&mut self, target: &Expr, value: Option<&Expr>, span: Span) {
        match (target, value) {
            (Expr::Name(name), Some(value)) => {
                self.walrus(value);
                self.bind(&name.id, BindingKind::Value(value.range().into()), span);
            }
            (Expr::Name(name), None) => self.bind(&name.id, BindingKind::Opaque, span),
            (Expr::Tuple(targets), Some(Expr::Tuple(values)))
                if targets.elts.len() == values.elts.len() =>
            {
                for (target, value) in targets.elts.iter().zip(&values.elts) {
                    self.assign(target, Some(value), span);
                }
            }
            (Expr::Tuple(targets), _) => {
                for target in &targets.elts {
                    self.assign(target, None, span);
                }
            }
            (Expr::List(targets), _) => {
                for target in &targets.elts {
                    self.assign(target, None, span);
                }
            }
            (Expr::Starred(starred), _) => self.assign(&starred.value, None, span),
            _ => {}
        }
    }

    /// Walrus targets at the top of a condition or value; deeper ones are rare.
    fn walrus(&mut self, expr: &Expr) {
        match expr {
            Expr::Named(named) => {
                self.assign(&named.target, Some(&named.value), named.range.into());
            }
            Expr::Compare(compare) => self.walrus(&compare.left),
            Expr::UnaryOp(unary) => self.walrus(&unary.operand),
            Expr::BoolOp(boolean) => {
                for value in &boolean.values {
                    self.walrus(value);
                }
            }
            _ => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchAs(pattern) => {
                if let Some(name) = &pattern.name {
                    self.bind(name, BindingKind::Opaque, name.range);
                }
                if let Some(inner) = &pattern.pattern {
                    self.pattern(inner);
                }
            }
            Pattern::MatchSequence(sequence) => {
                for inner in &sequence.patterns {
                    self.pattern(inner);
                }
            }
            Pattern::MatchOr(alternatives) => {
                for inner in &alternatives.patterns {
                    self.pattern(inner);
                }
            }
            _ => {}
        }
    }

    fn import(&mut self, import: &ruff_python_ast::StmtImport) {
        for alias in &import.names {
            let dotted = alias.name.as_str();
            let (bound, module) = match &alias.asname {
                Some(asname) => (asname.as_str(), dotted),
                None => {
                    let top = dotted.split('.').next().unwrap_or(dotted);
                    (top, top)
                }
            };
            let imported = Imported {
                level: 0,
                module: module.into(),
                member: None,
            };
            self.bind(bound, BindingKind::Import(imported), import.range);
        }
    }

    fn import_from(&mut self, import: &ruff_python_ast::StmtImportFrom) {
        let module: Box<str> = import
            .module
            .as_ref()
            .map_or("", |name| name.as_str())
            .into();
        for alias in &import.names {
            let mut imported = Imported {
                level: import.level,
                module: module.clone(),
                member: None,
            };
            if alias.name.as_str() == "*" {
                self.scopes[self.current].stars.push(imported);
                continue;
            }
            imported.member = Some(alias.name.as_str().into());
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            self.bind(bound, BindingKind::Import(imported), import.range);
        }
    }
}
