//! Keep sessions on the server, and their cookies out of other hands.

pub mod cookie_flags;
mod cookie_setting;
pub mod session_backend;
pub mod session_backend_safe;
pub mod session_cookie_httponly;
pub mod session_cookie_samesite;
pub mod session_cookie_secure;
pub mod session_lifetime;
pub mod session_migration;

use crate::model::Model;
use crate::model::names::{BindingKind, Imported};
use crate::text::Location;

/// Extensions that keep something in Flask's session.
const EXTENSIONS: &[&str] = &[
    "flask_login",
    "flask_wtf",
    "flask_security",
    "flask_session",
    "flask_dance",
    "flask_oidc",
    "flask_principal",
    "flask_user",
    "flask_appbuilder",
    "flask_seasurf",
    "authlib.integrations.flask_client",
    "flask_debugtoolbar",
];

/// Where the application's own code first touches the session, itself or through an extension;
/// `None` when it keeps nothing there.
fn uses_session(model: &Model) -> Option<Location> {
    model.modules.iter().find_map(|(id, module)| {
        if !module.file.purpose.is_application() {
            return None;
        }
        let scopes = model.names.scopes(id).iter();
        let mut imports: Vec<_> = scopes
            .flat_map(|scope| scope.bindings.values().flatten())
            .filter(|binding| matches!(&binding.kind, BindingKind::Import(import) if keeps(import)))
            .map(|binding| module.location(binding.span))
            .collect();
        imports.sort();
        imports.into_iter().next().or_else(|| {
            let whole = module.file.text.as_str();
            let at = whole.find("flask.session")?;
            let flask = model
                .names
                .scopes(id)
                .module()
                .bindings
                .contains_key("flask");
            flask.then(|| module.location(crate::text::Span::new(at, at + 13)))
        })
    })
}

fn keeps(import: &Imported) -> bool {
    if import.level > 0 {
        return false;
    }
    let member = import.member.as_deref();
    if &*import.module == "flask" {
        return matches!(member, Some("session" | "flash"));
    }
    EXTENSIONS.iter().any(|extension| {
        let rest = import.module.strip_prefix(extension);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Where the application's own code writes into the session.
fn session_writes(model: &Model) -> Vec<Location> {
    use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
    use ruff_python_ast::{Expr, ExprContext};
    use ruff_text_size::Ranged as _;

    struct Writes<'m> {
        model: &'m Model,
        file: crate::model::modules::ModuleId,
        found: Vec<Location>,
    }
    impl Writes<'_> {
        fn is_session(&self, expr: &Expr) -> bool {
            let name = self
                .model
                .names
                .qualify(&self.model.modules, self.file, expr);
            name.is_some_and(|name| name.is("flask.session"))
        }
    }
    impl<'a> SourceOrderVisitor<'a> for Writes<'_> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            let target = match expr {
                Expr::Subscript(subscript) if subscript.ctx == ExprContext::Store => {
                    Some(&*subscript.value)
                }
                Expr::Call(call) => match &*call.func {
                    Expr::Attribute(method)
                        if matches!(method.attr.as_str(), "update" | "setdefault") =>
                    {
                        Some(&*method.value)
                    }
                    _ => None,
                },
                _ => None,
            };
            if target.is_some_and(|target| self.is_session(target)) {
                let module = self.model.modules.get(self.file);
                self.found.push(module.location(expr.range()));
            }
            walk_expr(self, expr);
        }
    }
    let mut found = Vec::new();
    for (file, module) in model.modules.iter() {
        let mentions = module.file.text.as_str().contains("session");
        if !mentions || !module.file.purpose.is_application() {
            continue;
        }
        let mut writes = Writes {
            model,
            file,
            found: Vec::new(),
        };
        writes.visit_body(module.body());
        found.append(&mut writes.found);
    }
    found
}
