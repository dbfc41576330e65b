//! What of this repository a move to newer versions may break.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprAttribute, Stmt, StmtImportFrom};
use ruff_text_size::Ranged as _;

use super::{listed, spelled};
use crate::edit::imports::means;
use crate::model::Model;
use crate::model::dependencies::{How, Move, Removed, Step, Upgrade, Why};
use crate::model::modules::ModuleId;
use crate::parse::python::Module;
use crate::text::Span;

/// Longer lists are cut, and say so.
const SHOWN: usize = 8;

/// What the moves may break, as sentences: uses of names that are gone, extensions that come
/// along or are not known to work.
pub(super) fn of(model: &Model, upgrade: &Upgrade) -> Vec<String> {
    let mut found = Vec::new();
    let removed: Vec<Removed> = upgrade
        .moves
        .iter()
        .flat_map(|one| Removed::between(&one.package, &one.from, &one.to))
        .collect();
    let uses = uses(model, &removed);
    for (place, removed) in uses.iter().take(SHOWN) {
        found.push(format!(
            "{place} uses {}, which is gone: use {}.",
            removed.name, removed.instead
        ));
    }
    if uses.len() > SHOWN {
        found.push(format!(
            "{} more lines use names that are gone.",
            uses.len() - SHOWN
        ));
    }
    let crosses = |one: &&Move| one.step() != Step::Patch && one.why == Why::Advisories;
    let far: Vec<&Move> = upgrade.moves.iter().filter(crosses).collect();
    if !far.is_empty() {
        let moves: Vec<String> = far.iter().map(|one| said(one)).collect();
        found.push(format!("{}: look at the changes between.", listed(&moves)));
    }
    if uses.is_empty() && !removed.is_empty() {
        found.push("No line here uses a name that these versions have removed.".to_owned());
    }
    found.extend(upgrade.moves.iter().filter_map(along));
    found.extend(untried(model, upgrade));
    found
}

/// "Flask goes from 2.2.5 to 3.1.3".
fn said(one: &Move) -> String {
    format!(
        "{} goes from {} to {}",
        spelled(&one.package),
        one.from,
        one.to
    )
}

/// Extensions that the target would not load.
fn along(one: &Move) -> Option<String> {
    let is_extension = one.package.starts_with("flask-") && one.why == Why::GoesAlong;
    is_extension.then(|| {
        format!(
            "{} {} does not load beside these versions, so it moves to {}: look at its changes.",
            one.package, one.from, one.to
        )
    })
}

/// Pinned extensions of which nothing is known.
fn untried(model: &Model, upgrade: &Upgrade) -> Option<String> {
    let crosses = upgrade
        .moves("flask")
        .is_some_and(|flask| flask.step() != Step::Patch);
    if !crosses {
        return None;
    }
    let deps = &model.dependencies;
    let names: Vec<String> = deps
        .runtime_names()
        .into_iter()
        .filter(|name| name.starts_with("flask-") && upgrade.moves(name).is_none())
        .filter(|name| {
            let resolved = deps.resolved(name);
            resolved.is_some_and(|resolved| matches!(resolved.how, How::Pinned | How::Locked))
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let (shown, more) = names.split_at(names.len().min(SHOWN));
    let more = match more.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    Some(format!(
        "Pinned extensions may need newer versions too: {}{more}.",
        shown.join(", ")
    ))
}

/// "path:line" of every use of a removed name.
fn uses(model: &Model, removed: &[Removed]) -> Vec<(String, Removed)> {
    if removed.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (id, module) in model.modules.iter() {
        let source = module.file.text.as_str();
        if !removed
            .iter()
            .any(|one| source.contains(last_part(one.name)))
        {
            continue;
        }
        let mut search = Uses {
            model,
            id,
            module,
            removed,
            found: Vec::new(),
        };
        search.visit_body(module.body());
        found.extend(search.found.into_iter().map(|(span, removed)| {
            let line = module.file.text.line_of(span.start);
            (format!("{}:{line}", module.path()), removed)
        }));
    }
    found
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

struct Uses<'a> {
    model: &'a Model,
    id: ModuleId,
    module: &'a Module,
    removed: &'a [Removed],
    found: Vec<(Span, Removed)>,
}

impl Uses<'_> {
    fn import(&mut self, import: &StmtImportFrom) {
        let Some(from) = import.module.as_deref().filter(|_| import.level == 0) else {
            return;
        };
        for alias in &import.names {
            let full = format!("{from}.{}", alias.name);
            let gone = self
                .removed
                .iter()
                .find(|removed| removed.name == full || removed.name == from);
            if let Some(gone) = gone {
                self.found.push((alias.range.into(), *gone));
            }
        }
    }

    fn attribute(&mut self, attribute: &ExprAttribute) {
        let name = attribute.attr.as_str();
        let gone = self.removed.iter().find(|removed| {
            match removed.name.rsplit_once('.') {
                // The owner is asked for, since names that moved count as what they are now.
                Some((owner, last)) => {
                    last == name && means(self.model, self.id, &attribute.value, owner)
                }
                None => removed.name == name && self.is_plausible(attribute),
            }
        });
        if let Some(gone) = gone {
            self.found.push((attribute.range().into(), *gone));
        }
    }

    /// `app.json_encoder`, not `self.json_encoder` of a class of one's own.
    fn is_plausible(&self, attribute: &ExprAttribute) -> bool {
        let owner = self.module.source(attribute.value.range());
        owner.ends_with("app")
            || owner.ends_with("application")
            || owner.ends_with("bp")
            || owner.ends_with("blueprint")
    }
}

impl<'a> SourceOrderVisitor<'a> for Uses<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::ImportFrom(import) = stmt {
            self.import(import);
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Attribute(attribute) = expr {
            self.attribute(attribute);
        }
        walk_expr(self, expr);
    }
}
