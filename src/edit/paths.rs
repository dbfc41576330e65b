//! How an expression puts a client's value behind a folder, taken apart.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, TraversalSignal, walk_expr};
use ruff_python_ast::{
    AnyNodeRef, Expr, ExprCall, ExprContext, ExprFString, InterpolatedStringElement, Operator, Stmt,
};
use ruff_text_size::Ranged as _;

use super::config::requoted;
use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::model::names::{Binding, BindingKind, ScopeKind};
use crate::parse::python::Module;
use crate::text::Span;

/// `BASE` and `name` of `os.path.join(BASE, name)` and its kin, as Python text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The folder in front of the client's part.
    pub base: String,
    /// What follows, one entry per level that holds a client's value.
    pub names: Vec<String>,
    /// The expression gives a `pathlib.Path`.
    pub is_path_object: bool,
    /// The local assignment that builds the path, when the sink takes a variable.
    pub assignment: Option<Assignment>,
}

/// `name = value` inside a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub name: String,
    pub statement: Span,
    pub value: Span,
}

/// Takes expressions of one file apart.
#[derive(Clone, Copy)]
pub struct Splitter<'a> {
    pub model: &'a Model,
    pub file: ModuleId,
    /// The expressions that carry a client's value into the path.
    pub tainted: &'a [Span],
}

