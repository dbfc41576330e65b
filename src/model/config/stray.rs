//! Configuration that the traces do not reach: writes in functions that nothing visible calls
//! while an application is built, and settings that nothing visible loads.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt, StmtAssign, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::trace::{Eval, Frame, Tracer, World};
use super::write::is_setting;
use super::{Condition, ConditionKind, Configuration, Environment, Form, Write, WriteId};
use crate::discover::Purpose;
use crate::model::app::AppId;
use crate::model::modules::{ModuleId, any_of};
use crate::text::{Location, Span};

/// Keys that only a Flask application or one of its usual extensions has.
const FLASK_KEYS: &[&str] = &[
    "SECRET_KEY",
    "DEBUG",
    "TESTING",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_NAME",
    "SESSION_TYPE",
    "PERMANENT_SESSION_LIFETIME",
    "SQLALCHEMY_DATABASE_URI",
    "SQLALCHEMY_TRACK_MODIFICATIONS",
    "WTF_CSRF_ENABLED",
    "WTF_CSRF_SECRET_KEY",
    "JWT_SECRET_KEY",
    "SECURITY_PASSWORD_SALT",
    "MAX_CONTENT_LENGTH",
    "UPLOAD_FOLDER",
    "SERVER_NAME",
    "APPLICATION_ROOT",
    "PREFERRED_URL_SCHEME",
    "MAIL_SERVER",
    "BCRYPT_LOG_ROUNDS",
    "REMEMBER_COOKIE_SECURE",
    "DEBUG_TB_ENABLED",
];

static KEYS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(FLASK_KEYS));

/// Words without which a module writes no application's configuration.
static WRITES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        ".config",
        "config[",
        "config.",
        ".secret_key",
        ".debug",
        ".testing",
        "session_lifetime",
    ];
    any_of(words)
});

pub(super) fn add(configuration: &mut Configuration, world: World<'_>) {
    let mut seen: HashSet<Location> = configuration
        .writes
        .iter()
        .map(|write| write.key_at.clone())
        .collect();
    let ids: Vec<ModuleId> = world.modules.iter().map(|(id, _)| id).collect();
    let found: Vec<Vec<Write>> = ids
        .par_iter()
        .map(|id| {
            let mut found = Vec::new();
            uncalled(world, *id, &seen, &mut found);
            unloaded(world, *id, &seen, &mut found);
            found
        })
        .collect();
    for write in found.into_iter().flatten() {
        if seen.insert(write.key_at.clone()) {
            let next = WriteId(u32::try_from(configuration.writes.len()).unwrap_or(u32::MAX));
            if let Some(app) = write.app {
                for environment in &write.environments {
                    configuration.orders[app.index()][environment.index()].push(next);
                }
            }
            configuration.writes.push(write);
        }
    }
    sort(configuration);
}

/// Puts the writes in the order of files and lines; ids follow.
fn sort(configuration: &mut Configuration) {
    let mut order: Vec<usize> = (0..configuration.writes.len()).collect();
    let key = |index: usize| {
        let write = &configuration.writes[index];
        (write.key_at.clone(), index)
    };
    order.sort_by_cached_key(|index| key(*index));
    let mut place = vec![0u32; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = u32::try_from(new).unwrap_or(u32::MAX);
    }
    configuration.writes = order
        .iter()
        .map(|old| configuration.writes[*old].clone())
        .collect();
    for orders in &mut configuration.orders {
        for id in orders.iter_mut().flatten() {
            id.0 = place[id.0 as usize];
        }
    }
}

/// Writes of an application's configuration in functions and modules that were not traced.
fn uncalled(world: World<'_>, module: ModuleId, seen: &HashSet<Location>, found: &mut Vec<Write>) {
    let tree = world.modules.get(module);
    let text = tree.file.text.as_str();
    let touches = WRITES.as_ref().is_none_or(|words| words.is_match(text));
    if !touches || world.apps.is_empty() {
        return;
    }
    let environments = match tree.file.purpose {
        Purpose::Application => Environment::ALL.to_vec(),
        Purpose::Test => vec![Environment::Testing],
        _ => return,
    };
    let mut statements = Candidates {
        functions: Vec::new(),
        found: Vec::new(),
    };
    statements.visit_body(tree.body());
    for (stmt, function) in statements.found {
        let Some(app) = owner(world, module, stmt) else {
            continue;
        };
        let mut tracer = Tracer::new(world, app, Environment::Production);
        if let Some(function) = function {
            let at = tree.location(function.name.range);
            tracer.conditions.push(Condition {
                text: format!("{}() is called", function.name),
                location: at,
                holds: true,
                kind: ConditionKind::Function,
            });
        }
        let mut frame = Frame::of_module(module);
        let base = base_of(stmt);
        if let Some(base) = base {
            let is_config = ends_with_config(base);
            let value = if is_config { Eval::Config } else { Eval::App };
            bind_base(&mut frame, base, value, tree);
        }
        tracer.body(&mut frame, std::slice::from_ref(stmt));
        for mut write in tracer.writes {
            if !seen.contains(&write.key_at) {
                write.environments = environments.clone();
                found.push(write);
            }
        }
    }
}

