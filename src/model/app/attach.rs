//! What is attached to applications: routes, blueprints, extensions, hooks.

use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use ruff_python_ast::visitor::source_order::{self, SourceOrderVisitor};
use ruff_python_ast::{Arguments, Expr, ExprCall, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::route::{Route, View, parameters};
use super::{AppId, Apps, Blueprint, Extension, Hook, Origin, Registration, origin};
use crate::model::modules::{ModuleId, Modules, any_of};
use crate::model::names::{BindingKind, Names, Qualified};
use crate::parse::python::last_name;
use crate::text::{Location, Span};

/// Classes whose `Class(app)` and `init_app(app)` are not extensions.
const NOT_EXTENSIONS: &[&str] = &["flask.Flask", "flask.Blueprint", "connexion."];

const HOOKS: &[&str] = &[
    "before_request",
    "after_request",
    "teardown_request",
    "teardown_appcontext",
    "before_first_request",
    "errorhandler",
    "register_error_handler",
    "context_processor",
    "template_filter",
    "before_app_request",
    "after_app_request",
    "app_errorhandler",
];

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// Something that is attached, before it is known to what.
enum Found {
    Route(Route),
    Registration(Registration),
    Extension(Extension),
    Hook(Hook),
}

/// What it is attached to.
enum Holder {
    App(AppId),
    Blueprint(usize),
}

pub(super) fn attach(apps: &mut Apps, modules: &Modules, names: &Names) {
    let ids: Vec<ModuleId> = modules.iter().map(|(id, _)| id).collect();
    let blueprints: Vec<Vec<Blueprint>> = ids
        .par_iter()
        .map(|id| find_blueprints(modules, names, *id))
        .collect();
    apps.blueprints = blueprints.into_iter().flatten().collect();
    let reader = Reader {
        apps,
        modules,
        names,
    };
    let found: Vec<Vec<(Holder, Found)>> = ids.par_iter().map(|id| reader.module(*id)).collect();
    for (holder, found) in found.into_iter().flatten() {
        match (holder, found) {
            (Holder::App(id), found) => {
                let app = &mut apps.list[id.index()];
                match found {
                    Found::Route(route) => app.routes.push(route),
                    Found::Registration(registration) => app.registrations.push(registration),
                    Found::Extension(extension) => app.extensions.push(extension),
                    Found::Hook(hook) => app.hooks.push(hook),
                }
            }
            (Holder::Blueprint(index), Found::Route(route)) => {
                apps.blueprints[index].routes.push(route);
            }
            // A blueprint's app-wide hooks count for whatever registers it; the rest is its own.
            (Holder::Blueprint(_), _) => {}
        }
    }
}

fn find_blueprints(modules: &Modules, names: &Names, module: ModuleId) -> Vec<Blueprint> {
    let tree = modules.get(module);
    if !tree.file.text.as_str().contains("lueprint") {
        return Vec::new();
    }
    let mut assigned = Assignments(Vec::new());
    assigned.visit_body(tree.body());
    assigned
        .0
        .into_iter()
        .filter(|(_, call)| {
            last_name(&call.func).is_some_and(|name| name.ends_with("lueprint"))
                && names
                    .callee(modules, module, &call.func)
                    .is_some_and(|class| is_blueprint(modules, names, &class))
        })
        .map(|(variable, call)| Blueprint {
            module,
            construction: tree.location(call.range()),
            variable: Some(variable.into()),
            prefix: literal(
                call.arguments
                    .find_keyword("url_prefix")
                    .map(|it| &it.value),
            ),
            routes: Vec::new(),
        })
        .collect()
}

fn is_blueprint(modules: &Modules, names: &Names, class: &Qualified) -> bool {
    [
        "flask.Blueprint",
        "apiflask.APIBlueprint",
        "flask_smorest.Blueprint",
    ]
    .iter()
    .any(|base| names.is_subclass(modules, class, base))
}

/// `name = Call(...)` anywhere.
struct Assignments<'a>(Vec<(&'a str, &'a ExprCall)>);

impl<'a> SourceOrderVisitor<'a> for Assignments<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assign(assign) = stmt
            && let [Expr::Name(name)] = assign.targets.as_slice()
            && let Expr::Call(call) = &*assign.value
        {
            self.0.push((name.id.as_str(), call));
        }
        source_order::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

struct Reader<'a> {
    apps: &'a Apps,
    modules: &'a Modules,
    names: &'a Names,
}

