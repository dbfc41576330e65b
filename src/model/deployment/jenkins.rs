//! Jenkinsfiles.

use std::sync::Arc;

use super::reader::Reader;
use super::scope::Scope;
use super::{EnvValue, Form, Quoting, Stage, Surface, ci, values};
use crate::discover::File;
use crate::parse::jenkinsfile::Jenkinsfile;
use crate::text::Location;

pub(super) fn read(reader: &mut Reader<'_>, file: &Arc<File>) {
    let parsed = Jenkinsfile::parse(file.text.as_str());
    let deploys = |stage: Option<&str>| {
        let scripts = parsed
            .scripts
            .iter()
            .filter(|it| it.stage.as_deref() == stage);
        let ships = scripts
            .map(|script| ci::judge_stage_name(stage, Some(script.text.as_str())))
            .find(|judged| judged.stage == Stage::Production);
        ships.unwrap_or_else(|| ci::judge_stage_name(stage, None))
    };
    // What the pipeline sets, every stage sees: one that deploys decides.
    let labels = parsed.blocks.iter().filter(|block| block.name == "stage");
    let whole = labels
        .map(|block| deploys(block.label.as_deref()))
        .find(|judged| judged.stage == Stage::Production)
        .unwrap_or_else(|| deploys(None));
    let scope_of = |stage: Option<&str>| {
        let judged = if stage.is_some() {
            deploys(stage)
        } else {
            whole.clone()
        };
        Scope::checkout(file, Surface::Jenkins, judged, "").named(stage.unwrap_or_default())
    };
    let mut set = Vec::new();
    for variable in &parsed.variables {
        let value = match &variable.value {
            Some(text) => values::expanded(text),
            None => EnvValue::Outside,
        };
        let scope = scope_of(variable.stage.as_deref());
        let setting = scope.setting(
            &variable.name,
            value,
            Location::new(&file.path, variable.value_span),
            Location::new(&file.path, variable.span),
        );
        set.push((variable.stage.clone(), reader.set(setting)));
    }
    for script in &parsed.scripts {
        let mut scope = scope_of(script.stage.as_deref());
        let seen = set
            .iter()
            .filter(|(stage, _)| stage.is_none() || *stage == script.stage);
        scope
            .environment
            .extend(seen.map(|(_, setting)| setting.clone()));
        let quote = if script.interpolated { '"' } else { '\'' };
        let form = Form::Shell(Quoting::Groovy(quote));
        reader.script(&script.text, &file.path, form, &scope);
    }
}
