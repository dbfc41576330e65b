//! Which versions of a package a declaration admits, whatever the notation.

use std::fmt;
use std::str::FromStr as _;

use pep440_rs::{Operator, Version, VersionSpecifiers};

/// The versions that a declaration admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Specifier {
    /// No limit at all.
    Any,
    /// PEP 440 clauses, all of which must hold. Poetry's and conda's signs are translated.
    Range(VersionSpecifiers),
    /// An address or a path instead of a version.
    Source(String),
    /// A notation that is not understood, as written.
    Unreadable(String),
}

/// How a manifest writes versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    Pep440,
    /// `^2.2`, `~2.2`, `2.2.*`; a bare version is exact.
    Poetry,
    /// `=2.2` is a prefix match, `==2.2` is exact.
    Conda,
}

impl Specifier {
    pub fn parse(text: &str, notation: Notation) -> Self {
        let text = text.trim();
        if text.is_empty() || text == "*" {
            return Self::Any;
        }
        let clauses = match notation {
            Notation::Pep440 => Some(text.to_owned()),
            Notation::Poetry => poetry_clauses(text),
            Notation::Conda => conda_clauses(text),
        };
        let parsed = clauses.and_then(|clauses| VersionSpecifiers::from_str(&clauses).ok());
        parsed.map_or_else(|| Self::Unreadable(text.to_owned()), Self::Range)
    }

    /// Exactly `version`.
    pub fn exactly(version: &Version) -> Self {
        let clause = pep440_rs::VersionSpecifier::equals_version(version.clone());
        Self::Range(VersionSpecifiers::from(clause))
    }

    /// Whether an installer may choose `version`.
    pub fn admits(&self, version: &Version) -> bool {
        match self {
            Self::Any => true,
            Self::Range(range) => range.iter().all(|clause| match clause.operator() {
                Operator::ExactEqual => clause.contains(version),
                // The crate compares prefixes only as far as the shorter version goes.
                _ => clause.contains(&padded(version)),
            }),
            Self::Source(_) | Self::Unreadable(_) => false,
        }
    }

    /// The one version that is admitted, where there is only one.
    pub fn pinned(&self) -> Option<&Version> {
        let Self::Range(range) = self else {
            return None;
        };
        range.iter().find_map(|clause| match clause.operator() {
            Operator::Equal | Operator::ExactEqual => Some(clause.version()),
            _ => None,
        })
    }

    /// The lowest version that is admitted, where the declaration sets a lower bound. Above an
    /// exclusive bound that is the next version with one more number.
    pub fn lowest(&self) -> Option<Version> {
        let Self::Range(range) = self else {
            return None;
        };
        range
            .iter()
            .filter_map(|clause| match clause.operator() {
                Operator::Equal
                | Operator::EqualStar
                | Operator::ExactEqual
                | Operator::TildeEqual
                | Operator::GreaterThanEqual => Some(clause.version().clone()),
                Operator::GreaterThan => Some(next_above(clause.version())),
                Operator::LessThan
                | Operator::LessThanEqual
                | Operator::NotEqual
                | Operator::NotEqualStar => None,
            })
            .max()
    }

    /// Whether the declaration says which versions it wants, be it with one bound.
    pub const fn is_bounded(&self) -> bool {
        !matches!(self, Self::Any)
    }

    /// Both declarations at once; what is no range gives way to the other.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Range(one), Self::Range(two)) => {
                Self::Range(one.iter().chain(two.iter()).cloned().collect())
            }
            (Self::Any, _) => other.clone(),
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Specifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::Range(range) => write!(f, "{range}"),
            Self::Source(text) | Self::Unreadable(text) => f.write_str(text),
        }
    }
}

fn padded(version: &Version) -> Version {
    let mut release = version.release().to_vec();
    while release.len() < 4 {
        release.push(0);
    }
    version.clone().with_release(release)
}

fn next_above(version: &Version) -> Version {
    let mut release = version.release().to_vec();
    release.push(1);
    Version::new(release).with_epoch(version.epoch())
}

/// Poetry: caret, tilde, wildcard, bare versions, clauses apart by commas or blanks.
fn poetry_clauses(text: &str) -> Option<String> {
    if text.contains('|') {
        return None;
    }
    // A blank may also stand between the sign and its version.
    let joined = ["^ ", "~ ", "= ", "> ", "< "]
        .iter()
        .fold(text.to_owned(), |text, sign| {
            text.replace(sign, sign.trim_end())
        });
    let parts = joined.split([',', ' ']).filter(|part| !part.is_empty());
    let clauses: Option<Vec<String>> = parts.map(poetry_clause).collect();
    clauses.map(|clauses| clauses.join(","))
}

