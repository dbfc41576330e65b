//! Every Content Security Policy that a repository sends.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{AnyNodeRef, Expr, ExprCall, InterpolatedStringElement, Operator, Stmt};
use ruff_text_size::Ranged as _;

use super::pages::Pages;
use crate::discover::FileKind;
use crate::model::Model;
use crate::model::app::{App, AppId};
use crate::model::modules::ModuleId;
use crate::model::names::{Binding, BindingKind};
use crate::parse::python::{Module, argument};
use crate::text::{Location, Span};

/// One policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub location: Location,
    pub kind: PolicyKind,
    /// `None` where it is computed.
    pub directives: Option<Directives>,
    /// It is sent with some responses only.
    pub is_partial: bool,
    pub is_report_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyKind {
    /// Flask-Talisman's options.
    Talisman,
    /// A header set in code.
    Header,
    /// A web server's configuration, a library, a tag in the page.
    Elsewhere,
}

/// What each directive allows, and where that is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Directives {
    pub values: BTreeMap<String, Vec<String>>,
    /// The literal or dictionary that holds them.
    pub source: Option<(Location, Source)>,
    /// Scripts carry a nonce that is added when the policy is sent.
    pub has_nonce: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Dictionary,
    Text,
}

impl Directives {
    fn of_text(text: &str) -> Self {
        let mut directives = Self::default();
        for part in text.split(';') {
            let mut words = part.split_whitespace();
            if let Some(name) = words.next() {
                let values = words.map(str::to_owned).collect();
                directives.values.insert(name.to_ascii_lowercase(), values);
            }
        }
        directives.note_nonce();
        directives
    }

    fn note_nonce(&mut self) {
        let mut all = self.values.values().flatten();
        self.has_nonce |= all.any(|value| value.contains("nonce-") || value.contains("sha256-"));
    }

    /// What limits scripts.
    pub fn scripts(&self) -> Option<&[String]> {
        let named = |name: &str| self.values.get(name).map(Vec::as_slice);
        named("script-src").or_else(|| named("default-src"))
    }
}

/// The policies that responses of `app` carry.
pub(super) fn find(model: &Model, id: AppId, app: &App, pages: &Pages) -> Vec<Policy> {
    let mut found: Vec<Policy> = Vec::new();
    found.extend(talisman(model, app));
    for (module, parsed) in model.modules.iter() {
        let path = parsed.path();
        let mentions = parsed.file.text.as_str();
        let is_app = parsed.file.purpose.is_application() && model.apps.nearest(path) == Some(id);
        if is_app && memchr::memmem::find(mentions.as_bytes(), b"Content-Security-Policy").is_some()
        {
            found.extend(headers(model, module));
        }
        found.extend(is_app.then(|| library(model, module)).flatten());
    }
    found.extend(servers(model));
    found.extend(pages.meta.iter().map(|(place, text)| Policy {
        location: place.clone(),
        kind: PolicyKind::Elsewhere,
        directives: Some(Directives::of_text(text)),
        is_partial: false,
        is_report_only: false,
    }));
    found
}

fn talisman(model: &Model, app: &App) -> Option<Policy> {
    let extension = app.extension("Talisman")?;
    let module = model.modules.by_path(&extension.location.path)?;
    let call = model.modules.get(module).call_at(extension.location.span)?;
    let default = || {
        let mut directives = Directives::of_text("default-src 'self'; object-src 'none'");
        // X-Frame-Options is sent by default.
        directives
            .values
            .insert("frame-ancestors".into(), vec!["'self'".into()]);
        directives
    };
    let given = argument(call, "content_security_policy", None);
    let mut directives = match given {
        None => Some(default()),
        Some(Expr::NoneLiteral(_)) => return None,
        Some(Expr::BooleanLiteral(literal)) if !literal.value => return None,
        Some(expr) => directives(model, module, expr),
    };
    if let Some(directives) = &mut directives {
        directives
            .values
            .entry("frame-ancestors".into())
            .or_default();
        let nonce = argument(call, "content_security_policy_nonce_in", None);
        directives.has_nonce |= nonce.is_some();
    }
    let report_only = argument(call, "content_security_policy_report_only", None);
    Some(Policy {
        location: extension.location.clone(),
        kind: PolicyKind::Talisman,
        directives,
        is_partial: false,
        is_report_only: matches!(report_only, Some(Expr::BooleanLiteral(it)) if it.value),
    })
}

