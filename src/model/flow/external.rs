//! Calls of what lies outside the repository.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::call::Args;
use super::expr::predicate;
use super::facts::Facts;
use super::guard::Test;
use super::heap::{Dict, Instance, Obj, State};
use super::interp::{Frame, Interp};
use super::pattern;
use super::value::{Place, Str, StrKind, Value, hash, union};

/// One name for what several modules export; [`Dotted`](super::dotted::Dotted) remembers it.
pub(super) fn canonical(dotted: &str) -> String {
    let renamed = match dotted {
        "flask.globals.request" | "flask.wrappers.request" | "quart.request" => "flask.request",
        "flask.globals.session" => "flask.session",
        "flask.globals.g" => "flask.g",
        "flask.globals.current_app" => "flask.current_app",
        "flask.wrappers.Response"
        | "werkzeug.wrappers.Response"
        | "werkzeug.Response"
        | "werkzeug.wrappers.BaseResponse"
        | "werkzeug.BaseResponse"
        | "flask.current_app.response_class"
        | "flask.Flask.response_class"
        | "werkzeug.wrappers.response.Response" => "flask.Response",
        "flask.current_app.make_response" | "flask.Flask.make_response" => "flask.make_response",
        "flask.Markup" | "jinja2.Markup" | "jinja2.utils.Markup" | "wtforms.widgets.Markup" => {
            "markupsafe.Markup"
        }
        "flask.escape"
        | "jinja2.escape"
        | "jinja2.utils.escape"
        | "werkzeug.utils.escape"
        | "markupsafe.Markup.escape"
        | "markupsafe.escape_silent" => "markupsafe.escape",
        "cgi.escape" => "html.escape",
        "werkzeug.secure_filename" | "werkzeug.security.secure_filename" => {
            "werkzeug.utils.secure_filename"
        }
        "flask.safe_join" | "werkzeug.security.safe_join" | "flask.helpers.safe_join" => {
            "werkzeug.utils.safe_join"
        }
        "werkzeug.exceptions.abort"
        | "flask_restful.abort"
        | "flask_restx.abort"
        | "flask_smorest.abort" => "flask.abort",
        "werkzeug.datastructures.FileStorage" => "werkzeug.FileStorage",
        "configparser.RawConfigParser"
        | "configparser.SafeConfigParser"
        | "ConfigParser.ConfigParser" => "configparser.ConfigParser",
        "pathlib.PurePath" | "pathlib.PosixPath" | "pathlib.PurePosixPath" => "pathlib.Path",
        "posixpath.join" => "os.path.join",
        _ => "",
    };
    if !renamed.is_empty() {
        return renamed.to_owned();
    }
    for (from, to) in [
        // It takes the place of the standard library's, with the same functions.
        ("regex.", "re."),
        ("flask.helpers.", "flask."),
        ("flask.templating.", "flask."),
        ("flask.json.", "json."),
        ("posixpath.", "os.path."),
        ("werkzeug.urls.url_", "urllib.parse."),
        ("jinja2.environment.", "jinja2."),
    ] {
        if let Some(rest) = dotted.strip_prefix(from) {
            return format!("{to}{rest}");
        }
    }
    dotted.to_owned()
}

/// Constants of the standard library.
pub(super) fn constant<'a>(dotted: &str) -> Option<Value<'a>> {
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    Some(Value::text(match dotted {
        "os.sep" | "os.path.sep" => "/".to_owned(),
        "os.pardir" | "os.path.pardir" => "..".to_owned(),
        "os.curdir" | "os.path.curdir" => ".".to_owned(),
        "string.digits" => "0123456789".to_owned(),
        "string.ascii_lowercase" => LOWER.to_owned(),
        "string.ascii_uppercase" => UPPER.to_owned(),
        "string.ascii_letters" => format!("{LOWER}{UPPER}"),
        _ => return None,
    }))
}