/// Statements that may write configuration, with the innermost function around them.
struct Candidates<'a> {
    functions: Vec<&'a StmtFunctionDef>,
    found: Vec<(&'a Stmt, Option<&'a StmtFunctionDef>)>,
}

impl<'a> StatementVisitor<'a> for Candidates<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => {
                self.functions.push(function);
                walk_stmt(self, stmt);
                self.functions.pop();
            }
            Stmt::Assign(_) | Stmt::AugAssign(_) | Stmt::Expr(_) => {
                if base_of(stmt).is_some() {
                    self.found.push((stmt, self.functions.last().copied()));
                }
            }
            _ => walk_stmt(self, stmt),
        }
    }
}

/// The expression that must be an application or its configuration for `stmt` to write it.
fn base_of(stmt: &Stmt) -> Option<&Expr> {
    match stmt {
        Stmt::Assign(assign) => assign.targets.iter().find_map(target_base),
        Stmt::AugAssign(assign) => {
            let target = &*assign.target;
            ends_with_config(target)
                .then_some(target)
                .or_else(|| target_base(target))
        }
        Stmt::Expr(expr) => {
            let Expr::Call(call) = &*expr.value else {
                return None;
            };
            let Expr::Attribute(method) = &*call.func else {
                return None;
            };
            let writes = matches!(
                method.attr.as_str(),
                "update" | "from_mapping" | "setdefault"
            );
            (writes && ends_with_config(&method.value)).then_some(&*method.value)
        }
        _ => None,
    }
}

fn target_base(target: &Expr) -> Option<&Expr> {
    match target {
        Expr::Subscript(subscript) => {
            ends_with_config(&subscript.value).then_some(&*subscript.value)
        }
        Expr::Attribute(attribute) => {
            super::write::key_of_attribute(&attribute.attr).map(|_| &*attribute.value)
        }
        _ => None,
    }
}

/// `app.config`, `self.app.config`: an attribute `config`. A bare name `config` is resolved by
/// its type only.
fn ends_with_config(expr: &Expr) -> bool {
    match expr {
        Expr::Attribute(attribute) => attribute.attr.as_str() == "config",
        Expr::Name(name) => name.id.as_str() == "config",
        _ => false,
    }
}

/// The application whose configuration `stmt` writes.
fn owner(world: World<'_>, module: ModuleId, stmt: &Stmt) -> Option<AppId> {
    let base = base_of(stmt)?;
    let of = |expr: &Expr| world.apps.of(world.modules, world.names, module, expr);
    match base {
        Expr::Attribute(attribute) if attribute.attr.as_str() == "config" => of(&attribute.value),
        Expr::Name(name) if name.id.as_str() == "config" => {
            let kind = world.names.type_of(world.modules, module, base)?;
            kind.is("flask.Config")
                .then(|| world.apps.nearest(world.modules.get(module).path()))?
        }
        other => of(other),
    }
}

/// Makes `base` evaluate to `value` inside `frame`.
fn bind_base<'a>(
    frame: &mut Frame<'a>,
    base: &Expr,
    value: Eval<'a>,
    tree: &crate::parse::python::Module,
) {
    let slot = tree.source(Span::from(base.range()));
    frame.locals.insert(slot.into(), value);
}

/// Upper-case names next to Flask's own keys in a module or class that nothing loads.
fn unloaded(world: World<'_>, module: ModuleId, seen: &HashSet<Location>, found: &mut Vec<Write>) {
    let tree = world.modules.get(module);
    let text = tree.file.text.as_str();
    if KEYS.as_ref().is_some_and(|words| !words.is_match(text)) {
        return;
    }
    let app = world.apps.nearest(tree.path());
    let Some(app) = app else {
        return;
    };
    let path = tree.path();
    if looks_like_settings(path, "", &keys_of(tree.body())) {
        let mut tracer = Tracer::new(world, app, Environment::Production);
        tracer.emit_module(module, None);
        keep(tracer, seen, found);
    }
    for stmt in tree.body() {
        if let Stmt::Assign(assign) = stmt
            && let Expr::Dict(table) = &*assign.value
            && is_table_of_settings(path, table_name(assign), &keys_of_table(table))
        {
            unloaded_table(world, app, module, &assign.value, found, seen);
        }
        if let Stmt::ClassDef(class) = stmt
            && !of_library(class)
            && looks_like_settings(path, &class.name, &keys_of(&class.body))
        {
            unloaded_class(world, app, module, class, seen, found);
        }
    }
}

