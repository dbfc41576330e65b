//! From expressions to qualified names, and from qualified names to definitions.

use std::fmt;

use ruff_python_ast::{Expr, Stmt, StmtClassDef, StmtFunctionDef};

use super::scope::{Binding, BindingKind, Imported, ScopeKind};
use super::{ModuleId, Modules, Names};
use crate::text::Span;

/// Longest chain of aliases, re-exports and base classes that is followed.
pub(super) const MAX_STEPS: usize = 24;

/// A name as the whole program knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Qualified {
    /// Something of a library, by its public dotted name ("flask.send_file").
    External(String),
    /// Something of the repository: the module, and the path inside it ("" is the module
    /// itself, "Config.DEBUG" a class attribute).
    Internal(ModuleId, String),
}

impl Qualified {
    /// The library's dotted name.
    pub fn external(&self) -> Option<&str> {
        match self {
            Self::External(dotted) => Some(dotted),
            Self::Internal(..) => None,
        }
    }

    pub fn is(&self, dotted: &str) -> bool {
        self.external() == Some(dotted)
    }

    pub(super) fn member(self, name: &str) -> Self {
        match self {
            Self::External(dotted) => Self::External(public_name(format!("{dotted}.{name}"))),
            Self::Internal(module, path) if path.is_empty() => Self::Internal(module, name.into()),
            Self::Internal(module, path) => Self::Internal(module, format!("{path}.{name}")),
        }
    }
}

impl fmt::Display for Qualified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External(dotted) => f.write_str(dotted),
            Self::Internal(_, path) => f.write_str(path),
        }
    }
}

/// Where something of the repository is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub module: ModuleId,
    pub binding: Binding,
}

/// A library's object under the name its documentation uses.
fn public_name(dotted: String) -> String {
    const MOVED: &[(&str, &str)] = &[
        ("flask.app.", "flask."),
        ("flask.blueprints.", "flask."),
        ("flask.config.", "flask."),
        ("flask.ctx.", "flask."),
        ("flask.globals.", "flask."),
        ("flask.helpers.", "flask."),
        ("flask.templating.", "flask."),
        ("flask.wrappers.", "flask."),
        ("flask.Markup", "markupsafe.Markup"),
        ("flask.escape", "markupsafe.escape"),
        ("jinja2.Markup", "markupsafe.Markup"),
        ("jinja2.escape", "markupsafe.escape"),
        ("jinja2.utils.markupsafe.", "markupsafe."),
        ("jinja2.environment.", "jinja2."),
        (
            "jinja2.sandbox.SandboxedEnvironment",
            "jinja2.sandbox.SandboxedEnvironment",
        ),
        ("werkzeug.secure_filename", "werkzeug.utils.secure_filename"),
        ("werkzeug.run_simple", "werkzeug.serving.run_simple"),
        ("werkzeug.wrappers.response.", "werkzeug.wrappers."),
        ("werkzeug.utils.safe_join", "werkzeug.security.safe_join"),
        ("flask.safe_join", "werkzeug.security.safe_join"),
    ];
    for (private, public) in MOVED {
        let Some(rest) = dotted.strip_prefix(private) else {
            continue;
        };
        let whole = private.ends_with('.') || rest.is_empty() || rest.starts_with('.');
        if whole {
            return format!("{public}{rest}");
        }
    }
    dotted
}

impl Names {
    /// The qualified name that `expr` spells, if it is a name or a chain of attributes that
    /// leads to an import or a definition.
    pub fn qualify(&self, modules: &Modules, module: ModuleId, expr: &Expr) -> Option<Qualified> {
        self.qualify_within(modules, module, expr, MAX_STEPS)
    }

    /// What `name` means at `offset` of `module`.
    pub fn resolve_name(
        &self,
        modules: &Modules,
        module: ModuleId,
        name: &str,
        offset: usize,
    ) -> Option<Qualified> {
        self.name(modules, module, name, offset, MAX_STEPS)
    }

    /// `module.member`: something the module binds, or a submodule.
    pub fn resolve_member(
        &self,
        modules: &Modules,
        module: ModuleId,
        member: &str,
    ) -> Option<Qualified> {
        self.module_member(modules, module, member, MAX_STEPS)
    }

    pub(super) fn qualify_within(
        &self,
        modules: &Modules,
        module: ModuleId,
        expr: &Expr,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        match expr {
            Expr::Name(name) => self.name(
                modules,
                module,
                &name.id,
                name.range.start().to_usize(),
                steps,
            ),
            Expr::Attribute(attribute) => {
                let base = self.qualify_within(modules, module, &attribute.value, steps)?;
                self.member(modules, base, &attribute.attr, steps)
            }
            _ => None,
        }
    }