/// Methods that look something up and do not give back what they are asked with.
pub(super) fn looks_up(name: &str) -> bool {
    let starts = [
        "get_by",
        "find_",
        "find_by",
        "query_",
        "fetch_",
        "select_",
        "lookup_",
        "retrieve_",
        "list_",
    ];
    // `get_book(number)` against `get_upload_path(name)`, which is made of what it is given.
    let is_got = || {
        let last = name.rsplit('_').next().unwrap_or(name);
        let is_text = [
            "path",
            "name",
            "filename",
            "filepath",
            "file",
            "dir",
            "directory",
            "folder",
            "location",
            "url",
            "uri",
            "link",
            "html",
            "markup",
            "text",
            "string",
            "message",
            "content",
            "template",
        ];
        (name.starts_with("get_") || name.starts_with("load_")) && !is_text.contains(&last)
    };
    starts.iter().any(|start| name.starts_with(start))
        || is_got()
        || matches!(
            name,
            "filter"
                | "filter_by"
                | "first"
                | "first_or_404"
                | "get_or_404"
                | "one"
                | "one_or_none"
                | "one_or_404"
                | "all"
                | "scalar"
                | "scalars"
                | "execute"
                | "executemany"
                | "fetchone"
                | "fetchall"
                | "fetchmany"
                | "find_one"
                | "find"
                | "aggregate"
                | "paginate"
                | "count"
                | "query"
                | "order_by"
                | "limit"
                | "offset"
                | "where"
                | "select_from"
                | "distinct"
                | "exists"
                | "commit"
                | "add"
                | "flush"
                | "delete"
                | "hget"
                | "hgetall"
                | "lrange"
                | "smembers"
                | "config"
                | "load_user"
                | "info"
                | "debug"
                | "warning"
                | "error"
                | "exception"
                | "critical"
                | "log"
        )
}

impl<'a> Interp<'a> {
    pub fn call_external(
        &mut self,
        name: &str,
        args: Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let name = self.dotted.canonical(name);
        match self.external(&name, &args, st, fr) {
            Some(value) => value,
            None => self.unknown_external(&name, &args, st),
        }
    }

