//! What the Flask in use makes of the environment.

use crate::model::Model;

/// The oldest Flask that the manifests admit, as `(major, minor)`; `None` when nothing says.
pub(super) fn oldest(model: &Model) -> Option<(u64, u64)> {
    let lowest = model.dependencies.flask_in_use()?.lowest?;
    let mut release = lowest.release().iter().copied();
    Some((release.next()?, release.next().unwrap_or(0)))
}

/// Whether `FLASK_ENV=development` may turn debug on: below 2.3, or when nothing says which
/// Flask it is (facts 1.7).
pub(super) fn may_read_flask_env(model: &Model) -> bool {
    oldest(model).is_none_or(|version| version < (2, 3))
}

/// How a developer turns debug on for one run.
pub(super) fn local_debugging(model: &Model) -> &'static str {
    match oldest(model) {
        Some(version) if version >= (2, 3) => {
            "For local debugging use `flask run --debug` instead."
        }
        Some(version) if version < (2, 2) => {
            "For local debugging use `FLASK_DEBUG=1 flask run` instead."
        }
        _ => {
            "For local debugging use `flask run --debug` (Flask 2.2.3 or newer) or \
             `FLASK_DEBUG=1 flask run` instead."
        }
    }
}
