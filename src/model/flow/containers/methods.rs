//! Methods of lists, dicts and configurations.

use super::super::call::Args;
use super::super::classes::is_class;
use super::super::heap::{Dict, List, Obj, State, is_key};
use super::super::interp::{Frame, Interp};
use super::super::value::{ObjId, Value, mix, union};
use super::{dict_item, list_item, position, set_in};

impl<'a> Interp<'a> {
    pub fn list_method(
        &mut self,
        id: ObjId,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let first = args.get(0, "").cloned();
        let Some(Obj::List(list)) = st.get(id).as_deref().cloned() else {
            return None;
        };
        let mut list = list;
        let mut result = Value::None;
        match (name, first) {
            ("append" | "add" | "appendleft", Some(value)) => match &list.rest {
                None if name == "append" => list.items.push(value),
                None if name == "appendleft" => list.items.insert(0, value),
                _ => list.mix_in(value),
            },
            ("insert", Some(at)) => {
                let value = args.get(1, "").cloned().unwrap_or(Value::None);
                match at {
                    Value::Int(at) if list.rest.is_none() => {
                        let at = usize::try_from(at).unwrap_or(0).min(list.items.len());
                        list.items.insert(at, value);
                    }
                    _ => {
                        list.mix_in(value);
                        list.blur();
                    }
                }
            }
            ("extend" | "update" | "union", Some(other)) => {
                let items = self.known_items(&other, st);
                match items {
                    Some(items) if list.rest.is_none() => list.items.extend(items),
                    _ => {
                        let item = self.any_item(&other, place, st);
                        list.mix_in(item);
                    }
                }
                if name == "union" {
                    return Some(self.alloc(st, Obj::List(list)));
                }
            }
            ("pop" | "popleft", at) => {
                let from_left = name == "popleft";
                let at = at.unwrap_or(Value::Int(if from_left { 0 } else { -1 }));
                result = list_item(&list, &at, place);
                match position(&list, &at) {
                    Some(at) => {
                        list.items.remove(at);
                    }
                    None => list.blur(),
                }
            }
            ("remove" | "discard", Some(value)) => {
                let gone = value.key();
                let at = list.items.iter().position(|item| item.key() == gone);
                if let Some(at) = at.filter(|_| value.is_constant()) {
                    list.items.remove(at);
                }
            }
            ("clear", _) => list = List::default(),
            ("reverse", _) => list.items.reverse(),
            ("sort", _) => list.blur(),
            ("copy", _) => return Some(self.alloc(st, Obj::List(list))),
            ("index" | "count", _) => return Some(Value::unknown(mix(place.key(), u64::from(id)))),
            ("__len__", _) => return Some(Value::unknown(place.key())),
            _ => return None,
        }
        st.put(id, Obj::List(list));
        Some(result)
    }

    pub fn dict_method(
        &mut self,
        id: ObjId,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let Some(Obj::Dict(dict)) = st.get(id).as_deref().cloned() else {
            return None;
        };
        let key = args.get(0, "key").cloned().unwrap_or(Value::None);
        let default = args.get(1, "default").cloned();
        Some(match name {
            "get" | "pop" | "setdefault" | "getlist" => {
                let mut found = Vec::new();
                let mut is_sure = true;
                for key in key.alternatives() {
                    found.extend(dict_item(&dict, key));
                    is_sure &= is_key(key) && dict.get(key).is_some();
                }
                if name == "pop" && is_key(&key) {
                    self.delete_item(&Value::Ref(id), &key, st);
                }
                if !is_sure {
                    let default = default.unwrap_or(Value::None);
                    if name == "setdefault" {
                        st.change(id, |object| set_in(object, &key, default.clone()));
                    }
                    found.push(default);
                }
                union(found)
            }
            "update" => {
                let mut dict = dict;
                if let Some(other) = args.get(0, "") {
                    self.merge_into(&mut dict, other, place, st);
                }
                for (name, value) in &args.named {
                    dict.set(&Value::text(&**name), value.clone());
                }
                st.put(id, Obj::Dict(dict));
                Value::None
            }
            "keys" => match dict.rest {
                None => {
                    let keys = dict.entries.into_iter().map(|(key, _)| key).collect();
                    self.list(st, keys)
                }
                Some(_) => {
                    let key = self.any_item(&Value::Ref(id), place, st);
                    self.list_of(st, key)
                }
            },
            "values" => {
                let items = dict
                    .entries
                    .iter()
                    .map(|(_, value)| value.clone())
                    .collect();
                let list = List {
                    items,
                    rest: dict.rest.clone(),
                };
                self.alloc(st, Obj::List(list))
            }
            "items" => {
                let pairs = dict.entries.iter();
                let items =
                    pairs.map(|(key, value)| Value::Tuple([key.clone(), value.clone()].into()));
                let unknown = || Value::unknown(place.key());
                let rest = dict.rest.clone().map(|value| {
                    Value::Tuple([dict.keys.clone().unwrap_or_else(unknown), value].into())
                });
                let list = List {
                    items: items.collect(),
                    rest,
                };
                self.alloc(st, Obj::List(list))
            }
            "copy" | "to_dict" => self.alloc(st, Obj::Dict(dict)),
            "clear" => {
                st.put(id, Obj::Dict(Dict::default()));
                Value::None
            }
            _ => return None,
        })
    }

