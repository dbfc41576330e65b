//! Calls while an application is built: functions of the repository are run, those of
//! libraries that matter for configuration are known.

use std::collections::HashMap;
use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::evaluate::{Piece, join, known};
use super::fold::assembled;
use super::library::{as_parser, parsed};
use super::load::text_of;
use super::trace::{Eval, Frame, Tracer};
use super::{Conversion, EnvRead, Literal, SourceKind, Value};
use crate::model::modules::ModuleId;
use crate::text::{Location, Span};

/// Words without which a function that is not handed the application cannot touch its
/// configuration.
const HINTS: &[&str] = &[
    "config",
    "secret_key",
    ".debug",
    ".testing",
    "environ",
    "getenv",
    "SECRET",
];

impl<'a> Tracer<'a> {
    /// An expression statement: only calls can have an effect.
    pub(super) fn effects(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) {
        match expr {
            Expr::Call(_) | Expr::Await(_) | Expr::Named(_) | Expr::If(_) => {
                self.eval(frame, expr);
            }
            _ => {}
        }
    }

    pub(super) fn call(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Eval<'a> {
        let location = self.location(frame.module, call.range());
        if self.world.apps.get(self.app).construction == location {
            return self.constructed(frame, call);
        }
        if let Expr::Attribute(method) = &*call.func {
            let base = self.eval(frame, &method.value);
            let name = method.attr.as_str();
            match &base {
                Eval::Config => {
                    if let Some(result) = self.config_method(frame, name, call) {
                        return result;
                    }
                    return Eval::unknown("a method of the configuration");
                }
                Eval::Environ => return self.environ_method(frame, name, call),
                Eval::App => return self.app_method(frame, name, call),
                Eval::Table(module, table) => {
                    return self.table_method(frame, *module, table, name, call, &base);
                }
                Eval::Path(path) => return self.path_method(frame, path, name, call),
                Eval::Value(_) | Eval::Pattern(_) => {
                    return self.text_method(frame, &base, name, call);
                }
                Eval::Candidates(alternatives) => {
                    let alternatives = Rc::clone(alternatives);
                    let mut result = Eval::unknown("a method of one of several");
                    for (item, chosen) in self.choose(frame.module, &method.value, &alternatives) {
                        let callee = self.member(&item, name);
                        let depth = self.alternatives.len();
                        self.alternatives.extend(chosen);
                        result = self.invoke(frame, call, callee);
                        self.alternatives.truncate(depth);
                    }
                    return result;
                }
                Eval::LibraryInstance(class) => {
                    return self.library_method(frame, &class.clone(), name, call);
                }
                _ => {}
            }
            let callee = match frame.locals.get(slot(method).as_str()) {
                Some(value) => value.clone(),
                None => self.member(&base, name),
            };
            return self.invoke(frame, call, callee);
        }
        let callee = self.eval(frame, &call.func);
        self.invoke(frame, call, callee)
    }

