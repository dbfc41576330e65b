//! Code that stops the start when a key is missing or short, and the edit that adds it.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{CmpOp, Expr, Number, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::keys::{self, Kind};
use crate::discover::Purpose;
use crate::edit::config::requoted;
use crate::edit::imports::module_for;
use crate::finding::Edit;
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{Environment, Literal, Value};
use crate::model::modules::ModuleId;
use crate::model::names::BindingKind;
use crate::parse::python::Module;
use crate::text::{Location, Span};

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// What a check is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub location: Location,
    /// A short value is refused as well, not only a missing one.
    pub length: bool,
}

/// The best check of `key` in the application's code.
pub(super) fn find(model: &Model, key: &str) -> Option<Check> {
    let mut best: Option<Check> = None;
    for (id, module) in model.modules.iter() {
        let is_own = module.file.purpose == Purpose::Application;
        if !is_own || !mentions(module.file.text.as_str(), key) {
            continue;
        }
        let mut finder = Finder {
            model,
            module: id,
            tree: module,
            key,
            found: Vec::new(),
        };
        StatementVisitor::visit_body(&mut finder, module.body());
        let mut calls = Calls(Vec::new());
        SourceOrderVisitor::visit_body(&mut calls, module.body());
        for call in calls.0 {
            finder.loader(call);
        }
        for check in finder.found {
            if best
                .as_ref()
                .is_none_or(|known| check.length && !known.length)
            {
                best = Some(check);
            }
        }
    }
    best
}

/// Whether the start stops when `key` is that very value, or one as short: the default of
/// development is refused in production.
pub(super) fn refuses(model: &Model, key: &str, value: &str) -> bool {
    model.modules.iter().any(|(id, module)| {
        let text = module.file.text.as_str();
        let is_own = module.file.purpose == Purpose::Application;
        if !is_own || !mentions(text, key) {
            return false;
        }
        let mut refusals = Refusals {
            model,
            module: id,
            key,
            value,
            found: false,
        };
        StatementVisitor::visit_body(&mut refusals, module.body());
        refusals.found
    })
}

struct Refusals<'m, 'k> {
    model: &'m Model,
    module: ModuleId,
    key: &'k str,
    value: &'k str,
    found: bool,
}

impl<'m> StatementVisitor<'m> for Refusals<'m, '_> {
    fn visit_stmt(&mut self, stmt: &'m Stmt) {
        if let Stmt::If(branch) = stmt
            && stops(self.model, self.module, &branch.body)
            && is_about(&followed(self.model, self.module, &branch.test), self.key)
        {
            let mut texts = Texts(Vec::new());
            texts.visit_expr(&branch.test);
            let mut lengths = Lengths(Vec::new());
            lengths.visit_expr(&branch.test);
            let length = self.value.chars().count();
            self.found |= texts.0.contains(&self.value);
            self.found |= lengths.0.iter().any(|least| length < *least);
        }
        walk_stmt(self, stmt);
    }
}

/// The texts of an expression.
struct Texts<'a>(Vec<&'a str>);

impl<'a> SourceOrderVisitor<'a> for Texts<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::StringLiteral(text) = expr {
            self.0.push(text.value.to_str());
        }
        walk_expr(self, expr);
    }
}

/// What lengths are compared with: the number of `len(…) < number`.
struct Lengths(Vec<usize>);

impl<'a> SourceOrderVisitor<'a> for Lengths {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Compare(compare) = expr
            && let Expr::Call(call) = &*compare.left
            && matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "len")
            && let ([CmpOp::Lt], [Expr::NumberLiteral(number)]) =
                (&*compare.ops, &*compare.comparators)
            && let Number::Int(number) = &number.value
        {
            self.0.extend(number.as_usize());
        }
        walk_expr(self, expr);
    }
}

fn mentions(source: &str, key: &str) -> bool {
    source.contains(key) || (key == "SECRET_KEY" && source.contains("secret_key"))
}

struct Finder<'m, 'k> {
    model: &'m Model,
    module: ModuleId,
    tree: &'m Module,
    key: &'k str,
    found: Vec<Check>,
}

