//! Which controls somebody asked for.

use std::collections::BTreeSet;

use super::{About, registry, strategy};
use crate::error::Error;
use crate::suggest::closest;

/// A choice of controls: all of them unless some were named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Ids of controls; `None` is all.
    controls: Option<BTreeSet<&'static str>>,
}

impl Scope {
    /// The controls of the named strategies, and the named controls. Nothing named is
    /// everything; an unknown id is an error that suggests the nearest one.
    pub fn of(strategies: &[String], controls: &[String]) -> Result<Self, Error> {
        if strategies.is_empty() && controls.is_empty() {
            return Ok(Self::default());
        }
        let mut chosen = BTreeSet::new();
        for id in strategies {
            let strategy = strategy::by_id(id).ok_or_else(|| unknown_strategy(id))?;
            let of_strategy = all().filter(|about| about.strategy == strategy);
            chosen.extend(of_strategy.map(|about| about.id));
        }
        for id in controls {
            let control = registry::by_id(id).ok_or_else(|| unknown_control(id))?;
            chosen.insert(control.about().id);
        }
        Ok(Self {
            controls: Some(chosen),
        })
    }

    pub fn holds(&self, about: &About) -> bool {
        let Some(controls) = &self.controls else {
            return true;
        };
        controls.contains(about.id)
    }
}

fn all() -> impl Iterator<Item = &'static About> {
    registry::CONTROLS.iter().map(|control| control.about())
}

/// The error for an id that no control has.
pub fn unknown_control(given: &str) -> Error {
    Error::UnknownName {
        what: "the control",
        given: given.to_owned(),
        suggestion: closest(given, all().map(|about| about.id)),
    }
}

/// The error for an id that no strategy has.
pub fn unknown_strategy(given: &str) -> Error {
    let known = strategy::STRATEGIES.iter().map(|strategy| strategy.id);
    Error::UnknownName {
        what: "the strategy",
        given: given.to_owned(),
        suggestion: closest(given, known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn nothing_named_is_everything() {
        let scope = Scope::of(&[], &[]).unwrap();
        assert!(all().all(|about| scope.holds(about)));
    }

    #[test]
    fn strategies_and_controls_add_up() {
        let scope = Scope::of(&strings(&["secret-key"]), &strings(&["debug-run"])).unwrap();
        let debug_run = registry::by_id("debug-run").unwrap().about();
        assert!(scope.holds(debug_run));
        let only_secrets = Scope::of(&strings(&["secret-key"]), &[]).unwrap();
        assert!(!only_secrets.holds(debug_run));
    }

    #[test]
    fn unknown_ids_are_errors_with_a_suggestion() {
        let error = Scope::of(&[], &strings(&["debug-rnu"])).unwrap_err();
        assert!(error.to_string().contains("did you mean `debug-run`"));
        let error = Scope::of(&strings(&["debugmode"]), &[]).unwrap_err();
        assert!(error.to_string().contains("did you mean `debug-mode`"));
    }
}
