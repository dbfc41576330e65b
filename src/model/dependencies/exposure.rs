//! What an installation of the declared packages is exposed to.

use pep440_rs::Version;

use super::resolve::{How, Resolved};
use super::specifier::Specifier;
use super::{Advisories, Advisory, Dependencies};

/// Which version a judgement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// The one version that is installed: locked or pinned.
    Exact,
    /// What a fresh installation takes from a range: its newest known version.
    FreshInstall,
    /// A fresh installation takes a clean version, but the range still admits this older one.
    OldestAdmitted,
}

/// A package and the advisories that are open for the version that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure<'a> {
    /// Normalised.
    pub package: String,
    pub version: Version,
    pub judged: Judged,
    pub resolved: Resolved,
    /// The worst first; empty when nothing is open.
    pub open: Vec<&'a Advisory>,
}

impl Dependencies {
    /// The exposure of one package that production installs. None when no manifest names it, or
    /// when no version of it is known.
    pub fn exposure<'a>(&self, name: &str, advisories: &'a Advisories) -> Option<Exposure<'a>> {
        let resolved = self.resolved(name)?;
        let of = |version: Version, judged: Judged| Exposure {
            package: super::normalised(name),
            open: advisories.matching(name, &version),
            version,
            judged,
            resolved: resolved.clone(),
        };
        if matches!(resolved.how, How::Locked | How::Pinned) {
            return Some(of(resolved.version.clone()?, Judged::Exact));
        }
        if !matches!(resolved.specifier, Specifier::Any | Specifier::Range(_)) {
            return None;
        }
        let newest = advisories.newest_known(name, &resolved.specifier);
        let fresh = of(newest?, Judged::FreshInstall);
        let Some(lowest) = resolved.version.clone().filter(|_| fresh.open.is_empty()) else {
            return Some(fresh);
        };
        let oldest = of(lowest, Judged::OldestAdmitted);
        Some(if oldest.open.is_empty() {
            fresh
        } else {
            oldest
        })
    }

    /// Every package that production installs and that has an open advisory.
    pub fn exposures<'a>(&self, advisories: &'a Advisories) -> Vec<Exposure<'a>> {
        self.runtime_names()
            .iter()
            .filter_map(|name| self.exposure(name, advisories))
            .filter(|exposure| !exposure.open.is_empty())
            .collect()
    }
}