impl<'m> StatementVisitor<'m> for Finder<'m, '_> {
    fn visit_stmt(&mut self, stmt: &'m Stmt) {
        match stmt {
            Stmt::If(branch) if stops(self.model, self.module, &branch.body) => {
                self.consider(&branch.test, stmt);
            }
            Stmt::Assert(assert) => self.consider(&assert.test, stmt),
            _ => {}
        }
        walk_stmt(self, stmt);
    }
}

impl<'m> Finder<'m, '_> {
    fn consider(&mut self, test: &'m Expr, stmt: &'m Stmt) {
        let text = followed(self.model, self.module, test);
        if is_about(&text, self.key) {
            self.found.push(Check {
                location: self.tree.location(stmt.range()),
                length: text.contains("len("),
            });
        }
    }

    /// Whether the key is set from what the call returns, whatever the variable is called.
    fn is_value(&self, call: &ruff_python_ast::ExprCall) -> bool {
        let span = Span::from(call.range());
        let mut writes = self.model.configuration.writes(self.key);
        writes.any(|write| {
            write.value_at.path == *self.tree.path() && write.value_at.span.contains(span)
        })
    }

    /// `load_secret("SECRET_KEY")`: a function of the repository that refuses.
    fn loader(&mut self, call: &'m ruff_python_ast::ExprCall) {
        let passes =
            call.arguments.args.iter().any(
                |arg| matches!(arg, Expr::StringLiteral(text) if text.value.to_str() == self.key),
            );
        let is_lenient = call
            .arguments
            .find_keyword("required")
            .is_some_and(|keyword| self.tree.source(keyword.value.range()) == "False");
        if is_lenient || !(passes || self.is_value(call)) {
            return;
        }
        let names = &self.model.names;
        let modules = &self.model.modules;
        let callee = names.callee(modules, self.module, &call.func);
        let Some((home, function)) = callee.and_then(|it| names.function(modules, &it)) else {
            return;
        };
        let source = modules.get(home).source(StmtFunctionDef::range(function));
        if source.contains("raise ") {
            self.found.push(Check {
                location: self.tree.location(call.range()),
                length: source.contains("len("),
            });
        }
    }
}

/// The source of a test, with what the names in it are set to.
fn followed(model: &Model, module: ModuleId, test: &Expr) -> String {
    let tree = model.modules.get(module);
    let mut text = tree.source(test.range()).to_owned();
    let mut names = Names(Vec::new());
    names.visit_expr(test);
    for name in names.0 {
        let scopes = model.names.scopes(module);
        let found = scopes.lookup(&name.id, name.range.start().to_usize());
        for binding in found.map_or(&[][..], |(_, bindings)| bindings) {
            if let BindingKind::Value(span) = binding.kind {
                text.push('\n');
                text.push_str(tree.source(span));
            }
        }
    }
    text
}

/// Whether a text asks for the key: its name as a whole, or Flask's attribute.
fn is_about(text: &str, key: &str) -> bool {
    let whole = text.match_indices(key).any(|(at, _)| {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let before = text[..at].chars().next_back();
        let after = text[at + key.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    });
    whole || (key == "SECRET_KEY" && text.contains(".secret_key"))
}

/// Whether the body ends the start, itself or by a function of the repository that always does.
fn stops(model: &Model, module: ModuleId, body: &[Stmt]) -> bool {
    body.iter().any(|stmt| {
        ends(model.modules.get(module), stmt)
            || called(model, module, stmt).is_some_and(|(home, function)| {
                let tree = model.modules.get(home);
                !function.is_async
                    && function.decorator_list.is_empty()
                    && before_returning(&function.body).any(|stmt| ends(tree, stmt))
            })
    })
}

/// The statements of a function that every call comes to, as far as no early return is seen.
fn before_returning(body: &[Stmt]) -> impl Iterator<Item = &Stmt> {
    body.iter().take_while(|stmt| {
        !matches!(
            stmt,
            Stmt::Return(_)
                | Stmt::If(_)
                | Stmt::Try(_)
                | Stmt::For(_)
                | Stmt::While(_)
                | Stmt::Match(_)
        )
    })
}

fn ends(tree: &Module, stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Raise(raise) => raise.exc.is_some(),
        Stmt::Expr(expr) => matches!(&*expr.value, Expr::Call(call)
            if matches!(tree.source(call.func.range()), "sys.exit" | "exit" | "quit" | "os._exit")),
        _ => false,
    }
}

