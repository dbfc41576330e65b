//! Functions of libraries that matter for configuration: reads of the environment, parsers,
//! paths, durations, randomness, stores.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged as _;

use super::evaluate::{environment, join, known, parent};
use super::load::text_of;
use super::trace::{Eval, Frame, Tracer};
use super::write::{Written, key_of_attribute};
use super::{Conversion, EnvRead, Form, Literal, Value};
use crate::text::Location;

impl<'a> Tracer<'a> {
    pub(super) fn environ_method(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        match name {
            "setdefault" => {
                self.note_environ_default(frame, call);
                self.environment_call(frame, call, Conversion::None)
            }
            "get" | "pop" => self.environment_call(frame, call, Conversion::None),
            _ => Eval::unknown("the environment as a whole"),
        }
    }

    /// `os.environ.setdefault("NAME", "text")`: later reads have that default.
    fn note_environ_default(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) {
        let (Some(name), Some(value)) = (
            call.arguments.find_positional(0),
            call.arguments.find_positional(1),
        ) else {
            return;
        };
        let name = text_of(&self.eval(frame, name));
        if let (Some(name), Eval::Value(Value::Known(literal))) = (name, self.eval(frame, value)) {
            let at = self.place_of(frame, value);
            self.environ.entry(name.into()).or_insert((literal, at));
        }
    }

    /// A read of the environment without a default of its own.
    pub(super) fn environ_read(&self, name: &str, location: Location, required: bool) -> Value {
        let Some((literal, at)) = self.environ.get(name) else {
            return environment(name, location, required);
        };
        Value::Env(EnvRead {
            name: name.to_owned(),
            default: Some(literal.clone()),
            default_at: Some(at.clone()),
            required: false,
            conversion: Conversion::None,
            negated: false,
            location,
        })
    }

