//! Text: concatenation, formatting, the methods of `str`.

mod parts;

use std::rc::Rc;

use super::call::Args;
use super::expr::as_parts;
use super::facts::Facts;
use super::heap::{Dict, Obj, State};
use super::interp::{Frame, Interp};
use super::value::{Key, Note, Part, Place, Str, StrKind, Value, hash, mix, union};

/// The facts that survive cutting pieces off either end.
pub(super) const SURVIVES_CUTTING: Facts = Facts::HARMLESS
    .without(Facts::BEGINNING)
    .with(Facts::NUMERIC)
    .with(Facts::CONSTANT)
    .with(Facts::SECURE_FILENAME)
    .with(Facts::URL_SEGMENT)
    .with(Facts::URL_PATH)
    .with(Facts::OF_OBJECT)
    .with(Facts::ASSERTED);
/// The facts that survive changes of case and the like.
pub(super) const SURVIVES_CASE: Facts = SURVIVES_CUTTING.with(Facts::BEGINNING);

impl<'a> Interp<'a> {
    /// The parts of both, one behind the other.
    pub fn concat(&self, a: &Value<'a>, b: &Value<'a>, kind: StrKind) -> Value<'a> {
        if a.alternatives().len() * b.alternatives().len() > 1 {
            let pairs = a
                .alternatives()
                .iter()
                .flat_map(|a| b.alternatives().iter().map(move |b| (a, b)));
            return union(pairs.map(|(a, b)| self.concat(a, b, kind)));
        }
        if let (Value::Str(x), Value::Str(y)) = (a, b)
            && x.parts.is_empty()
            && x.kind == StrKind::Text
            && y.kind == StrKind::Markup
        {
            // `"" + Markup("…")`: Markup takes the addition over.
            return b.clone();
        }
        if let (Value::Str(x), Value::Str(y)) = (a, b)
            && kind != StrKind::Markup
            && (x.kind == StrKind::Markup || y.kind == StrKind::Markup)
            && x.kind != y.kind
            && !(x.parts.is_empty() || y.parts.is_empty())
        {
            // Inside an f-string the caller has turned Markup into text; here one side is not.
            let (a, b) = (self.escaped_unless_markup(a), self.escaped_unless_markup(b));
            return self.concat(&a, &b, StrKind::Markup);
        }
        if let (Value::Str(x), Value::Any(_)) = (a, b)
            && x.kind == StrKind::Markup
            && kind != StrKind::Markup
        {
            let b = self.escaped_unless_markup(b);
            return self.concat(a, &b, StrKind::Markup);
        }
        let mut text = Str::new(match (a, b) {
            (Value::Str(x), Value::Str(y)) if x.kind == y.kind => x.kind,
            (Value::Str(x), _) if x.kind == StrKind::Bytes => x.kind,
            _ => kind,
        });
        for part in as_parts(a).into_iter().chain(as_parts(b)) {
            text.push(part);
        }
        Value::str(text)
    }

    fn escaped_unless_markup(&self, value: &Value<'a>) -> Value<'a> {
        match value {
            Value::Str(text) if text.kind == StrKind::Markup => value.clone(),
            value => self.escaped(value, None),
        }
    }

    /// What `markupsafe.escape` makes of it.
    pub fn escaped(&self, value: &Value<'a>, place: Option<Place>) -> Value<'a> {
        self.with_facts(value, Facts::ESCAPED, place, "escaped for HTML")
    }

    pub fn with_facts(
        &self,
        value: &Value<'a>,
        facts: Facts,
        place: Option<Place>,
        how: &str,
    ) -> Value<'a> {
        value.map_pieces(&mut |piece| {
            let mut piece = piece.clone();
            piece.facts |= facts;
            piece.by = Some((place.unwrap_or(piece.step.place), how.into()));
            piece
        })
    }

    /// `str(value)`.
    pub fn stringify(
        &mut self,
        value: &Value<'a>,
        place: Place,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        match value {
            Value::Str(text) if text.kind == StrKind::Text => value.clone(),
            Value::Str(text) => Value::str(Str::of(StrKind::Text, text.parts.clone())),
            Value::Union(values) => {
                let all: Vec<_> = values
                    .iter()
                    .map(|value| self.stringify(value, place, st, fr))
                    .collect();
                union(all)
            }
            Value::Ref(id) => {
                if let Some(method) = self.method_of(value, "__str__", st) {
                    return self.apply(&method, Args::none(place), st, fr);
                }
                let pieces = self.deep_pieces(value, st);
                Value::tainted(mix(hash("str"), Key::from(*id)), pieces)
            }
            Value::Tuple(_) => Value::tainted(mix(hash("str"), value.key()), value.pieces()),
            Value::Int(_) | Value::None | Value::Bool(_) => {
                let mut text = Str::new(StrKind::Text);
                as_parts(value).into_iter().for_each(|part| text.push(part));
                Value::str(text)
            }
            other => other.clone(),
        }
    }

    pub fn repeat(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        whole: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let (text, count) = match (left, right) {
            (Value::Int(_), text) => (text, left),
            (text, count) => (text, count),
        };
        match (text, count) {
            (Value::Str(_), Value::Int(0)) => Value::text(""),
            (Value::Str(text), Value::Int(count)) => {
                let mut out = Str::new(text.kind);
                for _ in 0..(*count).clamp(0, 16) {
                    text.parts.iter().for_each(|part| out.push(part.clone()));
                }
                Value::str(out)
            }
            (Value::Ref(_), _) => {
                let item = self.any_item(text, whole, st);
                self.list_of(st, item)
            }
            (Value::Str(_) | Value::Tuple(_), _) => text.clone(),
            _ => self.numeric(&[left.clone(), right.clone()], whole),
        }
    }

    /// A method of `str` or `bytes`, or of something that may well be one.
    pub fn text_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let receiver = &st.pin(receiver);
        if let Some(folded) = self.fold(receiver, name, args, st) {
            return Some(folded);
        }
        if let Some(test) = self.text_test(receiver, name, args, st) {
            return Some(test);
        }
        Some(match name {
            "encode" | "decode" => match receiver {
                Value::Str(text) => Value::str(Str::of(
                    if name == "encode" {
                        StrKind::Bytes
                    } else {
                        StrKind::Text
                    },
                    text.parts.clone(),
                )),
                other => other.clone(),
            },
            "lower" | "upper" | "title" | "capitalize" | "casefold" | "swapcase" | "expandtabs"
            | "ljust" | "rjust" | "center" | "zfill" | "strip" | "rstrip" => {
                let keep = if name == "strip" && args.get(0, "").is_some() {
                    SURVIVES_CUTTING
                } else {
                    SURVIVES_CASE
                };
                let mut changed = self.each_piece(receiver, name, args, keep, Facts::NONE);
                if name == "strip" && strips(args, '/') {
                    changed = self.first_piece(&changed, Facts::NOT_ABSOLUTE);
                }
                match args.get(0, "").and_then(Value::constant_str) {
                    Some(chars) if name.ends_with("strip") => {
                        self.left_of(changed, receiver, &chars)
                    }
                    _ => changed,
                }
            }
            "lstrip" | "removeprefix" | "removesuffix" => {
                let keep = if name == "removesuffix" {
                    SURVIVES_CASE
                } else {
                    SURVIVES_CUTTING
                };
                let changed = self.each_piece(receiver, name, args, keep, Facts::NONE);
                match name == "lstrip" && strips(args, '/') {
                    true => self.first_piece(&changed, Facts::NOT_ABSOLUTE),
                    false => changed,
                }
            }
            "replace" => self.replace(receiver, args, st),
            "split" | "rsplit" => self.split_text(receiver, name, args, st),
            "partition" | "rpartition" => {
                let separator = args.get(0, "sep").cloned().unwrap_or(Value::None);
                let item = self.each_piece(receiver, name, args, SURVIVES_CUTTING, Facts::NONE);
                let tail = self.tail_facts(&item, &separator, name == "rpartition");
                Value::Tuple([item, separator, tail].into())
            }
            "splitlines" => {
                let item = self.each_piece(receiver, name, args, SURVIVES_CUTTING, Facts::NONE);
                self.list_of(st, item)
            }
            "join" => self.join_text(receiver, args, st, fr),
            "format" => match receiver {
                Value::Str(text) => self.format(&Rc::clone(text), args, st, fr),
                _ => return None,
            },
            "format_map" => match (receiver, args.get(0, "")) {
                (Value::Str(text), Some(mapping)) => {
                    let mut named = Args::none(place);
                    named.keyword_rest = Some(mapping.clone());
                    self.format(&Rc::clone(text), &named, st, fr)
                }
                _ => return None,
            },
            "translate" => {
                let replaced = match args.get(0, "table") {
                    Some(Value::Ref(id)) => match st.get(*id).as_deref() {
                        Some(Obj::Dict(table)) => facts_of_table(table),
                        _ => Facts::NONE,
                    },
                    _ => Facts::NONE,
                };
                let changed = self.each_piece(receiver, name, args, Facts::NUMERIC, replaced);
                match args.get(0, "table").and_then(|table| deleted_by(table, st)) {
                    Some(chars) => self.left_of(changed, receiver, &chars),
                    None => changed,
                }
            }
            "hex" => self.with_facts(receiver, Facts::HARMLESS, Some(place), "turned into hex"),
            "unescape" => self.each_piece(receiver, name, args, Facts::NONE, Facts::NONE),
            "striptags" => self.each_piece(receiver, name, args, Facts::NONE, Facts::NONE),
            _ => return None,
        })
    }

    /// Applies a change to every piece; literal parts stay as they are.
    pub fn each_piece(
        &self,
        value: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        keep: Facts,
        add: Facts,
    ) -> Value<'a> {
        let operation = args
            .pos
            .iter()
            .fold(hash(name), |key, arg| mix(key, arg.key()));
        let place = args.place;
        let note: Rc<str> = format!("goes through {name}()").into();
        let changed = value.map_pieces(&mut |piece| {
            let mut piece = piece
                .derive(operation, keep)
                .step(place, Note::Through(Rc::clone(&note)));
            piece.facts |= add;
            if !add.is_empty() {
                piece.by = Some((place, format!("made harmless by {name}()").into()));
            }
            piece
        });
        match changed {
            Value::Any(any) if any.pieces.is_empty() => Value::unknown(mix(any.key, operation)),
            other => other,
        }
    }

    /// Adds facts to the piece that starts the text.
    fn first_piece(&self, value: &Value<'a>, facts: Facts) -> Value<'a> {
        match value {
            Value::Str(text) if matches!(text.parts.first(), Some(Part::Taint(_))) => {
                let mut text = Str::clone(text);
                if let Some(Part::Taint(piece)) = text.parts.first_mut() {
                    Rc::make_mut(piece).facts |= facts;
                }
                Value::str(text)
            }
            Value::Any(_) => self.with_facts(value, facts, None, "made relative"),
            Value::Union(values) => union(values.iter().map(|one| self.first_piece(one, facts))),
            other => other.clone(),
        }
    }

    fn fold(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let text = receiver.constant_str()?;
        let Value::Str(original) = receiver else {
            return None;
        };
        if original.kind == StrKind::Path {
            return None;
        }
        let constants: Option<Vec<String>> = args.pos.iter().map(Value::constant_str).collect();
        let arg = |index: usize| constants.as_ref().and_then(|all| all.get(index).cloned());
        let chars = |text: &str| -> Vec<char> { text.chars().collect() };
        let folded = match (name, args.pos.len()) {
            ("lower" | "casefold", 0) => text.to_lowercase(),
            ("upper", 0) => text.to_uppercase(),
            ("strip", 0) => text.trim().to_owned(),
            ("lstrip", 0) => text.trim_start().to_owned(),
            ("rstrip", 0) => text.trim_end().to_owned(),
            ("strip", 1) => text.trim_matches(chars(&arg(0)?).as_slice()).to_owned(),
            ("lstrip", 1) => text
                .trim_start_matches(chars(&arg(0)?).as_slice())
                .to_owned(),
            ("rstrip", 1) => text.trim_end_matches(chars(&arg(0)?).as_slice()).to_owned(),
            ("replace", 2) => text.replace(&arg(0)?, &arg(1)?),
            ("startswith", 1) => return Some(Value::Bool(text.starts_with(&arg(0)?))),
            ("endswith", 1) => return Some(Value::Bool(text.ends_with(&arg(0)?))),
            ("find" | "index", 1) => {
                let at = text.find(&arg(0)?).map(|at| text[..at].chars().count());
                let at = at.and_then(|at| i64::try_from(at).ok());
                return Some(Value::Int(at.unwrap_or(-1)));
            }
            ("isdigit" | "isnumeric" | "isdecimal", 0) => {
                let all = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
                return Some(Value::Bool(all));
            }
            ("isalnum", 0) => {
                let all = !text.is_empty() && text.chars().all(char::is_alphanumeric);
                return Some(Value::Bool(all));
            }
            ("split", 0) => {
                let items = text.split_whitespace().map(Value::text).collect();
                return Some(self.list(st, items));
            }
            ("split", 1) => {
                let separator = arg(0).filter(|separator| !separator.is_empty())?;
                let items = text.split(separator.as_str()).map(Value::text).collect();
                return Some(self.list(st, items));
            }
            _ => return None,
        };
        let mut folded = Str::literal(folded);
        folded.kind = original.kind;
        Some(Value::str(folded))
    }
}

