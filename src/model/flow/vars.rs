//! The variables of a scope, found by the hash of their names.
//!
//! Scopes are copied whenever one of two paths writes to them, so they lie in one piece of memory.

use super::value::{Key, Value, hash};

#[derive(Debug, Clone, Default)]
pub(super) struct Vars<'a> {
    /// In the order of the keys.
    entries: Vec<Entry<'a>>,
}

#[derive(Debug, Clone)]
struct Entry<'a> {
    key: Key,
    name: &'a str,
    value: Value<'a>,
}

impl<'a> Vars<'a> {
    fn find(&self, key: Key) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key)
    }

    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let at = self.find(hash(name)).ok()?;
        Some(&self.entries[at].value)
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.find(hash(name)).is_ok()
    }

    pub fn insert(&mut self, name: &'a str, value: Value<'a>) {
        let key = hash(name);
        match self.find(key) {
            Ok(at) => self.entries[at].value = value,
            Err(at) => self.entries.insert(at, Entry { key, name, value }),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &Value<'a>)> {
        self.entries.iter().map(|entry| (entry.name, &entry.value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'a str, &mut Value<'a>)> {
        let entries = self.entries.iter_mut();
        entries.map(|entry| (entry.name, &mut entry.value))
    }

    pub fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.entries.iter().map(|entry| &entry.value)
    }

    /// The variables of both. `join` is asked for every one, and answers nothing where what is
    /// here stays as it is. Nothing, if all of them do.
    pub fn join(
        &self,
        other: &Self,
        join: impl Fn(Option<&Value<'a>>, Option<&Value<'a>>) -> Option<Value<'a>>,
    ) -> Option<Self> {
        let mut changed: Vec<Entry<'a>> = Vec::new();
        let mut theirs = other.entries.iter().peekable();
        let entry = |from: &Entry<'a>, value| Entry {
            key: from.key,
            name: from.name,
            value,
        };
        for ours in &self.entries {
            while let Some(only) = theirs.next_if(|theirs| theirs.key < ours.key) {
                changed.extend(join(None, Some(&only.value)).map(|value| entry(only, value)));
            }
            let both = theirs.next_if(|theirs| theirs.key == ours.key);
            let joined = join(Some(&ours.value), both.map(|theirs| &theirs.value));
            changed.extend(joined.map(|value| entry(ours, value)));
        }
        for only in theirs {
            changed.extend(join(None, Some(&only.value)).map(|value| entry(only, value)));
        }
        if changed.is_empty() {
            return None;
        }
        let mut all = Self {
            entries: Vec::with_capacity(self.entries.len() + changed.len()),
        };
        let mut changed = changed.into_iter().peekable();
        for ours in &self.entries {
            while let Some(new) = changed.next_if(|new| new.key < ours.key) {
                all.entries.push(new);
            }
            let new = changed.next_if(|new| new.key == ours.key);
            all.entries.push(new.unwrap_or_else(|| ours.clone()));
        }
        all.entries.extend(changed);
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(entries: &[(&'static str, i64)]) -> Vars<'static> {
        let mut vars = Vars::default();
        for (name, value) in entries {
            vars.insert(name, Value::Int(*value));
        }
        vars
    }

    fn sorted(vars: &Vars<'_>) -> Vec<(String, i64)> {
        let entries = vars.iter().filter_map(|(name, value)| match value {
            Value::Int(number) => Some((name.to_owned(), *number)),
            _ => None,
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        entries
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let known = vars(&[("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(sorted(&known), [("a".to_owned(), 2), ("b".to_owned(), 3)]);
        assert!(known.contains_key("a") && !known.contains_key("c"));
        assert!(matches!(known.get("b"), Some(Value::Int(3))));
    }

    #[test]
    fn joining_asks_for_each_name_once() {
        let ours = vars(&[("a", 1), ("b", 2), ("c", 3)]);
        let theirs = vars(&[("b", 5), ("c", 3), ("d", 4)]);
        let number = |value: Option<&Value<'_>>| match value {
            Some(Value::Int(number)) => *number,
            _ => 0,
        };
        let sum = |a: Option<&Value<'static>>, b: Option<&Value<'static>>| {
            (number(a) != number(b)).then(|| Value::Int(10 * number(a) + number(b)))
        };
        let joined = ours.join(&theirs, sum).unwrap();
        let expected = [("a", 10), ("b", 25), ("c", 3), ("d", 4)];
        let expected = expected.map(|(name, number)| (name.to_owned(), number));
        assert_eq!(sorted(&joined), expected);
        assert!(ours.join(&ours, sum).is_none());
    }
}
