//! The mutable world of one path: objects, scopes, and what checks have established.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::StmtClassDef;
use rustc_hash::FxHashMap;

use super::facts::Facts;
use super::value::{Any, Key, ObjId, Part, Piece, Str, Value, add_piece, mix, union};
use super::vars::Vars;
use crate::model::modules::ModuleId;

#[derive(Debug, Clone)]
pub(super) enum Obj<'a> {
    Scope(Scope<'a>),
    List(List<'a>),
    Dict(Dict<'a>),
    Class(Class<'a>),
    Instance(Instance<'a>),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'a> {
    pub vars: Vars<'a>,
    pub parent: Option<ObjId>,
}

/// A list, a set, an iterator. With `rest`, any number of further items follows or is mixed in.
#[derive(Debug, Clone, Default)]
pub(super) struct List<'a> {
    pub items: Vec<Value<'a>>,
    pub rest: Option<Value<'a>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Dict<'a> {
    pub entries: Vec<(Value<'a>, Value<'a>)>,
    /// The values under keys that are not known.
    pub rest: Option<Value<'a>>,
    /// The keys that are not known.
    pub keys: Option<Value<'a>>,
}

#[derive(Debug, Clone)]
pub(super) struct Class<'a> {
    pub def: &'a StmtClassDef,
    pub module: ModuleId,
    pub scope: ObjId,
    pub bases: Vec<Value<'a>>,
}

#[derive(Debug, Clone)]
pub(super) struct Instance<'a> {
    pub class: Value<'a>,
    pub fields: BTreeMap<Rc<str>, Value<'a>>,
}

impl<'a> List<'a> {
    /// Any item.
    pub fn any(&self) -> Option<Value<'a>> {
        let all = self.items.iter().chain(&self.rest).cloned();
        let all: Vec<_> = all.collect();
        (!all.is_empty()).then(|| union(all))
    }

    /// Forgets positions.
    pub fn blur(&mut self) {
        self.rest = self.any();
        self.items.clear();
    }

    /// One more item somewhere.
    pub fn mix_in(&mut self, value: Value<'a>) {
        self.rest = Some(match self.rest.take() {
            Some(rest) => union([rest, value]),
            None => value,
        });
    }
}

impl<'a> Dict<'a> {
    pub fn get(&self, key: &Value<'a>) -> Option<&Value<'a>> {
        let wanted = key.key();
        self.entries
            .iter()
            .find(|(known, _)| known.key() == wanted)
            .map(|(_, value)| value)
    }

    pub fn set(&mut self, key: &Value<'a>, value: Value<'a>) {
        if !is_key(key) || self.entries.len() > 300 {
            self.rest = Some(match self.rest.take() {
                Some(rest) => union([rest, value]),
                None => value,
            });
            self.keys = Some(match self.keys.take() {
                Some(keys) => union([keys, key.clone()]),
                None => key.clone(),
            });
            return;
        }
        let wanted = key.key();
        match self.entries.iter_mut().find(|(k, _)| k.key() == wanted) {
            Some((_, known)) => *known = value,
            None => self.entries.push((key.clone(), value)),
        }
    }

    /// Any value.
    pub fn any(&self) -> Option<Value<'a>> {
        let values = self.entries.iter().map(|(_, value)| value);
        let all: Vec<_> = values.chain(&self.rest).cloned().collect();
        (!all.is_empty()).then(|| union(all))
    }
}

fn is_same_clean(a: &Value<'_>, b: &Value<'_>) -> bool {
    !a.is_tainted() && !b.is_tainted() && a.key() == b.key()
}

/// Whether a dict tells values by `key`: constants, functions and external names do.
pub(super) fn is_key(key: &Value<'_>) -> bool {
    key.is_constant() || matches!(key, Value::Ext(_) | Value::Func(_))
}

/// How many neighbouring objects are shared or copied together.
const CHUNK: usize = 16;

type Chunk<'a> = [Option<Rc<Obj<'a>>>; CHUNK];

/// Objects by id, in chunks that paths share until one of them writes: a copy costs a pointer
/// per chunk, and joining two paths looks only into chunks that differ.
#[derive(Debug, Clone, Default)]
struct Objects<'a> {
    /// Sorted by number.
    chunks: Rc<Vec<(ObjId, Rc<Chunk<'a>>)>>,
}

const fn split_id(id: ObjId) -> (ObjId, usize) {
    (id / CHUNK as ObjId, id as usize % CHUNK)
}

impl<'a> Objects<'a> {
    fn chunk(&self, number: ObjId) -> Option<&Rc<Chunk<'a>>> {
        let at = self
            .chunks
            .binary_search_by_key(&number, |(known, _)| *known);
        at.ok().map(|at| &self.chunks[at].1)
    }

    fn get(&self, id: ObjId) -> Option<&Rc<Obj<'a>>> {
        let (number, slot) = split_id(id);
        self.chunk(number)?[slot].as_ref()
    }

    fn set(&mut self, id: ObjId, object: Option<Rc<Obj<'a>>>) -> Option<Rc<Obj<'a>>> {
        let (number, slot) = split_id(id);
        let chunks = Rc::make_mut(&mut self.chunks);
        let at = match chunks.binary_search_by_key(&number, |(known, _)| *known) {
            Ok(at) => at,
            Err(at) => {
                chunks.insert(at, (number, Rc::default()));
                at
            }
        };
        std::mem::replace(&mut Rc::make_mut(&mut chunks[at].1)[slot], object)
    }

    fn iter(&self) -> impl Iterator<Item = (ObjId, &Rc<Obj<'a>>)> {
        self.chunks
            .iter()
            .flat_map(|(number, chunk)| in_chunk(*number, chunk))
    }
}

