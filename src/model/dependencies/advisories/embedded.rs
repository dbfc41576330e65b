//! The data in `assets/advisories.json`.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use pep440_rs::Version;
use serde::Deserialize;

use super::{Advisories, Advisory, AffectedRange, RangeEnd, severity_of_rating, severity_of_score};
use crate::model::dependencies::normalised;

const DATA: &str = include_str!("../../../../assets/advisories.json");

#[derive(Deserialize)]
struct File {
    snapshot: Snapshot,
    advisories: Vec<Record>,
}

#[derive(Deserialize)]
struct Snapshot {
    database: String,
    licence: String,
    date: String,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    aliases: Vec<String>,
    package: String,
    ranges: Vec<RawRange>,
    #[serde(default)]
    other_sources: Vec<OtherSource>,
    severity: RawSeverity,
    summary: String,
    only_if: Option<String>,
    published: Option<String>,
    withdrawn: Option<String>,
}

/// What another database says of the same vulnerability.
#[derive(Deserialize)]
struct OtherSource {
    ranges: Vec<RawRange>,
}

#[derive(Deserialize)]
struct RawSeverity {
    score: Option<f64>,
    ghsa_rating: Option<String>,
}

#[derive(Deserialize)]
struct RawRange {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// The embedded data, or why it cannot be read.
pub(super) fn read() -> Result<Advisories, String> {
    let file: File = serde_json::from_str(DATA).map_err(|error| error.to_string())?;
    let mut by_package: BTreeMap<String, Vec<Advisory>> = BTreeMap::new();
    for record in file.advisories {
        if record.withdrawn.is_some() {
            continue;
        }
        let id = record.id.clone();
        let advisory = advisory(record).ok_or_else(|| format!("a version of {id}"))?;
        by_package
            .entry(advisory.package.clone())
            .or_default()
            .push(advisory);
    }
    let date = file.snapshot.date.get(..10).unwrap_or_default().to_owned();
    Ok(Advisories {
        date,
        source: format!("{} ({})", file.snapshot.database, file.snapshot.licence),
        by_package,
    })
}

fn advisory(record: Record) -> Option<Advisory> {
    let others = record.other_sources.iter().flat_map(|other| &other.ranges);
    let ranges: Option<Vec<AffectedRange>> =
        record.ranges.iter().chain(others).map(range).collect();
    let rated = record.severity.ghsa_rating.as_deref();
    Some(Advisory {
        package: normalised(&record.package),
        ranges: ranges?,
        severity: rated
            .and_then(severity_of_rating)
            .or_else(|| record.severity.score.and_then(severity_of_score)),
        id: record.id,
        aliases: record.aliases,
        summary: record.summary,
        condition: record.only_if,
        published: record.published,
    })
}

fn range(raw: &RawRange) -> Option<AffectedRange> {
    let version = |text: &str| Version::from_str(text).ok();
    let introduced = match raw.introduced.as_deref() {
        None | Some("0") => None,
        Some(text) => Some(version(text)?),
    };
    let end = match (&raw.fixed, &raw.last_affected) {
        (Some(fixed), _) => RangeEnd::Fixed(version(fixed)?),
        (None, Some(last)) => RangeEnd::LastAffected(version(last)?),
        (None, None) => RangeEnd::Open,
    };
    Some(AffectedRange { introduced, end })
}
