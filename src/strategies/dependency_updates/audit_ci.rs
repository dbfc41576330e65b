//! `dependencies-audit-ci`: every commit is checked for known vulnerabilities, and fails.

use super::audit_run::AuditRun;
use super::{FirstManifest, THREATS, dependency_place, jobs};
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::ci::{Audit, System, Tool};
use crate::model::dependencies::Dependencies;
use crate::strategies::strategy::DEPENDENCY_UPDATES;
use crate::strategies::{About, Answers, Control};
use crate::text::{Location, Span};

pub struct DependenciesAuditCi;

static ABOUT: About = About {
    id: "dependencies-audit-ci",
    title: "CI audits the dependencies on every commit",
    strategy: &DEPENDENCY_UPDATES,
    threats: THREATS,
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/dependencies-audit-ci.md"),
};

const TITLE: &str = "Audit the dependencies in CI";
const SYSTEM: &str = "dependencies-audit-ci.system";
const PRE_COMMIT: &str = "dependencies-audit-ci.pre-commit";

/// The systems that a project without CI may choose from.
const OFFERED: &[(&str, System)] = &[
    ("github", System::GitHub),
    ("gitlab", System::GitLab),
    ("jenkins", System::Jenkins),
    ("circleci", System::CircleCi),
    ("azure", System::Azure),
];

impl Control for DependenciesAuditCi {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let good: Vec<&Audit> = model.ci.effective().collect();
        let evidence: Vec<Evidence> = good
            .iter()
            .filter(|audit| audit.strict)
            .map(|audit| evidence(audit))
            .collect();
        if !evidence.is_empty() {
            return Verdict::Implemented { evidence };
        }
        let flawed: Vec<Finding> = match good.as_slice() {
            [] => model.ci.audits.iter().map(toothless).collect(),
            good => good.iter().map(|audit| lax(audit)).collect(),
        };
        if flawed.is_empty() {
            return match absent(model) {
                Some(finding) => Verdict::from_findings(vec![finding], evidence),
                None => Verdict::not_applicable("nothing here depends on Flask"),
            };
        }
        Verdict::from_findings(flawed, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let audit = model
            .ci
            .audits
            .iter()
            .find(|audit| audit.location == finding.location);
        match audit.filter(|_| !finding.absent) {
            Some(audit) => mended(model, audit, answers),
            None => new_job(model, answers),
        }
    }
}

fn evidence(audit: &Audit) -> Evidence {
    let note = format!(
        "runs {} on every commit, through {}",
        audit.tool.label(),
        audit.through
    );
    Evidence::new(audit.location.clone(), note)
}

/// The audit runs on every commit and fails, but not when it could not look.
fn lax(audit: &Audit) -> Finding {
    let message = "pip-audit runs without --strict: what it cannot look up it leaves out, and \
                   reports that nothing was found."
        .to_owned();
    Finding::new(ABOUT.id, audit.location.clone(), Severity::Low, message)
        .subject(format!("{} --strict", audit.tool.label()))
}

/// The audit runs, but no commit fails by it.
fn toothless(audit: &Audit) -> Finding {
    let tool = audit.tool.label();
    let message = match audit.may_pass {
        Some(why) => format!("{tool} runs, but a known vulnerability stops nothing: {why}."),
        None => format!(
            "{tool} runs on a schedule only: a commit that brings a vulnerable version is not \
             stopped."
        ),
    };
    Finding::new(ABOUT.id, audit.location.clone(), Severity::Low, message)
        .subject(format!("{tool} passes"))
}

/// Nothing looks at all: best told at the CI in use, else at the manifest.
fn absent(model: &Model) -> Option<Finding> {
    let place = dependency_place(model)?;
    let message = "Nothing in CI looks for known vulnerabilities in the dependencies: a version \
                   with a published exploit stays until somebody happens to hear of it.";
    let finding = Finding::new(ABOUT.id, place, Severity::Medium, message);
    Some(finding.absent())
}

