//! What a view sends back: is it HTML, and what stands in it where.

use std::rc::Rc;

use super::call::Args;
use super::classes::is_class;
use super::codec::as_markup;
use super::external::template;
use super::facts::Facts;
use super::heap::{Instance, Obj, State};
use super::interp::{Frame, Interp};
use super::output::{HtmlContext, Sink};
use super::value::{ObjId, Part, Piece, Place, Str, Value, hash, mix};
use crate::finding::Confidence;

/// Whether a library's function is, by its name, one that renders a template file.
fn renders_a_file(dotted: &str) -> bool {
    let function = dotted.rsplit('.').next().unwrap_or(dotted);
    function.starts_with("render_") && function.ends_with("template")
}

/// The fields of a response that say its content type, the strongest first.
const CONTENT_TYPES: [&str; 3] = ["header content-type", "content_type", "mimetype"];

/// Whether a body is rendered as HTML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rendered {
    Yes,
    No,
    Unknown,
}

impl<'a> Interp<'a> {
    /// Functions of Flask, Jinja and MarkupSafe.
    pub fn flask_function(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let first = args.get(0, "").cloned();
        Some(match name {
            "flask.send_file" => {
                let path = args
                    .get(0, "path_or_file")
                    .or_else(|| args.keyword("filename_or_fp"))
                    .cloned();
                if let Some(path) = path {
                    let at = args.place_of(0, "path_or_file");
                    self.sink(Sink::SendFile, name, place, at, &path, st, fr);
                }
                Value::object("response", place.key(), Vec::new())
            }
            "flask.send_from_directory" => {
                if let Some(base) = args.get(0, "directory").cloned() {
                    let at = args.place_of(0, "directory");
                    self.sink(Sink::SendDirectoryBase, name, place, at, &base, st, fr);
                }
                if let Some(file) = args
                    .get(1, "path")
                    .or_else(|| args.keyword("filename"))
                    .cloned()
                {
                    let at = args.place_of(1, "path");
                    self.sink(Sink::SendDirectoryName, name, place, at, &file, st, fr);
                }
                Value::object("response", place.key(), Vec::new())
            }
            "flask.render_template" | "flask.stream_template" => {
                self.template_name(name, args, st, fr);
                self.template_variables(name, false, args, st, fr);
                Value::object("html", place.key(), Vec::new())
            }
            "flask.render_template_string" | "flask.stream_template_string" => {
                self.template_source(name, args, st, fr);
                self.template_variables(name, true, args, st, fr);
                Value::object("html", place.key(), Vec::new())
            }
            // flask_themes2.render_theme_template, flask_mako.render_template and their like render
            // a file's template, as Flask's own does.
            other if renders_a_file(other) => {
                self.template_variables(name, false, args, st, fr);
                Value::object("html", place.key(), Vec::new())
            }
            "jinja2.Template" | "flask.Template" => {
                self.template_source(name, args, st, fr);
                let escapes = args
                    .keyword("autoescape")
                    .is_some_and(|on| on.truth() != Some(false));
                template(escapes, place)
            }
            "jinja2.Environment"
            | "jinja2.Environment.overlay"
            | "jinja2.sandbox.SandboxedEnvironment"
            | "jinja2.sandbox.ImmutableSandboxedEnvironment" => {
                let mut fields = std::collections::BTreeMap::new();
                if name.contains("Sandboxed") {
                    fields.insert(Rc::from("sandbox"), Value::Bool(true));
                }
                if let Some(autoescape) = args.keyword("autoescape") {
                    fields.insert(Rc::from("autoescape"), autoescape.clone());
                }
                let class = Value::ext("jinja2.Environment");
                self.alloc(st, Obj::Instance(Instance { class, fields }))
            }
            "flask.current_app.jinja_env.from_string" | "flask.Flask.jinja_env.from_string" => {
                self.template_source("jinja2.Environment.from_string", args, st, fr);
                template(true, place)
            }
            "flask.current_app.jinja_env.get_template" | "flask.Flask.jinja_env.get_template" => {
                self.template_name("jinja2.Environment.get_template", args, st, fr);
                template(true, place)
            }
            // A macro that Python calls escapes what its template escapes.
            macros if macros.starts_with("jinja2.Template:escaped.module.") => {
                Value::object("html", place.key(), Vec::new())
            }
            "markupsafe.Markup" => {
                let text = first.unwrap_or_else(|| Value::text(""));
                self.sink(
                    Sink::Markup,
                    name,
                    place,
                    args.place_of(0, "object"),
                    &text,
                    st,
                    fr,
                );
                as_markup(&st.pin(&text))
            }
            "flask.Response" => self.new_response(args, st),
            "flask.make_response" => self.make_response(args, st),
            "flask.jsonify" | "flask.redirect" => {
                Value::object("response", place.key(), Vec::new())
            }
            "flask.abort" => {
                if let Some(response @ Value::Ref(_)) = &first {
                    self.respond(response, place, Confidence::High, st, fr.function);
                }
                if let Some(error) = self.aborted(args, st) {
                    self.note_raised(&error, place, st);
                }
                fr.raises.push(st.clone());
                st.dead = true;
                Value::None
            }
            "flask.after_this_request" => Value::None,
            _ => return None,
        })
    }

