//! `send-file-path`: no request value reaches the path of `send_file`.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged as _;

use crate::edit::imports::name_for;
use crate::edit::paths::{Joined, Splitter};
use crate::edit::statements;
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::parse::python::{Module, argument};
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::Span;

pub struct SendFilePath;

static ABOUT: About = About {
    id: "send-file-path",
    title: "No request value reaches the path of send_file",
    strategy: &FILE_HANDLING,
    threats: &["directory-traversal", "information-disclosure"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/send-file-path.md"),
};

/// `send_file`'s positional parameters behind the path, in every Flask from 1.1 to 3.1 (the
/// later ones were renamed on the way, so more than these two cannot be carried over).
const POSITIONAL: [&str; 2] = ["mimetype", "as_attachment"];

impl Control for SendFilePath {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let calls = model.flows.of_sink(|sink| *sink == Sink::SendFile);
        let absence = "the application does not call send_file";
        let verdict = flowing::verdict(calls, absence, |call| {
            Some(super::path_finding(
                ABOUT.id,
                call,
                Severity::Critical,
                "decides which file send_file() serves",
                "whoever asks gets any file that the server process may read.",
            ))
        });
        flowing::with_calls(verdict, model, "flask.send_file")
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| call.sink == Sink::SendFile;
        flowing::call_of(model, finding, wanted)
            .and_then(|call| {
                super::file_open::mended_check(model, call)
                    .or_else(|| serve_from_directory(model, call))
            })
            .unwrap_or_else(by_hand)
    }
}

fn by_hand() -> Patch {
    Patch::manual(
        "Serve the file from a named folder",
        vec![
            "Decide which folder these files live in, and serve them with \
             send_from_directory(folder, name): it answers 404 for anything outside. The code \
             does not show the folder, and a guess would be worse than none."
                .into(),
        ],
    )
}

fn serve_from_directory(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let call = module.call_at(sink.call.span)?;
    let path = path_argument(call)?;
    let tainted = flowing::inserted(sink);
    let splitter = Splitter {
        model,
        file,
        tainted: &tainted,
    };
    let joined = splitter.split(path)?;
    let offset = sink.call.span.start;
    let (function, import) = name_for(model, file, offset, "flask", "send_from_directory");
    let mut patch = Patch::new(
        PatchKind::Safe,
        "Serve the file with send_from_directory",
        format!(
            "No request value can name a file outside {}; anything else is answered with 404",
            joined.base
        ),
    )
    .edits(import)
    .edits(renamed_positionals(model, file, call)?)
    .edit(Edit::replace(module.path(), call.func.range(), function));
    let (base, name, levels) = levels(&splitter, &joined, offset)?;
    if let Some(level) = levels {
        let statement = statements::statement_of(module, sink.call.span)?;
        let (safe_join, join_import) =
            name_for(model, file, offset, "werkzeug.security", "safe_join");
        let (abort, abort_import) = name_for(model, file, offset, "flask", "abort");
        let lines = [
            format!("{base} = {safe_join}({level})"),
            format!("if {base} is None:"),
            format!("    {abort}(404)"),
        ];
        patch = patch
            .edits(join_import)
            .edits(abort_import)
            .edit(statements::before(module, statement, &lines));
    }
    let whole = keyword_span(call, path).unwrap_or_else(|| path.range().into());
    patch = patch
        .edits(in_its_form(module, call, whole, &base, &name))
        .edits(unused_assignment(&splitter, &joined, offset))
        .edits(unused_import(call, module.path()))
        .edit(super::unused_os(module.path()));
    Some(patch)
}

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// The folder and the name in place of the path: a line each where arguments have one, and all
/// on a line of their own where the call's line would grow too long.
fn in_its_form(module: &Module, call: &ExprCall, path: Span, base: &str, name: &str) -> Vec<Edit> {
    let text = &module.file.text;
    let newline = text.newline();
    let line = text.line_of(path.start);
    let open = call.arguments.range.start().to_usize() + 1;
    let close = call.arguments.range.end().to_usize() - 1;
    let replace =
        |separator: &str| Edit::replace(module.path(), path, format!("{base},{separator}{name}"));
    let indentation = text.indentation(path.start);
    if line != text.line_of(open) {
        let before = text.line_start(line) + indentation.len();
        let stands_alone = before == path.start
            && text
                .slice(Span::new(path.end, text.line_span(line).end))
                .len()
                <= 1;
        return match stands_alone {
            true => vec![replace(&format!("{newline}{indentation}"))],
            false => vec![replace(" ")],
        };
    }
    let grown = text.line(line).chars().count() + base.len() + name.len() + 2 - path.len()
        + "send_from_directory".len()
        - call.func.range().len().to_usize();
    if grown <= LINE_LENGTH || text.line_of(close) != line || path.start != open {
        return vec![replace(" ")];
    }
    vec![
        Edit::replace(
            module.path(),
            path,
            format!("{newline}{indentation}    {base}, {name}"),
        ),
        Edit::insert(module.path(), close, format!("{newline}{indentation}")),
    ]
}

