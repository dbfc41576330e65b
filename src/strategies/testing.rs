//! Short words for the unit tests of controls.

use std::sync::Arc;

use super::{Answers, Control};
use crate::discover::Repository;
use crate::finding::{Finding, Patch, Verdict};
use crate::model::Model;
use crate::patch::compose;

pub(crate) fn model(texts: &[(&str, &str)]) -> Model {
    Model::build(Arc::new(Repository::from_texts(texts.iter().copied())))
}

pub(crate) fn verdict(control: &dyn Control, texts: &[(&str, &str)]) -> Verdict {
    control.check(&model(texts))
}

/// `path:line` of every finding.
pub(crate) fn findings(control: &dyn Control, texts: &[(&str, &str)]) -> Vec<String> {
    let model = model(texts);
    let verdict = control.check(&model);
    let place = |finding: &Finding| {
        let text = &model.repo.file(finding.path()).unwrap().text;
        format!("{}:{}", finding.path(), text.line_of(finding.span().start))
    };
    verdict.findings().iter().map(place).collect()
}

/// The first finding's patch.
pub(crate) fn patch(control: &dyn Control, texts: &[(&str, &str)]) -> Patch {
    let model = model(texts);
    let verdict = control.check(&model);
    let finding = verdict.findings().first().expect("a finding");
    control.remedy(&model, finding, &Answers::default())
}

/// The text of `path` after the patches of all findings.
pub(crate) fn apply(control: &dyn Control, texts: &[(&str, &str)], path: &str) -> String {
    let model = model(texts);
    let verdict = control.check(&model);
    let patches: Vec<Patch> = verdict
        .findings()
        .iter()
        .map(|finding| control.remedy(&model, finding, &Answers::default()))
        .collect();
    let composed = compose(&model, &patches.iter().collect::<Vec<_>>()).expect("no conflict");
    match composed.texts.get(path) {
        Some(new) => new.text.clone(),
        None => model.repo.file(path).unwrap().text.as_str().to_owned(),
    }
}
