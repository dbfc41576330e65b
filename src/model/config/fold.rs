//! Operators on abstract values: arithmetic, texts, comparisons, choices.

use ruff_python_ast::{
    BoolOp, CmpOp, Expr, ExprBoolOp, ExprCompare, InterpolatedStringElement, Operator, UnaryOp,
};
use ruff_text_size::Ranged as _;

use super::evaluate::{Piece, join, known, truth_of};
use super::load::text_of;
use super::trace::{Alternatives, Eval, Frame, Tracer, choice};
use super::{Conversion, EnvRead, Literal, Value};

/// Secrets, and what platforms set themselves: no file of the repository would.
fn is_set_outside(name: &str) -> bool {
    const PARTS: [&str; 7] = [
        "SECRET",
        "PASSWORD",
        "TOKEN",
        "_KEY",
        "DSN",
        "DATABASE_URL",
        "SERVICE_HOST",
    ];
    const PLATFORMS: [&str; 8] = [
        "DYNO",
        "PORT",
        "RENDER",
        "VERCEL",
        "FLY_APP_NAME",
        "K_SERVICE",
        "WEBSITE_HOSTNAME",
        "GAE_ENV",
    ];
    PARTS.iter().any(|part| name.contains(part)) || PLATFORMS.contains(&name)
}