    /// What an instance of a library's class gives when it is called: `env("NAME", default=…)`.
    pub(super) fn library_instance_call(
        &mut self,
        frame: &mut Frame<'a>,
        class: &str,
        call: &'a ExprCall,
    ) -> Option<Eval<'a>> {
        let conversion = match class {
            "environs.Env" | "environs.FileAwareEnv" => Conversion::None,
            // Without a cast, django-environ takes the default's type.
            "environ.Env" => match call.arguments.find_argument_value("default", 1) {
                Some(Expr::BooleanLiteral(_)) => Conversion::Bool,
                Some(Expr::NumberLiteral(_)) => Conversion::Int,
                _ => Conversion::None,
            },
            "decouple.Config" | "decouple.AutoConfig" | "starlette.config.Config" => {
                self.cast(call)
            }
            _ => return None,
        };
        Some(required_without_default(
            self.environment_call(frame, call, conversion),
        ))
    }

    /// `get(name, default)`.
    fn environment_call(
        &mut self,
        frame: &mut Frame<'a>,
        call: &'a ExprCall,
        conversion: Conversion,
    ) -> Eval<'a> {
        let Some(name) = call.arguments.find_positional(0).or_else(|| {
            let keyword = call.arguments.find_keyword("key")?;
            Some(&keyword.value)
        }) else {
            return Eval::unknown("the environment");
        };
        let Some(name) = text_of(&self.eval(frame, name)) else {
            return Eval::unknown("a computed environment variable");
        };
        let location = self.location(frame.module, call.range());
        let Some(default) = call.arguments.find_argument_value("default", 1) else {
            let value = self.environ_read(&name, location, false);
            return Eval::Value(converted(value, conversion));
        };
        let at = self.place_of(frame, default);
        let read = |default: Option<Literal>| EnvRead {
            name: name.clone(),
            default,
            default_at: Some(at.clone()),
            required: false,
            conversion: conversion.clone(),
            negated: false,
            location: location.clone(),
        };
        match self.eval(frame, default) {
            Eval::Value(Value::Known(literal)) => Eval::Value(Value::Env(read(Some(literal)))),
            // A default from a second variable: what counts is its own default.
            Eval::Value(Value::Env(second)) => Eval::Value(Value::Env(read(second.default))),
            Eval::Value(other) => {
                let set = environment(&name, location.clone(), true);
                let condition = format!("{name} is set");
                Eval::Value(super::trace::choice(
                    condition,
                    converted(set, conversion),
                    other,
                ))
            }
            _ => Eval::Value(Value::Env(read(None))),
        }
    }

    pub(super) fn library_method(
        &mut self,
        frame: &mut Frame<'a>,
        class: &str,
        method: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        match class {
            "environs.Env" | "environs.FileAwareEnv" | "environ.Env" => {
                let conversion = match method {
                    "bool" => Conversion::Bool,
                    "int" => Conversion::Int,
                    "str" | "get_value" => Conversion::None,
                    "read_env" | "read_envfile" => return Eval::unknown("a dotenv file"),
                    other => Conversion::Parser(other.to_owned()),
                };
                required_without_default(self.environment_call(frame, call, conversion))
            }
            _ if super::document::is_ini(class) => self.read_ini(frame, class, method, call),
            _ if method == "init_app" && is_talisman(class) => {
                self.talisman(frame, call);
                Eval::unknown("Talisman")
            }
            _ => {
                let handed = self.arguments(frame, call).iter().any(Eval::is_app);
                if handed && method != "init_app" {
                    self.note_unfollowed(frame.module, call, format!("{class}.{method}"));
                }
                Eval::Value(Value::Unknown(format!("{class}.{method}()")))
            }
        }
    }

    pub(super) fn library_call(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        let first = call.arguments.find_positional(0);
        match name {
            "os.getenv" | "os.environ.get" | "flask.helpers.get_env" => {
                self.environment_call(frame, call, Conversion::None)
            }
            "decouple.config" => {
                let conversion = self.cast(call);
                required_without_default(self.environment_call(frame, call, conversion))
            }
            "environs.Env"
            | "environs.FileAwareEnv"
            | "environ.Env"
            | "decouple.Config"
            | "decouple.AutoConfig"
            | "starlette.config.Config"
            | "configparser.ConfigParser"
            | "configparser.RawConfigParser"
            | "configparser.SafeConfigParser" => Eval::LibraryInstance(name.to_owned()),
            "bool"
            | "int"
            | "str"
            | "distutils.util.strtobool"
            | "setuptools.distutils.util.strtobool"
            | "strtobool"
            | "json.loads"
            | "ast.literal_eval"
            | "float"
            | "bytes" => {
                let Some(first) = first else {
                    return Eval::unknown("an empty call");
                };
                let value = self.eval(frame, first);
                if let Eval::Value(Value::Entry(_)) = &value {
                    return value;
                }
                self.cast_value(name, value)
            }
            // A field's default, or what its factory makes.
            "dataclasses.field" | "attr.ib" | "attr.field" | "attrs.field" => {
                let keyword = |name: &str| call.arguments.find_keyword(name);
                match (
                    keyword("default"),
                    keyword("default_factory").or_else(|| keyword("factory")),
                ) {
                    (Some(default), _) => self.eval(frame, &default.value),
                    (None, Some(factory)) => match &factory.value {
                        Expr::Lambda(lambda) => self.eval(frame, &lambda.body),
                        other => match self.eval(frame, other) {
                            Eval::Library(name) if is_random(&name) => {
                                Eval::Value(Value::Random(name))
                            }
                            _ => Eval::unknown("what a factory makes"),
                        },
                    },
                    (None, None) => Eval::unknown("a field without a default"),
                }
            }
            "datetime.timedelta" => self.timedelta(frame, call),
            "getattr" => self.get_attribute(frame, call),
            "setattr" => self.set_attribute(frame, call),
            "vars" | "globals" | "locals" => Eval::unknown("a namespace"),
            "werkzeug.utils.import_string"
            | "importlib.import_module"
            | "flask.helpers.import_string" => {
                let Some(first) = first else {
                    return Eval::unknown("an import");
                };
                match self.eval(frame, first) {
                    Eval::Value(Value::Known(Literal::Str(dotted))) => self
                        .object_named(frame.module, &dotted)
                        .unwrap_or_else(|| Eval::unknown("a module that is not found")),
                    Eval::Pattern(pieces) => self.pattern_candidates(frame.module, first, &pieces),
                    other => other,
                }
            }
            "os.path.join" | "werkzeug.utils.safe_join" | "pathlib.Path.joinpath" => {
                self.join_paths(frame, call)
            }
            "os.path.abspath" | "os.path.realpath" | "os.path.normpath" | "pathlib.Path"
            | "os.path.expanduser" => first.map_or_else(
                || Eval::unknown("a path"),
                |first| match self.eval(frame, first) {
                    Eval::Value(Value::Known(Literal::Str(text))) => Eval::Path(join("", &text)),
                    other => other,
                },
            ),
            "os.path.dirname" => match first.map(|first| self.eval(frame, first)) {
                Some(Eval::Path(path)) => Eval::Path(parent(&path)),
                _ => Eval::unknown("a path"),
            },
            "os.getcwd" => Eval::Path(String::new()),
            "open" | "io.open" | "codecs.open" => self.opened(frame, name, call),
            _ if super::document::is_parser(name) => self.parsed_file(frame, name, call),
            _ if super::document::is_dynaconf(name) => self.dynaconf(frame, name, call),
            "super" | "print" => Eval::unknown(name),
            _ if is_random(name) => Eval::Value(Value::Random(name.to_owned())),
            _ if is_digest(name) => self.digest(frame, name, first),
            _ if is_store(name) => Eval::Value(Value::Store(name.to_owned())),
            _ => self.other_library_call(frame, name, call),
        }
    }

    fn other_library_call(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        let handed = self.arguments(frame, call).iter().any(Eval::is_app);
        if handed && is_talisman(name) {
            self.talisman(frame, call);
        } else if handed {
            self.note_unfollowed(frame.module, call, name.to_owned());
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if last.starts_with(char::is_uppercase) {
            return Eval::LibraryInstance(name.to_owned());
        }
        Eval::Value(Value::Unknown(format!("{name}()")))
    }

    /// Flask-Talisman sets the session cookie's flags unless it is told not to (facts 4.8).
    fn talisman(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) {
        for (option, key, default) in [
            (
                "session_cookie_secure",
                "SESSION_COOKIE_SECURE",
                Literal::Bool(true),
            ),
            (
                "session_cookie_http_only",
                "SESSION_COOKIE_HTTPONLY",
                Literal::Bool(true),
            ),
            (
                "session_cookie_samesite",
                "SESSION_COOKIE_SAMESITE",
                Literal::Str("Lax".into()),
            ),
        ] {
            let given = call.arguments.find_keyword(option);
            let value = match given {
                Some(given) => {
                    let value = self.eval(frame, &given.value);
                    self.public_value(frame.module, &given.value, &value)
                }
                None => Value::Known(default),
            };
            if value.known().is_some_and(|value| !value.is_truthy()) {
                continue;
            }
            let at = given.map_or_else(|| call.func.range(), |given| given.range);
            let written = Written {
                key: key.to_owned(),
                key_at: at.into(),
                value,
                value_at: self.location(frame.module, at),
                statement: call.range().into(),
                form: Form::Other,
            };
            self.record(frame.module, written);
        }
    }

    /// `cast=bool` of decouple.
    fn cast(&self, call: &ExprCall) -> Conversion {
        let Some(cast) = call.arguments.find_argument_value("cast", 2) else {
            return Conversion::None;
        };
        match crate::parse::python::last_name(cast) {
            Some("bool") => Conversion::Bool,
            Some("int") => Conversion::Int,
            Some("str") => Conversion::None,
            Some(other) => Conversion::Parser(other.to_owned()),
            None => Conversion::Parser("a function".into()),
        }
    }

    fn cast_value(&mut self, name: &str, value: Eval<'a>) -> Eval<'a> {
        let conversion = match name {
            "bool" => Conversion::Truthiness,
            "int" | "float" => Conversion::Int,
            "str" | "bytes" => Conversion::None,
            "json.loads" | "ast.literal_eval" => Conversion::Parser(name.to_owned()),
            _ => Conversion::Bool,
        };
        match value {
            Eval::Value(Value::Known(literal)) => known(match (name, literal) {
                ("bool", literal) => Literal::Bool(literal.is_truthy()),
                ("int", Literal::Str(text)) => match text.trim().parse() {
                    Ok(int) => Literal::Int(int),
                    Err(_) => return Eval::unknown("not a number"),
                },
                ("str", literal @ (Literal::Int(_) | Literal::Bool(_))) => {
                    Literal::Str(literal.to_string())
                }
                ("strtobool", Literal::Str(text)) => Literal::Bool(matches!(
                    text.to_lowercase().as_str(),
                    "1" | "true" | "yes" | "on" | "y" | "t"
                )),
                (_, literal) => literal,
            }),
            Eval::Value(Value::Choice {
                condition,
                then,
                otherwise,
            }) => {
                let mut cast = |value: Value| match self.cast_value(name, Eval::Value(value)) {
                    Eval::Value(value) => value,
                    _ => Value::unknown("converted"),
                };
                let (then, otherwise) = (cast(*then), cast(*otherwise));
                Eval::Value(super::trace::choice(condition, then, otherwise))
            }
            Eval::Value(value) => Eval::Value(converted(value, conversion)),
            Eval::Path(path) => Eval::Path(path),
            _ => Eval::unknown("converted"),
        }
    }

    fn timedelta(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Eval<'a> {
        const UNITS: [(&str, f64); 7] = [
            ("days", 86_400.0),
            ("seconds", 1.0),
            ("microseconds", 1e-6),
            ("milliseconds", 1e-3),
            ("minutes", 60.0),
            ("hours", 3_600.0),
            ("weeks", 604_800.0),
        ];
        let mut total = 0.0;
        for (position, (unit, seconds)) in UNITS.iter().enumerate() {
            let Some(argument) = call.arguments.find_argument_value(unit, position) else {
                continue;
            };
            let Eval::Value(Value::Known(number)) = self.eval(frame, argument) else {
                return Eval::unknown("a timedelta");
            };
            let Some(number) = number.as_seconds() else {
                return Eval::unknown("a timedelta");
            };
            total += number * seconds;
        }
        known(Literal::Seconds(total))
    }

    /// `getattr(module, name)`.
    fn get_attribute(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Eval<'a> {
        let (Some(object), Some(name)) = (
            call.arguments.find_positional(0),
            call.arguments.find_positional(1),
        ) else {
            return Eval::unknown("getattr");
        };
        let base = self.eval(frame, object);
        let selector = self.eval(frame, name);
        if let Some(name) = text_of(&selector) {
            return self.member(&base, &name);
        }
        let Eval::Module(module) = base else {
            return Eval::unknown("getattr");
        };
        self.classes_of(module, frame.module, name, selector)
    }

    /// `setattr(app, "secret_key", value)`.
    fn set_attribute(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Eval<'a> {
        let [object, name, value] = &*call.arguments.args else {
            return Eval::unknown("setattr");
        };
        let attribute = text_of(&self.eval(frame, name));
        let key = attribute.as_deref().and_then(key_of_attribute);
        if let Some(key) = key
            && matches!(self.eval(frame, object), Eval::App)
        {
            let evaluated = self.eval(frame, value);
            let written = Written {
                key: key.to_owned(),
                key_at: name.range().into(),
                value: self.public_value(frame.module, value, &evaluated),
                value_at: self.location(frame.module, value.range()),
                statement: call.range().into(),
                form: Form::Attribute,
            };
            self.record(frame.module, written);
        }
        known(Literal::None)
    }

    fn join_paths(&mut self, frame: &mut Frame<'a>, call: &'a ExprCall) -> Eval<'a> {
        let mut path: Option<String> = None;
        for argument in &call.arguments.args {
            let part = match self.eval(frame, argument) {
                Eval::Path(part) | Eval::Value(Value::Known(Literal::Str(part))) => part,
                _ => return Eval::unknown("a computed path"),
            };
            path = Some(match path {
                Some(path) => join(&path, &part),
                None => join("", &part),
            });
        }
        path.map_or_else(|| Eval::unknown("a path"), Eval::Path)
    }

    /// A hash of something random, or of something known, is as good as that.
    fn digest(&mut self, frame: &mut Frame<'a>, name: &str, first: Option<&'a Expr>) -> Eval<'a> {
        match first.map(|first| self.eval(frame, first)) {
            Some(Eval::Value(
                value @ (Value::Random(_)
                | Value::Env(_)
                | Value::Store(_)
                | Value::Entry(_)
                | Value::Choice { .. }),
            )) => Eval::Value(value),
            // Whoever reads the code computes it as well.
            Some(Eval::Value(Value::Known(literal @ (Literal::Str(_) | Literal::Bytes(_))))) => {
                known(literal)
            }
            _ => Eval::Value(Value::Unknown(format!("{name}()"))),
        }
    }
}