fn poetry_clause(part: &str) -> Option<String> {
    if let Some(version) = part.strip_prefix('^') {
        return between(version, |release| {
            let significant = release.iter().position(|number| *number > 0);
            significant.unwrap_or(release.len() - 1)
        });
    }
    if part.starts_with("~=") {
        return Some(part.to_owned());
    }
    if let Some(version) = part.strip_prefix('~') {
        return between(version, |release| usize::from(release.len() > 1));
    }
    if part.starts_with(['=', '<', '>', '!']) {
        let doubled = part.starts_with('=') && !part.starts_with("==");
        return Some(if doubled {
            format!("={part}")
        } else {
            part.to_owned()
        });
    }
    Some(format!("=={part}"))
}

/// `>= version`, and below the version whose number at `position` is one higher.
fn between(version: &str, position: impl Fn(&[u64]) -> usize) -> Option<String> {
    let lower = Version::from_str(version).ok()?;
    let release = lower.release();
    let at = position(release);
    let mut upper: Vec<u64> = release.get(..=at)?.to_vec();
    *upper.last_mut()? += 1;
    let upper = Version::new(upper).with_epoch(lower.epoch());
    Some(format!(">={lower},<{upper}"))
}

/// conda: `=2.2` matches the prefix, a build string may follow.
fn conda_clauses(text: &str) -> Option<String> {
    if text.contains('|') {
        return None;
    }
    let part = |part: &str| -> String {
        let part = part.trim();
        if let Some(exact) = part.strip_prefix("==") {
            return format!("=={exact}");
        }
        if let Some(fuzzy) = part.strip_prefix('=') {
            return match fuzzy.split_once('=') {
                Some((version, _build)) => format!("=={version}"),
                None => format!("=={}.*", fuzzy.trim_end_matches(".*").trim_end_matches('*')),
            };
        }
        if part.starts_with(['<', '>', '!', '~']) {
            return part.to_owned();
        }
        let version = part.split([' ', '=']).next().unwrap_or(part);
        format!("=={version}")
    };
    Some(text.split(',').map(part).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::from_str(text).unwrap()
    }

    fn admits(specifier: &str, candidate: &str) -> bool {
        Specifier::parse(specifier, Notation::Pep440).admits(&version(candidate))
    }

    #[test]
    fn pep_440_as_packaging_has_it() {
        for (specifier, candidate, expected) in [
            ("~=2.2", "2.9", true),
            ("~=2.2", "3.0", false),
            ("~=2.2.0", "2.2.9", true),
            ("~=2.2.0", "2.3", false),
            ("==2.2", "2.2.0", true),
            ("==2.2", "2.2.5", false),
            ("==2.2.*", "2.2.5", true),
            ("==2.2.*", "2", false),
            ("==2.2.*", "2.20", false),
            ("<3.1", "3.1rc1", false),
            ("<3.1", "3.1.dev0", false),
            (">2.2", "2.2.post1", false),
            ("<=2.2", "2.2.post1", false),
            ("==2.2.5", "2.2.5+local", true),
            ("===2.2.5", "2.2.5", true),
            (">=1,<3", "1!0", false),
            ("!=2.2.3,>=2", "2.2.3", false),
        ] {
            assert_eq!(
                admits(specifier, candidate),
                expected,
                "{specifier} {candidate}"
            );
        }
    }

    #[test]
    fn poetry_signs_are_translated() {
        for (poetry, pep440) in [
            ("^2.2", ">=2.2, <3"),
            ("^0.5.1", ">=0.5.1, <0.6"),
            ("^0.0.3", ">=0.0.3, <0.0.4"),
            ("~2.2", ">=2.2, <2.3"),
            ("~2", ">=2, <3"),
            ("2.2.5", "==2.2.5"),
            (">=2.2 <3", ">=2.2, <3"),
            (">= 2.2, < 3", ">=2.2, <3"),
            ("2.2.*", "==2.2.*"),
            ("*", "any version"),
        ] {
            let read = Specifier::parse(poetry, Notation::Poetry);
            assert_eq!(read.to_string(), pep440, "{poetry}");
        }
        assert!(matches!(
            Specifier::parse("^2 || ^3", Notation::Poetry),
            Specifier::Unreadable(_)
        ));
    }

    #[test]
    fn conda_signs_are_translated() {
        for (conda, pep440) in [
            ("=2.2", "==2.2.*"),
            ("==2.2", "==2.2"),
            ("=2.2.5=py39_0", "==2.2.5"),
            (">=2,<3", ">=2, <3"),
        ] {
            assert_eq!(Specifier::parse(conda, Notation::Conda).to_string(), pep440);
        }
    }

    #[test]
    fn bounds_are_told() {
        let read = |text| Specifier::parse(text, Notation::Pep440);
        assert_eq!(read("==2.2.5").pinned(), Some(&version("2.2.5")));
        assert_eq!(read("==2.2.*").pinned(), None);
        assert_eq!(read(">=2.2,>=2.3,<3").lowest(), Some(version("2.3")));
        assert_eq!(read("<3").lowest(), None);
        assert_eq!(read(">2.2").lowest(), Some(version("2.2.1")));
        assert!(!read("").is_bounded());
    }
}
