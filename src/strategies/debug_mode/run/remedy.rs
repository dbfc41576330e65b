//! What turns the debugger of a start off, or ties it to the declared environment.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged as _;

use super::super::flask;
use super::super::switch::Switch;
use super::{OPTION, Start, switch};
use crate::edit::arguments::{add_keyword, add_keywords_beside};
use crate::edit::config::requoted;
use crate::edit::{command, imports};
use crate::finding::{Edit, Patch, PatchKind, RemedyOption};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::deployment::{Stage, rules};
use crate::model::modules::ModuleId;
use crate::strategies::Answers;
use crate::text::{Location, Span};

pub(super) fn remedy(
    model: &Model,
    site: &CallSite,
    call: &ExprCall,
    start: &Start,
    answers: &Answers,
) -> Patch {
    // A script that is there for development keeps doing what it is there for.
    let default = match rules::stage_of_path(&site.location.path) {
        Some((Stage::Development, _)) => "environment",
        _ => "off",
    };
    let value = answers.or(OPTION, default).to_owned();
    let declared = value == "environment";
    let title = match declared {
        true => "Start the server with the debugger only in declared development",
        false => "Start the server with the debugger off",
    };
    let mut patch = Patch::new(
        PatchKind::Safe,
        title,
        match declared {
            true => {
                "This call brings up Werkzeug's debugger only where FLASK_ENV declares development"
            }
            false => "This call cannot bring up Werkzeug's debugger, whatever the environment says",
        },
    )
    .option(RemedyOption {
        key: OPTION,
        question: "Should debug be off, or follow FLASK_ENV=development?".into(),
        choices: vec!["off".into(), "environment".into()],
        value,
    });
    patch = match declared {
        true => patch.follow_up(
            "For local debugging put FLASK_ENV=development into your untracked .env file.",
        ),
        false if start.callee == "flask.Flask.run" => {
            patch.follow_up(flask::local_debugging(model))
        }
        false => patch,
    };
    for parameter in [start.debug, start.debugger] {
        match switch(model, site, call, parameter) {
            Some(Switch::On { at }) => {
                let edits = turned_off(model, &at, declared);
                let broken = broken_lines(model, site, call, &edits);
                patch = patch.edits(edits).edits(broken);
            }
            Some(Switch::Unless {
                variable,
                words,
                at,
            }) => {
                let is_stage = words.iter().any(|word| word.starts_with("prod"));
                patch = patch.edits(match is_stage {
                    _ if words.is_empty() => turned_off(model, &at, declared),
                    true => declared_only(model, &variable, &at),
                    false => parsed(model, &variable, &at),
                });
            }
            Some(Switch::Passed { word, .. }) => {
                patch = patch.edits(command::remove_word(&model.repo, &word));
                patch.title = "Start the server without the debugger".to_owned();
            }
            Some(Switch::Trap { variable, at, .. }) => {
                patch = patch.edits(parsed(model, &variable, &at));
            }
            _ => {}
        }
    }
    patch
}

/// A call that grows too long for its line gets a line for each argument.
fn broken_lines(model: &Model, site: &CallSite, call: &ExprCall, edits: &[Edit]) -> Vec<Edit> {
    let module = model.modules.get(site.module);
    let changes: Vec<(Span, String)> = edits
        .iter()
        .filter_map(|edit| match edit {
            Edit::Replace { path, span, text } if path == module.path() => {
                Some((*span, text.clone()))
            }
            _ => None,
        })
        .collect();
    add_keywords_beside(module, call, &[], &changes)
}

/// The constant at `at` becomes `False`, or follows the declared environment.
pub(super) fn turned_off(model: &Model, at: &Location, declared: bool) -> Vec<Edit> {
    if !declared {
        return vec![Edit::replace(&at.path, at.span, "False")];
    }
    let Some(module) = model.modules.by_path(&at.path) else {
        return Vec::new();
    };
    let (os, import) = imports::module_for(model, module, at.span.start, "os");
    let text = format!("{os}.environ.get(\"FLASK_ENV\") == \"development\"");
    let mut edits = vec![Edit::replace(&at.path, at.span, text)];
    edits.extend(import);
    edits
}

/// On only where the variable that names the stage says development.
fn declared_only(model: &Model, variable: &str, at: &Location) -> Vec<Edit> {
    let Some(module) = model.modules.by_path(&at.path) else {
        return Vec::new();
    };
    let (os, import) = imports::module_for(model, module, at.span.start, "os");
    let text = format!("{os}.environ.get(\"{variable}\") == \"development\"");
    let text = requoted(model.modules.get(module), &text);
    let mut edits = vec![Edit::replace(&at.path, at.span, text)];
    edits.extend(import);
    edits
}

/// The text of the variable is read as a text.
pub(in super::super) fn parsed(model: &Model, variable: &str, at: &Location) -> Vec<Edit> {
    let Some(module) = model.modules.by_path(&at.path) else {
        return Vec::new();
    };
    if let Some(edits) = with_its_own_parser(model, module, at) {
        return edits;
    }
    let (os, import) = imports::module_for(model, module, at.span.start, "os");
    let text =
        format!("{os}.environ.get(\"{variable}\", \"\").lower() in (\"1\", \"true\", \"yes\")");
    let text = requoted(model.modules.get(module), &text);
    let mut edits = vec![Edit::replace(&at.path, at.span, text)];
    edits.extend(import);
    edits
}

/// `env("DEBUG")` of environs becomes `env.bool("DEBUG")`, `config("DEBUG")` of decouple gets
/// `cast=bool`: the library reads texts itself.
fn with_its_own_parser(model: &Model, module: ModuleId, at: &Location) -> Option<Vec<Edit>> {
    let tree = model.modules.get(module);
    let Expr::Call(call) = tree.expression_at(at.span)? else {
        return None;
    };
    let callee = model.names.callee(&model.modules, module, &call.func);
    if callee.is_some_and(|callee| callee.is("decouple.config")) {
        return Some(add_keyword(tree, call, "cast", "bool"));
    }
    let is_env = |expr: &Expr| {
        let class = model.names.type_of(&model.modules, module, expr);
        class.is_some_and(|class| class.is("environs.Env") || class.is("environ.Env"))
    };
    match &*call.func {
        Expr::Attribute(method) if method.attr.as_str() == "str" && is_env(&method.value) => {
            let name = Span::from(method.attr.range);
            Some(vec![Edit::replace(tree.path(), name, "bool")])
        }
        func if is_env(func) => {
            let end = func.range().end().to_usize();
            Some(vec![Edit::insert(tree.path(), end, ".bool")])
        }
        _ => None,
    }
}
