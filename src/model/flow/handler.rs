//! What the framework calls, and with what of a client's.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::call::Args;
use super::errors::Catches;
use super::facts::Facts;
use super::heap::State;
use super::interp::{Frame, Interp};
use super::value::{Code, Func, Key, ObjId, Piece, Place, Value, hash, mix};

/// What the framework calls with client values.
#[derive(Clone)]
pub(super) struct Handler<'a> {
    /// What is called, decorators in between included.
    pub callee: Value<'a>,
    /// The handler as written.
    pub raw: Rc<Func<'a>>,
    pub kind: Kind,
    /// The URL rules; of what templates call, its name there.
    pub rules: Vec<String>,
    /// The world in which a nested handler was defined.
    pub state: Option<State<'a>>,
    /// The class of a method that is a handler.
    pub class: Option<ObjId>,
    /// The application or blueprint that it is registered with; zero where that is not known.
    pub owner: Key,
    /// Runs around every view: what it leaves in `flask.g` they find there, what it makes of an
    /// answer holds for theirs.
    pub is_before: bool,
    /// What an error handler answers.
    pub catches: Option<Catches<'a>>,
    /// A hook that counts for its own blueprint only.
    pub is_local: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    View,
    /// Flask-RESTful: what it returns is sent as JSON.
    Json,
    /// `before_request`, error handlers: they may answer, their parameters are the server's.
    Hook,
    /// Websocket events: every parameter comes from the client.
    Event,
    /// What it returns, every template sees.
    Context,
    /// `after_request`: may change every answer of an application, or of a blueprint.
    After {
        is_of_app: bool,
    },
    /// Reads the request, answers nothing by itself.
    Helper,
    /// Defines and registers handlers.
    Registrar,
    /// A filter, or another function, that templates call.
    Template {
        is_filter: bool,
    },
}

impl<'a> Handler<'a> {
    /// A function that templates call by `name`.
    pub fn of_templates(name: &str, is_filter: bool, func: &Rc<Func<'a>>, st: &State<'a>) -> Self {
        Self {
            callee: Value::Func(Rc::clone(func)),
            raw: Rc::clone(func),
            kind: Kind::Template { is_filter },
            rules: vec![name.to_owned()],
            state: Some(st.clone()),
            class: None,
            owner: 0,
            is_before: false,
            catches: None,
            is_local: false,
        }
    }
}

impl<'a> Interp<'a> {
    /// What the schema of a decorator that parses arguments gives for them.
    fn parsed_by_schema(
        &mut self,
        call: &'a ExprCall,
        payload: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let scope = self.module_scope(place.module);
        let mut fr = Frame::new(place.module, scope, "");
        let schema = self.eval(call.arguments.args.first()?, st, &mut fr);
        self.loaded_by(&schema, payload, place, st, &mut fr)
    }

