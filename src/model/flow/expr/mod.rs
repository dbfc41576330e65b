//! Expressions.

mod comprehension;
mod operators;

use ruff_python_ast::{
    BoolOp, Expr, ExprBoolOp, ExprFString, FStringPart, InterpolatedStringElement, Number, UnaryOp,
};
use ruff_text_size::Ranged as _;
use std::rc::Rc;

use super::facts::Facts;
use super::heap::{Dict, List, Obj, State};
use super::interp::{Frame, Interp};
use super::value::{Code, Func, Part, Place, Pred, Str, StrKind, Value, hash, mix, union};

/// Constant sequences up to this length are comprehended one by one.
const LONGEST_COMPREHENDED: usize = 16;

impl<'a> Interp<'a> {
    pub fn eval(&mut self, expr: &'a Expr, st: &mut State<'a>, fr: &mut Frame<'a>) -> Value<'a> {
        let place = fr.place(expr.range());
        if st.dead || !self.enter(place) {
            return Value::unknown(place.key());
        }
        let value = self.eval_inner(expr, place, st, fr);
        self.leave();
        if value.is_tainted() {
            let known = self.seen.entry(place).or_default();
            value.visit_pieces(&mut |piece| {
                let key = piece.source.place.key();
                if !known.contains(&key) {
                    known.push(key);
                }
            });
        }
        value
    }

    fn eval_inner(
        &mut self,
        expr: &'a Expr,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        match expr {
            Expr::Name(name) => self.load(name.id.as_str(), st, fr),
            Expr::StringLiteral(text) => {
                let known = self.literals.entry(place);
                let value = known.or_insert_with(|| Value::text(text.value.to_str()));
                value.clone()
            }
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                let mut text = Str::literal(String::from_utf8_lossy(&bytes).into_owned());
                text.kind = StrKind::Bytes;
                Value::str(text)
            }
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(int) => int
                    .as_i64()
                    .map_or_else(|| Value::unknown(place.key()), Value::Int),
                Number::Float(float) => Value::Float(*float),
                Number::Complex { .. } => Value::unknown(place.key()),
            },
            Expr::BooleanLiteral(boolean) => Value::Bool(boolean.value),
            Expr::NoneLiteral(_) => Value::None,
            Expr::EllipsisLiteral(_) => Value::ext("builtins.Ellipsis"),
            Expr::FString(text) => self.f_string(text, st, fr),
            Expr::Attribute(attribute) => {
                let object = self.eval(&attribute.value, st, fr);
                self.attribute(&object, attribute.attr.as_str(), place, st, fr)
            }
            Expr::Subscript(subscript) => {
                let object = self.eval(&subscript.value, st, fr);
                if let Expr::Slice(slice) = &*subscript.slice {
                    let mut bound = |expr: &'a Option<Box<Expr>>| {
                        expr.as_ref().map(|expr| self.eval(expr, st, fr))
                    };
                    let bounds = [bound(&slice.lower), bound(&slice.upper), bound(&slice.step)];
                    return self.slice(&object, &bounds, place, st);
                }
                let key = self.eval(&subscript.slice, st, fr);
                self.subscript(&object, &key, place, st, fr)
            }
            Expr::Call(call) => self.call(call, st, fr),
            Expr::BinOp(binary) => self.binary_chain(binary, st, fr),
            Expr::UnaryOp(unary) => {
                if unary.op == UnaryOp::Not {
                    return self.truth_value(expr, place, st, fr);
                }
                let operand = self.eval(&unary.operand, st, fr);
                negate(unary.op, &operand).unwrap_or_else(|| self.numeric(&[operand], place))
            }
            Expr::BoolOp(boolean) => self.bool_op(boolean, place, st, fr),
            Expr::Compare(compare) => self.compare(compare, st, fr),
            Expr::If(conditional) => {
                let (mut then, mut otherwise) = self.branch(&conditional.test, st.clone(), fr);
                let a = self.eval(&conditional.body, &mut then, fr);
                let b = self.eval(&conditional.orelse, &mut otherwise, fr);
                let value = match (then.dead, otherwise.dead) {
                    (false, true) => a,
                    (true, false) => b,
                    _ => union([then.pin(&a), otherwise.pin(&b)]),
                };
                *st = then.join(otherwise);
                value
            }
            Expr::Named(named) => {
                let value = self.eval(&named.value, st, fr);
                self.assign(&named.target, value.clone(), st, fr);
                value
            }
            Expr::Lambda(lambda) => {
                fr.is_captured = true;
                Value::Func(Rc::new(Func {
                    code: Code::Lambda(lambda),
                    module: fr.module,
                    scope: fr.scope,
                    class: None,
                }))
            }
            Expr::Tuple(tuple) => {
                let list = self.items(&tuple.elts, st, fr);
                match list.rest {
                    None => Value::Tuple(list.items.into()),
                    Some(_) => self.alloc(st, Obj::List(list)),
                }
            }
            Expr::List(list) => {
                let list = self.items(&list.elts, st, fr);
                self.alloc(st, Obj::List(list))
            }
            Expr::Set(set) => {
                let list = self.items(&set.elts, st, fr);
                self.alloc(st, Obj::List(list))
            }
            Expr::Dict(dict) => {
                let mut object = Dict::default();
                for item in &dict.items {
                    let value = self.eval(&item.value, st, fr);
                    match &item.key {
                        Some(key) => {
                            let key = self.eval(key, st, fr);
                            object.set(&key, value);
                        }
                        None => self.merge_into(&mut object, &value, place, st),
                    }
                }
                self.alloc(st, Obj::Dict(object))
            }
            Expr::ListComp(comp) => {
                let list = self.comprehend(&comp.elt, &comp.generators, st, fr);
                self.alloc(st, Obj::List(list))
            }
            Expr::SetComp(comp) => {
                let list = self.comprehend(&comp.elt, &comp.generators, st, fr);
                self.alloc(st, Obj::List(list))
            }
            Expr::Generator(comp) => {
                let list = self.comprehend(&comp.elt, &comp.generators, st, fr);
                self.alloc(st, Obj::List(list))
            }
            Expr::DictComp(comp) => {
                let mut keys = Vec::new();
                let mut values = Vec::new();
                let inner = self.inner_scope(st, fr);
                let outer = std::mem::replace(&mut fr.scope, inner);
                self.generators(&comp.generators, st, fr, &mut |this, st, fr| {
                    if let Some(key) = &comp.key {
                        let key = this.eval(key, st, fr);
                        keys.push(st.pin(&key));
                    }
                    let value = this.eval(&comp.value, st, fr);
                    values.push(st.pin(&value));
                });
                self.leave_scope(inner, outer, st, fr);
                let mut dict = Dict::default();
                for (key, value) in keys.iter().zip(values) {
                    dict.set(key, value);
                }
                self.alloc(st, Obj::Dict(dict))
            }
            Expr::Await(inner) => self.eval(&inner.value, st, fr),
            Expr::Yield(inner) => {
                if let Some(value) = &inner.value {
                    let value = self.eval(value, st, fr);
                    fr.yields.push(st.pin(&value));
                }
                Value::unknown(place.key())
            }
            Expr::YieldFrom(inner) => {
                let all = self.eval(&inner.value, st, fr);
                let item = self.any_item(&all, place, st);
                fr.yields.push(st.pin(&item));
                Value::unknown(place.key())
            }
            Expr::Starred(starred) => self.eval(&starred.value, st, fr),
            Expr::TString(_) | Expr::Slice(_) | Expr::IpyEscapeCommand(_) => {
                Value::unknown(place.key())
            }
        }
    }

    fn items(&mut self, elts: &'a [Expr], st: &mut State<'a>, fr: &mut Frame<'a>) -> List<'a> {
        let mut list = List::default();
        for elt in elts {
            let value = self.eval(elt, st, fr);
            if !elt.is_starred_expr() {
                match &list.rest {
                    None => list.items.push(value),
                    Some(_) => list.mix_in(value),
                }
                continue;
            }
            match self.known_items(&value, st) {
                Some(items) if list.rest.is_none() => list.items.extend(items),
                _ => {
                    let item = self.any_item(&value, fr.place(elt.range()), st);
                    list.mix_in(item);
                }
            }
        }
        list
    }

    fn f_string(
        &mut self,
        text: &'a ExprFString,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let mut out = Value::text("");
        for part in &text.value {
            match part {
                FStringPart::Literal(literal) => {
                    out = self.concat(&out, &Value::text(&*literal.value), StrKind::Text);
                }
                FStringPart::FString(inner) => {
                    for element in &inner.elements {
                        let value = match element {
                            InterpolatedStringElement::Literal(literal) => {
                                Value::text(&*literal.value)
                            }
                            InterpolatedStringElement::Interpolation(inner) => {
                                let place = fr.place(inner.expression.range());
                                let value = self.eval(&inner.expression, st, fr);
                                let spec = inner
                                    .format_spec
                                    .as_ref()
                                    .map(|spec| self.source_text(fr.place(spec.range())));
                                self.formatted(&value, spec, place, st, fr)
                            }
                        };
                        out = self.concat(&out, &value, StrKind::Text);
                    }
                }
            }
        }
        out
    }

    /// A value put into text: `{value:spec}`, `%s`, `str(value)`.
    pub fn formatted(
        &mut self,
        value: &Value<'a>,
        spec: Option<&str>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let numeric =
            spec.is_some_and(|spec| spec.ends_with(['d', 'f', 'x', 'X', 'b', 'o', 'e', '%']));
        let value = self.stringify(value, place, st, fr);
        let value = st.pin(&value);
        value.map_pieces(&mut |piece| {
            let mut piece = piece.clone();
            piece.insert_through(place);
            if numeric {
                piece.facts |= Facts::NUMERIC | Facts::HARMLESS;
            }
            piece
        })
    }

    fn bool_op(
        &mut self,
        boolean: &'a ExprBoolOp,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let before = st.clone();
        let mut current = st.clone();
        let mut outcomes = Vec::new();
        let mut exit: Option<State<'a>> = None;
        let mut is_test = true;
        let mut decided: Option<State<'a>> = None;
        let last = boolean.values.len() - 1;
        for (index, operand) in boolean.values.iter().enumerate() {
            if current.dead {
                break;
            }
            let value = self.eval(operand, &mut current, fr);
            is_test &= value.alternatives().iter().all(is_truth_value);
            let (then, otherwise) = self.split(&value, current);
            let (stops, goes_on) = match boolean.op {
                BoolOp::And => (otherwise, then),
                BoolOp::Or => (then, otherwise),
            };
            let wanted = boolean.op == BoolOp::Or;
            if !stops.dead {
                for one in value.alternatives() {
                    if index == last || one.truth() != Some(!wanted) {
                        outcomes.push(stops.pin(one));
                    }
                }
            }
            if index == last {
                if !goes_on.dead {
                    let kept = value
                        .alternatives()
                        .iter()
                        .filter(|one| one.truth() != Some(wanted));
                    outcomes.extend(kept.map(|one| goes_on.pin(one)));
                }
                decided = Some(goes_on.clone());
            }
            exit = Some(match exit {
                Some(known) => known.join(stops),
                None => stops,
            });
            current = goes_on;
        }
        // `stops` decided the whole one way, running through decided it the other way.
        let stopped = exit.unwrap_or_else(|| before.clone());
        let through = decided.unwrap_or_else(|| {
            let mut never = before.clone();
            never.dead = true;
            never
        });
        let value = if is_test {
            let truth = boolean.op == BoolOp::Or;
            match (stopped.dead, through.dead) {
                (false, true) => Value::Bool(truth),
                (true, false) => Value::Bool(!truth),
                _ => {
                    let a = stopped.learned_since(&before);
                    let b = through.learned_since(&before);
                    let (then, otherwise) = if truth { (a, b) } else { (b, a) };
                    predicate(place, then, otherwise)
                }
            }
        } else if outcomes.is_empty() {
            Value::unknown(place.key())
        } else {
            union(outcomes)
        };
        *st = stopped.join(through);
        value
    }

    /// `not x` as a value.
    fn truth_value(
        &mut self,
        expr: &'a Expr,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let before = st.clone();
        let (then, otherwise) = self.branch(expr, st.clone(), fr);
        let value = match (then.dead, otherwise.dead) {
            (false, true) => Value::Bool(true),
            (true, false) => Value::Bool(false),
            _ => predicate(
                place,
                then.learned_since(&before),
                otherwise.learned_since(&before),
            ),
        };
        *st = then.join(otherwise);
        value
    }

    /// A number made of `operands`: no client can shape it.
    pub fn numeric(&self, operands: &[Value<'a>], place: Place) -> Value<'a> {
        let mut pieces = Vec::new();
        for operand in operands {
            for piece in operand.pieces() {
                let mut piece = piece.derive(hash("number"), Facts::HARMLESS);
                piece.facts |= Facts::HARMLESS | Facts::NUMERIC;
                piece.by = Some((place, "turned into a number".into()));
                super::value::add_piece(&mut pieces, &Rc::new(piece));
            }
        }
        let key = operands
            .iter()
            .fold(place.key(), |key, operand| mix(key, operand.key()));
        Value::object("number", key, pieces)
    }
}

pub(super) fn predicate<'a>(
    place: Place,
    then: Vec<(super::value::Key, Facts)>,
    otherwise: Vec<(super::value::Key, Facts)>,
) -> Value<'a> {
    Value::Pred(Rc::new(Pred {
        key: mix(place.key(), 0x9e4),
        then,
        otherwise,
    }))
}

