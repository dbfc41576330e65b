//! `escape-import`: `escape` and `Markup` come from a place that exists in every Flask.

use ruff_python_ast::{Stmt, StmtImportFrom};

use crate::finding::{Edit, Evidence, Finding, Import, Patch, PatchKind, Severity, Verdict};
use crate::model::Model;
use crate::parse::python::Module;
use crate::strategies::strategy::TEMPLATE_RENDERING;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

pub struct EscapeImport;

static ABOUT: About = About {
    id: "escape-import",
    title: "escape and Markup come from markupsafe",
    strategy: &TEMPLATE_RENDERING,
    threats: &["cross-site-scripting"],
    severity: Severity::Low,
    page: include_str!("../../../assets/controls/escape-import.md"),
};

const MOVED: &[&str] = &["escape", "Markup"];

impl Control for EscapeImport {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        for (_, module) in model.modules.iter() {
            for import in imports(module) {
                let from = import.module.as_deref().unwrap_or_default();
                for alias in import.names.iter().filter(|alias| is_moved(&alias.name)) {
                    let location = module.location(alias.range);
                    match from {
                        "markupsafe" => evidence.push(Evidence::new(
                            location,
                            format!("imports {} from markupsafe", alias.name),
                        )),
                        "flask" => findings.push(finding(location, &alias.name)),
                        _ => {}
                    }
                }
            }
        }
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("neither escape nor Markup is imported");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, _answers: &Answers) -> Patch {
        let patch = Patch::new(
            PatchKind::Safe,
            "Import it from markupsafe",
            "The import works in every Flask version",
        );
        let Some(id) = model.modules.by_path(finding.path()) else {
            return patch;
        };
        let module = model.modules.get(id);
        let Some((import, index)) = import_at(module, finding.span()) else {
            return patch;
        };
        let alias = &import.names[index];
        let moved = Import {
            module: "markupsafe".into(),
            name: Some(alias.name.to_string()),
            alias: alias.asname.as_ref().map(ToString::to_string),
        };
        if import.names.len() == 1 {
            return patch.edit(Edit::replace(
                module.path(),
                import.range,
                moved.statement(),
            ));
        }
        let span = match import.names.get(index + 1) {
            Some(next) => Span::new(
                alias.range.start().to_usize(),
                next.range.start().to_usize(),
            ),
            None => Span::new(
                import.names[index - 1].range.end().to_usize(),
                alias.range.end().to_usize(),
            ),
        };
        patch
            .edit(Edit::replace(module.path(), span, ""))
            .edit(Edit::Import {
                path: module.path().clone(),
                import: moved,
            })
    }
}

fn imports(module: &Module) -> impl Iterator<Item = &StmtImportFrom> {
    module.body().iter().filter_map(|stmt| match stmt {
        Stmt::ImportFrom(import) if import.level == 0 => Some(import),
        _ => None,
    })
}

fn import_at(module: &Module, span: Span) -> Option<(&StmtImportFrom, usize)> {
    imports(module).find_map(|import| {
        let is_here = |alias: &ruff_python_ast::Alias| Span::from(alias.range) == span;
        Some((import, import.names.iter().position(is_here)?))
    })
}

fn is_moved(name: &str) -> bool {
    MOVED.contains(&name)
}

fn finding(location: crate::text::Location, name: &str) -> Finding {
    let message = format!(
        "flask.{name} is gone in Flask 3.0: after an update the import fails, and with it the \
         escaping it was there for."
    );
    Finding::new(ABOUT.id, location, Severity::Low, message).subject(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings};

    #[test]
    fn imports_move_to_markupsafe() {
        for (before, after) in [
            (
                "from flask import Flask, escape, request\n",
                "from flask import Flask, request\nfrom markupsafe import escape\n",
            ),
            (
                "from flask import escape as e\n",
                "from markupsafe import escape as e\n",
            ),
            (
                "from flask import Flask, Markup\n",
                "from flask import Flask\nfrom markupsafe import Markup\n",
            ),
            (
                "from flask import escape, g\nfrom markupsafe import Markup\n",
                "from flask import g\nfrom markupsafe import Markup, escape\n",
            ),
        ] {
            assert_eq!(apply(&EscapeImport, &[("app.py", before)], "app.py"), after);
            assert_eq!(findings(&EscapeImport, &[("app.py", after)]), [""; 0]);
        }
    }

    #[test]
    fn other_escapes_are_not_meant() {
        let source = "from html import escape\nfrom flask import g\n";
        assert_eq!(findings(&EscapeImport, &[("app.py", source)]), [""; 0]);
    }
}
