//! `file-open`: no request value reaches `open` and its kin unchecked.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged as _;

use crate::edit::imports::name_for;
use crate::edit::paths::{Assignment, Joined, Splitter};
use crate::edit::statements;
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{FileOperation, Sink, SinkCall};
use crate::parse::python::Module;
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::Span;

pub struct FileOpen;

static ABOUT: About = About {
    id: "file-open",
    title: "No request value reaches open, remove or an archive unchecked",
    strategy: &FILE_HANDLING,
    threats: &["directory-traversal", "information-disclosure"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/file-open.md"),
};

impl Control for FileOpen {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.calls.iter();
        let calls = calls.filter(|call| is_judged(&call.sink) || tells_what_exists(model, call));
        let absence = "the application opens no file on a client's behalf";
        flowing::verdict(calls, absence, |call| {
            let Sink::File(operation) = call.sink else {
                return None;
            };
            let (severity, what, gain) = match is_pattern(model, call) {
                true => PATTERN,
                false => weight(operation),
            };
            let what = format!("{what} {}()", flowing::short(&call.name));
            Some(super::path_finding(ABOUT.id, call, severity, &what, gain))
        })
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| matches!(call.sink, Sink::File(_));
        let call = flowing::call_of(model, finding, wanted);
        let patch = call.and_then(|call| {
            mended_check(model, call)
                .or_else(|| with_filter(model, call))
                .or_else(|| join_safely(model, call))
        });
        patch.unwrap_or_else(|| match call.is_some_and(|call| is_pattern(model, call)) {
            true => pattern_by_hand(),
            false => by_hand(),
        })
    }
}

const PATTERN: (Severity, &str, &str) = (
    Severity::Medium,
    "decides which files are matched by",
    "`*` in it matches every file, and `/../` may lead to those of other folders.",
);

/// The argument is what `glob` looks for, not the folder that it looks in.
fn is_pattern(model: &Model, sink: &SinkCall) -> bool {
    if !matches!(flowing::short(&sink.name), "glob" | "iglob" | "rglob") {
        return false;
    }
    let file = model.modules.by_path(&sink.call.path);
    let call = file.and_then(|file| model.modules.get(file).call_at(sink.call.span));
    call.is_some_and(|call| {
        let range = call.arguments.range();
        range.start().to_usize() <= sink.argument.start
            && sink.argument.end <= range.end().to_usize()
    })
}

/// Probes (`exists`, `isfile`) mostly guard an `open` that is judged itself.
fn is_judged(sink: &Sink) -> bool {
    matches!(sink, Sink::File(operation) if *operation != FileOperation::Probe)
}

/// A probe whose answer is all that a client gets: neither its function nor the client's value
/// goes on to a file.
fn tells_what_exists(model: &Model, probe: &SinkCall) -> bool {
    if probe.sink != Sink::File(FileOperation::Probe)
        || !probe.is_tainted()
        || !probe.weak_checks.is_empty()
    {
        return false;
    }
    let sources: Vec<_> = flowing::pieces(probe)
        .iter()
        .map(|piece| &piece.source)
        .collect();
    let mut others = model.flows.calls.iter().filter(|call| {
        is_judged(&call.sink)
            || matches!(
                call.sink,
                Sink::SendFile
                    | Sink::SendDirectoryBase
                    | Sink::SendDirectoryName
                    | Sink::UploadSave
            )
    });
    !others.any(|call| {
        let same = call.call.path == probe.call.path && call.function == probe.function;
        let passes = call
            .steps
            .iter()
            .any(|step| step.location.path == probe.call.path);
        let pieces = flowing::pieces(call).iter();
        same || passes
            && pieces
                .map(|piece| &piece.source)
                .any(|it| sources.contains(&it))
    })
}

