//! `secret-key-volatile`: the key is not made when the application is imported.

use super::keys;
use crate::discover::Purpose;
use crate::finding::Evidence;
use crate::model::Model;
use crate::model::config::Value;

/// The places that read a key from the environment or from a store.
pub(super) fn reads(model: &Model) -> Vec<Evidence> {
    let mut evidence: Vec<Evidence> = Vec::new();
    for key in keys::names() {
        for write in model.configuration.writes(key) {
            let purpose = model.modules.get(write.module).file.purpose;
            if purpose != Purpose::Application {
                continue;
            }
            let note = match &write.value {
                Value::Env(read) => format!("reads {key} from {}", read.name),
                Value::Store(how) => format!("reads {key} with {how}"),
                Value::Random(how) => format!("makes {key} with {how}"),
                _ => continue,
            };
            let place = Evidence::new(write.statement.clone(), note);
            if !evidence.contains(&place) {
                evidence.push(place);
            }
        }
    }
    evidence
}
