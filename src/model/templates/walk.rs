//! Follows every template from its first byte to its last: where each value lands, whether it
//! is escaped there, and of which values it is made.

use std::collections::HashMap;

use super::value::{Origin, Part, Scope, mark_checked};
use super::{Escaping, Output, Template, TemplateId, Templates};
use crate::parse::html::{Scanner, Tag};
use crate::parse::jinja::{self, Expr, ExprKind, Piece, Statement, StatementKind};
use crate::text::Span;

/// What a template binds itself, the newest last.
pub(super) type Locals = Vec<(String, Vec<Part>)>;

/// What walking one template gives.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub outputs: Vec<Output>,
    pub tags: Vec<Tag>,
    /// The templates that it extends or includes, with what it binds itself there.
    pub uses: Vec<(TemplateId, Locals)>,
    pub macro_calls: Vec<MacroCall>,
    pub function_calls: Vec<FunctionCall>,
    /// Where in the page its blocks stand.
    blocks: HashMap<String, Scanner>,
    /// Where in the page it includes others.
    includes: Vec<(TemplateId, Scanner)>,
}

/// A macro that is called with arguments.
#[derive(Debug, Clone)]
pub(super) struct MacroCall {
    pub caller: TemplateId,
    /// The template that defines it.
    pub template: TemplateId,
    pub name: String,
    /// By parameter.
    pub arguments: Vec<(String, Vec<Part>)>,
}

/// An argument of a filter or function that Jinja does not have.
#[derive(Debug, Clone)]
pub(super) struct FunctionCall {
    pub caller: TemplateId,
    pub name: String,
    pub is_filter: bool,
    pub argument: Slot,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    At(usize),
    Named(String),
}

/// Walks all templates, those first that say where in a page others stand.
pub(super) fn all(templates: &Templates) -> Vec<Walked> {
    let mut walk = Walk::new(templates);
    for (id, _) in templates.iter() {
        walk.visit(id);
    }
    let results = walk.results.into_iter();
    results.map(Option::unwrap_or_default).collect()
}

struct Walk<'t> {
    templates: &'t Templates,
    parents: Vec<Vec<TemplateId>>,
    includers: Vec<Vec<TemplateId>>,
    /// The parameters of every macro.
    macros: HashMap<(TemplateId, &'t str), Vec<&'t str>>,
    results: Vec<Option<Walked>>,
    is_begun: Vec<bool>,
}

impl<'t> Walk<'t> {
    fn new(templates: &'t Templates) -> Self {
        let count = templates.list.len();
        let mut walk = Self {
            templates,
            parents: vec![Vec::new(); count],
            includers: vec![Vec::new(); count],
            macros: HashMap::new(),
            results: (0..count).map(|_| None).collect(),
            is_begun: vec![false; count],
        };
        for (id, template) in templates.iter() {
            for statement in template.parsed.statements() {
                match &statement.kind {
                    StatementKind::Extends(expr) => {
                        walk.parents[id.index()].extend(targets(templates, template, expr));
                    }
                    StatementKind::Include(expr) => {
                        for target in targets(templates, template, expr) {
                            walk.includers[target.index()].push(id);
                        }
                    }
                    StatementKind::Macro { name, parameters } => {
                        let names = parameters.iter().map(|(name, _)| name.as_str());
                        walk.macros.insert((id, name.as_str()), names.collect());
                    }
                    _ => {}
                }
            }
        }
        walk
    }

    fn visit(&mut self, id: TemplateId) {
        if std::mem::replace(&mut self.is_begun[id.index()], true) {
            return;
        }
        let before: Vec<TemplateId> = self.parents[id.index()]
            .iter()
            .chain(&self.includers[id.index()])
            .copied()
            .collect();
        for other in before {
            self.visit(other);
        }
        let walker = Walker::new(self, id);
        self.results[id.index()] = Some(walker.run());
    }

    fn result(&self, id: TemplateId) -> Option<&Walked> {
        self.results[id.index()].as_ref()
    }

    /// Where in a page the template begins.
    fn entry(&self, id: TemplateId) -> Scanner {
        let includers = self.includers[id.index()].iter();
        let mut states = includers.filter_map(|includer| self.result(*includer));
        let state = states.find_map(|result| {
            let mut includes = result.includes.iter();
            includes.find(|(target, _)| *target == id)
        });
        if let Some((_, state)) = state {
            return state.clone();
        }
        let path = &self.templates.get(id).file.path;
        match path.trim_end_matches(".j2").ends_with(".js") {
            true => Scanner::in_script(),
            false => Scanner::new(),
        }
    }

    /// Where in the page of a parent each block stands.
    fn blocks(&self, id: TemplateId) -> HashMap<String, Scanner> {
        let mut blocks = HashMap::new();
        for parent in &self.parents[id.index()] {
            for (name, state) in self.result(*parent).iter().flat_map(|it| &it.blocks) {
                blocks.entry(name.clone()).or_insert_with(|| state.clone());
            }
        }
        blocks
    }
}

