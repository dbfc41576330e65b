//! Conditions: which way they go, and what they say of the values they test.

mod compare;
mod contained;

use ruff_python_ast::{BoolOp, CmpOp, Expr, UnaryOp};
use ruff_text_size::Ranged as _;

use super::expr::predicate;
use super::facts::Facts;
use super::heap::{Obj, State};
use super::interp::{Frame, Interp};
use super::value::{Key, Part, Place, Str, StrKind, Value, hash, mix, union};

/// A result that says something only once it is compared.
#[derive(Debug, Clone)]
pub(super) enum Test<'a> {
    /// `haystack.find(needle)`, `haystack.count(needle)`; the value that means "not there".
    Find {
        needle: Value<'a>,
        haystack: Value<'a>,
        absent: i64,
    },
    /// `commonpath` of these.
    Common(Vec<Value<'a>>),
    /// `path.parents`.
    Parents(Value<'a>),
    /// `dirname(path)`, `path.parent`.
    Parent(Value<'a>),
    /// `relpath(path, base)`.
    Relative(Value<'a>),
    /// `text[:length]`.
    Start(Value<'a>),
    /// `urlparse(text)`.
    Url(Value<'a>),
    /// `urlparse(text).scheme`.
    Scheme(Value<'a>),
    /// What holds where it is true, and where it is `None` or otherwise false: a regular
    /// expression's match, what is left of a set.
    Truth {
        then: Vec<(Key, Facts)>,
        otherwise: Vec<(Key, Facts)>,
    },
}

const NO_SEPARATOR: &str = "this checks only the beginning of the text: a sibling folder whose name starts the same passes; compare with a trailing separator, or use commonpath";
const NOT_NORMALISED: &str = "the path is not resolved before it is checked, so \"..\" passes";
const CHARACTERS: &str = "commonprefix compares characters and not folders";

/// How many removals of harmless characters in a row are seen through.
const LONGEST_CUT: usize = 8;

impl<'a> Interp<'a> {
    /// The paths on which `test` is true and false.
    pub fn branch(
        &mut self,
        test: &'a Expr,
        st: State<'a>,
        fr: &mut Frame<'a>,
    ) -> (State<'a>, State<'a>) {
        if st.dead {
            return (st.clone(), st);
        }
        match test {
            Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => {
                let (then, otherwise) = self.branch(&unary.operand, st, fr);
                (otherwise, then)
            }
            Expr::BoolOp(boolean) => {
                let mut current = st;
                let mut left: Option<State<'a>> = None;
                for operand in &boolean.values {
                    if current.dead {
                        break;
                    }
                    let (then, otherwise) = self.branch(operand, current, fr);
                    let (goes_on, leaves) = match boolean.op {
                        BoolOp::And => (then, otherwise),
                        BoolOp::Or => (otherwise, then),
                    };
                    left = Some(match left {
                        Some(known) => known.join(leaves),
                        None => leaves,
                    });
                    current = goes_on;
                }
                let left = left.unwrap_or_else(|| current.clone());
                match boolean.op {
                    BoolOp::And => (current, left),
                    BoolOp::Or => (left, current),
                }
            }
            _ => {
                let mut st = st;
                let value = self.eval(test, &mut st, fr);
                let (mut then, mut otherwise) = self.split(&value, st);
                self.narrow(test, &value, &mut then, &mut otherwise, fr);
                (then, otherwise)
            }
        }
    }

    /// Drops alternatives of a tested variable that cannot be on a path.
    fn narrow(
        &mut self,
        test: &'a Expr,
        value: &Value<'a>,
        then: &mut State<'a>,
        otherwise: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        if let Some((name, is_none)) = none_test(test) {
            // `if name is None: return name` gives `None`, whatever else `name` could be.
            let side = if is_none { &mut *then } else { &mut *otherwise };
            if !side.dead && self.load(name, side, fr).is_tainted() {
                self.rebind(name, Value::None, side, fr);
            }
        }
        if let Some((name, end)) = end_test(test) {
            self.narrow_to_end(name, end, (&mut *then, &mut *otherwise), fr);
        }
        let (name, tested, outcomes): (_, Value<'a>, Vec<Option<bool>>) = match test {
            Expr::Name(name) => {
                let outcomes = value.alternatives().iter().map(Value::truth).collect();
                (name, value.clone(), outcomes)
            }
            Expr::Compare(compare) if compare.ops.len() == 1 => {
                let Expr::Name(name) = &*compare.left else {
                    return;
                };
                let tested = self.load(name.id.as_str(), then, fr);
                if tested.alternatives().len() < 2 || !is_simple(&compare.comparators[0]) {
                    return;
                }
                let mut scratch = then.clone();
                scratch.dead = false;
                let right = self.eval(&compare.comparators[0], &mut scratch, fr);
                let place = fr.place(compare.range());
                let outcomes = tested
                    .alternatives()
                    .iter()
                    .map(|one| {
                        self.compare_values(compare.ops[0], one, &right, place, &scratch)
                            .truth()
                    })
                    .collect();
                (name, tested, outcomes)
            }
            _ => return,
        };
        if tested.alternatives().len() < 2 {
            return;
        }
        for (state, gone) in [(then, Some(false)), (otherwise, Some(true))] {
            if state.dead {
                continue;
            }
            let kept = tested.alternatives().iter().zip(&outcomes);
            let kept: Vec<_> = kept
                .filter(|(_, outcome)| **outcome != gone)
                .map(|(one, _)| one.clone())
                .collect();
            if kept.is_empty() {
                state.dead = true;
            } else if kept.len() < outcomes.len() {
                self.rebind(name.id.as_str(), union(kept), state, fr);
            }
        }
    }

    /// `if folder.endswith(os.sep)`: there a folder of the server is text with that end, and
    /// elsewhere none that has it.
    fn narrow_to_end(
        &mut self,
        name: &'a str,
        end: &'a Expr,
        (then, otherwise): (&mut State<'a>, &mut State<'a>),
        fr: &mut Frame<'a>,
    ) {
        if then.dead || otherwise.dead || !is_simple(end) {
            return;
        }
        let folder = self.load(name, then, fr);
        let mut scratch = then.clone();
        let end = self.eval(end, &mut scratch, fr).constant_str();
        let Some(end) = end.filter(|end| !end.is_empty()) else {
            return;
        };
        if folder.is_tainted() || !folder.alternatives().iter().all(is_unknown_text) {
            return;
        }
        let has_end = |value: &&Value<'a>| match value {
            Value::Str(text) => {
                matches!(text.parts.last(), Some(Part::Lit(last)) if last.ends_with(&*end))
            }
            _ => false,
        };
        let with_end = folder.alternatives().iter().map(|one| {
            if has_end(&one) {
                return one.clone();
            }
            let mut text = Str::new(StrKind::Text);
            text.push(Part::Hole(mix(one.key(), hash(&end))));
            text.push(Part::Lit(end.as_str().into()));
            Value::str(text)
        });
        let with_end = union(with_end);
        let without: Vec<_> = folder
            .alternatives()
            .iter()
            .filter(|it| !has_end(it))
            .collect();
        if !without.is_empty() {
            let without = union(without.into_iter().cloned());
            self.rebind(name, without, otherwise, fr);
        }
        self.rebind(name, with_end, then, fr);
    }

    fn rebind(&mut self, name: &'a str, value: Value<'a>, st: &mut State<'a>, fr: &Frame<'a>) {
        let is_local = match st.get(fr.scope).as_deref() {
            Some(Obj::Scope(scope)) => scope.vars.contains_key(name),
            _ => false,
        };
        if is_local {
            self.store(name, value, st, fr);
        }
    }

    /// The paths on which a value is true and false.
    pub fn split(&self, value: &Value<'a>, st: State<'a>) -> (State<'a>, State<'a>) {
        let (mut then, mut otherwise) = (st.clone(), st);
        match self.truth(value, &then) {
            Some(true) => otherwise.dead = true,
            Some(false) => then.dead = true,
            None => {
                for one in value.alternatives() {
                    match one {
                        Value::Pred(pred) => {
                            then.learn_all(&pred.then);
                            otherwise.learn_all(&pred.otherwise);
                        }
                        Value::Any(any) => {
                            if let Some(Test::Truth {
                                then: a,
                                otherwise: b,
                            }) = self.tests.get(&any.key)
                            {
                                then.learn_all(a);
                                otherwise.learn_all(b);
                            } else if is_plain_text(any) {
                                // There it is empty, or nothing at all.
                                let empty = Facts::CONSTANT | Facts::HARMLESS;
                                otherwise.learn_all(&self.says(one, empty));
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        (then, otherwise)
    }

    fn truth(&self, value: &Value<'a>, st: &State<'a>) -> Option<bool> {
        // Where there are none, no view gets any.
        if value
            .kind()
            .is_some_and(|kind| &**kind == "flask.request.view_args")
        {
            return Some(true);
        }
        let Value::Ref(id) = value else {
            return value.truth();
        };
        match st.get(*id).as_deref() {
            Some(Obj::List(list)) if list.rest.is_none() => Some(!list.items.is_empty()),
            Some(Obj::Dict(dict)) if dict.rest.is_none() => Some(!dict.entries.is_empty()),
            _ => None,
        }
    }

    /// The keys under which a fact about a whole value is kept.
    pub fn says(&self, value: &Value<'a>, facts: Facts) -> Vec<(Key, Facts)> {
        let mut learned = Vec::new();
        for one in value.alternatives() {
            if !one.is_tainted() {
                continue;
            }
            let key = one.key();
            let whole = facts & Facts::WHOLE.without(Facts::BEGINNING);
            if !whole.is_empty() {
                learned.push((key, whole));
                let origins = self.origins.get(&key).into_iter().flatten();
                learned.extend(origins.map(|origin| (*origin, whole)));
            }
            let own = facts.without(Facts::WHOLE);
            if !own.is_empty() {
                learned.extend(one.pieces().iter().map(|piece| (piece.id, own)));
            }
            for piece in one.pieces() {
                let first = self.cut_from.get(&piece.id);
                let wholes = std::iter::successors(first, |id| self.cut_from.get(*id));
                let harmless = facts & Facts::HARMLESS;
                learned.extend(wholes.take(LONGEST_CUT).map(|whole| (*whole, harmless)));
            }
            if facts.intersects(Facts::BEGINNING) {
                let first = match one {
                    Value::Str(text) => match text.parts.first() {
                        Some(Part::Taint(piece)) => Some(piece.id),
                        _ => None,
                    },
                    _ => Some(key),
                };
                learned.extend(first.map(|key| (key, facts & Facts::BEGINNING)));
                let link = facts & Facts::LINK;
                let origins = self.origins.get(&key).into_iter().flatten();
                learned.extend(origins.map(|origin| (*origin, link)));
            }
        }
        learned
    }

    /// What holds for every character, or every component, of a text holds for the text.
    pub fn lifted(&self, key: Key, facts: Facts) -> Vec<(Key, Facts)> {
        let mut learned = Vec::new();
        if let Some(text) = self.characters_of.get(&key) {
            learned.push((*text, facts.without(Facts::CONSTANT)));
        }
        if let Some((whole, of_separator)) = self.parts_of.get(&key) {
            learned.push((*whole, facts & *of_separator & Facts::HARMLESS));
        }
        if facts.intersects(Facts::NOT_EMPTY) && self.parts_of.contains_key(&key) {
            // No part between slashes is empty, so the first one is not.
            let wholes = self.components_of.get(&key).into_iter().flatten();
            learned.extend(wholes.map(|whole| (*whole, Facts::NOT_ABSOLUTE)));
        }
        if facts.intersects(Facts::NOT_PARENT | Facts::NO_DOTDOT) {
            let wholes = self.components_of.get(&key).into_iter().flatten();
            learned.extend(wholes.map(|whole| (*whole, Facts::NO_DOTDOT)));
        }
        learned
    }

    /// `any(tests)` and `all(tests)`.
    pub fn quantified(
        &mut self,
        is_all: bool,
        tests: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        let known = self.known_items(tests, st);
        let is_exact = known.is_some();
        let items = match known {
            Some(items) => items,
            None => match tests {
                Value::Ref(id) => match st.get(*id).as_deref() {
                    Some(Obj::List(list)) => list.items.iter().chain(&list.rest).cloned().collect(),
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            },
        };
        let decisive = !is_all;
        if is_exact && items.iter().any(|item| item.truth() == Some(decisive)) {
            return Value::Bool(decisive);
        }
        if is_exact && items.iter().all(|item| item.truth() == Some(!decisive)) {
            return Value::Bool(!decisive);
        }
        let mut learned = Vec::new();
        for item in items.iter().flat_map(|item| item.alternatives()) {
            if let Value::Pred(pred) = item {
                let side = if is_all { &pred.then } else { &pred.otherwise };
                for (key, facts) in side {
                    learned.push((*key, *facts));
                    learned.extend(self.lifted(*key, *facts));
                }
            }
        }
        if is_all {
            return predicate(place, learned, Vec::new());
        }
        // One of them holds: so does what all of them say.
        let mut sides = items
            .iter()
            .flat_map(|item| item.alternatives())
            .map(|item| match item {
                Value::Pred(pred) => pred.then.clone(),
                _ => Vec::new(),
            });
        let common = sides.next().unwrap_or_default();
        let common = sides.fold(common, |common, side| {
            let both = common.into_iter().filter_map(|(key, facts)| {
                let (_, other) = side.iter().find(|(known, _)| *known == key)?;
                Some((key, facts & *other))
            });
            both.collect()
        });
        predicate(place, common, learned)
    }
}

/// The name in `name is None` (and whether it is that, not `is not`).
fn none_test(test: &Expr) -> Option<(&str, bool)> {
    let Expr::Compare(compare) = test else {
        return None;
    };
    let (Expr::Name(name), [op], [Expr::NoneLiteral(_)]) =
        (&*compare.left, &*compare.ops, &*compare.comparators)
    else {
        return None;
    };
    match op {
        CmpOp::Is => Some((name.id.as_str(), true)),
        CmpOp::IsNot => Some((name.id.as_str(), false)),
        _ => None,
    }
}

/// Whether it is one client value, and no mapping or object that holds some.
fn is_plain_text(any: &super::value::Any<'_>) -> bool {
    any.kind.is_none() && any.pieces.len() == 1
}

/// Whether it is text of the server that is not known as a whole.
fn is_unknown_text(value: &Value<'_>) -> bool {
    match value {
        Value::Any(_) | Value::Ext(_) => true,
        Value::Str(text) => text.constant().is_none(),
        _ => false,
    }
}

/// The name and the end in `name.endswith(end)`.
fn end_test(test: &Expr) -> Option<(&str, &Expr)> {
    let Expr::Call(call) = test else { return None };
    let Expr::Attribute(method) = &*call.func else {
        return None;
    };
    match (&*method.value, &*call.arguments.args) {
        (Expr::Name(name), [end]) if method.attr.as_str() == "endswith" => {
            Some((name.id.as_str(), end))
        }
        _ => None,
    }
}

pub(super) fn negated(test: Value<'_>) -> Value<'_> {
    match test {
        Value::Bool(value) => Value::Bool(!value),
        Value::Pred(pred) => Value::Pred(std::rc::Rc::new(super::value::Pred {
            key: mix(pred.key, 0x807),
            then: pred.otherwise.clone(),
            otherwise: pred.then.clone(),
        })),
        Value::Union(values) => union(values.iter().cloned().map(negated)),
        other => other,
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}

/// Whether evaluating the expression again is free of effects and of work.
fn is_simple(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_simple),
        Expr::List(list) => list.elts.iter().all(is_simple),
        Expr::Set(set) => set.elts.iter().all(is_simple),
        Expr::Attribute(attribute) => attribute.value.is_name_expr(),
        expr => expr.is_literal_expr() || expr.is_name_expr(),
    }
}

fn is_empty(value: &Value<'_>) -> bool {
    value.constant_str().is_some_and(|text| text.is_empty())
}

fn is_parent(value: &Value<'_>) -> bool {
    value.constant_str().as_deref() == Some("..")
}

/// The client's piece that ends a path behind a separator, where it is the only one.
fn last_component(path: &Value<'_>) -> Option<Key> {
    let Value::Str(text) = path else { return None };
    match text.parts.as_slice() {
        [before @ .., Part::Sep, Part::Taint(piece)]
            if !before.iter().any(|part| matches!(part, Part::Taint(_))) =>
        {
            Some(piece.id)
        }
        _ => None,
    }
}

/// Whether no `javascript:` URL begins like that.
fn begins_link(prefix: &str) -> bool {
    let prefix = prefix.to_ascii_lowercase();
    let schemes = ["javascript:", "data:", "vbscript:"];
    let may_run = |scheme: &str| scheme.starts_with(&*prefix) || prefix.starts_with(scheme);
    !prefix.trim().is_empty() && !schemes.into_iter().any(may_run)
}

/// What holds of text in which `needle` does not occur.
pub(super) fn absence(needle: &str) -> Facts {
    match needle {
        ".." | "../" | "." => Facts::NO_DOTDOT,
        "/" => Facts::NO_SEPARATOR | Facts::NOT_ABSOLUTE,
        "<" => Facts::NO_MARKUP,
        "{" | "{{" => Facts::NO_BRACE,
        _ => Facts::NONE,
    }
}

/// Whether a prefix is a folder: a known absolute one, or a value of the server.
fn is_folder(prefix: &Value<'_>) -> bool {
    match prefix {
        Value::Str(text) => match text.constant() {
            Some(constant) => constant.contains('/') && !constant.contains("://"),
            None => true,
        },
        Value::Any(_) | Value::Ext(_) | Value::Union(_) => true,
        _ => false,
    }
}

fn ends_with_separator(prefix: &Value<'_>) -> bool {
    match prefix {
        Value::Str(text) if text.kind != StrKind::Path => match text.parts.last() {
            Some(Part::Lit(last)) => last.ends_with('/'),
            Some(Part::Sep) => true,
            _ => false,
        },
        Value::Union(values) => values.iter().all(ends_with_separator),
        _ => false,
    }
}
