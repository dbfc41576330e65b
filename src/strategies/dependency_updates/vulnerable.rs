//! `dependencies-vulnerable`: nothing that production installs has a known vulnerability.

use pep440_rs::Version;

use super::moves::{
    PYTHON, beyond_python, fixed, is_worth_naming, promise_in_the_way, python_option, unfixed_patch,
};
use super::{THREATS, condition, counted, listed, manifest_place, spelled};
use crate::finding::{Confidence, Evidence, Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::dependencies::{
    Advisory, Exposure, How, Judged, LeftOpen, Role, Specifier, Upgrade,
};
use crate::strategies::strategy::DEPENDENCY_UPDATES;
use crate::strategies::{About, Answers, Control};
use crate::text::Location;

pub struct DependenciesVulnerable;

static ABOUT: About = About {
    id: "dependencies-vulnerable",
    title: "No installed package has a known vulnerability",
    strategy: &DEPENDENCY_UPDATES,
    threats: THREATS,
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/dependencies-vulnerable.md"),
};

/// Behind a package's name in a finding's subject: what no version within reach fixes.
const UNFIXED: &str = " (no fix within reach)";

impl Control for DependenciesVulnerable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let deps = &model.dependencies;
        if deps
            .runtime()
            .all(|manifest| manifest.requirements.is_empty())
        {
            return Verdict::not_applicable("no manifest names what production installs");
        }
        let mut findings = Vec::new();
        for exposure in deps.exposures(&model.advisories) {
            findings.extend(findings_of(model, &exposure));
        }
        if findings.is_empty()
            && let Some(question) = unknown_flask(model)
        {
            return Verdict::undecided(question);
        }
        Verdict::from_findings(findings, evidence(model))
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let unfixed = finding.subject.strip_suffix(UNFIXED);
        let package = unfixed.unwrap_or(&finding.subject);
        let deps = &model.dependencies;
        let upgrade = Upgrade::of(deps, &model.advisories, package);
        let promise = promise_in_the_way(model, &upgrade);
        let raises = promise.is_some() && answers.or(PYTHON, "keep") == "raise";
        let patch = match (promise.filter(|_| raises), unfixed) {
            (Some(promise), _) => beyond_python(model, package, promise),
            (None, Some(package)) => unfixed_patch(package, &upgrade),
            (None, None) => fixed(model, package, &upgrade),
        };
        match promise {
            Some(promise) => patch.option(python_option(promise, raises)),
            None => patch,
        }
    }
}

/// One finding for what a move within reach fixes, one for what stays open after it.
fn findings_of(model: &Model, exposure: &Exposure<'_>) -> Vec<Finding> {
    let upgrade = Upgrade::of(&model.dependencies, &model.advisories, &exposure.package);
    let left = upgrade.left_open(&exposure.package);
    let is_left = |advisory: &&&Advisory| {
        left.is_some_and(|left| left.advisories.iter().any(|name| name == advisory.name()))
    };
    let (open, fixable): (Vec<&Advisory>, Vec<&Advisory>) = exposure
        .open
        .iter()
        .copied()
        .partition(|advisory| is_left(&advisory));
    let mut findings = Vec::new();
    if let Some(target) = upgrade
        .moves(&exposure.package)
        .filter(|_| !fixable.is_empty())
    {
        findings.push(fixable_finding(model, exposure, &fixable, &target.to));
    }
    // A range goes with the Python it is installed on: what an old one lacks is no finding.
    if exposure.judged == Judged::Exact
        && let Some(left) = left.filter(|_| !open.is_empty())
    {
        findings.push(unfixed_finding(model, exposure, &open, left, &upgrade));
    }
    findings
}

