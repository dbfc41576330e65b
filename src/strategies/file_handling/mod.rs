//! Keep file access inside its folders.

pub mod directory_absolute;
pub mod extension_allowlist;
pub mod file_open;
pub mod filename_containment;
pub mod send_directory_base;
pub mod send_directory_links;
pub mod send_file_path;
pub mod upload_filename;

mod folder;
mod reach;

use std::sync::Arc;

use crate::finding::{Confidence, Edit, Finding, Import, Severity};
use crate::model::flow::{Facts, SinkCall};
use crate::strategies::flowing;

/// Flask's default converter hands over one segment of the URL: without a slash only `..`
/// itself can climb, and on Windows a backslash.
fn only_url_segments(call: &SinkCall) -> bool {
    let pieces = flowing::pieces(call);
    !pieces.is_empty()
        && pieces
            .iter()
            .all(|piece| piece.has.contains(Facts::URL_SEGMENT))
}

/// A finding for a path that a client decides.
fn path_finding(
    control: &'static str,
    call: &SinkCall,
    severity: Severity,
    what: &str,
    gain: &str,
) -> Finding {
    let message = format!(
        "A client's value ({}) {what}: {gain}",
        flowing::sources(call)
    );
    let finding = flowing::finding(control, call, severity, message);
    if !only_url_segments(call) {
        return finding;
    }
    let lowered = finding.severity.lowered();
    let message = format!(
        "{} One URL segment holds no slash, so on Linux only `..` itself climbs; on Windows a \
         backslash does.",
        finding.message
    );
    Finding {
        severity: lowered,
        message,
        ..finding.confidence(Confidence::Medium)
    }
}

/// `import os` goes when it was only there for `os.path.join`.
fn unused_os(path: &Arc<str>) -> Edit {
    Edit::DropImport {
        path: Arc::clone(path),
        import: Import {
            module: "os".into(),
            name: None,
            alias: None,
        },
    }
}
