//! Attributes: of instances and classes of the repository, of modules, of what is foreign.

mod kept;
mod method_names;

use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::call::Args;
use super::facts::Facts;
use super::guard::Test;
use super::heap::{Instance, Obj, State};
use super::interp::{Frame, Interp};
use super::value::{Code, Func, Note, ObjId, Place, Value, hash, mix, union};
use crate::parse::python::last_name;
pub(super) use method_names::is_method_like;

const DEEPEST_INHERITANCE: u8 = 12;

impl<'a> Interp<'a> {
    pub fn attribute(
        &mut self,
        object: &Value<'a>,
        name: &str,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        match object {
            Value::Union(values) => {
                let all: Vec<_> = values
                    .iter()
                    .filter(|value| !matches!(value, Value::None))
                    .map(|value| self.attribute(value, name, place, st, fr))
                    .collect();
                match all.is_empty() {
                    true => Value::unknown(place.key()),
                    false => union(all),
                }
            }
            Value::Module(id) => match self.module_var(*id, name, st) {
                Some(value) => self.resolve(value, st),
                None => Value::unknown(mix(id.index() as u64, hash(name))),
            },
            Value::Ext(dotted) => self.foreign_attribute(dotted, name, place, st, fr),
            Value::Any(any) => {
                if let Some(value) = self.source_attribute(any, name, place) {
                    return value;
                }
                if any.kind.as_deref() == Some("flask.Flask")
                    && let Some(value) = self.of_application(name, st)
                {
                    return value;
                }
                if name == "scheme"
                    && let Some(Test::Url(url)) = self.tests.get(&any.key).cloned()
                {
                    let key = mix(any.key, hash(name));
                    let scheme = Value::tainted(key, any.pieces.clone());
                    self.tests.insert(scheme.key(), Test::Scheme(url));
                    return scheme;
                }
                if any.pieces.is_empty() && any.kind.is_none() {
                    return Value::Method(Rc::new((object.clone(), name.into())));
                }
                if is_method_like(name) {
                    return Value::Method(Rc::new((object.clone(), name.into())));
                }
                let operation = hash(name);
                let pieces = any.pieces.iter().map(|piece| {
                    let mut piece = piece.derive(operation, super::text::SURVIVES_CASE);
                    piece.facts |= Facts::OF_OBJECT;
                    Rc::new(piece)
                });
                let pieces = pieces.collect();
                let key = mix(any.key, operation);
                match &any.kind {
                    Some(kind) => Value::object(format!("{kind}.{name}"), key, pieces),
                    None => Value::tainted(key, pieces),
                }
            }
            Value::Str(text) if text.kind == super::value::StrKind::Path => {
                self.path_attribute(object, name, place, st)
            }
            Value::Ref(id) => self.object_attribute(object, *id, name, place, st, fr),
            Value::Super(of) => {
                let (this, class) = (of.0.clone(), of.1);
                let bases = match st.get(class).as_deref() {
                    Some(Obj::Class(class)) => class.bases.clone(),
                    _ => Vec::new(),
                };
                for base in &bases {
                    if let Some(found) = self.class_attribute(base, name, st) {
                        return self.bound(found, &this, place, st, fr);
                    }
                }
                match bases.iter().find_map(|base| self.external_base(base, st)) {
                    Some(base) => Value::Method(Rc::new((
                        Value::object(base, this.key(), Vec::new()),
                        name.into(),
                    ))),
                    None => Value::unknown(mix(place.key(), hash(name))),
                }
            }
            Value::Pred(_) | Value::None | Value::Bool(_) => {
                Value::unknown(mix(object.key(), hash(name)))
            }
            _ => Value::Method(Rc::new((object.clone(), name.into()))),
        }
    }

    fn foreign_attribute(
        &mut self,
        dotted: &Rc<str>,
        name: &str,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        if self.namespaces.contains(&**dotted) {
            let full = format!("{dotted}.{name}");
            if let Some(id) = self.modules.import(fr.module, 0, &full) {
                return Value::Module(id);
            }
            if self.namespaces.contains(&full) {
                return Value::ext(full);
            }
        }
        let full = self.dotted.member(dotted, name);
        if full.strip_suffix(name) == Some("flask.current_app.")
            && let Some(value) = self.of_application(name, st)
        {
            return value;
        }
        if let Some(value) = self.kept(dotted, name, st) {
            return value;
        }
        if let Some(value) = self.request_attribute(&full, place) {
            return value;
        }
        super::external::constant(&full).unwrap_or(Value::Ext(full))
    }