/// The templates that an expression names: constants, also in lists, conditionals and calls
/// like `theme("layout.html")`.
fn targets(templates: &Templates, template: &Template, expr: &Expr) -> Vec<TemplateId> {
    let mut found = Vec::new();
    expr.walk(&mut |inner| {
        if let ExprKind::String(name) = &inner.kind {
            found.extend(templates.find(name, &template.file.path));
        }
    });
    found
}

/// What a name of the template stands for, when it is imported.
enum Imported {
    Module(Vec<TemplateId>),
    Member(Vec<TemplateId>, String),
}

/// What an end tag undoes.
struct Frame<'t> {
    kind: &'static str,
    locals: usize,
    tests: usize,
    escaping: Escaping,
    /// The state at the begin, for further branches and for what comes back to it.
    begin: Scanner,
    /// The state at the end of the first branch.
    first_end: Option<Scanner>,
    /// The macro around it.
    inside: Option<&'t str>,
    is_silent: bool,
}

struct Walker<'w, 't> {
    walk: &'w Walk<'t>,
    id: TemplateId,
    template: &'t Template,
    source: &'t str,
    scanner: Scanner,
    blocks: HashMap<String, Scanner>,
    is_child: bool,
    locals: Locals,
    imports: HashMap<String, Imported>,
    frames: Vec<Frame<'t>>,
    tests: Vec<&'t Expr>,
    escaping: Escaping,
    /// The macro whose body this is.
    inside: Option<&'t str>,
    /// What stands here never reaches a page: a child's text outside its blocks.
    is_silent: bool,
    result: Walked,
}

impl<'w, 't> Walker<'w, 't> {
    fn new(walk: &'w Walk<'t>, id: TemplateId) -> Self {
        let template = walk.templates.get(id);
        let is_child = template
            .parsed
            .statements()
            .any(|it| matches!(it.kind, StatementKind::Extends(_)));
        let mut imports = HashMap::new();
        for statement in template.parsed.statements() {
            match &statement.kind {
                StatementKind::Import { from, name } => {
                    let from = targets(walk.templates, template, from);
                    imports.insert(name.clone(), Imported::Module(from));
                }
                StatementKind::FromImport { from, names } => {
                    let from = targets(walk.templates, template, from);
                    for (name, bound) in names {
                        let member = Imported::Member(from.clone(), name.clone());
                        imports.insert(bound.clone(), member);
                    }
                }
                StatementKind::Macro { name, .. } => {
                    let member = Imported::Member(vec![id], name.clone());
                    imports.insert(name.clone(), member);
                }
                _ => {}
            }
        }
        Self {
            scanner: walk.entry(id),
            blocks: walk.blocks(id),
            walk,
            id,
            template,
            source: template.text(),
            is_child,
            locals: Vec::new(),
            imports,
            frames: Vec::new(),
            tests: Vec::new(),
            escaping: template.escaping.clone(),
            inside: None,
            is_silent: is_child,
            result: Walked::default(),
        }
    }

    fn run(mut self) -> Walked {
        let parsed: &'t jinja::Template = &self.template.parsed;
        for piece in &parsed.pieces {
            match piece {
                Piece::Text(span) if !self.is_silent => {
                    self.scanner.text(self.source, *span, &mut self.result.tags);
                }
                Piece::Output(output) if !self.is_silent => self.output(output),
                Piece::Statement(statement) => self.statement(statement),
                Piece::Text(_) | Piece::Output(_) | Piece::Comment(_) => {}
            }
        }
        self.result
    }

    fn output(&mut self, output: &'t jinja::Output) {
        let place = self.scanner.hole(output.span);
        let parts = self.evaluate(&output.expr);
        self.result.outputs.push(Output {
            span: output.span,
            expr: output.expr.span,
            place,
            escaping: self.escaping.clone(),
            parts,
        });
    }

    fn evaluate(&mut self, expr: &'t Expr) -> Vec<Part> {
        self.macro_calls(expr);
        self.function_calls(expr);
        let mut parts = self.parts(expr);
        for test in &self.tests {
            mark_checked(&mut parts, test, &|value| self.parts(value));
        }
        parts
    }

    fn parts(&self, expr: &Expr) -> Vec<Part> {
        let is_macro = |function: &Expr| self.defined_by(function).is_some();
        let scope = Scope {
            template: self.template,
            locals: &self.locals,
            is_macro: &is_macro,
        };
        scope.parts(expr)
    }