/// Marks `place` as the expression through which the pieces become part of something larger.
pub(super) fn inserted<'a>(value: &Value<'a>, place: Place) -> Value<'a> {
    value.map_pieces(&mut |piece| {
        let mut piece = piece.clone();
        piece.insert_through(place);
        piece
    })
}

pub(super) fn is_truth_value(value: &Value<'_>) -> bool {
    matches!(value, Value::Bool(_) | Value::Pred(_))
}

pub(super) fn is_textual(value: &Value<'_>) -> bool {
    matches!(value, Value::Str(_)) || matches!(value, Value::Any(any) if any.kind.is_none())
}

pub(super) fn is_path(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => text.kind == StrKind::Path,
        Value::Union(values) => values.iter().any(is_path),
        _ => false,
    }
}

fn negate<'a>(op: UnaryOp, operand: &Value<'a>) -> Option<Value<'a>> {
    match (op, operand) {
        (UnaryOp::USub, Value::Int(value)) => value.checked_neg().map(Value::Int),
        (UnaryOp::USub, Value::Float(value)) => Some(Value::Float(-value)),
        (UnaryOp::UAdd, Value::Int(_) | Value::Float(_)) => Some(operand.clone()),
        (UnaryOp::Invert, Value::Int(value)) => Some(Value::Int(!value)),
        _ => None,
    }
}

/// Concatenation is the same for all kinds of text.
pub(super) fn as_parts<'a>(value: &Value<'a>) -> Vec<Part<'a>> {
    match value {
        Value::Str(text) => text.parts.clone(),
        Value::None => vec![Part::Lit("None".into())],
        Value::Bool(true) => vec![Part::Lit("True".into())],
        Value::Bool(false) => vec![Part::Lit("False".into())],
        Value::Int(value) => vec![Part::Lit(value.to_string().into())],
        value => {
            let pieces = value.pieces();
            if pieces.is_empty() {
                return vec![Part::Hole(value.key())];
            }
            pieces.into_iter().map(Part::Taint).collect()
        }
    }
}