/// Names that are given the header's name, and where headers are set.
fn headers(model: &Model, module: ModuleId) -> Vec<Policy> {
    let parsed = model.modules.get(module);
    let mut finder = Finder {
        found: Vec::new(),
        constants: Vec::new(),
    };
    finder.visit_body(parsed.body());
    let mut policies = Vec::new();
    for (span, value, name) in finder.found {
        let function = parsed
            .ancestors(span)
            .into_iter()
            .find_map(|node| match node {
                AnyNodeRef::StmtFunctionDef(function) => Some(Span::from(function.range())),
                _ => None,
            });
        policies.push(Policy {
            location: parsed.location(span),
            kind: PolicyKind::Header,
            directives: directives(model, module, value),
            is_partial: function.is_some_and(|function| is_view(model, module, function)),
            is_report_only: name.ends_with("-Report-Only"),
        });
    }
    policies
}

fn is_view(model: &Model, module: ModuleId, function: Span) -> bool {
    let apps = model.apps.iter().flat_map(|(_, app)| &app.routes);
    let blueprints = model.apps.blueprints.iter().flat_map(|it| &it.routes);
    let mut views = apps
        .chain(blueprints)
        .filter_map(|route| route.view.as_ref());
    views.any(|view| view.module == module && view.span == function)
}

/// Finds `headers["Content-Security-Policy"] = value`, `headers.setdefault(name, value)`,
/// `{"Content-Security-Policy": value}`, also with the name in a constant.
struct Finder<'a> {
    found: Vec<(Span, &'a Expr, &'a str)>,
    constants: Vec<(&'a str, &'a str)>,
}

