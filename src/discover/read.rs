//! Reading one file safely.

use std::path::Path;

/// Larger files are skipped: no hand-written Flask source comes near it.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The text of the file at `path`, or why it has none.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let metadata = path.symlink_metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".into());
    }
    if metadata.len() > MAX_FILE_BYTES {
        let megabytes = metadata.len() as f64 / (1024.0 * 1024.0);
        return Err(format!("too large ({megabytes:.1} MB, the limit is 4 MB)"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if memchr::memchr(0, &bytes).is_some() {
        return Err("binary".into());
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".into())
}