    /// The answer of a view, as `after_request` gets it.
    pub fn some_answer(&mut self, st: &mut State<'a>) -> Value<'a> {
        let fields = CONTENT_TYPES.map(|field| (Rc::from(field), Value::text("text/html")));
        let class = Value::ext("flask.Response");
        let fields = fields.into_iter().collect();
        self.alloc(st, Obj::Instance(Instance { class, fields }))
    }

    /// Whether that answer has, on every way, got a content type in which no script runs.
    pub fn is_plain_answer(&self, answer: &Value<'a>, st: &State<'a>) -> bool {
        answer.alternatives().iter().all(|one| {
            let Value::Ref(id) = one else { return false };
            let held = st.get(*id);
            let Some(Obj::Instance(instance)) = held.as_deref() else {
                return false;
            };
            let mut types = CONTENT_TYPES
                .iter()
                .filter_map(|it| instance.fields.get(*it));
            is_class(instance, "flask.Response")
                && types.any(|value| rendered_as(value) == Rendered::No)
        })
    }

    fn new_response(&mut self, args: &Args<'a>, st: &mut State<'a>) -> Value<'a> {
        let mut fields = std::collections::BTreeMap::new();
        let body = args
            .get(0, "response")
            .cloned()
            .unwrap_or_else(|| Value::text(""));
        fields.insert(Rc::from("body"), body);
        let content_type = args
            .keyword("content_type")
            .or_else(|| args.keyword("mimetype"));
        if let Some(value) = content_type
            .or_else(|| args.pos.get(4))
            .or_else(|| args.pos.get(3))
        {
            fields.insert(Rc::from("mimetype"), value.clone());
        }
        let class = Value::ext("flask.Response");
        let response = self.alloc(st, Obj::Instance(Instance { class, fields }));
        if let Some(headers) = args.get(2, "headers").cloned() {
            self.set_headers(&response, &headers, st);
        }
        if let Value::Ref(id) = response {
            self.response_places
                .insert(id, (args.place, args.place_of(0, "response")));
        }
        response
    }

