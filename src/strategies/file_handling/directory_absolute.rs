//! `directory-absolute`: a served folder is one folder, wherever the server is started.

use ruff_python_ast::{AnyNodeRef, Expr};
use ruff_text_size::Ranged as _;

use super::folder::{Folder, Root};
use crate::edit::imports::{module_for, name_for};
use crate::finding::{Edit, Evidence, Finding, FlowStep, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::model::flow::{Sink, SinkCall};
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, ScopeKind};
use crate::parse::python::last_name;
use crate::strategies::strategy::FILE_HANDLING;
use crate::strategies::{About, Answers, Control, flowing};
use crate::text::{Location, Span};

pub struct DirectoryAbsolute;

static ABOUT: About = About {
    id: "directory-absolute",
    title: "Folders that are served do not depend on where the server is started",
    strategy: &FILE_HANDLING,
    threats: &["information-disclosure"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/directory-absolute.md"),
};

impl Control for DirectoryAbsolute {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let served = served(model);
        let is_relative = |folder: &Folder| folder.root == Root::Relative;
        let mut findings: Vec<Finding> = Vec::new();
        for (call, folder) in from_working_folder(model) {
            let other = served
                .iter()
                .find(|(_, other)| is_relative(other) && other.overlaps(&folder));
            let (module, span) = folder.start;
            let at = model.modules.get(module).location(span);
            if let Some((sender, _)) = other
                && findings.iter().all(|known| known.location != at)
            {
                findings.push(finding(model, at, call, sender));
            }
        }
        let evidence = served.iter().filter_map(|(call, folder)| {
            let note = match &folder.root {
                root if folder.is_absolute() && !matches!(root, Root::Open(_)) => {
                    "serves an absolute folder"
                }
                Root::Relative => "serves a folder that Flask takes from the application's own",
                _ => return None,
            };
            Some(Evidence::new(call.call.clone(), note))
        });
        let evidence: Vec<_> = evidence.collect();
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("the application serves no folder that is named here");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        anchor(model, &finding.location).unwrap_or_else(by_hand)
    }
}

/// What Flask sends, with its folder: a relative one is taken from the application's.
fn served(model: &Model) -> Vec<(&SinkCall, Folder)> {
    let files = model.flows.of_sink(|sink| *sink == Sink::SendFile);
    let files = files.filter_map(|call| Some((call, folder_of(model, call)?)));
    super::send_directory_links::served(model)
        .chain(files)
        .collect()
}

/// What is opened, stored or listed below a relative folder: taken from the folder that the
/// process was started in.
fn from_working_folder(model: &Model) -> impl Iterator<Item = (&SinkCall, Folder)> {
    let calls = model
        .flows
        .of_sink(|sink| matches!(sink, Sink::UploadSave | Sink::File(_)));
    calls.filter_map(|call| {
        // `open_resource` looks in the application's folder, as Flask does.
        let folder = folder_of(model, call).filter(|_| !call.name.contains("open_resource"))?;
        let is_named = folder.root == Root::Relative && folder.parts.iter().flatten().count() > 0;
        is_named.then_some((call, folder))
    })
}

fn folder_of(model: &Model, sink: &SinkCall) -> Option<Folder> {
    let file = model.modules.by_path(&sink.call.path)?;
    let path = model.modules.get(file).expression_at(sink.argument)?;
    Some(Folder::of(model, file, path))
}

fn finding(model: &Model, at: Location, opener: &SinkCall, sender: &SinkCall) -> Finding {
    let file = model.repo.file(&at.path);
    let text = file.map_or("", |file| file.text.slice(at.span));
    let message = format!(
        "{text} names two folders: {}() takes it from the folder that the server is started in, \
         {}() from the application's own. Started elsewhere, files land where nobody expects \
         them, and others are served.",
        flowing::short(&opener.name),
        flowing::short(&sender.name),
    );
    let step = |call: &SinkCall, from: &str| FlowStep {
        location: call.call.clone(),
        note: format!("{}(): {from}", flowing::short(&call.name)),
    };
    Finding::new(ABOUT.id, at, Severity::Low, message).flow(vec![
        step(opener, "from the folder that the server is started in"),
        step(sender, "from the application's folder"),
    ])
}

