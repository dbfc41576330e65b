//! `send-directory-links`: what is served is checked after symbolic links are resolved, where
//! somebody else can put links into the folder.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use super::folder::Folder;
use super::reach;
use crate::edit::imports::{module_for, name_for};
use crate::edit::paths::Splitter;
use crate::edit::statements;
use crate::finding::{Evidence, Finding, FlowStep, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::parse::python::{argument, last_name};
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::{Location, Span};

pub struct SendDirectoryLinks;

static ABOUT: About = About {
    id: "send-directory-links",
    title: "Links are resolved before a file of an unpacked folder is served",
    strategy: &FILE_HANDLING,
    threats: &["directory-traversal", "information-disclosure"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/send-directory-links.md"),
};

impl Control for SendDirectoryLinks {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let served: Vec<_> = served(model).collect();
        if served.is_empty() {
            return Verdict::not_applicable("the application does not call send_from_directory");
        }
        let makers = makers(model);
        let (mut findings, mut evidence) = (Vec::new(), Vec::new());
        for (call, folder) in &served {
            let Some(maker) = makers.iter().find(|it| it.folder.overlaps(folder)) else {
                continue;
            };
            if maker.is_filtered {
                let note = "unpacks without links that lead out of the folder";
                evidence.push(Evidence::new(maker.location.clone(), note));
            } else if is_checked(model, call) {
                let note = "resolves links and compares before it serves";
                evidence.push(Evidence::new(call.call.clone(), note));
            } else {
                findings.push(finding(call, maker));
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable(
                "nothing unpacks archives or makes links in a folder that is served",
            );
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let wanted = |call: &SinkCall| call.sink == Sink::SendDirectoryName;
        flowing::call_of(model, finding, wanted)
            .and_then(|call| resolve_first(model, call))
            .unwrap_or_else(by_hand)
    }
}

/// The calls of `send_from_directory` with the folder that each serves.
pub(super) fn served(model: &Model) -> impl Iterator<Item = (&SinkCall, Folder)> {
    let calls = model.flows.of_sink(|sink| *sink == Sink::SendDirectoryName);
    calls.filter_map(|sink| {
        let file = model.modules.by_path(&sink.call.path)?;
        let call = model.modules.get(file).call_at(sink.call.span)?;
        let folder = Folder::of(model, file, argument(call, "directory", Some(0))?);
        Some((sink, folder))
    })
}

fn finding(call: &SinkCall, maker: &Maker) -> Finding {
    let severity = match maker.by_client {
        true => Severity::Medium,
        false => Severity::Low,
    };
    let message = format!(
        "send_from_directory() follows links, and {} can put links into this folder: a link to \
         /etc/passwd is served like any file.",
        maker.what
    );
    Finding::new(ABOUT.id, call.call.clone(), severity, message)
        .flow(vec![
            FlowStep {
                location: maker.location.clone(),
                note: format!("{} writes into the folder", maker.what),
            },
            FlowStep {
                location: call.call.clone(),
                note: "serves from the folder".into(),
            },
        ])
        .subject(call.name.clone())
}

/// Something that can create symbolic links.
struct Maker {
    folder: Folder,
    location: Location,
    /// "tarfile's extractall()".
    what: &'static str,
    /// A view does it, with what a request brings.
    by_client: bool,
    /// It refuses links that lead out of the folder.
    is_filtered: bool,
}

fn makers(model: &Model) -> Vec<Maker> {
    let mut found = Vec::new();
    for (file, module) in model.modules.iter() {
        let text = module.file.text.as_str();
        let may = ["extractall", "unpack_archive", "clone", "untar", "unzip"];
        if !module.file.purpose.is_application() || !may.iter().any(|word| text.contains(word)) {
            continue;
        }
        let mut calls = CallsIn(Vec::new());
        calls.visit_body(module.body());
        found.extend(
            calls
                .0
                .into_iter()
                .filter_map(|call| maker(model, file, call)),
        );
    }
    found
}

fn maker(model: &Model, file: ModuleId, call: &ExprCall) -> Option<Maker> {
    let module = model.modules.get(file);
    let callee = model.names.callee(&model.modules, file, &call.func);
    let callee = callee.as_ref().and_then(|callee| callee.external());
    let (target, what) = match callee {
        Some("shutil.unpack_archive") => (
            argument(call, "extract_dir", Some(1))?,
            "shutil.unpack_archive()",
        ),
        Some(
            "subprocess.run"
            | "subprocess.call"
            | "subprocess.check_call"
            | "subprocess.check_output"
            | "subprocess.Popen",
        ) => by_command(call)?,
        Some("git.Repo.clone_from") => (argument(call, "to_path", Some(1))?, "git clone"),
        _ if last_name(&call.func) == Some("extractall") && is_tar(model, file, call) => {
            (argument(call, "path", Some(0))?, "tarfile's extractall()")
        }
        _ => return None,
    };
    let function = model.names.scopes(file).at(call.range().start().to_usize());
    Some(Maker {
        folder: Folder::of(model, file, target),
        location: module.location(call.range()),
        what,
        by_client: module.source(function.span).contains("request"),
        is_filtered: is_filtered(model, call),
    })
}

/// `tar`, `unzip` or `git clone`, and the folder that it is told: `["tar", "xf", name, "-C",
/// FOLDER]` or `cwd=FOLDER`.
fn by_command(call: &ExprCall) -> Option<(&Expr, &'static str)> {
    let Expr::List(words) = argument(call, "args", Some(0))? else {
        return None;
    };
    let word = |index: usize| match words.elts.get(index) {
        Some(Expr::StringLiteral(literal)) => literal.value.to_str(),
        _ => "",
    };
    let what = match (word(0), word(1)) {
        ("tar" | "bsdtar", _) => "tar",
        ("unzip", _) => "unzip",
        ("git", "clone") => "git clone",
        _ => return None,
    };
    let folder = argument(call, "cwd", None).or_else(|| words.elts.last())?;
    (!folder.is_string_literal_expr()).then_some((folder, what))
}

/// The `data` filter, Python 3.14's default, refuses links that lead out.
fn is_filtered(model: &Model, call: &ExprCall) -> bool {
    match argument(call, "filter", None) {
        Some(Expr::StringLiteral(literal)) => literal.value.to_str() == "data",
        Some(filter) => last_name(filter) == Some("data_filter"),
        None => {
            let python = model.dependencies.python_requires();
            let floor = python.and_then(|python| python.floor());
            floor.is_some_and(|floor| floor.release() >= [3, 14].as_slice())
        }
    }
}

/// Whether the receiver is a tar archive: `zipfile` writes links as plain files.
fn is_tar(model: &Model, file: ModuleId, call: &ExprCall) -> bool {
    let Expr::Attribute(method) = &*call.func else {
        return false;
    };
    let opens = |expr: &Expr| {
        let Expr::Call(open) = expr else {
            return false;
        };
        let callee = model.names.callee(&model.modules, file, &open.func);
        let callee = callee.as_ref().and_then(|callee| callee.external());
        callee.is_some_and(|callee| callee.starts_with("tarfile."))
    };
    let Expr::Name(receiver) = &*method.value else {
        return opens(&method.value);
    };
    let scope = model.names.scopes(file).at(call.range().start().to_usize());
    let mut opened = OpenedAs {
        name: &receiver.id,
        scope: scope.span,
        found: Vec::new(),
    };
    opened.visit_body(model.modules.get(file).body());
    opened.found.into_iter().any(opens)
}

/// What a name is assigned, or stands for in a `with`.
struct OpenedAs<'a> {
    name: &'a str,
    scope: Span,
    found: Vec<&'a Expr>,
}

impl<'a> OpenedAs<'a> {
    fn is_it(&self, target: &Expr) -> bool {
        matches!(target, Expr::Name(name) if name.id.as_str() == self.name)
            && self.scope.contains(target.range().into())
    }
}

impl<'a> SourceOrderVisitor<'a> for OpenedAs<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::With(with) => {
                for item in &with.items {
                    let target = item.optional_vars.as_deref();
                    if target.is_some_and(|target| self.is_it(target)) {
                        self.found.push(&item.context_expr);
                    }
                }
            }
            Stmt::Assign(assign) if assign.targets.iter().any(|it| self.is_it(it)) => {
                self.found.push(&assign.value);
            }
            _ => {}
        }
        ruff_python_ast::visitor::source_order::walk_stmt(self, stmt);
    }
}

