//! Which templates Jinja escapes, and what applications change about it (facts 4.1).

use std::str::FromStr as _;

use pep440_rs::Version;
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use crate::model::app::{AppId, Apps};
use crate::model::dependencies::Dependencies;
use crate::model::modules::{ModuleId, Modules};
use crate::model::names::Names;
use crate::parse::jinja::Syntax;
use crate::parse::python::{Module, argument};
use crate::text::Location;

/// Whether a value is escaped, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Escaping {
    On,
    /// Flask does not escape in files of that name.
    OffByName,
    /// The application turns it off.
    OffByOverride(Location),
    /// `{% autoescape false %}`.
    OffByBlock(Location),
}

/// A statement by which an application changes what is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The application; `None`: all of them.
    pub app: Option<AppId>,
    pub kind: OverrideKind,
    pub module: ModuleId,
    pub statement: Location,
    /// The new value's expression.
    pub value: Location,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideKind {
    Off,
    On,
    /// For files that end so.
    Extensions(Vec<String>),
    /// Something that is computed.
    Unknown,
}

impl Override {
    pub(super) fn escaping_of(&self, by_name: Escaping) -> Escaping {
        match &self.kind {
            OverrideKind::Off => Escaping::OffByOverride(self.statement.clone()),
            OverrideKind::On => Escaping::On,
            OverrideKind::Extensions(_) | OverrideKind::Unknown => by_name,
        }
    }
}

/// Whether Flask escapes in a file of that name. Names count as written: `PAGE.HTML` is raw.
pub fn is_escaped_name(name: &str, svg: bool) -> bool {
    let endings: &[&str] = &[".html", ".htm", ".xml", ".xhtml"];
    endings.iter().any(|ending| name.ends_with(ending)) || (svg && name.ends_with(".svg"))
}

/// Whether a file's name says that it is a page, escaped or not: `page.html.j2`, `PAGE.HTML`.
pub fn is_html_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let is_page = |ending: &str| matches!(ending, "html" | "htm" | "xhtml" | "svg");
    let mut endings = name.rsplit('.');
    let last = endings.next().unwrap_or_default();
    name.contains('.')
        && (is_page(last) || endings.next().is_some_and(|it| it != name && is_page(it)))
}

pub(super) fn of_name(path: &str, svg: bool) -> Escaping {
    match is_escaped_name(path, svg) {
        true => Escaping::On,
        false => Escaping::OffByName,
    }
}

/// `.svg` is escaped from Flask 2.2.3 on; an undeclared Flask is taken for a new one.
pub(super) fn escapes_svg(dependencies: &Dependencies) -> bool {
    let Ok(since) = Version::from_str("2.2.3") else {
        return true;
    };
    dependencies
        .flask_version()
        .is_none_or(|version| version >= since)
}

/// One option of Jinja's environment that the code sets.
struct Setting<'a> {
    key: String,
    /// The application or class that it is set on.
    owner: Option<&'a Expr>,
    value: &'a Expr,
    statement: &'a Stmt,
}

pub(super) fn overrides(modules: &Modules, names: &Names, apps: &Apps) -> Vec<Override> {
    let mut found = Vec::new();
    for (id, module) in modules.iter() {
        for option in options(module) {
            if option.key != "autoescape" {
                continue;
            }
            let app = option
                .owner
                .and_then(|owner| apps.of(modules, names, id, owner));
            found.push(Override {
                app,
                kind: kind_of(option.value),
                module: id,
                statement: module.location(option.statement.range()),
                value: module.location(option.value.range()),
            });
        }
    }
    found
}

fn kind_of(value: &Expr) -> OverrideKind {
    match value {
        Expr::BooleanLiteral(literal) if literal.value => OverrideKind::On,
        Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) => OverrideKind::Off,
        Expr::Lambda(lambda) => kind_of(&lambda.body),
        Expr::Call(call) if is_select(call) => OverrideKind::Extensions(extensions(call)),
        _ => OverrideKind::Unknown,
    }
}

fn is_select(call: &ExprCall) -> bool {
    let name = match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return false,
    };
    name == "select_autoescape"
}

fn extensions(call: &ExprCall) -> Vec<String> {
    let given = argument(call, "enabled_extensions", Some(0));
    let items = match given {
        Some(Expr::List(list)) => &list.elts,
        Some(Expr::Tuple(tuple)) => &tuple.elts,
        _ => return vec!["html".into(), "htm".into(), "xml".into()],
    };
    let texts = items.iter().filter_map(|item| match item {
        Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        _ => None,
    });
    texts.collect()
}

/// The delimiters that the applications use.
pub(super) fn syntax(modules: &Modules) -> Syntax {
    let mut syntax = Syntax::default();
    for (_, module) in modules.iter() {
        for option in options(module) {
            let Expr::StringLiteral(literal) = option.value else {
                continue;
            };
            let place = match option.key.as_str() {
                "variable_start_string" => &mut syntax.variable.0,
                "variable_end_string" => &mut syntax.variable.1,
                "block_start_string" => &mut syntax.block.0,
                "block_end_string" => &mut syntax.block.1,
                "comment_start_string" => &mut syntax.comment.0,
                "comment_end_string" => &mut syntax.comment.1,
                _ => continue,
            };
            if !literal.value.is_empty() {
                *place = literal.value.to_str().to_owned();
            }
        }
    }
    syntax
}

