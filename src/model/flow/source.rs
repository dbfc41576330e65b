//! Where values of the client enter.

use std::rc::Rc;

use super::call::Args;
use super::facts::Facts;
use super::heap::State;
use super::interp::Interp;
use super::value::{Any, Key, Place, Value, hash, mix, union};

/// How an attribute of `flask.request` reads.
enum Attribute {
    /// A mapping of client values.
    Mapping,
    /// One client value.
    Value,
    /// What the server or the routing decides.
    Server,
}

fn attribute(name: &str) -> Attribute {
    match name {
        "args" | "form" | "values" | "json" | "files" | "headers" | "cookies" | "view_args"
        | "environ" => Attribute::Mapping,
        "data" | "path" | "full_path" | "url" | "base_url" | "query_string" | "referrer"
        | "user_agent" | "authorization" | "stream" | "input_stream" | "content_type"
        | "mimetype" | "raw_url" | "origin" | "access_route" | "get_json" | "get_data"
        | "accept_languages" => Attribute::Value,
        _ => Attribute::Server,
    }
}

/// Form fields whose data no client can shape.
const NUMERIC_FIELDS: &[&str] = &[
    "IntegerField",
    "FloatField",
    "DecimalField",
    "BooleanField",
    "DateField",
    "DateTimeField",
    "TimeField",
    "IntegerRangeField",
    "SelectField",
    "RadioField",
    "SubmitField",
    "QuerySelectField",
];