struct CallsIn<'a>(Vec<&'a ExprCall>);

impl<'a> SourceOrderVisitor<'a> for CallsIn<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.0.push(call);
        }
        walk_expr(self, expr);
    }
}

/// Whether the view resolves links (`realpath`, `resolve`) and compares, in front of the call.
fn is_checked(model: &Model, sink: &SinkCall) -> bool {
    let (Some(function), Some(file)) = (sink.function, model.modules.by_path(&sink.call.path))
    else {
        return false;
    };
    let in_front = Span::new(function.start, sink.call.span.start.max(function.start));
    let called = reach::expressions(model, file, in_front);
    let calls = |wanted: &[&str]| {
        called.iter().any(|(_, expr)| {
            matches!(expr, Expr::Call(call)
                if last_name(&call.func).is_some_and(|name| wanted.contains(&name)))
        })
    };
    calls(&["realpath", "resolve"]) && calls(&["commonpath", "is_relative_to", "relative_to"])
        || calls(&["islink", "is_symlink"])
}

fn by_hand() -> Patch {
    Patch::manual(
        "Resolve links before the file is served",
        vec![
            "Take os.path.realpath of the folder and of the file, and answer 404 unless \
             os.path.commonpath of both is the folder. Better still, unpack without links: \
             extractall(folder, filter=\"data\") (Python 3.12, and the last releases of 3.8 to \
             3.11)."
                .into(),
        ],
    )
}

