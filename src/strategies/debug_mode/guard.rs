//! `debug-guard`: at start the application refuses debug mode outside of declared development.

use std::sync::Arc;

use super::flask;
use super::guards::{self, Guard};
use crate::edit::module_file::NewModule;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::app::{App, AppId};
use crate::model::config::{Environment, SetupEnd};
use crate::model::deployment::{Stage, flask_debug_on};
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};
use crate::text::{Location, Span};

pub struct DebugGuard;

static ABOUT: About = About {
    id: "debug-guard",
    title: "The app refuses to start with debug on outside of declared development",
    strategy: &DEBUG_MODE,
    threats: &["information-disclosure", "remote-code-execution"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/debug-guard.md"),
};

const OPTION: &str = "debug-guard.form";
const SHORT: &str = include_str!("../../../assets/snippets/debug_guard_short.py");
const FULL: &str = include_str!("../../../assets/snippets/debug_guard.py");

impl Control for DebugGuard {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        if model.apps.is_empty() {
            return Verdict::not_applicable("no Flask application is constructed here");
        }
        let guards = guards::find(model);
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for (id, app) in model.apps.production() {
            let near: Vec<&Guard> = guards
                .iter()
                .filter(|guard| guards_app(model, guard, id))
                .collect();
            if let Some(whole) = near.iter().find(|guard| guard.hole().is_none()) {
                let note = "refuses to start with debug on outside of declared development";
                evidence.push(Evidence::new(whole.location.clone(), note));
                continue;
            }
            let finding = match near.first() {
                Some(guard) => incomplete(guard),
                None => absent(model, id, app),
            };
            // Two applications may be set up by one statement: one finding is enough.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let guards = guards::find(model);
        let of_finding = model
            .apps
            .production()
            .find(|(id, app)| match finding.absent {
                true => finding.location == place_of(model, *id, app),
                false => guards.iter().any(|guard| {
                    guard.location == finding.location && guards_app(model, guard, *id)
                }),
            });
        let Some((id, app)) = of_finding else {
            return manual(Vec::new());
        };
        let old = guards
            .iter()
            .find(|guard| guard.location == finding.location);
        patch(model, id, app, old, answers)
    }
}

/// Whether a guard is about this application: it names it, or names none and the application is
/// the one that is nearest to it.
fn guards_app(model: &Model, guard: &Guard, app: AppId) -> bool {
    match guard.about.is_empty() {
        true => model.apps.nearest(model.modules.get(guard.module).path()) == Some(app),
        false => guard.about.contains(&app),
    }
}

fn incomplete(guard: &Guard) -> Finding {
    let why = guard.hole().unwrap_or_default();
    let message = format!("This check does not keep debug mode out of production: {why}.");
    Finding::new(ABOUT.id, guard.location.clone(), ABOUT.severity, message)
        .subject("incomplete guard")
}

fn absent(model: &Model, id: AppId, app: &App) -> Finding {
    let message = "Nothing stops the app from serving with debug on: one variable in one \
                   deployment file is enough.";
    Finding::new(ABOUT.id, place_of(model, id, app), ABOUT.severity, message)
        .absent()
        .subject("guard")
}

/// Where the guard goes, else where the app is made.
fn place_of(model: &Model, id: AppId, app: &App) -> Location {
    match model.configuration.end_of_setup(id) {
        Some(end) => Location::new(&end.path, end.last),
        None => app.statement.clone(),
    }
}

fn manual(follow_ups: Vec<String>) -> Patch {
    Patch::manual("Refuse to start with debug on", follow_ups)
}

fn patch(model: &Model, id: AppId, app: &App, old: Option<&Guard>, answers: &Answers) -> Patch {
    let Some(end) = model.configuration.end_of_setup(id) else {
        return manual(vec![
            "Call a guard where the app is complete; `explain debug-guard` says what it has to \
             check."
                .into(),
        ]);
    };
    let Some(module) = model.modules.by_path(&end.path) else {
        return manual(Vec::new());
    };
    let default = match flask::oldest(model) {
        Some(version) if version < (2, 0) => "full",
        _ => "short",
    };
    let form = answers.or(OPTION, default).to_owned();
    let file = NewModule::beside(model, module, "debug_guard");
    let local = local_work(model);
    let mut patch = Patch::new(
        PatchKind::Review,
        "Refuse to start with debug on unless FLASK_ENV declares development",
        guarantee(&form),
    )
    .may_break("A local start with debug on has to declare FLASK_ENV=development from now on.")
    .follow_up(local)
    .option(RemedyOption {
        key: OPTION,
        question: "The short form, or the full one that also checks app.run()?".into(),
        choices: vec!["short".into(), "full".into()],
        value: form.clone(),
    })
    .edit(Edit::create(
        Arc::clone(&file.path),
        text(&sharing(model, &file, (id, app)), model, &form),
    ))
    .edit(file.imported(&end.path, "guard_debug"));
    patch = patch.edits(calls(model, end));
    let source = model.modules.get(module).file.text.as_str();
    if file.import.starts_with('.') && source.contains("__main__") {
        patch = patch.may_break(format!(
            "{} can no longer be run as a script by its path, only as a module (`python -m`).",
            end.path
        ));
    }
    for broken in refused_development(model) {
        patch = patch.may_break(broken);
    }
    match old {
        Some(old) => without_old(model, patch, old),
        None => patch,
    }
}

fn guarantee(form: &str) -> &'static str {
    match form {
        "full" => {
            "The app does not serve with debug on, however it is switched on before or by \
             app.run(), unless FLASK_ENV declares development; and never so under gunicorn, uWSGI \
             or mod_wsgi"
        }
        _ => {
            "The app does not start with debug on from FLASK_DEBUG, `flask run --debug`, app.debug \
             or the configuration, unless FLASK_ENV declares development; and never so under \
             gunicorn or uWSGI"
        }
    }
}

