//! `debug-tests`: the tests prove that debug is off in production and that the guard refuses
//! each bad combination.

use std::sync::Arc;

use super::guard::DebugGuard;
use super::target;
use crate::discover::{File, FileKind, Purpose};
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::config::Environment;
use crate::strategies::strategy::DEBUG_MODE;
use crate::strategies::{About, Answers, Control};
use crate::text::{Location, Span};

pub struct DebugTests;

static ABOUT: About = About {
    id: "debug-tests",
    title: "The tests prove that debug stays off in production",
    strategy: &DEBUG_MODE,
    threats: &["information-disclosure", "remote-code-execution"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/debug-tests.md"),
};

const TESTS: &str = include_str!("../../../assets/snippets/test_debug_mode.py");
const NAME: &str = "test_debug_mode.py";

impl Control for DebugTests {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let Some((_, app)) = model.apps.production().next() else {
            return Verdict::not_applicable("no Flask application is constructed here");
        };
        if let Some(file) = tests(model).find(|file| proves(file)) {
            let note = "starts the app with debug on, and expects a refusal";
            let location = Location::new(&file.path, Span::at(0));
            return Verdict::Implemented {
                evidence: vec![Evidence::new(location, note)],
            };
        }
        let half = tests(model).find(|file| asserts(file));
        let message = match half {
            Some(file) => format!(
                "{} looks at debug inside the test process only, where the test configuration is \
                 loaded: it says nothing about production.",
                file.path
            ),
            None => "No test holds debug off in production: the next change may turn it on \
                     unnoticed."
                .into(),
        };
        let finding = Finding::new(ABOUT.id, app.statement.clone(), ABOUT.severity, message)
            .absent()
            .subject("debug tests");
        Verdict::from_findings(vec![finding], Vec::new())
    }

    fn remedy(&self, model: &Model, _finding: &Finding, answers: &Answers) -> Patch {
        let title = "Add tests that hold debug off in production";
        let Some((start, loaded)) = target::anywhere(model) else {
            let by_hand = "Start the app in a fresh process per case; `explain debug-tests`.";
            return Patch::manual(title, vec![by_hand.into()]);
        };
        let folder = test_folder(model);
        let path = match folder.is_empty() {
            true => NAME.to_owned(),
            false => format!("{folder}/{NAME}"),
        };
        let text = text(model, &folder, &start, &loaded);
        let mut patch = Patch::new(
            PatchKind::Review,
            title,
            "A change that lets debug mode into production fails the tests",
        )
        .edit(Edit::create(path, text));
        // Without the guard they would fail at once: it comes along.
        if let Some(guard) = DebugGuard.check(model).findings().first() {
            let guard = DebugGuard.remedy(model, guard, answers);
            if guard.kind == PatchKind::Manual {
                return Patch::manual(title, vec!["Add the guard first (debug-guard).".into()]);
            }
            patch = patch
                .may_break("It brings the guard of debug-guard with it, which it tests.")
                .edits(guard.edits);
            patch.follow_ups.extend(guard.follow_ups);
        }
        patch.follow_up(
            "Run the new tests once: they need pytest, and are skipped where the app does \
             not start, for want of its database for one.",
        )
    }
}

fn tests(model: &Model) -> impl Iterator<Item = &Arc<File>> {
    let python = model.repo.of_kind(FileKind::Python);
    python.filter(|file| file.purpose == Purpose::Test)
}

/// Whether a test turns debug on and expects that this fails.
fn proves(file: &File) -> bool {
    let text = file.text.as_str();
    let turns_on = text.contains("FLASK_DEBUG") || text.contains("debug=True");
    let refused = text.contains("pytest.raises")
        || text.contains("assertRaises")
        || text.contains("returncode != 0");
    turns_on && refused
}

fn asserts(file: &File) -> bool {
    let text = file.text.as_str();
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| {
        line.starts_with("assert") && (line.contains(".debug") || line.contains("DEBUG"))
    })
}

/// Where the project keeps its tests.
fn test_folder(model: &Model) -> String {
    let mut folders: Vec<&str> = tests(model)
        .filter(|file| {
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            name.starts_with("test_") || name == "conftest.py"
        })
        .map(|file| file.path.rsplit_once('/').map_or("", |(folder, _)| folder))
        .collect();
    folders.sort_by_key(|folder| (folder.matches('/').count(), folder.len(), *folder));
    folders
        .first()
        .map_or_else(|| "tests".into(), |folder| (*folder).to_owned())
}

fn text(model: &Model, folder: &str, start: &str, loaded: &target::Loaded) -> String {
    let depth = match folder.is_empty() {
        true => 0,
        false => folder.split('/').count(),
    };
    let mut steps = vec!["\"..\"".to_owned(); depth];
    let down = start.split('/').filter(|part| !part.is_empty());
    steps.extend(down.map(|part| format!("\"{part}\"")));
    if steps.is_empty() {
        steps.push("\".\"".to_owned());
    }
    let steps = steps.join(", ");
    TESTS
        .replace(ROOT_LINE, &root_line(&steps))
        .replace("LOAD_STATEMENTS", &loaded.statements())
        .replace(
            "environment.update(FLASK_SKIP_DOTENV=\"1\")",
            &update(&production(model)),
        )
}

const ROOT_LINE: &str =
    "ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), ROOT_FROM_HERE)";