fn by_hand() -> Patch {
    Patch::manual(
        "Make the folder absolute",
        vec![
            "Join it with the application's folder, os.path.join(app.root_path, …), where it is \
             named, so that every function means the same one."
                .into(),
        ],
    )
}

fn anchor(model: &Model, at: &Location) -> Option<Patch> {
    let file = model.modules.by_path(&at.path)?;
    let module = model.modules.get(file);
    let literal = module.expression_at(at.span)?;
    let app = model.apps.get(model.apps.nearest(&at.path)?);
    let (base, import) = base(model, file, at.span.start)?;
    let (os, os_import) = module_for(model, file, at.span.start, "os");
    let is_at_root = app.root.is_empty() && !at.path.contains('/');
    let kind = match is_at_root {
        true => PatchKind::Safe,
        false => PatchKind::Review,
    };
    let mut patch = Patch::new(
        kind,
        "Anchor the folder at the application",
        "The folder is the same one wherever the server is started",
    )
    .edits(os_import)
    .edits(import);
    if kind == PatchKind::Review {
        patch = patch.may_break(
            "Files that were stored below the folder that the server is started in stay there: \
             move them.",
        );
    }
    let text = module.source(literal.range());
    if is_first_of_join(model, file, at.span) {
        return Some(patch.edit(Edit::insert(
            module.path(),
            at.span.start,
            format!("{base}, "),
        )));
    }
    let lines = &module.file.text;
    let line = lines.line(lines.line_of(at.span.start));
    let whole = format!("{os}.path.join({base}, {text})");
    let grown = line.chars().count() + whole.len() - text.len();
    let whole = if grown > LINE_LENGTH {
        let (newline, indentation) = (lines.newline(), lines.indentation(at.span.start));
        format!("{os}.path.join({newline}{indentation}    {base}, {text}{newline}{indentation})")
    } else {
        whole
    };
    Some(patch.edit(Edit::replace(module.path(), at.span, whole)))
}

/// Lines longer than this are wrapped, as black and ruff do.
const LINE_LENGTH: usize = 88;

/// Whether the expression at `span` is what `os.path.join` starts with.
fn is_first_of_join(model: &Model, file: ModuleId, span: Span) -> bool {
    let module = model.modules.get(file);
    module.ancestors(span).into_iter().any(|node| {
        let AnyNodeRef::ExprCall(call) = node else {
            return false;
        };
        let first = call.arguments.args.first();
        let callee = model.names.callee(&model.modules, file, &call.func);
        first.is_some_and(|first| Span::from(first.range()) == span)
            && callee.is_some_and(|callee| callee.is("os.path.join"))
    })
}

/// The application's folder, as code at `offset` can say it, with the import that it takes.
fn base(model: &Model, file: ModuleId, offset: usize) -> Option<(String, Option<Edit>)> {
    if let Some(name) = visible_app(model, file, offset) {
        return Some((format!("{name}.root_path"), None));
    }
    let scopes = model.names.scopes(file);
    if scopes.at(offset).kind == ScopeKind::Function {
        let (app, import) = name_for(model, file, offset, "flask", "current_app");
        return Some((format!("{app}.root_path"), import));
    }
    if let Some(name) = own_folder(model, file, offset) {
        return Some((name, None));
    }
    let (os, import) = module_for(model, file, offset, "os");
    let own = format!("{os}.path.dirname({os}.path.abspath(__file__))");
    Some((own, import))
}

/// The variable of an application that is made before `offset`.
fn visible_app(model: &Model, file: ModuleId, offset: usize) -> Option<String> {
    let scopes = model.names.scopes(file);
    let here = model
        .apps
        .iter()
        .filter(|(_, app)| app.module == file && app.name.is_some());
    let mut names = here.filter_map(|(_, app)| {
        let name = app.name.as_deref()?;
        let (scope, bindings) = scopes.lookup(name, offset)?;
        let is_it = bindings
            .iter()
            .any(|binding| binding.span == app.statement.span);
        let is_made = app.statement.span.end <= offset
            || scope.kind == ScopeKind::Module && scopes.at(offset).kind == ScopeKind::Function;
        (is_it && is_made).then(|| name.to_owned())
    });
    names.next()
}

