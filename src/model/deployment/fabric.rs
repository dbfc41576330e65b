//! Fabric's tasks: Python that runs commands on servers, `run("…")` and `sudo("…")`.

use std::sync::Arc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{
    AnyStringFlags, Expr, ExprCall, InterpolatedStringElement, Keyword, Operator, Stmt,
    StringFlags as _,
};
use ruff_text_size::Ranged as _;

use super::files::{self, Judged};
use super::reader::Reader;
use super::scope::Scope;
use super::{EnvValue, Form, Quoting, Stage, Surface, ci, rules};
use crate::discover::File;
use crate::parse::mapped::Mapped;
use crate::parse::python::Module;
use crate::text::Span;

/// What stands for a part of a command that Python puts in.
const PUT_IN: &str = "${FROM_PYTHON}";

/// Whether Python text is a file of Fabric's tasks.
pub(super) fn is_tasks(text: &str) -> bool {
    let imports = |line: &str| {
        let rest = line
            .strip_prefix("from fabric")
            .or_else(|| line.strip_prefix("import fabric"));
        rest.is_some_and(|rest| rest.starts_with(['.', ' ']) || rest.is_empty())
    };
    let acts = ["run(", "sudo("].iter().any(|call| text.contains(call));
    acts && text.contains("fabric") && text.lines().any(imports)
}

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let Ok(module) = Module::parse(Arc::clone(file)) else {
        return;
    };
    let text = file.text.as_str();
    // Fabric 2 takes its hosts from the code or from the command line; without one, `c.run` is
    // local. A task that deploys has one.
    let reaches_servers = text.contains("fabric.api")
        || text.contains("fabric.operations")
        || ["Connection(", "hosts=", "host=", "hosts ="]
            .iter()
            .any(|word| text.contains(word));
    let judged = files::judge_place(file).unwrap_or_else(|| {
        Judged::new(
            Stage::Production,
            "Fabric runs it on a server, and nothing says otherwise",
        )
    });
    let mut tasks = Tasks {
        scope: Scope::checkout(file, Surface::Fabric, judged, files::folder_of(&file.path)),
        reader,
        module: &module,
        prefixes: Vec::new(),
        reaches_servers,
    };
    for statement in module.body() {
        tasks.visit_stmt(statement);
    }
}

struct Tasks<'r, 'a, 'm> {
    reader: &'r mut Reader<'a>,
    module: &'m Module,
    scope: Scope,
    /// Commands that `with prefix(…)` puts in front of others.
    prefixes: Vec<Mapped>,
    reaches_servers: bool,
}

impl<'m> Visitor<'m> for Tasks<'_, '_, 'm> {
    fn visit_stmt(&mut self, statement: &'m Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                let outer = (self.scope.clone(), self.reaches_servers);
                let name = function.name.as_str();
                self.scope = outer.0.clone().named(name);
                self.reaches_servers |= ci::says_deploy(name);
                if let Some((stage, word)) = rules::stage_of_name(name) {
                    self.scope.judged = Judged::new(stage, format!("the task says \"{word}\""));
                }
                walk_stmt(self, statement);
                (self.scope, self.reaches_servers) = outer;
            }
            Stmt::With(with) => {
                let outer = (self.scope.clone(), self.prefixes.len());
                for item in &with.items {
                    if let Expr::Call(call) = &item.context_expr {
                        self.enter(call);
                    }
                }
                self.visit_body(&with.body);
                self.scope = outer.0;
                self.prefixes.truncate(outer.1);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'m Expr) {
        if let Expr::Call(call) = expression {
            self.call(call);
        }
        walk_expr(self, expression);
    }
}

