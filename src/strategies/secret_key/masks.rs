//! Texts that may be secrets, found or not: no screen and no report shows them.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{AnyNodeRef, BytesLiteral, Expr, Stmt, StringLiteral};
use ruff_text_size::Ranged as _;

use super::in_files;
use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::model::names::BindingKind;
use crate::parse::python::Module;
use crate::text::{Location, Span};

/// Shorter texts are words that stand everywhere.
const SHORTEST: usize = 8;
/// From here on a text without a digit in it may be a secret as well.
const LONG: usize = 16;

/// Where settings, variables and arguments whose names say "secret" have their texts.
pub fn places(model: &Model) -> Vec<Location> {
    let mut found = Vec::new();
    for (_, module) in model.modules.iter() {
        let text = module.file.text.as_str();
        let lower = text.to_ascii_lowercase();
        if !["secret", "passw", "token", "api_key", "private_key", "salt"]
            .iter()
            .any(|word| lower.contains(word))
        {
            continue;
        }
        let mut named = Named {
            module,
            found: Vec::new(),
        };
        for stmt in module.body() {
            named.visit_stmt(stmt);
        }
        found.extend(named.found);
    }
    found.extend(in_files::all(model).map(|setting| setting.value));
    for setting in &model.deployment.environment {
        let text = setting.literal().unwrap_or_default();
        if is_secret_name(&setting.name) && may_be_secret(text) {
            found.push(setting.location.clone());
        }
    }
    found
}

fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let says = [
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "API_KEY",
        "PRIVATE_KEY",
        "SALT",
    ];
    let about = [
        "_FILE",
        "_NAME",
        "_PATH",
        "_LENGTH",
        "_URL",
        "_HEADER",
        "_FIELD",
        "_ALGORITHM",
    ];
    says.iter().any(|word| upper.contains(word)) && !about.iter().any(|end| upper.ends_with(end))
}

/// Whether a text can be a value, and is no variable's name, path, message or template.
fn may_be_secret(text: &str) -> bool {
    let is_name = text.chars().all(|it| it.is_ascii_uppercase() || it == '_');
    let is_other = text.contains(char::is_whitespace) || text.starts_with(['/', '$', '{', '<']);
    let is_distinct = text.len() >= LONG || text.bytes().any(|byte| byte.is_ascii_digit());
    text.len() >= SHORTEST && is_distinct && !is_name && !is_other
}

struct Named<'m> {
    module: &'m Module,
    found: Vec<Location>,
}

impl Named<'_> {
    fn take(&mut self, name: &str, value: &Expr) {
        if !is_secret_name(name) {
            return;
        }
        let mut texts = Texts::of(self.module, value);
        texts.retain(|(_, text)| may_be_secret(text));
        let module = self.module;
        self.found
            .extend(texts.into_iter().map(|(span, _)| module.location(span)));
    }
}