    /// `configparser.ConfigParser`: sections are dicts in a dict.
    pub fn config_method(
        &mut self,
        id: ObjId,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let sections = match st.get(id).as_deref() {
            Some(Obj::Instance(instance)) if is_class(instance, "configparser.ConfigParser") => {
                instance.fields.get("sections").cloned()?
            }
            _ => return None,
        };
        let place = args.place;
        let section = args.get(0, "section").cloned().unwrap_or(Value::None);
        let option = args.get(1, "option").cloned().unwrap_or(Value::None);
        let lower = |value: &Value<'a>| match value.constant_str() {
            Some(text) => Value::text(text.to_lowercase()),
            None => value.clone(),
        };
        Some(match name {
            "add_section" => {
                let empty = self.alloc(st, Obj::Dict(Dict::default()));
                self.set_item(&sections, &section, empty, st);
                Value::None
            }
            "set" => {
                let inner = self.subscript(&sections, &section, place, st, fr);
                let value = args.get(2, "value").cloned().unwrap_or(Value::None);
                self.set_item(&inner, &lower(&option), value, st);
                Value::None
            }
            "get" => {
                let inner = self.subscript(&sections, &section, place, st, fr);
                let found = self.subscript(&inner, &lower(&option), place, st, fr);
                match args.keyword("fallback") {
                    Some(fallback) => union([found, fallback.clone()]),
                    None => found,
                }
            }
            "getint" | "getfloat" | "getboolean" => {
                let inner = self.subscript(&sections, &section, place, st, fr);
                let found = self.subscript(&inner, &lower(&option), place, st, fr);
                self.numeric(&[found], place)
            }
            "items" | "options" => {
                let inner = self.subscript(&sections, &section, place, st, fr);
                match inner {
                    Value::Ref(inner) => {
                        let method = if name == "items" { "items" } else { "keys" };
                        return self.dict_method(inner, method, &Args::none(place), st);
                    }
                    other => other,
                }
            }
            "read_dict" => {
                for section in self.known_items(&section, st).unwrap_or_default() {
                    let from = args.get(0, "dictionary").cloned().unwrap_or(Value::None);
                    let inner = self.subscript(&from, &section, place, st, fr);
                    self.set_item(&sections, &section, inner, st);
                }
                Value::None
            }
            "read_string" | "read_file" => {
                let pieces = self.deep_pieces(&section, st);
                let item = Value::tainted(mix(place.key(), section.key()), pieces);
                let inner = Dict {
                    rest: Some(item),
                    ..Dict::default()
                };
                let inner = self.alloc(st, Obj::Dict(inner));
                if let Value::Ref(sections) = sections {
                    st.change(sections, |object| {
                        if let Obj::Dict(dict) = object {
                            dict.rest = Some(inner);
                        }
                    });
                }
                Value::None
            }
            "sections" => match sections {
                Value::Ref(sections) => {
                    return self.dict_method(sections, "keys", &Args::none(place), st);
                }
                _ => return None,
            },
            _ => return None,
        })
    }
}