/// The line that names the folder to start from, as black would write it.
fn root_line(steps: &str) -> String {
    let one_line = ROOT_LINE.replace("ROOT_FROM_HERE", steps);
    if one_line.len() <= 88 {
        return one_line;
    }
    let inner = one_line.strip_prefix("ROOT = os.path.join(");
    let inner = inner
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or_default();
    format!("ROOT = os.path.join(\n    {inner}\n)")
}

/// The call that sets the variables, as black would write it.
fn update(variables: &[String]) -> String {
    const WIDTH: usize = 88 - 4;
    let all = variables.join(", ");
    let one_line = format!("environment.update({all})");
    if one_line.len() <= WIDTH {
        return one_line;
    }
    if all.len() + 4 <= WIDTH {
        return format!("environment.update(\n        {all}\n    )");
    }
    let lines: String = variables
        .iter()
        .map(|variable| format!("        {variable},\n"))
        .collect();
    format!("environment.update(\n{lines}    )")
}

/// What the app needs to start as in production: which configuration, and keys that are plainly
/// none.
fn production(model: &Model) -> Vec<String> {
    let mut needed = vec!["FLASK_SKIP_DOTENV=\"1\"".to_owned()];
    let Some((app, _)) = model.apps.production().next() else {
        return needed;
    };
    for switch in model.configuration.switches(app) {
        let chosen = switch.chosen[0].as_ref();
        if let (Some(variable), Some(chosen)) = (&switch.variable, chosen)
            && let Some(candidate) = switch.candidates.get(chosen.candidate)
        {
            needed.push(format!("{variable}=\"{}\"", candidate.name));
        }
    }
    for write in model.configuration.in_order(app, Environment::Production) {
        let leaves = write.value.leaves();
        let is_secret = write.key.contains("SECRET") || write.key.contains("SALT");
        for read in leaves.iter().filter_map(|leaf| leaf.env()) {
            if is_secret || read.required {
                needed.push(format!("{}=\"not-a-secret-\" * 4", read.name));
            }
        }
        if is_secret && leaves.iter().all(|leaf| leaf.env().is_none()) {
            needed.push(format!("{}=\"not-a-secret-\" * 4", write.key));
        }
    }
    needed.sort();
    needed.dedup();
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    #[test]
    fn the_tests_start_what_production_starts() {
        let texts = [
            (
                "shop/__init__.py",
                "import os\nfrom flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    \
              app.secret_key = os.environ['SECRET_KEY']\n    return app\n",
            ),
            ("tests/test_shop.py", "import pytest\n"),
        ];
        let patch = testing::patch(&DebugTests, &texts);
        let created = patch.edits.iter().find_map(|edit| match edit {
            Edit::Create { path, text, .. } if path.ends_with(NAME) => Some((path, text)),
            _ => None,
        });
        let (path, text) = created.unwrap();
        assert_eq!(&**path, "tests/test_debug_mode.py");
        assert!(
            text.contains("from shop import create_app; app = create_app()"),
            "{text}"
        );
        assert!(text.contains("SECRET_KEY=\"not-a-secret-\" * 4"), "{text}");
        assert!(
            text.contains("os.path.abspath(__file__)), \"..\")"),
            "{text}"
        );
        let guarded = [texts[0], texts[1], (path.as_ref(), text.as_str())];
        let verdict = testing::verdict(&DebugTests, &guarded);
        assert!(matches!(verdict, Verdict::Implemented { .. }));
    }

    /// The lines that say where the new tests start, and what they load there.
    fn start(texts: &[(&str, &str)]) -> String {
        let patch = testing::patch(&DebugTests, texts);
        let text = patch.edits.iter().find_map(|edit| match edit {
            Edit::Create { path, text, .. } if path.ends_with(NAME) => Some(text),
            _ => None,
        });
        let lines = text.unwrap().lines();
        let wanted = lines.filter(|line| {
            line.starts_with("LOAD =") || line.contains("os.path.dirname(os.path.abspath")
        });
        wanted.map(str::trim).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn scripts_below_the_root_are_loaded_from_their_own_folder() {
        let app = "from flask import Flask\nimport config\n\napp = Flask(__name__)\n";
        for (path, root, load) in [
            ("src/app.py", "\"..\", \"src\"", "from app import app"),
            (
                "the-shop/server/app.py",
                "\"..\", \"the-shop\", \"server\"",
                "from app import app",
            ),
            ("app.py", "\"..\"", "from app import app"),
            (
                "shop-app.py",
                "\"..\"",
                "import importlib; app = importlib.import_module('shop-app').app",
            ),
        ] {
            let text = start(&[(path, app)]);
            assert!(text.contains(root), "{path}: {text}");
            assert!(text.contains(load), "{path}: {text}");
        }
    }

    #[test]
    fn what_production_loads_is_loaded() {
        let factory = "from flask import Flask\n\n\ndef create_app(name):\n    app = Flask(__name__)\n    return app\n";
        let text = start(&[
            ("web/shop.py", factory),
            (
                "Dockerfile",
                "FROM python\nWORKDIR /web\nCOPY web /web\nCMD [\"gunicorn\", \"shop:create_app('prod')\"]\n",
            ),
        ]);
        assert!(text.contains("\"..\", \"web\""), "{text}");
        assert!(
            text.contains("from shop import create_app; app = create_app('prod')"),
            "{text}"
        );
    }
}