impl<'a> Interp<'a> {
    /// `request.args` and the like; `full` is the canonical dotted name.
    pub fn request_attribute(&self, full: &str, place: Place) -> Option<Value<'a>> {
        let name = full.strip_prefix("flask.request.")?;
        if name.contains('.') {
            return None;
        }
        match attribute(name) {
            Attribute::Mapping => {
                let piece = self.source(place, hash(full), self.source_text(place));
                Some(Value::object(full, piece.id, vec![Rc::new(piece)]))
            }
            Attribute::Value if matches!(name, "get_json" | "get_data") => None,
            Attribute::Value if name == "path" && self.has_constant_path => {
                // Another handler may see another path.
                self.sources_read.set(self.sources_read.get() + 1);
                Some(Value::unknown(hash(full)))
            }
            Attribute::Value => {
                let mut piece = self.source(place, hash(full), self.source_text(place));
                if matches!(name, "path" | "full_path" | "url" | "base_url") {
                    piece.facts = Facts::URL_PATH | Facts::LINK;
                }
                Some(Value::object(full, piece.id, vec![Rc::new(piece)]))
            }
            Attribute::Server => None,
        }
    }

    /// An attribute of something that carries client values.
    pub fn source_attribute(&self, any: &Any<'a>, name: &str, place: Place) -> Option<Value<'a>> {
        let kind = any.kind.as_deref()?;
        if kind == "werkzeug.FileStorage" {
            return match name {
                "filename" | "name" | "content_type" | "mimetype" => {
                    let identity = mix(any.key, hash(name));
                    let text = self.source_text(place);
                    Some(Value::piece(self.source(place, identity, text)))
                }
                "stream" | "file" => Some(Value::object(
                    format!("{kind}.{name}"),
                    mix(any.key, hash(name)),
                    any.pieces.clone(),
                )),
                "content_length" => Some(Value::object("number", any.key, Vec::new())),
                _ => None,
            };
        }
        if name == "data" && (kind.contains("wtforms") || kind.contains("flask_wtf")) {
            let field = kind.rsplit('.').next().unwrap_or(kind);
            let identity = mix(any.key, hash("data"));
            let mut piece = self.source(place, identity, self.source_text(place));
            if field.contains("FileField") {
                return Some(Value::object(
                    "werkzeug.FileStorage",
                    piece.id,
                    vec![Rc::new(piece)],
                ));
            }
            if NUMERIC_FIELDS.contains(&field) {
                piece.facts = Facts::NUMERIC | Facts::HARMLESS;
                piece.by = Some((place, "limited by its form field".into()));
            }
            return Some(Value::piece(piece));
        }
        if name == "payload" && kind.starts_with("flask_rest") {
            // Flask-RESTX: the body as JSON.
            let piece = self.source(place, hash("flask.request.json"), self.source_text(place));
            return Some(Value::object(
                "flask.request.json",
                piece.id,
                vec![Rc::new(piece)],
            ));
        }
        if kind == "parsed arguments" {
            return self.source_item(any, &Value::text(name), place);
        }
        None
    }

    /// `request.args["name"]` and the like.
    pub fn source_item(&self, any: &Any<'a>, key: &Value<'a>, place: Place) -> Option<Value<'a>> {
        let kind = any.kind.as_deref()?;
        let is_container = matches!(
            kind,
            "flask.request.args"
                | "flask.request.form"
                | "flask.request.values"
                | "flask.request.headers"
                | "flask.request.cookies"
                | "flask.request.view_args"
                | "flask.request.files"
                | "flask.request.environ"
                | "flask.request.json"
                | "parsed arguments"
        );
        if !is_container {
            return None;
        }
        let identity = mix(mix(hash(kind), key.key()), super::checked::ITEM);
        let piece = self.source(place, identity, self.source_text(place));
        Some(match kind {
            "flask.request.files" => {
                Value::object("werkzeug.FileStorage", piece.id, vec![Rc::new(piece)])
            }
            "flask.request.environ" => {
                let name = key.constant_str().unwrap_or_default();
                let from_client = name.starts_with("HTTP_")
                    || matches!(
                        name.as_str(),
                        "" | "QUERY_STRING"
                            | "PATH_INFO"
                            | "REQUEST_URI"
                            | "RAW_URI"
                            | "CONTENT_TYPE"
                            | "wsgi.input"
                    );
                match from_client {
                    true => Value::piece(piece),
                    false => Value::unknown(identity),
                }
            }
            _ => Value::piece(piece),
        })
    }

    /// A method of `request` or of one of its mappings.
    pub fn source_method(
        &mut self,
        kind: &str,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        if kind == "flask.request" {
            return match name {
                "get_json" | "get_data" => {
                    let container = match name {
                        "get_json" => "flask.request.json",
                        _ => "flask.request.data",
                    };
                    let piece = self.source(place, hash(container), self.source_text(place));
                    Some(Value::object(container, piece.id, vec![Rc::new(piece)]))
                }
                _ => None,
            };
        }
        let any = match receiver {
            Value::Any(any) => Rc::clone(any),
            _ => return None,
        };
        if kind == "werkzeug.FileStorage" || kind.starts_with("werkzeug.FileStorage.") {
            return match name {
                "read" | "readlines" | "readline" | "getvalue" => {
                    let identity = mix(any.key, hash("content"));
                    let text = self.source_text(place);
                    Some(Value::piece(self.source(place, identity, text)))
                }
                _ => None,
            };
        }
        let key = args.get(0, "key").cloned().unwrap_or(Value::None);
        let is_container = self.source_item(&any, &key, place).is_some();
        if !is_container {
            return None;
        }
        Some(match name {
            "get" | "pop" => {
                let all: Vec<_> = key
                    .alternatives()
                    .iter()
                    .filter_map(|key| self.source_item(&any, key, place))
                    .collect();
                let found = union(all);
                let to_number = args.get(2, "type").is_some_and(is_number_type);
                if to_number {
                    return Some(self.numeric(&[found], place));
                }
                match args.get(1, "default") {
                    Some(default) if default.is_tainted() => union([found, default.clone()]),
                    _ => found,
                }
            }
            "getlist" => {
                let found = self.source_item(&any, &key, place)?;
                let to_number = args.get(1, "type").is_some_and(is_number_type);
                let found = match to_number {
                    true => self.numeric(&[found], place),
                    false => found,
                };
                self.list_of(st, found)
            }
            "keys" => {
                let identity = mix(any.key, hash("keys"));
                let piece = self.source(place, identity, self.source_text(place));
                self.list_of(st, Value::piece(piece))
            }
            "values" | "listvalues" => {
                let item = self.source_item(&any, &Value::unknown(place.key()), place)?;
                self.list_of(st, item)
            }
            "items" | "lists" | "iterlists" => {
                let identity = mix(any.key, hash("keys"));
                let key = Value::piece(self.source(place, identity, self.source_text(place)));
                let item = self.source_item(&any, &Value::unknown(place.key()), place)?;
                let item = match name {
                    "items" => item,
                    _ => self.list_of(st, item),
                };
                self.list_of(st, Value::Tuple([key, item].into()))
            }
            "to_dict" | "copy" | "get_all" => receiver.clone(),
            "getint" => self.numeric(std::slice::from_ref(receiver), place),
            _ => return None,
        })
    }

    /// Everything that a parser of arguments gives.
    pub fn parsed_arguments(&self, place: Place) -> Value<'a> {
        let piece = self.source(place, place.key(), self.source_text(place));
        Value::object("parsed arguments", piece.id, vec![Rc::new(piece)])
    }
}

/// `int`, `float`, `bool` and other types that leave nothing to shape.
pub(super) fn is_number_type(value: &Value<'_>) -> bool {
    matches!(value, Value::Ext(name) if matches!(
        &**name,
        "builtins.int" | "builtins.float" | "builtins.bool" | "uuid.UUID" | "decimal.Decimal"
            | "flask_restful.inputs.boolean" | "flask_restx.inputs.boolean"
            | "flask_restful.inputs.positive" | "flask_restx.inputs.positive"
            | "flask_restful.inputs.natural" | "flask_restx.inputs.natural"
            | "flask_restful.inputs.date" | "flask_restx.inputs.date"
    ))
}

/// The key of a client value of this identity.
pub(super) fn source_id(identity: Key) -> Key {
    mix(0x0005_0c3e, identity)
}
