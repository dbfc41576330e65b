//! How functions and classes become handlers: decorators, calls that register, class-based views.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall, Stmt};

use super::call::Args;
use super::errors::Catches;
use super::handler::{Handler, Kind};
use super::heap::{Class, Obj, State};
use super::interp::{Frame, Interp};
use super::value::{Code, Func, Key, ObjId, Part, Place, Value};

/// The decorators that a class-based view names, innermost first.
const VIEW_DECORATORS: [&str; 2] = ["decorators", "method_decorators"];

impl<'a> Interp<'a> {
    /// Whether a decorator registers the function with the framework.
    pub fn registers(
        &mut self,
        expression: &'a Expr,
        raw: &Rc<Func<'a>>,
        value: &Value<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> bool {
        let (func, call) = match expression {
            Expr::Call(call) => (&*call.func, Some(call)),
            other => (other, None),
        };
        let Expr::Attribute(attribute) = func else {
            return false;
        };
        let name = attribute.attr.as_str();
        let receiver = match &*attribute.value {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(inner) => inner.attr.as_str(),
            _ => "",
        };
        if self.decorates_for_templates(name, call, raw, st, fr) {
            return true;
        }
        let is_socket = receiver.to_ascii_lowercase().contains("sock");
        let (kind, rules) = match (name, call) {
            ("route", Some(_)) if is_socket => (Kind::Event, Vec::new()),
            ("route" | "websocket", Some(call)) => (Kind::View, self.rules_of(call, st, fr)),
            ("get" | "post" | "put" | "delete" | "patch", Some(call)) => {
                let rules = self.rules_of(call, st, fr);
                if !rules.iter().any(|rule| rule.starts_with('/')) {
                    return false;
                }
                (Kind::View, rules)
            }
            (
                "errorhandler"
                | "app_errorhandler"
                | "before_request"
                | "before_app_request"
                | "url_value_preprocessor"
                | "app_url_value_preprocessor"
                | "before_first_request"
                | "login_required_handler"
                | "unauthorized_handler",
                _,
            ) => (Kind::Hook, Vec::new()),
            ("on", Some(_)) if is_socket => (Kind::Event, Vec::new()),
            ("event", _) if is_socket => (Kind::Event, Vec::new()),
            ("context_processor" | "app_context_processor", _) => (Kind::Context, Vec::new()),
            ("after_request" | "after_app_request", _) => {
                (Kind::After { is_of_app: true }, Vec::new())
            }
            (
                "teardown_request"
                | "cli"
                | "command"
                | "user_loader"
                | "teardown_appcontext"
                | "shell_context_processor"
                | "setter"
                | "deleter"
                | "getter",
                _,
            ) => return name != "setter" && name != "deleter",
            _ => return false,
        };
        let receiver = self.eval(&attribute.value, st, fr);
        if receiver.kind().is_some_and(|kind| is_other_framework(kind)) {
            return false;
        }
        let is_blueprint = receiver
            .kind()
            .is_some_and(|kind| kind.contains("Blueprint"));
        let catches = match (name, call) {
            ("errorhandler" | "app_errorhandler", Some(call)) => {
                let error = call.arguments.args.first();
                error.map(|error| Catches {
                    error: self.eval(error, st, fr),
                    of: (is_blueprint && name == "errorhandler").then(|| receiver.key()),
                })
            }
            _ => None,
        };
        let is_after = matches!(kind, Kind::After { .. });
        let kind = match is_after && is_blueprint && name == "after_request" {
            true => Kind::After { is_of_app: false },
            false => kind,
        };
        self.handlers.push(Handler {
            callee: value.clone(),
            raw: Rc::clone(raw),
            kind,
            rules,
            state: None,
            class: None,
            owner: receiver.key(),
            is_before: is_before(name) || is_after,
            catches,
            is_local: is_blueprint && name == "before_request",
        });
        true
    }

    fn rules_of(
        &mut self,
        call: &'a ExprCall,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Vec<String> {
        let positional = call.arguments.args.first();
        let named = call.arguments.keywords.iter().find(|keyword| {
            keyword
                .arg
                .as_ref()
                .is_some_and(|name| matches!(name.as_str(), "rule" | "path"))
        });
        let Some(rule) = positional.or_else(|| named.map(|keyword| &keyword.value)) else {
            return Vec::new();
        };
        let value = self.eval(rule, st, fr);
        value.alternatives().iter().map(rule_text).collect()
    }

    /// `add_url_rule(rule, endpoint, view)`, `add_resource(Class, rule, …)`.
    pub fn registered(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &State<'a>,
    ) {
        let owner = receiver.key();
        let is_blueprint = receiver
            .kind()
            .is_some_and(|kind| kind.contains("Blueprint"));
        match name {
            "add_url_rule" => {
                let rule = args.get(0, "rule").map(rule_text).unwrap_or_default();
                let Some(view) = args.get(2, "view_func").cloned() else {
                    return;
                };
                self.register_view(owner, &view, rule, st);
            }
            "add_resource" => {
                let Some(Value::Ref(class)) = args.get(0, "resource").cloned() else {
                    return;
                };
                for rule in args.pos.iter().skip(1) {
                    self.class_rules
                        .entry(class)
                        .or_default()
                        .push(rule_text(rule));
                }
                self.update_rules(class, owner);
            }
            _ => {
                let index = usize::from(name == "register_error_handler");
                let callee = args.get(index, "f").cloned();
                let func = match &callee {
                    Some(Value::Func(func)) => Some(func),
                    Some(Value::Bound(bound)) => Some(&bound.1),
                    _ => None,
                };
                if let (Some(callee), Some(func)) = (&callee, func) {
                    let is_after = name.starts_with("after_");
                    let after = Kind::After {
                        is_of_app: name == "after_app_request" || !is_blueprint,
                    };
                    self.handlers.push(Handler {
                        callee: callee.clone(),
                        raw: Rc::clone(func),
                        kind: match name {
                            _ if is_after => after,
                            "context_processor" | "app_context_processor" => Kind::Context,
                            _ => Kind::Hook,
                        },
                        rules: Vec::new(),
                        state: Some(st.clone()),
                        class: None,
                        owner,
                        is_before: is_before(name) || is_after,
                        catches: (name == "register_error_handler")
                            .then(|| args.get(0, "code_or_exception").cloned())
                            .flatten()
                            .map(|error| Catches {
                                error,
                                of: is_blueprint.then_some(owner),
                            }),
                        is_local: is_blueprint && name == "before_request",
                    });
                }
            }
        }
    }

    fn register_view(&mut self, owner: Key, view: &Value<'a>, rule: String, st: &State<'a>) {
        match view {
            Value::Func(func) => self.handlers.push(Handler {
                callee: view.clone(),
                raw: Rc::clone(func),
                kind: Kind::View,
                rules: vec![rule],
                state: Some(st.clone()),
                class: None,
                owner,
                is_before: false,
                catches: None,
                is_local: false,
            }),
            Value::Bound(bound) => self.handlers.push(Handler {
                callee: view.clone(),
                raw: Rc::clone(&bound.1),
                kind: Kind::View,
                rules: vec![rule],
                state: Some(st.clone()),
                class: None,
                owner,
                is_before: false,
                catches: None,
                is_local: false,
            }),
            Value::Method(method) if &*method.1 == "view" => {
                if let Value::Ref(class) = method.0 {
                    self.class_rules.entry(class).or_default().push(rule);
                    self.update_rules(class, owner);
                }
            }
            // flask-smorest and flask-classful take the class.
            Value::Ref(class) if matches!(st.get(*class).as_deref(), Some(Obj::Class(_))) => {
                self.class_rules.entry(*class).or_default().push(rule);
                self.update_rules(*class, owner);
            }
            Value::Union(views) => {
                for view in views.iter() {
                    self.register_view(owner, view, rule.clone(), st);
                }
            }
            _ => {}
        }
    }

    fn update_rules(&mut self, class: ObjId, owner: Key) {
        let rules = self.class_rules.get(&class).cloned().unwrap_or_default();
        for handler in &mut self.handlers {
            if handler.class == Some(class) {
                handler.rules.clone_from(&rules);
                handler.owner = owner;
            }
        }
    }

    /// A class was defined: its methods may be views.
    pub fn register_class(&mut self, class: ObjId, st: &State<'a>) {
        let value = Value::Ref(class);
        let Some(base) = self.external_base(&value, st) else {
            return;
        };
        let kind = match base.rsplit('.').next() {
            Some("MethodView" | "View") => Kind::View,
            Some("Resource" | "MethodResource") => Kind::Json,
            Some("Namespace") if base.contains("socketio") => Kind::Event,
            Some("ModelView" | "BaseView" | "AdminIndexView" | "FlaskView") => Kind::View,
            _ => return,
        };
        let held = st.get(class);
        let Some(Obj::Class(held)) = held.as_deref() else {
            return;
        };
        let inner = st.get(held.scope);
        let Some(Obj::Scope(inner)) = inner.as_deref() else {
            return;
        };
        let rules = self.class_rules.get(&class).cloned().unwrap_or_default();
        for (name, method) in inner.vars.iter() {
            let is_handler = match kind {
                Kind::Event => name.starts_with("on_"),
                _ => matches!(
                    name,
                    "get"
                        | "post"
                        | "put"
                        | "delete"
                        | "patch"
                        | "head"
                        | "options"
                        | "dispatch_request"
                ),
            };
            if let (true, Value::Func(func)) = (is_handler, method) {
                let raw = as_written(held, class, name, func);
                self.handlers.push(Handler {
                    callee: method.clone(),
                    raw,
                    kind,
                    rules: rules.clone(),
                    state: None,
                    class: Some(class),
                    owner: 0,
                    is_before: false,
                    catches: None,
                    is_local: false,
                });
            }
        }
    }

    /// Applies what `decorators = […]` of a class-based view holds to its methods.
    pub fn decorate_views(
        &mut self,
        first: usize,
        class: ObjId,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        if first == self.handlers.len() {
            return;
        }
        let class = Value::Ref(class);
        let lists = VIEW_DECORATORS.map(|name| self.class_attribute(&class, name, st));
        let decorators: Vec<_> = lists
            .iter()
            .flatten()
            .filter_map(|list| self.known_items(list, st))
            .flatten()
            .filter(|decorator| matches!(decorator, Value::Func(_) | Value::Bound(_)))
            .collect();
        for index in first..self.handlers.len() {
            let place = Place {
                module: self.handlers[index].raw.module,
                span: self.handlers[index].raw.span(),
            };
            for decorator in &decorators {
                let view = self.handlers[index].callee.clone();
                let mut inside = st.clone();
                let wrapped = self.apply(decorator, Args::of(place, vec![view]), &mut inside, fr);
                if !inside.dead && matches!(wrapped, Value::Func(_) | Value::Bound(_)) {
                    *st = inside;
                    self.handlers[index].callee = wrapped;
                }
            }
        }
    }
}

/// The method as the class writes it, where a decorator has wrapped it.
fn as_written<'a>(class: &Class<'a>, id: ObjId, name: &str, found: &Rc<Func<'a>>) -> Rc<Func<'a>> {
    let written = class.def.body.iter().rev().find_map(|stmt| match stmt {
        Stmt::FunctionDef(def) if def.name.as_str() == name => Some(def),
        _ => None,
    });
    match written {
        Some(def) if !matches!(found.code, Code::Def(known) if std::ptr::eq(known, def)) => {
            Rc::new(Func {
                code: Code::Def(def),
                module: class.module,
                scope: class.scope,
                class: Some(id),
            })
        }
        _ => Rc::clone(found),
    }
}

/// Whether a hook of that name runs before every view, or before those of a blueprint.
fn is_before(name: &str) -> bool {
    matches!(
        name,
        "before_request"
            | "before_app_request"
            | "url_value_preprocessor"
            | "app_url_value_preprocessor"
    )
}

fn is_other_framework(kind: &str) -> bool {
    let root = kind.split('.').next().unwrap_or(kind);
    matches!(
        root,
        "fastapi"
            | "starlette"
            | "click"
            | "typer"
            | "celery"
            | "bottle"
            | "sanic"
            | "aiohttp"
            | "tornado"
            | "discord"
            | "telebot"
            | "falcon"
    )
}

/// The text of a rule; what is not constant in it becomes a slash.
fn rule_text(value: &Value<'_>) -> String {
    match value {
        Value::Str(text) => {
            let parts = text.parts.iter().map(|part| match part {
                Part::Lit(literal) => &**literal,
                _ => "/",
            });
            parts.collect()
        }
        _ => "/".to_owned(),
    }
}
