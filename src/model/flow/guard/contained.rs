//! Whether a check holds a path inside of a folder, and what it lacks where it does not.

use super::super::call::Args;
use super::super::expr::predicate;
use super::super::facts::Facts;
use super::super::heap::State;
use super::super::interp::Interp;
use super::super::value::{Key, Place, Value, hash, mix};
use super::{
    CHARACTERS, NO_SEPARATOR, NOT_NORMALISED, Test, begins_link, ends_with_separator, is_folder,
};

impl<'a> Interp<'a> {
    /// That `path` lies inside a base, if it was resolved; else that the check is weak.
    pub fn contained(
        &mut self,
        path: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Vec<(Key, Facts)> {
        let mut learned = Vec::new();
        for one in path.alternatives() {
            if !one.is_tainted() {
                continue;
            }
            if self.is_resolved(one, st) {
                learned.extend(self.says(one, Facts::CONTAINED));
            } else {
                self.note_weak(one.key(), place, NOT_NORMALISED);
                learned.extend(self.says(one, Facts::WEAKLY_CHECKED));
            }
        }
        learned
    }

    pub(super) fn is_resolved(&self, path: &Value<'a>, st: &State<'a>) -> bool {
        let resolved = Facts::NORMALISED;
        let whole = path.key();
        path.pieces().iter().all(|piece| {
            let known = st.known(piece, whole);
            known.intersects(resolved | Facts::NO_DOTDOT) || known.is_chosen_by_server()
        })
    }

    pub fn weakly(&mut self, path: &Value<'a>, place: Place, why: &str) -> Vec<(Key, Facts)> {
        self.note_weak(path.key(), place, why);
        self.says(path, Facts::WEAKLY_CHECKED)
    }

    pub fn common_prefix(&mut self, values: &[Value<'a>], place: Place) {
        for value in values {
            if value.is_tainted() {
                self.note_weak(value.key(), place, CHARACTERS);
            }
        }
    }

    /// Methods of text that ask something.
    pub fn text_test(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let place = args.place;
        match name {
            "startswith" => {
                let prefix = args.get(0, "")?.clone();
                return Some(self.starts_with(receiver, &prefix, place, st));
            }
            "endswith" | "isspace" | "islower" | "isupper" | "istitle" | "isascii"
            | "isprintable" => return Some(predicate(place, Vec::new(), Vec::new())),
            _ => {}
        }
        if !receiver.is_tainted() {
            return None;
        }
        let letters = Facts::HARMLESS;
        match name {
            "isdigit" | "isdecimal" | "isnumeric" => {
                let then = self.says(receiver, letters | Facts::NUMERIC);
                Some(predicate(place, then, Vec::new()))
            }
            "isalnum" | "isalpha" | "isidentifier" => {
                let then = self.says(receiver, letters);
                Some(predicate(place, then, Vec::new()))
            }
            "find" | "rfind" | "count" | "index" => {
                let needle = args.get(0, "")?.clone();
                let key = mix(mix(place.key(), hash(name)), receiver.key());
                let test = Test::Find {
                    needle,
                    haystack: receiver.clone(),
                    absent: if name == "count" { 0 } else { -1 },
                };
                self.tests.insert(key, test);
                Some(Value::object("number", key, Vec::new()))
            }
            _ => None,
        }
    }

    pub(super) fn starts_with(
        &mut self,
        receiver: &Value<'a>,
        prefix: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Value<'a> {
        let mut then = Vec::new();
        let mut otherwise = Vec::new();
        if let Some(Test::Relative(path)) = self.tests.get(&receiver.key()).cloned() {
            // `relpath(path, base).startswith("..")`: where it does not, path lies inside.
            if prefix
                .constant_str()
                .is_some_and(|text| text.starts_with(".."))
            {
                otherwise.extend(self.says(&path, Facts::CONTAINED));
                let below = Facts::NO_DOTDOT | Facts::NOT_ABSOLUTE;
                otherwise.extend(self.says(receiver, below));
            }
            return predicate(place, then, otherwise);
        }
        let prefixes = match prefix {
            Value::Tuple(items) => items.to_vec(),
            other => vec![other.clone()],
        };
        if !receiver.is_tainted() || prefixes.iter().any(Value::is_tainted) {
            return predicate(place, then, otherwise);
        }
        let is_link = |prefix: &Value<'a>| prefix.constant_str().is_some_and(|it| begins_link(&it));
        if prefixes.iter().all(is_link) {
            then.extend(self.says(receiver, Facts::LINK));
        }
        for prefix in &prefixes {
            match prefix.constant_str().as_deref() {
                Some("/") => otherwise.extend(self.says(receiver, Facts::NOT_ABSOLUTE)),
                Some("..") | Some("../") | Some(".") => {
                    // `normpath(x)` that does not start with ".." holds none at all.
                    for one in receiver.alternatives() {
                        if self.is_resolved(one, st) {
                            otherwise.extend(self.says(one, Facts::NO_DOTDOT));
                        }
                    }
                }
                _ if is_folder(prefix) => {
                    for one in receiver.alternatives() {
                        if !one.is_tainted() {
                            continue;
                        }
                        let checks = if !self.is_resolved(one, st) {
                            self.weakly(one, place, NOT_NORMALISED)
                        } else if ends_with_separator(prefix) {
                            self.says(one, Facts::CONTAINED)
                        } else {
                            self.weakly(one, place, NO_SEPARATOR)
                        };
                        then.extend(checks);
                    }
                }
                _ => {}
            }
        }
        predicate(place, then, otherwise)
    }
}