/// A parser of the project (`str_to_bool(os.environ.get("DEBUG"))`) that could not be followed.
pub(super) fn parsed<'a>(
    frame: &mut Frame<'a>,
    tracer: &mut Tracer<'a>,
    call: &'a ExprCall,
    name: &str,
) -> Option<Value> {
    let first = call.arguments.find_positional(0)?;
    match tracer.eval(frame, first) {
        Eval::Value(Value::Env(read)) => Some(Value::Env(EnvRead {
            conversion: by_name(name),
            ..read
        })),
        // `envtobool("DEBUG", False)`: the helper reads the variable that it is given.
        Eval::Value(Value::Known(Literal::Str(variable)))
            if super::write::is_setting(&variable) && name.to_ascii_lowercase().contains("env") =>
        {
            let location = tracer.location(frame.module, call.range());
            let default = call.arguments.find_positional(1);
            let value = default.map(|default| tracer.eval(frame, default));
            Some(Value::Env(EnvRead {
                name: variable,
                default: match value {
                    Some(Eval::Value(Value::Known(literal))) => Some(literal),
                    _ => None,
                },
                default_at: default.map(|it| tracer.location(frame.module, it.range())),
                required: false,
                conversion: by_name(name),
                negated: false,
                location,
            }))
        }
        _ => None,
    }
}

