//! `extension-allowlist`: uploads that are served again are limited to the extensions meant.

use std::collections::BTreeSet;

use ruff_python_ast::{CmpOp, Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use super::folder::{Folder, Root};
use super::reach;
use crate::discover::FileKind;
use crate::edit::config::requoted;
use crate::edit::imports::{module_for, name_for};
use crate::edit::statements;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Outcome, Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::parse::python::{Module, argument, last_name};
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::Location;

pub struct ExtensionAllowlist;

static ABOUT: About = About {
    id: "extension-allowlist",
    title: "Uploads that are served again are limited to listed extensions",
    strategy: &FILE_HANDLING,
    threats: &["information-disclosure"],
    severity: Severity::Negligible,
    page: include_str!("../../../assets/controls/extension-allowlist.md"),
};

const EXTENSIONS: &str = "extension-allowlist.extensions";

/// What is proposed where no form says what it takes: nothing that a browser runs.
const USUAL: [&str; 6] = [".gif", ".jpeg", ".jpg", ".pdf", ".png", ".txt"];

impl Control for ExtensionAllowlist {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let served = served_to_browsers(model);
        let mut evidence = by_forms(model);
        let mut findings = Vec::new();
        for upload in uploads(model) {
            if let Some(check) = check_of(model, upload) {
                evidence.push(Evidence::new(check, "takes only listed kinds of files"));
                continue;
            }
            let Some(folder) = folder_of(model, upload) else {
                continue;
            };
            let seen = served.iter().find(|(_, other)| other.overlaps(&folder));
            let is_static = is_static(&folder);
            if evidence.is_empty() && (seen.is_some() || is_static) {
                findings.push(finding(upload, seen.map(|(place, _)| place)));
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("no upload is shown in the browser again");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let extensions = match answers.get(EXTENSIONS) {
            Some(given) => listed(given),
            None => proposed(model),
        };
        let wanted = |call: &SinkCall| call.sink == Sink::UploadSave;
        let patch = flowing::call_of(model, finding, wanted)
            .and_then(|call| limit(model, call, &extensions))
            .unwrap_or_else(by_hand);
        patch.option(RemedyOption {
            key: EXTENSIONS,
            question: "Which extensions may uploads have?".into(),
            choices: Vec::new(),
            value: Vec::from_iter(extensions).join(" "),
        })
    }
}

/// Uploads that are stored under a name in which the client has a say.
fn uploads(model: &Model) -> impl Iterator<Item = &SinkCall> {
    model.flows.calls.iter().filter(|call| {
        call.sink == Sink::UploadSave
            && call.name.ends_with("FileStorage.save")
            && call.outcome != Outcome::Clean
    })
}

/// Folders of which clients choose files, shown in the browser and not only downloaded.
fn served_to_browsers(model: &Model) -> Vec<(Location, Folder)> {
    let directories = super::send_directory_links::served(model);
    let directories = directories.filter(|(call, _)| call.outcome != Outcome::Clean);
    let files = model.flows.of_sink(|sink| *sink == Sink::SendFile);
    let files = files
        .filter(|call| call.outcome != Outcome::Clean)
        .filter_map(|call| Some((call, folder_of(model, call)?)));
    directories
        .chain(files)
        .filter(|(call, _)| !is_attachment(model, call))
        .map(|(call, folder)| (call.call.clone(), folder))
        .collect()
}

fn is_attachment(model: &Model, sink: &SinkCall) -> bool {
    let call = call_of(model, sink);
    let given = call.and_then(|(_, call)| argument(call, "as_attachment", None));
    given.is_some_and(|value| !matches!(value, Expr::BooleanLiteral(literal) if !literal.value))
}

fn call_of<'m>(model: &'m Model, sink: &SinkCall) -> Option<(ModuleId, &'m ExprCall)> {
    let file = model.modules.by_path(&sink.call.path)?;
    Some((file, model.modules.get(file).call_at(sink.call.span)?))
}

fn folder_of(model: &Model, sink: &SinkCall) -> Option<Folder> {
    let file = model.modules.by_path(&sink.call.path)?;
    let path = model.modules.get(file).expression_at(sink.argument)?;
    Some(Folder::of(model, file, path))
}

/// Flask serves its static folder by itself.
fn is_static(folder: &Folder) -> bool {
    let below = folder.parts.iter().flatten();
    matches!(&folder.root, Root::Anchored(name) if name == "static_folder")
        || below.into_iter().any(|part| part == "static")
}

fn finding(upload: &SinkCall, served: Option<&Location>) -> Finding {
    let back = match served {
        Some(place) => format!("{} shows it in the browser again", place.path),
        None => "Flask serves the static folder to browsers".to_owned(),
    };
    let message = format!(
        "This upload may have any extension, and {back}: an .html or .svg file runs its scripts \
         under your domain."
    );
    Finding::new(ABOUT.id, upload.call.clone(), Severity::Negligible, message)
        .subject(upload.name.clone())
}

/// Validators of forms and upload sets that list extensions.
fn by_forms(model: &Model) -> Vec<Evidence> {
    let known = [
        "flask_wtf.file.FileAllowed",
        "flask_wtf.file.file_allowed",
        "flask_uploads.UploadSet",
    ];
    let calls = known.iter().flat_map(|callee| model.calls.of(callee));
    calls
        .filter(|site| {
            let file = &model.modules.get(site.module).file;
            file.purpose.is_application()
        })
        .map(|site| Evidence::new(site.location.clone(), "takes only listed kinds of files"))
        .collect()
}

/// The test of the extension, or the look at the content, on the way to the upload's place.
fn check_of(model: &Model, upload: &SinkCall) -> Option<Location> {
    let file = model.modules.by_path(&upload.call.path)?;
    let function = upload.function?;
    let evaluated = reach::expressions(model, file, function);
    let takes_extension = evaluated.iter().any(|(_, expr)| match expr {
        Expr::Call(call) => matches!(
            last_name(&call.func),
            Some("splitext" | "rsplit" | "split" | "rpartition" | "partition")
        ),
        Expr::Attribute(attribute) => matches!(attribute.attr.as_str(), "suffix" | "suffixes"),
        _ => false,
    });
    let found = evaluated.iter().find(|(_, expr)| match expr {
        Expr::Compare(compare) => {
            takes_extension
                && compare
                    .ops
                    .iter()
                    .any(|op| matches!(op, CmpOp::In | CmpOp::NotIn))
                && compare.comparators.iter().any(is_collection)
        }
        Expr::Call(call) => looks_at_the_end(call) || looks_inside(&call.func),
        _ => false,
    });
    let (file, expr) = found?;
    Some(model.modules.get(*file).location(expr.range()))
}

/// Something that can hold a list of extensions: no text, no number.
fn is_collection(expr: &Expr) -> bool {
    let holds = expr.is_set_expr() || expr.is_list_expr() || expr.is_tuple_expr();
    let names = expr.is_name_expr() || expr.is_attribute_expr() || expr.is_subscript_expr();
    holds || names || expr.is_dict_expr() || expr.is_call_expr()
}

/// `name.endswith((".png", ".jpg"))`.
fn looks_at_the_end(call: &ExprCall) -> bool {
    let is_end =
        matches!(&*call.func, Expr::Attribute(method) if method.attr.as_str() == "endswith");
    is_end
        && call.arguments.args.first().is_some_and(|end| match end {
            Expr::StringLiteral(literal) => literal.value.to_str().starts_with('.'),
            Expr::Tuple(_) | Expr::Name(_) | Expr::Attribute(_) => true,
            _ => false,
        })
}

/// Libraries that tell a file's kind by its content.
fn looks_inside(func: &Expr) -> bool {
    let Expr::Attribute(method) = func else {
        return false;
    };
    let Expr::Name(library) = &*method.value else {
        return false;
    };
    matches!(
        (library.id.as_str(), method.attr.as_str()),
        ("imghdr", "what")
            | ("magic", "from_buffer" | "from_file")
            | ("filetype", "guess" | "is_image" | "guess_extension")
            | ("Image", "open")
    )
}

/// Extensions as a person writes them: `png, .jpg pdf`.
fn listed(given: &str) -> BTreeSet<String> {
    given
        .split([',', ' ', ';'])
        .map(|word| word.trim().trim_start_matches('.').to_ascii_lowercase())
        .filter(|word| !word.is_empty() && word.chars().all(char::is_alphanumeric))
        .map(|word| format!(".{word}"))
        .collect()
}

/// What the forms of the templates ask for (`accept=".png,.jpg"`), else the usual ones.
fn proposed(model: &Model) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in model.repo.of_kind(FileKind::Template) {
        let mut rest = file.text.as_str();
        while let Some((_, behind)) = rest.split_once("accept=\"") {
            let (value, behind) = behind.split_once('"').unwrap_or((behind, ""));
            rest = behind;
            let words = value.split(',').map(str::trim);
            for word in words {
                match word {
                    "image/*" => found.extend(listed("gif jpeg jpg png webp")),
                    _ if word.starts_with('.') => found.extend(listed(word)),
                    _ => {}
                }
            }
        }
    }
    if found.is_empty() {
        found.extend(USUAL.map(str::to_owned));
    }
    found
}

