//! How arguments meet parameters, and what a class makes of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::{Expr, Parameter, Parameters};
use ruff_text_size::Ranged as _;

use super::super::heap::{Dict, Instance, List, Obj, State};
use super::super::interp::{Frame, Interp};
use super::super::value::{Func, Note, ObjId, Value, mix};
use super::Args;

impl<'a> Interp<'a> {
    pub(super) fn bind(
        &mut self,
        parameters: &'a Parameters,
        args: &Args<'a>,
        func: &Func<'a>,
        st: &mut State<'a>,
        frame: &mut Frame<'a>,
    ) {
        let mut used: Vec<&str> = Vec::new();
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        let count = parameters.posonlyargs.len() + parameters.args.len();
        for (index, parameter) in positional.enumerate() {
            let name = parameter.parameter.name.as_str();
            used.push(name);
            let given = args.get(index, name).or(args.rest.as_ref()).cloned();
            let given = given.or_else(|| args.spare(name, st));
            self.bind_one(
                &parameter.parameter,
                given,
                parameter.default(),
                args,
                func,
                st,
                frame,
            );
        }
        for parameter in &parameters.kwonlyargs {
            let name = parameter.parameter.name.as_str();
            used.push(name);
            let given = args.keyword(name).cloned().or_else(|| args.spare(name, st));
            self.bind_one(
                &parameter.parameter,
                given,
                parameter.default(),
                args,
                func,
                st,
                frame,
            );
        }
        if let Some(vararg) = &parameters.vararg {
            let list = List {
                items: args.pos.get(count..).unwrap_or_default().to_vec(),
                rest: args.rest.clone(),
            };
            let list = match list.rest {
                None => Value::Tuple(list.items.into()),
                Some(_) => self.alloc(st, Obj::List(list)),
            };
            self.store(vararg.name.as_str(), list, st, frame);
        }
        if let Some(kwarg) = &parameters.kwarg {
            let mut dict = Dict::default();
            for (name, value) in &args.named {
                if !used.contains(&&**name) {
                    dict.set(&Value::text(&**name), value.clone());
                }
            }
            if let Some(rest) = &args.keyword_rest {
                let place = args.place;
                self.merge_into(&mut dict, rest, place, st);
            }
            let dict = self.alloc(st, Obj::Dict(dict));
            self.store(kwarg.name.as_str(), dict, st, frame);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one parameter of one call")]
    fn bind_one(
        &mut self,
        parameter: &'a Parameter,
        given: Option<Value<'a>>,
        default: Option<&'a Expr>,
        args: &Args<'a>,
        func: &Func<'a>,
        st: &mut State<'a>,
        frame: &mut Frame<'a>,
    ) {
        let name = parameter.name.as_str();
        let value = match (given, default) {
            (Some(value), _) => {
                let note = Note::Passed {
                    function: frame.name,
                    parameter: name,
                };
                value.step(args.place, &note)
            }
            (None, Some(default)) => {
                let inner = std::mem::replace(&mut frame.scope, func.scope);
                let value = self.eval(default, st, frame);
                frame.scope = inner;
                value
            }
            (None, None) => Value::unknown(mix(frame.place(parameter.range()).key(), 0xa)),
        };
        self.store(name, value, st, frame);
    }

    pub(super) fn instantiate(
        &mut self,
        class: ObjId,
        args: Args<'a>,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let class = Value::Ref(class);
        let mut instance = Instance {
            class: class.clone(),
            fields: BTreeMap::new(),
        };
        let init = self.class_attribute(&class, "__init__", st);
        if init.is_none()
            && let [text] = args.pos.as_slice()
            && self.external_base(&class, st).as_deref() == Some("builtins.str")
            && self.class_attribute(&class, "__new__", st).is_none()
            && !self.is_enumeration(&class, st)
        {
            return text.clone();
        }
        let is_own = matches!(init, Some(Value::Func(_)));
        if !is_own {
            for (name, value) in &args.named {
                instance.fields.insert(Rc::clone(name), value.clone());
            }
            let names = self.annotated_fields(&class, st);
            for (name, value) in names.iter().zip(&args.pos) {
                instance.fields.insert(Rc::from(*name), value.clone());
            }
            let is_exception = self
                .external_base(&class, st)
                .is_some_and(|base| base.ends_with("Exception") || base.ends_with("Error"));
            if is_exception {
                let given = Value::Tuple(args.pos.clone().into());
                instance.fields.insert("args".into(), given);
            }
            for name in &names {
                if let Some(value) = args.spare(name, st)
                    && !instance.fields.contains_key(*name)
                {
                    instance.fields.insert(Rc::from(*name), value);
                }
            }
            if self.is_model(&class, st) {
                self.checked_fields(&class, &mut instance.fields, args.place, st);
            }
        }
        let object = self.alloc(st, Obj::Instance(instance));
        if let Some(Value::Func(init)) = init {
            let args = args.with_first(object.clone());
            self.call_function(&init, args, st);
        } else if let Some(Value::Func(post)) = self.class_attribute(&class, "__post_init__", st) {
            self.call_function(&post, Args::of(args.place, vec![object.clone()]), st);
        }
        object
    }

    /// A row of a `collections.namedtuple`.
    pub(super) fn named_row(
        &mut self,
        made: &Instance<'a>,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let mut fields = BTreeMap::new();
        if let Some(Value::Tuple(names)) = made.fields.get("names") {
            for (index, name) in names.iter().enumerate() {
                let Some(name) = name.constant_str() else {
                    continue;
                };
                if let Some(value) = args.get(index, &name).or(args.rest.as_ref()) {
                    fields.insert(Rc::from(name), value.clone());
                }
            }
        }
        let class = Value::ext("collections.namedtuple()");
        self.alloc(st, Obj::Instance(Instance { class, fields }))
    }
}
