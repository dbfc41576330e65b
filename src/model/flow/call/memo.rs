//! Results of calls that need not be run again.

use super::super::heap::State;
use super::super::interp::{Interp, Known};
use super::super::value::{Func, Key, Place, Value, hash, mix};
use super::{Args, DEEP, LONG, MOST_REMEMBERED, length_of};

impl<'a> Interp<'a> {
    pub(super) fn known_result(&self, call: &Remembered) -> Option<&Known<'a>> {
        let results = match call.is_blind {
            true => &self.blind_results,
            false => &self.known_results,
        };
        results.get(&(call.place, call.key))
    }

    pub(super) fn remember(&mut self, call: Remembered, value: &Value<'a>, st: &State<'a>) {
        if call.is_blind && !self.deep_pieces(value, st).is_empty() {
            return;
        }
        let Some(objects) = self.reachable(value, st) else {
            return;
        };
        let known = Known {
            value: value.clone(),
            objects,
            is_dead: st.dead,
        };
        let results = match call.is_blind {
            true => &mut self.blind_results,
            false => &mut self.known_results,
        };
        results.insert((call.place, call.key), known);
    }

    /// Without a client's value, and without a source or a sink below, nothing comes of a
    /// function. The short ones near the handler are run all the same: they may say where a
    /// folder is.
    pub(super) fn cannot_matter(&self, func: &Func<'a>, place: Place) -> bool {
        let (is_long, is_deep) = (length_of(func) > LONG, self.stack.len() >= DEEP);
        (is_long || is_deep)
            && !self.has_source(place)
            && (is_long && is_deep || !self.reach.has_sink(place))
    }

    /// The key of a call's result: equal for equal calls of a function without side effects.
    pub fn call_key(name: &str, args: &Args<'a>) -> Key {
        args.all().fold(hash(name), |key, arg| mix(key, arg.key()))
    }
}

/// A call whose result is worth remembering.
pub(super) struct Remembered {
    pub(super) place: Place,
    /// Equal for calls that give the same.
    pub(super) key: Key,
    /// It sees client values, but neither a source nor a sink is below: its result is
    /// remembered where those values make no difference to it.
    pub(super) is_blind: bool,
}

impl Remembered {
    pub(super) fn of<'a>(
        interp: &Interp<'a>,
        func: &Func<'a>,
        args: &Args<'a>,
        place: Place,
        st: &State<'a>,
    ) -> Option<Self> {
        // A call that sees no client value gives the same whoever makes it.
        let clean = key_of(func, args, &mut |value, fuel| {
            interp.clean_key(value, st, fuel)
        });
        if let Some(key) = clean {
            return Some(Self {
                place,
                key,
                is_blind: false,
            });
        }
        if interp.has_source(place) || interp.reach.has_sink(place) {
            return None;
        }
        let key = key_of(func, args, &mut |value, fuel| {
            interp.shape_key(value, st, fuel)
        })?;
        Some(Self {
            place,
            key,
            is_blind: true,
        })
    }
}

fn key_of<'a>(
    func: &Func<'a>,
    args: &Args<'a>,
    key: &mut impl FnMut(&Value<'a>, &mut u32) -> Option<Key>,
) -> Option<Key> {
    let mut fuel = MOST_REMEMBERED;
    let mut whole = mix(func.key(), args.pos.len() as Key);
    for (name, value) in &args.named {
        whole = mix(whole, mix(hash(name), key(value, &mut fuel)?));
    }
    for value in args.pos.iter().chain(&args.rest).chain(&args.keyword_rest) {
        whole = mix(whole, key(value, &mut fuel)?);
    }
    Some(whole)
}
