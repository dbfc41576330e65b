//! `dependencies-advisories`: somebody hears of new advisories without a commit.

use super::{THREATS, audit_ci};
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::ci::{System, security_policy};
use crate::parse::yaml::Yaml;
use crate::strategies::strategy::DEPENDENCY_UPDATES;
use crate::strategies::{About, Answers, Control};

pub struct DependenciesAdvisories;

static ABOUT: About = About {
    id: "dependencies-advisories",
    title: "New advisories reach somebody",
    strategy: &DEPENDENCY_UPDATES,
    threats: THREATS,
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/dependencies-advisories.md"),
};

const POLICY: &str = "dependencies-advisories.policy";

impl Control for DependenciesAdvisories {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut evidence = Vec::new();
        if let Some(audit) = model.ci.scheduled() {
            let note = format!("{} runs on a schedule", audit.tool.label());
            evidence.push(Evidence::new(audit.location.clone(), note));
        }
        for bot in &model.ci.bots {
            let note = format!(
                "{} opens a proposal when an advisory appears",
                bot.kind.label()
            );
            evidence.push(Evidence::new(bot.location.clone(), note));
        }
        if let Some(policy) = security_policy(&model.repo) {
            evidence.push(Evidence::new(
                policy,
                "says where vulnerabilities are reported",
            ));
        }
        if !evidence.is_empty() {
            return Verdict::Implemented { evidence };
        }
        let Some(place) = audit_ci::place(model) else {
            return Verdict::not_applicable("nothing here depends on Flask");
        };
        let message = "Nothing looks for new advisories between commits, and no SECURITY.md says \
                       where to report one: a vulnerability that is published while nobody works \
                       on the project stays unnoticed.";
        let finding = Finding::new(ABOUT.id, place, Severity::Low, message).absent();
        Verdict::from_findings(vec![finding], evidence)
    }

    fn remedy(&self, model: &Model, _finding: &Finding, answers: &Answers) -> Patch {
        let mut patch = match model.ci.audits.is_empty() {
            true => new_job(model, answers),
            false => scheduled(model).unwrap_or_else(|| by_hand(model)),
        };
        let wants_policy = answers.or(POLICY, "no") == "yes";
        if wants_policy {
            patch = with_policy(patch);
        }
        patch
            .option(RemedyOption {
                key: POLICY,
                question: "Add a SECURITY.md that says where to report vulnerabilities?".into(),
                choices: vec!["no".into(), "yes".into()],
                value: if wants_policy { "yes" } else { "no" }.into(),
            })
            .follow_up(
                "Watch the releases of pallets/flask and pallets/werkzeug (\"Security alerts\"), \
                 so that a person hears of them too.",
            )
    }
}

const POLICY_TEXT: &str = "# Security policy

Please report a vulnerability in private: through \"Report a vulnerability\" on this repository's
Security tab, or by mail to a maintainer. Do not open a public issue for it.

Supported is the newest release. You get an answer within a week, and a fix or an advisory as soon
as the report is confirmed.
";

/// The policy beside whatever else the patch does; by itself where the rest is words.
fn with_policy(patch: Patch) -> Patch {
    let patch = if patch.kind == PatchKind::Manual {
        Patch {
            follow_ups: patch.follow_ups,
            ..Patch::new(
                PatchKind::Review,
                "Say where vulnerabilities are reported",
                "Whoever finds a vulnerability knows where to report it",
            )
        }
    } else {
        patch
    };
    patch.edit(Edit::create("SECURITY.md", POLICY_TEXT))
}

/// The audit job of `dependencies-audit-ci`, where the CI in use lets a file set its schedule.
fn new_job(model: &Model, answers: &Answers) -> Patch {
    let system = model.ci.main_system().map(|file| file.system);
    if !matches!(system, None | Some(System::GitHub | System::GitLab)) {
        return by_hand(model);
    }
    let mut patch = audit_ci::new_job(model, answers);
    if patch.kind != PatchKind::Manual {
        patch.title = "Audit the dependencies every week".into();
        patch.guarantees = "A new advisory fails a job within a week".into();
    }
    patch
}

fn by_hand(model: &Model) -> Patch {
    let system = model
        .ci
        .main_system()
        .map_or("CI", |file| file.system.label());
    let mut steps = Vec::new();
    if model.ci.audits.is_empty() {
        steps.push("Let CI audit the dependencies first (dependencies-audit-ci).".to_owned());
    }
    steps.push(format!("Schedule a weekly run of the audit in {system}."));
    Patch::manual("Audit the dependencies every week", steps)
}