fn in_chunk<'c, 'a>(
    number: ObjId,
    chunk: &'c Chunk<'a>,
) -> impl Iterator<Item = (ObjId, &'c Rc<Obj<'a>>)> {
    let first = number * CHUNK as ObjId;
    (first..)
        .zip(chunk)
        .filter_map(|(id, object)| Some((id, object.as_ref()?)))
}

/// The objects of module level, shared by all paths.
pub(super) type Base<'a> = Rc<RefCell<FxHashMap<ObjId, Rc<Obj<'a>>>>>;

/// One path, or several that were joined.
#[derive(Debug, Clone)]
pub(super) struct State<'a> {
    base: Base<'a>,
    objects: Objects<'a>,
    facts: Rc<BTreeMap<Key, Facts>>,
    /// Nothing gets here: a `return`, `raise` or `abort` lies before.
    pub dead: bool,
}

impl<'a> State<'a> {
    pub fn new(base: &Base<'a>) -> Self {
        Self {
            base: Rc::clone(base),
            objects: Objects::default(),
            facts: Rc::default(),
            dead: false,
        }
    }

    pub fn get(&self, id: ObjId) -> Option<Rc<Obj<'a>>> {
        if let Some(object) = self.objects.get(id) {
            return Some(Rc::clone(object));
        }
        self.base.borrow().get(&id).map(Rc::clone)
    }

    pub fn put(&mut self, id: ObjId, object: Obj<'a>) {
        self.objects.set(id, Some(Rc::new(object)));
    }

    pub fn change(&mut self, id: ObjId, change: impl FnOnce(&mut Obj<'a>)) {
        let Some(object) = self.get(id) else { return };
        drop(self.objects.set(id, None));
        let mut object = object;
        change(Rc::make_mut(&mut object));
        self.objects.set(id, Some(object));
    }

    /// Brings in an object of another path, unless this one has it.
    pub fn adopt(&mut self, id: ObjId, object: &Rc<Obj<'a>>) {
        if self.get(id).is_none() {
            self.objects.set(id, Some(Rc::clone(object)));
        }
    }

    /// Drops an object that nothing refers to any more.
    pub fn forget(&mut self, id: ObjId) {
        self.objects.set(id, None);
    }

    /// Makes this path's objects those of module level.
    pub fn settle(&self) {
        let mut base = self.base.borrow_mut();
        for (id, object) in self.objects.iter() {
            base.insert(id, Rc::clone(object));
        }
    }

    /// What `before` has, as it was there and as it is here, where that may differ.
    pub fn changed_since<'s>(
        &'s self,
        before: &'s Self,
    ) -> impl Iterator<Item = (Rc<Obj<'a>>, &'s Rc<Obj<'a>>)> {
        let chunks = self.objects.chunks.iter().filter(|(number, ours)| {
            let theirs = before.objects.chunk(*number);
            theirs.is_none_or(|theirs| !Rc::ptr_eq(ours, theirs))
        });
        chunks
            .flat_map(|(number, chunk)| in_chunk(*number, chunk))
            .filter_map(|(id, new)| Some((before.get(id)?, new)))
    }

    /// The objects of module level that this path has changed, as they were and as they are.
    pub fn changed_base(&self) -> Vec<(ObjId, Rc<Obj<'a>>, Rc<Obj<'a>>)> {
        let base = self.base.borrow();
        let changed = self.objects.iter().filter_map(|(id, object)| {
            let before = base.get(&id)?;
            (!Rc::ptr_eq(before, object)).then(|| (id, Rc::clone(before), Rc::clone(object)))
        });
        changed.collect()
    }

    /// Takes objects out of module level again.
    pub fn unsettle(&self, ids: impl Iterator<Item = ObjId>) {
        let mut base = self.base.borrow_mut();
        for id in ids {
            base.remove(&id);
        }
    }

    /// Makes some objects those of module level.
    pub fn settle_these(&self, objects: &[(ObjId, Rc<Obj<'a>>)]) {
        let mut base = self.base.borrow_mut();
        for (id, object) in objects {
            base.insert(*id, Rc::clone(object));
        }
    }

    pub fn fact(&self, key: Key) -> Facts {
        self.facts.get(&key).copied().unwrap_or_default()
    }

    pub fn learn(&mut self, key: Key, facts: Facts) {
        let known = self.fact(key);
        if !known.contains(facts) {
            Rc::make_mut(&mut self.facts).insert(key, known | facts);
        }
    }

    pub fn learn_all(&mut self, learned: &[(Key, Facts)]) {
        for (key, facts) in learned {
            self.learn(*key, *facts);
        }
    }

    /// Whether checks have established nothing since `before`.
    pub fn knows_no_more_than(&self, before: &Rc<BTreeMap<Key, Facts>>) -> bool {
        let is_old = |(key, facts): (&Key, &Facts)| {
            before.get(key).is_some_and(|known| known.contains(*facts))
        };
        Rc::ptr_eq(&self.facts, before) || self.facts.iter().all(is_old)
    }

    /// What checks have established.
    pub const fn knowledge(&self) -> &Rc<BTreeMap<Key, Facts>> {
        &self.facts
    }

    /// What this path knows beyond `before`.
    pub fn learned_since(&self, before: &Self) -> Vec<(Key, Facts)> {
        if Rc::ptr_eq(&self.facts, &before.facts) {
            return Vec::new();
        }
        let new = self
            .facts
            .iter()
            .map(|(key, facts)| (*key, facts.without(before.fact(*key))));
        new.filter(|(_, facts)| !facts.is_empty()).collect()
    }

    /// What is known of a piece as part of `whole`.
    pub fn known(&self, piece: &Piece<'a>, whole: Key) -> Facts {
        piece.facts | self.fact(piece.id) | self.fact(whole)
    }

    /// The value with what this path knows written into its pieces, so that it may leave the path.
    pub fn pin(&self, value: &Value<'a>) -> Value<'a> {
        if self.facts.is_empty() || !value.is_tainted() {
            return value.clone();
        }
        match value {
            Value::Union(values) => union(values.iter().map(|value| self.pin(value))),
            Value::Tuple(items) => Value::Tuple(items.iter().map(|item| self.pin(item)).collect()),
            value => {
                let key = value.key();
                let whole = self.fact(key);
                value.map_pieces(&mut |piece| {
                    let mut pinned = piece.clone();
                    pinned.facts = piece.facts | self.fact(piece.id) | whole;
                    if piece.id != key && whole.intersects(Facts::WHOLE) {
                        pinned.id = mix(piece.id, key);
                    }
                    pinned
                })
            }
        }
    }

    /// Either path.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        if self.dead {
            return other;
        }
        if other.dead {
            return self;
        }
        let facts = if Rc::ptr_eq(&self.facts, &other.facts) {
            Rc::clone(&self.facts)
        } else {
            let both = self
                .facts
                .iter()
                .map(|(key, facts)| (*key, *facts & other.fact(*key)));
            Rc::new(both.filter(|(_, facts)| !facts.is_empty()).collect())
        };
        let objects = self.join_objects(&other);
        Self {
            base: Rc::clone(&self.base),
            objects,
            facts,
            dead: false,
        }
    }

    fn join_objects(&self, other: &Self) -> Objects<'a> {
        if Rc::ptr_eq(&self.objects.chunks, &other.objects.chunks) {
            return self.objects.clone();
        }
        let mut joined = self.objects.clone();
        for (number, theirs) in other.objects.chunks.iter() {
            let ours = self.objects.chunk(*number);
            if ours.is_some_and(|ours| Rc::ptr_eq(ours, theirs)) {
                continue;
            }
            for (id, theirs) in in_chunk(*number, theirs) {
                match self.get(id) {
                    None => {
                        joined.set(id, Some(Rc::clone(theirs)));
                    }
                    Some(ours) if !Rc::ptr_eq(&ours, theirs) => {
                        if let Some(both) = self.join_object(&ours, other, theirs) {
                            joined.set(id, Some(Rc::new(both)));
                        }
                    }
                    Some(_) => {}
                }
            }
        }
        // What only this path changed of the objects of module level.
        for (number, ours) in self.objects.chunks.iter() {
            let theirs = other.objects.chunk(*number);
            if theirs.is_some_and(|theirs| Rc::ptr_eq(ours, theirs)) {
                continue;
            }
            for (id, ours) in in_chunk(*number, ours) {
                if other.objects.get(id).is_some() {
                    continue;
                }
                let base = self.base.borrow().get(&id).map(Rc::clone);
                if let Some(theirs) = base.filter(|theirs| !Rc::ptr_eq(theirs, ours))
                    && let Some(both) = self.join_object(ours, other, &theirs)
                {
                    joined.set(id, Some(Rc::new(both)));
                }
            }
        }
        joined
    }

    /// Nothing where both paths have the same.
    fn join_changed(&self, a: &Value<'a>, other: &Self, b: &Value<'a>) -> Option<Value<'a>> {
        let knows_the_same = Rc::ptr_eq(&self.facts, &other.facts);
        if a.is_identical(b) && (knows_the_same || !a.is_tainted()) || is_same_clean(a, b) {
            return None;
        }
        Some(union([self.pin(a), other.pin(b)]))
    }

    fn join_vars(&self, a: &Vars<'a>, other: &Self, b: &Vars<'a>) -> Option<Vars<'a>> {
        a.join(b, |a, b| match (a, b) {
            (Some(a), Some(b)) => self.join_changed(a, other, b),
            (Some(a), None) => a.is_tainted().then(|| self.pin(a)),
            (None, Some(b)) => Some(other.pin(b)),
            (None, None) => None,
        })
    }

    fn join_value(&self, a: &Value<'a>, other: &Self, b: &Value<'a>) -> Value<'a> {
        let joined = self.join_changed(a, other, b);
        joined.unwrap_or_else(|| a.clone())
    }

    fn join_option(
        &self,
        a: Option<&Value<'a>>,
        other: &Self,
        b: Option<&Value<'a>>,
    ) -> Option<Value<'a>> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.join_value(a, other, b)),
            (Some(a), None) => Some(self.pin(a)),
            (None, Some(b)) => Some(other.pin(b)),
            (None, None) => None,
        }
    }

    fn join_map<K: Ord + Clone>(
        &self,
        a: &BTreeMap<K, Value<'a>>,
        other: &Self,
        b: &BTreeMap<K, Value<'a>>,
    ) -> BTreeMap<K, Value<'a>> {
        let mut joined = BTreeMap::new();
        for name in a.keys().chain(b.keys()) {
            if joined.contains_key(name) {
                continue;
            }
            if let Some(value) = self.join_option(a.get(name), other, b.get(name)) {
                joined.insert(name.clone(), value);
            }
        }
        joined
    }

    /// Nothing where the object is the same on both paths.
    fn join_object(&self, a: &Obj<'a>, other: &Self, b: &Obj<'a>) -> Option<Obj<'a>> {
        Some(match (a, b) {
            (Obj::Scope(a), Obj::Scope(b)) => Obj::Scope(Scope {
                vars: self.join_vars(&a.vars, other, &b.vars)?,
                parent: a.parent,
            }),
            (Obj::Instance(a), Obj::Instance(b)) => Obj::Instance(Instance {
                class: a.class.clone(),
                fields: self.join_map(&a.fields, other, &b.fields),
            }),
            (Obj::List(a), Obj::List(b)) => Obj::List(self.join_list(a, other, b)),
            (Obj::Dict(a), Obj::Dict(b)) => Obj::Dict(self.join_dict(a, other, b)),
            _ => return None,
        })
    }

    fn join_list(&self, a: &List<'a>, other: &Self, b: &List<'a>) -> List<'a> {
        let rest = self.join_option(a.rest.as_ref(), other, b.rest.as_ref());
        if a.items.len() == b.items.len() {
            let pairs = a.items.iter().zip(&b.items);
            let items = pairs.map(|(x, y)| self.join_value(x, other, y)).collect();
            return List { items, rest };
        }
        let mut joined = List {
            items: Vec::new(),
            rest,
        };
        a.items
            .iter()
            .for_each(|item| joined.mix_in(self.pin(item)));
        b.items
            .iter()
            .for_each(|item| joined.mix_in(other.pin(item)));
        joined
    }

    fn join_dict(&self, a: &Dict<'a>, other: &Self, b: &Dict<'a>) -> Dict<'a> {
        let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        for (key, x) in &a.entries {
            let value = match b.get(key) {
                Some(y) => self.join_value(x, other, y),
                None => self.pin(x),
            };
            entries.push((key.clone(), value));
        }
        for (key, y) in &b.entries {
            if a.get(key).is_none() {
                entries.push((key.clone(), other.pin(y)));
            }
        }
        Dict {
            entries,
            rest: self.join_option(a.rest.as_ref(), other, b.rest.as_ref()),
            keys: self.join_option(a.keys.as_ref(), other, b.keys.as_ref()),
        }
    }

    /// After a round of a loop: forgets the exact form of what the round changed, so that
    /// counters and growing texts come to rest.
    #[must_use]
    pub fn widen(mut self, before: &Self) -> Self {
        if self.dead || before.dead {
            return self;
        }
        let changed: Vec<ObjId> = self
            .objects
            .iter()
            .filter(|(id, object)| before.get(*id).is_none_or(|old| !Rc::ptr_eq(&old, object)))
            .map(|(id, _)| id)
            .collect();
        for id in changed {
            let Some(old) = before.get(id) else { continue };
            self.change(id, |object| widen_object(object, &old));
        }
        self
    }
}