    fn unknown_external(&mut self, name: &str, args: &Args<'a>, st: &mut State<'a>) -> Value<'a> {
        let last = name.rsplit('.').next().unwrap_or(name);
        if matches!(last, "get" | "pop" | "hget" | "get_or_none" | "get_or_404") {
            // What is kept under a key is not the key.
            let default = fallback(args).into_iter();
            let found = Value::object(name, Self::call_key(name, args), Vec::new());
            return union(default.chain([found]));
        }
        if let ([wrapped @ (Value::Func(_) | Value::Bound(_))], true) =
            (args.pos.as_slice(), args.named.is_empty())
        {
            // A decorator that is applied by hand.
            return wrapped.clone();
        }
        if last.contains("render") && last.contains("template") {
            // A theme's own `render_template`: what it renders is escaped there or nowhere.
            return Value::object("html", Self::call_key(name, args), Vec::new());
        }
        if looks_up(last) || is_clean(name) {
            return Value::object(name, Self::call_key(name, args), Vec::new());
        }
        let result = self.unknown_call(None, last, args, st);
        let Value::Any(any) = &result else {
            return result;
        };
        // `Thing(…)` makes an object of a known kind.
        if last.starts_with(char::is_uppercase) || any.pieces.is_empty() {
            return Value::object(name, any.key, any.pieces.clone());
        }
        result
    }

    pub(super) fn external(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        if let Some(builtin) = name.strip_prefix("builtins.")
            && let Some(value) = self.builtin(builtin, args, st, fr)
        {
            return Some(value);
        }
        if let Some(function) = name.strip_prefix("os.path.")
            && let Some(value) = self.path_function(function, args, st)
        {
            return Some(value);
        }
        if let Some(value) = self.file_function(name, args, st, fr) {
            return Some(value);
        }
        if let Some(value) = self.flask_function(name, args, st, fr) {
            return Some(value);
        }
        if let Some(value) = self.field_call(name, args, st) {
            return Some(value);
        }
        if let Some(value) = self.codec(name, args, st) {
            return Some(value);
        }
        if let Some(method) = name.strip_prefix("re.") {
            return self.regular_expression(method, args, st);
        }
        let place = args.place;
        Some(match name {
            "werkzeug.utils.safe_join" => self.safe_join(args, st),
            "werkzeug.utils.secure_filename" | "pathvalidate.sanitize_filename" => {
                let first = args.get(0, "filename").cloned().unwrap_or(Value::None);
                let mut facts = Facts::NO_SEPARATOR
                    | Facts::NO_DOTDOT
                    | Facts::NOT_ABSOLUTE
                    | Facts::NO_BRACE
                    | Facts::SECURE_FILENAME;
                if name.starts_with("werkzeug.") {
                    // Letters, digits, `_`, `.` and `-` are left.
                    facts |= Facts::ESCAPED | Facts::ONE_WORD;
                }
                self.each_piece(
                    &st.pin(&first),
                    "secure_filename",
                    args,
                    super::text::SURVIVES_CASE,
                    facts,
                )
            }
            "dataclasses.asdict" | "attr.asdict" | "attrs.asdict" | "builtins.vars" => {
                let object = args.get(0, "inst").cloned()?;
                return self.fields_as_dict(&object, st);
            }
            "pathlib.Path" => {
                let mut values: Vec<_> = args
                    .pos
                    .iter()
                    .enumerate()
                    .map(|(index, value)| {
                        super::expr::inserted(&st.pin(value), args.place_of(index, ""))
                    })
                    .collect();
                values.extend(super::path::several(&args.rest));
                self.join_path(&values, StrKind::Path)
            }
            "pathlib.Path.home" | "pathlib.Path.cwd" => {
                let mut text = Str::new(StrKind::Path);
                text.push(super::value::Part::Hole(hash(name)));
                Value::str(text)
            }
            "collections.namedtuple" => {
                let names = match args.get(1, "field_names")? {
                    Value::Str(text) => text
                        .constant()?
                        .split([' ', ','])
                        .filter(|name| !name.is_empty())
                        .map(Value::text)
                        .collect(),
                    other => self.known_items(other, st)?,
                };
                let names = Value::Tuple(names.into());
                self.foreign_instance(name, [("names", names)], st)
            }
            "itertools.chain" => {
                let items: Vec<_> = args
                    .pos
                    .iter()
                    .map(|it| self.any_item(it, place, st))
                    .collect();
                let item = union(items.into_iter().chain(args.rest.clone()));
                self.list_of(st, item)
            }
            "itertools.chain.from_iterable" => {
                let lists = args.get(0, "").cloned()?;
                let list = self.any_item(&lists, place, st);
                let item = self.any_item(&list, place, st);
                self.list_of(st, item)
            }
            // It decorates the wrapper, and calls nothing.
            "functools.wraps" => Value::ext("functools.wraps()"),
            "functools.update_wrapper" => args.get(0, "wrapper").cloned()?,
            "functools.reduce" => {
                let function = args.get(0, "").cloned()?;
                let item = self.any_item(&args.get(1, "").cloned()?, place, st);
                let mut value = args.get(2, "").cloned().unwrap_or_else(|| item.clone());
                for _ in 0..2 {
                    let both = Args::of(place, vec![value.clone(), item.clone()]);
                    let next = self.apply(&function, both, st, fr);
                    value = union([value, next]);
                }
                value
            }
            "collections.defaultdict" if matches!(args.get(0, ""), Some(Value::Ext(factory)) if matches!(&**factory, "builtins.list" | "builtins.set" | "builtins.dict")) =>
            {
                let factory = args.get(0, "").cloned()?;
                let each = self.apply(&factory, Args::none(place), st, fr);
                let made = Dict {
                    rest: Some(each),
                    ..Dict::default()
                };
                self.alloc(st, Obj::Dict(made))
            }
            "builtins.str.maketrans" => match args.pos.as_slice() {
                [table @ Value::Ref(_)] => table.clone(),
                [from, to, gone] => {
                    let mut table = Dict::default();
                    let (from, to) = (from.constant_str()?, to.constant_str()?);
                    for (a, b) in from.chars().zip(to.chars()) {
                        table.set(&Value::text(a.to_string()), Value::text(b.to_string()));
                    }
                    for c in gone.constant_str()?.chars() {
                        table.set(&Value::text(c.to_string()), Value::None);
                    }
                    self.alloc(st, Obj::Dict(table))
                }
                _ => return None,
            },
            "functools.partial" => {
                let mut named = Dict::default();
                for (name, value) in &args.named {
                    named.set(&Value::text(&**name), value.clone());
                }
                let function = args.get(0, "").cloned()?;
                let given = Value::Tuple(args.pos.get(1..).unwrap_or_default().into());
                let named = self.alloc(st, Obj::Dict(named));
                let fields = [("func", function), ("args", given), ("keywords", named)];
                self.foreign_instance(name, fields, st)
            }
            "configparser.ConfigParser" => {
                let sections = self.alloc(st, Obj::Dict(Dict::default()));
                self.foreign_instance(name, [("sections", sections)], st)
            }
            "io.StringIO" => {
                let buffer = args.get(0, "").cloned().unwrap_or_else(|| Value::text(""));
                self.foreign_instance(name, [("buffer", buffer)], st)
            }
            "collections.OrderedDict"
            | "collections.defaultdict"
            | "werkzeug.datastructures.MultiDict"
            | "types.SimpleNamespace" => {
                let mut dict = Dict::default();
                if let Some(first) = args.get(0, "").cloned() {
                    self.merge_into(&mut dict, &first, place, st);
                }
                for (name, value) in &args.named {
                    dict.set(&Value::text(&**name), value.clone());
                }
                self.alloc(st, Obj::Dict(dict))
            }
            "collections.deque" | "queue.Queue" => {
                let items = match args.get(0, "") {
                    Some(first) => self.known_items(first, st).unwrap_or_default(),
                    None => Vec::new(),
                };
                self.list(st, items)
            }
            "copy.copy"
            | "copy.deepcopy"
            | "typing.cast"
            | "flask.stream_with_context"
            | "inspect.cleandoc"
            | "textwrap.dedent"
            | "sys.intern"
            | "asyncio.run" => {
                let at = usize::from(name == "typing.cast");
                args.get(at, "").cloned().unwrap_or(Value::None)
            }
            "sys.exit" | "os._exit" | "builtins.exit" | "builtins.quit" | "os.abort" => {
                st.dead = true;
                Value::None
            }
            "flask_restful.reqparse.RequestParser"
            | "flask_restx.reqparse.RequestParser"
            | "reqparse.RequestParser" => {
                let declared = self.alloc(st, Obj::Dict(Dict::default()));
                self.foreign_instance("reqparse.RequestParser", [("arguments", declared)], st)
            }
            "flask.request.get_json" | "flask.request.get_data" => {
                let method = name.trim_start_matches("flask.request.");
                return self.source_method("flask.request", &Value::None, method, args, st);
            }
            "webargs.flaskparser.parser.parse" => {
                let payload = self.parsed_arguments(place);
                let schema = args.get(0, "argmap").cloned().unwrap_or(Value::None);
                let loaded = self.loaded_by(&schema, &payload, place, st, fr);
                loaded.unwrap_or(payload)
            }
            // Signed by the server: no client shapes the claims.
            "jwt.decode" | "jose.jwt.decode" | "flask_jwt_extended.decode_token"
                if args
                    .keyword("verify")
                    .is_none_or(|it| it.truth() != Some(false))
                    && args.keyword("options").is_none() =>
            {
                Value::object("claims", Self::call_key(name, args), Vec::new())
            }
            _ if name.starts_with("werkzeug.exceptions.") => {
                // A ready-made answer is sent as it is.
                if let Some(response) = args.keyword("response").cloned() {
                    let confidence = crate::finding::Confidence::High;
                    self.respond(&response, place, confidence, st, fr.function);
                }
                return None;
            }
            "urllib.parse.urlparse" | "urllib.parse.urlsplit" | "urlparse.urlparse" => {
                let url = args.get(0, "url").cloned().unwrap_or(Value::None);
                let parsed = self.unknown_call(None, "urlparse", args, st);
                self.tests.insert(parsed.key(), Test::Url(url));
                Value::object("urllib.parse.result", parsed.key(), parsed.pieces())
            }
            "urllib.parse.urljoin" => {
                let joined = self.unknown_call(None, "urljoin", args, st);
                let url = args.get(1, "url").map(Value::key);
                self.origins.insert(joined.key(), url.into_iter().collect());
                joined
            }
            "uuid.UUID"
            | "datetime.date.fromisoformat"
            | "datetime.datetime.strptime"
            | "time.strptime" => {
                // They raise on anything else.
                let facts = facts_of_parser(name, args);
                let first = args.get(0, "hex").cloned().unwrap_or(Value::None);
                let learned = self.says(&first, facts);
                st.learn_all(&learned);
                return None;
            }
            _ => return None,
        })
    }

    fn foreign_instance<const N: usize>(
        &mut self,
        class: &str,
        fields: [(&str, Value<'a>); N],
        st: &mut State<'a>,
    ) -> Value<'a> {
        let fields: BTreeMap<Rc<str>, Value<'a>> = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect();
        let instance = Instance {
            class: Value::ext(class),
            fields,
        };
        self.alloc(st, Obj::Instance(instance))
    }

    /// An asked-for truth of which nothing is known.
    pub fn some_truth(&self, place: Place) -> Value<'a> {
        predicate(place, Vec::new(), Vec::new())
    }
}

