//! Walking what runs when an application is built, in execution order.

use std::collections::HashMap;
use std::rc::Rc;

use ruff_python_ast::{ExceptHandler, Expr, ExprDict, Stmt, StmtClassDef, StmtFunctionDef, StmtIf};
use ruff_text_size::Ranged as _;

use super::evaluate::Piece;
use super::{Condition, ConditionKind, Environment, Form, SetupEnd, Source, Switch, Value, Write};
use crate::model::app::{AppId, Apps};
use crate::model::deployment::Deployment;
use crate::model::modules::{ModuleId, Modules};
use crate::model::names::Names;
use crate::parse::python::Module;
use crate::text::{Location, Span};

/// Statements executed per application and environment: no real set-up comes near it.
const MAX_STEPS: usize = 20_000;
/// Calls inside calls.
const MAX_DEPTH: usize = 24;

/// Everything that the tracer reads.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub modules: &'a Modules,
    pub names: &'a Names,
    pub apps: &'a Apps,
    pub deployment: &'a Deployment,
}

/// What an expression stands for while an application is built.
#[derive(Debug, Clone)]
pub(super) enum Eval<'a> {
    Value(Value),
    /// A path below the repository's root.
    Path(String),
    /// The application that is traced.
    App,
    /// Its configuration.
    Config,
    /// `os.environ`.
    Environ,
    Module(ModuleId),
    Class(ModuleId, &'a StmtClassDef),
    Instance(ModuleId, &'a StmtClassDef),
    Function(ModuleId, &'a StmtFunctionDef, Locals<'a>),
    /// A method, with the object it is called on.
    Method(ModuleId, &'a StmtFunctionDef, Box<Self>),
    /// Something of a library, or a builtin, by its dotted name.
    Library(String),
    /// An instance of a library's class.
    LibraryInstance(String),
    Table(ModuleId, &'a ExprDict),
    /// A list, tuple or set display.
    Sequence(ModuleId, &'a [Expr]),
    /// A text with holes: `"config.%s" % name`.
    Pattern(Vec<Piece>),
    /// One of several, by an expression that is not a constant.
    Candidates(Rc<Alternatives<'a>>),
}

/// The enclosing function's variables, for nested functions.
pub(super) type Locals<'a> = Option<Rc<HashMap<Box<str>, Eval<'a>>>>;

#[derive(Debug)]
pub(super) struct Alternatives<'a> {
    /// The choosing expression.
    pub location: Location,
    /// What chooses.
    pub selector: Eval<'a>,
    /// Name, place, and what it is.
    pub items: Vec<(String, Location, Eval<'a>)>,
    /// What is taken when the selector names none (`config.get(name, Default)`).
    pub fallback: Option<Eval<'a>>,
}

impl Eval<'_> {
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Value(Value::unknown(reason))
    }

    pub const fn is_app(&self) -> bool {
        matches!(self, Self::App | Self::Config)
    }
}

/// The variables of one running body.
pub(super) struct Frame<'a> {
    pub module: ModuleId,
    pub locals: HashMap<Box<str>, Eval<'a>>,
    /// The body is a class's or module's whose upper-case names become configuration.
    pub emits: Option<Form>,
    /// The body is a function's.
    pub is_function: bool,
    pub returned: Option<Eval<'a>>,
}

impl Frame<'_> {
    pub fn of_module(module: ModuleId) -> Self {
        Self {
            module,
            locals: HashMap::new(),
            emits: None,
            is_function: false,
            returned: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// The rest of the body is not executed.
    Stop,
}

pub(super) struct Tracer<'a> {
    pub world: World<'a>,
    pub app: AppId,
    pub goal: Environment,
    pub writes: Vec<Write>,
    pub sources: Vec<Source>,
    pub switches: Vec<Switch>,
    pub end: Option<SetupEnd>,
    pub(super) via: Vec<Location>,
    pub(super) conditions: Vec<Condition>,
    pub(super) alternatives: Vec<(usize, usize)>,
    /// Functions, classes and module bodies that are running.
    pub(super) running: Vec<(ModuleId, Span)>,
    /// Globals that are being evaluated.
    pub(super) evaluating: Vec<(ModuleId, Box<str>)>,
    pub(super) globals: HashMap<(ModuleId, Box<str>), Eval<'a>>,
    /// Where the arguments of running functions are written, by function and parameter.
    pub(super) argument_places: HashMap<(ModuleId, Span, Box<str>), Location>,
    /// What methods assigned to `self`, by class and name.
    pub(super) attributes: HashMap<(ModuleId, Span, Box<str>), Eval<'a>>,
    /// What the code itself puts into the environment where nothing is there, by variable.
    pub(super) environ: HashMap<Box<str>, (super::Literal, Location)>,
    /// The files that configparser has read so far.
    pub(super) ini_files: Vec<Box<str>>,
    steps: usize,
}

impl<'a> Tracer<'a> {
    pub fn new(world: World<'a>, app: AppId, goal: Environment) -> Self {
        Self {
            world,
            app,
            goal,
            writes: Vec::new(),
            sources: Vec::new(),
            switches: Vec::new(),
            end: None,
            via: Vec::new(),
            conditions: Vec::new(),
            alternatives: Vec::new(),
            running: Vec::new(),
            evaluating: Vec::new(),
            globals: HashMap::new(),
            argument_places: HashMap::new(),
            attributes: HashMap::new(),
            environ: HashMap::new(),
            ini_files: Vec::new(),
            steps: 0,
        }
    }

    pub fn tree(&self, module: ModuleId) -> &'a Module {
        self.world.modules.get(module)
    }

    pub fn location(&self, module: ModuleId, span: impl Into<Span>) -> Location {
        self.tree(module).location(span)
    }

    pub fn source(&self, module: ModuleId, node: &impl ruff_text_size::Ranged) -> &'a str {
        self.tree(module).source(Span::from(node.range()))
    }

    /// Runs the whole module.
    pub fn run_module(&mut self, module: ModuleId) {
        let mut frame = Frame::of_module(module);
        self.body(&mut frame, self.tree(module).body());
    }

    pub fn body(&mut self, frame: &mut Frame<'a>, body: &'a [Stmt]) -> Flow {
        for stmt in body {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Flow::Stop;
            }
            if self.statement(frame, stmt) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Next
    }

    fn statement(&mut self, frame: &mut Frame<'a>, stmt: &'a Stmt) -> Flow {
        match stmt {
            Stmt::Assign(assign) => self.assign(frame, stmt, &assign.targets, &assign.value),
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let targets = std::slice::from_ref(&*assign.target);
                    self.assign(frame, stmt, targets, value);
                } else {
                    self.annotated(frame, stmt, &assign.target);
                }
            }
            Stmt::AugAssign(assign) => self.augmented(frame, stmt, assign),
            Stmt::Expr(expr) if frame.emits.is_none() => {
                self.effects(frame, &expr.value);
            }
            Stmt::Assert(assert) if frame.emits.is_none() => {
                self.effects(frame, &assert.test);
            }
            Stmt::If(branch) => return self.branch(frame, branch),
            Stmt::For(each) => return self.for_each(frame, stmt, each),
            Stmt::While(repeat) => {
                let condition = self.condition(frame, &repeat.test, true, ConditionKind::Loop);
                return self.under(condition, |tracer| tracer.body(frame, &repeat.body));
            }
            Stmt::With(with) => {
                for item in &with.items {
                    let value = self.eval(frame, &item.context_expr);
                    if let Some(Expr::Name(name)) = item.optional_vars.as_deref() {
                        frame.locals.insert(name.id.as_str().into(), value);
                    }
                }
                return self.body(frame, &with.body);
            }
            Stmt::Try(attempt) => return self.attempt(frame, attempt),
            Stmt::Match(choice) => {
                for case in &choice.cases {
                    let condition =
                        self.condition(frame, &choice.subject, true, ConditionKind::Test);
                    self.under(condition, |tracer| tracer.body(frame, &case.body));
                }
            }
            Stmt::Return(found) => {
                let value = found.value.as_deref();
                if let Some(value) = value {
                    let value = self.eval(frame, value);
                    if value.is_app() {
                        self.complete(frame, stmt);
                    }
                    frame.returned = Some(merge(frame.returned.take(), value));
                }
                return Flow::Stop;
            }
            Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_) => return Flow::Stop,
            Stmt::FunctionDef(function) if frame.is_function => {
                let closure = Some(Rc::new(frame.locals.clone()));
                let value = Eval::Function(frame.module, function, closure);
                frame.locals.insert(function.name.as_str().into(), value);
            }
            Stmt::ClassDef(class) => {
                let value = Eval::Class(frame.module, class);
                frame.locals.insert(class.name.as_str().into(), value);
            }
            Stmt::ImportFrom(import) if frame.emits.is_some() => self.emit_import(frame, import),
            _ => {}
        }
        Flow::Next
    }

    fn branch(&mut self, frame: &mut Frame<'a>, branch: &'a StmtIf) -> Flow {
        let mut undecided: Vec<Condition> = Vec::new();
        let mut all_stop = true;
        let mut exhaustive = false;
        let first = (Some(&*branch.test), branch.body.as_slice());
        let rest = branch.elif_else_clauses.iter();
        let rest = rest.map(|clause| (clause.test.as_ref(), clause.body.as_slice()));
        let before = frame.locals.clone();
        let mut merged: Option<HashMap<Box<str>, Eval<'a>>> = None;
        let mut left: Vec<Condition> = Vec::new();
        for (test, body) in std::iter::once(first).chain(rest) {
            let truth = test.map_or(Some(true), |test| self.truth(frame, test));
            if truth == Some(false) {
                continue;
            }
            let mut conditions = undecided.clone();
            if let (None, Some(test)) = (truth, test) {
                let kind = if crate::parse::python::is_main_test(test) {
                    ConditionKind::Main
                } else {
                    ConditionKind::Test
                };
                conditions.push(self.condition(frame, test, true, kind));
                undecided.push(self.condition(frame, test, false, kind));
                if returns(body) {
                    left.extend(undecided.last().cloned());
                }
            }
            let depth = self.conditions.len();
            frame.locals.clone_from(&before);
            self.conditions.extend(conditions);
            let flow = self.body(frame, body);
            self.conditions.truncate(depth);
            all_stop &= flow == Flow::Stop;
            if flow == Flow::Next {
                merged = Some(match merged {
                    None => std::mem::take(&mut frame.locals),
                    Some(other) => self.join(frame.module, branch, other, &frame.locals),
                });
            }
            if truth == Some(true) {
                exhaustive = true;
                break;
            }
        }
        if !exhaustive {
            merged = Some(match merged {
                None => before,
                Some(other) => self.join(frame.module, branch, other, &before),
            });
        }
        frame.locals = merged.unwrap_or_default();
        if exhaustive && all_stop {
            return Flow::Stop;
        }
        // Until the function's end: `under` and `run_function` take it off again.
        self.conditions.extend(left);
        Flow::Next
    }

    /// What variables are after either of two branches.
    fn join(
        &self,
        module: ModuleId,
        branch: &StmtIf,
        then: HashMap<Box<str>, Eval<'a>>,
        otherwise: &HashMap<Box<str>, Eval<'a>>,
    ) -> HashMap<Box<str>, Eval<'a>> {
        let mut joined = then;
        for (name, value) in otherwise {
            match joined.get(name) {
                None => {
                    joined.insert(name.clone(), value.clone());
                }
                Some(Eval::Value(one)) => {
                    if let Eval::Value(other) = value
                        && one != other
                    {
                        let condition = self.source(module, &*branch.test).to_owned();
                        let choice = choice(condition, one.clone(), other.clone());
                        joined.insert(name.clone(), Eval::Value(choice));
                    }
                }
                Some(_) => {}
            }
        }
        joined
    }

    fn attempt(&mut self, frame: &mut Frame<'a>, attempt: &'a ruff_python_ast::StmtTry) -> Flow {
        let before = frame.locals.clone();
        let flow = self.body(frame, &attempt.body);
        let after = std::mem::replace(&mut frame.locals, before);
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            let span = handler.type_.as_ref().map_or_else(
                || Span::at(handler.range.start().to_usize()),
                |kind| kind.range().into(),
            );
            let condition = Condition {
                location: self.location(frame.module, span),
                text: format!("except {}", self.tree(frame.module).source(span)),
                holds: true,
                kind: ConditionKind::Exception,
            };
            self.under(condition, |tracer| tracer.body(frame, &handler.body));
        }
        let failed = std::mem::replace(&mut frame.locals, after);
        for (name, value) in failed {
            let known = match frame.locals.get(&name) {
                None => {
                    frame.locals.insert(name, value);
                    continue;
                }
                Some(known) => known,
            };
            if let (Eval::Value(one), Eval::Value(other)) = (known, &value)
                && one != other
            {
                let choice = choice("no exception".into(), one.clone(), other.clone());
                frame.locals.insert(name, Eval::Value(choice));
            }
        }
        if flow == Flow::Stop {
            self.body(frame, &attempt.finalbody);
            return Flow::Stop;
        }
        self.body(frame, &attempt.orelse);
        self.body(frame, &attempt.finalbody)
    }

    pub(super) fn under<R>(&mut self, condition: Condition, run: impl FnOnce(&mut Self) -> R) -> R {
        let depth = self.conditions.len();
        self.conditions.push(condition);
        let result = run(self);
        self.conditions.truncate(depth);
        result
    }

    pub(super) fn condition(
        &self,
        frame: &Frame<'a>,
        test: &Expr,
        holds: bool,
        kind: ConditionKind,
    ) -> Condition {
        Condition {
            location: self.location(frame.module, test.range()),
            text: self.source(frame.module, test).to_owned(),
            holds,
            kind,
        }
    }

    /// Runs `function` with its parameters bound.
    pub(super) fn run_function(
        &mut self,
        module: ModuleId,
        function: &'a StmtFunctionDef,
        locals: HashMap<Box<str>, Eval<'a>>,
    ) -> Eval<'a> {
        let key = (module, Span::from(function.range()));
        if self.running.contains(&key) || self.running.len() >= MAX_DEPTH {
            return Eval::unknown("a recursive call");
        }
        self.running.push(key);
        let mut frame = Frame {
            module,
            locals,
            emits: None,
            is_function: true,
            returned: None,
        };
        let depth = self.conditions.len();
        self.body(&mut frame, &function.body);
        self.conditions.truncate(depth);
        self.running.pop();
        frame
            .returned
            .unwrap_or(Eval::Value(Value::Known(super::Literal::None)))
    }

    /// Whether the innermost running function has a parameter of that name.
    fn is_parameter(&self, name: &str) -> bool {
        let function = self.running.last().and_then(|(module, span)| {
            self.tree(*module)
                .statement_exactly(*span)?
                .as_function_def_stmt()
        });
        function.is_some_and(|it| it.parameters.includes(name))
    }

    /// Notes that the application is complete in front of `stmt` (a `return` of it).
    fn complete(&mut self, frame: &Frame<'a>, stmt: &'a Stmt) {
        let Stmt::Return(found) = stmt else {
            return;
        };
        let Some(value) = &found.value else {
            return;
        };
        // `return other_factory()`: that one ends the set-up.
        if !matches!(**value, Expr::Name(_) | Expr::Attribute(_)) {
            return;
        }
        // A helper that hands back what it was given: its caller goes on.
        if let Expr::Name(name) = &**value
            && self.is_parameter(&name.id)
        {
            return;
        }
        let text = &self.tree(frame.module).file.text;
        let start = stmt.range().start().to_usize();
        self.end = Some(SetupEnd {
            path: std::sync::Arc::clone(self.tree(frame.module).path()),
            name: self.source(frame.module, &**value).to_owned(),
            offset: text.line_start(text.line_of(start)),
            indentation: text.indentation(start).to_owned(),
            last: stmt.range().into(),
        });
    }
}

/// Whether a `return` ends `body`: what stands behind it then depends on the body's condition.
/// A `raise` keeps the application from starting, so that nothing depends on it.
fn returns(body: &[Stmt]) -> bool {
    matches!(body.last(), Some(Stmt::Return(_)))
}

/// A later `return` adds to what an earlier one gave.
fn merge<'a>(before: Option<Eval<'a>>, value: Eval<'a>) -> Eval<'a> {
    match (before, value) {
        (Some(Eval::Value(before)), Eval::Value(value)) if before != value => {
            Eval::Value(choice("an earlier return".into(), before, value))
        }
        (Some(Eval::Value(_)) | None, value) => value,
        (Some(before), _) => before,
    }
}

pub(super) fn choice(condition: String, then: Value, otherwise: Value) -> Value {
    if then == otherwise {
        return then;
    }
    Value::Choice {
        condition,
        then: Box::new(then),
        otherwise: Box::new(otherwise),
    }
}
