//! When a loop has come to rest: another round would tell nothing new.
//!
//! A round makes objects of its own, so two worlds are compared by what the older objects hold
//! and lead to, not by identity. Values of the server that are not known all count as one.

use std::rc::Rc;

use super::heap::{Dict, List, Obj, State};
use super::value::{Key, Part, Piece, Str, Value, hash, mix};

/// How many objects deep two worlds are compared; below that, by identity.
const DEPTH: u8 = 3;

impl<'a> State<'a> {
    /// Whether nothing that `before` knew has changed, except what `rebound` names, which a
    /// round of the loop binds before anything else.
    pub fn is_at_rest(&self, before: &Self, rebound: &[&str]) -> bool {
        if self.dead || before.dead {
            return self.dead == before.dead;
        }
        let knows_the_same = self.knows_no_more_than(before.knowledge())
            && before.knows_no_more_than(self.knowledge());
        knows_the_same
            && self.changed_since(before).all(|(old, new)| {
                Rc::ptr_eq(&old, new)
                    || before.form_of_object(&old, DEPTH, rebound)
                        == self.form_of_object(new, DEPTH, rebound)
            })
    }

    fn form_of_object(&self, object: &Obj<'a>, depth: u8, rebound: &[&str]) -> Key {
        let form = |value: &Value<'a>| self.form(value, depth);
        match object {
            Obj::List(List { items, rest }) => items
                .iter()
                .map(form)
                .chain([1])
                .chain(rest.iter().map(form))
                .fold(2, mix),
            Obj::Dict(Dict {
                entries,
                rest,
                keys,
            }) => entries
                .iter()
                .flat_map(|(key, value)| [form(key), form(value)])
                .chain(rest.iter().map(form).map(|rest| mix(rest, 3)))
                .chain(keys.iter().map(form).map(|keys| mix(keys, 4)))
                .fold(5, mix),
            Obj::Instance(instance) => instance
                .fields
                .iter()
                .map(|(name, value)| mix(hash(name), form(value)))
                .fold(mix(6, instance.class.key()), mix),
            Obj::Scope(scope) => scope
                .vars
                .iter()
                .filter(|(name, _)| !rebound.contains(name))
                .map(|(name, value)| mix(hash(name), form(value)))
                .fold(7, mix),
            Obj::Class(class) => class.bases.iter().map(form).fold(8, mix),
        }
    }

    fn form(&self, value: &Value<'a>, depth: u8) -> Key {
        match value {
            Value::Ref(id) => match (depth, self.get(*id).as_deref()) {
                (0, _) | (_, None | Some(Obj::Class(_) | Obj::Scope(_))) => value.key(),
                (_, Some(object)) => self.form_of_object(object, depth - 1, &[]),
            },
            Value::Tuple(items) => items.iter().map(|item| self.form(item, depth)).fold(9, mix),
            // In which order alternatives were found says nothing.
            Value::Union(values) => match *set(values.iter().map(|one| self.form(one, depth))) {
                [one] => one,
                ref forms => forms.iter().copied().fold(10, mix),
            },
            Value::Any(any) => {
                let kind = any.kind.as_deref().map_or(11, hash);
                let pieces = set(any.pieces.iter().map(|piece| form_of_piece(piece)));
                pieces.into_iter().fold(kind, mix)
            }
            Value::Str(text) => form_of_text(text),
            Value::Method(method) => mix(self.form(&method.0, depth), hash(&method.1)),
            Value::Bound(bound) => mix(self.form(&bound.0, depth), bound.1.key()),
            Value::Pred(_) => 12,
            other => other.key(),
        }
    }
}

fn form_of_text(text: &Str<'_>) -> Key {
    let parts = text.parts.iter().map(|part| match part {
        Part::Hole(_) => 13,
        Part::Taint(piece) => form_of_piece(piece),
        part => part.key(),
    });
    parts.fold(14 + text.kind as Key, mix)
}

fn form_of_piece(piece: &Piece<'_>) -> Key {
    mix(piece.id, u64::from(piece.facts.bits()))
}

fn set(forms: impl Iterator<Item = Key>) -> Vec<Key> {
    let mut forms: Vec<Key> = forms.collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow::heap::{Base, Scope};
    use crate::model::flow::value::{ObjId, union};

    const LOCALS: ObjId = 1;
    const ITEMS: ObjId = 2;

    /// A function's world with a list whose items are any of `items`.
    fn world<'a>(base: &Base<'a>, items: impl IntoIterator<Item = Value<'a>>) -> State<'a> {
        let mut state = State::new(base);
        let mut locals = Scope::default();
        locals.vars.insert("items", Value::Ref(ITEMS));
        state.put(LOCALS, Obj::Scope(locals));
        let list = List {
            items: Vec::new(),
            rest: Some(union(items)),
        };
        state.put(ITEMS, Obj::List(list));
        state
    }

    fn record<'a>(id: ObjId, value: Value<'a>, state: &mut State<'a>) {
        let record = Dict {
            entries: vec![(Value::text("name"), value)],
            ..Dict::default()
        };
        state.put(id, Obj::Dict(record));
    }

    #[test]
    fn an_object_more_of_the_same_form_changes_nothing() {
        let base = Base::default();
        let mut before = world(&base, [Value::Ref(10)]);
        record(10, Value::text("a"), &mut before);
        let mut after = world(&base, [Value::Ref(10), Value::Ref(20)]);
        record(10, Value::text("a"), &mut after);
        record(20, Value::text("a"), &mut after);
        assert!(after.is_at_rest(&before, &[]));
        record(20, Value::text("b"), &mut after);
        assert!(!after.is_at_rest(&before, &[]));
    }

    #[test]
    fn what_a_loop_binds_anew_each_round_does_not_count() {
        let base = Base::default();
        let before = world(&base, [Value::None]);
        let mut after = before.clone();
        after.change(LOCALS, |locals| {
            if let Obj::Scope(locals) = locals {
                locals.vars.insert("item", Value::Int(1));
            }
        });
        assert!(after.is_at_rest(&before, &["item"]));
        assert!(!after.is_at_rest(&before, &[]));
    }

    #[test]
    fn what_is_known_of_a_value_counts() {
        let base = Base::default();
        let before = world(&base, [Value::None]);
        let mut after = before.clone();
        after.learn(7, crate::model::flow::Facts::NUMERIC);
        assert!(!after.is_at_rest(&before, &[]));
        assert!(!before.is_at_rest(&after, &[]));
        assert!(after.is_at_rest(&after.clone(), &[]));
    }
}