impl<'a> Splitter<'a> {
    fn module(&self) -> &'a Module {
        self.model.modules.get(self.file)
    }

    fn text(&self, expr: &Expr) -> &'a str {
        self.module().source(expr.range())
    }

    fn is_tainted(&self, span: impl Into<Span>) -> bool {
        let span = span.into();
        self.tainted.iter().any(|tainted| span.contains(*tainted))
    }

    /// The parts of `expr`, or nothing when its shape leaves the folder open.
    pub fn split(&self, expr: &Expr) -> Option<Joined> {
        match expr {
            Expr::Name(name) => {
                let assignment = self.assignment_of(&name.id, name.range.start().to_usize())?;
                let value = self.module().expression_at(assignment.value)?;
                let joined = self
                    .split(value)
                    .filter(|inner| inner.assignment.is_none())?;
                self.still_means_the_same(&joined, assignment.statement, expr.range().into())
                    .then_some(Joined {
                        assignment: Some(assignment),
                        ..joined
                    })
            }
            Expr::Call(call) => self.split_call(call),
            Expr::BinOp(operation) => match operation.op {
                Operator::Div => self.split_division(expr),
                Operator::Add => self.split_concatenation(expr),
                Operator::Mod => self.split_percent(&operation.left, &operation.right),
                _ => None,
            },
            Expr::FString(string) => self.split_fstring(string),
            _ => None,
        }
    }

    fn split_call(&self, call: &ExprCall) -> Option<Joined> {
        let callee = self
            .model
            .names
            .callee(&self.model.modules, self.file, &call.func);
        let callee = callee.as_ref().and_then(|callee| callee.external());
        match callee {
            Some("os.path.join") => self.split_join(call),
            // They change how the path is written, not which file it names.
            Some("os.path.abspath" | "os.path.realpath" | "os.path.normpath" | "os.fspath") => {
                let joined = self.split(call.arguments.args.first()?)?;
                let func = self.text(&call.func);
                let is_lexical = callee == Some("os.path.normpath") || callee == Some("os.fspath");
                Some(if is_lexical || joined.assignment.is_some() {
                    joined
                } else {
                    Joined {
                        base: format!("{func}({})", joined.base),
                        ..joined
                    }
                })
            }
            Some("pathlib.Path") if call.arguments.args.len() == 1 => {
                let joined = self.split(&call.arguments.args[0])?;
                Some(Joined {
                    is_path_object: true,
                    ..joined
                })
            }
            Some("pathlib.Path") => {
                let joined = self.split_join(call)?;
                Some(Joined {
                    is_path_object: true,
                    ..joined
                })
            }
            _ => self.split_method(call),
        }
    }

    fn split_method(&self, call: &ExprCall) -> Option<Joined> {
        let Expr::Attribute(method) = &*call.func else {
            if matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "str") {
                return self.split(call.arguments.args.first()?);
            }
            return None;
        };
        match (method.attr.as_str(), &*method.value) {
            ("joinpath", base) if !self.is_tainted(base.range()) => {
                let names = self.levels(&call.arguments.args)?;
                Some(Joined {
                    base: self.text(base).to_owned(),
                    names,
                    is_path_object: true,
                    assignment: None,
                })
            }
            ("resolve" | "absolute", inner) => self.split(inner),
            ("format", Expr::StringLiteral(literal)) if call.arguments.keywords.is_empty() => {
                let template = self.module().source(literal.range);
                let values: Vec<&Expr> = call.arguments.args.iter().collect();
                self.split_template(template, "{}", &values, |rest, value| {
                    format!("{rest}.format({value})")
                })
            }
            _ => None,
        }
    }

    /// `os.path.join(a, b, name)`: the arguments in front of the first client's one.
    fn split_join(&self, call: &ExprCall) -> Option<Joined> {
        let args = &call.arguments.args;
        if args.iter().any(Expr::is_starred_expr) || !call.arguments.keywords.is_empty() {
            return None;
        }
        let first = args.iter().position(|arg| self.is_tainted(arg.range()))?;
        let base = match &args[..first] {
            [] => return None,
            [base] => self.text(base).to_owned(),
            parts => {
                let parts: Vec<&str> = parts.iter().map(|part| self.text(part)).collect();
                format!("{}({})", self.text(&call.func), parts.join(", "))
            }
        };
        Some(Joined {
            base,
            names: self.levels(&args[first..])?,
            is_path_object: false,
            assignment: None,
        })
    }

    /// One name per client's value; what the server appends belongs to the level before it.
    fn levels(&self, args: &[Expr]) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for arg in args {
            let text = self.text(arg);
            match names.last_mut() {
                Some(last) if !self.is_tainted(arg.range()) => {
                    let Expr::StringLiteral(literal) = arg else {
                        return None;
                    };
                    let merged = format!("f\"{{{last}}}/{}\"", literal.value.to_str());
                    match merged.contains('\\') || merged.matches('"').count() > 2 {
                        true => names.push(text.to_owned()),
                        false => *last = merged,
                    }
                }
                _ => names.push(text.to_owned()),
            }
        }
        (!names.is_empty()).then_some(names)
    }

    /// `BASE / user / name`.
    fn split_division(&self, expr: &Expr) -> Option<Joined> {
        let mut parts = Vec::new();
        let mut rest = expr;
        while let Expr::BinOp(operation) = rest
            && operation.op == Operator::Div
        {
            parts.push(&*operation.right);
            rest = &operation.left;
        }
        parts.push(rest);
        parts.reverse();
        let first = parts
            .iter()
            .position(|part| self.is_tainted(part.range()))?;
        let (base, names) = parts.split_at(first);
        let (start, end) = (base.first()?.range().start(), base.last()?.range().end());
        let names: Vec<Expr> = names.iter().map(|part| (*part).clone()).collect();
        Some(Joined {
            base: self
                .module()
                .source(Span::new(start.to_usize(), end.to_usize()))
                .to_owned(),
            names: self.levels(&names)?,
            is_path_object: true,
            assignment: None,
        })
    }

    /// `"uploads/" + name`, `BASE + "/" + name + ".pdf"`.
    fn split_concatenation(&self, expr: &Expr) -> Option<Joined> {
        let mut parts = Vec::new();
        flatten_addition(expr, &mut parts);
        let first = parts
            .iter()
            .position(|part| self.is_tainted(part.range()))?;
        let start = parts.first()?.range().start().to_usize();
        let name_start = parts[first].range().start().to_usize();
        let rest = Span::new(name_start, parts.last()?.range().end().to_usize());
        let before = parts.get(first.checked_sub(1)?)?;
        let base = match before {
            Expr::StringLiteral(literal) => {
                let folder = literal.value.to_str().strip_suffix('/')?;
                let in_front = first.checked_sub(2).map(|index| parts[index].range().end());
                match in_front {
                    Some(end) if folder.is_empty() => self
                        .module()
                        .source(Span::new(start, end.to_usize()))
                        .to_owned(),
                    None if !folder.is_empty() => {
                        let text = self.text(before);
                        without_trailing_slash(text)?
                    }
                    Some(_) => {
                        let head = Span::new(start, before.range().start().to_usize());
                        let literal = without_trailing_slash(self.text(before))?;
                        format!("{}{literal}", self.module().source(head))
                    }
                    None => return None,
                }
            }
            Expr::Name(_) | Expr::Attribute(_) if self.ends_with_slash(before) => {
                let end = before.range().end().to_usize();
                self.module().source(Span::new(start, end)).to_owned()
            }
            _ => return None,
        };
        Some(Joined {
            base,
            names: vec![self.module().source(rest).to_owned()],
            is_path_object: false,
            assignment: None,
        })
    }

    /// `"uploads/%s" % name`, `"%s/%s.pdf" % (BASE, name)`.
    fn split_percent(&self, left: &Expr, right: &Expr) -> Option<Joined> {
        let Expr::StringLiteral(literal) = left else {
            return None;
        };
        let template = self.module().source(literal.range);
        let values: Vec<&Expr> = match right {
            Expr::Tuple(tuple) => tuple.elts.iter().collect(),
            single => vec![single],
        };
        self.split_template(template, "%s", &values, |rest, value| {
            format!("{rest} % {value}")
        })
    }

    /// `template` is a literal's source with `values` for its `hole`s, the last a client's.
    fn split_template(
        &self,
        template: &str,
        hole: &str,
        values: &[&Expr],
        fill: impl Fn(&str, &str) -> String,
    ) -> Option<Joined> {
        let quote = template
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let body = template.strip_prefix(quote)?.strip_suffix(quote)?;
        if body.starts_with(quote) || body.matches(hole).count() != values.len() {
            return None;
        }
        let holes_only = hole == "{}" || body.matches('%').count() == values.len();
        let (value, others) = values.split_last()?;
        if !holes_only || others.iter().any(|other| self.is_tainted(other.range())) {
            return None;
        }
        let at = body.rfind(hole)?;
        let (folder, _) = body[..at].rsplit_once('/')?;
        let rest = &body[folder.len() + 1..];
        let base = match (folder, others) {
            (folder, []) if !folder.is_empty() => format!("{quote}{folder}{quote}"),
            (folder, [base]) if folder == hole => self.text(base).to_owned(),
            _ => return None,
        };
        let name = if rest == hole {
            self.text(value).to_owned()
        } else {
            fill(&format!("{quote}{rest}{quote}"), self.text(value))
        };
        Some(Joined {
            base,
            names: vec![name],
            is_path_object: false,
            assignment: None,
        })
    }

    /// `f"uploads/{name}.pdf"`, `f"{BASE}/{name}"`.
    fn split_fstring(&self, string: &ExprFString) -> Option<Joined> {
        let [part] = string.value.as_slice() else {
            return None;
        };
        let fstring = match part {
            ruff_python_ast::FStringPart::FString(fstring) => fstring,
            ruff_python_ast::FStringPart::Literal(_) => return None,
        };
        let elements: Vec<&InterpolatedStringElement> = fstring.elements.iter().collect();
        let first = elements.iter().position(|element| {
            matches!(element, InterpolatedStringElement::Interpolation(_))
                && self.is_tainted(element.range())
        })?;
        let source = self.module().source(string.range);
        let open = source.find(['"', '\''])?;
        let quotes = &source[open..=open];
        if source[open..].starts_with(&quotes.repeat(3)) {
            return None;
        }
        let prefix = &source[..open];
        let content = Span::new(
            string.range.start().to_usize() + open + 1,
            string.range.end().to_usize() - 1,
        );
        let (base_end, rest_start) = self.fold_at(&elements, first)?;
        let base = self.piece(
            &elements[..first],
            Span::new(content.start, base_end),
            prefix,
            quotes,
        )?;
        let rest = Span::new(rest_start, content.end);
        let name = self.piece(&elements[first..], rest, prefix, quotes)?;
        Some(Joined {
            base,
            names: vec![name],
            is_path_object: false,
            assignment: None,
        })
    }

    /// Where the folder ends and where the name starts, in front of element `first`.
    fn fold_at(
        &self,
        elements: &[&InterpolatedStringElement],
        first: usize,
    ) -> Option<(usize, usize)> {
        let before = elements.get(first.checked_sub(1)?)?;
        match before {
            InterpolatedStringElement::Literal(literal) => {
                let raw = self.module().source(literal.range);
                let slash = raw.rfind('/')?;
                let at = literal.range.start().to_usize() + slash;
                Some((at, at + 1))
            }
            InterpolatedStringElement::Interpolation(value) => {
                let end = value.range.end().to_usize();
                self.ends_with_slash(&value.expression)
                    .then_some((end, end))
            }
        }
    }

    /// The part of an f-string in `span` as an expression of its own.
    fn piece(
        &self,
        elements: &[&InterpolatedStringElement],
        span: Span,
        prefix: &str,
        quotes: &str,
    ) -> Option<String> {
        let raw = self.module().source(span);
        if raw.is_empty() {
            return None;
        }
        let inside: Vec<_> = elements
            .iter()
            .filter(|element| Span::from(element.range()).overlaps(span))
            .collect();
        if let [InterpolatedStringElement::Interpolation(value)] = inside.as_slice()
            && Span::from(value.range) == span
            && value.format_spec.is_none()
            && value.conversion.is_none()
        {
            return Some(requoted(self.module(), self.text(&value.expression)));
        }
        let has_values = inside
            .iter()
            .any(|element| matches!(element, InterpolatedStringElement::Interpolation(_)));
        if has_values || raw.contains(['{', '}']) {
            return Some(format!("{prefix}{quotes}{raw}{quotes}"));
        }
        let plain = prefix.replace(['f', 'F'], "");
        Some(format!("{plain}{quotes}{raw}{quotes}"))
    }

    /// Whether `expr` names a constant string that ends with a separator.
    fn ends_with_slash(&self, expr: &Expr) -> bool {
        let Expr::Name(name) = expr else {
            return false;
        };
        let scopes = self.model.names.scopes(self.file);
        let found = scopes.lookup(&name.id, name.range.start().to_usize());
        let Some((_, [binding])) = found else {
            return false;
        };
        let BindingKind::Value(value) = binding.kind else {
            return false;
        };
        matches!(self.module().expression_at(value),
            Some(Expr::StringLiteral(literal)) if literal.value.to_str().ends_with('/'))
    }

    /// The one assignment in the same function that gives `name` its value.
    pub fn assignment_of(&self, name: &str, offset: usize) -> Option<Assignment> {
        let scopes = self.model.names.scopes(self.file);
        let (scope, bindings) = scopes.lookup(name, offset)?;
        let binding = match bindings {
            [only] => only,
            several => self.in_force(several, offset)?,
        };
        let BindingKind::Value(value) = binding.kind else {
            return None;
        };
        let is_simple = matches!(self.module().statement_exactly(binding.span),
            Some(Stmt::Assign(assign)) if assign.targets.len() == 1 && assign.targets[0].is_name_expr());
        (is_simple && scope.kind == ScopeKind::Function && binding.span.end <= offset).then(|| {
            Assignment {
                name: name.to_owned(),
                statement: binding.span,
                value,
            }
        })
    }

    /// Of several bindings the one that is in force at `offset` on every path: the last one in
    /// front of it, in a block that holds `offset` too, and bound by no later turn of a loop.
    fn in_force<'b>(&self, bindings: &'b [Binding], offset: usize) -> Option<&'b Binding> {
        let module = self.module();
        let last = bindings
            .iter()
            .filter(|binding| binding.span.end <= offset)
            .max_by_key(|binding| binding.span.start)?;
        let own = blocks_around(module, last.span);
        let here = blocks_around(module, Span::at(offset));
        let is_certain = own.iter().all(|block| here.contains(block));
        let comes_around = here
            .iter()
            .filter(|block| !own.contains(block))
            .any(|block| bindings.iter().any(|binding| block.contains(binding.span)));
        (is_certain && !comes_around).then_some(last)
    }

    /// Whether no name inside the assigned expression is bound again before its use.
    fn still_means_the_same(&self, joined: &Joined, assigned: Span, used: Span) -> bool {
        let scope = self.model.names.scopes(self.file).at(used.start);
        let texts = joined.names.iter().chain([&joined.base]);
        let words: Vec<&str> = texts
            .flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .collect();
        let rebound = scope.bindings.iter().any(|(name, bindings)| {
            words.contains(&&**name)
                && bindings.iter().any(|binding| {
                    assigned.end <= binding.span.start && binding.span.start < used.start
                })
        });
        !rebound
    }

    /// How often `name` is read in the function around `offset`.
    pub fn uses_of(&self, name: &str, offset: usize) -> usize {
        let read = |used: &&NameUse<'_>| used.name == name && used.is_read;
        self.names_at(offset).iter().filter(read).count()
    }

    /// The first of `candidates` that the function at `offset` does not use yet.
    pub fn free_name(&self, candidates: &[&str], offset: usize) -> Option<String> {
        let scopes = self.model.names.scopes(self.file);
        let used = self.names_at(offset);
        let is_free = |name: &&&str| {
            !used.iter().any(|used| used.name == **name) && scopes.lookup(name, offset).is_none()
        };
        candidates
            .iter()
            .find(is_free)
            .map(|name| (*name).to_owned())
    }

    /// Every name in the scope around `offset`, attributes and keywords aside.
    fn names_at(&self, offset: usize) -> Vec<NameUse<'a>> {
        let mut names = NamesIn {
            scope: self.model.names.scopes(self.file).at(offset).span,
            found: Vec::new(),
        };
        names.visit_body(self.module().body());
        names.found
    }
}