/// A constant of the module that is the module's own folder: `basedir =
/// os.path.abspath(os.path.dirname(__file__))`.
fn own_folder(model: &Model, file: ModuleId, offset: usize) -> Option<String> {
    let module = model.modules.get(file);
    let bindings = &model.names.scopes(file).module().bindings;
    let mut found: Vec<(usize, &str)> = bindings
        .iter()
        .filter_map(|(name, bindings)| {
            let [binding] = bindings.as_slice() else {
                return None;
            };
            let BindingKind::Value(value) = binding.kind else {
                return None;
            };
            let is_own = module.expression_at(value).is_some_and(is_own_folder);
            (binding.span.end <= offset && is_own).then_some((binding.span.start, &**name))
        })
        .collect();
    found.sort_unstable();
    found.first().map(|(_, name)| (*name).to_owned())
}

/// `dirname(__file__)` or `Path(__file__).parent`, made absolute, and no level more.
fn is_own_folder(expr: &Expr) -> bool {
    fn levels(expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Name(name) if name.id.as_str() == "__file__" => Some(0),
            Expr::Attribute(attribute) if attribute.attr.as_str() == "parent" => {
                levels(&attribute.value).map(|levels| levels + 1)
            }
            Expr::Call(call) => match (last_name(&call.func)?, &*call.func) {
                ("dirname", _) => levels(call.arguments.args.first()?).map(|levels| levels + 1),
                ("abspath" | "realpath" | "Path", _) => levels(call.arguments.args.first()?),
                ("resolve" | "absolute", Expr::Attribute(method)) => levels(&method.value),
                _ => None,
            },
            _ => None,
        }
    }
    levels(expr) == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch, verdict};

    const HEAD: &str = "import os\nfrom flask import Flask, request, send_from_directory\n\n";
    const VIEWS: &str = "\n\n@app.route('/f/<name>')\ndef f(name):\n    return send_from_directory(app.config['UP'], name)\n\n\n@app.route('/u', methods=['POST'])\ndef u():\n    request.files['f'].save(os.path.join(app.config['UP'], 'a.txt'))\n    return 'ok'\n";

    fn after(source: &str) -> String {
        let text = apply(&DirectoryAbsolute, &[("app.py", source)], "app.py");
        assert_eq!(
            findings(&DirectoryAbsolute, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
        text
    }

    #[test]
    fn a_relative_setting_is_anchored_where_it_is_named() {
        let source = format!("{HEAD}app = Flask(__name__)\napp.config['UP'] = 'uploads'\n{VIEWS}");
        let texts = [("app.py", source.as_str())];
        assert_eq!(findings(&DirectoryAbsolute, &texts), ["app.py:5"]);
        assert_eq!(patch(&DirectoryAbsolute, &texts).kind, PatchKind::Safe);
        let text = after(&source);
        assert!(text.contains("app.config['UP'] = os.path.join(app.root_path, 'uploads')\n"));
        let early = format!(
            "{HEAD}UP = 'uploads'\n\napp = Flask(__name__)\napp.config['UP'] = UP\n{VIEWS}"
        );
        assert!(after(&early).contains(
            "UP = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'uploads')\n"
        ));
        let based = early.replace(
            "UP = 'uploads'",
            "basedir = os.path.abspath(os.path.dirname(__file__))\nUP = 'uploads'",
        );
        assert!(after(&based).contains("UP = os.path.join(basedir, 'uploads')\n"));
    }

    #[test]
    fn literals_in_views_are_anchored_in_place() {
        let source =
            format!("{HEAD}app = Flask(__name__)\n{VIEWS}").replace("app.config['UP']", "'up'");
        assert!(after(&source).contains("os.path.join(app.root_path, 'up', 'a.txt')"));
    }

    #[test]
    fn one_folder_is_no_finding() {
        for (uploads, served) in [("'/srv/up'", "'/srv/up'"), ("'other'", "'up'")] {
            let source = format!("{HEAD}app = Flask(__name__)\n{VIEWS}")
                .replace(
                    "send_from_directory(app.config['UP']",
                    &format!("send_from_directory({served}"),
                )
                .replace("app.config['UP']", uploads);
            let verdict = verdict(&DirectoryAbsolute, &[("app.py", &source)]);
            assert_eq!(verdict.word(), "implemented", "{source}");
        }
    }
}
