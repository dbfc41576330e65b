//! Findings that are known already.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;

/// The fingerprints of an earlier report. Equal findings have numbered fingerprints, so a set
/// of them is a multiset of findings: a second copy of a known line is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeSet<String>,
}

/// The part of a JSON report that matters here.
#[derive(Deserialize)]
struct Document {
    schema: u32,
    findings: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    fingerprint: String,
}

impl Baseline {
    /// Reads a report that `scan --format json` wrote.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|source| Error::Unreadable {
            path: file.into(),
            source,
        })?;
        Self::parse(&text).map_err(|message| Error::Baseline {
            path: file.into(),
            message,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.schema != 1 {
            return Err(format!("it has schema {}, not 1", document.schema));
        }
        let findings = document.findings.into_iter();
        Ok(Self {
            known: findings.map(|known| known.fingerprint).collect(),
        })
    }

    pub fn knows(&self, fingerprint: &str) -> bool {
        self.known.contains(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_and_the_rest_is_ignored() {
        let text = r#"{"schema": 1, "findings": [{"fingerprint": "aa", "path": "x"}], "more": 1}"#;
        let baseline = Baseline::parse(text).unwrap();
        assert!(baseline.knows("aa"));
        assert!(!baseline.knows("bb"));
    }

    #[test]
    fn other_files_are_refused() {
        assert!(Baseline::parse("[]").is_err());
        assert!(Baseline::parse("").is_err());
        assert!(Baseline::parse(r#"{"schema": 2, "findings": []}"#).is_err());
    }
}