fn by_hand() -> Patch {
    Patch::manual(
        "Limit uploads to the extensions that are meant",
        vec![
            "Before the upload is stored: \
             `if os.path.splitext(filename)[1].lower() not in ALLOWED_EXTENSIONS: abort(400)`. \
             A name like `.txt` alone has no extension."
                .into(),
        ],
    )
}

fn limit(model: &Model, sink: &SinkCall, extensions: &BTreeSet<String>) -> Option<Patch> {
    let (file, call) = call_of(model, sink)?;
    let module = model.modules.get(file);
    let path = argument(call, "dst", Some(0))?;
    let filename = last_part(path)?;
    let offset = sink.call.span.start;
    let statement = statements::statement_of(module, sink.call.span)?;
    let scopes = model.names.scopes(file);
    let constant = ["ALLOWED_EXTENSIONS", "UPLOAD_EXTENSIONS"]
        .into_iter()
        .find(|name| scopes.lookup(name, offset).is_none())?;
    let (os, os_import) = module_for(model, file, offset, "os");
    let (abort, abort_import) = name_for(model, file, offset, "flask", "abort");
    let filename = module.source(filename.range());
    let lines = [
        format!("if {os}.path.splitext({filename})[1].lower() not in {constant}:"),
        format!("    {abort}(400)"),
    ];
    let patch = Patch::new(
        PatchKind::Review,
        "Limit uploads to listed extensions",
        "An upload with another extension is refused with 400",
    )
    .may_break("Uploads with an extension that is not listed are refused.")
    .edits(os_import)
    .edits(abort_import)
    .edit(among_constants(module, constant, extensions)?)
    .edit(statements::before(module, statement, &lines));
    Some(patch)
}

