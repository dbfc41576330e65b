//! Classes that check what they are made of by the types of their fields: Pydantic's models.

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::{Expr, Operator, Stmt};

use super::call::Args;
use super::facts::Facts;
use super::fields::Rule;
use super::heap::{Instance, Obj, State};
use super::interp::{Frame, Interp};
use super::value::{ObjId, Place, Value, hash, mix};

/// Class methods that make a model of a mapping or of JSON text.
pub(super) fn is_validator(name: &str) -> bool {
    matches!(
        name,
        "model_validate" | "parse_obj" | "model_validate_json" | "parse_raw"
    )
}

impl<'a> Interp<'a> {
    /// Whether a class is a Pydantic model.
    pub fn is_model(&mut self, class: &Value<'a>, st: &State<'a>) -> bool {
        let base = self.external_base(class, st);
        base.is_some_and(|base| base.starts_with("pydantic"))
    }

    /// `Model.model_validate(payload)`: fields whose types leave nothing to shape are harmless.
    pub fn validated(
        &mut self,
        class: ObjId,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let class = Value::Ref(class);
        if !self.is_model(&class, st) {
            return None;
        }
        let payload = args.pos.first().or_else(|| args.keyword("obj")).cloned()?;
        let mut fields = BTreeMap::new();
        for (name, annotation) in self.typed_fields(&class, st) {
            if is_number_type(annotation) {
                let number = Value::unknown(mix(args.place.key(), hash(name)));
                fields.insert(Rc::from(name), number);
                continue;
            }
            let value = self.subscript(&payload, &Value::text(name), args.place, st, fr);
            let field = (name, annotation);
            let mut value = self.model_field(&class, field, &value, args.place, st);
            if is_container_type(annotation) {
                value = value.map_pieces(&mut |piece| {
                    let mut piece = piece.clone();
                    piece.facts |= Facts::OF_OBJECT;
                    piece
                });
            }
            fields.insert(Rc::from(name), value);
        }
        Some(self.alloc(st, Obj::Instance(Instance { class, fields })))
    }

    /// Checks the fields of a model that is made by a call of its class.
    pub fn checked_fields(
        &mut self,
        class: &Value<'a>,
        fields: &mut BTreeMap<Rc<str>, Value<'a>>,
        place: Place,
        st: &mut State<'a>,
    ) {
        for (name, annotation) in self.typed_fields(class, st) {
            let Some(value) = fields.get(name).cloned() else {
                continue;
            };
            let value = match is_number_type(annotation) {
                true => self.numeric(std::slice::from_ref(&value), place),
                false => self.model_field(class, (name, annotation), &value, place, st),
            };
            fields.insert(Rc::from(name), value);
        }
    }

    fn typed_fields(&mut self, class: &Value<'a>, st: &State<'a>) -> Vec<(&'a str, &'a Expr)> {
        let Value::Ref(id) = class else {
            return Vec::new();
        };
        let held = st.get(*id);
        let Some(Obj::Class(class)) = held.as_deref() else {
            return Vec::new();
        };
        let mut fields = Vec::new();
        for base in &class.bases {
            let base = self.resolve(base.clone(), st);
            fields.extend(self.typed_fields(&base, st));
        }
        fields.extend(annotations(&class.def.body));
        fields
    }

    /// `value` as the field `name` of a Pydantic model lets it through: by its annotation, its
    /// default and the validators of its class.
    pub fn model_field(
        &mut self,
        class: &Value<'a>,
        (name, annotation): (&'a str, &'a Expr),
        value: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        if !value.is_tainted() {
            return value.clone();
        }
        let Value::Ref(id) = class else {
            return value.clone();
        };
        let (module, scope) = match st.get(*id).as_deref() {
            Some(Obj::Class(class)) => (class.module, class.scope),
            _ => return value.clone(),
        };
        let mut fr = Frame::new(module, scope, "");
        let mut rule = Rule::default();
        let mut parts = Vec::new();
        annotated_parts(annotation, &mut parts);
        for part in parts {
            let part = self.eval(part, st, &mut fr);
            let part = self.resolve(part, st);
            if self.is_enumeration(&part, st) {
                rule.facts |= Facts::CONSTANT | Facts::HARMLESS;
            } else if let Some(one) = self.rule_of(&part) {
                rule.facts |= one.facts;
                rule.checks.extend(one.checks);
            }
        }
        if let Some(default) = self.class_attribute(class, name, st)
            && let Value::Any(any) = &default
            && let Some(one) = self.field_rules.get(&any.key)
        {
            rule.facts |= one.facts;
        }
        let mut value = self.let_through(&rule, value, place, st, &mut fr);
        for check in self.decorated_for(class, &["field_validator", "validator"], name, st) {
            let mut inside = st.clone();
            let args = Args::of(place, vec![class.clone(), value.clone()]);
            let changed = self.call_function(&check, args, &mut inside);
            if !inside.dead {
                value = inside.pin(&changed);
                *st = inside;
            }
        }
        value
    }

    pub(super) fn is_enumeration(&mut self, class: &Value<'a>, st: &State<'a>) -> bool {
        let Value::Ref(id) = class else { return false };
        let bases = match st.get(*id).as_deref() {
            Some(Obj::Class(class)) => class.bases.clone(),
            _ => return false,
        };
        bases.iter().any(|base| {
            let base = self.external_base(base, st);
            base.is_some_and(|base| base.starts_with("enum."))
        })
    }
}

