//! What is loaded into the configuration as a whole: objects, mappings, files, the environment.

use ruff_python_ast::{Arguments, Expr, ExprCall, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::trace::{Eval, Frame, Tracer};
use super::write::Written;
use super::{Form, Home, Literal, Source, SourceKind, Value};
use crate::model::modules::ModuleId;
use crate::text::{Location, Span};

/// Longest chain of base classes.
const MAX_BASES: usize = 24;

impl<'a> Tracer<'a> {
    /// A method of `app.config`. `None`: not one that writes.
    pub(super) fn config_method(
        &mut self,
        frame: &mut Frame<'a>,
        method: &str,
        call: &'a ExprCall,
    ) -> Option<Eval<'a>> {
        let arguments = &call.arguments;
        match method {
            "from_object" => {
                let argument = arguments.find_argument_value("obj", 0)?;
                let object = self.eval(frame, argument);
                self.load_object(frame.module, call, argument, object);
            }
            "update" | "from_mapping" | "from_dict" => self.update(frame, call),
            "setdefault" => self.set_default(frame, call),
            "from_pyfile" => {
                let argument = arguments.find_argument_value("filename", 0)?;
                let path = self.eval(frame, argument);
                self.load_file(frame.module, call, &path, SourceKind::PyFile);
            }
            "from_file" | "from_json" | "from_toml" | "from_yaml" => {
                let argument = arguments.find_argument_value("filename", 0)?;
                let path = self.eval(frame, argument);
                self.load_file(frame.module, call, &path, SourceKind::File);
            }
            "from_envvar" => {
                let argument = arguments.find_argument_value("variable_name", 0)?;
                let name = text_of(&self.eval(frame, argument));
                self.load_variable(frame.module, call, name);
            }
            "from_prefixed_env" => {
                let prefix = arguments.find_argument_value("prefix", 0);
                let prefix = prefix.map(|prefix| self.eval(frame, prefix));
                let prefix = prefix.as_ref().map_or(Some("FLASK".into()), text_of);
                let kind = SourceKind::PrefixedEnv;
                self.note_source(frame.module, kind, call.range(), prefix, None);
            }
            "get" | "get_namespace" | "copy" | "items" | "keys" | "pop" => {
                return self.config_read(frame, method, call);
            }
            _ => return None,
        }
        Some(Eval::Value(Value::Known(Literal::None)))
    }

    fn config_read(
        &mut self,
        frame: &mut Frame<'a>,
        method: &str,
        call: &'a ExprCall,
    ) -> Option<Eval<'a>> {
        if method != "get" {
            return None;
        }
        let key = text_of(&self.eval(frame, call.arguments.find_positional(0)?))?;
        let default = call.arguments.find_positional(1);
        if let Some(value) = self.current(&key) {
            return Some(Eval::Value(value.clone()));
        }
        match default {
            Some(default) => Some(self.eval(frame, default)),
            None => Some(Eval::unknown(format!("the configuration's own {key}"))),
        }
    }

    pub(super) fn note_source(
        &mut self,
        module: ModuleId,
        kind: SourceKind,
        at: impl Into<Span>,
        name: Option<String>,
        home: Option<Home>,
    ) {
        let path = home.map(|home| match home {
            Home::Class(module, _) | Home::Module(module) => self.tree(module).path().to_string(),
        });
        let mut position = [None; 3];
        position[self.goal.index()] = Some(self.writes.len());
        let at = at.into();
        self.sources.push(Source {
            app: self.app,
            kind,
            location: self.location(module, at),
            name,
            path,
            home,
            silent: self.tree(module).source(at).contains("silent=True"),
            section: Vec::new(),
            prefix: None,
            environments: vec![self.goal],
            conditions: self.conditions.clone(),
            position,
        });
    }

    /// `from_object(object)`.
    pub(super) fn load_object(
        &mut self,
        module: ModuleId,
        call: &'a ExprCall,
        argument: &'a Expr,
        object: Eval<'a>,
    ) {
        self.via.push(self.location(module, call.range()));
        self.load_resolved_object(module, call, argument, object);
        self.via.pop();
    }

    fn load_resolved_object(
        &mut self,
        module: ModuleId,
        call: &'a ExprCall,
        argument: &'a Expr,
        object: Eval<'a>,
    ) {
        let object = match object {
            Eval::Value(Value::Known(Literal::Str(dotted))) => {
                let Some(found) = self.object_named(module, &dotted) else {
                    let kind = SourceKind::Object;
                    self.note_source(module, kind, call.range(), Some(dotted), None);
                    return;
                };
                found
            }
            Eval::Pattern(pieces) => self.pattern_candidates(module, argument, &pieces),
            other => other,
        };
        let kind = SourceKind::Object;
        match object {
            Eval::Class(home, class) => {
                let name = class.name.to_string();
                let place = Home::Class(home, class.range.into());
                self.note_source(module, kind, call.range(), Some(name), Some(place));
                self.emit_class(home, class, false);
            }
            Eval::Instance(home, class) => {
                let name = class.name.to_string();
                let place = Home::Class(home, class.range.into());
                self.note_source(module, kind, call.range(), Some(name), Some(place));
                self.emit_class(home, class, true);
            }
            Eval::Module(home) => {
                let place = Home::Module(home);
                self.note_source(module, kind, call.range(), None, Some(place));
                let until = (home == module).then(|| call.range().start().to_usize());
                self.emit_module(home, until);
            }
            Eval::Candidates(alternatives) => {
                for (item, chosen) in self.choose(module, argument, &alternatives) {
                    self.with_alternative(chosen, |tracer| {
                        tracer.load_resolved_object(module, call, argument, item);
                    });
                }
            }
            Eval::Value(Value::Known(Literal::None)) => {}
            Eval::Value(Value::Entry(entry)) => self.load_entry(module, call.range(), &entry),
            Eval::Value(Value::Env(read)) => {
                let Some(found) = self.environment_candidates(module, argument, &read) else {
                    let kind = SourceKind::EnvVar;
                    self.note_source(module, kind, call.range(), Some(read.name), None);
                    return;
                };
                self.load_resolved_object(module, call, argument, found);
            }
            Eval::Value(Value::Choice {
                then, otherwise, ..
            }) => {
                for value in [*then, *otherwise] {
                    self.load_resolved_object(module, call, argument, Eval::Value(value));
                }
            }
            _ => {
                let name = self.source(module, argument).to_owned();
                self.note_source(module, kind, call.range(), Some(name), None);
            }
        }
    }

    pub(super) fn with_alternative(
        &mut self,
        alternative: Option<(usize, usize)>,
        run: impl FnOnce(&mut Self),
    ) {
        let depth = self.alternatives.len();
        self.alternatives.extend(alternative);
        run(self);
        self.alternatives.truncate(depth);
    }

    /// The upper-case names of a class, base classes first; of an instance, also those that
    /// `__init__` sets.
    pub(super) fn emit_class(&mut self, module: ModuleId, class: &'a StmtClassDef, instance: bool) {
        let key = (module, Span::from(class.range));
        if self.running.contains(&key) || self.running.len() > MAX_BASES {
            return;
        }
        self.running.push(key);
        self.via.push(self.location(module, class.name.range));
        let mut reads_environment = false;
        let bases: Vec<_> = class.arguments.iter().flat_map(|it| &it.args).collect();
        for base in bases.into_iter().rev() {
            match self.eval_in(module, base) {
                Eval::Class(home, base) => self.emit_class(home, base, instance),
                Eval::Library(name) => reads_environment |= name.ends_with("BaseSettings"),
                _ => {}
            }
        }
        let mut frame = Frame::of_module(module);
        frame.emits = Some(Form::ClassAttribute);
        if reads_environment {
            let marker = Eval::Value(Value::Known(Literal::Bool(true)));
            frame.locals.insert("<reads environment>".into(), marker);
        }
        self.body(&mut frame, &class.body);
        self.emit_properties(module, class);
        if instance {
            self.emit_init(module, class);
        }
        self.via.pop();
        self.running.pop();
    }

    /// `@property def KEY(self)`: what it returns.
    fn emit_properties(&mut self, module: ModuleId, class: &'a StmtClassDef) {
        for stmt in &class.body {
            let Stmt::FunctionDef(function) = stmt else {
                continue;
            };
            let is_property = function.decorator_list.iter().any(|decorator| {
                let name = crate::parse::python::last_name(&decorator.expression);
                matches!(name, Some("property" | "cached_property" | "classproperty"))
            });
            if !is_property || !super::write::is_setting(&function.name) {
                continue;
            }
            let value = self.run_function(module, function, std::collections::HashMap::new());
            let written = Written {
                key: function.name.to_string(),
                key_at: function.name.range.into(),
                value: match value {
                    Eval::Value(value) => value,
                    _ => Value::unknown("a property"),
                },
                value_at: self.location(module, function.name.range),
                statement: function.range.into(),
                form: Form::Other,
            };
            self.record(module, written);
        }
    }

    fn emit_init(&mut self, module: ModuleId, class: &'a StmtClassDef) {
        for stmt in &class.body {
            if let Stmt::FunctionDef(function) = stmt
                && function.name.as_str() == "__init__"
            {
                let mut frame = Frame::of_module(module);
                frame.emits = Some(Form::InstanceAttribute);
                frame.is_function = true;
                self.body(&mut frame, &function.body);
            }
        }
    }

    /// The upper-case names of a module, up to the offset at which it is loaded by itself.
    pub(super) fn emit_module(&mut self, module: ModuleId, until: Option<usize>) {
        // The module may be running already: it loads itself, or its functions do.
        let key = (module, Span::at(0));
        if self.running.contains(&key) {
            return;
        }
        self.running.push(key);
        let mut frame = Frame::of_module(module);
        frame.emits = Some(Form::ModuleConstant);
        let body = self.tree(module).body();
        let until = until.unwrap_or(usize::MAX);
        let end = body.partition_point(|stmt| stmt.range().end().to_usize() <= until);
        self.body(&mut frame, &body[..end]);
        self.running.pop();
    }

    /// `config.update(…)` and `config.from_mapping(…)`.
    fn update(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) {
        for argument in &call.arguments.args {
            let value = self.eval(frame, argument);
            self.load_mapping(frame, call.range().into(), argument, &value);
        }
        self.keywords(frame, call.range().into(), &call.arguments);
    }

    fn keywords(&mut self, frame: &mut Frame<'a>, statement: Span, arguments: &'a Arguments) {
        for keyword in &arguments.keywords {
            let value = self.eval(frame, &keyword.value);
            let Some(name) = &keyword.arg else {
                self.load_mapping(frame, statement, &keyword.value, &value);
                continue;
            };
            let written = Written {
                key: name.to_string(),
                key_at: name.range.into(),
                value: self.public_value(frame.module, &keyword.value, &value),
                value_at: self.location(frame.module, keyword.value.range()),
                statement,
                form: Form::Keyword,
            };
            self.record(frame.module, written);
        }
    }

    /// Every entry of a mapping: a dictionary display, `dict(KEY=…)`, another object's `__dict__`.
    pub(super) fn load_mapping(
        &mut self,
        frame: &mut Frame<'a>,
        statement: Span,
        argument: &'a Expr,
        value: &Eval<'a>,
    ) {
        if let Expr::Call(call) = argument
            && matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "dict")
        {
            self.keywords(frame, statement, &call.arguments);
            return;
        }
        match value {
            Eval::Table(module, table) => {
                let outside = *module != frame.module || !statement.contains(table.range.into());
                for item in &table.items {
                    let Some(key) = &item.key else {
                        let inner = self.eval_in(*module, &item.value);
                        self.load_mapping(frame, statement, &item.value, &inner);
                        continue;
                    };
                    let Some(name) = text_of(&self.eval_in(*module, key)) else {
                        continue;
                    };
                    let value = self.eval_entry(frame, *module, &item.value);
                    let written = Written {
                        key: name,
                        key_at: key.range().into(),
                        value: self.public_value(*module, &item.value, &value),
                        value_at: self.location(*module, item.value.range()),
                        statement: if outside {
                            table.range.into()
                        } else {
                            statement
                        },
                        form: Form::DictEntry,
                    };
                    self.record(*module, written);
                }
            }
            Eval::Candidates(alternatives) => {
                let alternatives = std::rc::Rc::clone(alternatives);
                for (item, chosen) in self.choose(frame.module, argument, &alternatives) {
                    let depth = self.alternatives.len();
                    self.alternatives.extend(chosen);
                    self.load_mapping(frame, statement, argument, &item);
                    self.alternatives.truncate(depth);
                }
            }
            Eval::Value(Value::Known(Literal::None)) => {}
            Eval::Value(Value::Entry(entry)) => self.load_entry(frame.module, statement, entry),
            _ => {
                let name = Some(self.source(frame.module, argument).to_owned());
                self.note_source(frame.module, SourceKind::Mapping, statement, name, None);
            }
        }
    }

    /// An entry of a display: in the frame's own module its variables count.
    fn eval_entry(&mut self, frame: &mut Frame<'a>, module: ModuleId, value: &'a Expr) -> Eval<'a> {
        if module == frame.module {
            self.eval(frame, value)
        } else {
            self.eval_in(module, value)
        }
    }

    fn set_default(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) {
        let (Some(key), Some(value)) = (
            call.arguments.find_positional(0),
            call.arguments.find_positional(1),
        ) else {
            return;
        };
        let Some(name) = text_of(&self.eval(frame, key)) else {
            return;
        };
        let evaluated = self.eval(frame, value);
        let written = Written {
            key: name,
            key_at: key.range().into(),
            value: self.public_value(frame.module, value, &evaluated),
            value_at: self.location(frame.module, value.range()),
            statement: call.range().into(),
            form: Form::Subscript,
        };
        self.push_write(frame.module, written, true);
    }

    /// `from_pyfile` and `from_file`, in the places where Flask looks.
    fn load_file(
        &mut self,
        module: ModuleId,
        call: &'a ExprCall,
        path: &Eval<'a>,
        kind: SourceKind,
    ) {
        if let Eval::Value(Value::Env(read)) = path {
            let name = Some(read.name.clone());
            self.note_source(module, SourceKind::EnvVar, call.range(), name, None);
            return;
        }
        let (name, found) = match path {
            Eval::Path(path) => (Some(path.clone()), self.world.modules.by_path(path)),
            Eval::Value(Value::Known(Literal::Str(name))) => {
                (Some(name.clone()), self.find_file(name))
            }
            _ => (None, None),
        };
        self.note_source(module, kind, call.range(), name, found.map(Home::Module));
        if let Some(found) = found.filter(|_| kind == SourceKind::PyFile) {
            self.via.push(self.location(module, call.range()));
            self.emit_module(found, None);
            self.via.pop();
        }
    }

    fn load_variable(&mut self, module: ModuleId, call: &'a ExprCall, name: Option<String>) {
        let found = name.as_ref().and_then(|name| {
            let mut settings = self.world.deployment.production_settings(name);
            settings.find_map(|setting| self.find_file(setting.literal()?))
        });
        let kind = SourceKind::EnvVar;
        self.note_source(module, kind, call.range(), name, found.map(Home::Module));
        if let Some(found) = found {
            self.via.push(self.location(module, call.range()));
            self.emit_module(found, None);
            self.via.pop();
        }
    }

    /// A file by the name that `from_pyfile` is given.
    fn find_file(&self, name: &str) -> Option<ModuleId> {
        let app = self.world.apps.get(self.app);
        let name = name.trim_start_matches("./");
        let root = app.root.as_str();
        let above = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let below = |folder: &str, rest: &str| match folder {
            "" => rest.to_owned(),
            _ => format!("{folder}/{rest}"),
        };
        let instance = format!("instance/{name}");
        let mut places = vec![below(root, name), below(root, &instance)];
        if app.arguments.instance_relative {
            places.insert(0, below(above, &instance));
            places.insert(0, below(root, &instance));
        }
        places.push(below(above, &instance));
        places.push(name.to_owned());
        // "../config.py" is relative to the application's folder.
        if let Some(rest) = name.strip_prefix("../") {
            places.insert(0, below(above, rest));
        }
        places
            .iter()
            .find_map(|path| self.world.modules.by_path(path))
    }

    /// The class, module or instance of that dotted name.
    pub(super) fn object_named(&mut self, importer: ModuleId, dotted: &str) -> Option<Eval<'a>> {
        let dotted = dotted.trim();
        if dotted.is_empty() {
            return None;
        }
        if let Some(found) = self.module_named(importer, dotted) {
            return Some(Eval::Module(found));
        }
        let (parent, member) = dotted.rsplit_once([':', '.'])?;
        let parent = match self.module_named(importer, parent) {
            Some(module) => Eval::Module(module),
            None => self.object_named(importer, parent)?,
        };
        let found = self.member(&parent, member);
        let missing = matches!(&found, Eval::Value(Value::Unknown(_)));
        (!missing).then_some(found)
    }

    pub(super) fn module_named(&self, importer: ModuleId, dotted: &str) -> Option<ModuleId> {
        let modules = self.world.modules;
        if let Some(rest) = dotted.strip_prefix('.') {
            return modules.import(importer, 1, rest);
        }
        modules
            .import(importer, 0, dotted)
            .or_else(|| modules.find(&self.world.apps.get(self.app).root, dotted))
    }
}

pub(super) fn text_of(value: &Eval<'_>) -> Option<String> {
    match value {
        Eval::Value(Value::Known(Literal::Str(text))) => Some(text.clone()),
        _ => None,
    }
}

/// The location of a class's name.
pub(super) fn class_location(
    tracer: &Tracer<'_>,
    home: ModuleId,
    class: &StmtClassDef,
) -> Location {
    tracer.location(home, class.name.range)
}