/// The function of the repository that the statement calls.
fn called<'m>(
    model: &'m Model,
    module: ModuleId,
    stmt: &Stmt,
) -> Option<(ModuleId, &'m StmtFunctionDef)> {
    let Stmt::Expr(expr) = stmt else {
        return None;
    };
    let Expr::Call(call) = &*expr.value else {
        return None;
    };
    let callee = model.names.callee(&model.modules, module, &call.func)?;
    model.names.function(&model.modules, &callee)
}

struct Names<'a>(Vec<&'a ruff_python_ast::ExprName>);

impl<'a> SourceOrderVisitor<'a> for Names<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            self.0.push(name);
        }
        walk_expr(self, expr);
    }
}

struct Calls<'a>(Vec<&'a ruff_python_ast::ExprCall>);

impl<'a> SourceOrderVisitor<'a> for Calls<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.0.push(call);
        }
        walk_expr(self, expr);
    }
}

/// The check of `key` as the last step of the application's set-up. Nothing where one is in
/// place, or where no place is known.
pub(super) fn add(model: &Model, app: AppId, key: &str) -> Option<Edit> {
    check(model, app, key, None)
}

/// The same check, but not where `FLASK_ENV` declares development: a short default may stay.
pub(super) fn add_outside_development(model: &Model, app: AppId, key: &str) -> Option<Vec<Edit>> {
    let end = model.configuration.end_of_setup(app)?;
    let module = model.modules.by_path(&end.path)?;
    let (os, import) = module_for(model, module, end.offset, "os");
    let mut edits = vec![check(model, app, key, Some(&os))?];
    edits.extend(import);
    Some(edits)
}

/// `os` is given where declared development goes without the check.
fn check(model: &Model, app: AppId, key: &str, os: Option<&str>) -> Option<Edit> {
    if find(model, key).is_some_and(|check| check.length || keys::kind(key) == Kind::Salt) {
        return None;
    }
    let end = model.configuration.end_of_setup(app)?;
    let file = model.repo.file(&end.path)?;
    let text = &file.text;
    let newline = text.newline();
    let step = if end.indentation.contains('\t') {
        "\t"
    } else {
        "    "
    };
    let is_open = end.offset >= text.len() && !text.is_empty() && !text.as_str().ends_with('\n');
    let open = if is_open { newline } else { "" };
    let (indent, name) = (&end.indentation, &end.name);
    let tests = match tests_need_leave(model, app, key) {
        true => format!("not {name}.testing and "),
        false => String::new(),
    };
    let (test, reason) = match keys::kind(key) {
        Kind::Key => (
            format!(
                "{tests}len({name}.config[\"{key}\"] or \"\") < {}",
                keys::MIN_LENGTH
            ),
            format!(
                "{key} is missing or shorter than {} characters",
                keys::MIN_LENGTH
            ),
        ),
        Kind::Salt => (
            format!("{tests}not {name}.config[\"{key}\"]").replace("and not", "and not"),
            format!("{key} is missing"),
        ),
    };
    let (outer, indent) = match os {
        Some(os) => (
            format!("{indent}if {os}.environ.get(\"FLASK_ENV\") != \"development\":{newline}"),
            format!("{indent}{step}"),
        ),
        None => (String::new(), indent.clone()),
    };
    let mut raise = format!("{indent}{step}raise RuntimeError(\"{reason}\")");
    if raise.chars().count() > LINE_LENGTH {
        raise = format!(
            "{indent}{step}raise RuntimeError({newline}{indent}{step}{step}\"{reason}\"\
             {newline}{indent}{step})"
        );
    }
    let lines = format!("{open}{outer}{indent}if {test}:{newline}{raise}{newline}");
    let module = model.modules.by_path(&end.path)?;
    let lines = requoted(model.modules.get(module), &lines);
    Some(Edit::insert(&end.path, end.offset, lines))
}

/// Whether the tests run with a key of their own that the check would refuse.
fn tests_need_leave(model: &Model, app: AppId, key: &str) -> bool {
    let own = model.configuration.value(app, key, Environment::Testing);
    let production = model.configuration.value(app, key, Environment::Production);
    match own {
        Some(Value::Known(Literal::Str(text))) if own != production => {
            text.len() < keys::MIN_LENGTH
        }
        _ => false,
    }
}
