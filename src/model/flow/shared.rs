//! What one handler leaves at module level for the others: lists and dicts in memory, attributes
//! of classes, globals.

use std::collections::HashSet;

use super::heap::{Obj, State};
use super::interp::Interp;
use super::value::{ObjId, Value};
use super::vars::Vars;

impl<'a> Interp<'a> {
    /// Remembers the world after a handler that has written a client's value to module level.
    /// Says whether it has.
    pub fn note_shared(&mut self, st: &State<'a>) -> bool {
        if st.dead {
            return false;
        }
        let changed = st.changed_base();
        if !changed
            .iter()
            .any(|(_, before, after)| self.gains_client_value(before, after, st))
        {
            return false;
        }
        self.shared = Some(match self.shared.take() {
            Some(known) => known.join(st.clone()),
            None => st.clone(),
        });
        true
    }

    /// Lets every later handler find what was left. Says whether there was anything.
    pub fn settle_shared(&mut self) -> bool {
        let Some(left) = self.shared.take() else {
            return false;
        };
        State::new(&self.base).join(left).settle();
        // What lives as long as one request stays out.
        State::new(&self.base).unsettle(self.stores.values().copied());
        self.known_results.clear();
        self.blind_results.clear();
        self.ran.clear();
        true
    }

    /// The names under which a client's value can be found at module level.
    pub fn names_of_shared(&self) -> HashSet<&'a str> {
        let base = self.base.borrow();
        let mut holders: HashSet<ObjId> = HashSet::new();
        loop {
            let before = holders.len();
            for (id, object) in base.iter() {
                if !holders.contains(id) && leads_to(object, &holders) {
                    holders.insert(*id);
                }
            }
            if holders.len() == before {
                break;
            }
        }
        let scopes = base.values().filter_map(|object| match &**object {
            Obj::Scope(scope) => Some(&scope.vars),
            _ => None,
        });
        let names = scopes
            .flat_map(Vars::iter)
            .filter(|(_, value)| is_held(value, &holders));
        names.map(|(name, _)| name).collect()
    }

    fn gains_client_value(&self, before: &Obj<'a>, after: &Obj<'a>, st: &State<'a>) -> bool {
        let held = |object: &Obj<'a>| -> Vec<Value<'a>> {
            match object {
                Obj::Scope(scope) => scope.vars.values().cloned().collect(),
                Obj::List(list) => list.items.iter().chain(&list.rest).cloned().collect(),
                Obj::Dict(dict) => {
                    let entries = dict.entries.iter().map(|(_, value)| value);
                    entries
                        .chain(&dict.rest)
                        .chain(&dict.keys)
                        .cloned()
                        .collect()
                }
                Obj::Instance(instance) => instance.fields.values().cloned().collect(),
                Obj::Class(_) => Vec::new(),
            }
        };
        let known: Vec<_> = held(before).iter().map(Value::key).collect();
        let mut new = held(after);
        new.retain(|value| !known.contains(&value.key()));
        new.iter()
            .any(|value| !self.deep_pieces(value, st).is_empty())
    }
}

/// Whether an object holds a client's value, or something that leads to a holder.
fn leads_to(object: &Obj<'_>, holders: &HashSet<ObjId>) -> bool {
    let is_held = |value: &Value<'_>| is_held(value, holders);
    match object {
        Obj::Scope(scope) => scope.vars.values().any(is_held),
        Obj::List(list) => list.items.iter().chain(&list.rest).any(is_held),
        Obj::Dict(dict) => {
            let values = dict.entries.iter().map(|(_, value)| value);
            values.chain(&dict.rest).chain(&dict.keys).any(is_held)
        }
        Obj::Instance(instance) => {
            is_held(&instance.class) || instance.fields.values().any(is_held)
        }
        Obj::Class(class) => holders.contains(&class.scope) || class.bases.iter().any(is_held),
    }
}

fn is_held(value: &Value<'_>, holders: &HashSet<ObjId>) -> bool {
    let is_held = |value: &Value<'_>| is_held(value, holders);
    match value {
        Value::Ref(id) => holders.contains(id),
        Value::Tuple(items) | Value::Union(items) => items.iter().any(is_held),
        Value::Bound(bound) => is_held(&bound.0),
        Value::Method(method) => is_held(&method.0),
        Value::Func(func) => holders.contains(&func.scope),
        value => value.is_tainted(),
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn html(source: &str) -> usize {
        let repo = Repository::from_texts([("app.py", source)]);
        let flows = analyse(&Modules::parse(&repo));
        flows
            .of_sink(|sink| *sink == Sink::HtmlResponse)
            .filter(|call| call.is_tainted())
            .count()
    }

    const HEAD: &str = "from flask import Flask, g, request\nfrom markupsafe import escape\napp = Flask(__name__)\n";

    #[test]
    fn what_a_view_leaves_at_module_level_reaches_others() {
        for body in [
            "NOTES = []\n@app.post('/')\ndef add():\n    NOTES.append(request.form['n'])\n    return ''\n@app.get('/')\ndef show():\n    return '<br>'.join(NOTES)\n",
            "NOTES = {}\n@app.post('/<k>')\ndef add(k):\n    NOTES[k] = {'text': request.form['n']}\n    return ''\n@app.get('/<k>')\ndef show(k):\n    return '<p>' + NOTES[k]['text']\n",
            "class C:\n    x = ''\n@app.get('/')\ndef show():\n    return '<p>' + C.x\n@app.post('/')\ndef add():\n    C.x = request.form['n']\n    return ''\n",
            "x = ''\n@app.get('/')\ndef show():\n    return '<p>' + x\n@app.post('/')\ndef add():\n    global x\n    x = request.form['n']\n    return ''\n",
        ] {
            assert_eq!(html(&format!("{HEAD}{body}")), 1, "{body}");
        }
    }

    #[test]
    fn what_is_escaped_or_lives_for_one_request_does_not() {
        for body in [
            "NOTES = []\n@app.post('/')\ndef add():\n    NOTES.append(str(escape(request.form['n'])))\n    return ''\n@app.get('/')\ndef show():\n    return '<br>'.join(NOTES)\n",
            "NOTES = {}\n@app.post('/')\ndef add():\n    NOTES['text'] = request.form['n']\n    return ''\n@app.get('/')\ndef show():\n    return '<p>' + NOTES['other']\n",
            "@app.post('/')\ndef add():\n    g.x = request.form['n']\n    return ''\n@app.get('/')\ndef show():\n    return '<p>' + g.x\n",
            "def f():\n    notes = [request.form['n']]\n    return len(notes)\n@app.post('/')\ndef add():\n    return str(f())\n",
        ] {
            assert_eq!(html(&format!("{HEAD}{body}")), 0, "{body}");
        }
    }
}
