//! Conditions: which way they go, and what they say of the values they test.

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCompare, UnaryOp};
use ruff_text_size::Ranged as _;

use super::call::Args;
use super::expr::{is_truth_value, predicate};
use super::facts::Facts;
use super::heap::{Obj, State};
use super::interp::{Frame, Interp};
use super::pattern;
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

    fn compare_values(
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

    fn identity(&self, left: &Value<'a>, right: &Value<'a>, place: Place) -> Value<'a> {
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

    /// That `path` lies inside a base, if it was resolved; else that the check is weak.
    pub fn contained(
        &mut self,
        path: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Vec<(Key, Facts)> {
        let mut learned = Vec::new();
        for one in path.alternatives() {
            if !one.is_tainted() {
                continue;
            }
            if self.is_resolved(one, st) {
                learned.extend(self.says(one, Facts::CONTAINED));
            } else {
                self.note_weak(one.key(), place, NOT_NORMALISED);
                learned.extend(self.says(one, Facts::WEAKLY_CHECKED));
            }
        }
        learned
    }

    fn is_resolved(&self, path: &Value<'a>, st: &State<'a>) -> bool {
        let resolved = Facts::NORMALISED;
        let whole = path.key();
        path.pieces().iter().all(|piece| {
            let known = st.known(piece, whole);
            known.intersects(resolved | Facts::NO_DOTDOT) || known.is_chosen_by_server()
        })
    }

    pub fn weakly(&mut self, path: &Value<'a>, place: Place, why: &str) -> Vec<(Key, Facts)> {
        self.note_weak(path.key(), place, why);
        self.says(path, Facts::WEAKLY_CHECKED)
    }

    pub fn common_prefix(&mut self, values: &[Value<'a>], place: Place) {
        for value in values {
            if value.is_tainted() {
                self.note_weak(value.key(), place, CHARACTERS);
            }
        }
    }

    /// Methods of text that ask something.
    pub fn text_test(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        match name {
            "startswith" => {
                let prefix = args.get(0, "")?.clone();
                return Some(self.starts_with(receiver, &prefix, place, st));
            }
            "endswith" | "isspace" | "islower" | "isupper" | "istitle" | "isascii"
            | "isprintable" => return Some(predicate(place, Vec::new(), Vec::new())),
            _ => {}
        }
        if !receiver.is_tainted() {
            return None;
        }
        let letters = Facts::HARMLESS;
        match name {
            "isdigit" | "isdecimal" | "isnumeric" => {
                let then = self.says(receiver, letters | Facts::NUMERIC);
                Some(predicate(place, then, Vec::new()))
            }
            "isalnum" | "isalpha" | "isidentifier" => {
                let then = self.says(receiver, letters);
                Some(predicate(place, then, Vec::new()))
            }
            "find" | "rfind" | "count" | "index" => {
                let needle = args.get(0, "")?.clone();
                let key = mix(mix(place.key(), hash(name)), receiver.key());
                let test = Test::Find {
                    needle,
                    haystack: receiver.clone(),
                    absent: if name == "count" { 0 } else { -1 },
                };
                self.tests.insert(key, test);
                Some(Value::object("number", key, Vec::new()))
            }
            _ => None,
        }
    }

    fn starts_with(
        &mut self,
        receiver: &Value<'a>,
        prefix: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        let mut then = Vec::new();
        let mut otherwise = Vec::new();
        if let Some(Test::Relative(path)) = self.tests.get(&receiver.key()).cloned() {
            // `relpath(path, base).startswith("..")`: where it does not, path lies inside.
            if prefix
                .constant_str()
                .is_some_and(|text| text.starts_with(".."))
            {
                otherwise.extend(self.says(&path, Facts::CONTAINED));
                let below = Facts::NO_DOTDOT | Facts::NOT_ABSOLUTE;
                otherwise.extend(self.says(receiver, below));
            }
            return predicate(place, then, otherwise);
        }
        let prefixes = match prefix {
            Value::Tuple(items) => items.to_vec(),
            other => vec![other.clone()],
        };
        if !receiver.is_tainted() || prefixes.iter().any(Value::is_tainted) {
            return predicate(place, then, otherwise);
        }
        let is_link = |prefix: &Value<'a>| prefix.constant_str().is_some_and(|it| begins_link(&it));
        if prefixes.iter().all(is_link) {
            then.extend(self.says(receiver, Facts::LINK));
        }
        for prefix in &prefixes {
            match prefix.constant_str().as_deref() {
                Some("/") => otherwise.extend(self.says(receiver, Facts::NOT_ABSOLUTE)),
                Some("..") | Some("../") | Some(".") => {
                    // `normpath(x)` that does not start with ".." holds none at all.
                    for one in receiver.alternatives() {
                        if self.is_resolved(one, st) {
                            otherwise.extend(self.says(one, Facts::NO_DOTDOT));
                        }
                    }
                }
                _ if is_folder(prefix) => {
                    for one in receiver.alternatives() {
                        if !one.is_tainted() {
                            continue;
                        }
                        let checks = if !self.is_resolved(one, st) {
                            self.weakly(one, place, NOT_NORMALISED)
                        } else if ends_with_separator(prefix) {
                            self.says(one, Facts::CONTAINED)
                        } else {
                            self.weakly(one, place, NO_SEPARATOR)
                        };
                        then.extend(checks);
                    }
                }
                _ => {}
            }
        }
        predicate(place, then, otherwise)
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
