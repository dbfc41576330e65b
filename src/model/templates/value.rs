//! Which values can make up the text of an expression, and what happened to them.

use super::Template;
use crate::parse::jinja::{Argument, Expr, ExprKind, Operator};
use crate::text::{Location, Span};

/// One value that can become part of an expression's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub origin: Origin,
    /// Where it is marked as safe HTML on its way, so that it is not escaped.
    pub raw: Option<Location>,
    pub encoding: Encoding,
    /// A filter that Jinja does not have went over it: what is left of it is unknown.
    pub transformed: bool,
    /// The text can begin with it: decides over a link's scheme.
    pub at_start: bool,
    /// Its beginning was compared with what it may begin with.
    pub is_checked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the template's context, and the path below it: ("user", "user.name").
    Variable { name: String, path: String },
    /// A parameter of a macro of this template.
    Parameter {
        macro_name: String,
        name: String,
        path: String,
    },
    /// `request.args.q`: read in the template itself.
    Request(String),
}

impl Origin {
    /// As the template writes it, without calls.
    pub fn path(&self) -> &str {
        match self {
            Self::Variable { path, .. } | Self::Parameter { path, .. } | Self::Request(path) => {
                path
            }
        }
    }

    pub(super) fn below(&mut self, member: &str) {
        let path = match self {
            Self::Variable { path, .. } | Self::Parameter { path, .. } | Self::Request(path) => {
                path
            }
        };
        path.push('.');
        path.push_str(member);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    None,
    /// `|e`.
    Html,
    /// `|tojson`: markup in itself, so that nothing escapes its quotes.
    Json,
    /// `|tojson|forceescape`.
    EscapedJson,
}

/// What an expression is evaluated in.
pub(super) struct Scope<'a> {
    pub template: &'a Template,
    /// What the template binds itself, the newest last.
    pub locals: &'a [(String, Vec<Part>)],
    /// Names that are macros or modules of macros.
    pub is_macro: &'a dyn Fn(&Expr) -> bool,
}

/// Names whose values no client shapes, or that escape what they are given.
const HARMLESS_NAMES: &[&str] = &[
    "loop",
    "self",
    "super",
    "caller",
    "varargs",
    "kwargs",
    "config",
    "range",
    "url_for",
    "csrf_token",
    "csp_nonce",
    "lipsum",
    "cycler",
    "joiner",
    "namespace",
    "_",
    "gettext",
    "ngettext",
    "pgettext",
    "npgettext",
    "true",
    "false",
    "none",
    "now",
    "len",
    "get_locale",
];

/// Filters that give numbers, encoded text, or escape by themselves.
const HARMLESS_FILTERS: &[&str] = &[
    "abs",
    "count",
    "filesizeformat",
    "float",
    "int",
    "length",
    "round",
    "sum",
    "urlencode",
    "urlize",
    "wordcount",
    "xmlattr",
];

/// Filters that leave a client's text in its value.
const KEEPING_FILTERS: &[&str] = &[
    "attr",
    "batch",
    "capitalize",
    "center",
    "d",
    "default",
    "dictsort",
    "first",
    "format",
    "groupby",
    "indent",
    "items",
    "join",
    "last",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordwrap",
];

/// Whether Jinja has a filter of that name by itself.
pub(super) fn is_own_filter(name: &str) -> bool {
    matches!(name, "safe" | "e" | "escape" | "forceescape" | "tojson")
        || HARMLESS_FILTERS.contains(&name)
        || KEEPING_FILTERS.contains(&name)
}

/// Filters whose arguments can become part of the text.
const ADDING_FILTERS: &[&str] = &["d", "default", "format", "join", "replace"];

/// Methods of texts, lists and mappings that give a part of what they hold.
const KEEPING_METHODS: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "copy",
    "decode",
    "encode",
    "expandtabs",
    "format",
    "get",
    "get_json",
    "getlist",
    "items",
    "join",
    "keys",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "pop",
    "removeprefix",
    "removesuffix",
    "replace",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "strip",
    "swapcase",
    "title",
    "to_dict",
    "upper",
    "values",
    "zfill",
];

/// What of `request` a client shapes.
const REQUEST_MEMBERS: &[&str] = &[
    "args",
    "form",
    "values",
    "json",
    "get_json",
    "cookies",
    "headers",
    "data",
    "files",
    "url",
    "base_url",
    "full_path",
    "path",
    "query_string",
    "referrer",
    "user_agent",
    "view_args",
    "host",
    "host_url",
    "url_root",
];