impl<'a> Tracer<'a> {
    pub(super) fn bool_op(&mut self, frame: &mut Frame<'a>, operation: &'a ExprBoolOp) -> Eval<'a> {
        let mut values = operation.values.iter();
        let Some(first) = values.next() else {
            return Eval::unknown("an empty condition");
        };
        let mut result = self.eval(frame, first);
        let mut expr = first;
        for next in values {
            let is_or = operation.op == BoolOp::Or;
            if let Some(truth) = truth_of(&result) {
                if truth == is_or {
                    return result;
                }
                result = self.eval(frame, next);
                expr = next;
                continue;
            }
            let right = self.eval(frame, next);
            result = match (&result, right) {
                (Eval::Value(Value::Env(read)), Eval::Value(Value::Known(default)))
                    if is_or && read.conversion == Conversion::None && !read.negated =>
                {
                    Eval::Value(Value::Env(EnvRead {
                        default: Some(default),
                        default_at: Some(self.location(frame.module, next.range())),
                        required: false,
                        ..read.clone()
                    }))
                }
                (_, right) if is_or => self.either(frame, expr, result.clone(), right),
                (_, right) => self.either(frame, expr, right, result.clone()),
            };
            expr = next;
        }
        result
    }

    pub(super) fn either(
        &mut self,
        frame: &Frame<'a>,
        test: &'a Expr,
        then: Eval<'a>,
        otherwise: Eval<'a>,
    ) -> Eval<'a> {
        let condition = self.source(frame.module, test).to_owned();
        match (then, otherwise) {
            (Eval::Value(then), Eval::Value(otherwise)) => {
                Eval::Value(choice(condition, then, otherwise))
            }
            (then @ (Eval::Class(..) | Eval::Module(_)), otherwise)
            | (otherwise, then @ (Eval::Class(..) | Eval::Module(_))) => {
                let item = |tracer: &Self, value: &Eval<'a>| match value {
                    Eval::Class(home, class) => (
                        class.name.to_string(),
                        super::load::class_location(tracer, *home, class),
                        value.clone(),
                    ),
                    other => (
                        String::new(),
                        tracer.location(frame.module, test.range()),
                        other.clone(),
                    ),
                };
                let items = vec![item(self, &then), item(self, &otherwise)];
                Eval::Candidates(std::rc::Rc::new(Alternatives {
                    location: self.location(frame.module, test.range()),
                    selector: Eval::unknown(condition),
                    items,
                    fallback: None,
                }))
            }
            (Eval::Value(_), other) | (other, _) => other,
        }
    }

    pub(super) fn binary(
        &mut self,
        frame: &Frame<'a>,
        operator: Operator,
        left: Eval<'a>,
        right: Eval<'a>,
        right_expr: &'a Expr,
    ) -> Eval<'a> {
        if operator == Operator::Mod
            && let Some(format) = text_of(&left)
        {
            return self.percent(frame, &format, right, right_expr);
        }
        if let (Operator::Div, Eval::Path(base), Some(rest)) = (operator, &left, text_of(&right)) {
            return Eval::Path(join(base, &rest));
        }
        match (left, right) {
            (Eval::Value(Value::Known(left)), Eval::Value(Value::Known(right))) => {
                arithmetic(operator, &left, &right)
                    .map_or_else(|| Eval::unknown("arithmetic"), known)
            }
            (Eval::Path(path), right) if operator == Operator::Add => match text_of(&right) {
                Some(rest) => Eval::Path(join(&path, rest.trim_start_matches('/'))),
                None => Eval::unknown("a computed path"),
            },
            (left, right) if operator == Operator::Add => concatenated(left, right),
            _ => Eval::unknown("arithmetic"),
        }
    }

    /// `"%s.Config" % name`.
    pub(super) fn percent(
        &mut self,
        frame: &Frame<'a>,
        format: &str,
        right: Eval<'a>,
        right_expr: &'a Expr,
    ) -> Eval<'a> {
        let values: Vec<Value> = match right {
            Eval::Sequence(module, items) => items
                .iter()
                .map(|item| {
                    let value = self.eval_in(module, item);
                    self.public_value(module, item, &value)
                })
                .collect(),
            other => vec![self.public_value(frame.module, right_expr, &other)],
        };
        let mut pieces = Vec::new();
        let mut parts = format.split("%s");
        pieces.push(Piece::Text(parts.next().unwrap_or_default().to_owned()));
        let mut values = values.into_iter();
        for part in parts {
            let Some(value) = values.next() else {
                return Eval::unknown("a formatted text");
            };
            pieces.push(Piece::Hole(value));
            pieces.push(Piece::Text(part.to_owned()));
        }
        assembled(pieces)
    }

    pub(super) fn f_string(
        &mut self,
        frame: &mut Frame<'a>,
        elements: impl Iterator<Item = &'a InterpolatedStringElement>,
    ) -> Eval<'a> {
        let mut pieces = Vec::new();
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(text) => {
                    pieces.push(Piece::Text(text.value.to_string()));
                }
                InterpolatedStringElement::Interpolation(hole) => {
                    let value = self.eval(frame, &hole.expression);
                    let value = self.public_value(frame.module, &hole.expression, &value);
                    pieces.push(Piece::Hole(value));
                }
            }
        }
        assembled(pieces)
    }

    /// `os.environ.get("NAME") is not None`, `"NAME" in os.environ`.
    fn presence(
        &self,
        frame: &Frame<'a>,
        compare: &'a ExprCompare,
        operator: CmpOp,
        sides: (&Eval<'a>, &Eval<'a>),
    ) -> Option<Eval<'a>> {
        let (name, negated) = match (sides, operator) {
            (
                (Eval::Value(Value::Env(read)), Eval::Value(Value::Known(Literal::None))),
                CmpOp::Is | CmpOp::IsNot,
            ) if read.default.is_none() && read.conversion == Conversion::None => {
                (read.name.clone(), operator == CmpOp::Is)
            }
            (
                (Eval::Value(Value::Known(Literal::Str(name))), Eval::Environ),
                CmpOp::In | CmpOp::NotIn,
            ) => (name.clone(), operator == CmpOp::NotIn),
            _ => return None,
        };
        if is_set_outside(&name) {
            return Some(Eval::unknown("whether the deployment sets a variable"));
        }
        Some(Eval::Value(Value::Env(EnvRead {
            name,
            default: None,
            default_at: None,
            required: false,
            conversion: Conversion::Present,
            negated,
            location: self.location(frame.module, compare.range),
        })))
    }

    pub(super) fn compare(&mut self, frame: &mut Frame<'a>, compare: &'a ExprCompare) -> Eval<'a> {
        let ([operator], [right_expr]) = (&*compare.ops, &*compare.comparators) else {
            return Eval::unknown("a comparison");
        };
        let left = self.eval(frame, &compare.left);
        let right = self.eval(frame, right_expr);
        if let Some(found) = self.presence(frame, compare, *operator, (&left, &right)) {
            return found;
        }
        let (read, other, other_expr) = match (&left, &right) {
            (Eval::Value(Value::Env(read)), _) => (read, &right, right_expr),
            (_, Eval::Value(Value::Env(read))) => (read, &left, &*compare.left),
            _ => {
                return compare_known(*operator, &left, &right).map_or_else(
                    || Eval::unknown("a comparison"),
                    |truth| known(Literal::Bool(truth)),
                );
            }
        };
        let lowered = match &read.conversion {
            Conversion::None => false,
            Conversion::Parser(name) if name == "lower" => true,
            // `int(os.environ.get("DEBUG", 0)) == 1` says what the number itself says.
            Conversion::Int if matches!(operator, CmpOp::Eq) => {
                return Eval::Value(Value::Env(read.clone()));
            }
            _ => return Eval::unknown("a comparison"),
        };
        let words = match other {
            Eval::Value(Value::Known(Literal::Str(word))) => Some(vec![word.clone()]),
            Eval::Value(Value::Known(Literal::List(items))) => Some(
                items
                    .iter()
                    .filter_map(Literal::as_str)
                    .map(str::to_owned)
                    .collect(),
            ),
            Eval::Sequence(module, items) => {
                let mut words = Vec::new();
                for item in *items {
                    words.extend(text_of(&self.eval_in(*module, item)));
                }
                Some(words)
            }
            _ => None,
        };
        let negated = matches!(operator, CmpOp::NotEq | CmpOp::NotIn);
        let compares = matches!(
            operator,
            CmpOp::Eq | CmpOp::NotEq | CmpOp::In | CmpOp::NotIn
        );
        match words.filter(|_| compares) {
            Some(to) => Eval::Value(Value::Env(EnvRead {
                conversion: Conversion::Compare { to, lowered },
                negated: read.negated != negated,
                ..read.clone()
            })),
            None => {
                let text = self.source(frame.module, other_expr);
                Eval::unknown(format!("a comparison with {text}"))
            }
        }
    }
}