impl<'a> Reader<'a> {
    fn module(&self, module: ModuleId) -> Vec<(Holder, Found)> {
        let tree = self.modules.get(module);
        if !may_attach(tree.file.text.as_str()) {
            return Vec::new();
        }
        let mut calls = Calls {
            calls: Vec::new(),
            decorated: Vec::new(),
        };
        calls.visit_body(tree.body());
        let mut known = HashMap::new();
        let mut found = Vec::new();
        for function in calls.decorated {
            for decorator in &function.decorator_list {
                self.decorator(
                    module,
                    &mut known,
                    function,
                    &decorator.expression,
                    &mut found,
                );
            }
        }
        for call in calls.calls {
            self.call(module, &mut known, call, &mut found);
        }
        found
    }

    /// What an object of the module is; asked once per spelling and scope.
    fn holder(
        &self,
        module: ModuleId,
        known: &mut HashMap<(String, usize), Option<(bool, usize)>>,
        expr: &Expr,
    ) -> Option<Holder> {
        let tree = self.modules.get(module);
        let text = tree.source(Span::from(expr.range())).to_owned();
        let scope = self
            .names
            .scopes(module)
            .at(expr.range().start().to_usize());
        let entry = known.entry((text, scope.span.start));
        let found = *entry.or_insert_with(|| {
            if let Some(index) = self.blueprint(module, expr) {
                return Some((false, index));
            }
            match origin::origin(self.apps, self.modules, self.names, module, expr) {
                Origin::App(id) => Some((true, id.index())),
                Origin::SomeApp => {
                    let nearest = self.apps.nearest(self.modules.get(module).path())?;
                    Some((true, nearest.index()))
                }
                Origin::Other => None,
            }
        });
        found.map(|(is_app, index)| {
            if is_app {
                Holder::App(AppId(u32::try_from(index).unwrap_or(u32::MAX)))
            } else {
                Holder::Blueprint(index)
            }
        })
    }

    /// The blueprint that `expr` is.
    fn blueprint(&self, module: ModuleId, expr: &Expr) -> Option<usize> {
        let by_name = |module: ModuleId, name: &str| {
            self.apps
                .blueprints
                .iter()
                .position(|it| it.module == module && it.variable.as_deref() == Some(name))
        };
        if let Expr::Name(name) = expr {
            let offset = name.range.start().to_usize();
            let scopes = self.names.scopes(module);
            if let Some((_, bindings)) = scopes.lookup(&name.id, offset)
                && let Some(BindingKind::Value(span)) = bindings.last().map(|it| &it.kind)
            {
                let at = self.modules.get(module).location(*span);
                let own = self
                    .apps
                    .blueprints
                    .iter()
                    .position(|it| it.construction == at);
                if own.is_some() {
                    return own;
                }
            }
        }
        match self.names.qualify(self.modules, module, expr)? {
            Qualified::Internal(home, path) => by_name(home, &path),
            Qualified::External(_) => None,
        }
    }

    fn decorator(
        &self,
        module: ModuleId,
        known: &mut HashMap<(String, usize), Option<(bool, usize)>>,
        function: &StmtFunctionDef,
        decorator: &Expr,
        found: &mut Vec<(Holder, Found)>,
    ) {
        let (callee, arguments) = match decorator {
            Expr::Call(call) => (&*call.func, Some(&call.arguments)),
            other => (other, None),
        };
        let Expr::Attribute(attribute) = callee else {
            return;
        };
        let name = attribute.attr.as_str();
        let is_route = name == "route" || METHODS.contains(&name);
        if !is_route && !HOOKS.contains(&name) {
            return;
        }
        let Some(holder) = self.holder(module, known, &attribute.value) else {
            return;
        };
        let tree = self.modules.get(module);
        let location = tree.location(decorator.range());
        if !is_route {
            let hook = Hook {
                name: name.to_owned(),
                location,
                function: Some((module, function.range.into())),
            };
            found.push((holder, Found::Hook(hook)));
            return;
        }
        let Some(arguments) = arguments else {
            return;
        };
        let methods = if name == "route" {
            self.methods(arguments)
        } else {
            vec![name.to_uppercase()]
        };
        let rule = literal(arguments.find_argument_value("rule", 0)).unwrap_or_default();
        let route = Route {
            parameters: parameters(&rule),
            rule,
            methods,
            view: Some(View {
                module,
                name: function.name.to_string(),
                span: function.range.into(),
                is_class: false,
            }),
            via: location,
        };
        found.push((holder, Found::Route(route)));
    }