    fn object_attribute(
        &mut self,
        object: &Value<'a>,
        id: ObjId,
        name: &str,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let Some(held) = st.get(id) else {
            return Value::unknown(mix(object.key(), hash(name)));
        };
        match &*held {
            Obj::Instance(instance) => {
                if let Some(value) = instance.fields.get(name) {
                    return value.clone();
                }
                if name == "__class__" {
                    return instance.class.clone();
                }
                if name == "__dict__" {
                    return object.clone();
                }
                if name == "update" && self.class_attribute(&instance.class, name, st).is_none() {
                    return Value::Method(Rc::new((object.clone(), name.into())));
                }
                if matches!(instance.class, Value::Ext(_)) {
                    return self.foreign_instance_attribute(object, instance, name, place, st);
                }
                let class = instance.class.clone();
                if let Some(found) = self.class_attribute(&class, name, st) {
                    return self.bound(found, object, place, st, fr);
                }
                if let Some(Value::Func(getter)) = self.class_attribute(&class, "__getattr__", st) {
                    let args = Args::of(place, vec![object.clone(), Value::text(name)]);
                    return self.call_function(&getter, args, st);
                }
                if is_as_dict(name)
                    || self.is_mapping(&class, st) && super::held::READS.contains(&name)
                    || self.is_of_fields(&class, name, st)
                {
                    return Value::Method(Rc::new((object.clone(), name.into())));
                }
                match self.external_base(&class, st) {
                    Some(base) => self.inherited(object, &base, name, place),
                    None => Value::unknown(mix(object.key(), hash(name))),
                }
            }
            Obj::Class(_) => {
                if name == "as_view" {
                    return Value::Method(Rc::new((object.clone(), name.into())));
                }
                if let Some(found) = self.class_attribute(object, name, st) {
                    return match &found {
                        Value::Func(func) if decorates(func, "classmethod") => {
                            Value::Bound(Rc::new((object.clone(), Rc::clone(func))))
                        }
                        _ => found,
                    };
                }
                if super::schema::is_validator(name) && self.is_model(object, st) {
                    return Value::Method(Rc::new((object.clone(), name.into())));
                }
                match self.external_base(object, st) {
                    Some(base) => Value::ext(format!("{base}.{name}")),
                    None => Value::unknown(mix(object.key(), hash(name))),
                }
            }
            // Parsed arguments, namespaces: their items are attributes, too.
            Obj::Dict(dict) if !is_method_like(name) => match dict.get(&Value::text(name)) {
                Some(value) => value.clone(),
                None => dict
                    .rest
                    .clone()
                    .unwrap_or_else(|| Value::Method(Rc::new((object.clone(), name.into())))),
            },
            _ => Value::Method(Rc::new((object.clone(), name.into()))),
        }
    }

    /// An attribute that a foreign base class provides.
    fn inherited(&self, object: &Value<'a>, base: &str, name: &str, place: Place) -> Value<'a> {
        if base == "flask.Flask" && matches!(name, "jinja_env" | "response_class") {
            return Value::ext(format!("{base}.{name}"));
        }
        if is_method_like(name) || !is_form(base) {
            return Value::Method(Rc::new((
                Value::object(base, object.key(), Vec::new()),
                name.into(),
            )));
        }
        if name == "data" {
            let identity = mix(object.key(), hash("data"));
            return Value::piece(self.source(place, identity, "the submitted form"));
        }
        Value::object(
            format!("{base}.{name}"),
            mix(object.key(), hash(name)),
            Vec::new(),
        )
    }

    fn bound(
        &mut self,
        found: Value<'a>,
        object: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        _fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let Value::Func(func) = &found else {
            return found;
        };
        if func.class.is_none() || decorates(func, "staticmethod") {
            return found;
        }
        if decorates(func, "classmethod") {
            let class = match object {
                Value::Ref(id) => match st.get(*id).as_deref() {
                    Some(Obj::Instance(instance)) => instance.class.clone(),
                    _ => object.clone(),
                },
                other => other.clone(),
            };
            return Value::Bound(Rc::new((class, Rc::clone(func))));
        }
        if decorates(func, "property") {
            let args = Args::of(place, vec![object.clone()]);
            return self.call_function(func, args, st);
        }
        Value::Bound(Rc::new((object.clone(), Rc::clone(func))))
    }

    /// The setter of a property of an instance.
    pub fn setter(
        &mut self,
        object: &Value<'a>,
        name: &str,
        st: &State<'a>,
    ) -> Option<Rc<Func<'a>>> {
        let Value::Ref(id) = object else { return None };
        let class = match st.get(*id).as_deref() {
            Some(Obj::Instance(instance)) => instance.class.clone(),
            _ => return None,
        };
        match self.class_attribute(&class, &format!("{name}.setter"), st)? {
            Value::Func(setter) => Some(setter),
            _ => None,
        }
    }