/// What a lookup gives when nothing is found. `session.get(Model, key)` has no such thing.
pub(super) fn fallback<'a>(args: &Args<'a>) -> Option<Value<'a>> {
    let is_key = !matches!(args.get(0, "key"), Some(Value::Ref(_) | Value::Ext(_)));
    args.get(1, "default").filter(|_| is_key).cloned()
}

/// What holds of a text that one of these functions has read.
fn facts_of_parser(name: &str, args: &Args<'_>) -> Facts {
    match name {
        // Braces around it are allowed.
        "uuid.UUID" => Facts::HARMLESS.without(Facts::NO_BRACE),
        "datetime.date.fromisoformat" => Facts::HARMLESS,
        _ => {
            let format = args.get(1, "format").and_then(Value::constant_str);
            let Some(format) = format else {
                return Facts::NONE;
            };
            // Directives stand for digits and letters.
            pattern::facts_of_text(&format.replace('%', ""))
        }
    }
}

pub(super) fn template<'a>(escapes: bool, place: Place) -> Value<'a> {
    let kind = if escapes {
        "jinja2.Template:escaped"
    } else {
        "jinja2.Template:raw"
    };
    Value::object(kind, place.key(), Vec::new())
}

/// Calls whose result no argument shapes.
fn is_clean(name: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "logging.",
        "hashlib.",
        "hmac.",
        "secrets.",
        "random.",
        "uuid.",
        "time.",
        "datetime.",
        "math.",
        "decimal.",
        "requests.",
        "httpx.",
        "threading.",
        "sqlite3.",
        "psycopg2.",
        "sqlalchemy.",
        "flask_sqlalchemy.",
        "redis.",
        "pymongo.",
        "ipaddress.",
        "bcrypt.",
        "werkzeug.security.",
        "tempfile.",
        "shutil.disk",
        "os.environ",
        "os.getenv",
        "os.getcwd",
        "flask.current_app",
        "flask.url_for",
        "flask.get_flashed",
        "mimetypes.",
        "dateutil.",
        "flask_login.",
        "itsdangerous.",
        "struct.",
        "statistics.",
        "multiprocessing.",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