/// The base and the name to serve, and for two levels of names the safe join that gives the
/// base: one join of both would let `../other` cross between the inner folders.
fn levels(
    splitter: &Splitter<'_>,
    joined: &Joined,
    offset: usize,
) -> Option<(String, String, Option<String>)> {
    match joined.names.as_slice() {
        [name] => Some((joined.base.clone(), name.clone(), None)),
        [outer, name] => {
            let candidates = ["directory", "folder", "base_directory"];
            let directory = splitter.free_name(&candidates, offset)?;
            let join = format!("{}, {outer}", joined.base);
            Some((directory, name.clone(), Some(join)))
        }
        _ => None,
    }
}

fn path_argument(call: &ExprCall) -> Option<&Expr> {
    argument(call, "path_or_file", Some(0)).or_else(|| argument(call, "filename_or_fp", None))
}

/// `path_or_file=…` as a whole, when the path is given by keyword.
fn keyword_span(call: &ExprCall, path: &Expr) -> Option<Span> {
    let keywords = call.arguments.keywords.iter();
    let mut found = keywords.filter(|keyword| keyword.value.range() == path.range());
    found.next().map(|keyword| keyword.range.into())
}

/// `send_from_directory` takes everything behind the name by keyword.
fn renamed_positionals(model: &Model, file: ModuleId, call: &ExprCall) -> Option<Vec<Edit>> {
    let path = model.modules.get(file).path();
    let by_position = call.arguments.args.iter().skip(1);
    let named = by_position.enumerate().map(|(index, arg)| {
        let name = POSITIONAL.get(index)?;
        let start = arg.range().start().to_usize();
        Some(Edit::insert(path, start, format!("{name}=")))
    });
    named.collect()
}

/// Cuts the assignment that built the path, when nothing else uses it.
fn unused_assignment(splitter: &Splitter<'_>, joined: &Joined, offset: usize) -> Option<Edit> {
    let assignment = joined.assignment.as_ref()?;
    if splitter.uses_of(&assignment.name, offset) > 1 {
        return None;
    }
    let module = splitter.model.modules.get(splitter.file);
    let statement = module.statement_exactly(assignment.statement)?;
    let lines = statements::lines_of(module, statement);
    Some(Edit::replace(module.path(), lines, ""))
}

fn unused_import(call: &ExprCall, path: &std::sync::Arc<str>) -> Option<Edit> {
    let is_plain = matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "send_file");
    is_plain.then(|| Edit::drop_import_from(path, "flask", "send_file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    const HEAD: &str = "import os\nfrom flask import Flask, request, send_file\n\napp = Flask(__name__)\nUPLOADS = '/srv/uploads'\n\n\n";

    fn after(body: &str) -> String {
        let source = format!("{HEAD}{body}");
        let text = apply(&SendFilePath, &[("app.py", &source)], "app.py");
        assert_eq!(
            findings(&SendFilePath, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        text
    }

    #[test]
    fn joined_paths_are_served_from_their_folder() {
        let text = after(
            "@app.route('/f/<path:name>')\ndef f(name):\n    return send_file(os.path.join(UPLOADS, name), as_attachment=True)\n",
        );
        assert!(text.contains("return send_from_directory(UPLOADS, name, as_attachment=True)"));
        assert!(text.contains("from flask import Flask, request, send_from_directory\n"));
    }

    #[test]
    fn a_variable_that_only_held_the_path_goes() {
        let text = after(
            "@app.route('/f')\ndef f():\n    name = request.args['f']\n    path = os.path.join(UPLOADS, name)\n    return send_file(path, 'text/plain')\n",
        );
        assert!(text.contains("    name = request.args['f']\n    return send_from_directory(UPLOADS, name, mimetype='text/plain')"), "{text}");
    }

    #[test]
    fn a_variable_with_other_uses_stays() {
        let text = after(
            "@app.route('/f')\ndef f():\n    path = f\"{UPLOADS}/{request.args['f']}\"\n    print(path)\n    return send_file(path)\n",
        );
        assert!(
            text.contains("return send_from_directory(UPLOADS, request.args['f'])"),
            "{text}"
        );
        assert!(text.contains("print(path)"));
    }

    #[test]
    fn each_level_is_joined_by_itself() {
        let text = after(
            "@app.route('/f/<path:user>/<path:name>')\ndef f(user, name):\n    return send_file(os.path.join(UPLOADS, user, name))\n",
        );
        assert!(text.contains("    directory = safe_join(UPLOADS, user)\n    if directory is None:\n        abort(404)\n    return send_from_directory(directory, name)\n"), "{text}");
        assert!(text.contains("from werkzeug.security import safe_join\n"));
    }

    #[test]
    fn an_open_folder_is_for_a_person() {
        let source =
            format!("{HEAD}@app.route('/f')\ndef f():\n    return send_file(request.args['f'])\n");
        assert_eq!(
            patch(&SendFilePath, &[("app.py", &source)]).kind,
            PatchKind::Manual
        );
    }

    #[test]
    fn safe_calls_are_evidence() {
        let source = format!(
            "{HEAD}@app.route('/f')\ndef f():\n    return send_file(os.path.join(UPLOADS, 'a.txt'))\n"
        );
        assert_eq!(findings(&SendFilePath, &[("app.py", &source)]), [""; 0]);
    }
}
