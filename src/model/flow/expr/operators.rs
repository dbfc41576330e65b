//! Operators of two sides.

use ruff_python_ast::{Expr, ExprBinOp, Operator};
use ruff_text_size::Ranged as _;

use super::super::heap::{Obj, State};
use super::super::interp::{Frame, Interp};
use super::super::value::{Place, StrKind, Value, union};
use super::{inserted, is_path, is_textual};

impl<'a> Interp<'a> {
    /// `a + b + c + …` without recursion on the left.
    pub(super) fn binary_chain(
        &mut self,
        binary: &'a ExprBinOp,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let mut chain = vec![binary];
        while let Expr::BinOp(left) = &*chain[chain.len() - 1].left {
            chain.push(left);
        }
        let innermost = chain[chain.len() - 1];
        let mut value = self.eval(&innermost.left, st, fr);
        value = inserted(&value, fr.place(innermost.left.range()));
        for link in chain.into_iter().rev() {
            let right = self.eval(&link.right, st, fr);
            let right_place = fr.place(link.right.range());
            let whole = fr.place(link.range());
            value = self.binary(&value, link.op, &right, right_place, whole, st, fr);
        }
        value
    }

    #[expect(clippy::too_many_arguments, reason = "an operator with both places")]
    pub fn binary(
        &mut self,
        left: &Value<'a>,
        op: Operator,
        right: &Value<'a>,
        right_place: Place,
        whole: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        if let Some(number) = arithmetic(left, op, right) {
            return number;
        }
        if left.alternatives().len() * right.alternatives().len() > 1 {
            let mut results = Vec::new();
            for a in left.alternatives() {
                for b in right.alternatives().iter().take(8) {
                    results.push(self.binary(a, op, b, right_place, whole, st, fr));
                }
            }
            return union(results);
        }
        match op {
            Operator::Add => self.add(left, right, right_place, whole, st),
            Operator::Mod if is_textual(left) => {
                self.percent(left, right, right_place, whole, st, fr)
            }
            Operator::Div
                if is_path(left) || is_path(right) || self.is_folder(left, right_place, whole) =>
            {
                let right = inserted(&st.pin(right), right_place);
                self.join_path(&[left.clone(), right], StrKind::Path)
            }
            Operator::Mult => self.repeat(left, right, whole, st),
            Operator::BitOr => self.merged(left, right, whole, st),
            Operator::BitAnd if let Some(test) = self.intersection(left, right, whole, st) => test,
            Operator::Sub if let Some(rest) = self.difference(left, right, whole, st) => rest,
            _ => self.numeric(&[left.clone(), right.clone()], whole),
        }
    }

    /// Whether what is divided is, by its name, a folder: `current_app.config["EXPORTS"] / name`.
    pub(super) fn is_folder(&self, left: &Value<'a>, right: Place, whole: Place) -> bool {
        const WORDS: [&str; 7] = [
            "config[", "dir", "path", "folder", "root", "base", "config.",
        ];
        let written = Place {
            module: whole.module,
            span: crate::text::Span::new(whole.span.start, right.span.start),
        };
        let text = self.source_text(written).to_ascii_lowercase();
        let is_unknown = matches!(left, Value::Any(any) if any.pieces.is_empty() && any.kind.as_deref() != Some("number"));
        (is_unknown || matches!(left, Value::Ext(_)))
            && WORDS.iter().any(|word| text.contains(word))
    }

    pub(super) fn add(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        right_place: Place,
        whole: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        if let (Some(a), Some(b)) = (self.known_items(left, st), self.known_items(right, st))
            && !is_textual(left)
        {
            let all: Vec<_> = a.into_iter().chain(b).collect();
            return match left {
                Value::Tuple(_) => Value::Tuple(all.into()),
                _ => self.list(st, all),
            };
        }
        if matches!(left, Value::Ref(_)) || matches!(right, Value::Ref(_)) {
            let a = self.any_item(left, whole, st);
            let b = self.any_item(right, right_place, st);
            return self.list_of(st, union([a, b]));
        }
        if matches!(left, Value::Int(_) | Value::Float(_)) {
            return self.numeric(&[left.clone(), right.clone()], whole);
        }
        let right = inserted(&st.pin(right), right_place);
        self.concat(&st.pin(left), &right, StrKind::Text)
    }

    /// `target op= value`; lists grow in place.
    pub fn augmented(
        &mut self,
        left: Value<'a>,
        op: Operator,
        right: Value<'a>,
        right_place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        if let Value::Ref(id) = left {
            let items = self.known_items(&right, st);
            let item = self.any_item(&right, right_place, st);
            st.change(id, |object| match object {
                Obj::List(list) => match items {
                    Some(items) if list.rest.is_none() => list.items.extend(items),
                    _ => list.mix_in(item),
                },
                Obj::Dict(dict) => {
                    let known = dict.rest.take();
                    dict.rest = Some(known.map_or(item.clone(), |known| union([known, item])));
                }
                _ => {}
            });
            if let (Operator::BitOr, Some(object)) = (op, st.get(id))
                && let Obj::Dict(dict) = &*object
            {
                let mut dict = dict.clone();
                dict.rest = None;
                self.merge_into(&mut dict, &right, right_place, st);
                st.put(id, Obj::Dict(dict));
            }
            return left;
        }
        let mut scratch = Frame::new(right_place.module, 0, "");
        self.binary(
            &left,
            op,
            &right,
            right_place,
            right_place,
            st,
            &mut scratch,
        )
    }
}

/// Python's arithmetic on constants; nothing where it would raise or overflow.
pub(super) fn arithmetic<'a>(
    left: &Value<'a>,
    op: Operator,
    right: &Value<'a>,
) -> Option<Value<'a>> {
    let int = |value: &Value<'a>| match value {
        Value::Int(value) => Some(*value),
        Value::Bool(value) => Some(i64::from(*value)),
        _ => None,
    };
    if let (Some(a), Some(b)) = (int(left), int(right)) {
        let result = match op {
            Operator::Add => a.checked_add(b),
            Operator::Sub => a.checked_sub(b),
            Operator::Mult => a.checked_mul(b),
            Operator::FloorDiv if b != 0 => {
                let quotient = a.checked_div(b)?;
                Some(if a % b != 0 && (a < 0) != (b < 0) {
                    quotient - 1
                } else {
                    quotient
                })
            }
            Operator::Mod if b != 0 => {
                let rest = a.checked_rem(b)?;
                Some(if rest != 0 && (rest < 0) != (b < 0) {
                    rest + b
                } else {
                    rest
                })
            }
            Operator::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            Operator::BitAnd => Some(a & b),
            Operator::BitOr => Some(a | b),
            Operator::BitXor => Some(a ^ b),
            Operator::LShift => u32::try_from(b)
                .ok()
                .filter(|b| *b < 32)
                .and_then(|b| a.checked_mul(1 << b)),
            Operator::RShift => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
            Operator::Div if b != 0 => return Some(Value::Float(a as f64 / b as f64)),
            _ => None,
        };
        return result.map(Value::Int);
    }
    let float = |value: &Value<'a>| match value {
        Value::Float(value) => Some(*value),
        value => int(value).map(|value| value as f64),
    };
    let (a, b) = (float(left)?, float(right)?);
    let result = match op {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mult => a * b,
        Operator::Div if b != 0.0 => a / b,
        Operator::FloorDiv if b != 0.0 => (a / b).floor(),
        Operator::Mod if b != 0.0 => a - b * (a / b).floor(),
        Operator::Pow => a.powf(b),
        _ => return None,
    };
    Some(Value::Float(result))
}