    fn make_response(&mut self, args: &Args<'a>, st: &mut State<'a>) -> Value<'a> {
        let first = args.get(0, "").cloned();
        if args.pos.len() == 1 {
            match &first {
                Some(Value::Ref(id)) => match st.get(*id).as_deref() {
                    Some(Obj::Instance(_)) => return Value::Ref(*id),
                    // A dict or list is sent as JSON.
                    _ => return Value::object("response", args.place.key(), Vec::new()),
                },
                Some(Value::Any(any)) if any.kind.as_deref() == Some("response") => {
                    return Value::Any(Rc::clone(any));
                }
                Some(Value::Tuple(items)) => {
                    let mut inner = args.clone();
                    inner.pos = items.to_vec();
                    return self.make_response(&inner, st);
                }
                _ => {}
            }
        }
        let mut plain = args.clone();
        plain.pos.truncate(1);
        plain.named.clear();
        let response = self.new_response(&plain, st);
        for headers in args.pos.iter().skip(1) {
            if matches!(headers, Value::Ref(_)) {
                self.set_headers(&response, headers, st);
            }
        }
        response
    }

    pub fn set_headers(&mut self, response: &Value<'a>, headers: &Value<'a>, st: &mut State<'a>) {
        for (name, value) in header_pairs(headers, st) {
            if let Some(name) = name.constant_str() {
                let field = format!("header {}", name.to_ascii_lowercase());
                self.set_attribute(response, &field, value, st);
            }
        }
    }

    pub fn response_method(
        &mut self,
        response: &Value<'a>,
        id: ObjId,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let place = args.place;
        match name {
            "set_data" => {
                let body = args.get(0, "value").cloned().unwrap_or(Value::None);
                self.set_attribute(response, "body", body, st);
                self.response_places
                    .insert(id, (place, args.place_of(0, "value")));
                Value::None
            }
            "get_data" => match st.get(id).as_deref() {
                Some(Obj::Instance(instance)) => {
                    instance.fields.get("body").cloned().unwrap_or(Value::None)
                }
                _ => Value::None,
            },
            "set_cookie" => {
                if let Some(value) = args.get(1, "value").cloned() {
                    let at = args.place_of(1, "value");
                    self.sink(
                        Sink::CookieValue,
                        "flask.Response.set_cookie",
                        place,
                        at,
                        &value,
                        st,
                        fr,
                    );
                }
                Value::None
            }
            _ => Value::unknown(mix(place.key(), hash(name))),
        }
    }

    /// A view has returned `value`.
    pub fn respond(
        &mut self,
        value: &Value<'a>,
        place: Place,
        confidence: Confidence,
        st: &State<'a>,
        function: Option<Place>,
    ) {
        for one in value.alternatives() {
            match one {
                Value::Tuple(items) => {
                    let headers = items
                        .iter()
                        .skip(1)
                        .find(|item| matches!(item, Value::Ref(_)));
                    let rendered = match headers {
                        Some(headers) => self.rendered_by(headers, st),
                        None => Rendered::Yes,
                    };
                    let Some(body) = items.first() else { continue };
                    let at = self.first_of_tuple(place);
                    for one in body.alternatives() {
                        if matches!(one, Value::Ref(_)) {
                            self.respond(one, place, confidence, st, function);
                        } else if !is_object(one) {
                            let places = (place, at);
                            self.html_response(one, places, rendered, confidence, st, function);
                        }
                    }
                }
                Value::Ref(id) => {
                    let held = st.get(*id);
                    let Some(Obj::Instance(instance)) = held.as_deref() else {
                        continue;
                    };
                    if !is_class(instance, "flask.Response") {
                        continue;
                    }
                    let rendered = rendered(instance);
                    let body = instance.fields.get("body").cloned().unwrap_or(Value::None);
                    let places = self
                        .response_places
                        .get(id)
                        .copied()
                        .unwrap_or((place, place));
                    self.html_response(&body, places, rendered, confidence, st, function);
                }
                one if is_object(one) => {
                    // An object, as a rule a dict or list, which is sent as JSON.
                }
                Value::Str(_) | Value::Any(_) => {
                    self.html_response(
                        one,
                        (place, place),
                        Rendered::Yes,
                        confidence,
                        st,
                        function,
                    );
                }
                _ => {}
            }
        }
    }

    fn html_response(
        &mut self,
        body: &Value<'a>,
        (call, argument): (Place, Place),
        rendered: Rendered,
        confidence: Confidence,
        st: &State<'a>,
        function: Option<Place>,
    ) {
        let confidence = match rendered {
            _ if self.answers.are_plain() => return,
            Rendered::No => return,
            Rendered::Yes => confidence,
            Rendered::Unknown => Confidence::Low,
        };
        let body = match body {
            Value::Ref(id) => match st.get(*id).as_deref() {
                Some(Obj::List(list)) => list.any().unwrap_or(Value::None),
                Some(Obj::Instance(_)) => Value::tainted(body.key(), self.deep_pieces(body, st)),
                _ => return,
            },
            other => other.clone(),
        };
        let is_html = body.kind().is_none_or(|kind| {
            !matches!(
                &**kind,
                "response" | "html" | "file" | "file.read" | "number"
            )
        });
        if is_html || body.is_tainted() {
            self.sink_with(
                Sink::HtmlResponse,
                "the response",
                call,
                argument,
                &body,
                confidence,
                st,
                function,
            );
        }
    }

    fn rendered_by(&self, headers: &Value<'a>, st: &State<'a>) -> Rendered {
        for (name, value) in &header_pairs(headers, st) {
            let name = name.constant_str().unwrap_or_default().to_ascii_lowercase();
            if name == "content-type" {
                return rendered_as(value);
            }
            if name == "content-disposition" && is_attachment(value) {
                return Rendered::No;
            }
        }
        Rendered::Yes
    }

    fn first_of_tuple(&self, place: Place) -> Place {
        let module = self.modules.get(place.module);
        match module.expression_at(place.span) {
            Some(ruff_python_ast::Expr::Tuple(tuple)) => {
                use ruff_text_size::Ranged as _;
                let first = tuple.elts.first().map(|first| first.range().into());
                Place {
                    span: first.unwrap_or(place.span),
                    ..place
                }
            }
            _ => place,
        }
    }
}