    /// What `name` means at `offset` of `module`.
    pub(super) fn name(
        &self,
        modules: &Modules,
        module: ModuleId,
        name: &str,
        offset: usize,
        steps: usize,
    ) -> Option<Qualified> {
        let Some((scope, bindings)) = self.scopes(module).lookup(name, offset) else {
            return self.starred(modules, module, name, steps);
        };
        let binding = bindings.last()?;
        match &binding.kind {
            BindingKind::Import(imported) => self.imported(modules, module, imported, steps),
            BindingKind::Function | BindingKind::Class => {
                let inner = scope.kind != ScopeKind::Function;
                inner.then(|| self.path_of(module, binding, name))?
            }
            BindingKind::Value(span) => {
                let aliases = bindings.len() == 1;
                let value = modules.get(module).expression_at(*span);
                let value = value.filter(|_| aliases);
                let alias =
                    value.and_then(|value| self.qualify_within(modules, module, value, steps));
                let global = scope.kind == ScopeKind::Module;
                alias.or_else(|| global.then(|| Qualified::Internal(module, name.into())))
            }
            BindingKind::Parameter(_) | BindingKind::Opaque => {
                let global = scope.kind == ScopeKind::Module;
                global.then(|| Qualified::Internal(module, name.into()))
            }
        }
    }

    /// The path of a definition inside its module, classes included.
    fn path_of(&self, module: ModuleId, binding: &Binding, name: &str) -> Option<Qualified> {
        let scopes = self.scopes(module);
        let outer = scopes.iter().rev().find(|scope| {
            scope.kind == ScopeKind::Class
                && scope.span.contains(binding.span)
                && scope.span != binding.span
        });
        let Some(class) = outer else {
            return Some(Qualified::Internal(module, name.into()));
        };
        let class_name = class_name_of(scopes, class.span)?;
        Some(Qualified::Internal(module, format!("{class_name}.{name}")))
    }

    pub(super) fn starred(
        &self,
        modules: &Modules,
        module: ModuleId,
        name: &str,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        for star in &self.scopes(module).module().stars {
            let imported = Imported {
                member: Some(name.into()),
                ..star.clone()
            };
            let target = self.imported(modules, module, &imported, steps);
            match target {
                Some(Qualified::Internal(found, path))
                    if self
                        .scopes(found)
                        .module()
                        .bindings
                        .contains_key(path.as_str()) =>
                {
                    return Some(Qualified::Internal(found, path));
                }
                Some(Qualified::External(dotted)) if is_exported(&dotted) => {
                    return Some(Qualified::External(dotted));
                }
                _ => {}
            }
        }
        None
    }

    pub(super) fn imported(
        &self,
        modules: &Modules,
        importer: ModuleId,
        imported: &Imported,
        steps: usize,
    ) -> Option<Qualified> {
        let found = modules.import(importer, imported.level, &imported.module);
        let Some(member) = &imported.member else {
            return Some(found.map_or_else(
                || Qualified::External(public_name(imported.module.to_string())),
                |module| Qualified::Internal(module, String::new()),
            ));
        };
        if let Some(target) = found {
            return self.module_member(modules, target, member, steps);
        }
        let dot = if imported.module.is_empty() { "" } else { "." };
        let dotted = format!("{}{dot}{member}", imported.module);
        if let Some(submodule) = modules.import(importer, imported.level, &dotted) {
            return Some(Qualified::Internal(submodule, String::new()));
        }
        (imported.level == 0).then(|| Qualified::External(public_name(dotted)))
    }

    /// `target.member`, where `target` is a module: something it binds, or a submodule.
    fn module_member(
        &self,
        modules: &Modules,
        target: ModuleId,
        member: &str,
        steps: usize,
    ) -> Option<Qualified> {
        let steps = steps.checked_sub(1)?;
        let bindings = self.scopes(target).module().bindings.get(member);
        if let Some(binding) = bindings.and_then(|bindings| bindings.last()) {
            if let BindingKind::Import(imported) = &binding.kind {
                // `from shop import config` inside shop/__init__.py means the submodule.
                if self.imports_itself(modules, target, imported, member)
                    && let Some(submodule) = modules.import(target, 1, member)
                {
                    return Some(Qualified::Internal(submodule, String::new()));
                }
                return self.imported(modules, target, imported, steps);
            }
            let end = modules.get(target).file.text.len();
            return self.name(modules, target, member, end, steps);
        }
        if let Some(submodule) = modules.import(target, 1, member)
            && modules.get(target).path().ends_with("__init__.py")
        {
            return Some(Qualified::Internal(submodule, String::new()));
        }
        let starred = self.starred(modules, target, member, steps);
        Some(starred.unwrap_or_else(|| Qualified::Internal(target, member.into())))
    }

