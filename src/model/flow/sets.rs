//! Sets: what comparing them says of the texts whose characters, or components, they hold.

use super::call::Args;
use super::expr::predicate;
use super::facts::Facts;
use super::guard::{Test, absence};
use super::heap::{Obj, State};
use super::interp::Interp;
use super::pattern;
use super::value::{Key, Place, Value, hash, mix};

type Learned = Vec<(Key, Facts)>;

impl<'a> Interp<'a> {
    /// Methods of a set that compare it with another collection.
    pub fn set_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let other = args.get(0, "")?;
        let place = args.place;
        match name {
            "isdisjoint" => {
                let then = self.disjoint(receiver, other, st)?;
                Some(predicate(place, then, Vec::new()))
            }
            "issubset" => {
                let then = self.subset(receiver, other, st)?;
                Some(predicate(place, then, Vec::new()))
            }
            "issuperset" => {
                let then = self.subset(other, receiver, st)?;
                Some(predicate(place, then, Vec::new()))
            }
            "intersection" => self.intersection(receiver, other, place, st),
            "difference" => self.difference(receiver, other, place, st),
            _ => None,
        }
    }

    /// `left & right`: true where they share something.
    pub fn intersection(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let otherwise = self.disjoint(left, right, st)?;
        Some(predicate(place, Vec::new(), otherwise))
    }

    /// `left - right`: true where something is left.
    pub fn difference(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Option<Value<'a>> {
        let otherwise = self.subset(left, right, st)?;
        let key = mix(mix(left.key(), right.key()), mix(place.key(), hash("-")));
        let test = Test::Truth {
            then: Vec::new(),
            otherwise,
        };
        self.tests.insert(key, test);
        Some(Value::tainted(key, self.deep_pieces(left, st)))
    }

    /// What holds where two collections, one of them of constants, share nothing.
    fn disjoint(&mut self, left: &Value<'a>, right: &Value<'a>, st: &State<'a>) -> Option<Learned> {
        let (held, constants) = match (self.constants(left, st), self.constants(right, st)) {
            (None, Some(constants)) => (left, constants),
            (Some(constants), None) => (right, constants),
            _ => return None,
        };
        if self.deep_pieces(held, st).is_empty() {
            return None;
        }
        let facts = constants.iter().map(|constant| absence(constant));
        let mut all = facts.fold(Facts::NONE, |all, one| all | one);
        if constants.iter().any(|constant| constant == "..") {
            all |= Facts::NOT_PARENT;
        }
        Some(self.says_of_items(held, all, st))
    }

    /// What holds where every item of `left` is one of the constants of `right`.
    pub fn subset(
        &mut self,
        left: &Value<'a>,
        right: &Value<'a>,
        st: &State<'a>,
    ) -> Option<Learned> {
        let constants = self.constants(right, st)?;
        if self.deep_pieces(left, st).is_empty() {
            return None;
        }
        let is_characters = constants.iter().all(|it| it.chars().count() == 1);
        let facts = match is_characters {
            true => pattern::facts_of_text(&constants.concat()),
            false => Facts::CONSTANT | Facts::HARMLESS,
        };
        Some(self.says_of_items(left, facts, st))
    }

    /// That `facts` hold of every item, and so of the text that the items are characters or
    /// components of.
    fn says_of_items(&self, held: &Value<'a>, facts: Facts, st: &State<'a>) -> Learned {
        let Value::Ref(id) = held else {
            // A text is compared by its characters.
            return self.says(held, facts.without(Facts::CONSTANT));
        };
        let items: Vec<Value<'a>> = match st.get(*id).as_deref() {
            Some(Obj::List(list)) => list.items.iter().chain(&list.rest).cloned().collect(),
            Some(Obj::Dict(dict)) => dict.keys.iter().cloned().collect(),
            _ => Vec::new(),
        };
        let mut learned = Vec::new();
        for item in items.iter().flat_map(Value::alternatives) {
            learned.extend(self.says(item, facts));
            let keys = item.pieces().into_iter().map(|piece| piece.id);
            for key in keys.chain([item.key()]) {
                learned.extend(self.lifted(key, facts));
            }
        }
        learned
    }

    fn constants(&mut self, value: &Value<'a>, st: &State<'a>) -> Option<Vec<String>> {
        if let Some(text) = value.constant_str() {
            return Some(text.chars().map(String::from).collect());
        }
        let items = self.known_items(value, st)?;
        items.iter().map(Value::constant_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn opens_after(check: &str) -> bool {
        let source = format!(
            "import string\nfrom flask import Flask, abort, request\napp = Flask(__name__)\nBAD = frozenset('/\\\\')\nGOOD = set(string.ascii_letters) | set('-_')\n\
             @app.get('/')\ndef view():\n    name = request.args['n']\n    if {check}:\n        abort(400)\n    return {{'t': open('/srv/' + name + '.txt').read()}}\n"
        );
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let flows = analyse(&Modules::parse(&repo));
        let mut calls = flows.of_sink(|sink| matches!(sink, Sink::File(_)));
        calls.any(crate::model::flow::SinkCall::is_tainted)
    }

    #[test]
    fn sets_of_characters_are_compared() {
        for check in [
            "set(name) & set('/')",
            "set(name) & BAD",
            "set(name).intersection('/')",
            "not BAD.isdisjoint(name)",
            "not set(name).isdisjoint(BAD)",
            "not set(name) <= GOOD",
            "not GOOD.issuperset(name)",
            "not set(name).issubset(GOOD)",
            "set(name) - GOOD",
            "set(name).difference(GOOD)",
            "'/' in set(name)",
        ] {
            assert!(!opens_after(check), "{check}");
        }
    }

    #[test]
    fn other_characters_and_other_sides_say_nothing() {
        for check in [
            "set(name) & set('<>')",
            "BAD.isdisjoint(name)",
            "not set(name) & BAD",
            "GOOD - set(name)",
            "set(name) >= GOOD",
            "not set(name).issubset(set('/.ab'))",
        ] {
            assert!(opens_after(check), "{check}");
        }
    }
}
