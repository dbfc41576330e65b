//! `upload-filename`: uploads are stored under a name that the server made safe.

use ruff_python_ast::{AnyNodeRef, Expr, Operator};
use ruff_text_size::Ranged as _;

use crate::edit::imports::name_for;
use crate::edit::paths::Splitter;
use crate::edit::statements;
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::parse::python::Module;
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::Span;

pub struct UploadFilename;

static ABOUT: About = About {
    id: "upload-filename",
    title: "Uploads are stored under a safe name",
    strategy: &FILE_HANDLING,
    threats: &["directory-traversal"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/upload-filename.md"),
};

impl Control for UploadFilename {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.of_sink(|sink| *sink == Sink::UploadSave);
        flowing::verdict(calls, "the application stores no uploads", |call| {
            Some(super::path_finding(
                ABOUT.id,
                call,
                Severity::Critical,
                "decides where the upload is stored",
                "a client overwrites any file that the server process may write.",
            ))
        })
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| call.sink == Sink::UploadSave;
        flowing::call_of(model, finding, wanted)
            .and_then(|call| make_safe(model, call))
            .unwrap_or_else(by_hand)
    }
}

fn by_hand() -> Patch {
    Patch::manual(
        "Make the name safe before the upload is stored",
        vec![
            "Pass the name through secure_filename from werkzeug.utils, and refuse the upload \
             when nothing is left of it."
                .into(),
        ],
    )
}

fn make_safe(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let tainted = flowing::inserted(sink);
    let splitter = Splitter {
        model,
        file,
        tainted: &tainted,
    };
    let span = match innermost(&tainted) {
        Some([span]) => span,
        None => component(sink)?,
    };
    let name = module.expression_at(span)?;
    let offset = span.start;
    if is_folder(model, file, span) || is_path(model, file, name) {
        return None;
    }
    let (secure, secure_import) =
        name_for(model, file, offset, "werkzeug.utils", "secure_filename");
    let (abort, abort_import) = name_for(model, file, offset, "flask", "abort");
    let refuse = |name: &str| [format!("if not {name}:"), format!("    {abort}(400)")];
    let patch = Patch::new(
        PatchKind::Safe,
        "Store the upload under secure_filename",
        "The stored name has no folder in it; a name of which nothing is left is refused with 400",
    )
    .edits(secure_import)
    .edits(abort_import)
    .follow_up(
        "secure_filename changes names (only ASCII letters, digits, dot, dash and underscore \
         stay). Where the original name matters, keep it in the database.",
    );
    if let Expr::Name(variable) = name
        && let Some(assignment) = splitter.assignment_of(&variable.id, offset)
    {
        let statement = module.statement_exactly(assignment.statement)?;
        if !statements::ends_its_line(module, statement) {
            return None;
        }
        let value = module.source(assignment.value);
        let built = module.expression_at(assignment.value)?;
        if holds_a_slash(built) || is_path(model, file, built) {
            return None;
        }
        return Some(
            patch
                .edit(Edit::replace(
                    module.path(),
                    assignment.value,
                    format!("{secure}({value})"),
                ))
                .edit(statements::after(module, statement, &refuse(&variable.id))),
        );
    }
    let statement = statements::statement_of(module, name.range().into())?;
    let candidates = ["filename", "safe_name", "stored_name"];
    let safe = splitter
        .free_name(&candidates, offset)
        .or_else(|| Some("safe_filename".to_owned()))?;
    let mut lines = vec![format!("{safe} = {secure}({})", module.source(span))];
    lines.extend(refuse(&safe));
    let patch = patch
        .edit(statements::before(module, statement, &lines))
        .edit(Edit::replace(module.path(), span, safe.clone()));
    Some(match used_below(module, sink, name, statement.range().end().to_usize()) {
        true => Patch {
            kind: PatchKind::Review,
            ..patch
        }
        .may_break(format!(
            "{} is used again below: where it has to name the stored file, use {safe} there too.",
            module.source(span)
        )),
        false => patch,
    })
}

/// The part of the path that every client's value goes through before it is stored: the value
/// itself where it is one alone.
fn component(sink: &SinkCall) -> Option<Span> {
    let (first, others) = flowing::pieces(sink).split_first()?;
    let place = match others.is_empty() {
        true => first.insertions.first()?,
        false => first.inserted.as_ref()?,
    };
    let is_shared = others
        .iter()
        .all(|piece| piece.inserted.as_ref() == Some(place));
    let is_here = place.path == sink.call.path
        && sink
            .function
            .is_some_and(|function| function.contains(place.span));
    (is_shared && is_here).then_some(place.span)
}

/// Whether the place is the first of a join: what a path starts from is a folder, and a safe name
/// would lead the upload elsewhere.
fn is_folder(model: &Model, file: ModuleId, place: Span) -> bool {
    let module = model.modules.get(file);
    module.ancestors(place).iter().any(|node| {
        let AnyNodeRef::ExprCall(call) = node else {
            return false;
        };
        let first = call.arguments.args.first();
        is_path_function(model, file, &call.func, &["os.path.join"])
            && first.is_some_and(|first| Span::from(first.range()) == place)
    })
}

/// Whether `expr` gives a whole path, whose folders a safe name would lose.
fn is_path(model: &Model, file: ModuleId, expr: &Expr) -> bool {
    const PATHS: &[&str] = &[
        "os.path.join",
        "os.path.normpath",
        "os.path.abspath",
        "os.path.realpath",
        "os.path.dirname",
        "pathlib.Path",
    ];
    match expr {
        Expr::Call(call) => {
            is_path_function(model, file, &call.func, PATHS)
                || matches!(&*call.func, Expr::Attribute(method)
                    if is_path(model, file, &method.value))
        }
        Expr::BinOp(operation) => operation.op == Operator::Div,
        _ => false,
    }
}

