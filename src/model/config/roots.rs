//! Where the building of an application starts: the module that makes it, or the code that
//! calls its factory.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::visitor::source_order::{self, SourceOrderVisitor};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::select::environment_of;
use super::trace::{Eval, Tracer, World};
use super::{Environment, SetupEnd};
use crate::discover::Purpose;
use crate::model::app::{App, AppKind};
use crate::model::modules::ModuleId;
use crate::parse::python::{Module, last_name};
use crate::text::Span;

/// Factories that call factories.
const MAX_WRAPPERS: usize = 4;

/// Every call of a function that may be a factory, by the function's bare name.
pub(super) struct Callers<'a> {
    by_name: HashMap<String, Vec<Caller<'a>>>,
}

#[derive(Clone, Copy)]
struct Caller<'a> {
    module: ModuleId,
    call: &'a ExprCall,
    /// The innermost function around the call.
    inside: Option<&'a StmtFunctionDef>,
    under_main: bool,
}

impl<'a> Callers<'a> {
    pub fn collect(world: World<'a>) -> Self {
        let mut wanted: HashSet<String> = HashSet::new();
        for (_, app) in world.apps.iter() {
            match &app.kind {
                AppKind::Factory { name, .. } => {
                    wanted.insert(name.rsplit('.').next().unwrap_or(name).to_owned());
                }
                AppKind::Attribute { class, .. } => {
                    wanted.insert(class.clone());
                }
                AppKind::Module => {}
            }
        }
        let mut by_name = HashMap::new();
        let mut done: HashSet<String> = HashSet::new();
        for _ in 0..MAX_WRAPPERS {
            let names: HashSet<String> = wanted.difference(&done).cloned().collect();
            if names.is_empty() {
                break;
            }
            let mut wrappers = HashSet::new();
            for (module, tree) in world.modules.iter() {
                collect_in(module, tree, &names, &mut by_name, &mut wrappers);
            }
            done.extend(names);
            wanted.extend(wrappers);
        }
        Self { by_name }
    }
}

fn collect_in<'a>(
    module: ModuleId,
    tree: &'a Module,
    names: &HashSet<String>,
    found: &mut HashMap<String, Vec<Caller<'a>>>,
    wrappers: &mut HashSet<String>,
) {
    let text = tree.file.text.as_str();
    if !names.iter().any(|name| text.contains(name.as_str())) {
        return;
    }
    let mut finder = Finder {
        module,
        names,
        functions: Vec::new(),
        main: 0,
        found: Vec::new(),
    };
    finder.visit_body(tree.body());
    for (name, caller) in finder.found {
        // A function that returns the call, or what it bound it to, is a factory itself.
        if let Some(function) = caller.inside
            && function
                .body
                .iter()
                .any(|stmt| matches!(stmt, Stmt::Return(_)))
        {
            wrappers.insert(function.name.to_string());
        }
        found.entry(name).or_default().push(caller);
    }
}

struct Finder<'a, 'n> {
    module: ModuleId,
    names: &'n HashSet<String>,
    functions: Vec<&'a StmtFunctionDef>,
    main: usize,
    found: Vec<(String, Caller<'a>)>,
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let is_main =
            matches!(stmt, Stmt::If(stmt) if crate::parse::python::is_main_test(&stmt.test));
        self.main += usize::from(is_main);
        if let Stmt::FunctionDef(function) = stmt {
            self.functions.push(function);
        }
        source_order::walk_stmt(self, stmt);
        if matches!(stmt, Stmt::FunctionDef(_)) {
            self.functions.pop();
        }
        self.main -= usize::from(is_main);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && let Some(name) = last_name(&call.func)
            && self.names.contains(name)
        {
            let caller = Caller {
                module: self.module,
                call,
                inside: self.functions.last().copied(),
                under_main: self.main > 0,
            };
            self.found.push((name.to_owned(), caller));
        }
        source_order::walk_expr(self, expr);
    }
}

/// Where a trace starts.
enum Root<'a> {
    Module(ModuleId),
    /// A function, with what a deployment target hands it.
    Function(ModuleId, &'a StmtFunctionDef),
}

/// Runs everything that builds the tracer's application in its environment.
pub(super) fn run<'a>(tracer: &mut Tracer<'a>, callers: &Callers<'a>) {
    let world = tracer.world;
    let app = world.apps.get(tracer.app);
    let function = match &app.kind {
        AppKind::Module => return tracer.run_module(app.module),
        AppKind::Factory { function, .. }
        | AppKind::Attribute {
            method: function, ..
        } => *function,
    };
    let tree = world.modules.get(app.module);
    let Some(Stmt::FunctionDef(factory)) = tree.statement_exactly(function) else {
        return;
    };
    start(tracer, best_root(tracer, callers, app, factory));
    let is_built = tracer.end.is_some() || !tracer.writes.is_empty() || !tracer.sources.is_empty();
    if !is_built {
        // The caller does too much else, or makes the application only in some cases.
        start(tracer, Root::Function(app.module, factory));
    }
}

