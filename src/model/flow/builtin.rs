//! Python's built-in functions.

use super::call::Args;
use super::expr::predicate;
use super::facts::Facts;
use super::heap::{Dict, Obj, State};
use super::interp::{Frame, Interp};
use super::value::{Place, StrKind, Value, hash, mix, union};

const LONGEST_RANGE: i64 = 24;

impl<'a> Interp<'a> {
    pub fn builtin(
        &mut self,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let first = args.get(0, "").cloned();
        Some(match name {
            "str" | "repr" | "ascii" | "format" | "bytes" | "bytearray" => {
                let first = first.unwrap_or_else(|| Value::text(""));
                self.formatted(&first, None, place, st, fr)
            }
            "int" | "float" | "complex" => {
                let first = first.unwrap_or(Value::Int(0));
                // Its ValueError says what it got.
                self.thrown.extend(st.pin(&first).pieces());
                // It raises on anything that is no number.
                let learned = self.says(&first, Facts::NUMERIC | Facts::HARMLESS);
                st.learn_all(&learned);
                match first
                    .constant_str()
                    .and_then(|text| text.trim().parse::<i64>().ok())
                {
                    Some(number) if name == "int" => Value::Int(number),
                    _ => match first {
                        Value::Int(_) | Value::Float(_) => first,
                        _ => self.numeric(&[first], place),
                    },
                }
            }
            "bool" => match first.as_ref() {
                Some(value @ Value::Pred(_)) => value.clone(),
                Some(value) => match value.truth() {
                    Some(truth) => Value::Bool(truth),
                    None => {
                        let (then, otherwise) = self.split(value, st.clone());
                        predicate(place, then.learned_since(st), otherwise.learned_since(st))
                    }
                },
                None => Value::Bool(false),
            },
            "len" => match first.as_ref().and_then(|value| self.length(value, st)) {
                Some(length) => Value::Int(length),
                None => Value::object(
                    "number",
                    mix(place.key(), first.map_or(0, |value| value.key())),
                    Vec::new(),
                ),
            },
            "ord" | "hash" | "id" | "round" | "abs" | "pow" | "divmod" | "hex" | "oct" | "bin"
            | "sum" => {
                let all: Vec<_> = args.all().cloned().collect();
                self.numeric(&all, place)
            }
            "isinstance"
                if let (Some(value), Some(class)) = (&first, args.get(1, ""))
                    && let Some(decided) = is_instance(value, class, st) =>
            {
                Value::Bool(decided)
            }
            "isinstance" => {
                let number = args.get(1, "").is_some_and(is_number_class);
                let then = match (&first, number) {
                    (Some(value), true) => self.says(value, Facts::NUMERIC | Facts::HARMLESS),
                    _ => Vec::new(),
                };
                predicate(place, then, Vec::new())
            }
            "issubclass" | "hasattr" | "callable" => self.some_truth(place),
            "any" | "all" => {
                let tests = first.unwrap_or(Value::None);
                self.quantified(name == "all", &tests, place, st)
            }
            "list" | "tuple" | "set" | "frozenset" | "sorted" | "reversed" | "iter" => {
                self.sequence(name, first, place, st)
            }
            "dict" => {
                let mut dict = Dict::default();
                if let Some(first) = first {
                    match self.known_items(&first, st) {
                        Some(pairs) if !matches!(&first, Value::Ref(id) if matches!(st.get(*id).as_deref(), Some(Obj::Dict(_)))) => {
                            for pair in pairs {
                                if let Some([key, value]) = self.known_items(&pair, st).as_deref() {
                                    dict.set(key, value.clone());
                                }
                            }
                        }
                        _ if first
                            .kind()
                            .is_some_and(|kind| kind.starts_with("flask.request.")) =>
                        {
                            return Some(first);
                        }
                        _ => self.merge_into(&mut dict, &first, place, st),
                    }
                }
                for (name, value) in &args.named {
                    dict.set(&Value::text(&**name), value.clone());
                }
                self.alloc(st, Obj::Dict(dict))
            }
            "range" => self.range(args, st),
            "enumerate" => {
                let first = first.unwrap_or(Value::None);
                match self.known_items(&first, st) {
                    Some(items) => {
                        let pairs = (0..)
                            .zip(items)
                            .map(|(index, item)| Value::Tuple([Value::Int(index), item].into()));
                        let pairs = pairs.collect();
                        self.list(st, pairs)
                    }
                    None => {
                        let item = self.any_item(&first, place, st);
                        let index = Value::object("number", place.key(), Vec::new());
                        self.list_of(st, Value::Tuple([index, item].into()))
                    }
                }
            }
            "zip" => self.zip(args, st),
            "map" => {
                let function = first.unwrap_or(Value::None);
                let items = args.get(1, "").cloned().unwrap_or(Value::None);
                match self
                    .known_items(&items, st)
                    .filter(|items| items.len() <= 8)
                {
                    Some(items) => {
                        let mut mapped = Vec::new();
                        for item in items {
                            mapped.push(self.apply(&function, Args::of(place, vec![item]), st, fr));
                        }
                        self.list(st, mapped)
                    }
                    None => {
                        let item = self.any_item(&items, place, st);
                        let item = self.apply(&function, Args::of(place, vec![item]), st, fr);
                        self.list_of(st, item)
                    }
                }
            }
            "filter" => {
                let function = first.unwrap_or(Value::None);
                let items = args.get(1, "").cloned().unwrap_or(Value::None);
                let item = self.any_item(&items, place, st);
                let mut inside = st.clone();
                let test = self.apply(
                    &function,
                    Args::of(place, vec![item.clone()]),
                    &mut inside,
                    fr,
                );
                let (then, _) = self.split(&test, inside);
                let item = then.pin(&item);
                self.list_of(st, item)
            }
            "next" => {
                let first = first.unwrap_or(Value::None);
                let item = self.any_item(&first, place, st);
                union([item].into_iter().chain(args.get(1, "").cloned()))
            }
            "min" | "max" => match args.pos.len() {
                0 => return None,
                1 => self.any_item(&first.unwrap_or(Value::None), place, st),
                _ => union(args.pos.iter().cloned()),
            },
            "getattr" => {
                let object = first?;
                let Some(name) = args.get(1, "").and_then(Value::constant_str) else {
                    return Some(self.unknown_call(Some(&object), "getattr", args, st));
                };
                let value = self.attribute(&object, &name, place, st, fr);
                match args.get(2, "") {
                    Some(default) if default.is_tainted() => union([value, default.clone()]),
                    _ => value,
                }
            }
            "setattr" => {
                let name = args.get(1, "").and_then(Value::constant_str)?;
                let value = args.get(2, "").cloned()?;
                self.set_attribute(&first?, &name, value, st);
                Value::None
            }
            "print" | "input" | "delattr" | "exec" => Value::None,
            "type" | "object" => Value::unknown(mix(place.key(), hash(name))),
            "vars" | "locals" | "globals" => return None,
            "ValueError" | "KeyError" | "Exception" | "TypeError" | "RuntimeError" => {
                return Some(self.unknown_call(None, name, args, st));
            }
            _ => return None,
        })
    }

