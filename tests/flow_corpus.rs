//! The corpus under `fixtures/flow`: marked programs against what the controls say of them.
//!
//! A trailing `# finding: <control>` stands on the line of a weakness, `# ok: <control>` on the
//! line of a look-alike. Recall, and alarms on look-alikes and on unmarked lines, are printed.
//!
//! Known and in no program: what handlers leave in memory for each other is followed up to sixty
//! modules. Known false alarms: a name that is handed over with a valid HMAC beside it, and
//! constants among the globals of a Jinja environment in attributes without quotes.
#![expect(
    clippy::unwrap_used,
    reason = "outside of #[test] functions, and still a test"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use flask_harden::discover::Repository;
use flask_harden::model::Model;
use flask_harden::strategies::registry::CONTROLS;

/// Marks that the engine is known to miss, with the reason.
const KNOWN_MISSES: &[(&str, &str, &str)] = &[(
    "wiki",
    "self.path.read_text",
    "methods of objects that only a template calls are not run",
)];

type Mark = (String, usize, String);

fn marks(repo: &Repository, kind: &str) -> BTreeSet<Mark> {
    let mut found = BTreeSet::new();
    for file in repo.files() {
        for line in 1..=file.text.line_count() {
            let Some((_, comment)) = file.text.line(line).split_once(&format!("# {kind}: ")) else {
                continue;
            };
            for control in comment.split([',', ' ']).filter(|word| word.contains('-')) {
                found.insert((file.path.to_string(), line, control.to_owned()));
            }
        }
    }
    found
}

/// The controls whose marks the corpus carries.
const JUDGED: &[&str] = &[
    "send-file-path",
    "send-directory-base",
    "filename-containment",
    "file-open",
    "upload-filename",
    "template-injection",
    "markup-input",
    "html-response",
    "template-attribute",
    "cookie-flags",
];

/// Every line of a finding's place, so that a mark may stand on any of them.
fn alarms(repo: &Arc<Repository>) -> Vec<(String, std::ops::RangeInclusive<usize>, String)> {
    let model = Model::build(Arc::clone(repo));
    let mut found = Vec::new();
    let judged = CONTROLS
        .iter()
        .filter(|control| JUDGED.contains(&control.about().id));
    for control in judged {
        for finding in control.check(&model).findings() {
            let text = &repo.file(finding.path()).unwrap().text;
            let first = text.line_of(finding.span().start);
            let last = text.line_of(finding.span().end);
            found.push((
                finding.path().to_string(),
                first..=last,
                control.about().id.to_owned(),
            ));
        }
    }
    found
}

#[test]
fn the_corpus_is_judged_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/flow");
    let mut texts = Vec::new();
    let discovered = Repository::discover(&root).unwrap();
    for file in discovered.files() {
        texts.push((file.path.to_string(), file.text.as_str().to_owned()));
    }
    let (mut expected, mut missed, mut false_alarms, mut look_alikes) =
        (0, Vec::new(), Vec::new(), 0);
    // Each file, or folder, is a program of its own.
    let programs: BTreeSet<String> = texts
        .iter()
        .map(|(path, _)| path.split('/').next().unwrap().to_owned())
        .collect();
    for program in programs {
        let inside = texts
            .iter()
            .filter(|(path, _)| path == &program || path.starts_with(&format!("{program}/")));
        let inside: Vec<(String, &str)> = inside
            .map(|(path, text)| {
                let path = path.strip_prefix(&format!("{program}/")).unwrap_or(path);
                (path.to_owned(), text.as_str())
            })
            .collect();
        let repo = Repository::from_texts(inside.iter().map(|(path, text)| (path.as_str(), *text)));
        let repo = Arc::new(repo);
        let alarms = alarms(&repo);
        let findings = marks(&repo, "finding");
        expected += findings.len();
        look_alikes += marks(&repo, "ok").len();
        for (path, line, control) in &findings {
            let is_found = alarms.iter().any(|(known, lines, found)| {
                known == path && lines.contains(line) && found == control
            });
            let is_known = KNOWN_MISSES.iter().any(|(file, marked, _)| {
                *file == program && marks_text(&repo, path, *line).contains(marked)
            });
            if !is_found && !is_known {
                missed.push(format!(
                    "{program}:{path}:{line} {control}  {}",
                    marks_text(&repo, path, *line)
                ));
            }
        }
        for (path, lines, control) in &alarms {
            let is_marked = findings.iter().any(|(known, line, found)| {
                known == path && lines.contains(line) && found == control
            });
            if !is_marked {
                let text = marks_text(&repo, path, *lines.start());
                false_alarms.push(format!(
                    "{program}:{path}:{} {control}  {text}",
                    lines.start()
                ));
            }
        }
    }
    false_alarms.sort();
    false_alarms.dedup();
    let recall = 100.0 * (expected - missed.len()) as f64 / expected.max(1) as f64;
    let alarm_rate = 100.0 * false_alarms.len() as f64 / look_alikes.max(1) as f64;
    println!(
        "{expected} weaknesses, {look_alikes} look-alikes: recall {recall:.1} %, false alarms {alarm_rate:.1} %"
    );
    println!(
        "missed:\n{}\nfalse:\n{}",
        missed.join("\n"),
        false_alarms.join("\n")
    );
    assert!(recall >= 95.0 && alarm_rate <= 2.0);
}

fn marks_text(repo: &Repository, path: &str, line: usize) -> String {
    repo.file(path).unwrap().text.line(line).trim().to_owned()
}