/// The headers that a dict or a list of pairs gives.
fn header_pairs<'a>(headers: &Value<'a>, st: &State<'a>) -> Vec<(Value<'a>, Value<'a>)> {
    let Value::Ref(id) = headers else {
        return Vec::new();
    };
    match st.get(*id).as_deref() {
        Some(Obj::Dict(dict)) => dict.entries.clone(),
        Some(Obj::List(list)) => {
            let pairs = list.items.iter().filter_map(|item| match item {
                Value::Tuple(pair) => match &**pair {
                    [name, value] => Some((name.clone(), value.clone())),
                    _ => None,
                },
                _ => None,
            });
            pairs.collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a value is, as far as is known, part of an object that foreign code has made.
fn is_object(value: &Value<'_>) -> bool {
    let Value::Any(any) = value else { return false };
    let mut pieces = any.pieces.iter();
    !any.pieces.is_empty() && pieces.all(|piece| piece.facts.contains(Facts::OF_OBJECT))
}

fn rendered(instance: &Instance<'_>) -> Rendered {
    if instance
        .fields
        .get("header content-disposition")
        .is_some_and(is_attachment)
    {
        return Rendered::No;
    }
    for field in CONTENT_TYPES {
        if let Some(value) = instance.fields.get(field) {
            return rendered_as(value);
        }
    }
    Rendered::Yes
}

/// Whether browsers run scripts in a body of this content type.
fn rendered_as(content_type: &Value<'_>) -> Rendered {
    let start = match content_type {
        Value::None => return Rendered::Yes,
        Value::Str(text) => match text.parts.first() {
            Some(Part::Lit(start)) => start.to_ascii_lowercase(),
            _ => return Rendered::Unknown,
        },
        Value::Union(values) => {
            let all: Vec<_> = values.iter().map(rendered_as).collect();
            if all.iter().all(|one| *one == Rendered::No) {
                return Rendered::No;
            }
            return if all.contains(&Rendered::Yes) {
                Rendered::Yes
            } else {
                Rendered::Unknown
            };
        }
        _ => return Rendered::Unknown,
    };
    let runs = [
        "html",
        "svg",
        "text/xml",
        "application/xml",
        "multipart/x-mixed",
    ];
    match runs.iter().any(|kind| start.contains(kind)) {
        true => Rendered::Yes,
        false => Rendered::No,
    }
}

fn is_attachment(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => {
            matches!(text.parts.first(), Some(Part::Lit(start)) if start.trim_start().to_ascii_lowercase().starts_with("attachment"))
        }
        _ => false,
    }
}

/// Every client piece of an HTML text, and where it stands.
pub(super) fn html_pieces<'a>(text: &Str<'a>) -> Vec<(Rc<Piece<'a>>, HtmlContext)> {
    let mut found = Vec::new();
    let mut scanner = Scanner::default();
    for part in &text.parts {
        match part {
            Part::Lit(literal) => scanner.feed(literal),
            Part::Sep => scanner.feed("/"),
            Part::Hole(_) => scanner.feed("x"),
            Part::Taint(piece) => {
                found.push((Rc::clone(piece), scanner.context()));
                scanner.feed("x");
            }
        }
    }
    found
}

const SCRIPT_SCHEME: &str = "javascript:";

