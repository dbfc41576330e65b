//! Dotted names of what lies outside the repository, each put together once.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::external::canonical;
use super::value::{Key, hash, mix};

/// Names under which things are known, by what the code calls them.
#[derive(Default)]
pub(super) struct Dotted {
    known: FxHashMap<Key, Rc<str>>,
}

impl Dotted {
    /// What `owner.name` is called, whichever module it was taken from.
    pub fn member(&mut self, owner: &str, name: &str) -> Rc<str> {
        let key = mix(hash(owner), hash(name));
        let known = self.known.entry(key);
        Rc::clone(known.or_insert_with(|| canonical(&format!("{owner}.{name}")).into()))
    }

    /// What `name` is called, whichever module it was taken from.
    pub fn canonical(&mut self, name: &str) -> Rc<str> {
        let known = self.known.entry(hash(name));
        Rc::clone(known.or_insert_with(|| canonical(name).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_for_one_thing() {
        let mut dotted = Dotted::default();
        for _ in 0..2 {
            assert_eq!(&*dotted.member("flask", "Markup"), "markupsafe.Markup");
            assert_eq!(&*dotted.canonical("jinja2.Markup"), "markupsafe.Markup");
            assert_eq!(&*dotted.member("shop", "Markup"), "shop.Markup");
        }
    }
}