impl<'a> Finder<'a> {
    fn header(&self, expr: &'a Expr) -> Option<&'a str> {
        match expr {
            Expr::StringLiteral(literal) => {
                let text = literal.value.to_str();
                let lower = text.to_ascii_lowercase();
                let is_it = matches!(
                    lower.as_str(),
                    "content-security-policy" | "content-security-policy-report-only"
                );
                is_it.then_some(text)
            }
            Expr::Name(name) => {
                let mut known = self.constants.iter();
                known
                    .find(|(bound, _)| *bound == name.id.as_str())
                    .map(|(_, text)| *text)
            }
            _ => None,
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        let [name, value] = &*call.arguments.args else {
            return;
        };
        let is_setter = matches!(&*call.func, Expr::Attribute(method)
            if matches!(method.attr.as_str(), "setdefault" | "set" | "add" | "__setitem__" | "extend"));
        if let Some(header) = self.header(name).filter(|_| is_setter) {
            self.found.push((call.range().into(), value, header));
        }
    }
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assign(assign) = stmt {
            for target in &assign.targets {
                match target {
                    Expr::Subscript(subscript) => {
                        if let Some(header) = self.header(&subscript.slice) {
                            self.found
                                .push((stmt.range().into(), &assign.value, header));
                        }
                    }
                    Expr::Name(name) => {
                        if let Some(header) = self.header(&assign.value) {
                            self.constants.push((name.id.as_str(), header));
                        }
                    }
                    _ => {}
                }
            }
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => self.call(call),
            Expr::Dict(dict) => {
                for item in &dict.items {
                    let header = item.key.as_ref().and_then(|key| self.header(key));
                    if let Some(header) = header {
                        self.found
                            .push((item.value.range().into(), &item.value, header));
                    }
                }
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

/// Packages that send a policy when they are used.
fn library(model: &Model, module: ModuleId) -> Option<Policy> {
    const PACKAGES: &[&str] = &[
        "secure",
        "flask_csp",
        "flask_secure_headers",
        "flask_security_headers",
        "SecWeb",
    ];
    let parsed = model.modules.get(module);
    let import = parsed.body().iter().find(|stmt| match stmt {
        Stmt::ImportFrom(import) if import.level == 0 => {
            let name = import.module.as_deref().unwrap_or_default();
            PACKAGES.contains(&name.split('.').next().unwrap_or_default())
        }
        Stmt::Import(import) => import.names.iter().any(|alias| {
            let name = alias.name.as_str();
            PACKAGES.contains(&name.split('.').next().unwrap_or_default())
        }),
        _ => false,
    })?;
    Some(Policy {
        location: parsed.location(import.range()),
        kind: PolicyKind::Elsewhere,
        directives: None,
        is_partial: false,
        is_report_only: false,
    })
}

/// Web servers' configuration: nginx, Apache, Caddy, Traefik.
fn servers(model: &Model) -> Vec<Policy> {
    let mut found = Vec::new();
    for file in model.repo.files() {
        let can_hold = matches!(
            file.kind,
            FileKind::Ini
                | FileKind::Yaml
                | FileKind::Compose
                | FileKind::Toml
                | FileKind::Lines
                | FileKind::Shell
                | FileKind::Template
                | FileKind::Dockerfile
        );
        let is_page = file.path.ends_with(".html");
        if !can_hold || is_page || !file.purpose.is_application() {
            continue;
        }
        let text = file.text.as_str();
        let Some(at) = [
            "Content-Security-Policy",
            "content-security-policy",
            "contentSecurityPolicy",
        ]
        .iter()
        .find_map(|name| text.find(name)) else {
            continue;
        };
        let line = file.text.line_of(at);
        let body = file.text.line(line).trim_start();
        if body.starts_with('#') {
            continue;
        }
        let directives = body
            .split_once("ecurity-Policy")
            .or_else(|| body.split_once("ecurityPolicy"))
            .map(|(_, rest)| quoted(rest))
            .filter(|rest| rest.contains("-src"))
            .map(|rest| Directives::of_text(&rest));
        found.push(Policy {
            location: Location::new(&file.path, file.text.line_span(line)),
            kind: PolicyKind::Elsewhere,
            directives,
            is_partial: false,
            is_report_only: body.contains("Report-Only"),
        });
    }
    found
}

fn quoted(rest: &str) -> String {
    let inner = rest.split_once('"').map_or(rest, |(_, inner)| inner);
    inner.split('"').next().unwrap_or(inner).to_owned()
}

/// The directives that an expression makes, where they are constant.
fn directives(model: &Model, module: ModuleId, expr: &Expr) -> Option<Directives> {
    let parsed = model.modules.get(module);
    match expr {
        Expr::Dict(dict) => {
            let mut found = Directives::default();
            for item in &dict.items {
                let Some(Expr::StringLiteral(name)) = &item.key else {
                    return None;
                };
                let mut values = Vec::new();
                words(&item.value, &mut values)?;
                let name = name.value.to_str().to_ascii_lowercase();
                found.values.insert(name, values);
            }
            found.note_nonce();
            found.source = Some((parsed.location(dict.range), Source::Dictionary));
            Some(found)
        }
        Expr::Name(name) => {
            let offset = name.range.start().to_usize();
            let (_, bindings) = model.names.scopes(module).lookup(&name.id, offset)?;
            if bindings.iter().any(|it| added(parsed, it.span).is_some()) {
                return grown(parsed, bindings).map(|text| Directives::of_text(&text));
            }
            let value = bindings.iter().find_map(|binding| match &binding.kind {
                BindingKind::Value(span) => parsed.expression_at(*span),
                _ => None,
            })?;
            match value {
                Expr::Name(other) if other.id == name.id => None,
                value => directives(model, module, value),
            }
        }
        Expr::StringLiteral(literal) => {
            let mut found = Directives::of_text(literal.value.to_str());
            found.source = Some((parsed.location(literal.range), Source::Text));
            Some(found)
        }
        // What is computed from a dictionary: `dict(POLICY)`, `"; ".join(… POLICY.items())`.
        Expr::Call(call) => {
            if let Some(text) = text(expr) {
                return Some(Directives::of_text(&text));
            }
            let mut names = Names(Vec::new());
            for argument in &call.arguments.args {
                names.visit_expr(argument);
            }
            let mut names = names.0.into_iter();
            names.find_map(|name| {
                let inner = directives(model, module, name)?;
                (inner.values.len() > 1).then_some(inner)
            })
        }
        _ => text(expr).map(|text| Directives::of_text(&text)),
    }
}

/// What `name += value` adds, if the statement at `span` is that.
fn added(parsed: &Module, span: Span) -> Option<&Expr> {
    match parsed.statement_exactly(span)? {
        Stmt::AugAssign(assign) if assign.op == Operator::Add => Some(&assign.value),
        _ => None,
    }
}

/// The text that is put together by `name = "…"` and then `name += "…"`; nothing where a part
/// is computed, or added on some paths only.
fn grown(parsed: &Module, bindings: &[Binding]) -> Option<String> {
    let (first, rest) = bindings.split_first()?;
    let BindingKind::Value(start) = &first.kind else {
        return None;
    };
    let lines = &parsed.file.text;
    let depth = lines.indentation(first.span.start);
    let mut grown = text(parsed.expression_at(*start)?)?;
    for binding in rest {
        if lines.indentation(binding.span.start) != depth {
            return None;
        }
        grown += &text(added(parsed, binding.span)?)?;
    }
    Some(grown)
}

struct Names<'a>(Vec<&'a Expr>);

impl<'a> SourceOrderVisitor<'a> for Names<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if matches!(expr, Expr::Name(_) | Expr::Dict(_)) {
            self.0.push(expr);
        }
        walk_expr(self, expr);
    }
}

fn words(expr: &Expr, into: &mut Vec<String>) -> Option<()> {
    match expr {
        Expr::List(list) => list.elts.iter().try_for_each(|it| words(it, into)),
        Expr::Tuple(tuple) => tuple.elts.iter().try_for_each(|it| words(it, into)),
        Expr::Set(set) => set.elts.iter().try_for_each(|it| words(it, into)),
        _ => {
            let text = text(expr)?;
            into.extend(text.split_whitespace().map(str::to_owned));
            Some(())
        }
    }
}

/// The constant text of an expression; what is computed in it becomes `{}`.
fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        Expr::BinOp(operation) if operation.op == Operator::Add => {
            Some(text(&operation.left)? + &text(&operation.right)?)
        }
        Expr::BinOp(operation) if operation.op == Operator::Mod => text(&operation.left),
        Expr::FString(string) => {
            let mut found = String::new();
            for element in string.value.elements() {
                match element {
                    InterpolatedStringElement::Literal(literal) => found.push_str(&literal.value),
                    InterpolatedStringElement::Interpolation(_) => found.push_str("{}"),
                }
            }
            Some(found)
        }
        Expr::Call(call) => {
            let Expr::Attribute(method) = &*call.func else {
                return None;
            };
            match (
                method.attr.as_str(),
                &*method.value,
                call.arguments.args.first(),
            ) {
                ("join", Expr::StringLiteral(between), Some(Expr::List(list))) => {
                    let parts: Option<Vec<String>> = list.elts.iter().map(text).collect();
                    Some(parts?.join(between.value.to_str()))
                }
                ("format", Expr::StringLiteral(format), _) => {
                    Some(format.value.to_str().to_owned())
                }
                ("strip" | "replace", inner, _) => text(inner),
                _ => None,
            }
        }
        _ => None,
    }
}
