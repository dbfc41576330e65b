//! Replacing in text, taking it apart and putting it together.

use std::rc::Rc;

use super::super::call::Args;
use super::super::expr::as_parts;
use super::super::facts::Facts;
use super::super::guard::Test;
use super::super::heap::State;
use super::super::interp::{Frame, Interp};
use super::super::value::{Key, Part, Piece, Str, StrKind, Value, add_piece, hash, mix};
use super::{DOTLESS, SURVIVES_CASE, SURVIVES_CUTTING, flattened};

impl<'a> Interp<'a> {
    /// What is left of `whole` without these characters: where nothing is, it holds no others.
    pub(super) fn left_of(
        &mut self,
        rest: Value<'a>,
        whole: &Value<'a>,
        characters: &str,
    ) -> Value<'a> {
        if !matches!(rest, Value::Any(_)) || !rest.is_tainted() {
            return rest;
        }
        let key = mix(rest.key(), hash(characters));
        let test = Test::Truth {
            then: Vec::new(),
            otherwise: self.says(whole, super::super::pattern::facts_of_text(characters)),
        };
        self.tests.insert(key, test);
        Value::tainted(key, rest.pieces())
    }

    pub(super) fn replace(
        &mut self,
        receiver: &Value<'a>,
        args: &Args<'a>,
        _st: &State<'a>,
    ) -> Value<'a> {
        let place = args.place;
        let old = args.get(0, "old").and_then(Value::constant_str);
        let new = args.get(1, "new");
        let new_text = new.and_then(Value::constant_str);
        let mut add = Facts::NONE;
        let mut keep = SURVIVES_CASE;
        match (old.as_deref(), new_text.as_deref()) {
            (Some(old), Some(new)) if !new.contains(old) => {
                if old == "/" {
                    add |= Facts::NO_SEPARATOR;
                }
                if old == ".." || old == "." {
                    add |= Facts::NO_DOTDOT;
                }
                if old == "<" {
                    add |= Facts::NO_MARKUP;
                }
                if old == "{" {
                    add |= Facts::NO_BRACE;
                }
            }
            _ => {}
        }
        match new_text.as_deref() {
            Some(new) => {
                if new.contains('/') {
                    keep = keep
                        .without(Facts::NO_SEPARATOR)
                        .without(Facts::NOT_ABSOLUTE);
                }
                if new.contains('.') || new.is_empty() && add.is_empty() {
                    // Taking something out can bring two dots together.
                    keep = keep.without(Facts::NO_DOTDOT);
                }
                // Markup that the server puts in is its own; an entity undone is the client's.
                let is_tag = new.starts_with('<')
                    && new.ends_with('>')
                    && new.matches('<').count() == new.matches('>').count();
                if !is_tag && old.as_deref().is_none_or(|old| old.contains('&')) {
                    keep = keep.without(Facts::ESCAPED);
                }
                if new.contains('{') {
                    keep = keep.without(Facts::NO_BRACE);
                }
            }
            None => keep = Facts::NUMERIC,
        }
        let both_quotes = hash("both quotes");
        let quote = match old.as_deref() {
            Some("\"") => Some('"'),
            Some("'") => Some('\''),
            _ => None,
        };
        let is_quote_gone = new_text
            .as_deref()
            .is_some_and(|new| !new.contains(['"', '\'']));
        let changed = self.each_piece(receiver, "replace", args, keep, add);
        if let (Some(old), Some("")) = (old.as_deref(), new_text.as_deref())
            && old
                .chars()
                .all(|c| matches!(c, '-' | '_' | ',' | '+' | ':'))
        {
            // What is said of the rest holds for the whole: nothing bad was taken out.
            let (whole, rest) = (receiver.pieces(), changed.pieces());
            let pairs = whole
                .iter()
                .zip(&rest)
                .filter(|_| whole.len() == rest.len());
            for (whole, rest) in pairs {
                self.cut_from.insert(rest.id, whole.id);
            }
        }
        let mut changed = changed.map_pieces(&mut |piece| {
            let mut piece = piece.clone();
            if quote.is_some() && is_quote_gone {
                // Both kinds must go; the first one that goes is remembered under the piece.
                match &piece.by {
                    Some((_, how)) if **how == *"one quote replaced" => {
                        piece.facts |= Facts::NO_QUOTE;
                        piece.by = Some((place, "its quotes replaced".into()));
                    }
                    _ if piece.facts.contains(Facts::NO_QUOTE) => {}
                    _ => {
                        piece.by = Some((place, "one quote replaced".into()));
                        piece.id = mix(piece.id, both_quotes);
                    }
                }
            }
            piece
        });
        if let (Value::Str(text), Some(old), Some(new)) = (&changed, &old, &new_text) {
            let parts = text.parts.iter().map(|part| match part {
                Part::Lit(literal) => Part::Lit(literal.replace(old.as_str(), new).into()),
                other => other.clone(),
            });
            let parts = parts.collect();
            changed = Value::str(Str::of(text.kind, parts));
        }
        let Some(new) = new.filter(|new| new.is_tainted()) else {
            return changed;
        };
        // "…{{ x }}…".replace("{{ x }}", value): the value lands where the mark stood.
        let (Value::Str(text), Some(old)) = (&changed, &old) else {
            let mut pieces = changed.pieces();
            new.pieces()
                .iter()
                .for_each(|piece| add_piece(&mut pieces, piece));
            return Value::tainted(mix(changed.key(), new.key()), pieces);
        };
        let mut out = Str::new(text.kind);
        let new = super::super::expr::inserted(new, args.place_of(1, "new"));
        for part in &text.parts {
            let Part::Lit(literal) = part else {
                out.push(part.clone());
                continue;
            };
            for (index, between) in literal.split(old.as_str()).enumerate() {
                if index > 0 {
                    as_parts(&new).into_iter().for_each(|part| out.push(part));
                }
                out.push(Part::Lit(between.into()));
            }
        }
        if !out
            .pieces()
            .any(|piece| new.pieces().iter().any(|known| known.id == piece.id))
            && text.constant().is_none()
        {
            as_parts(&new).into_iter().for_each(|part| out.push(part));
        }
        Value::str(out)
    }

    pub(super) fn split_text(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let separator = args.get(0, "sep").cloned().unwrap_or(Value::None);
        let once = matches!(args.get(1, "maxsplit"), Some(Value::Int(1)));
        let item = self.each_piece(receiver, "split", args, SURVIVES_CUTTING, Facts::NONE);
        let item = flattened(&item);
        if once {
            let tail = self.tail_facts(&item, &separator, name == "rsplit");
            return self.list(st, vec![item, tail]);
        }
        let item = match args.get(1, "maxsplit") {
            None => {
                let part = self.tail_facts(&item, &separator, true);
                if let Some(separator) = separator.constant_str() {
                    let of_separator = super::super::pattern::facts_of_text(&separator);
                    for (part, whole) in part.pieces().iter().zip(receiver.pieces()) {
                        self.parts_of.insert(part.id, (whole.id, of_separator));
                    }
                }
                if separator.constant_str().as_deref() == Some("/") {
                    let wholes: Vec<Key> = receiver.pieces().iter().map(|piece| piece.id).collect();
                    for piece in part.pieces() {
                        self.components_of.insert(piece.id, wholes.clone());
                    }
                }
                part
            }
            Some(_) => item,
        };
        if let Some(relative @ Test::Relative(_)) = self.tests.get(&receiver.key()).cloned() {
            // Whether a path relative to its base climbs, its first component tells.
            self.tests.insert(item.key(), relative);
        }
        self.list_of(st, item)
    }

    /// What holds of text that has no separator in it any more.
    pub(super) fn tail_facts(
        &self,
        item: &Value<'a>,
        separator: &Value<'a>,
        is_free: bool,
    ) -> Value<'a> {
        if !is_free {
            return item.clone();
        }
        let facts = match separator.constant_str().as_deref() {
            Some("/") => Facts::NO_SEPARATOR | Facts::NOT_ABSOLUTE,
            Some(".") => Facts::NO_DOTDOT,
            _ => return item.clone(),
        };
        let tagged = hash("tail");
        item.map_pieces(&mut |piece| {
            let mut piece = piece.clone();
            piece.id = mix(piece.id, tagged);
            if piece.facts.contains(Facts::URL_PATH) && facts.contains(Facts::NO_SEPARATOR) {
                // Like a URL parameter: one segment is what routing gives anyway.
                piece.facts |= Facts::URL_SEGMENT;
                return piece;
            }
            piece.facts |= facts;
            piece.by = Some((piece.step.place, "cut off at a separator".into()));
            piece
        })
    }

    pub(super) fn join_text(
        &mut self,
        separator: &Value<'a>,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let place = args.place_of(0, "iterable");
        let Some(joined) = args.get(0, "iterable").cloned() else {
            return Value::unknown(place.key());
        };
        let is_markup = matches!(separator, Value::Str(text) if text.kind == StrKind::Markup);
        if let Some(items) = self.known_items(&joined, st) {
            let mut out = match separator {
                Value::Str(text) => Str::new(text.kind),
                _ => Str::new(StrKind::Text),
            };
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    as_parts(separator)
                        .into_iter()
                        .for_each(|part| out.push(part));
                }
                self.put_in(&mut out, item, None, place, st, fr);
            }
            return Value::str(out);
        }
        // Any number of items: one of each stands for all, with unknown text around.
        let item = self.any_item(&joined, place, st);
        let mut out = Str::new(if is_markup {
            StrKind::Markup
        } else {
            StrKind::Text
        });
        let no_dots = separator
            .constant_str()
            .is_some_and(|text| !text.contains('.') && !text.is_empty());
        for one in item.alternatives() {
            let mut text = Str::new(out.kind);
            self.put_in(&mut text, one, None, place, st, fr);
            for part in text.parts {
                match part {
                    Part::Taint(piece) => {
                        let mut piece = Piece::clone(&piece);
                        // Dots of neighbours may come together.
                        if !no_dots && !piece.facts.contains(Facts::NUMERIC | Facts::CONSTANT) {
                            let dotless = piece.facts.contains(DOTLESS);
                            if !dotless {
                                piece.facts = piece.facts.without(Facts::NO_DOTDOT);
                            }
                        }
                        out.push(Part::Taint(Rc::new(piece)));
                    }
                    other => out.push(other),
                }
            }
            out.push(Part::Hole(mix(place.key(), 0x101)));
        }
        if out.pieces().count() == 1 && item.alternatives().len() == 1 {
            out.parts.retain(|part| matches!(part, Part::Taint(_)));
        }
        Value::str(out)
    }
}
