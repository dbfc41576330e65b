//! Known vulnerabilities of the Flask ecosystem, embedded or read from OSV files.
//!
//! The embedded data is `assets/advisories.json` (PyPA advisory database, CC-BY-4.0). It has a
//! date, and whoever shows an answer that rests on it shows the date too.

mod cvss;
mod embedded;
mod osv;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use pep440_rs::Version;

use super::manifest::normalised;
use super::releases::Releases;
use super::specifier::Specifier;
use crate::error::Error;
use crate::finding::Severity;

/// Advisories by package, none of them withdrawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Advisories {
    /// The day of the newest data, as `YYYY-MM-DD`.
    pub date: String,
    /// Where the data comes from, for a person.
    pub source: String,
    by_package: BTreeMap<String, Vec<Advisory>>,
}

/// One known vulnerability of one package.
#[derive(Debug, Clone, PartialEq)]
pub struct Advisory {
    pub id: String,
    pub aliases: Vec<String>,
    /// Normalised.
    pub package: String,
    /// A version inside any of them is affected; sources that disagree each add theirs.
    pub ranges: Vec<AffectedRange>,
    pub summary: String,
    /// What has to hold for the vulnerability to matter ("the app calls click.edit()").
    pub condition: Option<String>,
    /// None where no source rates it: not rated is not low.
    pub severity: Option<Severity>,
    /// `YYYY-MM-DD`.
    pub published: Option<String>,
}

/// `introduced <= version`, and the end that the source states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedRange {
    /// None: from the first version on.
    pub introduced: Option<Version>,
    pub end: RangeEnd,
}

/// Where affected versions end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeEnd {
    Fixed(Version),
    LastAffected(Version),
    /// No fixed version is known.
    Open,
}

impl Advisories {
    /// The data that the program carries. Should it be unreadable, `source` says so, and no
    /// advisory is known; a test keeps that from being released.
    pub fn embedded() -> Arc<Self> {
        static EMBEDDED: LazyLock<Arc<Advisories>> = LazyLock::new(|| {
            Arc::new(embedded::read().unwrap_or_else(|reason| Advisories {
                date: "unknown".into(),
                source: format!("none: the embedded advisories cannot be read ({reason})"),
                by_package: BTreeMap::new(),
            }))
        });
        Arc::clone(&EMBEDDED)
    }

    /// The embedded data, overlaid with the OSV records of a file (one record, an array, or
    /// `{"vulns": […]}`) or of all `.json` files of a folder. A record replaces the embedded one
    /// it is an alias of; a withdrawn record removes it.
    pub fn from_osv(path: &Path) -> Result<Self, Error> {
        osv::overlay(Self::clone(&Self::embedded()), path)
    }

    /// All advisories of a package.
    pub fn of(&self, name: &str) -> &[Advisory] {
        self.by_package
            .get(&normalised(name))
            .map_or(&[], Vec::as_slice)
    }

    /// The advisories that `version` of a package is affected by, the worst first.
    pub fn matching(&self, name: &str, version: &Version) -> Vec<&Advisory> {
        let mut found: Vec<&Advisory> = self
            .of(name)
            .iter()
            .filter(|advisory| advisory.affects(version))
            .collect();
        found.sort_by(|one, two| {
            let rank = |advisory: &Advisory| std::cmp::Reverse(advisory.weight());
            (rank(one), &two.published, &one.id).cmp(&(rank(two), &one.published, &two.id))
        });
        found
    }

    /// The newest version inside `specifier` that is known to exist: advisories name the
    /// versions that fix them. A newer one that is not known cannot be affected by less than
    /// this one is, since a fix inside the range would have been named.
    pub fn newest_known(&self, name: &str, specifier: &Specifier) -> Option<Version> {
        let admitted = self.known_versions(name).into_iter();
        let admitted = admitted.filter(|version| specifier.admits(version));
        admitted.chain(specifier.lowest()).max()
    }