/// The expression that names the file: `name` of `os.path.join(UPLOADS, name)`, or the
/// upload's own `file.filename`.
fn last_part(path: &Expr) -> Option<&Expr> {
    let part = match path {
        Expr::Name(_) => path,
        Expr::Call(call) if last_name(&call.func) == Some("join") => call.arguments.args.last()?,
        Expr::BinOp(binary) => &binary.right,
        _ => return None,
    };
    let is_plain = match part {
        Expr::Name(_) => true,
        Expr::Attribute(attribute) => attribute.attr.as_str() == "filename",
        _ => false,
    };
    is_plain.then_some(part)
}

/// The constant, among those that the module begins with.
fn among_constants(module: &Module, name: &str, extensions: &BTreeSet<String>) -> Option<Edit> {
    let text = &module.file.text;
    let newline = text.newline();
    let quoted: Vec<String> = extensions.iter().map(|it| format!("{it:?}")).collect();
    let mut value = format!("{{{}}}", quoted.join(", "));
    if name.len() + value.len() + 3 > LINE_LENGTH {
        let lines: String = quoted
            .iter()
            .map(|it| format!("    {it},{newline}"))
            .collect();
        value = format!("{{{newline}{lines}}}");
    }
    let constant = requoted(module, &format!("{name} = {value}{newline}"));
    let is_definition = |stmt: &&Stmt| stmt.is_function_def_stmt() || stmt.is_class_def_stmt();
    let definition = module.body().iter().position(|stmt| is_definition(&stmt))?;
    let before = definition.checked_sub(1).map(|at| &module.body()[at]);
    let (at, inserted) = match before {
        Some(last) if statements::ends_its_line(module, last) => {
            let at = text.next_line_start(last.range().end().to_usize());
            let is_constant = last.is_assign_stmt() || last.is_ann_assign_stmt();
            let gap = if is_constant { "" } else { newline };
            (at, format!("{gap}{constant}"))
        }
        _ => {
            let start = module.body()[definition].range().start().to_usize();
            let at = text.line_start(text.line_of(start));
            (at, format!("{constant}{newline}{newline}"))
        }
    };
    Some(Edit::insert(module.path(), at, inserted))
}

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch, verdict};

    const HEAD: &str = "import os\nfrom flask import Flask, abort, request, send_from_directory\nfrom werkzeug.utils import secure_filename\n\napp = Flask(__name__)\nUP = '/srv/up'\n\n\n";
    const SERVE: &str =
        "@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory(UP, name)\n\n\n";
    const SAVE: &str = "    file.save(os.path.join(UP, name))\n    return 'ok'\n";

    fn app(serve: &str, check: &str) -> String {
        format!(
            "{HEAD}{serve}# Stores a picture.\n@app.route('/u', methods=['POST'])\ndef u():\n    file = request.files['file']\n    name = secure_filename(file.filename)\n{check}{SAVE}"
        )
    }

    #[test]
    fn any_extension_that_is_shown_again_is_found() {
        let source = app(SERVE, "");
        let texts = [("app.py", source.as_str())];
        assert_eq!(findings(&ExtensionAllowlist, &texts), ["app.py:19"]);
        let text = apply(&ExtensionAllowlist, &texts, "app.py");
        assert!(text.contains("UP = '/srv/up'\nALLOWED_EXTENSIONS = {'.gif', '.jpeg', '.jpg', '.pdf', '.png', '.txt'}\n\n\n@app"), "{text}");
        assert!(text.contains("    if os.path.splitext(name)[1].lower() not in ALLOWED_EXTENSIONS:\n        abort(400)\n    file.save("), "{text}");
        assert_eq!(findings(&ExtensionAllowlist, &[("app.py", &text)]), [""; 0]);
        let patch = patch(&ExtensionAllowlist, &texts);
        assert_eq!(patch.kind, PatchKind::Review);
    }

    #[test]
    fn what_is_not_shown_needs_no_list() {
        for serve in [
            "",
            "@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory(UP, name, as_attachment=True)\n\n\n",
            "@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory('/srv/other', name)\n\n\n",
        ] {
            let source = app(serve, "");
            let verdict = verdict(&ExtensionAllowlist, &[("app.py", &source)]);
            assert_eq!(verdict.word(), "not-applicable", "{source}");
        }
        let static_folder = app("", "").replace("/srv/up", "static/up");
        let texts = [("app.py", static_folder.as_str())];
        assert_eq!(findings(&ExtensionAllowlist, &texts).len(), 1);
    }

    #[test]
    fn lists_are_evidence_in_every_form() {
        for check in [
            "    if os.path.splitext(name)[1] not in {'.png'}:\n        abort(400)\n",
            "    if not name.endswith(('.png', '.jpg')):\n        abort(400)\n",
            "    if not allowed(name):\n        abort(400)\n",
        ] {
            let source = format!(
                "{}\n\ndef allowed(name):\n    return '.' in name and name.rsplit('.', 1)[1].lower() in KINDS\n",
                app(SERVE, check)
            );
            let verdict = verdict(&ExtensionAllowlist, &[("app.py", &source)]);
            assert_eq!(verdict.word(), "implemented", "{check}");
        }
    }

    #[test]
    fn forms_say_what_is_meant() {
        let source = app(SERVE, "");
        let page = "<input type=\"file\" accept=\"image/*, .pdf\">\n";
        let texts = [("app.py", source.as_str()), ("templates/up.html", page)];
        let patch = patch(&ExtensionAllowlist, &texts);
        let option = &patch.options[0];
        assert_eq!(option.value, ".gif .jpeg .jpg .pdf .png .webp");
        assert_eq!(Vec::from_iter(listed("PNG, .jpg; ../x")), [".jpg", ".png"]);
    }
}