fn mended(model: &Model, audit: &Audit, answers: &Answers) -> Patch {
    let path = &audit.location.path;
    if let Some(at) = audit
        .strict_goes
        .filter(|_| audit.may_pass.is_none() && audit.on_commit)
    {
        return Patch::new(
            PatchKind::Safe,
            "Fail when a dependency cannot be audited",
            "The audit passes only when every dependency was looked up",
        )
        .edit(Edit::insert(path, at, " --strict"))
        .may_break("The job fails where a package is on no public index, or the index is down.");
    }
    if let Some((span, text)) = audit.mend {
        let mut patch = Patch::new(
            PatchKind::Review,
            format!("Let {} fail the build", audit.tool.label()),
            "A known vulnerability stops the commit",
        )
        .edit(Edit::replace(path, span, text))
        .may_break("The build fails from now on until what is open is fixed or ignored by name.");
        if let Some(at) = audit.strict_goes {
            patch = patch.edit(Edit::insert(path, at, " --strict"));
        }
        return patch;
    }
    let triggers = (audit.tool != Tool::GitLabScanning && audit.may_pass.is_none())
        .then(|| with_push(model, &audit.through))
        .flatten();
    match triggers {
        Some(edit) => Patch::new(
            PatchKind::Safe,
            "Audit every push and pull request too",
            "A commit that brings a vulnerable version is stopped",
        )
        .edit(edit)
        .edits(
            audit
                .strict_goes
                .map(|at| Edit::insert(path, at, " --strict")),
        ),
        None => new_job(model, answers),
    }
}

/// `push` and `pull_request` in the triggers of a workflow.
fn with_push(model: &Model, path: &str) -> Option<Edit> {
    let file = model.repo.file(path)?;
    let yaml = crate::parse::yaml::Yaml::parse(file.text.as_str());
    let on = yaml.root()?.get("on")?;
    let first = on.own_entries().next().filter(|_| !on.is_flow())?;
    let at = file
        .text
        .line_start(file.text.line_of(first.key.span().start));
    let indent = file.text.indentation(first.key.span().start);
    let newline = file.text.newline();
    let text = format!("{indent}push:{newline}{indent}pull_request:{newline}");
    Some(Edit::insert(&file.path, at, text))
}

/// A job of its own in the CI in use, or in the one that was chosen.
pub(super) fn new_job(model: &Model, answers: &Answers) -> Patch {
    if let Some(first) = FirstManifest::of(model) {
        let patch = job_for(model, &first.dependencies, answers);
        return first.within(patch);
    }
    if model.dependencies.runtime().next().is_none() {
        return Patch::manual(
            TITLE,
            vec![
                "Declare the dependencies first: there is nothing that an audit could read."
                    .to_owned(),
            ],
        );
    }
    job_for(model, &model.dependencies, answers)
}

fn job_for(model: &Model, deps: &Dependencies, answers: &Answers) -> Patch {
    let Some(run) = AuditRun::of(deps) else {
        return Patch::manual(
            TITLE,
            vec![
                "Export what is installed to a requirements file, and run `pip-audit --strict \
                  -r` on it in CI."
                    .to_owned(),
            ],
        );
    };
    let in_use = model.ci.main_system();
    let system = match in_use {
        Some(ci) => ci.system,
        None => chosen(answers),
    };
    let mut edits = match in_use.filter(|ci| ci.system != System::GitHub) {
        Some(ci) => model
            .repo
            .file(&ci.path)
            .and_then(|file| jobs::added(system, file, &run)),
        None => jobs::new_file(system, &run).map(|(path, text)| vec![create(model, path, text)]),
    };
    let hooks = model.repo.file(".pre-commit-config.yaml");
    let wants_hook = answers.or(PRE_COMMIT, "no") == "yes";
    let hook = hooks
        .filter(|_| wants_hook)
        .and_then(|file| jobs::hook(file, &run));
    if let (Some(edits), Some(hook)) = (edits.as_mut(), hook) {
        edits.extend(hook);
    }
    let mut patch = match edits {
        Some(edits) => Patch::new(
            kind(system),
            format!("{TITLE} ({})", system.label()),
            "No commit passes while a known vulnerability is open in what production installs",
        )
        .edits(edits)
        .may_break("The job fails as long as an advisory is open, or where a package is on no public index."),
        None => by_hand(system, &run),
    };
    if in_use.is_none() {
        patch = patch.option(system_option(system));
    }
    if hooks.is_some() {
        patch = patch.option(RemedyOption {
            key: PRE_COMMIT,
            question: "Add pip-audit to the pre-commit hooks as well? It needs the network at \
                       every commit."
                .into(),
            choices: vec!["no".into(), "yes".into()],
            value: if wants_hook { "yes" } else { "no" }.into(),
        });
    }
    if system == System::GitLab {
        patch = patch.follow_up("Add a weekly pipeline schedule in the project's settings.");
    }
    patch
}