    /// The lowest known version from `version` on that has no open advisory.
    pub fn first_clean(&self, name: &str, version: &Version) -> Option<Version> {
        let mut known = self.known_versions(name);
        known.sort();
        known
            .into_iter()
            .find(|candidate| candidate >= version && self.matching(name, candidate).is_empty())
    }

    /// Versions that are known to exist, from advisories and from the table of releases.
    pub(super) fn known_versions(&self, name: &str) -> Vec<Version> {
        let ends = self.of(name).iter().flat_map(|advisory| &advisory.ranges);
        let from_ends = ends.filter_map(|range| match &range.end {
            RangeEnd::Fixed(version) | RangeEnd::LastAffected(version) => Some(version.clone()),
            RangeEnd::Open => None,
        });
        let released = Releases::known();
        let released = released.of(name).filter_map(|release| release.version());
        from_ends
            .chain(released)
            .filter(Version::is_stable)
            .collect()
    }

    /// Whether any data is known about the package.
    pub fn knows(&self, name: &str) -> bool {
        self.by_package.contains_key(&normalised(name))
    }
}

impl Advisory {
    pub fn affects(&self, version: &Version) -> bool {
        self.ranges.iter().any(|range| range.contains(version))
    }

    /// The first version from `version` on that has this fixed; with sources that disagree, the
    /// later one.
    pub fn fixed_after(&self, version: &Version) -> Option<Version> {
        let fixes = self.ranges.iter().filter_map(|range| match &range.end {
            RangeEnd::Fixed(fixed) => Some(fixed),
            _ => None,
        });
        fixes
            .filter(|fixed| *fixed > version && !self.affects(fixed))
            .min()
            .cloned()
    }

    /// The CVE number where there is one: the name that other tools use.
    pub fn name(&self) -> &str {
        let cve = self.aliases.iter().find(|alias| alias.starts_with("CVE-"));
        cve.unwrap_or(&self.id)
    }

    /// Only a server on Windows is affected.
    pub fn needs_windows(&self) -> bool {
        let condition = self.condition.as_deref();
        condition.is_some_and(|condition| condition.contains("server runs Windows"))
    }

    /// The severity that counts: what needs Windows is low for servers that hardly ever run it,
    /// and what nobody rated counts as medium.
    pub fn weight(&self) -> Severity {
        if self.needs_windows() {
            return Severity::Low;
        }
        self.severity.unwrap_or(Severity::Medium)
    }

    /// "high", or "not rated".
    pub fn rating(&self) -> String {
        match self.severity {
            Some(severity) => severity.label().to_lowercase(),
            None => "not rated".to_owned(),
        }
    }

    fn is_same_as(&self, other: &Self) -> bool {
        let names = |advisory: &Self| {
            let mut names = advisory.aliases.clone();
            names.push(advisory.id.clone());
            names
        };
        let own = names(self);
        self.package == other.package && names(other).iter().any(|name| own.contains(name))
    }
}

impl AffectedRange {
    pub fn contains(&self, version: &Version) -> bool {
        let from = self.introduced.as_ref().is_none_or(|from| version >= from);
        from && match &self.end {
            RangeEnd::Fixed(fixed) => version < fixed,
            RangeEnd::LastAffected(last) => version <= last,
            RangeEnd::Open => true,
        }
    }
}

/// GHSA's own words, and CVSS's qualitative scale for everything else.
fn severity_of_rating(rating: &str) -> Option<Severity> {
    match rating.to_ascii_uppercase().as_str() {
        "CRITICAL" => Some(Severity::Critical),
        "HIGH" => Some(Severity::High),
        "MODERATE" | "MEDIUM" => Some(Severity::Medium),
        "LOW" => Some(Severity::Low),
        _ => None,
    }
}

