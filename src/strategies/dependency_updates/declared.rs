//! `dependencies-declared`: a manifest names Flask and Werkzeug, with versions that resolve.

use pep440_rs::Version;

use super::{THREATS, UNPINNED, dependency_place, imports, spelled};
use crate::edit::dependency::{bump, bump_all};
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::dependencies::{How, Releases, Specifier, Upgrade};
use crate::strategies::strategy::DEPENDENCY_UPDATES;
use crate::strategies::{About, Answers, Control};

pub struct DependenciesDeclared;

static ABOUT: About = About {
    id: "dependencies-declared",
    title: "Flask and Werkzeug are declared with versions",
    strategy: &DEPENDENCY_UPDATES,
    threats: THREATS,
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/dependencies-declared.md"),
};

impl Control for DependenciesDeclared {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let uses_flask = imports(model, "flask") || model.dependencies.flask().is_some();
        let wanted: &[&str] = match uses_flask {
            true => &["flask", "werkzeug"],
            false if imports(model, "werkzeug") => &["werkzeug"],
            false => return Verdict::not_applicable("nothing imports Flask or Werkzeug"),
        };
        if let [first, ..] = wanted
            && wanted
                .iter()
                .all(|name| model.dependencies.resolved(name).is_none())
        {
            return Verdict::from_findings(vec![undeclared(model, first)], Vec::new());
        }
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for name in wanted {
            match state(model, name) {
                State::Settled(note) => evidence.push(note),
                State::Lacking(finding) => findings.push(*finding),
            }
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let name = finding.subject.as_str();
        match model.dependencies.resolved(name) {
            Some(_) => bounded(model, name),
            None => added(model, name),
        }
    }
}

enum State {
    Settled(Evidence),
    Lacking(Box<Finding>),
}

fn state(model: &Model, name: &str) -> State {
    let Some(resolved) = model.dependencies.resolved(name) else {
        return State::Lacking(Box::new(undeclared(model, name)));
    };
    let settled = |note: String| State::Settled(Evidence::new(resolved.from.clone(), note));
    match (&resolved.specifier, resolved.how) {
        (Specifier::Any, How::Unbounded) => {
            let message = format!(
                "{} is declared without a version: each installation takes whatever is newest on \
                 its day, an existing one keeps what it has, and nothing says which versions were \
                 tested.",
                spelled(name)
            );
            let finding = Finding::new(ABOUT.id, resolved.from, UNPINNED, message);
            State::Lacking(Box::new(finding.subject(name)))
        }
        (Specifier::Source(address), _) => settled(format!("installs {name} from {address}")),
        (specifier, How::LowestOfRange | How::Unbounded) => {
            settled(format!("declares {name} as {specifier}"))
        }
        (specifier, How::Locked) => settled(format!("locks {name} to {specifier}")),
        (specifier, How::Pinned) => settled(format!("pins {name} to {specifier}")),
    }
}

fn undeclared(model: &Model, name: &str) -> Finding {
    let place = dependency_place(model);
    let place = place.unwrap_or_else(|| crate::text::Location {
        path: "requirements.txt".into(),
        span: crate::text::Span::at(0),
    });
    let (severity, message) = match (name, clash(model)) {
        ("werkzeug", Some((flask, newest))) => (
            Severity::Medium,
            format!(
                "Werkzeug is not declared: an installation takes {newest} beside Flask {flask}, \
                 and these two do not work together."
            ),
        ),
        ("werkzeug", None) => (
            UNPINNED,
            "Werkzeug is not declared: its version changes with every installation, though most \
             of the advisories for Flask applications are about it."
                .to_owned(),
        ),
        _ => (
            Severity::Medium,
            format!(
                "No manifest names {}: nobody can tell which version production runs.",
                spelled(name)
            ),
        ),
    };
    let finding = Finding::new(ABOUT.id, place, severity, message);
    finding.absent().subject(name)
}

/// The Flask in use and the newest Werkzeug, where they do not work together.
fn clash(model: &Model) -> Option<(Version, Version)> {
    let flask = model.dependencies.flask()?;
    if !matches!(flask.how, How::Locked | How::Pinned) {
        return None;
    }
    let flask = flask.version?;
    let newest = Releases::known().newest_within("werkzeug", &Specifier::Any)?;
    let works = Releases::known().works_together(("flask", &flask), ("werkzeug", &newest));
    (!works).then_some((flask, newest))
}

/// What declares the first package, of Flask and Werkzeug, that the application imports.
pub(super) fn first(model: &Model) -> Option<Patch> {
    let name = ["flask", "werkzeug"]
        .into_iter()
        .find(|name| imports(model, name))?;
    let patch = added(model, name);
    (patch.kind != PatchKind::Manual).then_some(patch)
}

/// A lower bound for a package that is named without a version.
fn bounded(model: &Model, name: &str) -> Patch {
    let title = format!("Ask for a {} without known vulnerabilities", spelled(name));
    let Some(version) = target(model, name) else {
        return Patch::manual(
            title,
            vec![format!("Choose a version of {name} and declare it.")],
        );
    };
    match bump(&model.dependencies, name, &version) {
        Ok(change) if !change.edits.is_empty() => {
            let mut patch = Patch::new(
                PatchKind::Review,
                title,
                format!(
                    "No installation takes a {} older than {version}",
                    spelled(name)
                ),
            )
            .edits(change.edits)
            .may_break(format!(
                "Environments that still hold an older {} install {version} or newer.",
                spelled(name)
            ));
            patch.follow_ups = change.follow_ups;
            patch
        }
        Ok(change) => Patch::manual(title, change.follow_ups),
        Err(manual) => Patch::manual(title, manual.sentences()),
    }
}