    fn invoke(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall, callee: Eval<'a>) -> Eval<'a> {
        match callee {
            Eval::Function(module, function, closure) => {
                let mut locals = closure.map(|locals| (*locals).clone()).unwrap_or_default();
                let handed = self.bind(frame, call, module, function, None, &mut locals);
                self.enter(frame, call, module, function, locals, handed)
            }
            Eval::Method(module, function, object) => {
                let mut locals = HashMap::new();
                let receiver = receiver(function, *object);
                let handed = self.bind(frame, call, module, function, receiver, &mut locals);
                self.enter(frame, call, module, function, locals, handed)
            }
            Eval::Class(module, class) => self.instantiate(frame, call, module, class),
            Eval::Library(name) => self.library_call(frame, &name, call),
            Eval::Candidates(alternatives) => self.call_candidates(&alternatives),
            Eval::LibraryInstance(class) => self
                .library_instance_call(frame, &class, call)
                .unwrap_or_else(|| Eval::unknown("a call that is not followed")),
            _ => {
                let handed = self.arguments(frame, call).iter().any(Eval::is_app);
                if handed {
                    let name = self.source(frame.module, &*call.func).to_owned();
                    self.note_unfollowed(frame.module, call, name);
                }
                Eval::unknown("a call that is not followed")
            }
        }
    }

    /// `config[name]()`: instances of the classes.
    fn call_candidates(&mut self, alternatives: &Rc<super::trace::Alternatives<'a>>) -> Eval<'a> {
        let made = |value: &Eval<'a>| match value {
            Eval::Class(module, class) => Eval::Instance(*module, class),
            other => other.clone(),
        };
        let items = alternatives.items.iter();
        Eval::Candidates(Rc::new(super::trace::Alternatives {
            location: alternatives.location.clone(),
            selector: alternatives.selector.clone(),
            items: items
                .map(|(name, at, value)| (name.clone(), at.clone(), made(value)))
                .collect(),
            fallback: alternatives.fallback.as_ref().map(made),
        }))
    }

    pub(super) fn arguments(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Vec<Eval<'a>> {
        let positional = call.arguments.args.iter();
        let keywords = call.arguments.keywords.iter().map(|keyword| &keyword.value);
        let all: Vec<&'a Expr> = positional.chain(keywords).collect();
        all.into_iter().map(|expr| self.eval(frame, expr)).collect()
    }

    /// Binds parameters; says whether the application is among the arguments.
    fn bind(
        &mut self,
        frame: &mut Frame<'a>,
        call: &'a ExprCall,
        module: ModuleId,
        function: &'a StmtFunctionDef,
        receiver: Option<Eval<'a>>,
        locals: &mut HashMap<Box<str>, Eval<'a>>,
    ) -> bool {
        let mut handed = receiver.as_ref().is_some_and(Eval::is_app);
        let parameters = &function.parameters;
        let mut positional = parameters.posonlyargs.iter().chain(&parameters.args);
        if let Some(receiver) = receiver
            && let Some(first) = positional.next()
        {
            locals.insert(first.parameter.name.as_str().into(), receiver);
        }
        let mut bound: Vec<&str> = Vec::new();
        for argument in &call.arguments.args {
            if matches!(argument, Expr::Starred(_)) {
                break;
            }
            let value = self.eval(frame, argument);
            handed |= value.is_app();
            let Some(parameter) = positional.next() else {
                continue;
            };
            let name = parameter.parameter.name.as_str();
            self.note_argument(frame.module, module, function, name, argument);
            bound.push(name);
            locals.insert(name.into(), value);
        }
        let mut rest = Vec::new();
        for keyword in &call.arguments.keywords {
            let value = self.eval(frame, &keyword.value);
            handed |= value.is_app();
            if let Some(name) = &keyword.arg {
                self.note_argument(frame.module, module, function, name, &keyword.value);
                rest.push((name.as_str(), value));
            }
        }
        for (name, value) in rest {
            bound.push(name);
            locals.insert(name.into(), value);
        }
        self.bind_defaults(module, function, &bound, locals);
        handed
    }

    fn note_argument(
        &mut self,
        caller: ModuleId,
        module: ModuleId,
        function: &StmtFunctionDef,
        name: &str,
        argument: &Expr,
    ) {
        let key = (module, Span::from(function.range), Box::from(name));
        let place = self.location(caller, argument.range());
        self.argument_places.insert(key, place);
    }

    /// Where an expression's text stands: for a parameter, at the call.
    pub(super) fn place_of(&self, frame: &Frame<'a>, expr: &Expr) -> Location {
        if let (Expr::Name(name), Some((module, span))) = (expr, self.running.last()) {
            let key = (*module, *span, Box::from(name.id.as_str()));
            if let Some(place) = self.argument_places.get(&key) {
                return place.clone();
            }
        }
        self.location(frame.module, expr.range())
    }

    /// Gives every parameter that is not bound its default.
    pub(super) fn bind_defaults(
        &mut self,
        module: ModuleId,
        function: &'a StmtFunctionDef,
        bound: &[&str],
        locals: &mut HashMap<Box<str>, Eval<'a>>,
    ) {
        let parameters = &function.parameters;
        let all = parameters
            .posonlyargs
            .iter()
            .chain(&parameters.args)
            .chain(&parameters.kwonlyargs);
        for (index, parameter) in all.enumerate() {
            let name = parameter.parameter.name.as_str();
            if bound.contains(&name) {
                continue;
            }
            let is_receiver = index == 0 && matches!(name, "self" | "cls");
            if is_receiver && locals.contains_key(name) {
                continue;
            }
            let value = match &parameter.default {
                Some(default) => self.eval_in(module, default),
                None => match name {
                    // Flask's own convention for what a function is handed.
                    "app" | "application" | "flask_app" if !locals.contains_key(name) => Eval::App,
                    _ => match locals.remove(name) {
                        Some(known) if is_receiver || known.is_app() => known,
                        _ => Eval::Value(Value::Unknown(format!("the parameter {name}"))),
                    },
                },
            };
            locals.insert(name.into(), value);
        }
    }

    fn enter(
        &mut self,
        frame: &mut Frame<'a>,
        call: &'a ExprCall,
        module: ModuleId,
        function: &'a StmtFunctionDef,
        locals: HashMap<Box<str>, Eval<'a>>,
        handed: bool,
    ) -> Eval<'a> {
        let text = self.source(module, function);
        let may_matter = handed
            || function.body.len() <= 6
            || HINTS.iter().any(|hint| text.contains(hint))
            || self.makes_the_app(module, function);
        if !may_matter {
            return Eval::unknown("a call that is not followed");
        }
        if is_generator_or_route(function) {
            return Eval::unknown("a decorated function");
        }
        self.via.push(self.location(frame.module, call.range()));
        let result = self.run_function(module, function, locals);
        self.via.pop();
        let result = match result {
            Eval::Value(value) if value.is_made_anew() && keeps_something(text) => {
                Eval::Value(Value::Store(function.name.to_string()))
            }
            other => other,
        };
        match result {
            Eval::Value(Value::Unknown(reason)) => {
                let name = function.name.as_str();
                Eval::Value(parsed(frame, self, call, name).unwrap_or(Value::Unknown(reason)))
            }
            Eval::Value(value @ Value::Choice { .. }) => {
                let value = as_parser(value, &function.name);
                let is_answer = |leaf: &&Value| {
                    matches!(
                        leaf,
                        Value::Known(Literal::Bool(_) | Literal::None) | Value::Unknown(_)
                    )
                };
                // Yes or no, by what the helper is handed.
                let answers = value.leaves().iter().all(is_answer);
                let parsed = answers.then(|| parsed(frame, self, call, &function.name));
                Eval::Value(parsed.flatten().unwrap_or(value))
            }
            other => other,
        }
    }