    /// The templates that define the macro, and its name there.
    fn defined_by(&self, function: &Expr) -> Option<(&[TemplateId], String)> {
        match &function.kind {
            ExprKind::Name(name) => match self.imports.get(name)? {
                Imported::Member(from, member) => Some((from, member.clone())),
                Imported::Module(_) => None,
            },
            ExprKind::Attribute { value, name } => {
                let ExprKind::Name(module) = &value.kind else {
                    return None;
                };
                match self.imports.get(module)? {
                    Imported::Module(from) => Some((from, name.clone())),
                    Imported::Member(..) => None,
                }
            }
            _ => None,
        }
    }

    fn macro_calls(&mut self, expr: &'t Expr) {
        let mut calls = Vec::new();
        expr.walk(&mut |inner| {
            if let ExprKind::Call {
                function,
                arguments,
            } = &inner.kind
                && let Some((from, name)) = self.defined_by(function)
            {
                for template in from {
                    calls.push((*template, name.clone(), arguments));
                }
            }
        });
        for (template, name, arguments) in calls {
            let Some(parameters) = self.walk.macros.get(&(template, name.as_str())) else {
                continue;
            };
            let mut bound = Vec::new();
            for (at, argument) in arguments.iter().enumerate() {
                let parameter = match &argument.name {
                    Some(name) => Some(name.as_str()),
                    None => parameters.get(at).copied(),
                };
                if let Some(parameter) = parameter {
                    bound.push((parameter.to_owned(), self.parts(&argument.value)));
                }
            }
            self.result.macro_calls.push(MacroCall {
                caller: self.id,
                template,
                name,
                arguments: bound,
            });
        }
    }

    fn function_calls(&mut self, expr: &'t Expr) {
        expr.walk(&mut |inner| {
            let (name, first, arguments) = match &inner.kind {
                ExprKind::Filter {
                    value,
                    name,
                    arguments,
                    ..
                } if !super::value::is_own_filter(name) => (name, Some(&**value), arguments),
                ExprKind::Call {
                    function,
                    arguments,
                } if self.defined_by(function).is_none() => match &function.kind {
                    ExprKind::Name(name) => (name, None, arguments),
                    _ => return,
                },
                _ => return,
            };
            let is_filter = first.is_some();
            let positional = arguments.iter().filter(|it| it.name.is_none());
            let values = first.into_iter().chain(positional.map(|it| &it.value));
            let by_place = values.enumerate().map(|(at, value)| (Slot::At(at), value));
            let by_name = arguments
                .iter()
                .filter_map(|it| Some((Slot::Named(it.name.clone()?), &it.value)));
            for (argument, value) in by_place.chain(by_name) {
                let parts = self.parts(value);
                if !parts.is_empty() {
                    self.result.function_calls.push(FunctionCall {
                        caller: self.id,
                        name: name.clone(),
                        is_filter,
                        argument,
                        parts,
                    });
                }
            }
        });
    }

    fn statement(&mut self, statement: &'t Statement) {
        if let Some(kind) = statement.kind.closes_with() {
            self.open(kind);
        }
        match &statement.kind {
            StatementKind::Extends(expr) => self.uses(expr),
            StatementKind::Include(expr) if !self.is_silent => {
                for target in targets(self.walk.templates, self.template, expr) {
                    let state = self.scanner.carried();
                    self.result.includes.push((target, state));
                }
                self.uses(expr);
            }
            StatementKind::Block(name) => self.block(name),
            StatementKind::Macro { name, parameters } => {
                self.inside = Some(name);
                self.is_silent = false;
                self.scanner = Scanner::new();
                for (parameter, default) in parameters {
                    let origin = Origin::Parameter {
                        macro_name: name.clone(),
                        name: parameter.clone(),
                        path: parameter.clone(),
                    };
                    let mut parts = vec![Part::of(origin)];
                    parts.extend(default.iter().flat_map(|default| self.parts(default)));
                    self.locals.push((parameter.clone(), parts));
                }
            }
            StatementKind::Call { parameters, call } => {
                self.evaluate(call);
                self.scanner = Scanner::new();
                let unknown = parameters.iter().map(|name| (name.clone(), Vec::new()));
                self.locals.extend(unknown);
            }
            StatementKind::Set { targets, value } => self.set(targets, value),
            StatementKind::SetBlock(name) => {
                self.locals.push((name.clone(), Vec::new()));
                // The name outlives its own frame.
                if let Some(frame) = self.frames.last_mut() {
                    frame.locals = self.locals.len();
                }
            }
            StatementKind::For { targets, iterable } => {
                let parts = self.evaluate(iterable);
                let is_direct = matches!(
                    iterable.kind,
                    ExprKind::Name(_) | ExprKind::Attribute { .. }
                );
                let rows = rows_of(iterable, targets.len());
                for (index, target) in targets.iter().enumerate() {
                    if !rows.is_empty() {
                        let column = rows.iter().filter_map(|row| row.get(index));
                        let parts = column.flat_map(|item| self.parts(item)).collect();
                        self.locals.push((target.clone(), parts));
                        continue;
                    }
                    let mut parts = parts.clone();
                    if is_direct && targets.len() > 1 {
                        // Of each tuple, one takes what stands at its place.
                        parts
                            .iter_mut()
                            .for_each(|part| part.origin.below(&index.to_string()));
                    }
                    self.locals.push((target.clone(), parts));
                }
            }
            StatementKind::If(test) => {
                self.evaluate(test);
                self.tests.push(test);
            }
            StatementKind::Elif(test) => {
                self.branch();
                self.evaluate(test);
                self.tests.push(test);
            }
            StatementKind::Else => self.branch(),
            StatementKind::Autoescape(value) => self.autoescape(value, statement.span),
            StatementKind::With(bindings) | StatementKind::Trans(bindings) => {
                for (name, value) in bindings {
                    let parts = self.evaluate(value);
                    self.locals.push((name.clone(), parts));
                }
            }
            StatementKind::End(kind) => self.close(kind),
            StatementKind::Include(_)
            | StatementKind::Import { .. }
            | StatementKind::FromImport { .. }
            | StatementKind::Filter(_)
            | StatementKind::Other(_) => {}
        }
    }

