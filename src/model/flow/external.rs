//! Calls of what lies outside the repository.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::call::Args;
use super::classes::is_class;
use super::expr::predicate;
use super::facts::Facts;
use super::guard::Test;
use super::heap::{Dict, Instance, Obj, State};
use super::interp::{Frame, Interp};
use super::output::{FileOperation, Sink};
use super::pattern;
use super::value::{Place, Str, StrKind, Value, hash, mix, union};

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
fn looks_up(name: &str) -> bool {
    let starts = ["get_by", "find_", "find_by", "query_", "fetch_", "select_"];
    starts.iter().any(|start| name.starts_with(start))
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

    fn external(
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

    /// A method of anything that is not an instance of the repository.
    pub fn call_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        if let Value::Union(values) = receiver {
            let mut results = Vec::new();
            for one in values.iter().filter(|one| !matches!(one, Value::None)) {
                let value = match self.attribute(one, name, args.place, st, fr) {
                    Value::Method(method) => {
                        self.call_method(&method.0, &method.1, args.clone(), st, fr)
                    }
                    other => self.apply(&other, args.clone(), st, fr),
                };
                results.push(value);
            }
            return union(results);
        }
        if let Some(value) = self.known_method(receiver, name, &args, st, fr) {
            return value;
        }
        if receiver.is_tainted() || !looks_up(name) {
            // What is kept under a key is not the key.
            let is_lookup = matches!(
                name,
                "get" | "pop" | "getlist" | "get_all" | "index" | "hget"
            );
            if is_lookup && !receiver.is_tainted() {
                let default = fallback(&args).into_iter();
                let key = mix(receiver.key(), Self::call_key(name, &args));
                return union(default.chain([Value::unknown(key)]));
            }
            let result = self.unknown_call(Some(receiver), name, &args, st);
            return match (receiver.kind(), &result) {
                (Some(kind), Value::Any(any)) => {
                    Value::object(format!("{kind}.{name}()"), any.key, any.pieces.clone())
                }
                _ => result,
            };
        }
        Value::unknown(mix(receiver.key(), Self::call_key(name, &args)))
    }

    fn known_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        if matches!(
            name,
            "add_url_rule"
                | "add_resource"
                | "register_error_handler"
                | "before_request"
                | "before_app_request"
                | "after_request"
                | "after_app_request"
                | "context_processor"
                | "app_context_processor"
        ) {
            self.registered(receiver, name, args, st);
            return Some(Value::None);
        }
        if self.registers_for_templates(receiver, name, args, st) {
            return Some(Value::None);
        }
        if name == "send_static_file" {
            return Some(Value::object("response", args.place.key(), Vec::new()));
        }
        if name == "register_blueprint"
            && let Some(blueprint) = args.get(0, "blueprint")
        {
            self.answers
                .note_registered(receiver.key(), blueprint.key());
        }
        if let Value::Method(inner) = receiver {
            return match (&*inner.1, name) {
                ("headers", "update" | "extend") => {
                    for headers in &args.pos {
                        self.set_headers(&inner.0, headers, st);
                    }
                    for (name, value) in &args.named {
                        let name = Value::text(name.replace('_', "-"));
                        self.set_item(receiver, &name, value.clone(), st);
                    }
                    Some(Value::None)
                }
                ("headers", "set" | "add" | "setdefault" | "__setitem__") => {
                    let key = args.get(0, "").cloned()?;
                    let value = args.get(1, "").cloned()?;
                    self.set_item(receiver, &key, value, st);
                    Some(Value::None)
                }
                _ => None,
            };
        }
        match receiver {
            Value::Ref(id) => {
                if let Some(value) = self.set_method(receiver, name, args, st) {
                    return Some(value);
                }
                if let Some(value) = self.list_method(*id, name, args, st) {
                    return Some(value);
                }
                if let Some(value) = self.dict_method(*id, name, args, st) {
                    return Some(value);
                }
                if let Some(value) = self.held_method(receiver, name, args, st) {
                    return Some(value);
                }
                if let Some(value) = self.config_method(*id, name, args, st, fr) {
                    return Some(value);
                }
                if let Some(value) = self.fields_method(*id, name, args, st, fr) {
                    return Some(value);
                }
                if super::schema::is_validator(name)
                    && let Some(value) = self.validated(*id, args, st, fr)
                {
                    return Some(value);
                }
                if name == "as_view" {
                    return Some(Value::Method(Rc::new((receiver.clone(), "view".into()))));
                }
                return self.instance_method(receiver, *id, name, args, st, fr);
            }
            Value::Str(text) if text.kind == StrKind::Path => {
                if let Some(value) = self.path_method(receiver, name, args, st, fr) {
                    return Some(value);
                }
                return self.path_sink(receiver, name, args, st, fr);
            }
            Value::Str(_) => return self.text_method(receiver, name, args, st, fr),
            Value::Tuple(_) => return None,
            _ => {}
        }
        let kind = receiver.kind().cloned();
        if let Some(kind) = &kind {
            if let Some(value) = self.source_method(kind, receiver, name, args, st) {
                return Some(value);
            }
            if let Some(value) = self.kind_method(kind, receiver, name, args, st, fr) {
                return Some(value);
            }
            let full = self.dotted.member(kind, name);
            if let Some(value) = self.external(&full, args, st, fr) {
                return Some(value);
            }
        }
        self.sink_method(receiver, name, args, st, fr);
        if let Some(value) = self.named_method(receiver, name, args, st, fr) {
            return Some(value);
        }
        let is_text = kind.is_none() || receiver.is_tainted();
        match is_text {
            true => self.text_method(receiver, name, args, st, fr),
            false => None,
        }
    }

    /// Methods that say enough by their name, on a receiver that is not known.
    fn named_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        match name {
            "response_class" => self.flask_function("flask.Response", args, st, fr),
            "make_response" => self.flask_function("flask.make_response", args, st, fr),
            "items" if receiver.is_tainted() => {
                let item = self.any_item(receiver, args.place, st);
                Some(self.list_of(st, Value::Tuple([item.clone(), item].into())))
            }
            "keys" | "values" if receiver.is_tainted() => {
                let item = self.any_item(receiver, args.place, st);
                Some(self.list_of(st, item))
            }
            "get" if receiver.is_tainted() => {
                let key = args.get(0, "").cloned().unwrap_or(Value::None);
                let found = self.subscript(receiver, &key, args.place, st, fr);
                match args.get(1, "default") {
                    Some(default) if default.is_tainted() => Some(union([found, default.clone()])),
                    _ => Some(found),
                }
            }
            "hexdigest" | "digest" | "timestamp" | "total_seconds" => {
                Some(self.numeric(std::slice::from_ref(receiver), args.place))
            }
            _ => None,
        }
    }

    /// Methods of objects whose kind is known.
    fn kind_method(
        &mut self,
        kind: &str,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        match (kind, name) {
            ("werkzeug.FileStorage", "save") => {
                let value = args.get(0, "dst").cloned()?;
                if !super::path::is_upload(&value) {
                    let at = args.place_of(0, "dst");
                    self.sink(
                        Sink::UploadSave,
                        "werkzeug.FileStorage.save",
                        place,
                        at,
                        &value,
                        st,
                        fr,
                    );
                }
                Some(Value::None)
            }
            ("file" | "file.read", _) => Some(match name {
                "write" | "writelines" | "close" | "seek" => Value::None,
                "readlines" => {
                    let line = Value::unknown(mix(receiver.key(), hash("line")));
                    self.list_of(st, line)
                }
                _ => Value::object("file.read", mix(receiver.key(), place.key()), Vec::new()),
            }),
            ("tarfile.TarFile", "extractall" | "extract")
                if receiver.is_tainted()
                    && args.keyword("members").is_none()
                    && args.keyword("filter").is_none_or(trusts_members) =>
            {
                // The names of the members decide where they go. Zip archives are made harmless
                // by their own module.
                let at = args.receiver.unwrap_or(place);
                let sink = Sink::File(FileOperation::Archive);
                let full = format!("{kind}.{name}");
                self.sink(sink, &full, place, at, receiver, st, fr);
                Some(Value::None)
            }
            (
                "flask_restx.Namespace"
                | "flask_restx.Api"
                | "flask_restplus.Namespace"
                | "flask_restplus.Api",
                "parser",
            ) => self.external("flask_restx.reqparse.RequestParser", args, st, fr),
            // What an archive of the server holds is not what it is asked for.
            (
                "zipfile.ZipFile" | "tarfile.TarFile",
                "read" | "open" | "extractfile" | "getinfo",
            ) if !receiver.is_tainted() => Some(Value::object(
                "file",
                mix(receiver.key(), place.key()),
                Vec::new(),
            )),
            ("zipfile.ZipFile", "write") | ("tarfile.TarFile", "add") => {
                if let Some(value) = args.get(0, "filename").or(args.keyword("name")).cloned() {
                    let at = args.place_of(0, "filename");
                    let full = format!("{kind}.{name}");
                    let sink = Sink::File(FileOperation::Read);
                    self.sink(sink, &full, place, at, &value, st, fr);
                }
                Some(Value::None)
            }
            ("zipfile.ZipFile" | "tarfile.TarFile", "extractall" | "extract") => {
                let (index, parameter) = if name == "extract" {
                    (1, "path")
                } else {
                    (0, "path")
                };
                if let Some(value) = args.get(index, parameter).cloned() {
                    let at = args.place_of(index, parameter);
                    let full = format!("{kind}.{name}");
                    self.sink(
                        Sink::File(FileOperation::Archive),
                        &full,
                        place,
                        at,
                        &value,
                        st,
                        fr,
                    );
                }
                Some(Value::None)
            }
            ("flask.session" | "flask.g", "get" | "pop" | "setdefault") => {
                let key = args.get(0, "").cloned()?;
                let kept = self.kept_item(kind, &key, st);
                if name == "setdefault" && kept.is_none() {
                    let value = args.get(1, "").cloned().unwrap_or(Value::None);
                    self.keep(kind, &key.constant_str()?, value.clone(), st);
                    return Some(value);
                }
                Some(kept.unwrap_or_else(|| {
                    Value::object("flask.session[]", mix(hash(kind), key.key()), Vec::new())
                }))
            }
            ("jinja2.Template:raw", "render" | "generate" | "render_async" | "stream") => {
                let mut pieces = Vec::new();
                for value in args.all() {
                    for piece in self.deep_pieces(value, st) {
                        super::value::add_piece(&mut pieces, &piece);
                    }
                }
                Some(Value::tainted(mix(receiver.key(), place.key()), pieces))
            }
            ("jinja2.Template:escaped", "render" | "generate" | "render_async" | "stream") => {
                Some(Value::unknown(mix(receiver.key(), place.key())))
            }
            ("match", "group" | "groups" | "groupdict" | "__getitem__") => {
                let item = Value::tainted(mix(receiver.key(), hash("group")), receiver.pieces());
                let wanted = args.get(0, "").cloned();
                Some(match (name, wanted) {
                    ("group" | "__getitem__", Some(wanted)) => {
                        self.group_of_match(receiver, &wanted).unwrap_or(item)
                    }
                    ("group" | "__getitem__", None) => item,
                    ("groups", _) => match self.groups_of_match(receiver) {
                        Some(groups) => Value::Tuple(groups.into()),
                        None => self.list_of(st, item),
                    },
                    _ => self.list_of(st, item),
                })
            }
            ("flask_sock.ws" | "simple_websocket.Server", "receive") => Some(Value::piece(
                self.source(place, place.key(), self.source_text(place)),
            )),
            _ => None,
        }
    }

    fn instance_method(
        &mut self,
        receiver: &Value<'a>,
        id: super::value::ObjId,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let held = st.get(id)?;
        let Obj::Instance(instance) = &*held else {
            return None;
        };
        let place = args.place;
        if is_class(instance, "flask.Response") {
            return Some(self.response_method(receiver, id, name, args, st, fr));
        }
        if is_class(instance, "io.StringIO") {
            let buffer = instance
                .fields
                .get("buffer")
                .cloned()
                .unwrap_or(Value::None);
            return Some(match name {
                "write" => {
                    let added = args.get(0, "").cloned().unwrap_or(Value::None);
                    let both = self.concat(&buffer, &st.pin(&added), StrKind::Text);
                    self.set_attribute(receiver, "buffer", both, st);
                    Value::None
                }
                "getvalue" | "read" => buffer,
                _ => Value::None,
            });
        }
        if is_class(instance, "re.Pattern") {
            let pattern = instance
                .fields
                .get("pattern")
                .cloned()
                .unwrap_or(Value::None);
            let mut full = args.with_first(pattern);
            if let Some(flags) = instance.fields.get("flags") {
                full.named.push(("flags".into(), flags.clone()));
            }
            return self.regular_expression(name, &full, st);
        }
        if is_class(instance, "jinja2.Environment") {
            let escapes = instance
                .fields
                .get("autoescape")
                .is_some_and(|on| on.truth() != Some(false));
            return Some(match name {
                "from_string" => {
                    let full = match instance.fields.contains_key("sandbox") {
                        true => "jinja2.sandbox.SandboxedEnvironment.from_string",
                        false => "jinja2.Environment.from_string",
                    };
                    self.template_source(full, args, st, fr);
                    template(escapes, place)
                }
                "get_template" | "select_template" => {
                    self.template_name("jinja2.Environment.get_template", args, st, fr);
                    template(escapes, place)
                }
                _ => Value::unknown(mix(receiver.key(), place.key())),
            });
        }
        if is_class(instance, "reqparse.RequestParser") {
            let declared = instance.fields.get("arguments").cloned()?;
            return Some(match name {
                "add_argument" => {
                    let argument = args.get(0, "name").cloned().unwrap_or(Value::None);
                    let is_limited = args
                        .keyword("type")
                        .is_some_and(super::source::is_number_type)
                        || args.keyword("choices").is_some();
                    let identity = mix(argument.key(), hash("parsed"));
                    let mut piece = self.source(place, identity, self.source_text(place));
                    if is_limited {
                        piece.facts = Facts::HARMLESS | Facts::NUMERIC;
                        piece.by = Some((place, "limited by the parser".into()));
                    }
                    let dest = args.keyword("dest").cloned().unwrap_or(argument);
                    let is_file = args
                        .keyword("location")
                        .and_then(Value::constant_str)
                        .is_some_and(|location| location == "files");
                    let item = match is_file {
                        true => {
                            let id = piece.id;
                            Value::object("werkzeug.FileStorage", id, vec![Rc::new(piece)])
                        }
                        false => Value::piece(piece),
                    };
                    self.set_item(&declared, &dest, item, st);
                    receiver.clone()
                }
                "parse_args" => declared,
                "copy" => receiver.clone(),
                _ => Value::None,
            });
        }
        None
    }

    /// `re.fullmatch`, `re.sub`, `re.compile`, …
    fn regular_expression(
        &mut self,
        method: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let pattern = args.get(0, "pattern").cloned().unwrap_or(Value::None);
        let text = pattern.constant_str().unwrap_or_default();
        let flags = args
            .keyword("flags")
            .or_else(|| args.get(2, "").filter(|_| method != "sub"));
        let is_multiline = flags.is_some_and(|flags| match flags {
            Value::Ext(name) => name.ends_with(".M") || name.ends_with(".MULTILINE"),
            _ => true,
        });
        let is_multiline = is_multiline
            && !matches!(flags, Some(Value::Ext(name)) if name.ends_with("IGNORECASE") || name.ends_with(".I") || name.ends_with("ASCII"));
        match method {
            "compile" => {
                let mut fields = vec![("pattern", pattern)];
                if let Some(flags) = args.get(1, "flags") {
                    fields.push(("flags", flags.clone()));
                }
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.into(), value))
                    .collect();
                let instance = Instance {
                    class: Value::ext("re.Pattern"),
                    fields,
                };
                Some(self.alloc(st, Obj::Instance(instance)))
            }
            "match" | "fullmatch" | "search" => {
                let subject = args.get(1, "string").cloned().unwrap_or(Value::None);
                let facts = pattern::facts_of_match(&text, method, is_multiline);
                let inside = pattern::facts_of_match(&text, "fullmatch", is_multiline);
                let key = mix(mix(place.key(), subject.key()), hash(&text));
                let then = self.says(&subject, facts);
                let otherwise = match method {
                    "search" => self.says(&subject, pattern::facts_of_absence(&text)),
                    _ => Vec::new(),
                };
                self.tests.insert(key, Test::Truth { then, otherwise });
                if !pattern.is_tainted() && text.contains('(') {
                    self.patterns.insert(key, text.as_str().into());
                }
                let pieces = st.pin(&subject).pieces();
                let pieces = pieces.iter().map(|piece| {
                    let mut piece = piece.derive(hash("match"), super::text::SURVIVES_CUTTING);
                    piece.facts |= inside;
                    Rc::new(piece)
                });
                Some(Value::object("match", key, pieces.collect()))
            }
            "sub" | "subn" => {
                let replacement = args.get(1, "repl").cloned().unwrap_or(Value::None);
                let subject = args.get(2, "string").cloned().unwrap_or(Value::None);
                let known = replacement.constant_str();
                let facts = match &known {
                    Some(replacement) => pattern::facts_of_removal(&text, replacement),
                    None => Facts::NONE,
                };
                let keep = match known.as_deref() {
                    Some("" | "_" | "-" | " ") => {
                        super::text::SURVIVES_CASE.without(Facts::NO_DOTDOT)
                    }
                    // Markup that the server puts in is its own; an entity undone is the client's.
                    Some(_) if !text.contains('&') => Facts::NUMERIC.with(Facts::ESCAPED),
                    _ => Facts::NUMERIC,
                };
                let changed = self.each_piece(&st.pin(&subject), "re.sub", args, keep, facts);
                if !replacement.is_tainted() {
                    return Some(changed);
                }
                let mut pieces = changed.pieces();
                let put_in = super::expr::inserted(&replacement, args.place_of(1, "repl"));
                put_in
                    .pieces()
                    .iter()
                    .for_each(|piece| super::value::add_piece(&mut pieces, piece));
                Some(Value::tainted(mix(changed.key(), place.key()), pieces))
            }
            "findall" | "split" | "finditer" => {
                let subject = args.get(1, "string").cloned().unwrap_or(Value::None);
                let facts = match method {
                    "findall" => pattern::facts_of_match(&text, "fullmatch", is_multiline),
                    "split" => pattern::facts_of_removal(&text, ""),
                    _ => Facts::NONE,
                };
                let item = self.each_piece(
                    &st.pin(&subject),
                    method,
                    args,
                    super::text::SURVIVES_CUTTING,
                    facts,
                );
                let item = Value::tainted(item.key(), item.pieces());
                Some(self.list_of(st, item))
            }
            "escape" => Some(args.get(0, "pattern").cloned().unwrap_or(Value::None)),
            _ => None,
        }
    }

    /// One group of a match, by its name or number: what its own pattern lets through.
    fn group_of_match(&self, found: &Value<'a>, wanted: &Value<'a>) -> Option<Value<'a>> {
        let Value::Any(any) = found else { return None };
        let pattern = self.patterns.get(&any.key)?;
        let groups = pattern::groups(pattern);
        let index = match wanted {
            Value::Int(number) => usize::try_from(number.checked_sub(1)?).ok()?,
            name => {
                let name = name.constant_str()?;
                groups
                    .iter()
                    .position(|(known, _)| *known == Some(&*name))?
            }
        };
        let (_, inside) = groups.get(index)?;
        let facts = pattern::facts_of_match(inside, "fullmatch", false);
        let item = Value::tainted(mix(any.key, index as u64 + 1), any.pieces.clone());
        Some(item.map_pieces(&mut |piece| {
            let mut piece = piece.derive(index as u64 + 1, piece.facts);
            piece.facts |= facts;
            piece
        }))
    }

    fn groups_of_match(&self, found: &Value<'a>) -> Option<Vec<Value<'a>>> {
        let Value::Any(any) = found else { return None };
        let count = pattern::groups(self.patterns.get(&any.key)?).len();
        let numbers = (1..).take(count).map(Value::Int);
        numbers
            .map(|number| self.group_of_match(found, &number))
            .collect()
    }

    /// An asked-for truth of which nothing is known.
    pub fn some_truth(&self, place: Place) -> Value<'a> {
        predicate(place, Vec::new(), Vec::new())
    }
}

/// What a lookup gives when nothing is found. `session.get(Model, key)` has no such thing.
fn fallback<'a>(args: &Args<'a>) -> Option<Value<'a>> {
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

/// Whether a filter of `tarfile` lets every member go where it wants.
fn trusts_members(filter: &Value<'_>) -> bool {
    match filter {
        Value::Ext(name) => name.ends_with("fully_trusted_filter"),
        other => other.constant_str().as_deref() == Some("fully_trusted"),
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