    fn makes_the_app(&self, module: ModuleId, function: &StmtFunctionDef) -> bool {
        let app = self.world.apps.get(self.app);
        app.module == module && Span::from(function.range).contains(app.construction.span)
    }

    fn constructed(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Eval<'a> {
        // A subclass may configure itself in __init__.
        if let Eval::Class(module, class) = self.eval(frame, &call.func)
            && let Eval::Method(home, init, _) =
                self.member(&Eval::Class(module, class), "__init__")
        {
            let mut locals = HashMap::new();
            self.bind(frame, call, home, init, Some(Eval::App), &mut locals);
            self.via.push(self.location(frame.module, call.range()));
            self.run_function(home, init, locals);
            self.via.pop();
        }
        Eval::App
    }

    fn instantiate(
        &mut self,
        frame: &mut Frame<'a>,
        call: &'a ExprCall,
        module: ModuleId,
        class: &'a StmtClassDef,
    ) -> Eval<'a> {
        let object = Eval::Instance(module, class);
        let app = self.world.apps.get(self.app);
        let holds = app.module == module && Span::from(class.range).contains(app.construction.span);
        let handed = self.arguments(frame, call).iter().any(Eval::is_app);
        if (handed || holds)
            && let Eval::Method(home, init, _) = self.member(&object, "__init__")
        {
            let mut locals = HashMap::new();
            self.bind(frame, call, home, init, Some(object.clone()), &mut locals);
            self.via.push(self.location(frame.module, call.range()));
            self.run_function(home, init, locals);
            self.via.pop();
        }
        object
    }

    fn app_method(&mut self, frame: &mut Frame<'a>, name: &str, call: &'a ExprCall) -> Eval<'a> {
        let app = self.world.apps.get(self.app);
        // A method of the project's own subclass.
        if let Some(class) = self.own_class()
            && let Eval::Method(module, function, _) = self.member(&class, name)
        {
            let callee = Eval::Method(module, function, Box::new(Eval::App));
            return self.invoke(frame, call, callee);
        }
        match name {
            "open_resource" | "open_instance_resource" => {
                Eval::Value(Value::Store(format!("app.{name}")))
            }
            "app_context" | "test_request_context" => Eval::unknown("a context"),
            _ => Eval::Value(Value::Unknown(format!("{}.{name}()", app.class))),
        }
    }

    fn own_class(&mut self) -> Option<Eval<'a>> {
        let app = self.world.apps.get(self.app);
        let call = self.tree(app.module).call_at(app.construction.span)?;
        match self.eval_in(app.module, &call.func) {
            class @ Eval::Class(..) => Some(class),
            _ => None,
        }
    }

    fn table_method(
        &mut self,
        frame: &mut Frame<'a>,
        module: ModuleId,
        table: &'a ruff_python_ast::ExprDict,
        name: &str,
        call: &'a ExprCall,
        base: &Eval<'a>,
    ) -> Eval<'a> {
        match name {
            "get" => {
                let Some(key) = call.arguments.find_positional(0) else {
                    return Eval::unknown("an element");
                };
                let key = self.eval(frame, key);
                let fallback = call.arguments.find_positional(1);
                let fallback = fallback.map(|expr| self.eval(frame, expr));
                let location = self.location(frame.module, call.range());
                self.entry(module, table, key, location, fallback)
            }
            "copy" => base.clone(),
            _ => Eval::unknown("a method of a dictionary"),
        }
    }

    fn path_method(
        &mut self,
        frame: &mut Frame<'a>,
        path: &str,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        match name {
            "resolve" | "absolute" | "expanduser" => Eval::Path(path.to_owned()),
            "joinpath" => {
                let mut whole = path.to_owned();
                for argument in &call.arguments.args {
                    let Some(part) = text_of(&self.eval(frame, argument)) else {
                        return Eval::unknown("a computed path");
                    };
                    whole = join(&whole, &part);
                }
                Eval::Path(whole)
            }
            "with_name" => {
                let name = call.arguments.find_positional(0);
                let name = name.and_then(|name| text_of(&self.eval(frame, name)));
                name.map_or_else(
                    || Eval::unknown("a computed path"),
                    |name| Eval::Path(join(&super::evaluate::parent(path), &name)),
                )
            }
            "read_text" | "read_bytes" | "open" => {
                let how = format!("Path.{name}");
                Eval::Value(Value::Entry(super::FileEntry::of_file(path, &how)))
            }
            _ => Eval::unknown("a method of a path"),
        }
    }

    /// Methods of texts: those that keep what a read of the environment means.
    fn text_method(
        &mut self,
        frame: &mut Frame<'a>,
        base: &Eval<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        match (base, name) {
            (Eval::Value(Value::Env(read)), "strip" | "encode" | "decode") => {
                Eval::Value(Value::Env(read.clone()))
            }
            (
                Eval::Value(Value::Env(read)),
                "lower" | "casefold" | "title" | "capitalize" | "upper",
            ) => {
                let name = if name == "casefold" { "lower" } else { name };
                Eval::Value(Value::Env(EnvRead {
                    conversion: Conversion::Parser(name.into()),
                    ..read.clone()
                }))
            }
            (Eval::Value(Value::Known(Literal::Str(text))), _) => {
                self.known_text_method(frame, text, name, call)
            }
            // A digest of a text in the code is known to whoever reads it.
            (Eval::Value(Value::Known(Literal::Bytes(_))), "hexdigest" | "digest" | "hex") => {
                base.clone()
            }
            (Eval::Value(Value::Known(Literal::Bytes(bytes))), "decode") => {
                known(Literal::Str(String::from_utf8_lossy(bytes).into_owned()))
            }
            (Eval::Value(random @ Value::Random(_)), _) => Eval::Value(random.clone()),
            (Eval::Value(Value::Store(how)), _) => Eval::Value(Value::Store(how.clone())),
            (Eval::Value(Value::Entry(entry)), _) => self.entry_method(frame, entry, name, call),
            (Eval::Value(Value::Choice { .. }), "strip" | "encode" | "decode") => base.clone(),
            _ => {
                let handed = self.arguments(frame, call).iter().any(Eval::is_app);
                if handed {
                    let name = self.source(frame.module, &*call.func).to_owned();
                    self.note_unfollowed(frame.module, call, name);
                }
                Eval::unknown("a method that is not followed")
            }
        }
    }

    fn known_text_method(
        &mut self,
        frame: &mut Frame<'a>,
        text: &str,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        match name {
            "lower" | "casefold" => known(Literal::Str(text.to_lowercase())),
            "upper" => known(Literal::Str(text.to_uppercase())),
            "strip" => known(Literal::Str(text.trim().to_owned())),
            "capitalize" | "title" => {
                let mut characters = text.chars();
                let first = characters
                    .next()
                    .map(|first| first.to_uppercase().to_string());
                let rest = characters.as_str().to_lowercase();
                known(Literal::Str(first.unwrap_or_default() + &rest))
            }
            "encode" => known(Literal::Bytes(text.as_bytes().to_vec())),
            "format" => self.format(frame, text, call),
            "join" => self.joined(frame, text, call),
            "hexdigest" | "digest" | "hex" => known(Literal::Str(text.to_owned())),
            _ => Eval::unknown("a method of a text"),
        }
    }

    /// `"".join(random.choice(letters) for _ in range(32))`: as random as its pieces.
    fn joined(&mut self, frame: &mut Frame<'a>, between: &str, call: &'a ExprCall) -> Eval<'a> {
        let pieces = match call.arguments.find_positional(0) {
            Some(Expr::Generator(generator)) => Some(&*generator.elt),
            Some(Expr::ListComp(list)) => Some(&*list.elt),
            other => other,
        };
        match pieces.map(|pieces| self.eval(frame, pieces)) {
            Some(Eval::Value(random @ Value::Random(_))) => Eval::Value(random),
            Some(Eval::Sequence(home, items)) => {
                let items = items.iter();
                let texts: Option<Vec<String>> = items
                    .map(|item| text_of(&self.eval_in(home, item)))
                    .collect();
                texts.map_or_else(
                    || Eval::unknown("a joined text"),
                    |texts| known(Literal::Str(texts.join(between))),
                )
            }
            _ => Eval::unknown("a joined text"),
        }
    }

    /// `"config.{}".format(name)`: positional and named holes without format specifications.
    fn format(&mut self, frame: &mut Frame<'a>, text: &str, call: &'a ExprCall) -> Eval<'a> {
        let mut pieces = Vec::new();
        let mut next = 0;
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            pieces.push(Piece::Text(before.to_owned()));
            let Some((hole, behind)) = after.split_once('}') else {
                return Eval::unknown("a formatted text");
            };
            let argument = match hole.parse::<usize>() {
                Ok(index) => call.arguments.find_positional(index),
                Err(_) if hole.is_empty() => {
                    next += 1;
                    call.arguments.find_positional(next - 1)
                }
                Err(_) => call.arguments.find_keyword(hole).map(|it| &it.value),
            };
            let Some(argument) = argument else {
                return Eval::unknown("a formatted text");
            };
            let value = self.eval(frame, argument);
            let value = self.public_value(frame.module, argument, &value);
            pieces.push(Piece::Hole(value));
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        assembled(pieces)
    }

    /// Something is handed to code that cannot be read: it may configure the application.
    pub(super) fn note_unfollowed(&mut self, module: ModuleId, call: &ExprCall, name: String) {
        if name.contains("config") || name.contains("settings") {
            self.note_source(module, SourceKind::Dynamic, call.range(), Some(name), None);
        }
    }
}