fn start<'a>(tracer: &mut Tracer<'a>, root: Root<'a>) {
    let world = tracer.world;
    let app = world.apps.get(tracer.app);
    match root {
        Root::Module(module) => tracer.run_module(module),
        Root::Function(module, function) => {
            let mut locals = HashMap::new();
            if let Some(class) = class_around(world, module, function) {
                locals.insert("self".into(), Eval::Instance(module, class));
                if let Some(init) = init_of(class).filter(|init| init.range != function.range)
                    && matches!(app.kind, AppKind::Attribute { .. })
                {
                    tracer.bind_defaults(module, init, &[], &mut locals);
                    tracer.run_function(module, init, locals);
                    return;
                }
            }
            tracer.bind_defaults(module, function, &[], &mut locals);
            tracer.run_function(module, function, locals);
        }
    }
}

/// The class that `function` is a method of.
fn class_around<'a>(
    world: World<'a>,
    module: ModuleId,
    function: &StmtFunctionDef,
) -> Option<&'a StmtClassDef> {
    let first = function.parameters.args.first()?;
    if first.parameter.name.as_str() != "self" {
        return None;
    }
    let offset = function.range.start().to_usize();
    let class = world.names.scopes(module).enclosing_class(offset)?.span;
    match world.modules.get(module).statement_exactly(class)? {
        Stmt::ClassDef(class) => Some(class),
        _ => None,
    }
}

fn init_of(class: &StmtClassDef) -> Option<&StmtFunctionDef> {
    class.body.iter().find_map(|stmt| match stmt {
        Stmt::FunctionDef(function) if function.name.as_str() == "__init__" => Some(function),
        _ => None,
    })
}

fn best_root<'a>(
    tracer: &Tracer<'a>,
    callers: &Callers<'a>,
    app: &App,
    factory: &'a StmtFunctionDef,
) -> Root<'a> {
    let mut best = Root::Function(app.module, factory);
    let mut name = match &app.kind {
        AppKind::Attribute { class, .. } => class.clone(),
        _ => factory.name.to_string(),
    };
    let mut defined_in = app.module;
    let mut defined_at = Span::from(factory.range);
    for _ in 0..MAX_WRAPPERS {
        if is_started(tracer, &name, defined_in, defined_at) {
            return best;
        }
        let Some(found) = best_caller(tracer, callers, &name, defined_in, defined_at) else {
            return best;
        };
        match found.inside {
            None => return Root::Module(found.module),
            Some(function) => {
                best = Root::Function(found.module, function);
                name = function.name.to_string();
                defined_in = found.module;
                defined_at = function.range.into();
            }
        }
    }
    best
}

/// Whether production's server calls the factory by itself: a call of it elsewhere, such as the
/// one under `if __name__ == "__main__"` below it, is not made then.
fn is_started(tracer: &Tracer<'_>, name: &str, module: ModuleId, at: Span) -> bool {
    let world = tracer.world;
    tracer.goal == Environment::Production
        && world.deployment.production().any(|process| {
            let target = process.target.as_ref();
            let Some(target) = target.filter(|it| it.factory && it.name() == Some(name)) else {
                return false;
            };
            let home = world.modules.find(&process.folder, &target.module);
            let found = home.and_then(|home| {
                let found = world.names.resolve_member(world.modules, home, name)?;
                world.names.definition(&found)
            });
            found.is_some_and(|it| it.module == module && it.binding.span == at)
        })
}

fn best_caller<'a>(
    tracer: &Tracer<'a>,
    callers: &Callers<'a>,
    name: &str,
    defined_in: ModuleId,
    defined_at: Span,
) -> Option<Caller<'a>> {
    let world = tracer.world;
    let own_purpose = tracer.tree(defined_in).file.purpose;
    let found = callers.by_name.get(name)?.iter().filter(|caller| {
        let tree = tracer.tree(caller.module);
        let purpose = tree.file.purpose;
        let may_count = match tracer.goal {
            Environment::Testing => true,
            _ => purpose == own_purpose || purpose == Purpose::Application,
        };
        let itself = caller.module == defined_in
            && defined_at.contains(Span::from(caller.call.range()))
            && caller.inside.is_some();
        // A server that imports the module does not get below `if __name__ == "__main__"`.
        let is_made = !caller.under_main
            || tracer.goal != Environment::Production
            || tracer.runs_as_script(caller.module) != Some(false);
        may_count && is_made && !itself && calls(world, caller, defined_in, defined_at)
    });
    found
        .min_by_key(|caller| caller_rank(tracer, caller))
        .copied()
}