fn kind(system: System) -> PatchKind {
    match system {
        // Whether agents of these have Python nobody can tell from here.
        System::Jenkins | System::Azure => PatchKind::Review,
        _ => PatchKind::Safe,
    }
}

fn by_hand(system: System, run: &AuditRun) -> Patch {
    let mut steps = vec![format!(
        "Add a job to {} that runs `python -m pip install {}`.",
        system.label(),
        run.installed()
    )];
    steps.extend(
        run.commands
            .iter()
            .map(|command| format!("Then it runs `{command}`.")),
    );
    Patch::manual(TITLE, steps)
}

fn chosen(answers: &Answers) -> System {
    let answer = answers.or(SYSTEM, "github");
    let found = OFFERED.iter().find(|(name, _)| *name == answer);
    found.map_or(System::GitHub, |(_, system)| *system)
}

fn system_option(system: System) -> RemedyOption {
    let name = OFFERED.iter().find(|(_, offered)| *offered == system);
    RemedyOption {
        key: SYSTEM,
        question: "Which CI runs the audit?".into(),
        choices: OFFERED.iter().map(|(name, _)| (*name).to_owned()).collect(),
        value: name.map_or("github", |(name, _)| name).to_owned(),
    }
}

/// A new file; under another name where there is one already.
fn create(model: &Model, path: &str, text: String) -> Edit {
    if model.repo.file(path).is_none() {
        return Edit::create(path, text);
    }
    Edit::create(path.replace("dependency-audit", "pip-audit"), text)
}