const fn weight(operation: FileOperation) -> (Severity, &'static str, &'static str) {
    match operation {
        FileOperation::Read => (
            Severity::Critical,
            "decides which file is read by",
            "whoever asks reads any file that the server process may read.",
        ),
        FileOperation::Write => (
            Severity::Critical,
            "decides which file is written by",
            "a template or a module that runs with the next request can be overwritten.",
        ),
        FileOperation::Delete => (
            Severity::Critical,
            "decides which file is removed by",
            "any file that the server process may delete can be deleted.",
        ),
        FileOperation::Archive => (
            Severity::High,
            "decides which paths are touched by",
            "files outside the intended folder can be read or written.",
        ),
        FileOperation::Probe => (
            Severity::Low,
            "decides which file is looked for by",
            "the answer tells which files there are on the server.",
        ),
        FileOperation::List => (
            Severity::Medium,
            "decides which folder is listed by",
            "the names of any folder's files can be read.",
        ),
    }
}

/// A check that is there and can be mended is better than a second one.
pub(super) fn mended_check(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let mut checks = sink.weak_checks.iter();
    checks.find_map(|weak| super::filename_containment::mend_check(model, &weak.location))
}

fn by_hand() -> Patch {
    Patch::manual(
        "Check that the path lies inside its folder",
        vec![
            "Build the path with safe_join(folder, name) from werkzeug.security and answer 404 \
             when it gives None. The code does not show which folder is meant, so this is left \
             to you."
                .into(),
        ],
    )
}

fn pattern_by_hand() -> Patch {
    Patch::manual(
        "Match the client's value letter by letter",
        vec![
            "Answer 404 where the value has a `/` or a `\\` in it, and give the pattern \
             glob.escape(value), so that `*`, `?` and `[` stand for themselves."
                .into(),
        ],
    )
}

/// `archive.extractall(folder)` of a client's tar archive gets `filter="data"`.
fn with_filter(model: &Model, sink: &SinkCall) -> Option<Patch> {
    if !sink.name.starts_with("tarfile.TarFile.extract") {
        return None;
    }
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let call = module.call_at(sink.call.span)?;
    if call.arguments.find_keyword("filter").is_some() {
        return None;
    }
    let given = call.arguments.args.iter().map(|it| it.range());
    let given = given.chain(call.arguments.keywords.iter().map(|it| it.range()));
    let (at, text) = match given.max_by_key(|range| range.end()) {
        Some(last) => (last.end().to_usize(), ", filter=\"data\""),
        None => (sink.call.span.end - 1, "filter=\"data\""),
    };
    let patch = Patch::new(
        PatchKind::Review,
        "Extract with tarfile's data filter",
        "Members whose names or links lead out of the folder are refused",
    );
    Some(
        patch
            .may_break(
                "Python has the filter since 3.12, and in the security releases of 3.8 to 3.11 \
                 since June 2023: older ones raise a TypeError.",
            )
            .edit(Edit::insert(module.path(), at, text)),
    )
}

fn join_safely(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let tainted = flowing::inserted(sink);
    let splitter = Splitter {
        model,
        file,
        tainted: &tainted,
    };
    let argument = module.expression_at(sink.argument)?;
    let joined = splitter.split(argument)?;
    let offset = sink.call.span.start;
    let (safe_join, join_import) = name_for(model, file, offset, "werkzeug.security", "safe_join");
    let (abort, abort_import) = name_for(model, file, offset, "flask", "abort");
    let kind = if flowing::is_local(sink) {
        PatchKind::Safe
    } else {
        PatchKind::Review
    };
    let call = format!("{safe_join}({}, {})", joined.base, joined.names.join(", "));
    let mut patch = Patch::new(
        kind,
        "Join the path safely",
        format!(
            "The path lies inside {}; any other request is answered with 404",
            joined.base
        ),
    )
    .edits(join_import)
    .edits(abort_import);
    if kind == PatchKind::Review {
        patch = patch.may_break(
            "The path is built outside the view: a caller without a request gets a NotFound \
             exception where it got a path.",
        );
    }
    let edits = match &joined.assignment {
        Some(assignment) => at_assignment(&splitter, &joined, assignment, &call, &abort)?,
        None => in_front(&splitter, &joined, argument, &call, &abort)?,
    };
    Some(patch.edits(edits).edit(super::unused_os(module.path())))
}

fn refusal(name: &str, abort: &str) -> [String; 2] {
    [format!("if {name} is None:"), format!("    {abort}(404)")]
}