    fn imports_itself(
        &self,
        modules: &Modules,
        target: ModuleId,
        imported: &Imported,
        member: &str,
    ) -> bool {
        imported.member.as_deref() == Some(member)
            && modules.import(target, imported.level, &imported.module) == Some(target)
    }

    pub(super) fn member(
        &self,
        modules: &Modules,
        base: Qualified,
        name: &str,
        steps: usize,
    ) -> Option<Qualified> {
        match base {
            Qualified::Internal(module, path) if path.is_empty() => {
                self.module_member(modules, module, name, steps)
            }
            base => Some(base.member(name)),
        }
    }

    /// Where `name` is defined, for names of the repository.
    pub fn definition(&self, name: &Qualified) -> Option<Definition> {
        let Qualified::Internal(module, path) = name else {
            return None;
        };
        let scopes = self.scopes(*module);
        let mut scope = scopes.module();
        let mut parts = path.split('.').peekable();
        loop {
            let part = parts.next()?;
            let binding = scope.bindings.get(part)?.last()?;
            if parts.peek().is_none() {
                return Some(Definition {
                    module: *module,
                    binding: binding.clone(),
                });
            }
            scope = scopes
                .iter()
                .find(|inner| inner.kind == ScopeKind::Class && inner.span == binding.span)?;
        }
    }

    /// The function that `name` defines.
    pub fn function<'m>(
        &self,
        modules: &'m Modules,
        name: &Qualified,
    ) -> Option<(ModuleId, &'m StmtFunctionDef)> {
        let found = self.definition(name)?;
        match modules
            .get(found.module)
            .statement_exactly(found.binding.span)?
        {
            Stmt::FunctionDef(function) => Some((found.module, function)),
            _ => None,
        }
    }

    /// The class that `name` defines.
    pub fn class<'m>(
        &self,
        modules: &'m Modules,
        name: &Qualified,
    ) -> Option<(ModuleId, &'m StmtClassDef)> {
        let found = self.definition(name)?;
        match modules
            .get(found.module)
            .statement_exactly(found.binding.span)?
        {
            Stmt::ClassDef(class) => Some((found.module, class)),
            _ => None,
        }
    }
}

fn class_name_of(scopes: &super::Scopes, span: Span) -> Option<String> {
    scopes.iter().find_map(|scope| {
        let named = scope.bindings.iter().find(|(_, bindings)| {
            let class =
                |binding: &Binding| binding.kind == BindingKind::Class && binding.span == span;
            bindings.iter().any(class)
        })?;
        Some(named.0.to_string())
    })
}

