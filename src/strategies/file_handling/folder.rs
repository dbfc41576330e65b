//! Where on the disk an expression points, as far as constants tell.

use ruff_python_ast::{Expr, ExprCall, FStringPart, InterpolatedStringElement, Operator, Stmt};
use ruff_text_size::Ranged as _;

use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, Qualified};
use crate::text::Span;

/// Longest chain of names and settings that is followed.
const MAX_STEPS: usize = 12;

/// A folder or file: what it starts from, and what is known of the way below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub root: Root,
    /// One entry per level; `None` is a level (or several) that only running shows.
    pub parts: Vec<Option<String>>,
    /// The expression that the path starts with, where its text is decided.
    pub start: (ModuleId, Span),
}

/// What a path starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Root {
    /// A constant without a leading slash.
    Relative,
    /// A constant with one.
    Absolute,
    /// Absolute for sure, by an expression of that text.
    Anchored(String),
    /// A setting that nothing visible sets, or that several places set differently.
    Setting(String),
    /// Anything else, named by its place and text.
    Open(String),
}

impl Folder {
    /// The folder that `expr` of `module` names.
    pub fn of(model: &Model, module: ModuleId, expr: &Expr) -> Self {
        Reader { model }.read(module, expr, MAX_STEPS)
    }

    /// Whether one of the two can lie inside the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.root == other.root
            && self
                .parts
                .iter()
                .zip(&other.parts)
                .all(|(one, another)| match (one, another) {
                    (Some(one), Some(another)) => one == another,
                    _ => true,
                })
    }

    /// Whether it is absolute wherever the server is started.
    pub const fn is_absolute(&self) -> bool {
        matches!(self.root, Root::Absolute | Root::Anchored(_))
    }

    fn below(mut self, part: Option<String>) -> Self {
        match part {
            None => self.parts.push(None),
            Some(text) => {
                let levels = text.split('/').filter(|it| !matches!(*it, "" | "."));
                self.parts
                    .extend(levels.map(|level| Some(level.to_owned())));
            }
        }
        self
    }
}

struct Reader<'m> {
    model: &'m Model,
}