impl Scope<'_> {
    pub fn parts(&self, expr: &Expr) -> Vec<Part> {
        match &expr.kind {
            ExprKind::Name(name) => self.name(name),
            ExprKind::Attribute { value, name } => self.member(value, name),
            ExprKind::Index { value, index } => match index.as_deref().map(|index| &index.kind) {
                Some(ExprKind::String(key) | ExprKind::Integer(key)) => self.member(value, key),
                _ => self.parts(value),
            },
            ExprKind::Call {
                function,
                arguments,
            } => self.call(function, arguments),
            ExprKind::Filter {
                value,
                name,
                filter,
                arguments,
            } => self.filter(value, name, *filter, arguments),
            ExprKind::List(items) => items.iter().flat_map(|item| self.parts(item)).collect(),
            ExprKind::Dict(items) => items
                .iter()
                .flat_map(|(_, item)| self.parts(item))
                .collect(),
            ExprKind::Binary {
                operator,
                left,
                right,
            } => self.binary(*operator, left, right),
            ExprKind::Conditional { test, then, other } => {
                let mut parts = self.parts(then);
                mark_checked(&mut parts, test, &|value| self.parts(value));
                parts.extend(other.iter().flat_map(|other| self.parts(other)));
                parts
            }
            ExprKind::String(_)
            | ExprKind::Integer(_)
            | ExprKind::Float(_)
            | ExprKind::Constant(_)
            | ExprKind::Test { .. }
            | ExprKind::Unary { .. }
            | ExprKind::Unknown => Vec::new(),
        }
    }

    fn name(&self, name: &str) -> Vec<Part> {
        if let Some((_, parts)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return parts.clone();
        }
        if HARMLESS_NAMES.contains(&name) || name == "request" {
            return Vec::new();
        }
        vec![Part::of(Origin::Variable {
            name: name.to_owned(),
            path: name.to_owned(),
        })]
    }

    fn member(&self, value: &Expr, name: &str) -> Vec<Part> {
        if self.is_request(value) {
            let is_client = REQUEST_MEMBERS.contains(&name);
            let origin = Origin::Request(format!("request.{name}"));
            return is_client.then(|| Part::of(origin)).into_iter().collect();
        }
        // What was given to a namespace is kept under its dotted name.
        if let Some(dotted) = value.dotted() {
            let dotted = format!("{dotted}.{name}");
            if let Some((_, parts)) = self.locals.iter().rev().find(|(it, _)| *it == dotted) {
                return parts.clone();
            }
        }
        let mut parts = self.parts(value);
        for part in &mut parts {
            part.origin.below(name);
        }
        parts
    }

    fn is_request(&self, expr: &Expr) -> bool {
        let ExprKind::Name(name) = &expr.kind else {
            return false;
        };
        name == "request" && !self.locals.iter().any(|(local, _)| local == "request")
    }

    /// Macros and functions of the application make markup of their own; only methods of texts
    /// and containers are known to hand on what they hold.
    fn call(&self, function: &Expr, arguments: &[Argument]) -> Vec<Part> {
        let all = || arguments.iter().flat_map(|it| self.parts(&it.value));
        match &function.kind {
            ExprKind::Name(name) if name == "dict" => all().collect(),
            ExprKind::Attribute { value, name } if !(self.is_macro)(function) => {
                if name == "cycle" {
                    return all().collect();
                }
                let method = KEEPING_METHODS.contains(&name.as_str());
                if self.is_request(value) && method {
                    return self.member(value, name);
                }
                if !method {
                    return Vec::new();
                }
                let mut parts = self.parts(value);
                if let Some(key) = arguments.first().and_then(|it| it.value.as_str())
                    && matches!(name.as_str(), "get" | "pop" | "getlist")
                {
                    parts.iter_mut().for_each(|part| part.origin.below(key));
                }
                let adds = matches!(name.as_str(), "format" | "join" | "replace" | "get" | "pop");
                if adds {
                    let starts = value.as_str().is_none_or(|text| text.starts_with('{'));
                    parts.extend(all().map(|part| part.starting(starts)));
                }
                parts
            }
            _ => Vec::new(),
        }
    }

    fn filter(&self, value: &Expr, name: &str, filter: Span, arguments: &[Argument]) -> Vec<Part> {
        let all = || arguments.iter().flat_map(|it| self.parts(&it.value));
        let mut parts = self.parts(value);
        match name {
            "safe" => parts.iter_mut().for_each(|part| {
                part.raw = Some(self.template.location(filter));
            }),
            "e" | "escape" | "forceescape" => {
                let forces = name == "forceescape";
                parts.iter_mut().for_each(|part| part.escape(forces));
            }
            "tojson" => parts.iter_mut().for_each(|part| {
                part.encoding = Encoding::Json;
                part.raw = None;
                part.transformed = false;
            }),
            _ if HARMLESS_FILTERS.contains(&name) => return Vec::new(),
            _ if KEEPING_FILTERS.contains(&name) => {
                if name == "striptags" {
                    parts.iter_mut().for_each(|part| part.raw = None);
                }
                if ADDING_FILTERS.contains(&name) {
                    parts.extend(all());
                }
            }
            _ => parts.iter_mut().for_each(|part| part.transformed = true),
        }
        parts
    }

    fn binary(&self, operator: Operator, left: &Expr, right: &Expr) -> Vec<Part> {
        let both = |starts: bool| {
            let mut parts = self.parts(left);
            parts.extend(
                self.parts(right)
                    .into_iter()
                    .map(|part| part.starting(starts)),
            );
            parts
        };
        match operator {
            Operator::Or => both(true),
            Operator::And => {
                let mut parts = self.parts(right);
                mark_checked(&mut parts, left, &|value| self.parts(value));
                parts
            }
            Operator::Concat | Operator::Add => both(left.as_str() == Some("")),
            Operator::Modulo => match left.as_str() {
                Some(format) => {
                    let starts = format.starts_with('%');
                    let parts = self.parts(right).into_iter();
                    parts.map(|part| part.starting(starts)).collect()
                }
                None => Vec::new(),
            },
            Operator::Not | Operator::Compare | Operator::Arithmetic | Operator::Multiply => {
                Vec::new()
            }
        }
    }
}

