//! Statements that write configuration.

use ruff_python_ast::{Expr, Operator, Stmt, StmtAugAssign, StmtFor, StmtImportFrom};
use ruff_text_size::Ranged as _;

use super::load::text_of;
use super::trace::{Eval, Flow, Frame, Tracer};
use super::{ConditionKind, Form, Literal, SourceKind, Value, Write};
use crate::model::modules::ModuleId;
use crate::text::{Location, Span};

/// Entries of a constant collection that a loop is unrolled for.
const MAX_UNROLLED: usize = 200;

/// Attributes of `flask.Flask` that are stored in its configuration.
pub(super) fn key_of_attribute(attribute: &str) -> Option<&'static str> {
    Some(match attribute {
        "debug" => "DEBUG",
        "testing" => "TESTING",
        "secret_key" => "SECRET_KEY",
        "permanent_session_lifetime" => "PERMANENT_SESSION_LIFETIME",
        "send_file_max_age_default" => "SEND_FILE_MAX_AGE_DEFAULT",
        "use_x_sendfile" => "USE_X_SENDFILE",
        "session_cookie_name" => "SESSION_COOKIE_NAME",
        "env" => "ENV",
        _ => return None,
    })
}

/// Flask takes only keys in upper case from objects and files (facts 1.1).
pub(super) fn is_setting(name: &str) -> bool {
    let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    upper && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A write before it is recorded.
pub(super) struct Written {
    pub key: String,
    pub key_at: Span,
    pub value: Value,
    pub value_at: Location,
    pub statement: Span,
    pub form: Form,
}

impl<'a> Tracer<'a> {
    pub(super) fn record(&mut self, module: ModuleId, written: Written) {
        self.push_write(module, written, false);
    }

    pub(super) fn push_write(&mut self, module: ModuleId, written: Written, is_default: bool) {
        self.writes.push(Write {
            app: Some(self.app),
            module,
            key: written.key.into(),
            key_at: self.location(module, written.key_at),
            value: written.value,
            value_at: written.value_at,
            statement: self.location(module, written.statement),
            form: written.form,
            via: self.via.clone(),
            conditions: self.conditions.clone(),
            environments: vec![self.goal],
            alternatives: self.alternatives.clone(),
            is_default,
        });
    }

    /// The value that the configuration holds for `key` at this point.
    pub(super) fn current(&self, key: &str) -> Option<&Value> {
        let write = self.writes.iter().rev().find(|write| &*write.key == key)?;
        Some(&write.value)
    }

    pub(super) fn assign(
        &mut self,
        frame: &mut Frame<'a>,
        stmt: &'a Stmt,
        targets: &'a [Expr],
        value: &'a Expr,
    ) {
        let evaluated = self.eval(frame, value);
        for target in targets {
            self.assign_target(frame, stmt, target, value, &evaluated);
        }
    }

    fn assign_target(
        &mut self,
        frame: &mut Frame<'a>,
        stmt: &'a Stmt,
        target: &'a Expr,
        value: &'a Expr,
        evaluated: &Eval<'a>,
    ) {
        match target {
            Expr::Name(name) => {
                self.emit(frame, stmt, target, &name.id, value, evaluated);
                let known = name.id.as_str().into();
                frame.locals.insert(known, evaluated.clone());
            }
            Expr::Attribute(attribute) => {
                if let Expr::Name(base) = &*attribute.value
                    && base.id.as_str() == "self"
                {
                    self.emit(frame, stmt, target, &attribute.attr, value, evaluated);
                    if let Some(Eval::Instance(home, class)) = frame.locals.get("self") {
                        let slot = super::evaluate::slot(*home, class, &attribute.attr);
                        self.attributes.insert(slot, evaluated.clone());
                    }
                    let slot = format!("self.{}", attribute.attr).into();
                    frame.locals.insert(slot, evaluated.clone());
                }
                if attribute.attr.as_str() == "config"
                    && !evaluated.is_app()
                    && matches!(self.eval(frame, &attribute.value), Eval::App)
                {
                    let kind = SourceKind::Dynamic;
                    let name = self.source(frame.module, value).to_owned();
                    self.note_source(frame.module, kind, stmt.range(), Some(name), None);
                    return;
                }
                let Some(key) = key_of_attribute(&attribute.attr) else {
                    return;
                };
                if !matches!(self.eval(frame, &attribute.value), Eval::App)
                    || self.is_own_value(frame, key, value)
                {
                    return;
                }
                let written = Written {
                    key: key.to_owned(),
                    key_at: attribute.attr.range.into(),
                    value: self.public_value(frame.module, value, evaluated),
                    value_at: self.location(frame.module, value.range()),
                    statement: stmt.range().into(),
                    form: Form::Attribute,
                };
                self.record(frame.module, written);
            }
            Expr::Subscript(subscript) => {
                if !matches!(self.eval(frame, &subscript.value), Eval::Config) {
                    return;
                }
                self.subscript(frame, stmt, &subscript.slice, value, evaluated);
            }
            Expr::Tuple(tuple) => {
                let Expr::Tuple(values) = value else {
                    return;
                };
                if tuple.elts.len() != values.elts.len() {
                    return;
                }
                for (target, value) in tuple.elts.iter().zip(&values.elts) {
                    let evaluated = self.eval(frame, value);
                    self.assign_target(frame, stmt, target, value, &evaluated);
                }
            }
            _ => {}
        }
    }

    /// `app.secret_key = app.config["SECRET_KEY"]` changes nothing.
    fn is_own_value(&mut self, frame: &mut Frame<'a>, key: &str, value: &'a Expr) -> bool {
        let Expr::Subscript(subscript) = value else {
            return false;
        };
        matches!(self.eval(frame, &subscript.value), Eval::Config)
            && text_of(&self.eval(frame, &subscript.slice)).as_deref() == Some(key)
    }

    /// `config[key] = value`.
    fn subscript(
        &mut self,
        frame: &mut Frame<'a>,
        stmt: &'a Stmt,
        key: &'a Expr,
        value: &'a Expr,
        evaluated: &Eval<'a>,
    ) {
        let name = self.eval(frame, key);
        let Eval::Value(Value::Known(Literal::Str(name))) = name else {
            self.note_source(frame.module, SourceKind::Dynamic, stmt.range(), None, None);
            return;
        };
        if self.is_own_value(frame, &name, value) {
            return;
        }
        let written = Written {
            key: name,
            key_at: key.range().into(),
            value: self.public_value(frame.module, value, evaluated),
            value_at: self.location(frame.module, value.range()),
            statement: stmt.range().into(),
            form: Form::Subscript,
        };
        self.record(frame.module, written);
    }

    /// `KEY = value` in a body whose names become configuration.
    fn emit(
        &mut self,
        frame: &Frame<'a>,
        stmt: &'a Stmt,
        target: &Expr,
        name: &str,
        value: &'a Expr,
        evaluated: &Eval<'a>,
    ) {
        let Some(form) = frame.emits.filter(|_| is_setting(name)) else {
            return;
        };
        let of_self = matches!(target, Expr::Attribute(_));
        if of_self != (form == Form::InstanceAttribute) {
            return;
        }
        let key_at = match target {
            Expr::Attribute(attribute) => attribute.attr.range.into(),
            _ => Span::from(target.range()),
        };
        let written = Written {
            key: name.to_owned(),
            key_at,
            value: self.public_value(frame.module, value, evaluated),
            value_at: self.location(frame.module, value.range()),
            statement: stmt.range().into(),
            form,
        };
        self.record(frame.module, written);
    }

    /// `KEY: type` without a value: pydantic's settings read it from the environment.
    pub(super) fn annotated(&mut self, frame: &mut Frame<'a>, stmt: &'a Stmt, target: &'a Expr) {
        let (Some(Form::ClassAttribute), Expr::Name(name)) = (frame.emits, target) else {
            return;
        };
        if !is_setting(&name.id) || !frame.locals.contains_key("<reads environment>") {
            return;
        }
        let location = self.location(frame.module, stmt.range());
        let written = Written {
            key: name.id.to_string(),
            key_at: name.range.into(),
            value: super::evaluate::environment(&name.id, location.clone(), true),
            value_at: location,
            statement: stmt.range().into(),
            form: Form::ClassAttribute,
        };
        self.record(frame.module, written);
    }

    pub(super) fn augmented(
        &mut self,
        frame: &mut Frame<'a>,
        stmt: &'a Stmt,
        assign: &'a StmtAugAssign,
    ) {
        match &*assign.target {
            // `app.config |= {...}`.
            target
                if assign.op == Operator::BitOr
                    && matches!(self.eval(frame, target), Eval::Config) =>
            {
                let value = self.eval(frame, &assign.value);
                self.load_mapping(frame, stmt.range().into(), &assign.value, &value);
            }
            Expr::Name(name) => {
                let reason = "changed by an augmented assignment";
                let value = Eval::unknown(reason);
                self.emit(frame, stmt, &assign.target, &name.id, &assign.value, &value);
                frame.locals.insert(name.id.as_str().into(), value);
            }
            Expr::Subscript(subscript) => {
                if matches!(self.eval(frame, &subscript.value), Eval::Config) {
                    let value = Eval::unknown("changed by an augmented assignment");
                    self.subscript(frame, stmt, &subscript.slice, &assign.value, &value);
                }
            }
            _ => {}
        }
    }

    /// Unrolls a loop over a constant collection; any other may run any number of times.
    pub(super) fn for_each(
        &mut self,
        frame: &mut Frame<'a>,
        stmt: &'a Stmt,
        each: &'a StmtFor,
    ) -> Flow {
        if let Some(pairs) = self.constant_items(frame, &each.iter) {
            for values in pairs.into_iter().take(MAX_UNROLLED) {
                bind(frame, &each.target, values);
                self.body(frame, &each.body);
            }
            return self.body(frame, &each.orelse);
        }
        bind_unknown(frame, &each.target);
        let condition = self.condition(frame, &each.iter, true, ConditionKind::Loop);
        let writes = self.writes.len();
        self.under(condition, |tracer| tracer.body(frame, &each.body));
        debug_assert!(
            self.writes.len() >= writes,
            "writes are only added: {stmt:?}"
        );
        self.body(frame, &each.orelse)
    }

    /// The elements of a constant collection; for `.items()`, key and value.
    fn constant_items(
        &mut self,
        frame: &mut Frame<'a>,
        iter: &'a Expr,
    ) -> Option<Vec<Vec<Eval<'a>>>> {
        if let Expr::Call(call) = iter
            && let Expr::Attribute(method) = &*call.func
            && method.attr.as_str() == "items"
        {
            let Eval::Table(module, table) = self.eval(frame, &method.value) else {
                return None;
            };
            let mut pairs = Vec::new();
            for item in &table.items {
                let key = self.eval_in(module, item.key.as_ref()?);
                let value = self.eval_in(module, &item.value);
                pairs.push(vec![key, value]);
            }
            return Some(pairs);
        }
        let (module, items) = match self.eval(frame, iter) {
            Eval::Sequence(module, items) => (module, items),
            Eval::Table(module, table) => {
                let keys: Option<Vec<_>> =
                    table.items.iter().map(|item| item.key.as_ref()).collect();
                let keys = keys?.into_iter();
                return Some(keys.map(|key| vec![self.eval_in(module, key)]).collect());
            }
            _ => return None,
        };
        Some(
            items
                .iter()
                .map(|item| self.elements(module, item))
                .collect(),
        )
    }

    /// `(a, b)` as its elements, anything else as one.
    fn elements(&mut self, module: ModuleId, item: &'a Expr) -> Vec<Eval<'a>> {
        match item {
            Expr::Tuple(tuple) => tuple
                .elts
                .iter()
                .map(|element| self.eval_in(module, element))
                .collect(),
            _ => vec![self.eval_in(module, item)],
        }
    }

    /// Imports in a module that is loaded: they bind configuration keys too.
    pub(super) fn emit_import(&mut self, frame: &mut Frame<'a>, import: &'a StmtImportFrom) {
        let name = import.module.as_ref().map_or("", |name| name.as_str());
        let found = self.world.modules.import(frame.module, import.level, name);
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                if let Some(module) = found {
                    let at = self.location(frame.module, import.range);
                    self.via.push(at);
                    self.emit_module(module, None);
                    self.via.pop();
                } else {
                    let kind = SourceKind::Object;
                    let dotted = Some(name.to_owned());
                    self.note_source(frame.module, kind, import.range, dotted, None);
                }
                continue;
            }
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            if frame.emits.is_none() || !is_setting(bound) {
                continue;
            }
            let offset = self.tree(frame.module).file.text.len();
            let value = self.global(frame.module, bound, offset);
            let written = Written {
                key: bound.to_string(),
                key_at: bound.range.into(),
                value: match value {
                    Eval::Value(value) => value,
                    _ => Value::unknown("imported"),
                },
                value_at: self.location(frame.module, alias.range),
                statement: import.range.into(),
                form: Form::Other,
            };
            self.record(frame.module, written);
        }
    }
}

fn bind<'a>(frame: &mut Frame<'a>, target: &Expr, mut values: Vec<Eval<'a>>) {
    match target {
        Expr::Name(name) if values.len() == 1 => {
            if let Some(value) = values.pop() {
                frame.locals.insert(name.id.as_str().into(), value);
            }
        }
        Expr::Tuple(tuple) if tuple.elts.len() == values.len() => {
            for (target, value) in tuple.elts.iter().zip(values) {
                bind(frame, target, vec![value]);
            }
        }
        _ => bind_unknown(frame, target),
    }
}

fn bind_unknown(frame: &mut Frame<'_>, target: &Expr) {
    match target {
        Expr::Name(name) => {
            let value = Eval::unknown("a loop variable");
            frame.locals.insert(name.id.as_str().into(), value);
        }
        Expr::Tuple(tuple) => {
            for element in &tuple.elts {
                bind_unknown(frame, element);
            }
        }
        _ => {}
    }
}