/// A schedule for the workflow that audits commits already.
fn scheduled(model: &Model) -> Option<Patch> {
    let audit = model.ci.audits.first()?;
    let ci = model
        .ci
        .files
        .iter()
        .find(|file| file.path == audit.through)?;
    if ci.system != System::GitHub {
        return None;
    }
    let file = model.repo.file(&ci.path)?;
    let yaml = Yaml::parse(file.text.as_str());
    let on = yaml.root()?.get("on")?;
    let newline = file.text.newline();
    let schedule = |indent: &str| {
        format!("{indent}schedule:{newline}{indent}  - cron: \"17 5 * * 1\"{newline}")
    };
    let edit = if on.is_mapping() && !on.is_flow() {
        let first = on.own_entries().next()?.key.span().start;
        let at = file.text.line_start(file.text.line_of(first));
        Edit::insert(&file.path, at, schedule(file.text.indentation(first)))
    } else {
        let listed: Vec<&str> = match on.as_str() {
            Some(one) => vec![one],
            None => on.items().filter_map(|item| item.as_str()).collect(),
        };
        let triggers: String = listed
            .iter()
            .map(|trigger| format!("{newline}  {trigger}:"))
            .collect();
        let schedule = schedule("  ");
        let text = format!("{triggers}{newline}{}", schedule.trim_end());
        // `on: push` and `on: [push]` become a mapping.
        let start = file.text.as_str().get(..on.span().start)?.trim_end().len();
        let span = crate::text::Span::new(start, on.span().end);
        Edit::replace(&file.path, span, text)
    };
    Some(
        Patch::new(
            PatchKind::Safe,
            "Audit the dependencies every week too",
            "A new advisory fails a job within a week, though nobody commits",
        )
        .edit(edit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch, verdict};

    const MANIFEST: (&str, &str) = ("requirements.txt", "flask==3.1.3\n");
    const PATH: &str = ".github/workflows/ci.yml";

    #[test]
    fn a_schedule_or_a_policy_is_enough() {
        let is_fine = |texts: &[(&str, &str)]| {
            matches!(
                verdict(&DependenciesAdvisories, texts),
                Verdict::Implemented { .. }
            )
        };
        assert!(is_fine(&[MANIFEST, ("SECURITY.md", "# Security\n")]));
        assert!(is_fine(&[MANIFEST, ("renovate.json", "{}\n")]));
        assert!(!is_fine(&[MANIFEST, ("docs/notes/security.md", "")]));
        assert_eq!(
            findings(&DependenciesAdvisories, &[MANIFEST]),
            ["requirements.txt:1"]
        );
    }

    #[test]
    fn an_audit_gets_a_schedule() {
        let job = "jobs:\n  a:\n    steps:\n      - run: pip-audit -S .\n";
        for (on, after) in [
            (
                "on:\n  push:\n",
                "on:\n  schedule:\n    - cron: \"17 5 * * 1\"\n  push:\n",
            ),
            (
                "on: [push, pull_request]\n",
                "on:\n  push:\n  pull_request:\n  schedule:\n    - cron: \"17 5 * * 1\"\n",
            ),
            (
                "on: push\n",
                "on:\n  push:\n  schedule:\n    - cron: \"17 5 * * 1\"\n",
            ),
        ] {
            let source = format!("{on}{job}");
            let applied = apply(&DependenciesAdvisories, &[MANIFEST, (PATH, &source)], PATH);
            assert_eq!(applied, format!("{after}{job}"));
            let again = verdict(&DependenciesAdvisories, &[MANIFEST, (PATH, &applied)]);
            assert!(matches!(again, Verdict::Implemented { .. }));
        }
    }

    #[test]
    fn other_systems_are_scheduled_by_hand() {
        let circle = (
            ".circleci/config.yml",
            "jobs:\n  a:\n    steps:\n      - run: pytest\n",
        );
        let model = crate::strategies::testing::model(&[MANIFEST, circle]);
        let verdict = DependenciesAdvisories.check(&model);
        let mut answers = Answers::default();
        let of = |answers: &Answers| {
            DependenciesAdvisories.remedy(&model, &verdict.findings()[0], answers)
        };
        assert_eq!(of(&answers).kind, PatchKind::Manual);
        answers.set(POLICY, "yes");
        assert!(matches!(
            of(&answers).edits.as_slice(),
            [Edit::Create { .. }]
        ));
    }

    #[test]
    fn without_an_audit_there_is_one_new_job() {
        let patch = patch(&DependenciesAdvisories, &[MANIFEST]);
        assert!(matches!(&patch.edits[0], Edit::Create { text, .. } if text.contains("schedule:")));
    }
}