impl<'m> Tasks<'_, '_, 'm> {
    /// `with cd("…")`, `with shell_env(NAME="…")`, `with prefix("…")`.
    fn enter(&mut self, call: &'m ExprCall) {
        let first = call.arguments.args.first();
        match name_of(&call.func) {
            "cd" => {
                if let Some(Expr::StringLiteral(folder)) = first {
                    self.scope.change_folder(folder.value.to_str());
                }
            }
            "prefix" => self
                .prefixes
                .extend(first.and_then(|it| self.text(it)).map(|it| it.0)),
            "shell_env" => {
                for keyword in &call.arguments.keywords {
                    self.variable(keyword);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &'m ExprCall) {
        if !matches!(name_of(&call.func), "run" | "sudo") || !self.reaches_servers {
            return;
        }
        let command = call.arguments.args.first().or_else(|| {
            let named = call.arguments.find_keyword("command")?;
            Some(&named.value)
        });
        let Some((text, quote)) = command.and_then(|it| self.text(it)) else {
            return;
        };
        let outer = self.scope.clone();
        // `c.run("…", env={"NAME": "…"})`
        if let Some(Expr::Dict(env)) = call.arguments.find_keyword("env").map(|it| &it.value) {
            for item in &env.items {
                if let Some(Expr::StringLiteral(name)) = &item.key {
                    let statement = Span::new(
                        name.range().start().to_usize(),
                        item.value.range().end().to_usize(),
                    );
                    self.set(name.value.to_str(), &item.value, statement);
                }
            }
        }
        let mut whole = Mapped::default();
        for prefix in &self.prefixes {
            prefix.copy(Span::new(0, prefix.as_str().len()), &mut whole);
            whole.push_decoded(" && ", Span::at(call.range().start().to_usize()));
        }
        text.copy(Span::new(0, text.as_str().len()), &mut whole);
        let form = Form::Shell(Quoting::Python(quote));
        self.reader
            .script(&whole, self.module.path(), form, &self.scope);
        self.scope = outer;
    }

    fn variable(&mut self, keyword: &'m Keyword) {
        if let Some(name) = &keyword.arg {
            self.set(name.as_str(), &keyword.value, Span::from(keyword.range()));
        }
    }

    fn set(&mut self, name: &str, value: &Expr, statement: Span) {
        let span = Span::from(value.range());
        let (value, span) = match value {
            Expr::StringLiteral(literal) => {
                let inner = literal.as_single_part_string().map(|part| {
                    let flags = AnyStringFlags::from(part.flags);
                    inside(span, flags)
                });
                let text = literal.value.to_str().to_owned();
                (EnvValue::Literal(text), inner.unwrap_or(span))
            }
            _ => (EnvValue::Outside, span),
        };
        let setting = self.scope.setting(
            name,
            value,
            self.module.location(span),
            self.module.location(statement),
        );
        let setting = self.reader.set(setting);
        self.scope.environment.push(setting);
    }

    /// The text of a command with where it stands, and the quote around it.
    fn text(&self, expression: &Expr) -> Option<(Mapped, char)> {
        let mut out = Mapped::default();
        let mut quote = None;
        self.collect(expression, false, &mut out, &mut quote);
        Some((out, quote?))
    }

    /// `formatted` says that `{…}` or `%s` is filled in.
    fn collect(
        &self,
        expression: &Expr,
        formatted: bool,
        out: &mut Mapped,
        quote: &mut Option<char>,
    ) {
        match expression {
            Expr::StringLiteral(literal) => {
                for part in &literal.value {
                    let flags = AnyStringFlags::from(part.flags);
                    *quote = Some(flags.quote_str().chars().next().unwrap_or('"'));
                    let span = inside(Span::from(part.range()), flags);
                    self.verbatim(span, flags.is_raw_string(), formatted, out);
                }
            }
            Expr::FString(string) => {
                for part in string.value.f_strings() {
                    let flags = AnyStringFlags::from(part.flags);
                    *quote = Some(flags.quote_str().chars().next().unwrap_or('"'));
                    for element in &part.elements {
                        let span = Span::from(element.range());
                        match element {
                            InterpolatedStringElement::Literal(_) => {
                                self.verbatim(span, flags.is_raw_string(), false, out);
                            }
                            InterpolatedStringElement::Interpolation(_) => {
                                out.push_decoded(PUT_IN, span);
                            }
                        }
                    }
                }
                for part in string.value.literals() {
                    let flags = AnyStringFlags::from(part.flags);
                    let span = inside(Span::from(part.range()), flags);
                    self.verbatim(span, flags.is_raw_string(), false, out);
                }
            }
            Expr::BinOp(operation) if operation.op == Operator::Mod => {
                self.collect(&operation.left, true, out, quote);
            }
            Expr::BinOp(operation) if operation.op == Operator::Add => {
                self.collect(&operation.left, formatted, out, quote);
                self.collect(&operation.right, formatted, out, quote);
            }
            Expr::Call(call) if name_of(&call.func) == "format" => {
                if let Expr::Attribute(method) = &*call.func {
                    self.collect(&method.value, true, out, quote);
                }
            }
            other => out.push_decoded(PUT_IN, Span::from(other.range())),
        }
    }

    /// What stands between the quotes, with escapes and places to fill in taken for what they
    /// stand for.
    fn verbatim(&self, span: Span, raw: bool, formatted: bool, out: &mut Mapped) {
        let source = self.module.source(span);
        let mut plain = 0;
        let mut at = 0;
        while let Some(found) = source[at..].find(['\\', '%', '{']) {
            let start = at + found;
            let rest = &source[start..];
            let (len, text) = match rest.as_bytes()[0] {
                b'\\' if !raw => escape(rest),
                b'%' if formatted => (conversion(rest), PUT_IN),
                b'{' if formatted => (rest.find('}').map_or(1, |end| end + 1), PUT_IN),
                _ => (0, ""),
            };
            if len == 0 {
                at = start + 1;
                continue;
            }
            out.push(&source[plain..start], span.start + plain);
            let place = Span::new(span.start + start, span.start + start + len);
            out.push_decoded(text, place);
            at = start + len;
            plain = at;
        }
        out.push(&source[plain..], span.start + plain);
    }
}

/// The last name of what is called: `run` of `conn.run`.
fn name_of(callee: &Expr) -> &str {
    match callee {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    }
}

/// A string without its prefix and its quotes.
fn inside(span: Span, flags: AnyStringFlags) -> Span {
    let open = flags.opener_len().to_usize();
    let close = flags.closer_len().to_usize();
    Span::new(span.start + open, span.end - close)
}

/// The length of an escape, and what it stands for.
fn escape(rest: &str) -> (usize, &str) {
    let Some(next) = rest[1..].chars().next() else {
        return (0, "");
    };
    let len = 1 + next.len_utf8();
    match next {
        'n' => (len, "\n"),
        't' => (len, "\t"),
        '\n' => (len, ""),
        '\\' | '"' | '\'' => (len, &rest[1..len]),
        _ => (0, ""),
    }
}

/// The length of `%s`, `%d`, `%(name)s`; 0 where it is none.
fn conversion(rest: &str) -> usize {
    let named = rest.strip_prefix("%(").and_then(|name| name.find(')'));
    let at = named.map_or(1, |end| end + 3);
    let kind = rest.as_bytes().get(at);
    match kind.is_some_and(|kind| b"sdrif".contains(kind)) {
        true => at + 1,
        false => 0,
    }
}
