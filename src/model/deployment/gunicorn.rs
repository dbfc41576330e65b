//! `gunicorn.conf.py` and its like, and `GUNICORN_CMD_ARGS`.

use std::sync::Arc;

use ruff_python_ast::{Expr, Number, Stmt};
use ruff_text_size::Ranged as _;

use super::files;
use super::place::Found;
use super::process::{Flag, FlagKind, Form, Process, Server, Target};
use super::reader::Reader;
use super::scope::Scope;
use super::servers::{self, Invocation};
use super::wrappers::user_named;
use super::{Surface, argv, server_flags};
use crate::discover::File;
use crate::parse::mapped::Mapped;
use crate::parse::python::Module;
use crate::text::Span;

/// What gunicorn reads by itself when nothing names another file (20.0 and later).
const DEFAULT: &str = "gunicorn.conf.py";

/// Joins the configuration files that a gunicorn command reads. The command line wins over
/// `GUNICORN_CMD_ARGS`, and both win over the files.
pub(super) fn join(reader: &mut Reader<'_>, invocation: &mut Invocation, scope: &mut Scope) {
    let named = invocation.configs.clone();
    let names = if named.is_empty() {
        vec![DEFAULT.to_owned()]
    } else {
        named
    };
    let mut base = Invocation::new(Server::Gunicorn);
    for name in names {
        let name = name.strip_prefix("file:").unwrap_or(&name);
        let path = match name.strip_prefix("python:") {
            Some(module) => format!("{}.py", module.replace('.', "/")),
            None => name.to_owned(),
        };
        if path == DEFAULT && !stands_in_folder(reader, scope) {
            continue;
        }
        let Some(Found::File(file)) = scope.place.file(reader.repo, &path, &scope.cwd) else {
            continue;
        };
        let file = Arc::clone(file);
        reader.used.insert(Arc::clone(&file.path));
        scope.configs.push(super::scope::whole_file(&file));
        read_config(&file, &mut base);
    }
    from_variable(reader, &mut base, scope);
    if let Some(folder) = base.chdir.take().filter(|_| invocation.chdir.is_none()) {
        scope.change_folder(&folder);
    }
    base.flags.append(&mut invocation.flags);
    base.assignments.append(&mut invocation.assignments);
    invocation.flags = base.flags;
    invocation.assignments = base.assignments;
    invocation.user = invocation.user.take().or(base.user);
    invocation.target = invocation.target.take().or(base.target);
}

/// The default file counts only in the working folder itself.
fn stands_in_folder(reader: &Reader<'_>, scope: &Scope) -> bool {
    let folder = scope.place.folder(reader.repo, &scope.cwd);
    let path = super::place::join_relative(&folder, DEFAULT);
    reader.repo.file(&path).is_some()
}

/// `GUNICORN_CMD_ARGS="--bind=… --workers=…"`, as written where parts come from elsewhere.
fn from_variable(reader: &Reader<'_>, base: &mut Invocation, scope: &Scope) {
    let mut settings = scope.environment.iter().rev();
    let Some(setting) = settings.find(|it| it.name == "GUNICORN_CMD_ARGS") else {
        return;
    };
    let Some(file) = reader.repo.file(&setting.location.path) else {
        return;
    };
    let span = setting.location.span;
    let mapped = Mapped::verbatim(file.text.slice(span), span.start);
    let args = argv::of_split(&mapped, &file.path, span, Form::Nested);
    let own = server_flags::gunicorn(&args);
    base.flags.extend(own.flags);
    base.assignments.extend(own.assignments);
}

/// Reads the assignments of a configuration file.
pub(super) fn read_config(file: &Arc<File>, invocation: &mut Invocation) {
    let Ok(module) = Module::parse(Arc::clone(file)) else {
        return;
    };
    for statement in module.body() {
        let (name, value, span) = match statement {
            Stmt::Assign(assign) => match assign.targets.as_slice() {
                [Expr::Name(name)] => {
                    (name.id.as_str(), &*assign.value, Span::from(assign.range()))
                }
                _ => continue,
            },
            Stmt::AnnAssign(assign) => match (&*assign.target, &assign.value) {
                (Expr::Name(name), Some(value)) => {
                    (name.id.as_str(), &**value, Span::from(assign.range()))
                }
                _ => continue,
            },
            _ => continue,
        };
        setting(&module, name, value, span, invocation);
    }
}

