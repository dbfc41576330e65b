//! A small application with a given assessment: what is drawn does not change when a control
//! learns something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::assessment::{Assessed, Assessment, Judged};
use crate::discover::Repository;
use crate::finding::{
    Edit, Evidence, Finding, FlowStep, Patch, PatchKind, RemedyOption, Severity, Verdict,
};
use crate::model::Model;
use crate::patch::compose;
use crate::session::{CommitPreview, Offer, Preview, Refused, Session};
use crate::strategies::About;
use crate::strategies::strategy::{DEBUG_MODE, FILE_HANDLING, SECRET_KEY};
use crate::text::{Location, Span};
use crate::ui::git_state::GitState;
use crate::ui::survey::{Offered, Remedy, Survey};
use crate::ui::wizard::action::Previewed;
use crate::ui::wizard::state::{Git, Scan, Screen, State};
use crate::ui::wizard::theme::Theme;

const VIEWS: &str = "from flask import Flask, request, send_file

app = Flask(__name__)
KEY = 'not-a-real-key'


@app.route('/download')
def download():
\tname = request.args['name']  # 名前
\treturn send_file('uploads/' + name)


if __name__ == '__main__':
    app.run(debug=True)
";

macro_rules! about {
    ($name:ident, $id:literal, $title:literal, $strategy:ident, $threats:expr) => {
        static $name: About = About {
            id: $id,
            title: $title,
            strategy: &$strategy,
            threats: $threats,
            severity: Severity::High,
            page: concat!(
                "# ",
                $id,
                "\n\nWhat it is, with `code`.\n\n- first\n- second\n"
            ),
        };
    };
}

about!(
    RUN,
    "debug-run",
    "No start with the debugger",
    DEBUG_MODE,
    &["remote-code-execution", "information-disclosure"]
);
about!(
    GUARD,
    "debug-guard",
    "A guard refuses debug mode",
    DEBUG_MODE,
    &["remote-code-execution"]
);
about!(
    DEBUG_CONFIG,
    "debug-config",
    "Debug is off in the configuration",
    DEBUG_MODE,
    &["denial-of-service"]
);
about!(
    KEY_LITERAL,
    "secret-key-hardcoded",
    "No key in the code",
    SECRET_KEY,
    &["session-hijacking"]
);
about!(
    KEY_STORE,
    "secret-key-store",
    "The key comes from a store",
    SECRET_KEY,
    &["session-hijacking"]
);
about!(
    SEND_FILE,
    "send-file-path",
    "No request value reaches send_file",
    FILE_HANDLING,
    &["directory-traversal"]
);
about!(
    LINKS,
    "send-directory-links",
    "Links are resolved",
    FILE_HANDLING,
    &["directory-traversal"]
);

fn place(path: &Arc<str>, needle: &str) -> Location {
    let start = VIEWS.find(needle).unwrap();
    Location::new(path, Span::new(start, start + needle.len()))
}

/// Fingerprint, control, finding, patch.
type Case = (&'static str, &'static About, Finding, Patch);

fn cases(path: &Arc<str>) -> Vec<Case> {
    let run = place(path, "app.run(debug=True)");
    let sent = place(path, "send_file('uploads/' + name)");
    let key = place(path, "'not-a-real-key'");
    let flag = place(path, "True)");
    vec![
        (
            "aa01",
            &RUN,
            Finding::new(
                RUN.id,
                run.clone(),
                Severity::Critical,
                "run() starts the debugger: whoever reaches the server can run Python code in it.",
            )
            .unreachable("Production starts gunicorn."),
            Patch::new(
                PatchKind::Safe,
                "Start the server with the debugger off",
                "This call cannot bring up the debugger",
            )
            .edit(Edit::replace(
                path,
                Span::new(flag.span.start, flag.span.start + 4),
                "False",
            ))
            .follow_up("For local debugging use `flask run --debug`."),
        ),
        (
            "aa02",
            &GUARD,
            Finding::new(
                GUARD.id,
                run,
                Severity::Medium,
                "Nothing stops the app from serving with debug on.",
            )
            .absent(),
            Patch::new(
                PatchKind::Review,
                "Refuse to start with debug on",
                "The app does not serve with debug on unless development is declared",
            )
            .edit(Edit::create(
                "shop/guard.py",
                "def check(app):\n    if app.debug:\n        raise SystemExit('debug is on')\n",
            ))
            .may_break("Starts with `python app.py` and debug on end with an error.")
            .option(RemedyOption {
                key: "debug-guard.form",
                question: "Which form of the guard?".into(),
                choices: vec!["short".into(), "module".into()],
                value: "short".into(),
            }),
        ),
        (
            "bb01",
            &KEY_LITERAL,
            Finding::new(
                KEY_LITERAL.id,
                key.clone(),
                Severity::Critical,
                "The key stands in the code: whoever reads it signs sessions.",
            )
            .secret(key),
            Patch::manual(
                "Replace the key",
                vec!["Make a new key, and revoke this one.".into()],
            ),
        ),
        (
            "cc01",
            &SEND_FILE,
            Finding::new(
                SEND_FILE.id,
                sent.clone(),
                Severity::Critical,
                "A request value decides which file is sent.",
            )
            .flow(vec![
                FlowStep {
                    location: place(path, "request.args['name']"),
                    note: "read from request.args".into(),
                },
                FlowStep {
                    location: sent.clone(),
                    note: "reaches send_file".into(),
                },
            ]),
            Patch::new(
                PatchKind::Safe,
                "Serve the file with send_from_directory",
                "No request value can name a file outside uploads",
            )
            .edit(Edit::replace(
                path,
                sent.span,
                "send_from_directory('uploads', name)",
            ))
            .edit(Edit::import_from(path, "flask", "send_from_directory"))
            .edit(Edit::drop_import_from(path, "flask", "send_file")),
        ),
        (
            "cc02",
            &LINKS,
            Finding::new(
                LINKS.id,
                sent,
                Severity::Low,
                "Links in the directory are followed.",
            ),
            Patch::new(
                PatchKind::Safe,
                "Resolve links",
                "Only files inside the directory are served",
            )
            .edit(Edit::replace(path, Span::at(0), "import os\n")),
        ),
    ]
}