/// Where somebody would look for the audit: for other controls that speak of it.
pub(super) fn place(model: &Model) -> Option<Location> {
    let ci = model.ci.main_system();
    ci.map(|ci| Location::new(&ci.path, Span::at(0)))
        .or_else(|| dependency_place(model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, model, patch, verdict};

    const MANIFEST: (&str, &str) = ("requirements.txt", "flask==3.1.3\n");

    fn messages(texts: &[(&str, &str)]) -> Vec<String> {
        let verdict = verdict(&DependenciesAuditCi, texts);
        let all = verdict.findings().iter();
        all.map(|finding| finding.subject.clone()).collect()
    }

    fn with_ci(path: &str, source: &str) -> String {
        let texts = [MANIFEST, (path, source)];
        assert_eq!(
            findings(&DependenciesAuditCi, &texts),
            ["requirements.txt:1"]
        );
        let after = apply(&DependenciesAuditCi, &texts, path);
        let again = verdict(&DependenciesAuditCi, &[MANIFEST, (path, &after)]);
        assert!(matches!(again, Verdict::Implemented { .. }), "{after}");
        after
    }

    #[test]
    fn without_a_manifest_the_job_reads_its_first() {
        let app = ("app.py", "from flask import Flask\napp = Flask(__name__)\n");
        let job = patch(&DependenciesAuditCi, &[app]);
        assert_eq!(job.kind, PatchKind::Review);
        let declares = |edit: &Edit| matches!(edit, Edit::Dependency { .. });
        assert!(job.edits.iter().any(declares), "{job:?}");
        let of_setup = patch(
            &DependenciesAuditCi,
            &[app, ("requirements.txt", "flask\n")],
        );
        assert_eq!(of_setup.kind, PatchKind::Safe);
        assert!(!of_setup.edits.iter().any(declares), "{of_setup:?}");
    }

    #[test]
    fn no_audit_gives_a_workflow() {
        let patch = patch(&DependenciesAuditCi, &[MANIFEST]);
        let [Edit::Create { path, text, .. }] = patch.edits.as_slice() else {
            panic!("{patch:?}")
        };
        assert_eq!(&**path, ".github/workflows/dependency-audit.yml");
        assert!(text.contains("pip-audit --strict -r requirements.txt"));
        assert_eq!(patch.options[0].value, "github");
        for (name, _) in OFFERED {
            let mut answers = Answers::default();
            answers.set(SYSTEM, *name);
            let model = model(&[MANIFEST]);
            let patch = new_job(&model, &answers);
            let [Edit::Create { path, text, .. }] = patch.edits.as_slice() else {
                panic!("{name}")
            };
            let after = [MANIFEST, (&**path, text.as_str())];
            assert_eq!(messages(&after), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn the_job_goes_to_the_ci_in_use() {
        assert_eq!(
            with_ci(
                ".gitlab-ci.yml",
                "stages: [build, test]\nunit:\n  script: [pytest]"
            ),
            "stages: [build, test]\nunit:\n  script: [pytest]\n\npip-audit:\n  stage: test\n  image: python:3.12-slim\n  script:\n    - python -m pip install --quiet pip-audit==2.10.1\n    - pip-audit --strict -r requirements.txt\n  rules:\n    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n    - if: $CI_PIPELINE_SOURCE == \"schedule\"\n    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n"
        );
        let circle = with_ci(
            ".circleci/config.yml",
            "version: 2.1\njobs:\n  test:\n    steps:\n      - run: pytest\n\nworkflows:\n  all:\n    jobs:\n      - test\n      # done\n",
        );
        assert!(circle.contains("\n  pip-audit:\n    docker:"), "{circle}");
        assert!(
            circle.contains("\n      - test\n      - pip-audit\n      # done\n"),
            "{circle}"
        );
        let azure = with_ci(
            "azure-pipelines.yml",
            "steps:\n- script: pytest\n  displayName: Test\n",
        );
        assert!(
            azure.contains("displayName: Test\n- script: |\n    set -e\n"),
            "{azure}"
        );
        let jenkins = with_ci(
            "Jenkinsfile",
            "pipeline {\n  stages {\n    stage('Test') {\n      steps { sh 'pytest' }\n    }\n    stage('Deploy') {\n      steps { sh './deploy' }\n    }\n  }\n}\n",
        );
        let at = |what: &str| jenkins.find(what).unwrap();
        assert!(
            at("'Test'") < at("'Dependency audit'") && at("'Dependency audit'") < at("'Deploy'")
        );
        with_ci(".travis.yml", "script:\n  - pytest\n");
        with_ci(
            "bitbucket-pipelines.yml",
            "pipelines:\n  default:\n    - step:\n        script:\n          - pytest\n",
        );
    }

    #[test]
    fn flawed_audits_are_mended_in_place() {
        let head = "on: [push]\njobs:\n  a:\n    steps:\n";
        let path = ".github/workflows/ci.yml";
        for (steps, subject, after) in [
            (
                "      - run: python -m pip_audit .\n",
                "pip-audit --strict",
                "      - run: python -m pip_audit --strict .\n",
            ),
            (
                "      - run: pip-audit --strict . || true\n",
                "pip-audit passes",
                "      - run: pip-audit --strict .\n",
            ),
            (
                "      - run: safety check\n        continue-on-error: true\n",
                "safety passes",
                "      - run: safety check\n        continue-on-error: false\n",
            ),
        ] {
            let source = format!("{head}{steps}");
            let texts = [MANIFEST, (path, source.as_str())];
            assert_eq!(messages(&texts), [subject]);
            assert_eq!(
                apply(&DependenciesAuditCi, &texts, path),
                format!("{head}{after}")
            );
        }
        let weekly = "on:\n  schedule:\n    - cron: '1 2 * * 3'\njobs:\n  a:\n    steps:\n      - run: pip-audit -S .\n";
        assert_eq!(
            apply(&DependenciesAuditCi, &[MANIFEST, (path, weekly)], path),
            weekly.replace("on:\n", "on:\n  push:\n  pull_request:\n")
        );
    }

    #[test]
    fn hooks_are_offered() {
        let hooks = "repos:\n  - repo: https://example.org/x\n    hooks:\n      - id: x\n";
        let model = model(&[MANIFEST, (".pre-commit-config.yaml", hooks)]);
        let mut answers = Answers::default();
        assert_eq!(new_job(&model, &answers).edits.len(), 1);
        answers.set(PRE_COMMIT, "yes");
        let patch = new_job(&model, &answers);
        let hook = patch.edits.iter().find_map(|edit| match edit {
            Edit::Replace { text, .. } => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(
            hook.unwrap(),
            "\n  - repo: https://github.com/pypa/pip-audit\n    rev: v2.10.1\n    hooks:\n      - id: pip-audit\n        args: [--strict, -r, requirements.txt]"
        );
    }
}