pub(super) fn unary(operator: UnaryOp, operand: Eval<'_>) -> Eval<'_> {
    match (operator, operand) {
        (UnaryOp::Not, Eval::Value(Value::Env(read))) => Eval::Value(Value::Env(EnvRead {
            negated: !read.negated,
            ..read
        })),
        (UnaryOp::Not, operand) => match truth_of(&operand) {
            Some(truth) => known(Literal::Bool(!truth)),
            None => Eval::unknown("a negation"),
        },
        (UnaryOp::USub, Eval::Value(Value::Known(Literal::Int(int)))) => {
            known(Literal::Int(int.wrapping_neg()))
        }
        (UnaryOp::USub, Eval::Value(Value::Known(Literal::Float(float)))) => {
            known(Literal::Float(-float))
        }
        (UnaryOp::UAdd, operand) => operand,
        _ => Eval::unknown("arithmetic"),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of a configuration are small"
)]
fn arithmetic(operator: Operator, left: &Literal, right: &Literal) -> Option<Literal> {
    match (left, right) {
        (Literal::Int(left), Literal::Int(right)) => match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Sub => left.checked_sub(*right),
            Operator::Mult => left.checked_mul(*right),
            Operator::FloorDiv => left.checked_div(*right),
            Operator::Pow => left.checked_pow(u32::try_from(*right).ok()?),
            Operator::LShift => left.checked_shl(u32::try_from(*right).ok()?),
            _ => None,
        }
        .map(Literal::Int),
        (Literal::Str(left), Literal::Str(right)) if operator == Operator::Add => {
            Some(Literal::Str(format!("{left}{right}")))
        }
        (Literal::Bytes(left), Literal::Bytes(right)) if operator == Operator::Add => {
            Some(Literal::Bytes([left.as_slice(), right].concat()))
        }
        (Literal::Str(text), Literal::Int(times)) if operator == Operator::Mult => {
            let times = usize::try_from(*times).ok()?;
            (times <= 256).then(|| Literal::Str(text.repeat(times)))
        }
        (Literal::Seconds(left), Literal::Int(right)) if operator == Operator::Mult => {
            Some(Literal::Seconds(left * *right as f64))
        }
        (Literal::Seconds(left), Literal::Seconds(right)) if operator == Operator::Add => {
            Some(Literal::Seconds(left + right))
        }
        (Literal::Float(left), Literal::Int(right)) => match operator {
            Operator::Mult => Some(Literal::Float(left * *right as f64)),
            Operator::Add => Some(Literal::Float(left + *right as f64)),
            _ => None,
        },
        _ => None,
    }
}

