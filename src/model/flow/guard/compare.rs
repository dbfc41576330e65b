//! What a comparison says of its sides: equality, membership, identity.

use ruff_python_ast::{CmpOp, ExprCompare};
use ruff_text_size::Ranged as _;

use super::super::expr::{is_truth_value, predicate};
use super::super::facts::Facts;
use super::super::heap::{Obj, State};
use super::super::interp::{Frame, Interp};
use super::super::pattern;
use super::super::value::{Key, Place, Value};
use super::{Test, absence, is_empty, is_parent, last_component, negated, number};

impl<'a> Interp<'a> {
    pub fn compare(
        &mut self,
        compare: &'a ExprCompare,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let place = fr.place(compare.range());
        let mut left = self.eval(&compare.left, st, fr);
        let mut results = Vec::new();
        for (op, comparator) in compare.ops.iter().zip(&compare.comparators) {
            let right = self.eval(comparator, st, fr);
            results.push(self.compare_values(*op, &left, &right, place, st));
            left = right;
        }
        match results.as_slice() {
            [one] => one.clone(),
            several => {
                if several.iter().any(|one| one.truth() == Some(false)) {
                    return Value::Bool(false);
                }
                if several.iter().all(|one| one.truth() == Some(true)) {
                    return Value::Bool(true);
                }
                predicate(place, Vec::new(), Vec::new())
            }
        }
    }

    pub(super) fn compare_values(
        &mut self,
        op: CmpOp,
        left: &Value<'a>,
        right: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        if let Some(test) = self.found_compare(op, left, right, place, st) {
            return test;
        }
        match op {
            CmpOp::Eq => self.equality(left, right, place, st),
            CmpOp::NotEq => negated(self.equality(left, right, place, st)),
            CmpOp::Is => self.identity(left, right, place),
            CmpOp::IsNot => negated(self.identity(left, right, place)),
            CmpOp::In => self.membership(left, right, place, st),
            CmpOp::NotIn => negated(self.membership(left, right, place, st)),
            CmpOp::LtE if let Some(then) = self.subset(left, right, st) => {
                predicate(place, then, Vec::new())
            }
            CmpOp::GtE if let Some(then) = self.subset(right, left, st) => {
                predicate(place, then, Vec::new())
            }
            CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => {
                let ordering = match (left, right) {
                    (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
                    _ => match (number(left), number(right)) {
                        (Some(a), Some(b)) => a.partial_cmp(&b),
                        _ => None,
                    },
                };
                let Some(ordering) = ordering else {
                    return predicate(place, Vec::new(), Vec::new());
                };
                Value::Bool(match op {
                    CmpOp::Lt => ordering.is_lt(),
                    CmpOp::LtE => ordering.is_le(),
                    CmpOp::Gt => ordering.is_gt(),
                    _ => ordering.is_ge(),
                })
            }
        }
    }

    pub(super) fn identity(&self, left: &Value<'a>, right: &Value<'a>, place: Place) -> Value<'a> {
        let (value, constant) = match (left, right) {
            (value, Value::None | Value::Bool(_)) => (value, right),
            (Value::None | Value::Bool(_), value) => (value, left),
            _ => return predicate(place, Vec::new(), Vec::new()),
        };
        if let (Value::Any(any), Value::None) = (value, constant)
            && let Some(Test::Truth { then, otherwise }) = self.tests.get(&any.key)
        {
            return predicate(place, otherwise.clone(), then.clone());
        }
        if let (Value::Pred(pred), Value::Bool(wanted)) = (value, constant) {
            let (then, otherwise) = (pred.then.clone(), pred.otherwise.clone());
            return match wanted {
                true => predicate(place, then, otherwise),
                false => predicate(place, otherwise, then),
            };
        }
        let outcomes = value
            .alternatives()
            .iter()
            .map(|one| match (one, constant) {
                (Value::Ext(name), _) if name.starts_with("builtins.") => Some(false),
                (Value::Any(_) | Value::Ext(_) | Value::Import(..), _) => None,
                (Value::Pred(_), Value::None) => Some(false),
                (Value::Pred(_), _) => None,
                (Value::Bool(a), Value::Bool(b)) => Some(a == b),
                (Value::None, Value::None) => Some(true),
                _ => Some(false),
            });
        let outcomes: Vec<_> = outcomes.collect();
        match outcomes.first() {
            Some(Some(first)) if outcomes.iter().all(|one| *one == Some(*first)) => {
                Value::Bool(*first)
            }
            _ => predicate(place, Vec::new(), Vec::new()),
        }
    }

