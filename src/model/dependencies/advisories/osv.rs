//! OSV records (<https://ossf.github.io/osv-schema/>) from a file or a folder.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use pep440_rs::Version;
use serde::Deserialize;

use super::{
    Advisories, Advisory, AffectedRange, RangeEnd, cvss, severity_of_rating, severity_of_score,
};
use crate::error::Error;
use crate::model::dependencies::normalised;

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Vulns { vulns: Vec<Record> },
    Many(Vec<Record>),
    One(Box<Record>),
}

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    modified: String,
    published: Option<String>,
    withdrawn: Option<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default)]
    severity: Vec<Rated>,
    database_specific: Option<DatabaseSpecific>,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

#[derive(Deserialize)]
struct Rated {
    score: String,
}

#[derive(Deserialize)]
struct DatabaseSpecific {
    severity: Option<String>,
}

/// `advisories` with the records below `path` laid over them.
pub(super) fn overlay(mut advisories: Advisories, path: &Path) -> Result<Advisories, Error> {
    let mut loaded: Vec<Advisory> = Vec::new();
    let mut newest = String::new();
    for file in files(path)? {
        for record in records(&file)? {
            newest = newest.max(record.modified.get(..10).unwrap_or_default().to_owned());
            take(&mut advisories, &mut loaded, record);
        }
    }
    for advisory in loaded {
        let of = advisories.by_package.entry(advisory.package.clone());
        of.or_default().push(advisory);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if newest > advisories.date {
        advisories.date = newest;
    }
    advisories.source = format!("{name} (OSV) over {}", advisories.source);
    Ok(advisories)
}

fn take(advisories: &mut Advisories, loaded: &mut Vec<Advisory>, record: Record) {
    let is_withdrawn = record.withdrawn.is_some();
    for mut advisory in read(&record) {
        let known = advisories.by_package.get_mut(&advisory.package);
        if let Some(known) = known
            && let Some(at) = known.iter().position(|old| old.is_same_as(&advisory))
        {
            let old = known.remove(at);
            advisory.condition = old.condition;
            advisory.severity = advisory.severity.or(old.severity);
        }
        if is_withdrawn {
            continue;
        }
        match loaded.iter_mut().find(|other| other.is_same_as(&advisory)) {
            Some(other) => merge(other, advisory),
            None => loaded.push(advisory),
        }
    }
}

/// Two records of one vulnerability: affected is what either says.
fn merge(one: &mut Advisory, other: Advisory) {
    one.ranges.extend(other.ranges);
    one.severity = one.severity.max(other.severity);
    one.condition = one.condition.take().or(other.condition);
    let aliases = other.aliases.into_iter().chain([other.id]);
    one.aliases.extend(aliases);
}

fn read(record: &Record) -> Vec<Advisory> {
    let of_pypi = record.affected.iter().filter_map(|affected| {
        let package = affected.package.as_ref()?;
        (package.ecosystem == "PyPI").then_some((package, affected))
    });
    of_pypi
        .map(|(package, affected)| Advisory {
            id: record.id.clone(),
            aliases: record.aliases.clone(),
            package: normalised(&package.name),
            ranges: ranges(affected),
            summary: summary(record),
            condition: None,
            severity: severity(record),
            published: record
                .published
                .as_ref()
                .and_then(|date| date.get(..10))
                .map(str::to_owned),
        })
        .collect()
}

fn summary(record: &Record) -> String {
    let text = if record.summary.is_empty() {
        record.details.lines().next().unwrap_or_default()
    } else {
        &record.summary
    };
    text.trim().to_owned()
}

fn severity(record: &Record) -> Option<crate::finding::Severity> {
    let own = record.database_specific.as_ref();
    let own = own.and_then(|specific| specific.severity.as_deref());
    own.and_then(severity_of_rating).or_else(|| {
        let vectors = record.severity.iter().map(|rated| rated.score.as_str());
        vectors
            .filter_map(cvss::base_score)
            .filter_map(severity_of_score)
            .max()
    })
}

fn ranges(affected: &Affected) -> Vec<AffectedRange> {
    let told = affected
        .ranges
        .iter()
        .filter(|range| range.kind == "ECOSYSTEM");
    let found: Vec<AffectedRange> = told.flat_map(|range| from_events(&range.events)).collect();
    if !found.is_empty() {
        return found;
    }
    let versions = affected.versions.iter();
    let exact = versions.filter_map(|text| Version::from_str(text).ok());
    exact
        .map(|version| AffectedRange {
            introduced: Some(version.clone()),
            end: RangeEnd::LastAffected(version),
        })
        .collect()
}

/// Events come in order: each `introduced` opens a range that the next end closes.
fn from_events(events: &[Event]) -> Vec<AffectedRange> {
    let version = |text: &String| Version::from_str(text).ok();
    let mut found: Vec<AffectedRange> = Vec::new();
    for event in events {
        if let Some(from) = &event.introduced {
            found.push(AffectedRange {
                introduced: version(from).filter(|_| from != "0"),
                end: RangeEnd::Open,
            });
        }
        let fixed = event.fixed.as_ref().and_then(version).map(RangeEnd::Fixed);
        let last = event.last_affected.as_ref().and_then(version);
        let end = fixed.or_else(|| last.map(RangeEnd::LastAffected));
        if let (Some(end), Some(open)) = (end, found.last_mut()) {
            open.end = end;
        }
    }
    found
}

fn records(path: &Path) -> Result<Vec<Record>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
        path: path.into(),
        source,
    })?;
    let content: Content = serde_json::from_str(&text).map_err(|_| Error::Advisories {
        path: path.display().to_string(),
        message: "no OSV record, and no list of them".into(),
    })?;
    Ok(match content {
        Content::Vulns { vulns } => vulns,
        Content::Many(records) => records,
        Content::One(record) => vec![*record],
    })
}

/// The file, or every `.json` file below the folder; links are not followed.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Unreadable {
        path: path.into(),
        source,
    };
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let (mut found, mut open) = (Vec::new(), vec![path.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() && entry.path().extension().is_some_and(|end| end == "json") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    const RECORD: &str = r#"{
      "id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2026-27205"], "modified": "2026-11-02T10:00:00Z",
      "summary": "newer words", "affected": [{"package": {"ecosystem": "PyPI", "name": "Flask"},
      "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.4"}]}]}],
      "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}"#;

    fn loaded(content: &str) -> Advisories {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("flask")).unwrap();
        std::fs::write(folder.path().join("flask/one.json"), content).unwrap();
        Advisories::from_osv(folder.path()).unwrap()
    }

    #[test]
    fn a_newer_record_replaces_its_alias() {
        let advisories = loaded(RECORD);
        let found = advisories.matching("flask", &Version::new([3, 1, 3]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Some(Severity::Critical));
        // The condition is knowledge of this tool's own data.
        assert_eq!(
            found[0].condition.as_deref(),
            Some("a caching proxy stores responses")
        );
        assert_eq!(advisories.date, "2026-11-02");
    }

    #[test]
    fn a_withdrawn_record_removes_its_alias() {
        let withdrawn = RECORD.replace("\"summary\"", "\"withdrawn\": \"2026-11-02\", \"summary\"");
        let advisories = loaded(&withdrawn);
        assert!(
            advisories
                .matching("flask", &Version::new([3, 1, 2]))
                .is_empty()
        );
    }

    #[test]
    fn lists_are_read_and_others_refused() {
        assert!(!loaded(&format!("[{RECORD}]")).of("flask").is_empty());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[1]").unwrap();
        assert!(matches!(
            Advisories::from_osv(file.path()),
            Err(Error::Advisories { .. })
        ));
    }
}