/// A helper of the project that says in its name that it makes a boolean of a text.
fn by_name(function: &str) -> Conversion {
    if function.to_ascii_lowercase().contains("bool") {
        return Conversion::Bool;
    }
    Conversion::Parser(function.to_owned())
}

/// What a helper with several returns makes of one variable: a fallback text is its default,
/// returned booleans make it a parser.
pub(super) fn as_parser(value: Value, function: &str) -> Value {
    let leaves = value.leaves();
    let mut reads = leaves.iter().filter_map(|leaf| leaf.env());
    let Some(first) = reads.next() else {
        return value;
    };
    if reads.any(|read| read.name != first.name) {
        return value;
    }
    let known: Vec<&Literal> = leaves.iter().filter_map(|leaf| leaf.known()).collect();
    let texts: Vec<&&Literal> = known
        .iter()
        .filter(|literal| !matches!(literal, Literal::Bool(_) | Literal::None))
        .collect();
    let conversion = if texts.is_empty() && !known.is_empty() {
        by_name(function)
    } else {
        first.conversion.clone()
    };
    let default = first
        .default
        .clone()
        .or_else(|| texts.first().map(|it| (**it).clone()));
    Value::Env(EnvRead {
        default,
        required: false,
        conversion,
        ..first.clone()
    })
}

