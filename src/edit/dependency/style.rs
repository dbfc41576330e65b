//! How a list of requirements is written.

use crate::model::dependencies::{Declared, Manifest, Notation, normalised};
use crate::parse::requirements::Requirement;

/// The habits of a list, told from what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    operator: Operator,
    /// `flask == 2.2` instead of `flask==2.2`.
    spaced: bool,
    /// `flask`, not `Flask`: nobody here writes capitals.
    lower: bool,
    pub sorted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Exact,
    AtLeast,
    Compatible,
    Caret,
    Tilde,
}

impl Style {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let signs = manifest
            .requirements
            .iter()
            .map(|declared| declared.specifier_text.as_str())
            .filter(|text| !text.is_empty() && *text != "*");
        let (mut exact, mut compatible, mut caret, mut tilde, mut all) = (0, 0, 0, 0, 0);
        let mut spaced = 0;
        for text in signs {
            all += 1;
            let bare = text.starts_with(|character: char| character.is_ascii_digit());
            match text {
                _ if text.starts_with("~=") => compatible += 1,
                _ if text.starts_with('^') => caret += 1,
                _ if text.starts_with('~') => tilde += 1,
                _ if text.starts_with('=') || bare => exact += 1,
                _ => {}
            }
            spaced += usize::from(text.starts_with(['=', '>', '<', '~']) && text.contains(' '));
        }
        let mostly = |count: usize| count * 2 > all;
        let operator = match () {
            () if mostly(exact) => Operator::Exact,
            () if mostly(compatible) => Operator::Compatible,
            () if mostly(caret) => Operator::Caret,
            () if mostly(tilde) => Operator::Tilde,
            () => Operator::AtLeast,
        };
        Self {
            operator,
            spaced: mostly(spaced) && all > 0,
            lower: !manifest.requirements.is_empty() && manifest.requirements.iter().all(is_lower),
            sorted: is_sorted(&manifest.requirements),
        }
    }

    /// The version part for "at least `version`", as this list would write it.
    pub(super) fn version_part(self, version: &str, notation: Notation) -> String {
        let sign = match (self.operator, notation) {
            (Operator::Exact, Notation::Pep440 | Notation::Conda) => "==",
            (Operator::Exact, Notation::Poetry) => "",
            (Operator::Compatible, _) if version.matches('.').count() >= 2 => "~=",
            (Operator::Caret, Notation::Poetry) => "^",
            (Operator::Tilde, Notation::Poetry) => "~",
            _ => ">=",
        };
        format!("{sign}{version}")
    }

    /// The package's name as this list would write it.
    pub(super) fn name(self, requirement: &Requirement) -> String {
        let name = &requirement.name.text;
        if self.lower {
            return name.to_lowercase();
        }
        name.clone()
    }

    /// `requirement` as this list would write it.
    pub(super) fn spell(self, requirement: &Requirement) -> String {
        let mut text = self.name(requirement);
        if !requirement.extras.is_empty() {
            text.push_str(&format!("[{}]", requirement.extras.join(",")));
        }
        if let Some(specifier) = &requirement.specifier {
            let part = match specifier.text.strip_prefix(">=") {
                Some(version) if !version.contains(',') => {
                    self.version_part(version.trim(), Notation::Pep440)
                }
                _ => specifier.text.clone(),
            };
            text.push_str(&if self.spaced {
                let bare = part.trim_start_matches(['=', '<', '>', '~', '!']);
                format!(" {} {bare}", &part[..part.len() - bare.len()])
            } else {
                part
            });
        }
        if let Some(marker) = &requirement.marker {
            text.push_str(&format!("; {}", marker.text));
        }
        text
    }
}

fn is_lower(declared: &Declared) -> bool {
    !declared.written.chars().any(char::is_uppercase)
}

/// Three names in order may be chance, and one out of order a slip; both are taken as meant.
fn is_sorted(requirements: &[Declared]) -> bool {
    requirements.len() >= 3
        && requirements
            .windows(2)
            .all(|pair| key(&pair[0].name) <= key(&pair[1].name))
}

/// Where a name sorts: `-` before letters, as `sort -f` does on normalised names.
pub(super) fn key(name: &str) -> String {
    normalised(name)
}