/// `DEFAULTS = {"SECRET_KEY": …}`, which the project merges in its own way.
fn unloaded_table<'a>(
    world: World<'a>,
    app: AppId,
    module: ModuleId,
    table: &'a Expr,
    found: &mut Vec<Write>,
    seen: &HashSet<Location>,
) {
    let mut tracer = Tracer::new(world, app, Environment::Production);
    let mut frame = Frame::of_module(module);
    let value = tracer.eval(&mut frame, table);
    tracer.load_mapping(&mut frame, table.range().into(), table, &value);
    keep(tracer, seen, found);
}

fn table_name(assign: &StmtAssign) -> &str {
    let name = assign.targets.iter().find_map(Expr::as_name_expr);
    name.map_or("", |name| name.id.as_str())
}

fn keys_of_table(table: &ruff_python_ast::ExprDict) -> Vec<&str> {
    let keys = table.items.iter().filter_map(|item| item.key.as_ref());
    keys.filter_map(|key| Some(key.as_string_literal_expr()?.value.to_str()))
        .collect()
}

fn unloaded_class<'a>(
    world: World<'a>,
    app: AppId,
    module: ModuleId,
    class: &'a StmtClassDef,
    seen: &HashSet<Location>,
    found: &mut Vec<Write>,
) {
    let mut tracer = Tracer::new(world, app, Environment::Production);
    tracer.via.push(tree_location(world, module, class));
    let mut frame = Frame::of_module(module);
    frame.emits = Some(Form::ClassAttribute);
    tracer.body(&mut frame, &class.body);
    keep(tracer, seen, found);
}

fn tree_location(world: World<'_>, module: ModuleId, class: &StmtClassDef) -> Location {
    world.modules.get(module).location(class.name.range)
}

fn keep(tracer: Tracer<'_>, seen: &HashSet<Location>, found: &mut Vec<Write>) {
    for mut write in tracer.writes {
        if seen.contains(&write.key_at) {
            continue;
        }
        write.app = None;
        write.environments = Vec::new();
        found.push(write);
    }
}

fn keys_of(body: &[Stmt]) -> Vec<&str> {
    let mut keys = Vec::new();
    for stmt in body {
        match stmt {
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    if let Expr::Name(name) = target
                        && is_setting(&name.id)
                    {
                        keys.push(name.id.as_str());
                    }
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Expr::Name(name) = &*assign.target
                    && is_setting(&name.id)
                {
                    keys.push(name.id.as_str());
                }
            }
            Stmt::If(stmt) => keys.extend(keys_of(&stmt.body)),
            Stmt::Try(stmt) => keys.extend(keys_of(&stmt.body)),
            _ => {}
        }
    }
    keys
}

/// Two of Flask's own keys, or one in a place that is named like configuration.
fn looks_like_settings(path: &str, class: &str, keys: &[&str]) -> bool {
    let flask = flask_keys(keys);
    let stem = path.rsplit('/').next().unwrap_or(path);
    if stem.contains("gunicorn") {
        return false;
    }
    let named = is_named_so(stem) || is_named_so(class);
    flask >= 2
        || (flask == 1 && named && keys.len() >= 2)
        || (named && keys.contains(&"SECRET_KEY"))
}

/// A table may hold anything under one of the names: a key's own name says more.
fn is_table_of_settings(path: &str, table: &str, keys: &[&str]) -> bool {
    let mut names = path.rsplit('/').take(2).chain([table]);
    flask_keys(keys) >= 2 || (keys.contains(&"SECRET_KEY") && names.any(is_named_so))
}

fn flask_keys(keys: &[&str]) -> usize {
    keys.iter().filter(|key| FLASK_KEYS.contains(key)).count()
}

fn is_named_so(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("config")
        || name.contains("setting")
        || name.contains(".conf")
        || name.ends_with(".cfg")
}

/// Classes with other meanings for upper-case names.
fn of_library(class: &StmtClassDef) -> bool {
    let bases = class.arguments.iter().flat_map(|it| &it.args);
    bases
        .filter_map(crate::parse::python::last_name)
        .any(|base| {
            matches!(
                base,
                "Enum" | "IntEnum" | "StrEnum" | "Model" | "TestCase" | "FlaskForm"
            )
        })
}