/// A package that is not named at all: beside the Flask that is there, which moves along where
/// the two would not work together.
fn added(model: &Model, name: &str) -> Patch {
    let title = format!("Declare {}", spelled(name));
    let deps = &model.dependencies;
    let Some(version) = target(model, name) else {
        return Patch::manual(
            title,
            vec![format!("Choose a version of {name} and declare it.")],
        );
    };
    let guarantee = format!(
        "Every installation gets {} {version} or newer",
        spelled(name)
    );
    let patch = Patch::new(PatchKind::Review, title, guarantee)
        .edit(Edit::dependency(format!("{}>={version}", spelled(name))))
        .may_break(format!(
            "Environments that hold an older {} install {version} or newer.",
            spelled(name)
        ));
    if name == "flask" && deps.werkzeug().is_none() {
        let werkzeug = target(model, "werkzeug");
        let patch = Patch {
            title: "Declare Flask and Werkzeug".into(),
            ..patch
        };
        return patch
            .edits(werkzeug.map(|version| Edit::dependency(format!("Werkzeug>={version}"))));
    }
    if name == "flask" || clash(model).is_none() {
        return patch;
    }
    let upgrade = Upgrade::of(deps, &model.advisories, "flask");
    let moves: Vec<(&str, Version)> = upgrade
        .moves
        .iter()
        .map(|one| (one.package.as_str(), one.to.clone()))
        .collect();
    match bump_all(deps, &moves) {
        Ok(change) => {
            let mut patch = patch.edits(change.edits);
            patch.may_break.extend(super::breakage::of(model, &upgrade));
            patch.follow_ups.extend(change.follow_ups);
            patch
        }
        Err(manual) => Patch::manual(patch.title, manual.sentences()),
    }
}

/// The newest clean version that runs on the project's Python and beside its Flask.
fn target(model: &Model, name: &str) -> Option<Version> {
    let deps = &model.dependencies;
    let floor = deps.python_requires().and_then(|python| python.floor());
    let flask = Upgrade::of(deps, &model.advisories, "flask")
        .moves("flask")
        .map(|one| one.to.clone())
        .or_else(|| deps.flask().and_then(|flask| flask.version));
    Releases::known()
        .of(name)
        .filter(|release| release.runs_on(floor.as_ref()))
        .filter_map(|release| release.version())
        .filter(|version| model.advisories.matching(name, version).is_empty())
        .filter(|version| {
            let flask = flask.as_ref().filter(|_| name != "flask");
            flask.is_none_or(|flask| {
                Releases::known().works_together(("flask", flask), (name, version))
            })
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch, verdict};

    const APP: (&str, &str) = ("app.py", "from flask import Flask\napp = Flask(__name__)\n");

    fn subjects(texts: &[(&str, &str)]) -> Vec<(String, Severity)> {
        let verdict = verdict(&DependenciesDeclared, texts);
        let all = verdict.findings().iter();
        all.map(|finding| (finding.subject.clone(), finding.severity))
            .collect()
    }

    #[test]
    fn both_have_to_be_named_with_versions() {
        let of = |manifest| subjects(&[APP, ("requirements.txt", manifest)]);
        assert_eq!(of("flask==3.1.3\nwerkzeug==3.1.9\n"), []);
        assert_eq!(of("flask>=3.1\nwerkzeug~=3.1.0\n"), []);
        assert_eq!(
            of("flask\nwerkzeug\n"),
            [
                ("flask".into(), Severity::Low),
                ("werkzeug".into(), Severity::Low)
            ]
        );
        assert_eq!(of("flask==3.1.3\n"), [("werkzeug".into(), Severity::Low)]);
        // Flask 2.0.3 does not import beside Werkzeug 3.
        assert_eq!(
            of("flask==2.0.3\n"),
            [("werkzeug".into(), Severity::Medium)]
        );
    }

    #[test]
    fn a_lock_settles_it() {
        let lock = "[[package]]\nname = \"flask\"\nversion = \"3.1.3\"\n[[package]]\nname = \"werkzeug\"\nversion = \"3.1.9\"\n";
        let project = "[project]\ndependencies = ['flask']\n";
        assert_eq!(
            subjects(&[APP, ("uv.lock", lock), ("pyproject.toml", project)]),
            []
        );
    }

    #[test]
    fn bounds_and_packages_are_added() {
        let texts = [APP, ("requirements.txt", "flask\nredis\n")];
        assert_eq!(
            apply(&DependenciesDeclared, &texts, "requirements.txt"),
            "flask>=3.1.3\nredis\nwerkzeug>=3.1.9\n"
        );
        let texts = [APP, ("requirements.txt", "flask==2.0.3\n")];
        assert_eq!(
            apply(&DependenciesDeclared, &texts, "requirements.txt"),
            "flask==3.1.3\nwerkzeug==3.1.9\n"
        );
    }

    #[test]
    fn an_application_without_manifest_is_told() {
        assert_eq!(findings(&DependenciesDeclared, &[APP]), ["app.py:1"]);
        let patch = patch(&DependenciesDeclared, &[APP]);
        assert_eq!(
            patch.edits,
            [
                Edit::dependency("Flask>=3.1.3"),
                Edit::dependency("Werkzeug>=3.1.9")
            ]
        );
        assert!(matches!(
            verdict(&DependenciesDeclared, &[("app.py", "import os\n")]),
            Verdict::NotApplicable { .. }
        ));
        let werkzeug = [
            ("app.py", "import werkzeug\n"),
            ("requirements.txt", "werkzeug>=3.1.9\n"),
        ];
        assert_eq!(subjects(&werkzeug), []);
    }
}