/// Reads of environs and decouple without a default raise.
fn required_without_default(value: Eval<'_>) -> Eval<'_> {
    match value {
        Eval::Value(Value::Env(read)) => Eval::Value(Value::Env(EnvRead {
            required: read.default_at.is_none(),
            ..read
        })),
        other => other,
    }
}

fn converted(value: Value, conversion: Conversion) -> Value {
    match value {
        Value::Env(read) => {
            // `bool(int(…))`: the number decides.
            let keeps = matches!(
                (&read.conversion, &conversion),
                (
                    Conversion::Int | Conversion::Bool | Conversion::Compare { .. },
                    Conversion::Truthiness
                )
            ) || conversion == Conversion::None;
            let conversion = if keeps { read.conversion } else { conversion };
            Value::Env(EnvRead { conversion, ..read })
        }
        other => other,
    }
}

fn is_talisman(class: &str) -> bool {
    class.starts_with("flask_talisman.") && class.ends_with("Talisman")
}

pub(super) fn is_random(name: &str) -> bool {
    matches!(
        name,
        "os.urandom"
            | "uuid.uuid4"
            | "uuid.uuid1"
            | "secrets.token_hex"
            | "secrets.token_bytes"
            | "secrets.token_urlsafe"
            | "secrets.choice"
            | "secrets.randbits"
            | "cryptography.fernet.Fernet.generate_key"
            | "time.time"
            | "time.time_ns"
            | "datetime.datetime.now"
            | "datetime.datetime.utcnow"
    ) || name.starts_with("random.")
}

fn is_digest(name: &str) -> bool {
    name.starts_with("hashlib.")
        || name.starts_with("base64.")
        || name.starts_with("binascii.")
        || matches!(
            name,
            "codecs.encode" | "bytes.fromhex" | "bytearray.fromhex"
        )
}

/// Clients of secret stores.
fn is_store(name: &str) -> bool {
    [
        "boto3.",
        "hvac.",
        "google.cloud.secretmanager",
        "azure.keyvault",
        "keyring.",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}