fn options(module: &Module) -> Vec<Setting<'_>> {
    let source = module.file.text.as_str();
    let needles = ["jinja_env", "jinja_options", "select_jinja_autoescape"];
    if !module.file.purpose.is_application() || !needles.iter().any(|it| source.contains(it)) {
        return Vec::new();
    }
    let mut finder = Finder { found: Vec::new() };
    finder.visit_body(module.body());
    finder.found
}

struct Finder<'a> {
    found: Vec<Setting<'a>>,
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.assignment(target, &assign.value, stmt);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assignment(&assign.target, value, stmt);
                }
            }
            Stmt::Expr(expr) => {
                if let Expr::Call(call) = &*expr.value {
                    self.update(call, stmt);
                }
            }
            Stmt::ClassDef(class) => self.class(class),
            _ => {}
        }
        walk_stmt(self, stmt);
    }
}

impl<'a> Finder<'a> {
    fn assignment(&mut self, target: &'a Expr, value: &'a Expr, statement: &'a Stmt) {
        match target {
            // app.jinja_env.autoescape = …
            Expr::Attribute(attribute) if is_member(&attribute.value, "jinja_env") => {
                let owner = owner_of(&attribute.value);
                let key = attribute.attr.to_string();
                self.add(key, owner, value, statement);
            }
            // app.select_jinja_autoescape = …
            Expr::Attribute(attribute) if attribute.attr.as_str() == "select_jinja_autoescape" => {
                self.add(
                    "autoescape".into(),
                    Some(&attribute.value),
                    value,
                    statement,
                );
            }
            // app.jinja_options["autoescape"] = …
            Expr::Subscript(subscript) if is_member(&subscript.value, "jinja_options") => {
                if let Expr::StringLiteral(key) = &*subscript.slice {
                    let owner = owner_of(&subscript.value);
                    self.add(key.value.to_str().to_owned(), owner, value, statement);
                }
            }
            // app.jinja_options = {…}; in a class: jinja_options = {…}
            _ if is_member(target, "jinja_options") => {
                self.mapping(owner_of(target), value, statement);
            }
            _ => {}
        }
    }

    /// `app.jinja_options.update(autoescape=…)`.
    fn update(&mut self, call: &'a ExprCall, statement: &'a Stmt) {
        let Expr::Attribute(method) = &*call.func else {
            return;
        };
        if method.attr.as_str() != "update" || !is_member(&method.value, "jinja_options") {
            return;
        }
        let owner = owner_of(&method.value);
        self.keywords(owner, call, statement);
        if let Some(mapping) = call.arguments.args.first() {
            self.mapping(owner, mapping, statement);
        }
    }

    fn mapping(&mut self, owner: Option<&'a Expr>, value: &'a Expr, statement: &'a Stmt) {
        match value {
            Expr::Dict(dict) => {
                for item in &dict.items {
                    match &item.key {
                        Some(Expr::StringLiteral(key)) => {
                            let key = key.value.to_str().to_owned();
                            self.add(key, owner, &item.value, statement);
                        }
                        Some(_) => {}
                        None => self.mapping(owner, &item.value, statement),
                    }
                }
            }
            Expr::Call(call) => self.keywords(owner, call, statement),
            _ => {}
        }
    }

    fn keywords(&mut self, owner: Option<&'a Expr>, call: &'a ExprCall, statement: &'a Stmt) {
        for keyword in &call.arguments.keywords {
            match &keyword.arg {
                Some(name) => self.add(name.to_string(), owner, &keyword.value, statement),
                None => self.mapping(owner, &keyword.value, statement),
            }
        }
    }

    /// A subclass that overrides `select_jinja_autoescape`.
    fn class(&mut self, class: &'a StmtClassDef) {
        for stmt in &class.body {
            let Stmt::FunctionDef(function) = stmt else {
                continue;
            };
            if function.name.as_str() == "select_jinja_autoescape"
                && let Some(value) = only_return(function)
            {
                self.add("autoescape".into(), None, value, stmt);
            }
        }
    }

    fn add(&mut self, key: String, owner: Option<&'a Expr>, value: &'a Expr, statement: &'a Stmt) {
        self.found.push(Setting {
            key,
            owner,
            value,
            statement,
        });
    }
}

/// The value of a function that is nothing but `return value`.
fn only_return(function: &StmtFunctionDef) -> Option<&Expr> {
    let mut rest = function.body.iter().filter(|stmt| {
        let is_text = matches!(stmt, Stmt::Expr(expr) if expr.value.is_string_literal_expr());
        !is_text
    });
    match (rest.next(), rest.next()) {
        (Some(Stmt::Return(returned)), None) => returned.value.as_deref(),
        _ => None,
    }
}

/// Whether `expr` is `name` or `….name`.
fn is_member(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Name(it) => it.id.as_str() == name,
        Expr::Attribute(it) => it.attr.as_str() == name,
        _ => false,
    }
}

fn owner_of(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Attribute(it) => Some(&it.value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide() {
        for (name, expected) in [
            ("a.html", true),
            ("a.htm", true),
            ("feed.xml", true),
            ("a.xhtml", true),
            ("a.svg", true),
            ("a.HTML", false),
            ("a.html.j2", false),
            ("a.jinja2", false),
            ("mail.txt", false),
            ("html", false),
        ] {
            assert_eq!(is_escaped_name(name, true), expected, "{name}");
        }
        assert!(!is_escaped_name("a.svg", false));
        assert!(is_html_name("x/page.html.j2"));
        assert!(is_html_name("PAGE.HTML"));
        assert!(!is_html_name("mail.txt.j2"));
    }
}