/// What `from flask import *` and its like bring: only what they document.
fn is_exported(dotted: &str) -> bool {
    matches!(
        dotted,
        "flask.Flask"
            | "flask.Blueprint"
            | "flask.request"
            | "flask.session"
            | "flask.current_app"
            | "flask.send_file"
            | "flask.send_from_directory"
            | "flask.render_template"
            | "flask.render_template_string"
            | "flask.make_response"
            | "flask.Response"
            | "flask.abort"
            | "flask.redirect"
            | "flask.jsonify"
            | "flask.url_for"
            | "markupsafe.Markup"
            | "markupsafe.escape"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    /// The callee of the first call that starts with `needle` in `path`.
    fn callee(texts: &[(&str, &str)], path: &str, needle: &str) -> Option<String> {
        let modules = Modules::parse(&Repository::from_texts(texts.iter().copied()));
        let names = Names::collect(&modules);
        let id = modules.by_path(path).unwrap();
        let module = modules.get(id);
        let start = module.file.text.as_str().find(needle).unwrap();
        let call = module
            .ancestors(Span::new(start, start + needle.len()))
            .into_iter()
            .rev()
            .find_map(|node| match node {
                ruff_python_ast::AnyNodeRef::ExprCall(call) => Some(call),
                _ => None,
            })?;
        names
            .callee(&modules, id, &call.func)
            .map(|name| name.to_string())
    }

    #[test]
    fn aliases_are_seen_through() {
        for (source, needle) in [
            ("from flask import send_file\nsend_file(x)\n", "send_file("),
            ("from flask import send_file as s\ns(x)\n", "s(x"),
            ("import flask as f\nf.send_file(x)\n", "f.send"),
            (
                "import flask.helpers\nflask.helpers.send_file(x)\n",
                "flask.helpers.send_file(",
            ),
            (
                "def g():\n    from flask import send_file\n    send_file(x)\n",
                "send_file(",
            ),
            ("import flask\ns = flask.send_file\ns(x)\n", "s(x"),
        ] {
            let found = callee(&[("app.py", source)], "app.py", needle);
            assert_eq!(found.as_deref(), Some("flask.send_file"), "{source}");
        }
    }

    #[test]
    fn a_projects_own_function_is_its_own() {
        let texts = [
            (
                "web.py",
                "import flask\ndef send_file(a, b, c):\n    return flask.send_file(b)\n",
            ),
            (
                "app.py",
                "import flask\nfrom web import send_file\nsend_file(1, 2, 3)\n",
            ),
        ];
        let modules = Modules::parse(&Repository::from_texts(texts));
        let names = Names::collect(&modules);
        let id = modules.by_path("app.py").unwrap();
        let Some(Stmt::Expr(stmt)) = modules.get(id).body().last() else {
            panic!("no statement")
        };
        let Expr::Call(call) = &*stmt.value else {
            panic!("no call")
        };
        let found = names.callee(&modules, id, &call.func).unwrap();
        assert!(names.function(&modules, &found).is_some());
        assert_eq!(found.external(), None);
    }

    #[test]
    fn a_local_name_shadows_an_import() {
        let source = "from flask import request\ndef f(request):\n    request.get(1)\n";
        assert_eq!(callee(&[("app.py", source)], "app.py", "request.get"), None);
    }

    #[test]
    fn methods_are_known_by_the_receivers_type() {
        let factory = "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n    return app\n";
        let run = Some("flask.Flask.run");
        for (main, needle) in [
            (
                "from shop import create_app\napp = create_app()\napp.run(debug=True)\n",
                "app.run(",
            ),
            (
                "import shop\nshop.create_app().run()\n",
                "shop.create_app().run(",
            ),
            (
                "from shop import create_app\nclass S:\n    def __init__(self):\n        self.app = create_app()\n    def go(self):\n        self.app.run()\n",
                "self.app.run(",
            ),
            (
                "import flask\nclass Mine(flask.Flask):\n    pass\nserver = Mine('x')\nserver.run()\n",
                "server.run(",
            ),
            (
                "from flask import current_app\ncurrent_app.run()\n",
                "current_app.run(",
            ),
            (
                "from flask import Flask\ndef go(server: Flask):\n    server.run()\n",
                "server.run(",
            ),
        ] {
            let texts = [("shop/__init__.py", factory), ("main.py", main)];
            assert_eq!(callee(&texts, "main.py", needle).as_deref(), run, "{main}");
        }
        let unrelated = "import flask\nimport worker\nw = worker.Pool()\nw.run(debug=True)\n";
        let found = callee(&[("main.py", unrelated)], "main.py", "w.run(");
        assert_eq!(found.as_deref(), Some("worker.Pool.run"));
    }

    #[test]
    fn names_that_are_assigned_from_each_other_end() {
        let mut source = String::from("import flask\ndef f(a):\n    b = a.x()\n");
        for _ in 0..60 {
            source.push_str("    a = b.filter(a, b).run()\n    b = a.filter(a, b).run()\n");
        }
        source.push_str("    a.run()\n");
        assert_eq!(callee(&[("app.py", &source)], "app.py", "a.run()"), None);
    }

    #[test]
    fn reexports_and_cycles_end() {
        let texts = [
            (
                "shop/__init__.py",
                "import flask\nfrom .core import helper\nfrom .a import x\n",
            ),
            ("shop/core.py", "from flask import send_file as helper\n"),
            ("shop/a.py", "from .b import x  # flask\n"),
            ("shop/b.py", "from .a import x  # flask\n"),
            (
                "app.py",
                "import flask\nfrom shop import helper, x\nhelper(1)\nx(2)\n",
            ),
        ];
        assert_eq!(
            callee(&texts, "app.py", "helper(").as_deref(),
            Some("flask.send_file")
        );
        assert_eq!(callee(&texts, "app.py", "x(2"), None);
    }

    #[test]
    fn configuration_objects_have_a_type() {
        let source = "from flask import Flask\napp = Flask('x')\napp.config.from_object('c')\n";
        let found = callee(&[("app.py", source)], "app.py", "app.config.from_object");
        assert_eq!(found.as_deref(), Some("flask.Config.from_object"));
    }
}
