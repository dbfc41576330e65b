//! Jinja environments that the code makes itself, and what they render.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use crate::model::Model;
use crate::model::app::{Route, View};
use crate::model::calls::CallSite;
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, Qualified};
use crate::model::templates::{holds_html, is_html_name};
use crate::parse::python::{argument, unpacks};
use crate::text::{Location, Span};

/// Definitions are followed through at most so many names, attributes and functions.
const MAX_STEPS: usize = 8;

const CLASSES: [&str; 5] = [
    "jinja2.Environment",
    "jinja2.sandbox.SandboxedEnvironment",
    "jinja2.sandbox.ImmutableSandboxedEnvironment",
    "jinja2.nativetypes.NativeEnvironment",
    "jinja2.Template",
];

/// One construction.
pub(super) struct Environment<'m> {
    pub module: ModuleId,
    pub location: Location,
    pub call: &'m ExprCall,
    /// "jinja2.Environment".
    pub class: &'static str,
    pub autoescape: Autoescape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Autoescape {
    On,
    /// `autoescape=False`, by the literal's span.
    Off(Span),
    /// Jinja's default: off.
    Absent,
    /// Options are unpacked.
    Unknown,
}

/// What an environment makes, as far as it is seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// A view renders with it.
    pub in_view: bool,
    /// Constant names of templates, and constant sources, that are HTML.
    pub html: bool,
    /// Constant names, for the choice of the option.
    pub names: Vec<String>,
}

pub(super) fn find(model: &Model) -> Vec<Environment<'_>> {
    let mut found = Vec::new();
    for class in CLASSES {
        for site in model.calls.of(class) {
            let Some(call) = site.call(&model.modules) else {
                continue;
            };
            let autoescape = match argument(call, "autoescape", None) {
                Some(Expr::BooleanLiteral(literal)) if !literal.value => {
                    Autoescape::Off(literal.range.into())
                }
                Some(_) => Autoescape::On,
                None if unpacks(call) => Autoescape::Unknown,
                None => Autoescape::Absent,
            };
            found.push(Environment {
                module: site.module,
                location: site.location.clone(),
                call,
                class,
                autoescape,
            });
        }
    }
    found.sort_by(|a, b| a.location.cmp(&b.location));
    found
}

/// Where the templates of an environment go.
pub(super) fn uses(model: &Model, environment: &Environment<'_>) -> Uses {
    let mut uses = Uses::default();
    if environment.class == "jinja2.Template" {
        let source = environment.call.arguments.args.first();
        uses.html = source.is_some_and(|source| is_html_text(model, environment.module, source));
        uses.in_view = is_in_view(model, &environment.location);
        return uses;
    }
    for method in ["get_template", "select_template", "from_string"] {
        for site in model.calls.of_method(method) {
            if made_by(model, site).as_ref() == Some(&environment.location) {
                use_at(model, site, method, &mut uses);
            }
        }
    }
    uses
}

fn use_at(model: &Model, site: &CallSite, method: &str, uses: &mut Uses) {
    let call = site.call(&model.modules);
    let Some(first) = call.and_then(|call| call.arguments.args.first()) else {
        return;
    };
    let in_view = is_in_view(model, &site.location);
    if method == "from_string" {
        uses.html |= is_html_text(model, site.module, first);
        uses.in_view |= in_view;
        return;
    }
    match first {
        Expr::StringLiteral(name) => {
            let name = name.value.to_str();
            uses.names.push(name.to_owned());
            let is_html = is_html_name(name) || model.templates.is_html_named(name);
            uses.html |= is_html;
            uses.in_view |= in_view && is_html;
        }
        _ => uses.in_view |= in_view,
    }
}

fn is_html_text(model: &Model, module: ModuleId, expr: &Expr) -> bool {
    let constant = model
        .templates
        .constant(&model.modules, &model.names, module, expr);
    constant.is_some_and(|text| holds_html(&text))
}