/// The applications that call the guard of this file: all that are complete in its folder, since
/// one module serves them.
fn sharing<'m>(model: &'m Model, file: &NewModule, own: (AppId, &'m App)) -> Vec<(AppId, &'m App)> {
    let others = model.apps.production().filter(|(id, _)| {
        let end = model.configuration.end_of_setup(*id);
        *id != own.0 && end.is_some_and(|end| folder(&end.path) == folder(&file.path))
    });
    std::iter::once(own).chain(others).collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The guard's own text, for these applications.
fn text(apps: &[(AppId, &App)], model: &Model, form: &str) -> String {
    if form == "full" {
        return FULL.to_owned();
    }
    let mut text = SHORT.to_owned();
    if apps.iter().any(|(id, _)| tests_debug(model, *id)) {
        text = text.replace(
            "(app.debug or flag) and not development",
            "((app.debug and not app.testing) or flag) and not development",
        );
    }
    if apps.iter().any(|(_, app)| is_typed(model, app)) {
        text = text
            .replace("import sys\n", "import sys\n\nfrom flask import Flask\n")
            .replace(
                "def guard_debug(app):",
                "def guard_debug(app: Flask) -> None:",
            );
    }
    text
}

/// Whether the tests run with debug on: they keep doing so, since they never serve.
fn tests_debug(model: &Model, id: AppId) -> bool {
    let value = model.configuration.value(id, "DEBUG", Environment::Testing);
    value
        .and_then(|value| value.known())
        .is_some_and(|literal| literal.is_truthy())
}

/// Whether the function that makes the app says what it returns.
fn is_typed(model: &Model, app: &App) -> bool {
    let module = model.modules.get(app.module);
    let ancestors = module.ancestors(app.construction.span);
    ancestors.iter().any(|node| {
        matches!(node, ruff_python_ast::AnyNodeRef::StmtFunctionDef(function)
            if function.returns.is_some())
    })
}

/// The calls, as the last step of the set-up, for every application that is complete there.
fn calls(model: &Model, end: &SetupEnd) -> Option<Edit> {
    let file = model.repo.file(&end.path)?;
    let text = &file.text;
    let newline = text.newline();
    let at_end = end.offset >= text.len();
    let open = match at_end && !text.is_empty() && !text.as_str().ends_with('\n') {
        true => newline,
        false => "",
    };
    let apps = model.apps.production();
    let ends = apps.filter_map(|(id, _)| model.configuration.end_of_setup(id));
    let mut names: Vec<&str> = ends
        .filter(|other| other.path == end.path && other.last == end.last)
        .map(|other| other.name.as_str())
        .collect();
    names.dedup();
    let indentation = &end.indentation;
    let lines = names
        .iter()
        .map(|name| format!("{indentation}guard_debug({name}){newline}"));
    let lines = format!("{open}{}", lines.collect::<String>());
    Some(Edit::insert(&end.path, end.offset, lines))
}

/// How local work goes on.
fn local_work(model: &Model) -> String {
    let has_dotenv = !model.dependencies.declarations("python-dotenv").is_empty();
    let dotenv_exists = model.repo.files().any(|file| &*file.path == ".env");
    match has_dotenv || dotenv_exists {
        true => "For local work put FLASK_ENV=development into your untracked .env file (not into \
                 .flaskenv, which others get)."
            .into(),
        false => "For local work set FLASK_ENV=development in your shell, or in an untracked .env \
                  file once python-dotenv is installed."
            .into(),
    }
}

/// Deployment files for development that would be refused.
fn refused_development(model: &Model) -> Vec<String> {
    let mut refused: Vec<String> = Vec::new();
    let debug = model.deployment.settings("FLASK_DEBUG").filter(|setting| {
        setting.stage != Stage::Production && setting.literal().is_some_and(flask_debug_on)
    });
    for setting in debug {
        let path = &setting.location.path;
        let mut declared = model.deployment.settings("FLASK_ENV");
        let is_declared =
            declared.any(|it| it.location.path == *path && it.literal() == Some("development"));
        let message =
            format!("{path} sets FLASK_DEBUG: it has to set FLASK_ENV=development as well.");
        if !is_declared && !refused.contains(&message) {
            refused.push(message);
        }
    }
    refused
}

/// The old check goes where it stands by itself; one in a function of its own is left to a person.
fn without_old(model: &Model, mut patch: Patch, old: &Guard) -> Patch {
    let module = model.modules.get(old.module);
    if let Some(function) = &old.function {
        return patch.follow_up(format!(
            "{function}() in {} checked this before; it can go.",
            module.path()
        ));
    }
    let text = &module.file.text;
    for span in &old.statements {
        let start = text.line_start(text.line_of(span.start));
        let mut end = text.next_line_start(span.end);
        // The blank line behind it would stand beside the one before it.
        let blank_before = start == 0 || text.line(text.line_of(start) - 1).trim().is_empty();
        if blank_before && end < text.len() && text.line(text.line_of(end)).trim().is_empty() {
            end = text.next_line_start(end);
        }
        patch = patch.edit(Edit::replace(module.path(), Span::new(start, end), ""));
    }
    patch.edit(Edit::DropImport {
        path: Arc::clone(module.path()),
        import: crate::finding::Import {
            module: "os".into(),
            name: None,
            alias: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const FACTORY: &str = "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    \
                           app.config[\"A\"] = 1\n    return app\n";

    fn hole(source: &str) -> Option<String> {
        let verdict = testing::verdict(&DebugGuard, &[("app.py", source)]);
        verdict
            .findings()
            .first()
            .map(|finding| finding.message.clone())
    }

    #[test]
    fn every_application_of_a_module_has_its_own_guard() {
        let head = "from flask import Flask\nshop = Flask('shop')\nadmin = Flask('admin')\n";
        let guard = "from debug_guard import guard_debug\n";
        let calls = "guard_debug(shop)\nguard_debug(admin)\n";
        let holes = |source: &str| {
            let texts = [("app.py", source), ("debug_guard.py", SHORT)];
            testing::verdict(&DebugGuard, &texts).findings().len()
        };
        assert_eq!(holes(head), 2);
        assert_eq!(holes(&format!("{guard}{head}guard_debug(admin)\n")), 1);
        assert_eq!(holes(&format!("{guard}{head}{calls}")), 0);
        let both = format!("{head}shop.secret_key = admin.secret_key = KEY\n");
        assert_eq!(
            testing::apply(&DebugGuard, &[("app.py", &both)], "app.py"),
            format!(
                "from flask import Flask\n\n{guard}{}{calls}",
                &both["from flask import Flask\n".len()..]
            )
        );
    }

    #[test]
    fn applications_of_one_package_share_the_text_of_the_guard() {
        let typed = FACTORY.replace("create_app():", "create_app() -> Flask:");
        let plain = FACTORY.replace("create_app", "make_tool");
        let guard = |texts: &[(&str, &str)]| -> Vec<String> {
            let model = testing::model(texts);
            let verdict = DebugGuard.check(&model);
            let patches = verdict
                .findings()
                .iter()
                .map(|finding| DebugGuard.remedy(&model, finding, &Answers::default()));
            let created = patches
                .flat_map(|patch| patch.edits)
                .filter_map(|edit| match edit {
                    Edit::Create { text, .. } => Some(text),
                    _ => None,
                });
            created.collect()
        };
        let texts = guard(&[("shop/app.py", &*typed), ("shop/tool.py", &*plain)]);
        assert_eq!(texts.len(), 2);
        assert_eq!(texts[0], texts[1]);
        assert!(texts[0].contains("app: Flask"), "{}", texts[0]);
        let apart = guard(&[("shop/app.py", &*typed), ("tool/app.py", &*plain)]);
        assert_eq!(apart.len(), 2);
        assert_ne!(apart[0], apart[1]);
    }

    #[test]
    fn a_factory_gets_the_guard_as_its_last_step() {
        let texts = [("shop/__init__.py", FACTORY)];
        assert_eq!(
            testing::apply(&DebugGuard, &texts, "shop/__init__.py"),
            "from flask import Flask\n\nfrom .debug_guard import guard_debug\n\n\n\
             def create_app():\n    app = Flask(__name__)\n    app.config[\"A\"] = 1\n    \
             guard_debug(app)\n    return app\n"
        );
        let texts = [("app.py", FACTORY)];
        let after = testing::apply(&DebugGuard, &texts, "app.py");
        assert!(
            after.contains("from debug_guard import guard_debug\n"),
            "{after}"
        );
    }

    #[test]
    fn both_forms_are_recognised_as_guards() {
        for (form, text) in [("short", SHORT), ("full", FULL)] {
            let app = "from flask import Flask\nfrom debug_guard import guard_debug\n\
                       app = Flask(__name__)\nguard_debug(app)\n";
            let texts = [("app.py", app), ("debug_guard.py", text)];
            let verdict = testing::verdict(&DebugGuard, &texts);
            assert!(
                matches!(verdict, Verdict::Implemented { .. }),
                "{form}: {verdict:?}"
            );
            let uncalled = [
                ("app.py", "from flask import Flask\napp = Flask(__name__)\n"),
                texts[1],
            ];
            let verdict = testing::verdict(&DebugGuard, &uncalled);
            assert!(
                verdict.findings()[0].message.contains("nothing calls it"),
                "{form}"
            );
        }
    }

    #[test]
    fn the_common_checks_have_holes() {
        let name_only = "import os\nfrom flask import Flask\nif os.environ.get('FLASK_ENV') == 'development':\n    \
                         raise RuntimeError('no')\napp = Flask(__name__)\n";
        assert!(hole(name_only).unwrap().contains("checks the name"));
        let mismatch = "import os\nfrom flask import Flask\napp = Flask(__name__)\n\
                        env = os.environ.get('FLASK_ENV')\n\
                        if env == 'development' and not app.debug:\n    raise RuntimeError('a')\n\
                        if env != 'development' and app.debug:\n    raise RuntimeError('b')\n";
        assert!(hole(mismatch).unwrap().contains("flask run"));
        let about_a_key = "from flask import Flask\napp = Flask(__name__)\nKEY = load()\n\
                           if KEY == 'x' and not app.debug:\n    raise RuntimeError('key')\n";
        assert!(hole(about_a_key).unwrap().starts_with("Nothing stops"));
        let handed_on = "from flask import Flask\napp = Flask(__name__)\n\
                         @app.errorhandler(500)\ndef e(x):\n    if app.debug:\n        raise x\n";
        assert!(hole(handed_on).unwrap().starts_with("Nothing stops"));
    }

    #[test]
    fn a_check_of_the_key_stays() {
        let check = "if not app.secret_key:\n    \
                     if os.environ.get('FLASK_ENV') != 'development':\n        \
                     raise RuntimeError('no key')\n";
        let source = format!("import os\nfrom flask import Flask\napp = Flask(__name__)\n{check}");
        let after = testing::apply(&DebugGuard, &[("app.py", &source)], "app.py");
        assert!(after.contains(check), "{after}");
        assert!(after.contains("guard_debug(app)\n"), "{after}");
    }

    #[test]
    fn a_check_with_holes_is_replaced() {
        let before = "import os\n\nfrom flask import Flask\n\n\
                      if os.environ.get('FLASK_ENV') == 'development':\n    raise RuntimeError('no')\n\n\
                      app = Flask(__name__)\n";
        assert_eq!(
            testing::apply(&DebugGuard, &[("app.py", before)], "app.py"),
            "from flask import Flask\n\nfrom debug_guard import guard_debug\n\n\
             app = Flask(__name__)\nguard_debug(app)\n"
        );
    }
}
