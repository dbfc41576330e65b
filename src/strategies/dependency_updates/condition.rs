//! Conditions of advisories that the repository's own text can answer.
//!
//! An advisory about `click.edit()` does not matter where nothing calls it. Only conditions
//! that show in names are answered; the others count as met.

use crate::discover::FileKind;
use crate::finding::Severity;
use crate::model::Model;
use crate::model::dependencies::Advisory;

/// An advisory, and the words without which its condition cannot hold: one of each group has to
/// stand in one file.
type Signs = (&'static str, &'static [&'static [&'static str]]);

const SIGNS: &[Signs] = &[
    ("CVE-2026-7246", &[&["click"], &["edit("]]),
    ("CVE-2025-47278", &[&["SECRET_KEY_FALLBACKS"]]),
    ("CVE-2026-28684", &[&["set_key", "unset_key"]]),
    ("CVE-2026-48522", &[&["PyJWKClient"]]),
    ("CVE-2026-48523", &[&["PyJWK"]]),
    ("CVE-2026-48524", &[&["PyJWKClient"]]),
    ("CVE-2024-22195", &[&["xmlattr"]]),
    ("CVE-2024-34064", &[&["xmlattr"]]),
    ("CVE-2020-28493", &[&["urlize"]]),
    ("CVE-2024-56326", &[&["andbox"]]),
    ("CVE-2025-27516", &[&["andbox"]]),
    ("CVE-2016-10745", &[&["andbox"]]),
    ("CVE-2019-10906", &[&["andbox"]]),
    ("CVE-2014-1402", &[&["FileSystemBytecodeCache"]]),
    ("CVE-2014-0012", &[&["FileSystemBytecodeCache"]]),
    ("CVE-2024-49768", &[&["channel_request_lookahead"]]),
    ("CVE-2023-28858", &[&["redis.asyncio", "aioredis"]]),
    ("CVE-2023-28859", &[&["redis.asyncio", "aioredis"]]),
];

/// Whether nothing in the repository's code and templates can meet the advisory's condition.
pub(super) fn cannot_hold(model: &Model, advisory: &Advisory) -> bool {
    let signs = SIGNS.iter().find(|(name, _)| *name == advisory.name());
    let Some((_, groups)) = signs else {
        return false;
    };
    let holds = |text: &str| {
        groups
            .iter()
            .all(|group| group.iter().any(|sign| text.contains(sign)))
    };
    !model
        .repo
        .files()
        .filter(|file| matches!(file.kind, FileKind::Python | FileKind::Template))
        .any(|file| holds(file.text.as_str()))
}

/// The severity that an advisory has here: one step lower where its condition cannot hold.
pub(super) fn severity(model: &Model, advisory: &Advisory) -> Severity {
    let severity = advisory.weight();
    if severity > Severity::Low && cannot_hold(model, advisory) {
        return severity.lowered();
    }
    severity
}