/// The name under which `self.app` and its like are kept in a frame.
fn slot(attribute: &ruff_python_ast::ExprAttribute) -> String {
    match &*attribute.value {
        Expr::Name(base) => format!("{}.{}", base.id, attribute.attr),
        _ => String::new(),
    }
}

/// What the first parameter of a method is bound to.
fn receiver<'a>(function: &StmtFunctionDef, object: Eval<'a>) -> Option<Eval<'a>> {
    let is_static = function.decorator_list.iter().any(|decorator| {
        crate::parse::python::last_name(&decorator.expression) == Some("staticmethod")
    });
    let is_class_method = function.decorator_list.iter().any(|decorator| {
        crate::parse::python::last_name(&decorator.expression) == Some("classmethod")
    });
    let first = function.parameters.args.first();
    let takes_self = first.is_some_and(|it| matches!(it.parameter.name.as_str(), "self" | "cls"));
    match object {
        _ if is_static => None,
        // `Config.init_app(app)` without a decorator: a plain function in a class.
        Eval::Class(..) if !is_class_method && !takes_self => None,
        object => Some(object),
    }
}

/// Functions that a call does not run: request handlers, generators.
fn is_generator_or_route(function: &StmtFunctionDef) -> bool {
    function.decorator_list.iter().any(|decorator| {
        let name = match &decorator.expression {
            Expr::Call(call) => crate::parse::python::last_name(&call.func),
            other => crate::parse::python::last_name(other),
        };
        matches!(name, Some("route" | "contextmanager"))
    })
}

/// Whether a function of this text puts something into a file or a database: what it makes anew
/// is then made once, and found again by the next start.
fn keeps_something(text: &str) -> bool {
    let words = [
        ".write(",
        ".write_text(",
        ".write_bytes(",
        ".dump(",
        ".create(",
        ".save(",
        ".add(",
        ".put(",
        ".insert(",
        ".commit(",
    ];
    words.iter().any(|word| text.contains(word))
}