    fn methods(&self, arguments: &Arguments) -> Vec<String> {
        let Some(keyword) = arguments.find_keyword("methods") else {
            return Vec::new();
        };
        let items = match &keyword.value {
            Expr::List(list) => list.elts.as_slice(),
            Expr::Tuple(tuple) => tuple.elts.as_slice(),
            Expr::Set(set) => set.elts.as_slice(),
            _ => return Vec::new(),
        };
        items
            .iter()
            .filter_map(|item| literal(Some(item)))
            .map(|method| method.to_uppercase())
            .collect()
    }

    fn call(
        &self,
        module: ModuleId,
        known: &mut HashMap<(String, usize), Option<(bool, usize)>>,
        call: &ExprCall,
        found: &mut Vec<(Holder, Found)>,
    ) {
        let tree = self.modules.get(module);
        let location = tree.location(call.range());
        let arguments = &call.arguments;
        let Expr::Attribute(attribute) = &*call.func else {
            self.constructor(module, known, call, location, found);
            return;
        };
        match attribute.attr.as_str() {
            "init_app" => {
                let holder = arguments
                    .find_argument_value("app", 0)
                    .and_then(|app| self.holder(module, known, app));
                let class = self.names.type_of(self.modules, module, &attribute.value);
                if let (Some(holder @ Holder::App(_)), Some(class)) = (holder, class) {
                    let extension = Extension {
                        class: class.to_string(),
                        location,
                        object: self.made_at(module, &attribute.value),
                    };
                    found.push((holder, Found::Extension(extension)));
                }
            }
            "register_blueprint" => {
                let Some(holder) = self.holder(module, known, &attribute.value) else {
                    return;
                };
                let blueprint = arguments.find_argument_value("blueprint", 0);
                let registration = Registration {
                    location,
                    blueprint: blueprint.and_then(|it| self.blueprint(module, it)),
                    prefix: literal(arguments.find_keyword("url_prefix").map(|it| &it.value)),
                };
                found.push((holder, Found::Registration(registration)));
            }
            "add_url_rule" => {
                let Some(holder) = self.holder(module, known, &attribute.value) else {
                    return;
                };
                let rule = literal(arguments.find_argument_value("rule", 0)).unwrap_or_default();
                let view = arguments.find_argument_value("view_func", 2);
                let route = Route {
                    parameters: parameters(&rule),
                    rule,
                    methods: self.methods(arguments),
                    view: view.and_then(|view| self.view(module, view)),
                    via: location,
                };
                found.push((holder, Found::Route(route)));
            }
            "add_resource" => self.resource(module, call, location, found),
            name if HOOKS.contains(&name) => {
                let Some(holder) = self.holder(module, known, &attribute.value) else {
                    return;
                };
                let function = arguments.args.last().and_then(|it| self.view(module, it));
                let hook = Hook {
                    name: name.to_owned(),
                    location,
                    function: function.map(|view| (view.module, view.span)),
                };
                // The call inside a decorator has no function as its argument.
                if hook.function.is_some() {
                    found.push((holder, Found::Hook(hook)));
                }
            }
            _ => self.constructor(module, known, call, location, found),
        }
    }

    /// `api.add_resource(Resource, "/a", "/b")` of Flask-RESTful and RESTX.
    fn resource(
        &self,
        module: ModuleId,
        call: &ExprCall,
        location: Location,
        found: &mut Vec<(Holder, Found)>,
    ) {
        let [resource, rules @ ..] = &*call.arguments.args else {
            return;
        };
        let Some(view) = self.view(module, resource) else {
            return;
        };
        let Some(app) = self.apps.nearest(self.modules.get(module).path()) else {
            return;
        };
        for rule in rules.iter().filter_map(|rule| literal(Some(rule))) {
            let route = Route {
                parameters: parameters(&rule),
                rule,
                methods: Vec::new(),
                view: Some(view.clone()),
                via: location.clone(),
            };
            found.push((Holder::App(app), Found::Route(route)));
        }
    }

    /// `Extension(app, …)`.
    fn constructor(
        &self,
        module: ModuleId,
        known: &mut HashMap<(String, usize), Option<(bool, usize)>>,
        call: &ExprCall,
        location: Location,
        found: &mut Vec<(Holder, Found)>,
    ) {
        let is_class = last_name(&call.func).is_some_and(|name| {
            name.starts_with(char::is_uppercase)
                && name.bytes().any(|byte| byte.is_ascii_lowercase())
        });
        if !is_class {
            return;
        }
        let keyword = call.arguments.find_keyword("app").map(|it| &it.value);
        let first = call.arguments.find_positional(0);
        let Some(argument) = keyword.or(first) else {
            return;
        };
        if !matches!(argument, Expr::Name(_) | Expr::Attribute(_)) {
            return;
        }
        let Some(holder @ Holder::App(_)) = self.holder(module, known, argument) else {
            return;
        };
        let Some(class) = self.names.callee(self.modules, module, &call.func) else {
            return;
        };
        let class = class.to_string();
        if NOT_EXTENSIONS.iter().any(|not| class.starts_with(not)) {
            return;
        }
        let extension = Extension {
            class,
            location,
            object: None,
        };
        found.push((holder, Found::Extension(extension)));
    }