/// The construction that the receiver of a method call comes from.
fn made_by(model: &Model, site: &CallSite) -> Option<Location> {
    let call = site.call(&model.modules)?;
    let Expr::Attribute(method) = &*call.func else {
        return None;
    };
    origin(model, site.module, &method.value, MAX_STEPS)
}

fn origin(model: &Model, module: ModuleId, expr: &Expr, steps: usize) -> Option<Location> {
    let steps = steps.checked_sub(1)?;
    match expr {
        Expr::Call(call) => {
            let callee = model.names.callee(&model.modules, module, &call.func)?;
            if callee
                .external()
                .is_some_and(|name| CLASSES.contains(&name))
            {
                return Some(model.modules.get(module).location(call.range()));
            }
            let (home, function) = model.names.function(&model.modules, &callee)?;
            let mut values = Returned(Vec::new());
            values.visit_body(&function.body);
            let mut values = values.0.into_iter();
            values.find_map(|value| origin(model, home, value, steps))
        }
        Expr::Name(name) => {
            let offset = name.range.start().to_usize();
            let (_, bindings) = model.names.scopes(module).lookup(&name.id, offset)?;
            bindings.iter().find_map(|binding| match &binding.kind {
                BindingKind::Value(span) => {
                    let value = model.modules.get(module).expression_at(*span)?;
                    origin(model, module, value, steps)
                }
                BindingKind::Import(_) => {
                    let name =
                        model
                            .names
                            .resolve_name(&model.modules, module, &name.id, offset)?;
                    defined(model, &name, steps)
                }
                _ => None,
            })
        }
        Expr::Attribute(attribute) => {
            if let Expr::Name(base) = &*attribute.value
                && matches!(base.id.as_str(), "self" | "cls")
            {
                let values = assigned_to_self(model, module, &attribute.attr);
                let mut values = values.into_iter();
                return values.find_map(|value| origin(model, module, value, steps));
            }
            let name = model.names.qualify(&model.modules, module, expr)?;
            defined(model, &name, steps)
        }
        _ => None,
    }
}

fn defined(model: &Model, name: &Qualified, steps: usize) -> Option<Location> {
    let found = model.names.definition(name)?;
    let BindingKind::Value(span) = found.binding.kind else {
        return None;
    };
    let value = model.modules.get(found.module).expression_at(span)?;
    origin(model, found.module, value, steps)
}

struct Returned<'a>(Vec<&'a Expr>);

impl<'a> StatementVisitor<'a> for Returned<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Return(returned) => self.0.extend(returned.value.as_deref()),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => walk_stmt(self, stmt),
        }
    }
}

struct SelfAssignments<'a, 'n> {
    name: &'n str,
    values: Vec<&'a Expr>,
}

impl<'a> StatementVisitor<'a> for SelfAssignments<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assign(assign) = stmt {
            let is_it = |target: &Expr| {
                matches!(target, Expr::Attribute(it) if it.attr.as_str() == self.name
                    && matches!(&*it.value, Expr::Name(base) if base.id.as_str() == "self"))
            };
            if assign.targets.iter().any(is_it) {
                self.values.push(&assign.value);
            }
        }
        walk_stmt(self, stmt);
    }
}

fn assigned_to_self<'m>(model: &'m Model, module: ModuleId, name: &str) -> Vec<&'m Expr> {
    let mut found = SelfAssignments {
        name,
        values: Vec::new(),
    };
    found.visit_body(model.modules.get(module).body());
    found.values
}

/// Whether a place lies in a function that answers requests.
fn is_in_view(model: &Model, place: &Location) -> bool {
    let apps = model.apps.iter().flat_map(|(_, app)| &app.routes);
    let blueprints = model.apps.blueprints.iter().flat_map(|it| &it.routes);
    let holds = |view: &View| {
        model.modules.get(view.module).path() == &place.path && view.span.contains(place.span)
    };
    let mut routes = apps.chain(blueprints);
    routes.any(|route: &Route| route.view.as_ref().is_some_and(holds))
}