fn compare_known(operator: CmpOp, left: &Eval<'_>, right: &Eval<'_>) -> Option<bool> {
    let (Eval::Value(Value::Known(left)), Eval::Value(Value::Known(right))) = (left, right) else {
        // An object of the repository is not None.
        let is_none = |value: &Eval<'_>| matches!(value, Eval::Value(Value::Known(Literal::None)));
        let is_object = |value: &Eval<'_>| {
            matches!(
                value,
                Eval::Class(..) | Eval::Module(_) | Eval::Instance(..) | Eval::Table(..)
            )
        };
        let against_none =
            (is_none(left) && is_object(right)) || (is_none(right) && is_object(left));
        return match operator {
            CmpOp::Is | CmpOp::Eq if against_none => Some(false),
            CmpOp::IsNot | CmpOp::NotEq if against_none => Some(true),
            _ => None,
        };
    };
    match operator {
        CmpOp::Eq | CmpOp::Is => Some(left == right),
        CmpOp::NotEq | CmpOp::IsNot => Some(left != right),
        CmpOp::In | CmpOp::NotIn => {
            let found = match right {
                Literal::List(items) => items.contains(left),
                Literal::Str(text) => text.contains(left.as_str()?),
                _ => return None,
            };
            Some(found == (operator == CmpOp::In))
        }
        _ => None,
    }
}

fn concatenated<'a>(left: Eval<'a>, right: Eval<'a>) -> Eval<'a> {
    let pieces = |value: Eval<'a>| match value {
        Eval::Value(Value::Known(Literal::Str(text))) => Some(vec![Piece::Text(text)]),
        Eval::Value(value) => Some(vec![Piece::Hole(value)]),
        Eval::Pattern(pieces) => Some(pieces),
        _ => None,
    };
    let is_text = |value: &Eval<'_>| {
        matches!(
            value,
            Eval::Value(Value::Known(Literal::Str(_))) | Eval::Pattern(_)
        )
    };
    if !is_text(&left) && !is_text(&right) {
        return Eval::unknown("a sum");
    }
    match (pieces(left), pieces(right)) {
        (Some(mut left), Some(right)) => {
            left.extend(right);
            assembled(left)
        }
        _ => Eval::unknown("a computed text"),
    }
}

/// One text when every hole is known.
pub(super) fn assembled<'a>(pieces: Vec<Piece>) -> Eval<'a> {
    let mut text = String::new();
    let mut whole = true;
    let mut merged: Vec<Piece> = Vec::new();
    for piece in pieces {
        let constant = match &piece {
            Piece::Text(part) => Some(part.clone()),
            Piece::Hole(Value::Known(Literal::Str(part))) => Some(part.clone()),
            Piece::Hole(Value::Known(Literal::Int(number))) => Some(number.to_string()),
            Piece::Hole(_) => None,
        };
        match constant {
            Some(part) => {
                text.push_str(&part);
                if let Some(Piece::Text(before)) = merged.last_mut() {
                    before.push_str(&part);
                } else {
                    merged.push(Piece::Text(part));
                }
            }
            None => {
                whole = false;
                merged.push(piece);
            }
        }
    }
    if whole {
        return known(Literal::Str(text));
    }
    Eval::Pattern(merged)
}