fn fixable_finding(
    model: &Model,
    exposure: &Exposure<'_>,
    open: &[&Advisory],
    target: &Version,
) -> Finding {
    let severity = match exposure.judged {
        Judged::OldestAdmitted => Severity::Low,
        Judged::Exact | Judged::FreshInstall => worst(model, open),
    };
    let name = spelled(&exposure.package);
    let range = exposure.resolved.specifier.to_string().replace(' ', "");
    let (version, count) = (&exposure.version, counted(open.len()));
    let what = described(model, open);
    let judged = match exposure.judged {
        Judged::Exact => {
            format!("{name} {version} ({}) has {count}: {what}.", how(exposure))
        }
        Judged::FreshInstall => format!(
            "`{name}{range}` gives an installation {version} at best, which has {count}: {what}."
        ),
        Judged::OldestAdmitted => format!(
            "`{name}{range}` still admits {version}, which has {count}: {what}. A fresh \
             installation takes a newer, clean version."
        ),
    };
    let date = &model.advisories.date;
    let message = format!("{judged} Fixed in {target}. Advisories of {date}.");
    let finding = Finding::new(ABOUT.id, place(model, exposure), severity, message)
        .subject(exposure.package.as_str());
    if exposure.judged == Judged::Exact {
        return finding;
    }
    finding.confidence(Confidence::Medium)
}

fn unfixed_finding(
    model: &Model,
    exposure: &Exposure<'_>,
    open: &[&Advisory],
    left: &LeftOpen,
    upgrade: &Upgrade,
) -> Finding {
    let message = format!(
        "{} {} ({}) has {} that no version within reach fixes, because {}: {}. Advisories of {}.",
        spelled(&exposure.package),
        exposure.version,
        how(exposure),
        counted(open.len()),
        obstacle(model, left, upgrade),
        described(model, open),
        model.advisories.date
    );
    Finding::new(
        ABOUT.id,
        place(model, exposure),
        worst(model, open),
        message,
    )
    .subject(format!("{}{UNFIXED}", exposure.package))
}

/// Why no version within reach fixes it, as half a sentence.
fn obstacle(model: &Model, left: &LeftOpen, upgrade: &Upgrade) -> String {
    let promised = model.dependencies.python_requires();
    if let (Some(needed), Some(promised)) = (&left.needs_python, promised) {
        let floor = promised
            .floor()
            .map_or_else(String::new, |floor| floor.to_string());
        let path = &promised.from.path;
        return format!("{path} promises Python {floor} and the fix needs Python {needed}");
    }
    let held = upgrade.held_by.first().cloned();
    held.unwrap_or_else(|| "no fixed version is known".to_owned())
}