fn is_path_function(model: &Model, file: ModuleId, func: &Expr, wanted: &[&str]) -> bool {
    let callee = model.names.callee(&model.modules, file, func);
    let callee = callee.as_ref().and_then(|callee| callee.external());
    callee.is_some_and(|callee| wanted.contains(&callee))
}

/// Whether the text that `expr` builds has folders of its own, which a safe name would lose.
fn holds_a_slash(expr: &Expr) -> bool {
    match expr {
        Expr::StringLiteral(text) => text.value.to_str().contains('/'),
        Expr::FString(text) => text
            .value
            .elements()
            .filter_map(|element| element.as_literal())
            .any(|literal| literal.value.contains('/')),
        Expr::BinOp(sum) => holds_a_slash(&sum.left) || holds_a_slash(&sum.right),
        _ => false,
    }
}

/// Whether the function reads the client's own name once more behind `offset`.
fn used_below(module: &Module, sink: &SinkCall, name: &Expr, offset: usize) -> bool {
    let Some(function) = sink.function else {
        return false;
    };
    let rest = Span::new(offset.min(function.end), function.end);
    let text = module.source(name.range());
    module.file.text.slice(rest).contains(text)
}

/// The one expression that carries the name; nothing when several do.
fn innermost(spans: &[Span]) -> Option<[Span; 1]> {
    let is_inner = |span: &&Span| {
        !spans
            .iter()
            .any(|other| other != *span && span.contains(*other))
    };
    let inner: Vec<Span> = spans.iter().filter(is_inner).copied().collect();
    inner.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    const HEAD: &str = "import os\nfrom flask import Flask, request\nfrom werkzeug.utils import secure_filename\n\napp = Flask(__name__)\nUP = '/srv/up'\n\n\n@app.route('/u', methods=['POST'])\ndef u():\n    f = request.files['file']\n";

    fn after(body: &str) -> String {
        let source = format!("{HEAD}{body}");
        assert_eq!(
            findings(&UploadFilename, &[("app.py", &source)]).len(),
            1,
            "{source}"
        );
        let text = apply(&UploadFilename, &[("app.py", &source)], "app.py");
        assert_eq!(
            findings(&UploadFilename, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        text
    }

    #[test]
    fn an_inline_name_is_made_safe_in_front() {
        let text = after("    f.save(os.path.join(UP, f.filename))\n    return 'ok'\n");
        assert!(text.contains("    filename = secure_filename(f.filename)\n    if not filename:\n        abort(400)\n    f.save(os.path.join(UP, filename))\n") || text.contains("    safe_name = secure_filename(f.filename)\n"), "{text}");
    }

    #[test]
    fn an_assigned_name_is_wrapped_where_it_is_made() {
        let text =
            after("    name = f.filename\n    f.save(os.path.join(UP, name))\n    return 'ok'\n");
        assert!(
            text.contains(
                "    name = secure_filename(f.filename)\n    if not name:\n        abort(400)\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_path_that_is_joined_before_it_is_saved_gets_a_safe_name() {
        for (body, wanted) in [
            (
                "    path = os.path.join(UP, f.filename)\n    f.save(path)\n    return 'ok'\n",
                "    filename = secure_filename(f.filename)\n    if not filename:\n        abort(400)\n    path = os.path.join(UP, filename)\n",
            ),
            (
                "    stored = f.filename\n    path = os.path.join(UP, stored)\n    f.save(path)\n    return stored\n",
                "    stored = secure_filename(f.filename)\n    if not stored:\n        abort(400)\n",
            ),
            (
                "    user = request.form.get('user', '')\n    name = f'{user}_{f.filename}'\n    path = os.path.join(UP, name)\n    f.save(path)\n    return 'ok'\n",
                "    name = secure_filename(f'{user}_{f.filename}')\n",
            ),
        ] {
            let text = after(body);
            assert!(text.contains(wanted), "{text}");
        }
    }

    #[test]
    fn a_name_with_folders_or_a_folder_of_the_clients_is_left_to_a_person() {
        for body in [
            "    name = f\"{request.form['user']}/{f.filename}\"\n    path = os.path.join(UP, name)\n    f.save(path)\n    return 'ok'\n",
            "    path = os.path.join(UP, request.form['user'], f.filename)\n    f.save(path)\n    return 'ok'\n",
            "    folder = os.path.normpath(request.form['in'][1:]).replace('../', '/')\n    folder = os.path.normpath(os.path.join(UP, folder)).replace('../', '/')\n    if not os.path.isdir(folder):\n        return 'no'\n    name = secure_filename(f.filename)\n    path = os.path.join(folder, name)\n    f.save(path)\n    return 'ok'\n",
        ] {
            let source = format!("{HEAD}{body}");
            let patch = patch(&UploadFilename, &[("app.py", &source)]);
            assert_eq!(patch.kind, PatchKind::Manual, "{source}");
        }
    }

    #[test]
    fn a_name_that_is_used_again_is_for_review() {
        for (rest, kind) in [
            ("return f.filename", PatchKind::Review),
            ("return 'ok'", PatchKind::Safe),
        ] {
            let source = format!(
                "{HEAD}    path = os.path.join(UP, f.filename)\n    f.save(path)\n    {rest}\n"
            );
            let patch = patch(&UploadFilename, &[("app.py", &source)]);
            assert_eq!(patch.kind, kind, "{source}");
        }
    }

    #[test]
    fn secure_filename_is_evidence() {
        let source = format!(
            "{HEAD}    from werkzeug.utils import secure_filename\n    f.save(os.path.join(UP, secure_filename(f.filename)))\n    return 'ok'\n"
        );
        assert_eq!(findings(&UploadFilename, &[("app.py", &source)]), [""; 0]);
    }
}