/// `x if x.startswith(("http://", "https://"))`: the scheme is not the client's. `parts_of` tells
/// what an expression stands for there: a loop's variable goes by another name.
pub(super) fn mark_checked(parts: &mut [Part], test: &Expr, parts_of: &dyn Fn(&Expr) -> Vec<Part>) {
    let mut checked: Vec<String> = Vec::new();
    test.walk(&mut |expr| {
        let ExprKind::Call { function, .. } = &expr.kind else {
            return;
        };
        if let ExprKind::Attribute { value, name } = &function.kind
            && name == "startswith"
        {
            value.walk(&mut |inner| checked.extend(inner.dotted()));
            let named = parts_of(value).into_iter();
            checked.extend(named.map(|part| part.origin.path().to_owned()));
        }
    });
    for part in parts {
        let is_checked = checked.iter().any(|path| path == part.origin.path());
        part.is_checked |= is_checked;
    }
}

impl Part {
    pub(super) const fn of(origin: Origin) -> Self {
        Self {
            origin,
            raw: None,
            encoding: Encoding::None,
            transformed: false,
            at_start: true,
            is_checked: false,
        }
    }

    /// What is marked as safe is left alone, unless the filter forces it.
    fn escape(&mut self, forces: bool) {
        if self.encoding == Encoding::Json {
            if forces {
                self.encoding = Encoding::EscapedJson;
            }
        } else if self.raw.is_none() || forces {
            self.raw = None;
            self.encoding = Encoding::Html;
        }
    }

    /// `starts`: what stands in front of it may be empty.
    const fn starting(mut self, starts: bool) -> Self {
        self.at_start &= starts;
        self
    }

    /// This value as it is seen through another: what happened to both.
    pub(super) fn through(&self, outer: &Self) -> Self {
        let mut origin = self.origin.clone();
        let name = match &outer.origin {
            Origin::Variable { name, .. } | Origin::Parameter { name, .. } => name.as_str(),
            Origin::Request(_) => "",
        };
        let below = outer.origin.path().strip_prefix(name).unwrap_or_default();
        if !below.is_empty() {
            origin.below(below.trim_start_matches('.'));
        }
        Self {
            origin,
            raw: outer.raw.clone().or_else(|| self.raw.clone()),
            encoding: match outer.encoding {
                Encoding::None => self.encoding,
                other => other,
            },
            transformed: self.transformed || outer.transformed,
            at_start: self.at_start && outer.at_start,
            is_checked: self.is_checked || outer.is_checked,
        }
    }
}