    /// The method of an instance, bound.
    pub fn method_of(
        &mut self,
        object: &Value<'a>,
        name: &str,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let Value::Ref(id) = object else { return None };
        let held = st.get(*id)?;
        let Obj::Instance(instance) = &*held else {
            return None;
        };
        match self.class_attribute(&instance.class, name, st)? {
            Value::Func(func) => Some(Value::Bound(Rc::new((object.clone(), func)))),
            _ => None,
        }
    }

    pub fn class_attribute(
        &mut self,
        class: &Value<'a>,
        name: &str,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let found = self.class_attribute_below(class, name, st, DEEPEST_INHERITANCE)?;
        Some(self.resolve(found, st))
    }

    fn class_attribute_below(
        &mut self,
        class: &Value<'a>,
        name: &str,
        st: &State<'a>,
        depth: u8,
    ) -> Option<Value<'a>> {
        let class = self.resolve(class.clone(), st);
        let Value::Ref(id) = class else { return None };
        let held = st.get(id)?;
        let Obj::Class(class) = &*held else {
            return None;
        };
        if let Some(scope) = st.get(class.scope)
            && let Obj::Scope(scope) = &*scope
            && let Some(value) = scope.vars.get(name)
        {
            return Some(value.clone());
        }
        if depth == 0 {
            return None;
        }
        let bases = class.bases.clone();
        bases
            .iter()
            .find_map(|base| self.class_attribute_below(base, name, st, depth - 1))
    }

    /// The dotted name of the first foreign class among the bases.
    pub fn external_base(&mut self, class: &Value<'a>, st: &State<'a>) -> Option<Rc<str>> {
        self.external_base_below(class, st, DEEPEST_INHERITANCE)
    }

    fn external_base_below(
        &mut self,
        class: &Value<'a>,
        st: &State<'a>,
        depth: u8,
    ) -> Option<Rc<str>> {
        match self.resolve(class.clone(), st) {
            Value::Ext(name) if &*name != "builtins.object" => Some(name),
            Value::Ref(id) if depth > 0 => {
                let held = st.get(id)?;
                let Obj::Class(class) = &*held else {
                    return None;
                };
                let bases = class.bases.clone();
                bases
                    .iter()
                    .find_map(|base| self.external_base_below(base, st, depth - 1))
            }
            Value::Any(any) => any.kind.clone(),
            _ => None,
        }
    }

    /// The fields that a dataclass or NamedTuple takes, in order.
    pub fn annotated_fields(&mut self, class: &Value<'a>, st: &State<'a>) -> Vec<&'a str> {
        let Value::Ref(id) = class else {
            return Vec::new();
        };
        let Some(held) = st.get(*id) else {
            return Vec::new();
        };
        let Obj::Class(class) = &*held else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for base in &class.bases {
            let base = self.resolve(base.clone(), st);
            names.extend(self.annotated_fields(&base, st));
        }
        for stmt in &class.def.body {
            let target = match stmt {
                Stmt::AnnAssign(field) => Some(&*field.target),
                // attrs: `path = attr.ib()`.
                Stmt::Assign(field) if is_attrs_field(&field.value) => field.targets.first(),
                _ => None,
            };
            if let Some(Expr::Name(name)) = target {
                names.push(name.id.as_str());
            }
        }
        names
    }

    pub fn set_attribute(
        &mut self,
        object: &Value<'a>,
        name: &str,
        value: Value<'a>,
        st: &mut State<'a>,
    ) {
        self.keep_on_application(object, name, &value, st);
        match object {
            Value::Ref(id) => {
                let scope = match st.get(*id).as_deref() {
                    Some(Obj::Class(class)) => Some(class.scope),
                    _ => None,
                };
                if scope.is_some() {
                    // A class attribute set from outside: names of scopes live as long as the
                    // tree, this one need not; such writes are rare and are left out.
                    return;
                }
                let mut field = name;
                if let Some(Obj::Instance(instance)) = st.get(*id).as_deref()
                    && is_class(instance, "flask.Response")
                    && matches!(name, "data" | "response")
                {
                    // Written later than made: the answer is then shown where it is returned.
                    field = "body";
                    self.response_places.remove(id);
                }
                st.change(*id, |object| {
                    if let Obj::Instance(instance) = object {
                        instance.fields.insert(field.into(), value);
                    }
                });
            }
            Value::Union(values) => {
                for one in values.iter() {
                    let Value::Ref(id) = one else { continue };
                    st.change(*id, |object| {
                        if let Obj::Instance(instance) = object {
                            let known = instance.fields.get(name).cloned();
                            let both = union(known.into_iter().chain([value.clone()]));
                            instance.fields.insert(name.into(), both);
                        }
                    });
                }
            }
            Value::Ext(dotted) => self.keep(dotted, name, value, st),
            _ => {}
        }
    }

    /// What `with value as x` binds.
    pub fn entered(
        &mut self,
        value: Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        if let Some(method) = self.method_of(&value, "__enter__", st) {
            return self.apply(&method, Args::none(place), st, fr);
        }
        match &value {
            Value::Ref(id) if matches!(st.get(*id).as_deref(), Some(Obj::List(_))) => {
                self.any_item(&value, place, st)
            }
            _ => value,
        }
    }

    /// Applies the decorators of a definition, innermost first.
    pub fn decorated(
        &mut self,
        def: &'a StmtFunctionDef,
        value: Value<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let mut value = value;
        let Value::Func(raw) = value.clone() else {
            return value;
        };
        for decorator in def.decorator_list.iter().rev() {
            let expression = &decorator.expression;
            if self.registers(expression, &raw, &value, st, fr) {
                continue;
            }
            if is_descriptor(expression) {
                continue;
            }
            let wrapper = self.eval(expression, st, fr);
            let wrapper = self.resolve(wrapper, st);
            let is_own = match &wrapper {
                Value::Func(_) | Value::Bound(_) => true,
                Value::Ref(id) => {
                    matches!(
                        st.get(*id).as_deref(),
                        Some(Obj::Instance(_) | Obj::Class(_))
                    )
                }
                _ => false,
            };
            if !is_own {
                continue;
            }
            let args = Args::of(fr.place(expression.range()), vec![value.clone()]);
            let before = st.clone();
            let wrapped = self.apply(&wrapper, args, st, fr);
            if st.dead {
                *st = before;
                continue;
            }
            let is_callable = match &wrapped {
                Value::Func(_) | Value::Bound(_) => true,
                Value::Ref(id) => matches!(st.get(*id).as_deref(), Some(Obj::Instance(_))),
                _ => false,
            };
            if is_callable {
                value = wrapped;
            }
        }
        value
    }

    pub fn class_defined(
        &mut self,
        def: &'a StmtClassDef,
        class: ObjId,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        for decorator in &def.decorator_list {
            if let Expr::Call(call) = &decorator.expression
                && let Expr::Attribute(attribute) = &*call.func
                && attribute.attr.as_str() == "route"
            {
                for rule in &call.arguments.args {
                    if let Some(rule) = self.eval(rule, st, fr).constant_str() {
                        self.class_rules.entry(class).or_default().push(rule);
                    }
                }
            }
        }
        let first = self.handlers.len();
        self.register_class(class, st);
        self.decorate_views(first, class, st, fr);
    }

    pub fn foreign_instance_attribute(
        &mut self,
        object: &Value<'a>,
        instance: &Instance<'a>,
        name: &str,
        _place: Place,
        _st: &mut State<'a>,
    ) -> Value<'a> {
        match name {
            "data" | "response" if is_class(instance, "flask.Response") => instance
                .fields
                .get("body")
                .cloned()
                .unwrap_or_else(|| Value::unknown(object.key())),
            _ => Value::Method(Rc::new((object.clone(), name.into()))),
        }
    }
}

