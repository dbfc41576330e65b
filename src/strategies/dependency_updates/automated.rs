//! `dependencies-automated`: a bot proposes updates.

use std::collections::BTreeSet;

use super::{FirstManifest, THREATS, dependency_place};
use crate::discover::File;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::ci::{System, dependabot_path};
use crate::model::dependencies::{Dependencies, Format};
use crate::parse::yaml::Yaml;
use crate::strategies::strategy::DEPENDENCY_UPDATES;
use crate::strategies::{About, Answers, Control};

pub struct DependenciesAutomated;

static ABOUT: About = About {
    id: "dependencies-automated",
    title: "A bot proposes updates",
    strategy: &DEPENDENCY_UPDATES,
    threats: THREATS,
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/dependencies-automated.md"),
};

const BOT: &str = "dependencies-automated.bot";
/// What has to move in one proposal, since one without the others may not work.
const TOGETHER: &str =
    "[\"flask*\", \"werkzeug\", \"jinja2\", \"markupsafe\", \"itsdangerous\", \"click\"]";

impl Control for DependenciesAutomated {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let evidence: Vec<Evidence> = model
            .ci
            .bots
            .iter()
            .map(|bot| {
                let note = format!("{} watches the Python dependencies", bot.kind.label());
                Evidence::new(bot.location.clone(), note)
            })
            .collect();
        if !evidence.is_empty() {
            return Verdict::Implemented { evidence };
        }
        let Some(place) = dependency_place(model) else {
            return Verdict::not_applicable("nothing here depends on Flask");
        };
        let message = "No bot proposes updates: Flask, Werkzeug and what they stand on are raised \
                       when somebody thinks of it, and old versions grow hard to leave.";
        let finding = Finding::new(ABOUT.id, place, Severity::Low, message).absent();
        Verdict::from_findings(vec![finding], evidence)
    }

    fn remedy(&self, model: &Model, _finding: &Finding, answers: &Answers) -> Patch {
        if let Some(first) = FirstManifest::of(model) {
            let patch = watched(model, &first.dependencies, answers);
            return first.within(patch);
        }
        if model.dependencies.runtime().next().is_none() {
            let step = "Declare the dependencies first: there is nothing that a bot could raise.";
            return Patch::manual("Let a bot propose updates", vec![step.to_owned()]);
        }
        watched(model, &model.dependencies, answers)
    }
}

/// A bot for these dependencies.
fn watched(model: &Model, deps: &Dependencies, answers: &Answers) -> Patch {
    let bot = answers.or(BOT, default_bot(model)).to_owned();
    let patch = Patch::new(
        PatchKind::Safe,
        format!(
            "Let {} propose updates",
            if bot == "renovate" {
                "Renovate"
            } else {
                "Dependabot"
            }
        ),
        "Updates are proposed every week, those of Flask and Werkzeug as one",
    )
    .option(RemedyOption {
        key: BOT,
        question: "Which bot proposes updates?".into(),
        choices: vec!["dependabot".into(), "renovate".into()],
        value: bot.clone(),
    });
    if bot == "renovate" {
        return patch
            .edit(Edit::create("renovate.json", renovate()))
            .follow_up("Install the Renovate app for the repository, or run it in CI.");
    }
    let existing = dependabot_path(&model.repo).and_then(|path| model.repo.file(&path));
    match existing {
        None => patch.edit(Edit::create(
            ".github/dependabot.yml",
            format!("version: 2\nupdates:\n{}", entries(deps, "  ")),
        )),
        Some(file) => match extended(file, deps) {
            Some(edit) => patch.edit(edit),
            None => Patch::manual(
                "Let Dependabot propose updates",
                vec![format!(
                    "Add an entry with `package-ecosystem: pip` to `updates` in {}.",
                    file.path
                )],
            ),
        },
    }
}

/// Dependabot lives on GitHub; a project with GitLab's CI and none of GitHub's is elsewhere.
fn default_bot(model: &Model) -> &'static str {
    let uses = |system: System| model.ci.files.iter().any(|file| file.system == system);
    let on_github = uses(System::GitHub) || dependabot_path(&model.repo).is_some();
    if !on_github && (uses(System::GitLab) || uses(System::Bitbucket)) {
        return "renovate";
    }
    "dependabot"
}

