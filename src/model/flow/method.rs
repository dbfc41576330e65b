//! Methods of objects from outside the repository, by what is known of the receiver.

use std::rc::Rc;

use super::call::Args;
use super::classes::is_class;
use super::external::{fallback, looks_up, template};
use super::facts::Facts;
use super::heap::{Obj, State};
use super::interp::{Frame, Interp};
use super::output::{FileOperation, Sink};
use super::value::{StrKind, Value, hash, mix, union};

impl<'a> Interp<'a> {
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

    pub(super) fn known_method(
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
        if name == "update" {
            self.note_converters(receiver, args, st);
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
    pub(super) fn named_method(
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
    pub(super) fn kind_method(
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

    pub(super) fn instance_method(
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
}

/// Whether a filter of `tarfile` lets every member go where it wants.
fn trusts_members(filter: &Value<'_>) -> bool {
    match filter {
        Value::Ext(name) => name.ends_with("fully_trusted_filter"),
        other => other.constant_str().as_deref() == Some("fully_trusted"),
    }
}