    fn uses(&mut self, expr: &Expr) {
        for target in targets(self.walk.templates, self.template, expr) {
            let locals = self.locals.clone();
            self.result.uses.push((target, locals));
        }
    }

    /// Jinja compiles blocks by themselves: an `{% autoescape %}` around one has no effect on
    /// it.
    fn block(&mut self, name: &str) {
        self.escaping = self.template.escaping.clone();
        let is_outermost = !self
            .frames
            .iter()
            .rev()
            .skip(1)
            .any(|it| it.kind == "block");
        if self.is_child && is_outermost && self.inside.is_none() {
            self.is_silent = false;
            self.scanner = self.blocks.get(name).cloned().unwrap_or_default();
        }
        let state = self.scanner.carried();
        self.result.blocks.insert(name.to_owned(), state);
    }

    fn set(&mut self, targets: &[String], value: &'t Expr) {
        let mut parts = self.evaluate(value);
        let is_conditional = self.frames.iter().any(|it| it.kind == "if");
        for target in targets {
            let known = self.locals.iter().rev().find(|(local, _)| local == target);
            if let Some((_, known)) = known.filter(|_| is_conditional) {
                parts.extend(known.iter().cloned());
            }
            self.locals.push((target.clone(), parts.clone()));
        }
    }

    fn autoescape(&mut self, value: &Expr, span: Span) {
        match &value.kind {
            ExprKind::Constant(word) if word == "false" => {
                let place = self.template.location(span);
                self.escaping = Escaping::OffByBlock(place);
            }
            _ => self.escaping = Escaping::On,
        }
    }

    fn open(&mut self, kind: &'static str) {
        self.frames.push(Frame {
            kind,
            locals: self.locals.len(),
            tests: self.tests.len(),
            escaping: self.escaping.clone(),
            begin: self.scanner.clone(),
            first_end: None,
            inside: self.inside,
            is_silent: self.is_silent,
        });
    }

    /// Another branch begins where the first one began.
    fn branch(&mut self) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if !matches!(frame.kind, "if" | "for") {
            return;
        }
        let end = std::mem::replace(&mut self.scanner, frame.begin.clone());
        match &mut frame.first_end {
            Some(first) => first.merge(&end),
            none => *none = Some(end),
        }
    }

    fn close(&mut self, kind: &str) {
        if !self.frames.iter().any(|frame| frame.kind == kind) {
            return;
        }
        while let Some(frame) = self.frames.pop() {
            self.tests.truncate(frame.tests);
            self.escaping = frame.escaping;
            self.inside = frame.inside;
            self.is_silent = frame.is_silent;
            if frame.kind != "if" {
                self.locals.truncate(frame.locals);
            }
            match frame.kind {
                "macro" | "call" | "set" => self.scanner = frame.begin,
                "block" if self.is_silent => self.scanner = frame.begin,
                _ => {
                    if let Some(first) = &frame.first_end {
                        self.scanner.merge(first);
                    }
                }
            }
            if frame.kind == kind {
                return;
            }
        }
    }
}

/// The rows of a literal table that a loop takes apart into `width` names: `[(a, b), (c, d)]`.
/// None where it is anything else.
fn rows_of(iterable: &Expr, width: usize) -> Vec<&[Expr]> {
    let ExprKind::List(rows) = &iterable.kind else {
        return Vec::new();
    };
    let rows: Option<Vec<&[Expr]>> = rows
        .iter()
        .map(|row| match &row.kind {
            ExprKind::List(items) if width > 1 && items.len() == width => Some(items.as_slice()),
            _ => None,
        })
        .collect();
    rows.unwrap_or_default()
}