/// One entry per folder that holds a hand-written manifest.
fn entries(deps: &Dependencies, indent: &str) -> String {
    let places: BTreeSet<(String, &str)> = deps
        .runtime()
        .map(|manifest| {
            let folder = manifest
                .path
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let uses_uv = deps.manifests.iter().any(|lock| {
                lock.format == Format::UvLock
                    && lock.path.rsplit_once('/').map_or("", |(folder, _)| folder) == folder
            });
            let ecosystem = if uses_uv { "uv" } else { "pip" };
            (format!("/{folder}"), ecosystem)
        })
        .collect();
    places
        .iter()
        .map(|(folder, ecosystem)| {
            let entry = format!(
                "- package-ecosystem: {ecosystem}\n  directory: \"{folder}\"\n  schedule:\n    \
                 interval: weekly\n  groups:\n    flask:\n      patterns: {TOGETHER}\n"
            );
            let lines = entry.lines();
            lines
                .map(|line| format!("{indent}{line}\n"))
                .collect::<String>()
        })
        .collect()
}

/// The entries behind those that are there.
fn extended(file: &File, deps: &Dependencies) -> Option<Edit> {
    let yaml = Yaml::parse(file.text.as_str());
    let updates = yaml.root()?.get("updates")?;
    if updates.is_flow() {
        return None;
    }
    let text = &file.text;
    let first = updates.item_spans().next()?;
    let entries = entries(deps, text.indentation(first.start));
    let body = text.as_str().get(..updates.span().end)?.trim_end().len();
    let end = text.line_span(text.line_of(body)).end;
    let newline = text.newline();
    let lines: String = entries
        .lines()
        .map(|line| format!("{newline}{line}"))
        .collect();
    Some(Edit::insert(&file.path, end, lines))
}

fn renovate() -> String {
    "{
  \"$schema\": \"https://docs.renovatebot.com/renovate-schema.json\",
  \"extends\": [\"config:recommended\"],
  \"packageRules\": [
    {
      \"groupName\": \"flask\",
      \"matchPackageNames\": [
        \"/^flask/i\",
        \"/^werkzeug$/i\",
        \"/^jinja2$/i\",
        \"/^markupsafe$/i\",
        \"/^itsdangerous$/i\",
        \"/^click$/i\"
      ]
    }
  ]
}
"
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, patch, verdict};

    const MANIFEST: (&str, &str) = ("requirements.txt", "flask==3.1.3\n");

    #[test]
    fn dependabot_is_added_with_a_group() {
        let patch = patch(&DependenciesAutomated, &[MANIFEST]);
        let [Edit::Create { path, text, .. }] = patch.edits.as_slice() else {
            panic!("{patch:?}")
        };
        let after = [MANIFEST, (&**path, text.as_str())];
        assert!(matches!(
            verdict(&DependenciesAutomated, &after),
            Verdict::Implemented { .. }
        ));
        assert!(text.contains("patterns: [\"flask*\", \"werkzeug\""));
    }

    #[test]
    fn without_a_manifest_the_bot_gets_its_first() {
        let app = ("app.py", "from flask import Flask\napp = Flask(__name__)\n");
        let patch = patch(&DependenciesAutomated, &[app]);
        assert_eq!(patch.kind, PatchKind::Review);
        let declares = |edit: &Edit| matches!(edit, Edit::Dependency { .. });
        assert_eq!(patch.edits.iter().filter(|edit| declares(edit)).count(), 2);
        let text = apply(&DependenciesAutomated, &[app], ".github/dependabot.yml");
        assert!(text.contains("directory: \"/\"\n"), "{text}");
    }

    #[test]
    fn an_existing_file_is_respected() {
        let path = ".github/dependabot.yml";
        let before = "version: 2\nupdates:\n  # actions\n  - package-ecosystem: github-actions\n    directory: \"/\"\n    schedule:\n      interval: monthly\n";
        let after = apply(&DependenciesAutomated, &[MANIFEST, (path, before)], path);
        assert!(after.starts_with(before.trim_end()));
        assert!(after.ends_with("interval: monthly\n  - package-ecosystem: pip\n    directory: \"/\"\n    schedule:\n      interval: weekly\n    groups:\n      flask:\n        patterns: [\"flask*\", \"werkzeug\", \"jinja2\", \"markupsafe\", \"itsdangerous\", \"click\"]\n"));
        let again = verdict(&DependenciesAutomated, &[MANIFEST, (path, &after)]);
        assert!(matches!(again, Verdict::Implemented { .. }));
    }

    #[test]
    fn other_homes_get_renovate() {
        let texts = [MANIFEST, (".gitlab-ci.yml", "a:\n  script: pytest\n")];
        let patch = patch(&DependenciesAutomated, &texts);
        assert!(matches!(&patch.edits[0], Edit::Create { path, .. } if &**path == "renovate.json"));
    }
}