/// Whether the call's function is the one defined there.
fn calls(world: World<'_>, caller: &Caller<'_>, module: ModuleId, at: Span) -> bool {
    let callee = world
        .names
        .callee(world.modules, caller.module, &caller.call.func);
    let Some(found) = callee.and_then(|callee| world.names.definition(&callee)) else {
        return false;
    };
    found.module == module && (found.binding.span == at || found.binding.span.contains(at))
}

/// Smaller is better.
fn caller_rank(tracer: &Tracer<'_>, caller: &Caller<'_>) -> (u8, u8, bool, u8, usize) {
    let tree = tracer.tree(caller.module);
    let path = tree.path();
    let stage = stage_of_arguments(tree, caller.call).or_else(|| {
        environment_of(
            path.rsplit('/')
                .next()
                .unwrap_or(path)
                .trim_end_matches(".py"),
        )
    });
    let fits = match stage {
        Some(stage) if stage == tracer.goal => 0,
        None => 1,
        Some(_) => 2,
    };
    let purpose = match (tracer.goal, tree.file.purpose) {
        (Environment::Testing, Purpose::Test) => 0,
        (Environment::Testing, _) => 1,
        (_, Purpose::Application) => 0,
        _ => 2,
    };
    let targeted = tracer.goal == Environment::Production
        && tracer.world.deployment.production().any(|process| {
            process.target.as_ref().is_some_and(|target| {
                let found = tracer.world.modules.find(&process.folder, &target.module);
                found == Some(caller.module)
            })
        });
    let stem = path.rsplit('/').next().unwrap_or(path);
    let usual = match stem.trim_end_matches(".py") {
        "wsgi" | "asgi" | "passenger_wsgi" => 0,
        "app" | "application" | "main" | "run" | "server" | "autoapp" => 1,
        "__init__" => 2,
        _ => 3,
    };
    let place = u8::from(caller.inside.is_some()) + 2 * u8::from(caller.under_main);
    let first = if targeted { 0 } else { 1 + fits };
    (purpose, first, place > 0, usual * 4 + place, path.len())
}

/// What the literal arguments of a factory call say: `create_app("production")`,
/// `create_app(TestConfig)`.
fn stage_of_arguments(tree: &Module, call: &ExprCall) -> Option<Environment> {
    let positional = call.arguments.args.iter();
    let keywords = call.arguments.keywords.iter().map(|it| &it.value);
    positional
        .chain(keywords)
        .find_map(|argument| match argument {
            Expr::StringLiteral(text) => environment_of(text.value.to_str()),
            Expr::Name(_) | Expr::Attribute(_) => environment_of(tree.source(argument.range())),
            _ => None,
        })
}

/// Where the application is complete.
pub(super) fn end_of_setup(tracer: &Tracer<'_>) -> Option<SetupEnd> {
    let app = tracer.world.apps.get(tracer.app);
    let tree = tracer.tree(app.module);
    let name = app.name.as_deref()?;
    if let Some(end) = &tracer.end {
        return Some(end.clone());
    }
    let scope: &[Stmt] = match &app.kind {
        AppKind::Module => tree.body(),
        AppKind::Factory { function, .. }
        | AppKind::Attribute {
            method: function, ..
        } => match tree.statement_exactly(*function)? {
            Stmt::FunctionDef(function) => &function.body,
            _ => return None,
        },
    };
    let last = last_of_setup(tracer, app, scope)?;
    let text = &tree.file.text;
    Some(SetupEnd {
        path: std::sync::Arc::clone(tree.path()),
        name: name.to_owned(),
        offset: text.next_line_start(last.end.saturating_sub(1)),
        indentation: text.indentation(last.start).to_owned(),
        last,
    })
}

/// The last statement of `scope` that makes or configures the application.
fn last_of_setup(tracer: &Tracer<'_>, app: &App, scope: &[Stmt]) -> Option<Span> {
    let path = tracer.tree(app.module).path();
    let mut places: Vec<Span> = vec![app.construction.span];
    for write in &tracer.writes {
        let chain = write.via.iter().chain([&write.statement]);
        places.extend(chain.filter(|it| it.path == *path).map(|it| it.span));
    }
    for source in &tracer.sources {
        if source.location.path == *path {
            places.push(source.location.span);
        }
    }
    scope
        .iter()
        .filter(|stmt| !is_main(stmt) && !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)))
        .map(|stmt| Span::from(stmt.range()))
        .rfind(|stmt| places.iter().any(|place| stmt.contains(*place)))
}

fn is_main(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::If(stmt) if crate::parse::python::is_main_test(&stmt.test))
}