    pub fn handler_arguments(
        &mut self,
        handler: &Handler<'a>,
        place: Place,
        st: &mut State<'a>,
    ) -> Args<'a> {
        let mut args = Args::none(place);
        let Code::Def(def) = handler.raw.code else {
            self.lambda_arguments(handler, place, &mut args);
            return args;
        };
        let parameters: Vec<&str> = def
            .parameters
            .iter_non_variadic_params()
            .map(|parameter| parameter.parameter.name.as_str())
            .collect();
        let skip = usize::from(handler.class.is_some() && !is_static(&handler.raw));
        if let (Kind::Hook, true, [_, values]) = (handler.kind, handler.is_before, &*parameters) {
            // `url_value_preprocessor`: the endpoint and the URL's parameters.
            let piece = self.parameter(def, values, place, "the URL parameters");
            let values = Value::object("flask.request.view_args", piece.id, vec![Rc::new(piece)]);
            args.pos = vec![Value::unknown(place.key()), values];
        }
        if matches!(
            handler.kind,
            Kind::Helper | Kind::Registrar | Kind::Hook | Kind::Context | Kind::After { .. }
        ) {
            return args;
        }
        if let (Kind::Template { is_filter }, [name]) = (handler.kind, &*handler.rules) {
            self.given_by_templates((name, is_filter), def, place, &mut args);
            return args;
        }
        if handler.kind == Kind::Event {
            for name in parameters.into_iter().skip(skip) {
                let piece = self.parameter(def, name, place, "the event's data");
                args.named.push((name.into(), Value::piece(piece)));
            }
            return args;
        }
        let parsed = parsed_by(def);
        let count = parsers_of(def);
        for (index, name) in parameters.into_iter().enumerate().skip(skip) {
            let own = handler.rules.iter();
            let mut converters: Vec<_> = own.filter_map(|rule| converter(rule, name)).collect();
            if converters.is_empty() && !handler.rules.is_empty() {
                converters.extend(self.reach.prefix_converters(name));
            }
            let text = format!("the URL parameter `{name}`");
            let mut piece = self.parameter(def, name, place, &text);
            if converters.is_empty() {
                let is_open = handler.rules.is_empty();
                let default = def
                    .parameters
                    .iter_non_variadic_params()
                    .nth(index)
                    .and_then(|p| p.default());
                match parsed {
                    // What is parsed comes first, and the URL's parameters behind it.
                    Some(Parsed::Whole(_))
                        if is_open && index >= skip + count && default.is_some() => {}
                    Some(Parsed::Whole(_)) if is_open && index >= skip + count => {
                        piece.facts = Facts::URL_SEGMENT;
                        args.named.push((name.into(), Value::piece(piece)));
                    }
                    Some(Parsed::Whole(call)) => {
                        let value =
                            Value::object("parsed arguments", piece.id, vec![Rc::new(piece)]);
                        let loaded = self.parsed_by_schema(call, &value, place, st);
                        args.named.push((name.into(), loaded.unwrap_or(value)));
                    }
                    Some(Parsed::Each(call)) => {
                        let value =
                            Value::object("parsed arguments", piece.id, vec![Rc::new(piece)]);
                        let key = Value::text(name);
                        let mut fr = Frame::new(place.module, 0, "");
                        let loaded = self.parsed_by_schema(call, &value, place, st);
                        let parsed = loaded.unwrap_or(value);
                        let value = self.subscript(&parsed, &key, place, st, &mut fr);
                        args.named.push((name.into(), value));
                    }
                    None if is_open && default.is_none() => {
                        piece.facts = Facts::URL_SEGMENT;
                        args.named.push((name.into(), Value::piece(piece)));
                    }
                    None => {}
                }
                continue;
            }
            limit_by_converters(&mut piece, &converters, place);
            let is_one = converters.iter().all(|one| *one == converters[0]);
            let of_rule = (converters[0], &*handler.rules, name);
            let own = match is_one {
                true => self.converted(&piece, of_rule, place, st),
                false => None,
            };
            args.named
                .push((name.into(), own.unwrap_or_else(|| Value::piece(piece))));
        }
        // A wrapper may take what the handler itself names only in `**kwargs`.
        for rule in &handler.rules {
            for (converter, name) in rule_parameters(rule) {
                if args.keyword(name).is_none() && def.parameters.kwarg.is_some() {
                    let mut piece =
                        self.parameter(def, name, place, &format!("the URL parameter `{name}`"));
                    limit_by_converters(&mut piece, &[converter], place);
                    args.named.push((name.into(), Value::piece(piece)));
                }
            }
        }
        args
    }

    /// The URL parameters of a view that is a `lambda`.
    fn lambda_arguments(&self, handler: &Handler<'a>, place: Place, args: &mut Args<'a>) {
        for (converter, name) in handler.rules.iter().flat_map(|rule| rule_parameters(rule)) {
            let text = format!("the URL parameter `{name}`");
            let mut piece = self.source(place, mix(place.key(), hash(name)), &text);
            limit_by_converters(&mut piece, &[converter], place);
            args.named.push((name.into(), Value::piece(piece)));
        }
    }

    fn parameter(
        &self,
        def: &'a StmtFunctionDef,
        name: &str,
        place: Place,
        text: &str,
    ) -> super::value::Piece<'a> {
        let parameter = def
            .parameters
            .iter_non_variadic_params()
            .find(|parameter| parameter.parameter.name.as_str() == name);
        let at = Place {
            module: place.module,
            span: parameter.map_or(place.span, |parameter| parameter.parameter.range().into()),
        };
        self.source(at, mix(at.key(), hash(name)), text)
    }
}

pub(super) fn is_static(func: &Func<'_>) -> bool {
    let Code::Def(def) = func.code else {
        return true;
    };
    def.decorator_list.iter().any(|decorator| {
        matches!(&decorator.expression, Expr::Name(name) if name.id.as_str() == "staticmethod")
    })
}

/// What URL converters leave of a parameter.
fn limit_by_converters(piece: &mut Piece<'_>, converters: &[&str], place: Place) {
    let all_are = |names: &[&str]| converters.iter().all(|converter| names.contains(converter));
    if all_are(&["int", "float", "uuid", "any"]) {
        piece.facts = Facts::NUMERIC | Facts::HARMLESS;
        let how = format!("limited by the URL converter `{}`", converters[0]);
        piece.by = Some((place, how.into()));
    } else if all_are(&["", "string", "default"]) {
        piece.facts = Facts::URL_SEGMENT;
    }
}

/// `(converter, name)` of every parameter of a URL rule.
pub(super) fn rule_parameters(rule: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = rule;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>') else {
            break;
        };
        let inner = &rest[start + 1..start + end];
        rest = &rest[start + end + 1..];
        found.push(match inner.rsplit_once(':') {
            Some((converter, name)) => (converter.split('(').next().unwrap_or(converter), name),
            None => ("", inner),
        });
    }
    found
}

fn converter<'r>(rule: &'r str, name: &str) -> Option<&'r str> {
    let mut parameters = rule_parameters(rule).into_iter();
    parameters
        .find(|(_, known)| *known == name)
        .map(|(converter, _)| converter)
}

/// How a decorator of webargs, flask-smorest or RESTX hands parsed arguments over.
#[derive(Clone, Copy)]
enum Parsed<'a> {
    Whole(&'a ExprCall),
    Each(&'a ExprCall),
}

fn parsed_by(def: &StmtFunctionDef) -> Option<Parsed<'_>> {
    all_parsed_by(def).next()
}

/// How many decorators hand over something parsed.
fn parsers_of(def: &StmtFunctionDef) -> usize {
    all_parsed_by(def).count()
}

fn all_parsed_by(def: &StmtFunctionDef) -> impl Iterator<Item = Parsed<'_>> {
    def.decorator_list.iter().filter_map(|decorator| {
        let Expr::Call(call) = &decorator.expression else {
            return None;
        };
        let name = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return None,
        };
        match name {
            "use_args" | "arguments" | "input" => Some(Parsed::Whole(call)),
            "use_kwargs" => Some(Parsed::Each(call)),
            _ => None,
        }
    })
}
