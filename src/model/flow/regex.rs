//! What `re` does: matches that check, groups, substitutions.

use std::rc::Rc;

use super::call::Args;
use super::facts::Facts;
use super::guard::Test;
use super::heap::{Instance, Obj, State};
use super::interp::Interp;
use super::pattern;
use super::value::{Value, hash, mix};

impl<'a> Interp<'a> {
    /// `re.fullmatch`, `re.sub`, `re.compile`, …
    pub(super) fn regular_expression(
        &mut self,
        method: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        let pattern = args.get(0, "pattern").cloned().unwrap_or(Value::None);
        let text = pattern.constant_str().unwrap_or_default();
        let flags = args
            .keyword("flags")
            .or_else(|| args.get(2, "").filter(|_| method != "sub"));
        let is_multiline = flags.is_some_and(|flags| match flags {
            Value::Ext(name) => name.ends_with(".M") || name.ends_with(".MULTILINE"),
            _ => true,
        });
        let is_multiline = is_multiline
            && !matches!(flags, Some(Value::Ext(name)) if name.ends_with("IGNORECASE") || name.ends_with(".I") || name.ends_with("ASCII"));
        match method {
            "compile" => {
                let mut fields = vec![("pattern", pattern)];
                if let Some(flags) = args.get(1, "flags") {
                    fields.push(("flags", flags.clone()));
                }
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| (name.into(), value))
                    .collect();
                let instance = Instance {
                    class: Value::ext("re.Pattern"),
                    fields,
                };
                Some(self.alloc(st, Obj::Instance(instance)))
            }
            "match" | "fullmatch" | "search" => {
                let subject = args.get(1, "string").cloned().unwrap_or(Value::None);
                let facts = pattern::facts_of_match(&text, method, is_multiline);
                let inside = pattern::facts_of_match(&text, "fullmatch", is_multiline);
                let key = mix(mix(place.key(), subject.key()), hash(&text));
                let then = self.says(&subject, facts);
                let otherwise = match method {
                    "search" => self.says(&subject, pattern::facts_of_absence(&text)),
                    _ => Vec::new(),
                };
                self.tests.insert(key, Test::Truth { then, otherwise });
                if !pattern.is_tainted() && text.contains('(') {
                    self.patterns.insert(key, text.as_str().into());
                }
                let pieces = st.pin(&subject).pieces();
                let pieces = pieces.iter().map(|piece| {
                    let mut piece = piece.derive(hash("match"), super::text::SURVIVES_CUTTING);
                    piece.facts |= inside;
                    Rc::new(piece)
                });
                Some(Value::object("match", key, pieces.collect()))
            }
            "sub" | "subn" => {
                let replacement = args.get(1, "repl").cloned().unwrap_or(Value::None);
                let subject = args.get(2, "string").cloned().unwrap_or(Value::None);
                let known = replacement.constant_str();
                let facts = match &known {
                    Some(replacement) => pattern::facts_of_removal(&text, replacement),
                    None => Facts::NONE,
                };
                let keep = match known.as_deref() {
                    Some("" | "_" | "-" | " ") => {
                        super::text::SURVIVES_CASE.without(Facts::NO_DOTDOT)
                    }
                    // Markup that the server puts in is its own; an entity undone is the client's.
                    Some(_) if !text.contains('&') => Facts::NUMERIC.with(Facts::ESCAPED),
                    _ => Facts::NUMERIC,
                };
                let changed = self.each_piece(&st.pin(&subject), "re.sub", args, keep, facts);
                if !replacement.is_tainted() {
                    return Some(changed);
                }
                let mut pieces = changed.pieces();
                let put_in = super::expr::inserted(&replacement, args.place_of(1, "repl"));
                put_in
                    .pieces()
                    .iter()
                    .for_each(|piece| super::value::add_piece(&mut pieces, piece));
                Some(Value::tainted(mix(changed.key(), place.key()), pieces))
            }
            "findall" | "split" | "finditer" => {
                let subject = args.get(1, "string").cloned().unwrap_or(Value::None);
                let facts = match method {
                    "findall" => pattern::facts_of_match(&text, "fullmatch", is_multiline),
                    "split" => pattern::facts_of_removal(&text, ""),
                    _ => Facts::NONE,
                };
                let item = self.each_piece(
                    &st.pin(&subject),
                    method,
                    args,
                    super::text::SURVIVES_CUTTING,
                    facts,
                );
                let item = Value::tainted(item.key(), item.pieces());
                Some(self.list_of(st, item))
            }
            "escape" => Some(args.get(0, "pattern").cloned().unwrap_or(Value::None)),
            _ => None,
        }
    }

    /// One group of a match, by its name or number: what its own pattern lets through.
    pub(super) fn group_of_match(
        &self,
        found: &Value<'a>,
        wanted: &Value<'a>,
    ) -> Option<Value<'a>> {
        let Value::Any(any) = found else { return None };
        let pattern = self.patterns.get(&any.key)?;
        let groups = pattern::groups(pattern);
        let index = match wanted {
            Value::Int(number) => usize::try_from(number.checked_sub(1)?).ok()?,
            name => {
                let name = name.constant_str()?;
                groups
                    .iter()
                    .position(|(known, _)| *known == Some(&*name))?
            }
        };
        let (_, inside) = groups.get(index)?;
        let facts = pattern::facts_of_match(inside, "fullmatch", false);
        let item = Value::tainted(mix(any.key, index as u64 + 1), any.pieces.clone());
        Some(item.map_pieces(&mut |piece| {
            let mut piece = piece.derive(index as u64 + 1, piece.facts);
            piece.facts |= facts;
            piece
        }))
    }

    pub(super) fn groups_of_match(&self, found: &Value<'a>) -> Option<Vec<Value<'a>>> {
        let Value::Any(any) = found else { return None };
        let count = pattern::groups(self.patterns.get(&any.key)?).len();
        let numbers = (1..).take(count).map(Value::Int);
        numbers
            .map(|number| self.group_of_match(found, &number))
            .collect()
    }
}