/// The blocks of statements that hold `span`, outermost first; the module's own aside.
fn blocks_around(module: &Module, span: Span) -> Vec<Span> {
    let mut found = Vec::new();
    for node in module.ancestors(span) {
        let bodies: Vec<&[Stmt]> = match node {
            AnyNodeRef::StmtFunctionDef(it) => vec![&it.body],
            AnyNodeRef::StmtWith(it) => vec![&it.body],
            AnyNodeRef::StmtFor(it) => vec![&it.body, &it.orelse],
            AnyNodeRef::StmtWhile(it) => vec![&it.body, &it.orelse],
            AnyNodeRef::StmtTry(it) => vec![&it.body, &it.orelse, &it.finalbody],
            AnyNodeRef::ExceptHandlerExceptHandler(it) => vec![&it.body],
            AnyNodeRef::MatchCase(it) => vec![&it.body],
            AnyNodeRef::StmtIf(it) => {
                let clauses = it.elif_else_clauses.iter().map(|clause| &*clause.body);
                std::iter::once(&*it.body).chain(clauses).collect()
            }
            _ => continue,
        };
        let spans = bodies.into_iter().filter_map(|body| {
            let (first, last) = (body.first()?, body.last()?);
            Some(Span::from(first.range().cover(last.range())))
        });
        found.extend(spans.filter(|block| block.contains(span)));
    }
    found
}

