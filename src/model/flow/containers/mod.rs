//! Lists, tuples, dicts, and whatever is indexed or iterated like them.

mod methods;

use std::rc::Rc;

use super::call::Args;
use super::facts::Facts;
use super::guard::Test;
use super::heap::{Dict, List, Obj, State, is_key};
use super::interp::{Frame, Interp};
use super::text::SURVIVES_CUTTING;
use super::value::{Note, ObjId, Place, StrKind, Value, hash, mix, union};

impl<'a> Interp<'a> {
    /// All items in order, where they are known.
    pub fn known_items(&mut self, value: &Value<'a>, st: &State<'a>) -> Option<Vec<Value<'a>>> {
        match value {
            Value::Tuple(items) => Some(items.to_vec()),
            Value::Str(text) => self.characters(text),
            Value::Ref(id) => match &*st.get(*id)? {
                Obj::List(list) if list.rest.is_none() => Some(list.items.clone()),
                Obj::Dict(dict) if dict.rest.is_none() => {
                    Some(dict.entries.iter().map(|(key, _)| key.clone()).collect())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Any item of what is iterated.
    pub fn any_item(&mut self, value: &Value<'a>, place: Place, st: &mut State<'a>) -> Value<'a> {
        if let Some(parents @ Test::Parents(_)) = self.tests.get(&value.key()).cloned() {
            // Each of `path.parents` is one of them still.
            let item = Value::unknown(mix(value.key(), 0x17e));
            self.tests.insert(item.key(), parents);
            return item;
        }
        match value {
            Value::Union(values) => {
                let all: Vec<_> = values
                    .iter()
                    .map(|value| self.any_item(value, place, st))
                    .collect();
                union(all)
            }
            Value::Tuple(items) if !items.is_empty() => union(items.iter().cloned()),
            Value::Ref(id) => {
                let item = match st.get(*id).as_deref() {
                    Some(Obj::List(list)) => list.any(),
                    Some(Obj::Dict(dict)) => {
                        let keys = dict.entries.iter().map(|(key, _)| key.clone());
                        let keys: Vec<_> = keys.chain(dict.keys.clone()).collect();
                        (!keys.is_empty()).then(|| union(keys))
                    }
                    Some(Obj::Instance(_)) => {
                        let pieces = self.deep_pieces(value, st);
                        Some(Value::tainted(mix(value.key(), 0x17e), pieces))
                    }
                    _ => None,
                };
                item.unwrap_or_else(|| Value::unknown(mix(place.key(), value.key())))
            }
            Value::Any(any) if any.kind.as_deref() == Some("number") => value.clone(),
            Value::Any(any) if !any.pieces.is_empty() => {
                let kind = any.kind.as_deref().unwrap_or_default();
                let item = derived(value, hash("item"), place, "is iterated over");
                if any.kind.is_none() {
                    self.characters_of.insert(item.key(), value.key());
                }
                match kind {
                    "flask.request.files[]" => {
                        Value::object("werkzeug.FileStorage", item.key(), item.pieces())
                    }
                    _ => Value::tainted(item.key(), item.pieces()),
                }
            }
            Value::Str(text) if value.is_tainted() => {
                let item = derived(
                    &Value::str((**text).clone()),
                    hash("item"),
                    place,
                    "is iterated over",
                );
                let item = Value::tainted(mix(value.key(), 0x17e), item.pieces());
                self.characters_of.insert(item.key(), value.key());
                item
            }
            _ => Value::unknown(mix(value.key(), 0x17e)),
        }
    }

    /// The item at a position that is known, of a value whose length may not be.
    pub fn item_at(
        &mut self,
        value: &Value<'a>,
        index: usize,
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let mut scratch = Frame::new(place.module, 0, "");
        match value {
            Value::Ref(_) | Value::Union(_) | Value::Any(_) => {
                self.subscript(value, &Value::Int(index), place, st, &mut scratch)
            }
            _ => self.any_item(value, place, st),
        }
    }

    pub fn subscript(
        &mut self,
        object: &Value<'a>,
        key: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        if let Value::Union(values) = object {
            let all: Vec<_> = values
                .iter()
                .filter(|value| !matches!(value, Value::None))
                .map(|value| self.subscript(value, key, place, st, fr))
                .collect();
            return match all.is_empty() {
                true => Value::unknown(place.key()),
                false => union(all),
            };
        }
        if let Value::Union(keys) = key {
            let all: Vec<_> = keys
                .iter()
                .map(|key| self.subscript(object, key, place, st, fr))
                .collect();
            return union(all);
        }
        match object {
            Value::Tuple(items) => {
                let list = List {
                    items: items.to_vec(),
                    rest: None,
                };
                list_item(&list, key, place)
            }
            Value::Str(text) => match key {
                Value::Int(at) => {
                    let next = at.checked_add(1).filter(|next| *next != 0);
                    let bounds = [Some(Value::Int(*at)), next.map(Value::Int), None];
                    self.slice_text(text, &bounds, place)
                }
                _ => derived(object, hash("character"), place, "is indexed"),
            },
            Value::Ref(id) => self.object_item(object, *id, key, place, st, fr),
            Value::Any(any) => {
                if let Some(value) = self.source_item(any, key, place) {
                    return value;
                }
                if any.pieces.is_empty() {
                    return match &any.kind {
                        Some(kind) => {
                            Value::object(format!("{kind}[]"), mix(any.key, key.key()), Vec::new())
                        }
                        None => Value::unknown(mix(any.key, key.key())),
                    };
                }
                let item = derived(object, mix(hash("item"), key.key()), place, "is indexed");
                Value::tainted(mix(any.key, key.key()), item.pieces())
            }
            Value::Ext(dotted) => {
                if let Some(kept) = self.kept_item(dotted, key, st) {
                    return kept;
                }
                Value::object(
                    format!("{dotted}[]"),
                    mix(hash(dotted), key.key()),
                    Vec::new(),
                )
            }
            _ => Value::unknown(mix(object.key(), key.key())),
        }
    }

    fn object_item(
        &mut self,
        object: &Value<'a>,
        id: ObjId,
        key: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let Some(held) = st.get(id) else {
            return Value::unknown(mix(object.key(), key.key()));
        };
        match &*held {
            Obj::List(list) => list_item(list, key, place),
            Obj::Dict(dict) => {
                // A KeyError says which key there was none for.
                self.thrown.extend(key.pieces());
                dict_item(dict, key).unwrap_or_else(|| Value::unknown(mix(object.key(), key.key())))
            }
            Obj::Instance(instance) => {
                if let Some(method) = self.method_of(object, "__getitem__", st) {
                    return self.apply(&method, Args::of(place, vec![key.clone()]), st, fr);
                }
                if let Some(sections) = instance.fields.get("sections").cloned() {
                    return self.subscript(&sections, key, place, st, fr);
                }
                if let Some(item) = self.held_item(instance, key, st) {
                    return item;
                }
                let pieces = self.deep_pieces(object, st);
                Value::tainted(mix(object.key(), key.key()), pieces)
            }
            _ => Value::unknown(mix(object.key(), key.key())),
        }
    }

    pub fn slice(
        &mut self,
        object: &Value<'a>,
        bounds: &[Option<Value<'a>>; 3],
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let sliced = self.sliced(object, bounds, place, st);
        if matches!(bounds, [None | Some(Value::Int(0)), Some(_), None]) && sliced.is_tainted() {
            self.tests.insert(sliced.key(), Test::Start(object.clone()));
        }
        sliced
    }

    fn sliced(
        &mut self,
        object: &Value<'a>,
        bounds: &[Option<Value<'a>>; 3],
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        match object {
            Value::Union(values) => {
                let all: Vec<_> = values
                    .iter()
                    .map(|value| self.slice(value, bounds, place, st))
                    .collect();
                union(all)
            }
            Value::Str(text) => self.slice_text(text, bounds, place),
            Value::Any(_) if object.is_tainted() => {
                let mut text = super::value::Str::new(StrKind::Text);
                for piece in object.pieces() {
                    text.push(super::value::Part::Taint(piece));
                }
                self.slice_text(&text, bounds, place)
            }
            Value::Tuple(_) | Value::Ref(_) => {
                let items = self.known_items(object, st);
                match items.and_then(|items| super::slice::sliced(items, bounds)) {
                    Some(items) if matches!(object, Value::Tuple(_)) => Value::Tuple(items.into()),
                    Some(items) => self.list(st, items),
                    None => {
                        let item = self.any_item(object, place, st);
                        self.list_of(st, item)
                    }
                }
            }
            _ => Value::unknown(mix(object.key(), 0x511ce)),
        }
    }

    pub fn set_item(
        &mut self,
        object: &Value<'a>,
        key: &Value<'a>,
        value: Value<'a>,
        st: &mut State<'a>,
    ) {
        self.stored_for_templates(object, key, &value, st);
        for one in object.alternatives() {
            let value = value.clone();
            match one {
                Value::Ref(id) => {
                    let sections = match st.get(*id).as_deref() {
                        Some(Obj::Instance(instance)) => instance.fields.get("sections").cloned(),
                        _ => None,
                    };
                    match sections {
                        Some(sections) => self.set_item(&sections, key, value, st),
                        None => st.change(*id, |object| set_in(object, key, value)),
                    }
                }
                Value::Ext(dotted) => {
                    if let Some(name) = key.constant_str() {
                        self.keep(&Rc::clone(dotted), &name, value, st);
                    }
                }
                // `response.headers["Content-Type"] = …`
                Value::Method(method) if &*method.1 == "headers" => {
                    if let (Value::Ref(id), Some(name)) = (&method.0, key.constant_str()) {
                        let name = format!("header {}", name.to_ascii_lowercase());
                        st.change(*id, |object| {
                            if let Obj::Instance(instance) = object {
                                instance.fields.insert(name.into(), value);
                            }
                        });
                    }
                }
                _ => {}
            }
        }
    }

    pub fn delete_item(&mut self, object: &Value<'a>, key: &Value<'a>, st: &mut State<'a>) {
        let Value::Ref(id) = object else { return };
        st.change(*id, |object| match object {
            Obj::Dict(dict) => {
                let gone = key.key();
                dict.entries.retain(|(known, _)| known.key() != gone);
            }
            Obj::List(list) => match position(list, key) {
                Some(at) => {
                    list.items.remove(at);
                }
                None => list.blur(),
            },
            _ => {}
        });
    }

    /// `{**value}`, `dict.update(value)`.
    pub fn merge_into(
        &mut self,
        dict: &mut Dict<'a>,
        value: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
    ) {
        if let Value::Ref(id) = value
            && let Some(Obj::Dict(other)) = st.get(*id).as_deref()
        {
            for (key, value) in &other.entries {
                dict.set(key, value.clone());
            }
            if let Some(rest) = &other.rest {
                let known = dict.rest.take();
                dict.rest = Some(union(known.into_iter().chain([rest.clone()])));
            }
            if let Some(keys) = &other.keys {
                let known = dict.keys.take();
                dict.keys = Some(union(known.into_iter().chain([keys.clone()])));
            }
            return;
        }
        if value.is_tainted() || matches!(value, Value::Any(_) | Value::Ref(_)) {
            let item = self.any_item(value, place, st);
            let known = dict.rest.take();
            dict.rest = Some(union(known.into_iter().chain([item.clone()])));
            dict.keys = Some(item);
        }
    }

    /// `a | b` of dicts and sets.
    pub fn merged(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        whole: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let is_dict = |value: &Value<'a>| matches!(value, Value::Ref(id) if matches!(st.get(*id).as_deref(), Some(Obj::Dict(_))));
        if is_dict(left) || is_dict(right) {
            let mut dict = Dict::default();
            self.merge_into(&mut dict, left, whole, st);
            self.merge_into(&mut dict, right, whole, st);
            return self.alloc(st, Obj::Dict(dict));
        }
        if matches!(left, Value::Ref(_)) || matches!(right, Value::Ref(_)) {
            if let (Some(a), Some(b)) = (self.known_items(left, st), self.known_items(right, st)) {
                return self.list(st, [a, b].concat());
            }
            let a = self.any_item(left, whole, st);
            let b = self.any_item(right, whole, st);
            return self.list_of(st, union([a, b]));
        }
        self.numeric(&[left.clone(), right.clone()], whole)
    }
}

fn set_in<'a>(object: &mut Obj<'a>, key: &Value<'a>, value: Value<'a>) {
    match object {
        Obj::Dict(dict) => dict.set(key, value),
        Obj::List(list) => match position(list, key) {
            Some(at) => list.items[at] = value,
            None => {
                list.mix_in(value);
                list.blur();
            }
        },
        Obj::Instance(instance) => {
            let name = key.constant_str().unwrap_or_else(|| "[]".to_owned());
            instance.fields.insert(name.into(), value);
        }
        Obj::Scope(_) | Obj::Class(_) => {}
    }
}

/// The index that `key` means, of a list whose items are all known.
fn position(list: &List<'_>, key: &Value<'_>) -> Option<usize> {
    let Value::Int(at) = key else { return None };
    if list.rest.is_some() {
        return None;
    }
    let length = i64::try_from(list.items.len()).ok()?;
    let at = if *at < 0 { length + at } else { *at };
    usize::try_from(at).ok().filter(|at| *at < list.items.len())
}

fn list_item<'a>(list: &List<'a>, key: &Value<'a>, place: Place) -> Value<'a> {
    if let Some(at) = position(list, key) {
        return list.items[at].clone();
    }
    if let (Value::Int(at), Some(rest)) = (key, &list.rest)
        && let Some(item) = usize::try_from(*at).ok().and_then(|at| list.items.get(at))
    {
        return union([item.clone(), rest.clone()]);
    }
    list.any()
        .unwrap_or_else(|| Value::unknown(mix(place.key(), key.key())))
}

fn dict_item<'a>(dict: &Dict<'a>, key: &Value<'a>) -> Option<Value<'a>> {
    if !is_key(key) {
        return dict.any();
    }
    let exact = dict.get(key).cloned();
    match (exact, &dict.rest) {
        (Some(exact), None) => Some(exact),
        (Some(exact), Some(rest)) => Some(union([exact, rest.clone()])),
        (None, rest) => rest.clone(),
    }
}

/// A part of a tainted value.
pub(super) fn derived<'a>(
    value: &Value<'a>,
    operation: super::value::Key,
    place: Place,
    how: &str,
) -> Value<'a> {
    let note: Rc<str> = how.into();
    let keep = SURVIVES_CUTTING.without(Facts::SECURE_FILENAME);
    value.map_pieces(&mut |piece| {
        piece
            .derive(operation, keep)
            .step(place, Note::Through(Rc::clone(&note)))
    })
}