/// The parts of an annotation that may check a value: names, and what `Annotated` adds.
fn annotated_parts<'a>(annotation: &'a Expr, found: &mut Vec<&'a Expr>) {
    match annotation {
        Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) => found.push(annotation),
        Expr::Subscript(generic) => {
            let name = match &*generic.value {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => return,
            };
            match (name, &*generic.slice) {
                ("Annotated", Expr::Tuple(parts)) => {
                    parts
                        .elts
                        .iter()
                        .for_each(|part| annotated_parts(part, found));
                }
                ("Optional", inner) => annotated_parts(inner, found),
                _ => {}
            }
        }
        Expr::BinOp(either) if either.right.is_none_literal_expr() => {
            annotated_parts(&either.left, found);
        }
        _ => {}
    }
}

/// The annotated names of a class body, in order.
fn annotations(body: &[Stmt]) -> impl Iterator<Item = (&str, &Expr)> {
    body.iter().filter_map(|stmt| match stmt {
        Stmt::AnnAssign(field) => match &*field.target {
            Expr::Name(name) => Some((name.id.as_str(), &*field.annotation)),
            _ => None,
        },
        _ => None,
    })
}

/// Whether a value of that type holds no text that a client can shape.
fn is_number_type(annotation: &Expr) -> bool {
    match annotation {
        Expr::Name(name) => is_number_name(name.id.as_str()),
        Expr::Attribute(attribute) => is_number_name(attribute.attr.as_str()),
        Expr::NoneLiteral(_) => true,
        Expr::BinOp(either) if either.op == Operator::BitOr => {
            is_number_type(&either.left) && is_number_type(&either.right)
        }
        Expr::Subscript(generic) => {
            let name = match &*generic.value {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => return false,
            };
            match (name, &*generic.slice) {
                ("Literal", _) => true,
                ("Annotated", Expr::Tuple(parts)) => parts.elts.first().is_some_and(is_number_type),
                (
                    "Optional" | "List" | "list" | "Set" | "set" | "Tuple" | "tuple" | "Sequence"
                    | "Union",
                    Expr::Tuple(parts),
                ) => parts.elts.iter().all(is_number_type),
                ("Optional" | "List" | "list" | "Set" | "set" | "Sequence" | "Union", inner) => {
                    is_number_type(inner)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether a field is a list or mapping, not text itself.
fn is_container_type(annotation: &Expr) -> bool {
    match annotation {
        Expr::Name(name) => matches!(name.id.as_str(), "list" | "dict" | "set" | "List" | "Dict"),
        Expr::Subscript(generic) => match &*generic.value {
            Expr::Name(name) if name.id.as_str() == "Optional" => is_container_type(&generic.slice),
            Expr::Name(name) => matches!(
                name.id.as_str(),
                "List" | "list" | "Dict" | "dict" | "Set" | "set" | "Tuple" | "tuple" | "Sequence"
            ),
            _ => false,
        },
        Expr::BinOp(either) if either.op == Operator::BitOr => {
            is_container_type(&either.left) || is_container_type(&either.right)
        }
        _ => false,
    }
}

fn is_number_name(name: &str) -> bool {
    matches!(
        name,
        "int"
            | "float"
            | "bool"
            | "Decimal"
            | "UUID"
            | "UUID1"
            | "UUID3"
            | "UUID4"
            | "UUID5"
            | "date"
            | "datetime"
            | "time"
            | "timedelta"
            | "IPv4Address"
            | "IPv6Address"
            | "StrictInt"
            | "StrictBool"
            | "StrictFloat"
            | "PositiveInt"
            | "NonNegativeInt"
            | "PositiveFloat"
            | "NonNegativeFloat"
            | "conint"
            | "confloat"
    )
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn tainted(field: &str, make: &str) -> bool {
        let source = format!(
            "from typing import Annotated, Literal, Optional\nfrom uuid import UUID\nfrom flask import Flask, request\nfrom pydantic import BaseModel\napp = Flask(__name__)\n\
             class Base(BaseModel):\n    other: str\nclass Body(Base):\n    f: {field} = None\n\
             @app.post('/')\ndef view():\n    body = {make}\n    return {{'t': open('/srv/' + str(body.f)).read()}}\n"
        );
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let flows = analyse(&Modules::parse(&repo));
        let mut calls = flows.of_sink(|sink| matches!(sink, Sink::File(_)));
        calls.any(crate::model::flow::SinkCall::is_tainted)
    }

    #[test]
    fn a_fields_type_decides() {
        for make in [
            "Body.model_validate(request.get_json())",
            "Body(**request.get_json())",
            "Body(f=request.form['f'], other='x')",
        ] {
            for field in [
                "str",
                "Optional[str]",
                "str | None",
                "list",
                "Annotated[str, 5]",
            ] {
                assert!(tainted(field, make), "{field} {make}");
            }
            for field in [
                "int",
                "Optional[int]",
                "UUID | None",
                "Literal['a', 'b']",
                "Annotated[int, 5]",
            ] {
                assert!(!tainted(field, make), "{field} {make}");
            }
        }
    }
}