pub(super) fn is_class(instance: &Instance<'_>, dotted: &str) -> bool {
    matches!(&instance.class, Value::Ext(name) if &**name == dotted)
}

/// Methods that give the fields of an object as a dict.
pub(super) fn is_as_dict(name: &str) -> bool {
    matches!(
        name,
        "model_dump" | "_asdict" | "asdict" | "dict" | "to_dict"
    )
}

fn is_attrs_field(value: &Expr) -> bool {
    let Expr::Call(call) = value else {
        return false;
    };
    matches!(last_name(&call.func), Some("ib" | "attrib"))
}

fn is_form(base: &str) -> bool {
    base.starts_with("flask_wtf") || base.starts_with("wtforms")
}

/// Whether a `def` is decorated so that it is read rather than called, and the like.
fn decorates(func: &Func<'_>, name: &str) -> bool {
    let Code::Def(def) = func.code else {
        return false;
    };
    def.decorator_list.iter().any(|decorator| {
        let last = match &decorator.expression {
            Expr::Name(found) => found.id.as_str(),
            Expr::Attribute(found) => found.attr.as_str(),
            _ => "",
        };
        last == name || name == "property" && matches!(last, "cached_property" | "hybrid_property")
    })
}

fn is_descriptor(expression: &Expr) -> bool {
    matches!(expression, Expr::Name(name) if matches!(name.id.as_str(), "property" | "staticmethod" | "classmethod" | "cached_property" | "contextmanager" | "dataclass"))
}

impl Note<'_> {
    /// The step as the reader sees it.
    pub fn words(&self, source: &str) -> String {
        match self {
            Self::Read => format!("read from {source}"),
            Self::Stored(name) => format!("stored in `{name}`"),
            Self::Passed {
                function,
                parameter,
            } => format!("passed to {function}() as `{parameter}`"),
            Self::Returned("") => "returned".to_owned(),
            Self::Returned(function) => format!("returned by {function}()"),
            Self::Through(text) => text.to_string(),
        }
    }
}