/// `path = os.path.join(BASE, name)` keeps its name; the check follows it.
fn at_assignment(
    splitter: &Splitter<'_>,
    joined: &Joined,
    assignment: &Assignment,
    call: &str,
    abort: &str,
) -> Option<Vec<Edit>> {
    let module = splitter.model.modules.get(splitter.file);
    let statement = module.statement_exactly(assignment.statement)?;
    if joined.is_path_object {
        let value = module.expression_at(assignment.value)?;
        return in_front(splitter, joined, value, call, abort);
    }
    if !statements::ends_its_line(module, statement) {
        return None;
    }
    Some(vec![
        Edit::replace(module.path(), assignment.value, call),
        statements::after(module, statement, &refusal(&assignment.name, abort)),
    ])
}

/// The path gets a name and a check in front of the statement that uses it.
fn in_front(
    splitter: &Splitter<'_>,
    joined: &Joined,
    expression: &Expr,
    call: &str,
    abort: &str,
) -> Option<Vec<Edit>> {
    let module = splitter.model.modules.get(splitter.file);
    let span = Span::from(expression.range());
    let statement = statements::statement_of(module, span)?;
    let candidates = ["path", "file_path", "full_path", "safe_path"];
    let name = splitter.free_name(&candidates, span.start)?;
    let mut lines = vec![format!("{name} = {call}")];
    lines.extend(refusal(&name, abort));
    let mut edits = vec![statements::before(module, statement, &lines)];
    if joined.is_path_object {
        let (path, import) = name_for(splitter.model, splitter.file, span.start, "pathlib", "Path");
        edits.extend(import);
        edits.push(Edit::replace(
            module.path(),
            without_parentheses(module, span),
            format!("{path}({name})"),
        ));
    } else {
        edits.push(Edit::replace(module.path(), span, name));
    }
    Some(edits)
}

