//! `flask-harden fix`: patches without the wizard.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::output::Output;
use super::{Knowledge, Outcome, Selection, Target};
use crate::error::Error;
use crate::finding::{Patch, PatchKind};
use crate::session::{Preview, Session};
use crate::settings::Settings;
use crate::strategies::secret_key::fresh::{self, Fresh};
use crate::strategies::{Answers, Scope, registry};
use crate::suggest::closest;
use crate::text::printable;

/// What is applied, and what is not.
const WHICH: &str = "\
Without --review only safe patches are applied: those after which legitimate use is unchanged. \
What was asked for but could not be applied is named on stderr.";

#[derive(Debug, Args)]
#[command(after_help = WHICH, group = ArgGroup::new("mode").required(true).args(["diff", "branch", "write"]))]
pub(super) struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    knowledge: Knowledge,
    /// Print the patches as one diff that `git apply` accepts
    #[arg(long)]
    diff: bool,
    /// Commit the patches to a new branch; the files and the index stay as they are
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Change the files where they lie
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    selection: Selection,
    /// Only this finding, named by its fingerprint; may be given several times
    #[arg(long = "finding", value_name = "FINGERPRINT", value_delimiter = ',')]
    findings: Vec<String>,
    /// Also apply patches that may change legitimate use
    #[arg(long)]
    review: bool,
    /// Answer the patches' options from FILE: the keys of [tool.flask-harden], in TOML
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// What is to be patched, and what was asked for but is not.
#[derive(Debug, Default)]
struct Wanted {
    chosen: BTreeSet<String>,
    /// Fingerprints with the reason.
    refused: Vec<(String, String)>,
    /// Findings in the scope whose patches need `--review`, or are words only.
    to_review: usize,
    by_hand: usize,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Error> {
    let scope = arguments.selection.scope()?;
    let run = match &arguments.answers {
        Some(file) => Settings::read(file)?,
        None => Settings::default(),
    };
    let run = arguments.knowledge.added_to(run)?;
    let session = Session::scan_with(&arguments.target.path, run, |_| {})?;
    let mut wanted = wanted(&session, &scope, arguments)?;
    let preview = session.preview(&wanted.chosen);
    let refused = preview.refused.iter();
    wanted
        .refused
        .extend(refused.map(|refused| (refused.fingerprint.clone(), refused.reason.clone())));
    deliver(arguments, &session, &preview, output)?;
    let keys = match arguments.write {
        true => write_keys(arguments, &scope, &preview, output)?,
        false => Vec::new(),
    };
    let replaced = keys.iter().filter(|key| key.replaces.is_some()).count();
    wanted.by_hand = wanted.by_hand.saturating_sub(replaced);
    if preview.composition.texts.is_empty() && keys.is_empty() {
        output.say("There is nothing to fix.");
    }
    for (fingerprint, reason) in &wanted.refused {
        output.warning(&not_applied(&session, fingerprint, reason));
    }
    left_over(&wanted, output);
    Ok(match wanted.refused.is_empty() {
        true => Outcome::Good,
        false => Outcome::Short,
    })
}

fn wanted(session: &Session, scope: &Scope, arguments: &Arguments) -> Result<Wanted, Error> {
    let named: BTreeSet<&str> = arguments.findings.iter().map(String::as_str).collect();
    for fingerprint in &named {
        if session.assessment.finding(fingerprint).is_none() {
            return Err(unknown_finding(session, fingerprint));
        }
    }
    let mut wanted = Wanted::default();
    for found in &session.assessment.findings {
        let by_name = named.contains(&*found.fingerprint);
        if !scope.holds(found.about) || (!named.is_empty() && !by_name) {
            continue;
        }
        let patch = session.remedy(found);
        if let Some(patch) = &patch {
            check_answers(session, patch)?;
        }
        let patch = patch.filter(|patch| !patch.edits.is_empty());
        let kind = patch.map_or(PatchKind::Manual, |patch| patch.kind);
        let reason = match kind {
            PatchKind::Safe => None,
            PatchKind::Review if arguments.review => None,
            PatchKind::Review => Some("the patch may change legitimate use; add --review"),
            PatchKind::Manual => Some("no edit can do this; see `flask-harden scan`"),
        };
        match (reason, kind) {
            (None, _) => {
                wanted.chosen.insert(found.fingerprint.clone());
            }
            (Some(reason), _) if by_name => {
                let refused = (found.fingerprint.clone(), reason.to_owned());
                wanted.refused.push(refused);
            }
            (Some(_), PatchKind::Review) => wanted.to_review += 1,
            (Some(_), _) => wanted.by_hand += 1,
        }
    }
    Ok(wanted)
}

/// An answer that an option does not offer would be passed over in silence.
fn check_answers(session: &Session, patch: &Patch) -> Result<(), Error> {
    for option in patch
        .options
        .iter()
        .filter(|option| !option.choices.is_empty())
    {
        let Some(given) = session.answers().get(option.key) else {
            continue;
        };
        if !option.choices.iter().any(|choice| choice == given) {
            let choices = option.choices.iter().map(String::as_str);
            return Err(Error::Settings {
                path: option.key.to_owned(),
                message: match closest(given, choices) {
                    Some(meant) => format!("`{given}` is no choice; did you mean `{meant}`?"),
                    None => format!("`{given}` is none of {}", option.choices.join(", ")),
                },
            });
        }
    }
    Ok(())
}

fn unknown_finding(session: &Session, given: &str) -> Error {
    let known = session.assessment.findings.iter();
    Error::UnknownName {
        what: "the finding",
        given: given.to_owned(),
        suggestion: closest(given, known.map(|found| &*found.fingerprint)),
    }
}

fn deliver(
    arguments: &Arguments,
    session: &Session,
    preview: &Preview,
    output: &mut Output,
) -> Result<(), Error> {
    if preview.composition.texts.is_empty() {
        return Ok(());
    }
    if let Some(branch) = &arguments.branch {
        let created = session.apply(preview, branch)?;
        let mut text = format!("Made the branch {} with\n", created.branch);
        for (id, subject) in &created.commits {
            text.push_str(&format!("  {id} {subject}\n"));
        }
        output.write(&text)?;
    } else if arguments.write {
        let mut text = String::new();
        for path in session.write(preview)? {
            text.push_str(&format!("changed {}\n", printable(&path)));
        }
        output.write(&text)?;
    } else {
        output.write(&session.patch_text(preview))?;
    }
    for follow_up in follow_ups(preview) {
        output.say(&format!("left to do by hand: {}", printable(follow_up)));
    }
    Ok(())
}

/// Fresh keys in the ignored `.env`, as the files are now: for those that it lacks, when a key was
/// patched or the control is asked for, and with `--review` for those that can be guessed.
fn write_keys(
    arguments: &Arguments,
    scope: &Scope,
    preview: &Preview,
    output: &mut Output,
) -> Result<Vec<Fresh>, Error> {
    let Some(control) = registry::by_id(STRENGTH) else {
        return Ok(Vec::new());
    };
    if !scope.holds(control.about()) || !arguments.findings.is_empty() {
        return Ok(Vec::new());
    }
    let strategy = control.about().strategy;
    let is_asked = arguments.selection.controls.iter().any(|id| id == STRENGTH)
        || preview.commits.iter().any(|it| it.strategy == strategy);
    let path = &arguments.target.path;
    let session = Session::scan(path, Answers::default(), |_| {})?;
    let mut fresh = fresh::wanted(&session.model);
    fresh.retain(|it| match it.replaces {
        Some(_) => arguments.review,
        None => is_asked,
    });
    session.write_keys(&fresh)?;
    let mut text = String::new();
    for it in &fresh {
        text.push_str(&format!(
            "put a fresh {} into {}, which git ignores; it is shown nowhere\n",
            printable(&it.variable),
            printable(&it.path)
        ));
    }
    output.write(&text)?;
    Ok(fresh)
}

/// Its patch is a key in an ignored file, which no difference may show.
const STRENGTH: &str = "secret-key-strength";

fn follow_ups(preview: &Preview) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for follow_up in preview.commits.iter().flat_map(|commit| &commit.follow_ups) {
        if !all.contains(&follow_up.as_str()) {
            all.push(follow_up);
        }
    }
    all
}

fn not_applied(session: &Session, fingerprint: &str, reason: &str) -> String {
    let Some(found) = session.assessment.finding(fingerprint) else {
        return format!("{fingerprint} is not applied: {reason}");
    };
    let location = &found.finding.location;
    let file = session.model.repo.file(&location.path);
    let line = file.map_or(1, |file| file.text.line_of(location.span.start));
    let id = found.about.id;
    format!(
        "{}:{line} {id} ({fingerprint}) is not applied: {reason}",
        location.path
    )
}

fn left_over(wanted: &Wanted, output: &mut Output) {
    let mut parts = Vec::new();
    if wanted.to_review > 0 {
        let verb = if wanted.to_review == 1 {
            "needs"
        } else {
            "need"
        };
        parts.push(format!("{} {verb} review (--review)", wanted.to_review));
    }
    if wanted.by_hand > 0 {
        let verb = if wanted.by_hand == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} for a person", wanted.by_hand));
    }
    if !parts.is_empty() {
        output.say(&format!("More findings remain: {}.", parts.join(", ")));
    }
}
