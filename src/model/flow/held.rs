//! What instances of the repository hold besides attributes: items of subclasses of `dict`, and
//! their fields taken as a mapping.

use super::call::Args;
use super::classes::is_as_dict;
use super::heap::{Dict, Instance, Obj, State};
use super::interp::Interp;
use super::value::{ObjId, Value, mix, union};

/// Methods of a mapping that read it.
pub(super) const READS: [&str; 6] = ["get", "pop", "setdefault", "items", "values", "keys"];

impl<'a> Interp<'a> {
    /// Whether a class of the repository is a mapping.
    pub fn is_mapping(&mut self, class: &Value<'a>, st: &State<'a>) -> bool {
        let base = self.external_base(class, st);
        base.is_some_and(|base| {
            matches!(
                &*base,
                "builtins.dict" | "collections.OrderedDict" | "collections.UserDict"
            )
        })
    }

    /// The item that such an instance holds under `key`: any of them, where that is not known.
    pub fn held_item(
        &mut self,
        instance: &Instance<'a>,
        key: &Value<'a>,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        if !self.is_mapping(&instance.class, st) {
            return None;
        }
        let exact = key.constant_str();
        let exact = exact.and_then(|name| instance.fields.get(&*name).cloned());
        let all = || union(instance.fields.values().cloned());
        match exact {
            Some(value) => Some(value),
            None if key.is_constant() || instance.fields.is_empty() => None,
            None => Some(all()),
        }
    }

    /// A method that reads what an instance holds, or writes several of its fields at once.
    pub fn held_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let Value::Ref(id) = receiver else {
            return None;
        };
        let held = st.get(*id);
        let Some(Obj::Instance(instance)) = held.as_deref() else {
            return None;
        };
        if !matches!(instance.class, Value::Ref(_)) {
            return None;
        }
        if is_as_dict(name) {
            return self.fields_as_dict(receiver, st);
        }
        if name == "update" {
            self.update_fields(*id, args, st);
            return Some(Value::None);
        }
        if !READS.contains(&name) || !self.is_mapping(&instance.class, st) {
            return None;
        }
        match name {
            "get" | "pop" | "setdefault" => {
                let key = args.get(0, "key").cloned()?;
                let found = self.held_item(instance, &key, st);
                let default = args.get(1, "default").cloned();
                let found = union(found.into_iter().chain(default));
                Some(match found.alternatives() {
                    [] => Value::unknown(mix(receiver.key(), key.key())),
                    _ => found,
                })
            }
            _ => {
                let dict = self.fields_as_dict(receiver, st)?;
                let Value::Ref(dict) = dict else { return None };
                self.dict_method(dict, name, args, st)
            }
        }
    }

    fn update_fields(&mut self, object: ObjId, args: &Args<'a>, st: &mut State<'a>) {
        let mut given = Vec::new();
        if let Some(Value::Ref(id)) = args.pos.first()
            && let Some(Obj::Dict(dict)) = st.get(*id).as_deref()
        {
            let entries = dict.entries.iter();
            given.extend(
                entries.filter_map(|(key, value)| Some((key.constant_str()?, value.clone()))),
            );
        }
        let named = args.named.iter();
        given.extend(named.map(|(name, value)| (name.to_string(), value.clone())));
        st.change(object, |object| {
            if let Obj::Instance(instance) = object {
                for (name, value) in given {
                    instance.fields.insert(name.into(), value);
                }
            }
        });
    }

    /// `dataclasses.asdict(object)`, `object.model_dump()`.
    pub fn fields_as_dict(&mut self, object: &Value<'a>, st: &mut State<'a>) -> Option<Value<'a>> {
        let Value::Ref(id) = object else { return None };
        let held = st.get(*id);
        let Some(Obj::Instance(instance)) = held.as_deref() else {
            return None;
        };
        let mut dict = Dict::default();
        for (name, value) in &instance.fields {
            dict.set(&Value::text(&**name), value.clone());
        }
        Some(self.alloc(st, Obj::Dict(dict)))
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn opens(lines: &str, path: &str) -> bool {
        let lines = lines.replace('\n', "\n    ");
        let source = format!(
            "from dataclasses import asdict, dataclass\nfrom pydantic import BaseModel\nfrom flask import Flask, request\napp = Flask(__name__)\n\
             @dataclass\nclass Job:\n    name: str\n    count: int = 1\nclass Body(BaseModel):\n    name: str\nclass Box(dict):\n    pass\nclass Bag:\n    def __init__(self, **kw):\n        self.__dict__.update(kw)\n\
             @app.get('/')\ndef view():\n    name = request.args['n']\n    {lines}\n    return {{'t': open('/srv/' + {path}).read()}}\n"
        );
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let flows = analyse(&Modules::parse(&repo));
        let mut calls = flows.of_sink(|sink| matches!(sink, Sink::File(_)));
        calls.any(crate::model::flow::SinkCall::is_tainted)
    }

    #[test]
    fn items_and_fields_are_told_apart() {
        for (lines, bad, good) in [
            ("x = asdict(Job(name))", "x['name']", "str(x['count'])"),
            ("x = vars(Job(name))", "x['name']", "str(x['count'])"),
            (
                "x = Body(name=name).model_dump()",
                "x['name']",
                "x['other']",
            ),
            ("x = Box()\nx['a'] = name\nx['b'] = 'b'", "x['a']", "x['b']"),
            (
                "x = Box()\nx['a'] = name\nx['b'] = 'b'",
                "x.get('a')",
                "x.get('b', 'c')",
            ),
            ("x = Bag(a=name, b='b')", "x.a", "x.b"),
        ] {
            assert!(opens(lines, bad), "{lines} {bad}");
            assert!(!opens(lines, good), "{lines} {good}");
        }
        assert!(opens("x = Box()\nx['a'] = name", "x[request.args['k']]"));
    }
}