/// Reads HTML far enough to know where it stands.
#[derive(Default)]
struct Scanner {
    state: Position,
    /// The name of the tag that is open, lower-case.
    tag: String,
    attribute: String,
    /// What the attribute's value begins with, lower-case.
    value: String,
    in_script: bool,
    tail: String,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Position {
    #[default]
    Text,
    TagName,
    InTag,
    BeforeValue,
    Value {
        quote: Option<char>,
        is_start: bool,
    },
}

impl Scanner {
    fn feed(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    fn step(&mut self, c: char) {
        self.state = match self.state {
            Position::Text if self.in_script => {
                self.tail.push(c.to_ascii_lowercase());
                if self.tail.ends_with("</script") {
                    self.in_script = false;
                    self.tag.clear();
                    Position::InTag
                } else {
                    Position::Text
                }
            }
            Position::Text if c == '<' => {
                self.tag.clear();
                Position::TagName
            }
            Position::Text => Position::Text,
            Position::TagName if c.is_ascii_alphanumeric() || matches!(c, '/' | '!' | '-') => {
                self.tag.push(c.to_ascii_lowercase());
                Position::TagName
            }
            Position::TagName if self.tag.is_empty() => Position::Text,
            Position::TagName | Position::InTag => self.in_tag(c),
            Position::BeforeValue => match c {
                '"' | '\'' => {
                    self.value.clear();
                    Position::Value {
                        quote: Some(c),
                        is_start: true,
                    }
                }
                '>' => self.close(),
                c if c.is_whitespace() => Position::BeforeValue,
                _ => Position::Value {
                    quote: None,
                    is_start: false,
                },
            },
            Position::Value { quote, .. } => match (quote, c) {
                (Some(quote), c) if c == quote => {
                    self.attribute.clear();
                    Position::InTag
                }
                (None, '>') => self.close(),
                (None, c) if c.is_whitespace() => {
                    self.attribute.clear();
                    Position::InTag
                }
                (quote, c) => {
                    if self.value.len() < SCRIPT_SCHEME.len() {
                        self.value.push(c.to_ascii_lowercase());
                    }
                    Position::Value {
                        quote,
                        is_start: false,
                    }
                }
            },
        };
    }

    fn in_tag(&mut self, c: char) -> Position {
        match c {
            '>' => self.close(),
            '=' => Position::BeforeValue,
            c if c.is_whitespace() => {
                self.attribute.clear();
                Position::InTag
            }
            c => {
                self.attribute.push(c.to_ascii_lowercase());
                Position::InTag
            }
        }
    }

    fn close(&mut self) -> Position {
        self.in_script = self.tag == "script";
        self.tail.clear();
        self.attribute.clear();
        Position::Text
    }

    fn context(&self) -> HtmlContext {
        let is_url = match self.attribute.as_str() {
            "href" | "xlink:href" => matches!(self.tag.as_str(), "a" | "area" | "base"),
            "src" => matches!(self.tag.as_str(), "iframe" | "frame" | "script" | "embed"),
            "action" | "formaction" => true,
            "data" => self.tag == "object",
            _ => false,
        };
        match self.state {
            Position::Text if self.in_script => HtmlContext::Script,
            Position::Text => HtmlContext::Text,
            Position::Value {
                quote: Some(_),
                is_start: true,
            } if is_url => HtmlContext::UrlAttribute,
            Position::Value { quote: Some(_), .. }
                if self.attribute.starts_with("on")
                    || is_url && self.value.starts_with(SCRIPT_SCHEME) =>
            {
                HtmlContext::Handler
            }
            Position::Value { quote: Some(_), .. } => HtmlContext::QuotedAttribute,
            Position::TagName
            | Position::InTag
            | Position::BeforeValue
            | Position::Value { .. } => HtmlContext::UnquotedAttribute,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn runs(check: &str, html: &str) -> bool {
        let source = format!(
            "from urllib.parse import urljoin, urlparse\nfrom flask import Flask, abort, request\nfrom markupsafe import escape\napp = Flask(__name__)\n\
             @app.get('/')\ndef view():\n    to = request.args['to']\n    {check}\n    return {html}\n"
        );
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let flows = analyse(&Modules::parse(&repo));
        let mut calls = flows.of_sink(|sink| *sink == Sink::HtmlResponse);
        calls.any(crate::model::flow::SinkCall::is_tainted)
    }

    #[test]
    fn an_escaped_link_needs_a_scheme_of_the_server() {
        let link = "f'<a href=\"{escape(to)}\">go</a>'";
        for check in [
            "",
            "if to.startswith('java'): abort(400)",
            "if not to.startswith('data:'): abort(400)",
        ] {
            assert!(runs(check, link), "{check}");
        }
        for check in [
            "if not to.startswith('/'): abort(400)",
            "if not to.startswith(('http://', 'https://')): abort(400)",
            "if not to.isalnum(): abort(400)",
            "if urlparse(to).scheme not in ('http', 'https'): abort(400)",
            "if urlparse(urljoin(request.host_url, to)).scheme != 'https': abort(400)",
        ] {
            assert!(!runs(check, link), "{check}");
        }
        assert!(!runs("", "f'<a href=\"/go?to={escape(to)}\">go</a>'"));
        assert!(!runs("", "f'<img src=\"{escape(to)}\">'"));
    }

    #[test]
    fn code_in_an_attribute_is_not_made_safe_by_escaping() {
        for html in [
            "f'<a href=\"javascript:go(1, {escape(to)})\">go</a>'",
            "f'<p onclick=\"go(\\'{escape(to)}\\')\">go</p>'",
        ] {
            assert!(runs("", html), "{html}");
            assert!(!runs("if not to.isalnum(): abort(400)", html), "{html}");
        }
        let json = "f'<p onclick=\"go({escape(json.dumps(to))})\">go</p>'";
        assert!(!runs("import json", json));
        assert!(!runs("", "f'<p title=\"{escape(to)}\">go</p>'"));
    }
}