    pub fn equality(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        if left.is_constant() && right.is_constant() {
            let equal = match (number(left), number(right)) {
                (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON,
                _ => left.key() == right.key(),
            };
            return Value::Bool(equal);
        }
        if is_truth_value(right) && matches!(left, Value::Pred(_)) {
            return self.identity(left, right, place);
        }
        let mut then = Vec::new();
        let mut otherwise = Vec::new();
        for (a, b) in [(left, right), (right, left)] {
            if is_empty(b) {
                otherwise.extend(self.says(a, Facts::NOT_EMPTY));
            }
            if is_parent(b) {
                otherwise.extend(self.says(a, Facts::NOT_PARENT));
                if let Some(Test::Relative(path)) = self.tests.get(&a.key()) {
                    otherwise.extend(self.says(path, Facts::CONTAINED));
                }
            }
            if let Some(test) = self.tests.get(&a.key()).cloned()
                && !b.is_tainted()
            {
                match test {
                    Test::Common(values) => {
                        for value in &values {
                            then.extend(self.contained(value, place, st));
                        }
                    }
                    Test::Parent(value) => match last_component(&value) {
                        // The folder is compared as it is written: one more name follows it.
                        Some(piece) if !self.is_resolved(&value, st) => {
                            then.push((piece, Facts::NO_SEPARATOR | Facts::NOT_ABSOLUTE));
                        }
                        _ => then.extend(self.contained(&value, place, st)),
                    },
                    Test::Scheme(url) => then.extend(self.says(&url, Facts::LINK)),
                    Test::Start(value) => {
                        if let Value::Pred(starts) = self.starts_with(&value, b, place, st) {
                            then.extend(starts.then.iter().copied());
                            otherwise.extend(starts.otherwise.iter().copied());
                        }
                        continue;
                    }
                    _ => {}
                }
            }
            if a.is_tainted() && !b.is_tainted() {
                let known = Facts::CONSTANT | Facts::HARMLESS | Facts::CONTAINED;
                then.extend(self.says(a, known));
            }
            if a.is_tainted() && b.is_tainted() && a.key() != b.key() {
                let common = b
                    .pieces()
                    .iter()
                    .map(|piece| st.known(piece, b.key()))
                    .reduce(|x, y| x & y)
                    .unwrap_or_default();
                then.extend(self.says(a, common & (Facts::HARMLESS | Facts::SECURE_FILENAME)));
            }
        }
        let constants = left.alternatives().iter().chain(right.alternatives());
        if constants.clone().all(Value::is_constant) {
            let apart = left
                .alternatives()
                .iter()
                .all(|a| right.alternatives().iter().all(|b| a.key() != b.key()));
            if apart {
                return Value::Bool(false);
            }
        }
        predicate(place, then, otherwise)
    }

    fn membership(
        &mut self,
        item: &Value<'a>,
        collection: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        if let (Some(item), Some(text)) = (item.constant_str(), collection.constant_str()) {
            return Value::Bool(text.contains(&item));
        }
        if let Some(Test::Parents(path)) = self.tests.get(&collection.key()).cloned() {
            let then = self.contained(&path, place, st);
            return predicate(place, then, Vec::new());
        }
        if let Some(then) = self.one_of_path_and_parents(item, collection, place, st) {
            return predicate(place, then, Vec::new());
        }
        let inside = self.deep_pieces(collection, st);
        if inside.is_empty() {
            if item.is_tainted() {
                let facts = match collection.constant_str() {
                    Some(characters) => pattern::facts_of_text(&characters),
                    None => Facts::CONSTANT | Facts::HARMLESS,
                };
                let names_parent = self
                    .known_items(collection, st)
                    .is_some_and(|items| items.iter().any(is_parent));
                let names_empty = self
                    .known_items(collection, st)
                    .is_some_and(|items| items.iter().any(is_empty));
                let mut excluded = Facts::NONE;
                if names_parent {
                    excluded |= Facts::NOT_PARENT;
                }
                if names_empty {
                    excluded |= Facts::NOT_EMPTY;
                }
                let otherwise = self.says(item, excluded);
                let mut then = self.says(item, facts);
                if let Some(Test::Scheme(url)) = self.tests.get(&item.key()) {
                    then.extend(self.says(url, Facts::LINK));
                }
                return predicate(place, then, otherwise);
            }
            if item.is_constant()
                && let Some(items) = self.known_items(collection, st)
                && items.iter().all(Value::is_constant)
            {
                return Value::Bool(items.iter().any(|known| known.key() == item.key()));
            }
            return predicate(place, Vec::new(), Vec::new());
        }
        // `".." in name`: where it is false, name holds none.
        let mut otherwise = Vec::new();
        for one in item.alternatives() {
            if let Some(needle) = one.constant_str() {
                let facts = absence(&needle);
                // `".." in path.parts` and `in name.split("/")` ask for a whole component.
                otherwise.extend(self.says(collection, facts));
                if let Value::Ref(_) = collection {
                    for piece in &inside {
                        otherwise.push((piece.id, facts));
                        let wholes = self.components_of.get(&piece.id).into_iter().flatten();
                        let text = self.characters_of.get(&piece.id);
                        otherwise.extend(wholes.chain(text).map(|key| (*key, facts)));
                    }
                }
            }
        }
        predicate(place, Vec::new(), otherwise)
    }

    /// `base in [path, *path.parents]`.
    fn one_of_path_and_parents(
        &mut self,
        base: &Value<'a>,
        collection: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Option<Vec<(Key, Facts)>> {
        let Value::Ref(id) = collection else {
            return None;
        };
        let items: Vec<Value<'a>> = match st.get(*id).as_deref() {
            Some(Obj::List(list)) => list.items.iter().chain(&list.rest).cloned().collect(),
            _ => return None,
        };
        let path = items
            .iter()
            .find_map(|item| match self.tests.get(&item.key()) {
                Some(Test::Parents(path)) => Some(path.clone()),
                _ => None,
            })?;
        let is_it = |item: &Value<'a>| {
            item.key() == path.key()
                || matches!(self.tests.get(&item.key()), Some(Test::Parents(_)))
        };
        (!base.is_tainted() && items.iter().all(is_it)).then(|| self.contained(&path, place, st))
    }

    /// `x.find("..") == -1`, `x.count("..") > 0` and their like.
    fn found_compare(
        &mut self,
        op: CmpOp,
        left: &Value<'a>,
        right: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let (Value::Any(any), Value::Int(bound)) = (left, right) else {
            return None;
        };
        let Some(Test::Find {
            needle,
            haystack,
            absent,
        }) = self.tests.get(&any.key).cloned()
        else {
            return None;
        };
        let found = self.membership(&needle, &haystack, place, st);
        match (op, *bound - absent) {
            (CmpOp::Eq | CmpOp::LtE, 0) | (CmpOp::Lt, 1) => Some(negated(found)),
            (CmpOp::NotEq | CmpOp::Gt, 0) | (CmpOp::GtE, 1) => Some(found),
            _ => None,
        }
    }
}