/// A scanned state on the screen of the strategies.
pub fn state(size: (u16, u16)) -> State {
    let (survey, _) = survey();
    let mut state = State::new("/srv/shop".into(), size, Theme::MONO);
    state.survey = Some(survey);
    state.scan = Scan::Ready;
    state.screen = Screen::Strategies;
    state.git = Git::Ready(GitState {
        head: "main".into(),
        branch: Some("main".into()),
        uncommitted: Some(2),
        default_branch: "flask-harden".into(),
        notes: vec!["The hook pre-commit is not run.".into()],
    });
    state.review.branch = "flask-harden".into();
    state
}

/// The survey, and its patches by fingerprint.
pub fn survey() -> (Survey, BTreeMap<String, Patch>) {
    let repo = Arc::new(Repository::from_texts([("shop/views.py", VIEWS)]));
    let path = Arc::clone(&repo.file("shop/views.py").unwrap().path);
    let model = Model::build(repo);
    let cases = cases(&path);
    let mut assessment = Assessment::default();
    let evidence = Evidence::new(place(&path, "Flask(__name__)"), "sets DEBUG to False");
    let judged = |about, verdict, fingerprints: Vec<String>| Judged {
        about,
        verdict,
        fingerprints,
    };
    for about in [&RUN, &GUARD, &KEY_LITERAL, &SEND_FILE, &LINKS] {
        let own = || cases.iter().filter(|case| case.1.id == about.id);
        assessment.judged.push(judged(
            about,
            Verdict::from_findings(own().map(|case| case.2.clone()).collect(), Vec::new()),
            own().map(|case| case.0.to_owned()).collect(),
        ));
    }
    let in_place = Verdict::Implemented {
        evidence: vec![evidence],
    };
    assessment
        .judged
        .push(judged(&DEBUG_CONFIG, in_place, vec![]));
    let question = "Does production set SECRET_KEY from a store?";
    assessment
        .judged
        .push(judged(&KEY_STORE, Verdict::undecided(question), vec![]));
    let mut remedies = BTreeMap::new();
    let mut offers = BTreeMap::new();
    let mut patches = BTreeMap::new();
    for (fingerprint, about, finding, patch) in cases {
        let fingerprint = fingerprint.to_owned();
        assessment.findings.push(Assessed {
            fingerprint: fingerprint.clone(),
            about,
            finding,
        });
        remedies.insert(
            fingerprint.clone(),
            Remedy {
                kind: patch.kind,
                title: patch.title.clone(),
                has_edits: !patch.edits.is_empty(),
            },
        );
        let flaw = (fingerprint == "cc02").then(|| "it would bring a new finding".to_owned());
        offers.insert(
            fingerprint.clone(),
            Arc::new(Offer {
                patch: patch.clone(),
                flaw,
            }),
        );
        patches.insert(fingerprint, patch);
    }
    let session = Arc::new(Session::staged(model, assessment, offers.clone()));
    let mut survey = Survey::with_remedies(Arc::clone(&session), remedies);
    for (fingerprint, offer) in offers {
        let diffs = Arc::new(session.diffs(&fingerprint));
        survey.take_offer(&fingerprint, Offered { offer, diffs });
    }
    (survey, patches)
}

/// What the worker would answer to the choice of `state`.
pub fn previewed(state: &State) -> Previewed {
    let survey = state.survey.as_ref().unwrap();
    let (_, patches) = self::survey();
    let model = &survey.session.model;
    let ticked: Vec<&String> = survey.chosen().iter().collect();
    let chosen: Vec<&Patch> = ticked.iter().map(|name| &patches[*name]).collect();
    let composition = compose(model, &chosen).unwrap();
    let commit = CommitPreview {
        strategy: &FILE_HANDLING,
        subject: FILE_HANDLING.subject.into(),
        body: "- Serve the file with send_from_directory.\n\nFindings:\n- shop/views.py:10 send-file-path (critical): A request value decides\n  which file is sent.\n".into(),
        texts: composition.texts.clone(),
        fingerprints: vec!["cc01".into()],
        impacts: Vec::new(),
        follow_ups: vec!["For local debugging use `flask run --debug`.".into()],
    };
    let preview = Preview {
        commits: vec![commit],
        refused: vec![Refused {
            fingerprint: "aa02".into(),
            reason: "shop/guard.py: the file to be created exists already".into(),
        }],
        mended: BTreeSet::new(),
        composition,
    };
    Previewed {
        survey: survey.number,
        chosen: survey.chosen().clone(),
        diffs: survey.session.commit_diffs(&preview.commits),
        uncommitted: vec!["shop/views.py".into()],
        preview: Arc::new(preview),
    }
}