/// What a single character needs for runs of it to hold no "..".
const DOTLESS: Facts = Facts::NO_DOTDOT
    .with(Facts::NO_SEPARATOR)
    .with(Facts::NO_MARKUP)
    .with(Facts::NO_BRACE)
    .with(Facts::ONE_WORD);

fn strips(args: &Args<'_>, wanted: char) -> bool {
    let chars = args.get(0, "").and_then(Value::constant_str);
    chars.is_some_and(|chars| chars.contains(wanted))
}

/// All pieces as one unknown text.
fn flattened<'a>(value: &Value<'a>) -> Value<'a> {
    match value {
        Value::Str(text) if text.parts.len() > 1 => Value::tainted(value.key(), value.pieces()),
        other => other.clone(),
    }
}

/// What `str.translate` leaves out of a text, by its table: keys are characters or their codes.
/// The characters that a table of `str.translate` deletes, if it does nothing else.
fn deleted_by(table: &Value<'_>, st: &State<'_>) -> Option<String> {
    let Value::Ref(id) = table else { return None };
    let held = st.get(*id);
    let Some(Obj::Dict(table)) = held.as_deref() else {
        return None;
    };
    let deleted = table.entries.iter().map(|(key, value)| match value {
        Value::None => key.constant_str(),
        _ => None,
    });
    deleted.collect()
}

fn facts_of_table(table: &Dict<'_>) -> Facts {
    let replaces = |wanted: char| {
        table.entries.iter().any(|(key, value)| {
            let is_it = match key {
                Value::Int(code) => *code == i64::from(u32::from(wanted)),
                key => key
                    .constant_str()
                    .is_some_and(|key| key.chars().eq([wanted])),
            };
            let kept = value
                .constant_str()
                .is_some_and(|value| value.contains(wanted));
            is_it && !kept && !value.is_tainted()
        })
    };
    let mut facts = Facts::NONE;
    if replaces('<') {
        facts |= Facts::NO_MARKUP;
    }
    if replaces('"') && replaces('\'') {
        facts |= Facts::NO_QUOTE;
    }
    if replaces('{') {
        facts |= Facts::NO_BRACE;
    }
    if replaces('/') {
        facts |= Facts::NO_SEPARATOR | Facts::NOT_ABSOLUTE;
    }
    facts
}
