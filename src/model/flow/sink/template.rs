//! What templates are given: their source, their name, their variables.

use std::rc::Rc;

use super::super::call::Args;
use super::super::heap::{Obj, State};
use super::super::interp::{Frame, Interp};
use super::super::output::Sink;
use super::super::value::{Value, hash};
use super::{DEEPEST_FIELDS, MOST_FIELDS, is_tame};

impl<'a> Interp<'a> {
    pub fn template_source(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        if let Some(value) = args.get(0, "source").cloned() {
            let at = args.place_of(0, "source");
            self.sink(Sink::TemplateSource, name, args.place, at, &value, st, fr);
        }
    }

    pub fn template_name(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        if let Some(value) = args.get(0, "template_name_or_list").cloned() {
            let at = args.place_of(0, "template_name_or_list");
            self.sink(Sink::TemplateName, name, args.place, at, &value, st, fr);
        }
    }

    /// What a template gets to see.
    pub fn template_variables(
        &mut self,
        name: &str,
        is_inline: bool,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let first = args.get(0, "").cloned();
        let template = first
            .as_ref()
            .filter(|_| !is_inline)
            .and_then(Value::constant_str);
        let inline = is_inline.then(|| self.location(args.place_of(0, "source")));
        let named: Vec<_> = args
            .named
            .iter()
            .map(|(name, value)| (Rc::clone(name), value.clone()))
            .collect();
        for (variable, value) in named {
            if matches!(&*variable, "template_name_or_list" | "source") {
                continue;
            }
            let at = args.place_of(usize::MAX, &variable);
            let fields = self.fields_of(&value, st);
            for (field, value) in fields.unwrap_or_else(|| vec![(None, value)]) {
                let pieces = self.deep_pieces(&value, st);
                let carried = match pieces.is_empty() {
                    true if is_tame(&value) => value.clone(),
                    true => Value::unknown(value.key()),
                    false => match &value {
                        Value::Ref(_) => Value::tainted(value.key() ^ hash("context"), pieces),
                        other => other.clone(),
                    },
                };
                let sink = Sink::TemplateVariable {
                    template: template.clone(),
                    inline: inline.clone(),
                    variable: variable.to_string(),
                    field,
                };
                self.sink(sink, name, args.place, at, &carried, st, fr);
            }
        }
    }

    /// The values in a mapping, in a tuple, or in a list of these, with the keys that lead to each. Nothing
    /// for other values, and where there is nothing of a client's to tell apart.
    fn fields_of(
        &self,
        value: &Value<'a>,
        st: &State<'a>,
    ) -> Option<Vec<(Option<String>, Value<'a>)>> {
        let mut found = Vec::new();
        self.collect_fields(value, st, &[], &mut found)?;
        let is_split = found.iter().any(|(field, _)| field.is_some());
        let is_client = |value: &Value<'a>| !self.deep_pieces(value, st).is_empty();
        (is_split && found.iter().any(|(_, value)| is_client(value))).then_some(found)
    }

    fn collect_fields(
        &self,
        value: &Value<'a>,
        st: &State<'a>,
        keys: &[String],
        found: &mut Vec<(Option<String>, Value<'a>)>,
    ) -> Option<()> {
        for one in value.alternatives() {
            if let Value::Tuple(items) = one
                && keys.len() < DEEPEST_FIELDS
            {
                for (index, item) in items.iter().enumerate() {
                    let inside = [keys, &[index.to_string()]].concat();
                    self.collect_fields(item, st, &inside, found)?;
                }
                continue;
            }
            let held = match one {
                Value::Ref(id) if keys.len() < DEEPEST_FIELDS => st.get(*id),
                _ => None,
            };
            match held.as_deref() {
                Some(Obj::List(list)) => {
                    for item in list.items.iter().chain(&list.rest) {
                        self.collect_fields(item, st, keys, found)?;
                    }
                }
                Some(Obj::Dict(dict)) => {
                    for (key, value) in &dict.entries {
                        let inside = [keys, &[key.constant_str()?]].concat();
                        self.collect_fields(value, st, &inside, found)?;
                    }
                    found.extend(
                        dict.rest
                            .iter()
                            .chain(&dict.keys)
                            .map(|it| (None, it.clone())),
                    );
                }
                Some(Obj::Instance(instance)) if matches!(instance.class, Value::Ref(_)) => {
                    for (name, value) in &instance.fields {
                        let inside = [keys, &[name.to_string()]].concat();
                        self.collect_fields(value, st, &inside, found)?;
                    }
                    // Whatever else it gives may be made of all of them.
                    let names: Vec<&str> = instance.fields.keys().map(|name| &**name).collect();
                    let others = [keys, &[format!("!{}", names.join("|"))]].concat();
                    found.push((Some(others.join(".")), one.clone()));
                }
                _ => {
                    let field = (!keys.is_empty()).then(|| keys.join("."));
                    found.push((field, one.clone()));
                }
            }
            if found.len() > MOST_FIELDS {
                return None;
            }
        }
        Some(())
    }
}