/// One occurrence of a name.
struct NameUse<'a> {
    name: &'a str,
    is_read: bool,
}

struct NamesIn<'a> {
    scope: Span,
    found: Vec<NameUse<'a>>,
}

impl<'a> SourceOrderVisitor<'a> for NamesIn<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        let span = Span::from(node.range());
        let is_near = span.contains(self.scope) || self.scope.contains(span);
        if is_near {
            TraversalSignal::Traverse
        } else {
            TraversalSignal::Skip
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            self.found.push(NameUse {
                name: &name.id,
                is_read: name.ctx == ExprContext::Load,
            });
        }
        walk_expr(self, expr);
    }
}

fn flatten_addition<'a>(expr: &'a Expr, parts: &mut Vec<&'a Expr>) {
    match expr {
        Expr::BinOp(operation) if operation.op == Operator::Add => {
            flatten_addition(&operation.left, parts);
            flatten_addition(&operation.right, parts);
        }
        other => parts.push(other),
    }
}

/// A string literal's source without the slash in front of its closing quote.
fn without_trailing_slash(literal: &str) -> Option<String> {
    let quote = literal.chars().next_back()?;
    let body = literal.strip_suffix(quote)?.strip_suffix('/')?;
    Some(format!("{body}{quote}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::model;

    /// The parts of the argument of `sink(…)`, where `name` and `user` are the client's.
    fn split(line: &str) -> Option<(String, Vec<String>)> {
        let source = format!(
            "import os, flask\nfrom pathlib import Path\nUP = 'up/'\ndef f(name, user):\n    {line}\n"
        );
        let model = model(&[("app.py", &source)]);
        let file = model.modules.by_path("app.py").unwrap();
        let module = model.modules.get(file);
        let start = source.find("sink(").unwrap();
        let end = start + source[start..].find('\n').unwrap();
        let call = module.call_at(Span::new(start, end)).unwrap();
        let tainted: Vec<Span> = module
            .tokens()
            .iter()
            .map(|token| Span::from(token.range()))
            .filter(|span| matches!(&source[span.start..span.end], "name" | "user"))
            .collect();
        let splitter = Splitter {
            model: &model,
            file,
            tainted: &tainted,
        };
        let joined = splitter.split(&call.arguments.args[0])?;
        Some((joined.base, joined.names))
    }

    #[test]
    fn shapes_are_taken_apart() {
        for (line, base, names) in [
            ("sink(os.path.join(BASE, name))", "BASE", &["name"][..]),
            (
                "sink(os.path.join(A, 'b', name))",
                "os.path.join(A, 'b')",
                &["name"],
            ),
            (
                "sink(os.path.join(BASE, name + '.pdf'))",
                "BASE",
                &["name + '.pdf'"],
            ),
            (
                "sink(os.path.join(BASE, user, name))",
                "BASE",
                &["user", "name"],
            ),
            (
                "sink(os.path.join(BASE, user, 'a.png'))",
                "BASE",
                &["f\"{user}/a.png\""],
            ),
            ("sink(f'uploads/{name}')", "'uploads'", &["name"]),
            (
                "sink(f'uploads/{name}.pdf')",
                "'uploads'",
                &["f'{name}.pdf'"],
            ),
            ("sink(f'{BASE}/{name}')", "BASE", &["name"]),
            ("sink(f'{BASE}/docs/{name}')", "f'{BASE}/docs'", &["name"]),
            ("sink(f'{UP}{name}')", "UP", &["name"]),
            ("sink('uploads/' + name)", "'uploads'", &["name"]),
            ("sink(BASE + '/' + name)", "BASE", &["name"]),
            (
                "sink(BASE + '/docs/' + name + '.md')",
                "BASE + '/docs'",
                &["name + '.md'"],
            ),
            ("sink(UP + name)", "UP", &["name"]),
            ("sink('uploads/%s' % name)", "'uploads'", &["name"]),
            (
                "sink('uploads/%s.pdf' % name)",
                "'uploads'",
                &["'%s.pdf' % name"],
            ),
            ("sink('%s/%s' % (BASE, name))", "BASE", &["name"]),
            ("sink('uploads/{}'.format(name))", "'uploads'", &["name"]),
            ("sink(Path(BASE) / name)", "Path(BASE)", &["name"]),
            ("sink(str(BASE / user / name))", "BASE", &["user", "name"]),
            ("sink(BASE.joinpath(name))", "BASE", &["name"]),
            (
                "path = os.path.join(BASE, name)\n    sink(path)",
                "BASE",
                &["name"],
            ),
            (
                "path = 'x'\n    path = os.path.join(BASE, name)\n    if user:\n        sink(path)",
                "BASE",
                &["name"],
            ),
            (
                "if user:\n        path = os.path.join(A, user)\n    else:\n        path = os.path.join(BASE, name)\n        sink(path)",
                "BASE",
                &["name"],
            ),
            (
                "sink(os.path.abspath(os.path.join('up', name)))",
                "os.path.abspath('up')",
                &["name"],
            ),
        ] {
            let found = split(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(found.0, base, "{line}");
            assert_eq!(found.1, names, "{line}");
        }
    }

    #[test]
    fn an_open_folder_is_left_open() {
        for line in [
            "sink(name)",
            "sink(os.path.join(name, 'x'))",
            "sink(BASE + name)",
            "sink(f'{name}')",
            "sink('/' + name)",
            "path = os.path.join(BASE, name)\n    name = clean(name)\n    sink(path)",
            "path = os.path.join(BASE, name)\n    if user:\n        path = name\n    sink(path)",
            "path = os.path.join(BASE, name)\n    for user in A:\n        sink(path)\n        path = name",
            "try:\n        path = os.path.join(BASE, name)\n    except ValueError:\n        path = name\n    sink(path)",
        ] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
