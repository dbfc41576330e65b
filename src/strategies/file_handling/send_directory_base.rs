//! `send-directory-base`: no request value chooses the folder that is served.

use crate::finding::{Finding, Patch, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};

pub struct SendDirectoryBase;

static ABOUT: About = About {
    id: "send-directory-base",
    title: "No request value chooses the folder that send_from_directory serves",
    strategy: &FILE_HANDLING,
    threats: &["directory-traversal", "information-disclosure"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/send-directory-base.md"),
};

impl Control for SendDirectoryBase {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.of_sink(|sink| *sink == Sink::SendDirectoryBase);
        let absence = "the application does not call send_from_directory";
        let verdict = flowing::verdict(calls, absence, |call| {
            Some(super::path_finding(
                ABOUT.id,
                call,
                Severity::Critical,
                "chooses the folder that send_from_directory() serves",
                "it keeps names inside a folder that the client picked, so any file can be read.",
            ))
        });
        flowing::with_calls(verdict, model, "flask.send_from_directory")
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| call.sink == Sink::SendDirectoryBase;
        let call = flowing::call_of(model, finding, wanted);
        join_safely(model, call).unwrap_or_else(by_hand)
    }
}

fn by_hand() -> Patch {
    Patch::manual(
        "Look the folder up among those that are meant",
        vec![
            "Write down the folders that may be served, as a dictionary from the names that \
             clients use, and answer 404 for any other name: \
             `directory = DIRECTORIES.get(name)`, `if directory is None: abort(404)`."
                .into(),
        ],
    )
}

/// A folder below a fixed one can be joined safely; which folders were meant is not the
/// client's to say.
fn join_safely(model: &Model, call: Option<&SinkCall>) -> Option<Patch> {
    use crate::edit::imports::name_for;
    use crate::edit::paths::Splitter;
    use crate::edit::statements;
    use crate::finding::{Edit, PatchKind};

    let sink = call?;
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let tainted = flowing::inserted(sink);
    let splitter = Splitter {
        model,
        file,
        tainted: &tainted,
    };
    let joined = splitter.split(module.expression_at(sink.argument)?)?;
    let offset = sink.call.span.start;
    let statement = statements::statement_of(module, sink.call.span)?;
    let directory = splitter.free_name(&["directory", "folder", "base_directory"], offset)?;
    let (safe_join, join_import) = name_for(model, file, offset, "werkzeug.security", "safe_join");
    let (abort, abort_import) = name_for(model, file, offset, "flask", "abort");
    let lines = [
        format!(
            "{directory} = {safe_join}({}, {})",
            joined.base,
            joined.names.join(", ")
        ),
        format!("if {directory} is None:"),
        format!("    {abort}(404)"),
    ];
    let patch = Patch::new(
        PatchKind::Safe,
        "Join the folder safely",
        format!("The folder that is served lies inside {}", joined.base),
    )
    .edits(join_import)
    .edits(abort_import)
    .edit(statements::before(module, statement, &lines))
    .edit(Edit::replace(module.path(), sink.argument, directory));
    Some(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PatchKind;
    use crate::strategies::testing::{apply, findings, patch};

    const HEAD: &str =
        "import os\nfrom flask import Flask, request, send_from_directory\napp = Flask(__name__)\n";

    #[test]
    fn a_chosen_folder_is_found() {
        let source = format!(
            "{HEAD}@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory(request.args['d'], name)\n"
        );
        assert_eq!(
            findings(&SendDirectoryBase, &[("app.py", &source)]),
            ["app.py:6"]
        );
        let kind = patch(&SendDirectoryBase, &[("app.py", &source)]).kind;
        assert_eq!(kind, PatchKind::Manual);
    }

    #[test]
    fn a_folder_below_a_fixed_one_is_joined_safely() {
        let source = format!(
            "{HEAD}@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory(os.path.join('/srv', request.args['d']), name)\n"
        );
        let text = apply(&SendDirectoryBase, &[("app.py", &source)], "app.py");
        assert!(text.contains("    directory = safe_join('/srv', request.args['d'])\n    if directory is None:\n        abort(404)\n    return send_from_directory(directory, name)"), "{text}");
        assert_eq!(findings(&SendDirectoryBase, &[("app.py", &text)]), [""; 0]);
    }

    #[test]
    fn a_fixed_folder_is_fine() {
        let source = format!(
            "{HEAD}@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory('/srv', name)\n"
        );
        assert_eq!(
            findings(&SendDirectoryBase, &[("app.py", &source)]),
            [""; 0]
        );
    }
}