fn how(exposure: &Exposure<'_>) -> &'static str {
    match exposure.resolved.how {
        How::Locked => "locked",
        How::Pinned => "pinned",
        How::LowestOfRange | How::Unbounded => "declared",
    }
}

fn worst(model: &Model, open: &[&Advisory]) -> Severity {
    let severities = open
        .iter()
        .map(|advisory| condition::severity(model, advisory));
    severities.max().unwrap_or(Severity::Low)
}

/// The worst in words, the others by name.
fn described(model: &Model, open: &[&Advisory]) -> String {
    let mut sorted: Vec<&&Advisory> = open.iter().collect();
    sorted.sort_by_key(|advisory| std::cmp::Reverse(condition::severity(model, advisory)));
    let Some((first, rest)) = sorted.split_first() else {
        return String::new();
    };
    let matters = match &first.condition {
        Some(_) if condition::cannot_hold(model, first) => {
            let condition = first.condition.as_deref().unwrap_or_default();
            format!(" (matters if {condition}; nothing here does)")
        }
        Some(condition) => format!(" (matters if {condition})"),
        None => String::new(),
    };
    let rest: Vec<&str> = rest.iter().map(|advisory| advisory.name()).collect();
    let others = match rest.as_slice() {
        [] => String::new(),
        rest => format!("; besides {}", listed(rest)),
    };
    format!(
        "{} ({}), {}{matters}{others}",
        first.name(),
        first.rating(),
        first.summary.trim_end_matches('.')
    )
}

/// The line that a person changes: the pin, or the source of the lock.
fn place(model: &Model, exposure: &Exposure<'_>) -> Location {
    let resolved = &exposure.resolved;
    if resolved.how != How::Locked {
        return resolved.from.clone();
    }
    let declarations = model.dependencies.declarations(&exposure.package);
    let runtime = declarations
        .iter()
        .find(|(manifest, _)| manifest.role == Role::Runtime);
    match runtime {
        Some((_, declared)) => declared.location.clone(),
        // It is named anew beside Flask, which brings it.
        None if is_worth_naming(&exposure.package) => {
            manifest_place(model).unwrap_or_else(|| resolved.from.clone())
        }
        None => resolved.from.clone(),
    }
}

/// Flask from an address or in a notation that is not understood.
fn unknown_flask(model: &Model) -> Option<String> {
    let flask = model.dependencies.flask()?;
    match &flask.specifier {
        Specifier::Source(address) => Some(format!("Which Flask does `{address}` install?")),
        Specifier::Unreadable(text) => Some(format!("Which Flask does `{text}` mean?")),
        Specifier::Any | Specifier::Range(_) => None,
    }
}

/// Clean packages that something is known about.
fn evidence(model: &Model) -> Vec<Evidence> {
    let deps = &model.dependencies;
    let names = deps.runtime_names().into_iter();
    let known = names.filter(|name| model.advisories.knows(name));
    known
        .filter_map(|name| deps.exposure(&name, &model.advisories))
        .filter(|exposure| exposure.open.is_empty())
        .map(|exposure| {
            let newer = match exposure.judged {
                Judged::Exact => "",
                Judged::FreshInstall | Judged::OldestAdmitted => " or newer is installed and",
            };
            let note = format!(
                "{} {}{newer} has no known vulnerability (advisories of {})",
                spelled(&exposure.package),
                exposure.version,
                model.advisories.date
            );
            Evidence::new(exposure.resolved.from, note)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PatchKind;
    use crate::strategies::testing::{apply, findings, model, patch, verdict};

    fn severities(texts: &[(&str, &str)]) -> Vec<(String, Severity)> {
        let verdict = verdict(&DependenciesVulnerable, texts);
        let all = verdict.findings().iter();
        all.map(|finding| (finding.subject.clone(), finding.severity))
            .collect()
    }

    #[test]
    fn one_finding_per_package() {
        let texts = [
            ("app.py", "import flask\n"),
            (
                "requirements.txt",
                "Flask==2.2.2\nWerkzeug==2.2.2\ngunicorn==20.1.0\nrequests==2.0\n",
            ),
        ];
        assert_eq!(
            findings(&DependenciesVulnerable, &texts),
            [
                "requirements.txt:1",
                "requirements.txt:3",
                "requirements.txt:2"
            ]
        );
        assert_eq!(
            apply(&DependenciesVulnerable, &texts, "requirements.txt"),
            "Flask==3.1.3\nWerkzeug==3.1.9\ngunicorn==23.0.0\nrequests==2.0\n"
        );
    }

    #[test]
    fn ranges_that_admit_the_fix_are_no_alarm() {
        let of = |requirement| severities(&[("requirements.txt", requirement)]);
        assert_eq!(of("flask>=1.0\n"), [("flask".into(), Severity::Low)]);
        assert_eq!(of("flask\n"), []);
        assert_eq!(of("flask>=3.1.3\n"), []);
        // No version below 3 has the fix: that is what an installation gets.
        assert_eq!(of("werkzeug<3\n"), [("werkzeug".into(), Severity::High)]);
        assert_eq!(of("Flask-Login==0.6.3\n"), []);
    }

    #[test]
    fn windows_and_conditions_that_cannot_hold_weigh_less() {
        let of = |texts: &[(&str, &str)]| severities(texts)[0].1;
        assert_eq!(
            of(&[("requirements.txt", "werkzeug==3.1.5\n")]),
            Severity::Low
        );
        let click = ("requirements.txt", "click==8.1.8\n");
        assert_eq!(of(&[click]), Severity::Medium);
        assert_eq!(
            of(&[click, ("app.py", "import click\nclick.edit('x')\n")]),
            Severity::High
        );
        let unrated = ("requirements.txt", "flask-admin==1.5.0\n");
        assert_eq!(of(&[unrated]), Severity::Medium);
        let verdict = verdict(&DependenciesVulnerable, &[unrated]);
        assert!(verdict.findings()[0].message.contains("not rated"));
    }

    #[test]
    fn what_an_old_python_keeps_open_is_its_own_finding() {
        let texts = [
            ("requirements.txt", "flask==2.2.2\nwerkzeug==2.2.2\n"),
            ("pyproject.toml", "[project]\nrequires-python = '>=3.8'\n"),
        ];
        let found: Vec<String> = severities(&texts)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            found,
            [
                "flask",
                "flask (no fix within reach)",
                "werkzeug",
                "werkzeug (no fix within reach)"
            ]
        );
    }

    #[test]
    fn an_old_python_may_be_left_behind() {
        let texts = [
            ("requirements.txt", "flask==2.2.2\nwerkzeug==2.2.2\n"),
            (
                "pyproject.toml",
                "[project]\nrequires-python = '>=3.8,<4'\n",
            ),
        ];
        let model = model(&texts);
        let verdict = DependenciesVulnerable.check(&model);
        let mut answers = Answers::default();
        let of = |answers: &Answers| {
            let all = verdict.findings().iter();
            all.map(|finding| DependenciesVulnerable.remedy(&model, finding, answers))
                .collect::<Vec<_>>()
        };
        let kinds: Vec<PatchKind> = of(&answers).iter().map(|patch| patch.kind).collect();
        use PatchKind::{Manual, Review};
        assert_eq!(kinds, [Review, Manual, Review, Manual]);
        answers.set(PYTHON, "raise");
        let patches = of(&answers);
        assert!(patches.iter().all(|patch| patch.edits == patches[0].edits));
        let composed = crate::patch::compose(&model, &patches.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(
            composed.texts["requirements.txt"].text,
            "flask==3.1.3\nwerkzeug==3.1.9\n"
        );
        assert_eq!(
            composed.texts["pyproject.toml"].text,
            "[project]\nrequires-python = '>=3.9,<4'\n"
        );
    }

    #[test]
    fn locked_projects_change_the_source_and_name_the_command() {
        let texts = [
            (
                "pyproject.toml",
                "[project]\ndependencies = [\"flask>=2.2\"]\n",
            ),
            (
                "uv.lock",
                "[[package]]\nname = \"flask\"\nversion = \"2.2.5\"\n\n[[package]]\nname = \"jinja2\"\nversion = \"3.1.2\"\n",
            ),
        ];
        assert_eq!(
            findings(&DependenciesVulnerable, &texts),
            ["pyproject.toml:2", "uv.lock:5"]
        );
        let patch = patch(&DependenciesVulnerable, &texts);
        assert_eq!(patch.kind, PatchKind::Review);
        assert_eq!(
            patch.follow_ups[0],
            "Renew uv.lock: `uv lock --upgrade-package flask --upgrade-package jinja2`."
        );
        let after = apply(&DependenciesVulnerable, &texts, "pyproject.toml");
        assert_eq!(after, "[project]\ndependencies = [\"flask>=3.1.3\"]\n");
    }

    #[test]
    fn uses_of_removed_names_are_listed() {
        let texts = [
            ("requirements.txt", "flask==2.2.5\nwerkzeug==2.2.3\n"),
            (
                "app.py",
                "import flask\nfrom flask import Markup\nfrom werkzeug.urls import url_parse\napp = flask.Flask(__name__)\n@app.before_first_request\ndef f():\n    return flask.escape('x')\nclass A:\n    before_first_request = 1\n",
            ),
        ];
        let patch = patch(&DependenciesVulnerable, &texts);
        let places: Vec<&str> = patch
            .may_break
            .iter()
            .filter_map(|line| line.split(' ').next())
            .filter(|place| place.starts_with("app.py"))
            .collect();
        assert_eq!(places, ["app.py:2", "app.py:3", "app.py:5", "app.py:7"]);
    }

    #[test]
    fn a_flask_from_elsewhere_is_a_question() {
        let texts = [(
            "requirements.txt",
            "flask @ https://example.org/flask.zip\n",
        )];
        assert!(matches!(
            verdict(&DependenciesVulnerable, &texts),
            Verdict::Undecided { .. }
        ));
        assert!(matches!(
            DependenciesVulnerable.check(&model(&[("app.py", "")])),
            Verdict::NotApplicable { .. }
        ));
    }
}