impl Reader<'_> {
    fn read(&self, module: ModuleId, expr: &Expr, steps: usize) -> Folder {
        let Some(steps) = steps.checked_sub(1) else {
            return self.open(module, expr);
        };
        match expr {
            Expr::StringLiteral(literal) => {
                let text = literal.value.to_str();
                let root = match text.starts_with('/') {
                    true => Root::Absolute,
                    false => Root::Relative,
                };
                Self::starting(module, expr, root).below(Some(text.to_owned()))
            }
            Expr::Name(name) if name.id.as_str() == "__file__" => self.anchored(module, expr),
            Expr::Name(_) | Expr::Attribute(_) => self.named(module, expr, steps),
            Expr::Subscript(subscript) => match &*subscript.slice {
                Expr::StringLiteral(key) if is_configuration(&subscript.value) => {
                    self.setting(module, expr, key.value.to_str(), steps)
                }
                _ => self.open(module, expr),
            },
            Expr::Call(call) => self.called(module, expr, call, steps),
            Expr::BinOp(binary) if matches!(binary.op, Operator::Div | Operator::Add) => {
                let folder = self.read(module, &binary.left, steps);
                folder.below(constant(&binary.right))
            }
            Expr::FString(string) => {
                let mut elements = string.value.iter().flat_map(|part| match part {
                    FStringPart::FString(inner) => inner.elements.iter().collect::<Vec<_>>(),
                    FStringPart::Literal(_) => Vec::new(),
                });
                match elements.next() {
                    Some(InterpolatedStringElement::Interpolation(value)) => {
                        self.read(module, &value.expression, steps).below(None)
                    }
                    Some(InterpolatedStringElement::Literal(literal)) => {
                        let root = match literal.value.starts_with('/') {
                            true => Root::Absolute,
                            false => Root::Relative,
                        };
                        let folder = literal.value.rsplit_once('/').map(|it| it.0.to_owned());
                        let whole = Self::starting(module, expr, root);
                        whole.below(Some(folder.unwrap_or_default())).below(None)
                    }
                    None => self.open(module, expr),
                }
            }
            _ => self.open(module, expr),
        }
    }

    fn called(&self, module: ModuleId, expr: &Expr, call: &ExprCall, steps: usize) -> Folder {
        let names = &self.model.names;
        let callee = names.callee(&self.model.modules, module, &call.func);
        let first = call.arguments.args.first();
        match (callee.as_ref().and_then(|callee| callee.external()), first) {
            (Some("os.path.join" | "pathlib.Path"), Some(first)) => {
                let folder = self.read(module, first, steps);
                let rest = call.arguments.args.iter().skip(1);
                return rest.fold(folder, |folder, arg| folder.below(constant(arg)));
            }
            (Some("os.path.normpath" | "os.fspath" | "builtins.str"), Some(first)) => {
                return self.read(module, first, steps);
            }
            (Some("os.path.abspath" | "os.path.realpath"), Some(first)) => {
                return self.made_absolute(module, first, steps);
            }
            (Some("os.path.dirname"), Some(_)) => return self.anchored_or_open(module, expr),
            (Some("os.getcwd" | "pathlib.Path.cwd" | "pathlib.Path.home"), _) => {
                return self.anchored(module, expr);
            }
            _ => {}
        }
        if let Some((home, value)) = self.returned(callee.as_ref()) {
            return self.read(home, value, steps);
        }
        let Expr::Attribute(method) = &*call.func else {
            return self.open(module, expr);
        };
        match (method.attr.as_str(), first) {
            ("resolve" | "absolute", _) => self.made_absolute(module, &method.value, steps),
            ("joinpath", Some(_)) => {
                let folder = self.read(module, &method.value, steps);
                let args = call.arguments.args.iter();
                args.fold(folder, |folder, arg| folder.below(constant(arg)))
            }
            ("get", Some(Expr::StringLiteral(key))) if is_configuration(&method.value) => {
                self.setting(module, expr, key.value.to_str(), steps)
            }
            _ => self.open(module, expr),
        }
    }

    /// What a function of the repository gives, where it ends with its only `return`.
    fn returned(&self, callee: Option<&Qualified>) -> Option<(ModuleId, &Expr)> {
        let names = &self.model.names;
        let (home, function) = names.function(&self.model.modules, callee?)?;
        let (last, before) = function.body.split_last()?;
        let returns = |stmt: &Stmt| {
            let module = self.model.modules.get(home);
            module.source(stmt.range()).contains("return")
        };
        match last {
            Stmt::Return(last) if !before.iter().any(returns) => {
                Some((home, last.value.as_deref()?))
            }
            _ => None,
        }
    }

    /// `abspath("uploads")` lies below the working folder, whichever that is.
    fn made_absolute(&self, module: ModuleId, inner: &Expr, steps: usize) -> Folder {
        let folder = self.read(module, inner, steps);
        let root = match folder.root {
            Root::Relative => Root::Anchored("the working folder".into()),
            Root::Setting(text) | Root::Open(text) => Root::Anchored(text),
            root => root,
        };
        Folder { root, ..folder }
    }

    fn named(&self, module: ModuleId, expr: &Expr, steps: usize) -> Folder {
        if let Expr::Attribute(attribute) = expr {
            match attribute.attr.as_str() {
                "root_path" | "instance_path" | "static_folder" => {
                    return Self::starting(
                        module,
                        expr,
                        Root::Anchored(attribute.attr.to_string()),
                    );
                }
                "parent" => return self.anchored_or_open(module, expr),
                _ => {}
            }
        }
        let found = self.value_of(module, expr);
        match found {
            Some((at, value)) => match self.model.modules.get(at).expression_at(value) {
                Some(value) => self.read(at, value, steps),
                None => self.open(module, expr),
            },
            None => self.open(module, expr),
        }
    }

    /// The one expression that a name is assigned.
    fn value_of(&self, module: ModuleId, expr: &Expr) -> Option<(ModuleId, Span)> {
        let names = &self.model.names;
        if let Expr::Name(name) = expr {
            let offset = name.range.start().to_usize();
            let found = names.scopes(module).lookup(&name.id, offset);
            if let Some((_, [binding])) = found
                && let BindingKind::Value(value) = binding.kind
            {
                return Some((module, value));
            }
        }
        let qualified = names.qualify(&self.model.modules, module, expr)?;
        let definition = names.definition(&qualified)?;
        match definition.binding.kind {
            BindingKind::Value(value) => Some((definition.module, value)),
            _ => None,
        }
    }

    /// What the setting is, where all places that set it agree.
    fn setting(&self, module: ModuleId, expr: &Expr, key: &str, steps: usize) -> Folder {
        let writes = self.model.configuration.writes(key);
        let mut folders = writes.filter_map(|write| {
            let tree = self.model.modules.get(write.module);
            let is_here = tree.path() == &write.value_at.path;
            let value = tree
                .expression_at(write.value_at.span)
                .filter(|_| is_here)?;
            let is_application = tree.file.purpose.is_application();
            is_application.then(|| self.read(write.module, value, steps))
        });
        let Some(first) = folders.next() else {
            return Self::starting(module, expr, Root::Setting(key.to_owned()));
        };
        let agree = folders.all(|it| it.root == first.root && it.parts == first.parts);
        match agree {
            true => first,
            false => Self::starting(module, expr, Root::Setting(key.to_owned())),
        }
    }

    fn anchored(&self, module: ModuleId, expr: &Expr) -> Folder {
        let tree = self.model.modules.get(module);
        let name = format!("{}: {}", tree.path(), tree.source(expr.range()));
        Self::starting(module, expr, Root::Anchored(name))
    }

    /// The folder around something: absolute where the module's own place comes in.
    fn anchored_or_open(&self, module: ModuleId, expr: &Expr) -> Folder {
        let text = self.model.modules.get(module).source(expr.range());
        match text.contains("__file__") {
            true => self.anchored(module, expr),
            false => self.open(module, expr),
        }
    }

    fn open(&self, module: ModuleId, expr: &Expr) -> Folder {
        let tree = self.model.modules.get(module);
        let name = format!("{}: {}", tree.path(), tree.source(expr.range()));
        Self::starting(module, expr, Root::Open(name))
    }

    fn starting(module: ModuleId, expr: &Expr, root: Root) -> Folder {
        Folder {
            root,
            parts: Vec::new(),
            start: (module, expr.range().into()),
        }
    }
}

fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        _ => None,
    }
}

/// `app.config`, `current_app.config`, `config`.
fn is_configuration(expr: &Expr) -> bool {
    match expr {
        Expr::Attribute(attribute) => attribute.attr.as_str() == "config",
        Expr::Name(name) => name.id.as_str() == "config",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::model;

    /// The folder of the last statement, an expression.
    fn folder(source: &str) -> Folder {
        let source = format!("import flask\n{source}");
        let model = model(&[("app.py", &source)]);
        let module = model.modules.by_path("app.py").unwrap();
        let last = model.modules.get(module).body().last().unwrap();
        let expr = last.as_expr_stmt().unwrap();
        Folder::of(&model, module, &expr.value)
    }

    #[test]
    fn constants_are_followed_through_names_and_settings() {
        for source in [
            "'uploads'",
            "UP = './uploads/'\nUP",
            "from flask import Flask\napp = Flask(__name__)\napp.config['UP'] = 'uploads'\napp.config['UP']",
            "from flask import Flask\nUP = 'uploads'\napp = Flask(__name__)\napp.config.update(UP=UP)\napp.config.get('UP')",
        ] {
            let folder = folder(source);
            assert_eq!(folder.root, Root::Relative, "{source}");
            assert_eq!(folder.parts, [Some("uploads".to_owned())], "{source}");
        }
    }

    #[test]
    fn what_is_anchored_is_absolute() {
        for source in [
            "'/srv/uploads'",
            "import os\nBASE = os.path.abspath(os.path.dirname(__file__))\nos.path.join(BASE, 'uploads')",
            "from pathlib import Path\nPath(__file__).resolve().parent / 'uploads'",
            "import os\nos.path.join(app.root_path, 'uploads')",
            "import os\nos.path.abspath('uploads')",
        ] {
            assert!(folder(source).is_absolute(), "{source}");
        }
        assert!(!folder("def f(folder): return folder\nf('x')").is_absolute());
    }

    #[test]
    fn folders_overlap_when_one_lies_inside_the_other() {
        let base = "import os\nB = '/srv'\n";
        let of = |text: &str| folder(&format!("{base}{text}"));
        assert!(of("os.path.join(B, 'a')").overlaps(&of("os.path.join(B, 'a', name)")));
        assert!(of("B").overlaps(&of("f'{B}/{name}'")));
        assert!(!of("os.path.join(B, 'a')").overlaps(&of("os.path.join(B, 'b')")));
        assert!(!of("'srv'").overlaps(&of("B")));
    }
}
