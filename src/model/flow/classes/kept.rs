//! What objects, `flask.g` and sessions keep.

use std::collections::BTreeMap;

use super::super::heap::{Instance, Obj, State};
use super::super::interp::Interp;
use super::super::value::{Value, union};

impl<'a> Interp<'a> {
    /// `flask.g`, `flask.session` and their like hold what was put in on this path.
    pub(super) fn kept(&mut self, dotted: &str, name: &str, st: &State<'a>) -> Option<Value<'a>> {
        let held = self.stores.get(dotted).and_then(|id| st.get(*id));
        if let Some(Obj::Instance(instance)) = held.as_deref()
            && let Some(value) = instance.fields.get(name)
        {
            return Some(value.clone());
        }
        let left = self
            .before_views
            .get(name)
            .filter(|_| dotted == "flask.g")?;
        // Only with this value is the result of a call what it is.
        self.sources_read.set(self.sources_read.get() + 1);
        Some(left.clone())
    }

    /// Keeps what a path has put into `flask.g` for the views that run after it.
    pub fn leave_for_views(&mut self, st: &State<'a>) {
        let held = self.stores.get("flask.g").and_then(|id| st.get(*id));
        let Some(Obj::Instance(left)) = held.as_deref() else {
            return;
        };
        for (name, value) in &left.fields {
            let value = st.pin(value);
            let Some(objects) = self.reachable(&value, st) else {
                continue;
            };
            st.settle_these(&objects);
            let known = self.before_views.remove(&**name);
            let both = union(known.into_iter().chain([value]));
            self.before_views.insert(name.to_string(), both);
        }
    }

    pub fn kept_item(
        &mut self,
        dotted: &str,
        key: &Value<'a>,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let name = key.constant_str()?;
        self.kept(dotted, &name, st)
    }

    pub fn keep(&mut self, dotted: &str, name: &str, value: Value<'a>, st: &mut State<'a>) {
        let id = match self.stores.get(dotted) {
            Some(id) => *id,
            None => {
                let id = self.new_id();
                self.stores.insert(dotted.to_owned(), id);
                id
            }
        };
        if st.get(id).is_none() {
            let empty = Instance {
                class: Value::ext(dotted),
                fields: BTreeMap::new(),
            };
            st.put(id, Obj::Instance(empty));
        }
        st.change(id, |object| {
            if let Obj::Instance(instance) = object {
                instance.fields.insert(name.into(), value);
            }
        });
    }
}