    /// Where the object behind `expr` is constructed.
    fn made_at(&self, module: ModuleId, expr: &Expr) -> Option<Location> {
        let qualified = self.names.qualify(self.modules, module, expr)?;
        let found = self.names.definition(&qualified)?;
        match found.binding.kind {
            BindingKind::Value(span) => Some(self.modules.get(found.module).location(span)),
            _ => None,
        }
    }

    /// The function or class that `expr` names; `Class.as_view("name")` is the class.
    fn view(&self, module: ModuleId, expr: &Expr) -> Option<View> {
        if let Expr::Call(call) = expr
            && let Expr::Attribute(attribute) = &*call.func
            && attribute.attr.as_str() == "as_view"
        {
            return self.view(module, &attribute.value);
        }
        if let Expr::Name(name) = expr
            && let Some(local) =
                self.local_function(module, &name.id, name.range.start().to_usize())
        {
            return Some(local);
        }
        let name = self.names.qualify(self.modules, module, expr)?;
        let found = self.names.definition(&name)?;
        let is_class = match found.binding.kind {
            BindingKind::Class => true,
            BindingKind::Function => false,
            _ => return None,
        };
        Some(View {
            module: found.module,
            name: name.to_string(),
            span: found.binding.span,
            is_class,
        })
    }

    fn local_function(&self, module: ModuleId, name: &str, offset: usize) -> Option<View> {
        let (_, bindings) = self.names.scopes(module).lookup(name, offset)?;
        let binding = bindings.last()?;
        let is_class = match binding.kind {
            BindingKind::Function => false,
            BindingKind::Class => true,
            _ => return None,
        };
        Some(View {
            module,
            name: name.to_owned(),
            span: binding.span,
            is_class,
        })
    }
}

fn literal(expr: Option<&Expr>) -> Option<String> {
    match expr? {
        Expr::StringLiteral(text) => Some(text.value.to_str().to_owned()),
        _ => None,
    }
}

/// Every call, and every decorated function.
struct Calls<'a> {
    calls: Vec<&'a ExprCall>,
    decorated: Vec<&'a StmtFunctionDef>,
}

impl<'a> SourceOrderVisitor<'a> for Calls<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::FunctionDef(function) = stmt
            && !function.decorator_list.is_empty()
        {
            self.decorated.push(function);
        }
        source_order::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && matters(call)
        {
            self.calls.push(call);
        }
        source_order::walk_expr(self, expr);
    }
}

/// Words without which a module attaches nothing: methods of applications and blueprints, and
/// the names under which an application is handed to an extension.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        "init_app",
        "register_blueprint",
        "add_url_rule",
        "add_resource",
    ];
    let handed = [
        "app)",
        "app,",
        "app=",
        "application)",
        "application,",
        "server)",
        "server,",
    ];
    any_of(words.iter().chain(&handed).chain(HOOKS))
});

fn may_attach(text: &str) -> bool {
    WORDS.as_ref().is_none_or(|words| words.is_match(text)) || has_route_decorator(text)
}

/// `@app.route(`, `@bp.get(`.
fn has_route_decorator(text: &str) -> bool {
    memchr::memchr_iter(b'@', text.as_bytes()).any(|at| {
        let line = text.get(at + 1..).unwrap_or_default();
        let line = line.split('(').next().unwrap_or_default();
        let method = line.rsplit_once('.').map(|(_, method)| method);
        method.is_some_and(|method| method == "route" || METHODS.contains(&method))
    })
}

/// Whether the call may attach something, by its spelling.
fn matters(call: &ExprCall) -> bool {
    let Some(name) = last_name(&call.func) else {
        return false;
    };
    if matches!(
        name,
        "init_app" | "register_blueprint" | "add_url_rule" | "add_resource"
    ) || HOOKS.contains(&name)
    {
        return true;
    }
    let of_app = |expr: &Expr| {
        last_name(expr).is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            name.contains("app") || name == "server"
        })
    };
    let first = call.arguments.find_positional(0);
    name.starts_with(char::is_uppercase)
        && (first.is_some_and(of_app) || call.arguments.find_keyword("app").is_some())
}