fn severity_of_score(score: f64) -> Option<Severity> {
    match score {
        score if score >= 9.0 => Some(Severity::Critical),
        score if score >= 7.0 => Some(Severity::High),
        score if score >= 4.0 => Some(Severity::Medium),
        score if score > 0.0 => Some(Severity::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;
    use crate::model::dependencies::Notation;

    fn version(text: &str) -> Version {
        Version::from_str(text).unwrap()
    }

    fn names(name: &str, at: &str) -> Vec<String> {
        let advisories = Advisories::embedded();
        let found = advisories.matching(name, &version(at));
        found.iter().map(|one| one.name().to_owned()).collect()
    }

    #[test]
    fn the_embedded_data_is_whole() {
        let advisories = Advisories::embedded();
        assert_eq!(advisories.date, "2026-07-23");
        assert!(advisories.source.contains("pypa/advisory-database"));
        // 107 records, six of them withdrawn.
        let count: usize = advisories.by_package.values().map(Vec::len).sum();
        assert_eq!(count, 101);
    }

    #[test]
    fn ranges_hold_at_their_ends() {
        assert_eq!(names("Flask", "3.1.3"), Vec::<String>::new());
        assert_eq!(names("flask", "3.1.2"), ["CVE-2026-27205"]);
        assert_eq!(
            names("flask", "3.1.0"),
            ["CVE-2026-27205", "CVE-2025-47278"]
        );
        // Fixed in 2.2.5 and, on the other branch, in 2.3.2.
        assert_eq!(names("flask", "2.2.5"), ["CVE-2026-27205"]);
        assert!(names("flask", "2.3.1").contains(&"CVE-2023-30861".to_owned()));
        assert!(names("flask", "2.2.4").contains(&"CVE-2023-30861".to_owned()));
    }

    #[test]
    fn the_later_fix_counts_when_sources_disagree() {
        assert_eq!(names("gunicorn", "22.0.0"), ["CVE-2024-6827"]);
        assert_eq!(names("gunicorn", "23.0.0"), Vec::<String>::new());
        let advisories = Advisories::embedded();
        let found = advisories.matching("gunicorn", &version("21.0"));
        let smuggling = found.iter().find(|one| one.name() == "CVE-2024-6827");
        let fixed = smuggling.unwrap().fixed_after(&version("21.0"));
        assert_eq!(fixed, Some(version("23.0.0")));
    }

    #[test]
    fn ratings_map_and_their_absence_shows() {
        let advisories = Advisories::embedded();
        let one = |package: &str, name: &str| {
            let mut of = advisories.of(package).iter();
            of.find(|advisory| advisory.name() == name).unwrap().clone()
        };
        // 4.3 by score, low by GitHub's own rating.
        assert_eq!(one("flask", "CVE-2026-27205").severity, Some(Severity::Low));
        assert_eq!(one("click", "CVE-2026-7246").severity, Some(Severity::High));
        let unrated = one("flask-admin", "CVE-2018-16516");
        assert_eq!(
            (unrated.severity, unrated.rating().as_str()),
            (None, "not rated")
        );
        assert_eq!(unrated.weight(), Severity::Medium);
        let windows = one("werkzeug", "CVE-2025-66221");
        assert_eq!(windows.severity, Some(Severity::Medium));
        assert_eq!(windows.weight(), Severity::Low);
    }

    #[test]
    fn withdrawn_advisories_are_silent() {
        assert!(names("flask-caching", "1.11.1").is_empty());
    }

    #[test]
    fn a_range_is_judged_by_its_newest_known_version() {
        let advisories = Advisories::embedded();
        let newest = |name: &str, range: &str| {
            let specifier = Specifier::parse(range, Notation::Pep440);
            advisories
                .newest_known(name, &specifier)
                .map(|version| version.to_string())
        };
        assert_eq!(newest("flask", ">=2.2,<2.3").as_deref(), Some("2.2.5"));
        assert_eq!(newest("flask", ">=1.0").as_deref(), Some("3.1.3"));
        assert_eq!(newest("werkzeug", "<3").as_deref(), Some("2.3.8"));
        assert_eq!(newest("somethingelse", ""), None);
    }
}