fn setting(
    module: &Module,
    name: &str,
    value: &Expr,
    statement: Span,
    invocation: &mut Invocation,
) {
    let text = literal(value).unwrap_or_default();
    let flag = |kind, on| Flag {
        kind,
        on,
        value: text.clone(),
        location: module.location(statement),
    };
    match name {
        "bind" => invocation.flags.push(flag(FlagKind::Bind, true)),
        "workers" => invocation.flags.push(flag(FlagKind::Workers, true)),
        "threads" => invocation.flags.push(flag(FlagKind::Threads, true)),
        "reload" => {
            if let Expr::BooleanLiteral(switch) = value {
                invocation.switch(FlagKind::Reload, switch.value, module.location(statement));
            }
        }
        "chdir" if !text.is_empty() => invocation.chdir = Some(text),
        "user" if !text.is_empty() => invocation.user = Some(user_named(&text)),
        "raw_env" => {
            for (text, span) in strings(value) {
                invocation.assignments.push((text, module.location(span)));
            }
        }
        "wsgi_app" => {
            let span = inner(value);
            invocation.target = servers::target(&text, module.location(span), Some("application"));
        }
        _ => {}
    }
}

/// The text of a constant.
fn literal(value: &Expr) -> Option<String> {
    match value {
        Expr::StringLiteral(string) => Some(string.value.to_str().to_owned()),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(int) => Some(int.to_string()),
            Number::Float(float) => Some(float.to_string()),
            Number::Complex { .. } => None,
        },
        Expr::List(list) => literal(list.elts.first()?),
        _ => None,
    }
}

fn strings(value: &Expr) -> Vec<(String, Span)> {
    match value {
        Expr::StringLiteral(string) => vec![(string.value.to_str().to_owned(), inner(value))],
        Expr::List(list) => list.elts.iter().flat_map(strings).collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The span of a string inside its quotes.
fn inner(value: &Expr) -> Span {
    match value {
        Expr::StringLiteral(string) => match string.value.as_slice() {
            [part] => Span::from(part.content_range()),
            _ => Span::from(string.range()),
        },
        other => Span::from(other.range()),
    }
}

/// A configuration file that no command of the repository names: somebody starts gunicorn with
/// it by hand.
pub(super) fn read_alone(reader: &mut Reader<'_>, file: &Arc<File>) {
    let judged = files::judge_plain(file, "gunicorn's configuration");
    let mut scope = Scope::checkout(file, Surface::GunicornConfig, judged, "");
    let mut invocation = Invocation::new(Server::Gunicorn);
    read_config(file, &mut invocation);
    let says_something = !invocation.flags.is_empty()
        || invocation.target.is_some()
        || !invocation.assignments.is_empty();
    if !says_something {
        return;
    }
    for (text, location) in std::mem::take(&mut invocation.assignments) {
        reader.flag_assignment(&text, &location, &mut scope);
    }
    reader
        .out
        .processes
        .push(of_keys(reader, file, invocation, scope));
}

/// A process that only a configuration file tells of.
pub(super) fn of_keys(
    reader: &Reader<'_>,
    file: &Arc<File>,
    invocation: Invocation,
    scope: Scope,
) -> Process {
    let location = match &invocation.target {
        Some(Target { location, .. }) => location.clone(),
        None => invocation.flags.first().map_or_else(
            || super::scope::whole_file(file),
            |flag| flag.location.clone(),
        ),
    };
    Process {
        name: scope.name,
        location,
        form: Form::Keys,
        words: Vec::new(),
        surface: scope.surface,
        server: invocation.server,
        target: invocation.target,
        flags: invocation.flags,
        folder: scope.place.folder(reader.repo, &scope.cwd),
        in_container: scope.place.is_container(),
        chdir: invocation.chdir.or(scope.chdir),
        user: invocation.user.unwrap_or(scope.user),
        environment: scope.environment,
        one_shot: false,
        stage: scope.judged.stage,
        because: scope.judged.because,
        via: scope.via,
        configs: scope.configs,
    }
}