    fn length(&mut self, value: &Value<'a>, st: &State<'a>) -> Option<i64> {
        let length = match value {
            Value::Str(text) => text.constant()?.chars().count(),
            value => self.known_items(value, st)?.len(),
        };
        i64::try_from(length).ok()
    }

    fn sequence(
        &mut self,
        name: &str,
        first: Option<Value<'a>>,
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let Some(first) = first else {
            return self.list(st, Vec::new());
        };
        if let Some(mut items) = self.known_items(&first, st) {
            if name == "reversed" {
                items.reverse();
            }
            if name == "sorted" && items.len() > 1 {
                let any = union(items);
                return self.list_of(st, any);
            }
            return match name {
                "tuple" => Value::Tuple(items.into()),
                _ => self.list(st, items),
            };
        }
        let item = self.any_item(&first, place, st);
        self.list_of(st, item)
    }

    fn range(&mut self, args: &Args<'a>, st: &mut State<'a>) -> Value<'a> {
        let int = |index: usize| match args.get(index, "") {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        };
        let bounds = match args.pos.len() {
            1 => int(0).map(|end| (0, end)),
            2 => int(0).zip(int(1)),
            _ => None,
        };
        match bounds {
            Some((from, to)) if to.saturating_sub(from) <= LONGEST_RANGE => {
                let items = (from..to).map(Value::Int).collect();
                self.list(st, items)
            }
            _ => {
                let number =
                    Value::object("number", mix(args.place.key(), hash("range")), Vec::new());
                self.list_of(st, number)
            }
        }
    }

    fn zip(&mut self, args: &Args<'a>, st: &mut State<'a>) -> Value<'a> {
        let known: Option<Vec<Vec<Value<'a>>>> = args
            .pos
            .iter()
            .map(|value| self.known_items(value, st))
            .collect();
        if let Some(lists) = known
            && !lists.is_empty()
        {
            let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
            let rows = (0..shortest)
                .map(|row| Value::Tuple(lists.iter().map(|list| list[row].clone()).collect()));
            let rows = rows.collect();
            return self.list(st, rows);
        }
        let mut row = Vec::new();
        for value in &args.pos {
            row.push(self.any_item(value, args.place, st));
        }
        self.list_of(st, Value::Tuple(row.into()))
    }
}

/// Whether a value is of one of Python's own types, where both are known.
fn is_instance(value: &Value<'_>, class: &Value<'_>, st: &State<'_>) -> Option<bool> {
    if let Value::Tuple(classes) = class {
        let mut decided = Some(false);
        for class in classes.iter() {
            match is_instance(value, class, st) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => decided = None,
            }
        }
        return decided;
    }
    let Value::Ext(class) = class else {
        return None;
    };
    let class = class.strip_prefix("builtins.")?;
    if !matches!(
        class,
        "str" | "bytes" | "int" | "float" | "bool" | "list" | "tuple" | "dict" | "set"
    ) {
        return None;
    }
    let own = match value {
        Value::Tuple(_) => "tuple",
        Value::None => "None",
        Value::Bool(_) => return Some(matches!(class, "bool" | "int")),
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(text) => match text.kind {
            StrKind::Text | StrKind::Markup => "str",
            StrKind::Bytes => "bytes",
            StrKind::Path => "Path",
        },
        Value::Ref(id) => match &*st.get(*id)? {
            Obj::Dict(_) => "dict",
            // Sets and iterators look the same.
            Obj::List(_) if matches!(class, "list" | "tuple" | "set") => return None,
            Obj::List(_) => "list",
            _ => return None,
        },
        _ => return None,
    };
    Some(own == class)
}

fn is_number_class(value: &Value<'_>) -> bool {
    match value {
        Value::Tuple(items) => items.iter().all(is_number_class),
        Value::Ext(name) => matches!(
            &**name,
            "builtins.int"
                | "builtins.float"
                | "builtins.bool"
                | "decimal.Decimal"
                | "uuid.UUID"
                | "datetime.datetime"
                | "datetime.date"
        ),
        _ => false,
    }
}