impl<'m> SourceOrderVisitor<'m> for Named<'m> {
    fn visit_stmt(&mut self, stmt: &'m Stmt) {
        match stmt {
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    let name = name_of(target).unwrap_or_default();
                    self.take(name, &assign.value);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let (Some(name), Some(value)) = (name_of(&assign.target), &assign.value) {
                    self.take(name, value);
                }
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'m Expr) {
        match expr {
            Expr::Call(call) => {
                for keyword in &call.arguments.keywords {
                    let name = keyword.arg.as_ref().map_or("", |name| name.as_str());
                    self.take(name, &keyword.value);
                }
                // `setdefault("SECRET_KEY", "x")`, `get("SECRET_KEY", "x")`.
                if let [Expr::StringLiteral(name), value, ..] = &*call.arguments.args {
                    self.take(name.value.to_str(), value);
                }
            }
            Expr::Dict(dict) => {
                for item in &dict.items {
                    if let Some(Expr::StringLiteral(name)) = &item.key {
                        self.take(name.value.to_str(), &item.value);
                    }
                }
            }
            Expr::Compare(compare) => {
                // `if key == "…"`: a value that is asked for is one, whatever its name.
                let is_key = name_of(&compare.left)
                    .is_some_and(|left| is_secret_name(left) || left.eq_ignore_ascii_case("key"));
                for right in compare.comparators.iter().filter(|_| is_key) {
                    self.take("SECRET_KEY", right);
                }
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

/// The name that a target has: `SECRET_KEY`, `app.secret_key`, `config["SECRET_KEY"]`.
fn name_of(target: &Expr) -> Option<&str> {
    match target {
        Expr::Name(name) => Some(&name.id),
        Expr::Attribute(attribute) => Some(&attribute.attr),
        Expr::Subscript(subscript) => match &*subscript.slice {
            Expr::StringLiteral(key) => Some(key.value.to_str()),
            _ => None,
        },
        _ => None,
    }
}

/// The texts of an expression, without prefixes and quotes, each with its span.
struct Texts<'m> {
    module: &'m Module,
    found: Vec<(Span, String)>,
}

impl<'m> Texts<'m> {
    fn of(module: &'m Module, expr: &Expr) -> Vec<(Span, String)> {
        let Some(expr) = module.expression_at(expr.range().into()) else {
            return Vec::new();
        };
        let mut texts = Self {
            module,
            found: Vec::new(),
        };
        texts.visit_expr(expr);
        texts.found
    }

    fn push(&mut self, span: Span) {
        let inner = inside(self.module.source(span), span);
        let text = self.module.source(inner).to_owned();
        self.found.push((inner, text));
    }
}

impl<'m> SourceOrderVisitor<'m> for Texts<'m> {
    fn visit_expr(&mut self, expr: &'m Expr) {
        // The name of a variable is no value.
        if let Expr::Subscript(subscript) = expr {
            self.visit_expr(&subscript.value);
            return;
        }
        walk_expr(self, expr);
    }

    fn visit_string_literal(&mut self, literal: &'m StringLiteral) {
        self.push(literal.range.into());
    }

    fn visit_bytes_literal(&mut self, literal: &'m BytesLiteral) {
        self.push(literal.range.into());
    }
}

/// A literal's span without its prefix and quotes.
fn inside(source: &str, span: Span) -> Span {
    let start = source.find(['"', '\'']).unwrap_or(0);
    let quote = source[start..].chars().next().unwrap_or('"');
    let run = source[start..]
        .chars()
        .take_while(|it| *it == quote)
        .count();
    let width = if run >= 3 && source.len() >= start + 6 {
        3
    } else {
        1
    };
    let (from, to) = (span.start + start + width, span.end.saturating_sub(width));
    match from <= to {
        true => Span::new(from, to),
        false => span,
    }
}

/// The texts that make a key's value: those of its expression, else of the names in it; `value`
/// is what they give, where it stands in one of them.
pub(super) fn texts_of(model: &Model, at: &Location, value: &str) -> Vec<Location> {
    let Some(home) = model.modules.by_path(&at.path) else {
        return vec![at.clone()];
    };
    let module = model.modules.get(home);
    let Some(expr) = module.expression_at(at.span) else {
        return vec![at.clone()];
    };
    let own = |module: &Module, texts: Vec<(Span, String)>| -> Vec<Location> {
        let with_value = texts.iter().any(|(_, text)| text == value);
        let counts = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty() && (!with_value || text == value));
        counts.map(|(span, _)| module.location(span)).collect()
    };
    let found = own(module, Texts::of(module, expr));
    if !found.is_empty() {
        return found;
    }
    let followed = named_texts(model, home, expr);
    let found: Vec<Location> = followed
        .into_iter()
        .flat_map(|(module, texts)| own(module, texts))
        .collect();
    if !found.is_empty() {
        return found;
    }
    anywhere(model, value)
}

/// The texts of the definitions of the names in `expr`.
fn named_texts<'m>(
    model: &'m Model,
    home: ModuleId,
    expr: &Expr,
) -> Vec<(&'m Module, Vec<(Span, String)>)> {
    let mut found: Vec<(&Module, Vec<(Span, String)>)> = Vec::new();
    let name = model.names.qualify(&model.modules, home, expr);
    if let Some(definition) = name.and_then(|name| model.names.definition(&name))
        && let BindingKind::Value(span) = definition.binding.kind
    {
        let module = model.modules.get(definition.module);
        if let Some(value) = module.expression_at(span) {
            found.push((module, Texts::of(module, value)));
        }
    }
    found
}

/// Literals of the application that are that very text.
pub(super) fn anywhere(model: &Model, value: &str) -> Vec<Location> {
    let mut found = Vec::new();
    for (_, module) in model.modules.iter() {
        let text = module.file.text.as_str();
        for (start, _) in text.match_indices(value) {
            let span = Span::new(start, start + value.len());
            let is_literal = module.ancestors(span).iter().any(|node| {
                matches!(
                    node,
                    AnyNodeRef::StringLiteral(_) | AnyNodeRef::BytesLiteral(_)
                )
            });
            if is_literal {
                found.push(module.location(span));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    fn masked(source: &str) -> Vec<String> {
        let source = format!("import flask\n{source}\n");
        let model = testing::model(&[("app.py", &source)]);
        let text = &model.repo.file("app.py").unwrap().text;
        let places = places(&model);
        places
            .iter()
            .map(|place| text.slice(place.span).to_owned())
            .collect()
    }

    #[test]
    fn what_may_be_a_secret_is_masked_whoever_finds_it() {
        let value = format!("{}{}", "not-a-real-", "secret-1");
        for form in [
            "app.secret_key = 'V'",
            "SECRET: str = b'V'",
            "app.config['X_SECRET'] = bytes.fromhex('V')",
            "f(client_secret='V')",
            "d = {'API_KEY': 'V'}",
            "config.get('SECRET_KEY', 'V')",
            "config.get('x', 'secret', fallback='V')\nsecret_key = cp.get('a', 'b', fallback='V')",
            "PRIVATE_KEYS_SECRET = ['V']",
            "if app.secret_key == 'V':\n    pass",
        ] {
            let found = masked(&form.replace('V', &value));
            assert!(found.contains(&value), "{form}: {found:?}");
        }
        for form in [
            "app.secret_key = os.environ['SECRET_KEY_NAME_1']",
            "TOKEN_URL = 'https-and-more-than-16'",
            "PASSWORD_FIELD = 'password-field-name'",
            "title = 'V'",
            "SECRET_FILE = '/run/secrets/key1'",
        ] {
            assert_eq!(
                masked(&form.replace('V', &value)),
                Vec::<String>::new(),
                "{form}"
            );
        }
    }
}