fn widen_object<'a>(object: &mut Obj<'a>, old: &Obj<'a>) {
    match (object, old) {
        (Obj::Scope(new), Obj::Scope(old)) => {
            for (name, value) in new.vars.iter_mut() {
                if let Some(before) = old.vars.get(name) {
                    *value = widen_value(value, before);
                }
            }
        }
        (Obj::Instance(new), Obj::Instance(old)) => {
            for (name, value) in &mut new.fields {
                if let Some(before) = old.fields.get(name) {
                    *value = widen_value(value, before);
                }
            }
        }
        (Obj::List(new), Obj::List(old)) if new.items.len() != old.items.len() => new.blur(),
        _ => {}
    }
}

/// Keeps what stayed the same; of what changed, only what clients put in.
fn widen_value<'a>(value: &Value<'a>, before: &Value<'a>) -> Value<'a> {
    if value.key() == before.key() {
        return value.clone();
    }
    union(value.alternatives().iter().map(|one| {
        let stays = before
            .alternatives()
            .iter()
            .any(|old| old.key() == one.key());
        match one {
            Value::Int(_) | Value::Float(_) => Value::unknown(mix(before.key(), 0x10)),
            Value::Str(text) if !stays => Value::str(blur(text, before.key())),
            Value::Any(any) if !stays => Value::Any(Rc::new(Any {
                key: mix(before.key(), 0x11),
                ..Any::clone(any)
            })),
            other => other.clone(),
        }
    }))
}

/// First part, then all pieces: enough to see a base folder and an HTML start.
fn blur<'a>(text: &Str<'a>, key: Key) -> Str<'a> {
    let mut blurred = Str::new(text.kind);
    let Some(first) = text.parts.first() else {
        return blurred;
    };
    blurred.push(first.clone());
    let mut pieces = Vec::new();
    for part in &text.parts[1..] {
        if let Part::Taint(piece) = part {
            add_piece(&mut pieces, piece);
        }
    }
    for piece in pieces {
        blurred.push(Part::Hole(mix(key, 0x12)));
        blurred.push(Part::Taint(piece));
    }
    blurred.push(Part::Hole(mix(key, 0x13)));
    blurred
}