fn resolve_first(model: &Model, sink: &SinkCall) -> Option<Patch> {
    let file = model.modules.by_path(&sink.call.path)?;
    let module = model.modules.get(file);
    let call = module.call_at(sink.call.span)?;
    let directory = argument(call, "directory", Some(0))?;
    let name = module.expression_at(sink.argument)?;
    // Both are evaluated a second time.
    let is_plain = |expr: &Expr| {
        matches!(
            expr,
            Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) | Expr::StringLiteral(_)
        )
    };
    if !is_plain(directory) || !is_plain(name) {
        return None;
    }
    let offset = sink.call.span.start;
    let statement = statements::statement_of(module, sink.call.span)?;
    let splitter = Splitter {
        model,
        file,
        tainted: &[],
    };
    let base = splitter.free_name(&["base", "folder", "real_base"], offset)?;
    let path = splitter.free_name(&["path", "full_path", "real_path"], offset)?;
    let (os, os_import) = module_for(model, file, offset, "os");
    let (abort, abort_import) = name_for(model, file, offset, "flask", "abort");
    let mut patch = Patch::new(
        PatchKind::Review,
        "Resolve links before the file is served",
        "A link that leads out of the folder is answered with 404",
    )
    .may_break("Links that lead out of the folder on purpose are no longer served.")
    .edits(os_import)
    .edits(abort_import);
    let mut folder = module.source(directory.range()).to_owned();
    if !Folder::of(model, file, directory).is_absolute() {
        // Flask takes a relative folder from the application's, realpath from the process's.
        let (app, import) = name_for(model, file, offset, "flask", "current_app");
        patch = patch.edits(import);
        folder = format!("{os}.path.join({app}.root_path, {folder})");
    }
    let name = module.source(name.range());
    let lines = [
        format!("{base} = {os}.path.realpath({folder})"),
        format!("{path} = {os}.path.realpath({os}.path.join({base}, {name}))"),
        format!("if {os}.path.commonpath([{base}, {path}]) != {base}:"),
        format!("    {abort}(404)"),
    ];
    Some(patch.edit(statements::before(module, statement, &lines)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, model, patch, verdict};

    const HEAD: &str = "import os\nimport shutil\nimport tarfile\nimport zipfile\nfrom flask import Flask, abort, request, send_from_directory\n\napp = Flask(__name__)\nSITES = '/srv/sites'\n\n\n@app.route('/s/<path:name>')\ndef s(name):\n    return send_from_directory(SITES, name)\n\n\n";

    fn with(unpacking: &str) -> String {
        format!(
            "{HEAD}@app.route('/u', methods=['POST'])\ndef u():\n    upload = request.files['f']\n    {unpacking}\n    return 'ok'\n"
        )
    }

    #[test]
    fn unpacked_archives_can_bring_links() {
        for unpacking in [
            "with tarfile.open(fileobj=upload) as tar:\n        tar.extractall(SITES)",
            "tar = tarfile.open(fileobj=upload)\n    tar.extractall(path=os.path.join(SITES, 'a'))",
            "shutil.unpack_archive(upload.filename, SITES)",
            "tarfile.open(fileobj=upload).extractall(SITES, filter='tar')",
        ] {
            let source = with(unpacking);
            let texts = [("app.py", source.as_str())];
            assert_eq!(
                findings(&SendDirectoryLinks, &texts),
                ["app.py:13"],
                "{source}"
            );
            let model = model(&texts);
            let verdict = SendDirectoryLinks.check(&model);
            assert_eq!(verdict.findings()[0].severity, Severity::Medium);
            let text = apply(&SendDirectoryLinks, &texts, "app.py");
            assert!(text.contains("    base = os.path.realpath(SITES)\n    path = os.path.realpath(os.path.join(base, name))\n    if os.path.commonpath([base, path]) != base:\n        abort(404)\n    return send_from_directory(SITES, name)\n"), "{text}");
            assert_eq!(findings(&SendDirectoryLinks, &[("app.py", &text)]), [""; 0]);
        }
    }

    #[test]
    fn serving_a_folder_is_no_finding_by_itself() {
        for unpacking in [
            "upload.save(os.path.join(SITES, 'a.txt'))",
            "zipfile.ZipFile(upload).extractall(SITES)",
            "tarfile.open(fileobj=upload).extractall('/srv/other')",
        ] {
            let source = with(unpacking);
            let verdict = verdict(&SendDirectoryLinks, &[("app.py", &source)]);
            assert_eq!(verdict.word(), "not-applicable", "{source}");
        }
        let source = with("tarfile.open(fileobj=upload).extractall(SITES, filter='data')");
        let verdict = verdict(&SendDirectoryLinks, &[("app.py", &source)]);
        assert_eq!(verdict.word(), "implemented");
    }

    #[test]
    fn a_relative_folder_is_taken_from_the_application() {
        let source = with("shutil.unpack_archive(upload.filename, SITES)")
            .replace("'/srv/sites'", "'sites'");
        let text = apply(&SendDirectoryLinks, &[("app.py", &source)], "app.py");
        assert!(
            text.contains("realpath(os.path.join(current_app.root_path, SITES))"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_that_is_computed_is_for_a_person() {
        let source = format!(
            "{}\n\n@app.route('/t/<name>')\ndef t(name):\n    return send_from_directory(os.path.join(SITES, 'x'), name)\n",
            with("shutil.unpack_archive(upload.filename, os.path.join(SITES, 'x'))")
                .replace("send_from_directory(SITES, name)", "'none'")
        );
        let patch = patch(&SendDirectoryLinks, &[("app.py", &source)]);
        assert_eq!(patch.kind, PatchKind::Manual);
    }
}