/// `span` with the parentheses around it that only keep an operator together: `(BASE / name)`.
fn without_parentheses(module: &Module, span: Span) -> Span {
    let text = module.file.text.as_str();
    let (before, behind) = (&text[..span.start], &text[span.end..]);
    let Some(outside) = before.strip_suffix('(').filter(|_| behind.starts_with(')')) else {
        return span;
    };
    let last = outside.chars().next_back();
    let is_call = last.is_some_and(|it| it.is_alphanumeric() || matches!(it, '_' | ')' | ']'));
    match is_call {
        true => span,
        false => Span::new(span.start - 1, span.end + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    const HEAD: &str = "import os\nfrom pathlib import Path\nfrom flask import Flask, request\n\napp = Flask(__name__)\nBASE = '/srv/notes'\n\n\n@app.route('/n/<path:name>')\ndef n(name):\n";

    fn after(body: &str) -> String {
        let source = format!("{HEAD}{body}");
        assert_eq!(
            findings(&FileOpen, &[("app.py", &source)]).len(),
            1,
            "{source}"
        );
        let text = apply(&FileOpen, &[("app.py", &source)], "app.py");
        assert_eq!(findings(&FileOpen, &[("app.py", &text)]), [""; 0], "{text}");
        text
    }

    #[test]
    fn an_inline_path_gets_a_name_and_a_check() {
        let text = after(
            "    with open(os.path.join(BASE, name)) as f:\n        return {'t': f.read()}\n",
        );
        assert!(text.contains("    path = safe_join(BASE, name)\n    if path is None:\n        abort(404)\n    with open(path) as f:\n"), "{text}");
    }

    #[test]
    fn an_assigned_path_keeps_its_name() {
        let text =
            after("    target = os.path.join(BASE, name)\n    os.remove(target)\n    return {}\n");
        assert!(text.contains("    target = safe_join(BASE, name)\n    if target is None:\n        abort(404)\n    os.remove(target)\n"), "{text}");
    }

    #[test]
    fn path_objects_stay_path_objects() {
        let text = after("    return {'t': (Path(BASE) / name).read_text()}\n");
        assert!(
            text.contains("    path = safe_join(Path(BASE), name)\n"),
            "{text}"
        );
        assert!(text.contains("{'t': Path(path).read_text()}"), "{text}");
    }

    #[test]
    fn a_tar_archive_of_a_client_gets_a_filter() {
        let source = format!(
            "import tarfile\n{HEAD}    with tarfile.open(fileobj=request.files['f'].stream) as t:\n        t.extractall('/srv/x')\n    return {{}}\n"
        );
        let texts = [("app.py", source.as_str())];
        assert_eq!(findings(&FileOpen, &texts), ["app.py:13"]);
        let text = apply(&FileOpen, &texts, "app.py");
        assert!(
            text.contains("t.extractall('/srv/x', filter=\"data\")"),
            "{text}"
        );
        assert_eq!(findings(&FileOpen, &[("app.py", &text)]), [""; 0]);
    }

    #[test]
    fn archives_that_cannot_climb_are_left_alone() {
        for body in [
            "    tarfile.open('/srv/a.tar').extractall('/srv/x')\n",
            "    tarfile.open(fileobj=request.files['f'].stream).extractall('/srv/x', filter='data')\n",
            "    zipfile.ZipFile(request.files['f']).extractall('/srv/x')\n",
        ] {
            let source = format!("import tarfile\nimport zipfile\n{HEAD}{body}    return {{}}\n");
            assert_eq!(
                findings(&FileOpen, &[("app.py", &source)]),
                [""; 0],
                "{body}"
            );
        }
    }

    #[test]
    fn a_probe_counts_where_its_answer_is_all() {
        let probe = "    return {'there': os.path.exists(os.path.join(BASE, name))}\n";
        let source = format!("{HEAD}{probe}");
        let model = crate::strategies::testing::model(&[("app.py", &source)]);
        let verdict = FileOpen.check(&model);
        let severities: Vec<_> = verdict.findings().iter().map(|it| it.severity).collect();
        assert_eq!(severities, [Severity::Low]);
        let guard = format!(
            "{HEAD}    full = os.path.join(BASE, name)\n    if not os.path.exists(full):\n        return '', 404\n    with open(full) as f:\n        return {{'t': f.read()}}\n"
        );
        assert_eq!(findings(&FileOpen, &[("app.py", &guard)]), ["app.py:14"]);
        let served = format!(
            "from flask import send_from_directory\n{HEAD}    if not os.path.exists(os.path.join(BASE, name)):\n        return '', 404\n    return send_from_directory(BASE, name)\n"
        );
        assert_eq!(findings(&FileOpen, &[("app.py", &served)]), [""; 0]);
    }

    #[test]
    fn a_pattern_matches_what_the_client_wants() {
        let message = |body: &str| {
            let source = format!("import glob\n{HEAD}{body}");
            let files = [("app.py", source.as_str())];
            let model = crate::strategies::testing::model(&files);
            let message = FileOpen.check(&model).findings()[0].message.clone();
            (message, patch(&FileOpen, &files).follow_ups.join(" "))
        };
        for body in [
            "    return [f.name for f in Path('/tmp').glob('key.*.' + request.args['k'])]\n",
            "    return glob.glob('/tmp/key.*.' + request.args['k'])\n",
        ] {
            let (message, steps) = message(body);
            assert!(message.contains("which files are matched by"), "{message}");
            assert!(steps.contains("glob.escape"), "{steps}");
        }
        let (message, _) = message("    return [f.name for f in Path(name).glob('*.txt')]\n");
        assert!(message.contains("which folder is listed by"), "{message}");
    }

    #[test]
    fn a_path_without_a_folder_is_for_a_person() {
        let source = format!("{HEAD}    return {{'t': open(request.args['p']).read()}}\n");
        assert_eq!(
            patch(&FileOpen, &[("app.py", &source)]).kind,
            PatchKind::Manual
        );
    }

    #[test]
    fn the_folder_of_a_joined_file_lies_below_its_base() {
        for (name, count) in [("f\"{name}.md\"", 0), ("name", 1)] {
            let source = format!(
                "from werkzeug.utils import safe_join\n{HEAD}    path = safe_join(BASE, {name})\n    os.makedirs(os.path.dirname(path))\n    return ''\n"
            );
            let found = findings(&FileOpen, &[("app.py", &source)]);
            assert_eq!(found.len(), count, "{name}");
        }
    }
}
