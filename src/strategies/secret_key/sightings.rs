//! Every place where a key's value stands, in code and in deployment files.

use std::sync::Arc;

use ruff_python_ast::Expr;
use ruff_text_size::Ranged as _;

use super::{checks, keys, masks};
use crate::discover::Purpose;
use crate::model::Model;
use crate::model::app::AppId;
use crate::model::config::{Environment, Literal, Resolved, Value, Write};
use crate::model::deployment::{EnvSetting, EnvValue, Stage, Surface, rules};
use crate::text::{Location, Span};

/// A key's value in a file.
#[derive(Debug, Clone)]
pub(super) struct Sighting<'m> {
    /// The setting or variable.
    pub key: &'m str,
    pub value: String,
    /// The literal's expression, or the value in a deployment file.
    pub literal: Location,
    /// The texts of the value, without prefixes and quotes: what has to be masked.
    pub secrets: Vec<Location>,
    /// What a finding points at.
    pub statement: Location,
    pub source: SourceOf<'m>,
    /// It stands behind something else: the environment, a condition.
    pub is_fallback: bool,
    pub weight: Weight,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum SourceOf<'m> {
    Code(&'m Write),
    Deployment(&'m EnvSetting),
}

/// What production makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Weight {
    /// Production signs with it.
    Production,
    /// Production may sign with it; why it may not, as a sentence.
    Perhaps(String),
    /// Production overrides it; by what, as a sentence.
    Overridden(String),
}

/// Every key in the repository's own files that production may come to use.
pub(super) fn all(model: &Model) -> Vec<Sighting<'_>> {
    let mut found: Vec<Sighting<'_>> = Vec::new();
    for write in model.configuration.all() {
        let Some(key) = keys::in_code(&write.key) else {
            continue;
        };
        let Some(sighting) = in_code(model, key, write) else {
            continue;
        };
        // A base class is loaded on several ways: the worst one counts, once.
        let same = found
            .iter_mut()
            .find(|it| it.literal == sighting.literal && it.key == sighting.key);
        match same {
            Some(known) if rank(&known.weight) <= rank(&sighting.weight) => {}
            Some(known) => *known = sighting,
            None => found.push(sighting),
        }
    }
    let settings = model.deployment.environment.iter();
    found.extend(settings.filter_map(|setting| in_deployment(model, setting)));
    found
}

const fn rank(weight: &Weight) -> u8 {
    match weight {
        Weight::Production => 0,
        Weight::Perhaps(_) => 1,
        Weight::Overridden(_) => 2,
    }
}

fn in_code<'m>(model: &'m Model, key: &'static str, write: &'m Write) -> Option<Sighting<'m>> {
    let module = model.modules.get(write.module);
    if matches!(module.file.purpose, Purpose::Test | Purpose::Vendored) {
        return None;
    }
    let weight = weight(model, write)?;
    let text = |literal: &Literal| match literal {
        Literal::Str(text) if !text.is_empty() => Some(text.clone()),
        Literal::Bytes(bytes) if !bytes.is_empty() => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    };
    let (value, literal, is_fallback) = match &write.value {
        Value::Known(Literal::List(items)) if key == keys::FALLBACKS => {
            let value = items.iter().find_map(text)?;
            (value, write.value_at.clone(), false)
        }
        Value::Known(literal) => {
            let is_fallback = write.is_default || has_other_source(model, write);
            (text(literal)?, literal_of(model, write)?, is_fallback)
        }
        Value::Env(read) => {
            let value = read.default.as_ref().and_then(text)?;
            let place = read.default_at.clone();
            let place = place.or_else(|| masks::anywhere(model, &value).into_iter().next());
            (value, place?, true)
        }
        Value::Choice { .. } => {
            let leaves = write.value.leaves();
            let value = leaves.iter().find_map(|leaf| leaf.known().and_then(text))?;
            (value, choice_literal(model, write)?, true)
        }
        Value::Random(_) | Value::Store(_) | Value::Entry(_) | Value::Unknown(_) => return None,
    };
    // What the start refuses signs nothing, where something else may bring the key.
    let is_replaced = weight != Weight::Production;
    let is_template = is_replaced && keys::is_blank_to_fill(&value);
    if is_template || ((is_fallback || is_replaced) && checks::refuses(model, key, &value)) {
        return None;
    }
    Some(Sighting {
        key,
        secrets: masks::texts_of(model, &literal, &value),
        value,
        statement: statement_of(model, write, &literal, is_fallback),
        literal,
        source: SourceOf::Code(write),
        is_fallback,
        weight,
    })
}

/// What a finding points at: the write, or where its default is given, when that is elsewhere
/// (`os.environ.setdefault("SECRET_KEY", "…")`, a field of a settings class).
fn statement_of(model: &Model, write: &Write, literal: &Location, is_fallback: bool) -> Location {
    let own = write.place();
    let is_inside = own.path == literal.path && own.span.contains(literal.span);
    let home = model.modules.by_path(&literal.path);
    let Some(home) = home.filter(|_| is_fallback && !is_inside) else {
        return own;
    };
    let module = model.modules.get(home);
    let gives = |stmt: &&ruff_python_ast::Stmt| {
        let ancestors = module.ancestors(Span::from(stmt.range()));
        let in_class = ancestors
            .iter()
            .any(|node| matches!(node, ruff_python_ast::AnyNodeRef::StmtClassDef(_)));
        stmt.is_expr_stmt() || (in_class && stmt.is_ann_assign_stmt())
    };
    let statement = module.statement_at(literal.span).filter(gives);
    statement.map_or(own, |stmt| module.location(stmt.range()))
}

/// Whether the literal is what is left when another write, which reads the key from elsewhere,
/// is not made: `if "K" in os.environ: … else: app.secret_key = "dev"`.
fn has_other_source(model: &Model, write: &Write) -> bool {
    let Some(app) = write.app.filter(|_| !write.conditions.is_empty()) else {
        return false;
    };
    let mut writes = model.configuration.in_order(app, Environment::Production);
    writes.any(|other| {
        other.key == write.key
            && matches!(
                other.value,
                Value::Env(_) | Value::Store(_) | Value::Entry(_) | Value::Unknown(_)
            )
    })
}

/// What production makes of a write; nothing for those of development and tests.
fn weight(model: &Model, write: &Write) -> Option<Weight> {
    let path = model.modules.get(write.module).path();
    let purpose = model.modules.get(write.module).file.purpose;
    if purpose == Purpose::Example {
        return Some(Weight::Overridden("It stands in an example.".into()));
    }
    let Some(app) = write.app else {
        return match rules::stage_of_path(path) {
            Some((Stage::Development | Stage::Test, _)) => None,
            _ if is_for_development(model, write) => None,
            _ => Some(Weight::Perhaps(
                "Nothing here shows that production loads it.".into(),
            )),
        };
    };
    if !write.in_environment(Environment::Production) {
        return None;
    }
    Some(in_force(model, app, write))
}

/// A class that nothing visible loads, whose name says development or tests.
fn is_for_development(model: &Model, write: &Write) -> bool {
    let module = model.modules.get(write.module);
    let ancestors = module.ancestors(write.statement.span);
    ancestors.iter().any(|node| match node {
        ruff_python_ast::AnyNodeRef::StmtClassDef(class) => {
            let name = class.name.to_ascii_lowercase();
            ["dev", "test", "local"]
                .iter()
                .any(|word| name.contains(word))
        }
        _ => false,
    })
}

fn in_force(model: &Model, app: AppId, write: &Write) -> Weight {
    let resolved = model
        .configuration
        .resolved(app, &write.key, Environment::Production);
    let is_it = |other: &&Write| other.key_at == write.key_at;
    match &resolved {
        Resolved::Set {
            write: last, open, ..
        } if is_it(last) => match open.first() {
            Some(source) => Weight::Perhaps(format!(
                "{} is loaded after it and may replace it.",
                source
                    .name
                    .as_deref()
                    .unwrap_or("A file outside of the repository")
            )),
            None => Weight::Production,
        },
        Resolved::Set { write: last, .. } if resolved.possible().iter().any(is_it) => {
            let _ = last;
            Weight::Perhaps("A condition decides whether production gets it.".into())
        }
        Resolved::Set { write: last, .. } => Weight::Overridden(format!(
            "Production overrides it in {}.",
            last.statement.path
        )),
        Resolved::Undecided { .. } => {
            Weight::Perhaps("Which configuration production loads is open.".into())
        }
        Resolved::Unset { .. } => Weight::Perhaps("Its way to production is open.".into()),
    }
}

/// The literal's own expression, through one name.
fn literal_of(model: &Model, write: &Write) -> Option<Location> {
    let home = model.modules.by_path(&write.value_at.path)?;
    let expr = model.modules.get(home).expression_at(write.value_at.span)?;
    if matches!(expr, Expr::StringLiteral(_) | Expr::BytesLiteral(_)) {
        return Some(write.value_at.clone());
    }
    let name = model.names.qualify(&model.modules, home, expr);
    let definition = name.and_then(|name| model.names.definition(&name));
    if let Some(definition) = definition
        && let crate::model::names::BindingKind::Value(span) = definition.binding.kind
    {
        let module = model.modules.get(definition.module);
        let value = module.expression_at(span)?;
        if matches!(value, Expr::StringLiteral(_) | Expr::BytesLiteral(_)) {
            return Some(module.location(span));
        }
    }
    Some(write.value_at.clone())
}

/// The literal among the alternatives of `a if … else "dev"` and `a or "dev"`.
fn choice_literal(model: &Model, write: &Write) -> Option<Location> {
    let home = model.modules.by_path(&write.value_at.path)?;
    let module = model.modules.get(home);
    match module.expression_at(write.value_at.span)? {
        Expr::If(either) => [&either.body, &either.orelse]
            .into_iter()
            .find(|branch| branch.is_string_literal_expr())
            .map(|branch| module.location(branch.range())),
        Expr::BoolOp(operation) => operation
            .values
            .iter()
            .rfind(|value| value.is_string_literal_expr())
            .map(|value| module.location(value.range())),
        Expr::Call(call) => {
            let fallback = call.arguments.find_keyword("fallback");
            let literal = fallback.filter(|it| it.value.is_string_literal_expr());
            let place = literal.map(|it| module.location(it.value.range()));
            place.or_else(|| Some(write.value_at.clone()))
        }
        _ => Some(write.value_at.clone()),
    }
}

fn in_deployment<'m>(model: &'m Model, setting: &'m EnvSetting) -> Option<Sighting<'m>> {
    if setting.ignored || setting.stage != Stage::Production || !is_read(model, &setting.name) {
        return None;
    }
    let (value, is_fallback) = match &setting.value {
        EnvValue::Literal(text) => (text.clone(), false),
        // What an `ARG` holds stays in the image.
        EnvValue::Default(text) => (text.clone(), !setting.build_only),
        EnvValue::Outside | EnvValue::Empty => return None,
    };
    if value.is_empty() || repeats_an_argument(model, setting, &value) {
        return None;
    }
    // `docker run -e SECRET_KEY=$SECRET_KEY`: the value stands where the variable is set.
    let file = model.repo.file(&setting.location.path);
    let written = file.map_or("", |file| file.text.slice(setting.location.span));
    if written.starts_with('$') && !written.contains(&value) && !setting.base64 {
        return None;
    }
    let reaches = setting.surface != Surface::Dotenv
        || model
            .deployment
            .production_settings(&setting.name)
            .any(|it| it.location == setting.location);
    let weight = match reaches {
        true => Weight::Production,
        false => Weight::Perhaps("What production starts does not read this file.".into()),
    };
    Some(Sighting {
        key: &setting.name,
        value,
        literal: setting.location.clone(),
        secrets: vec![setting.location.clone()],
        statement: setting.statement.clone(),
        source: SourceOf::Deployment(setting),
        is_fallback,
        weight,
    })
}

/// `ENV KEY=$KEY` behind `ARG KEY=value`: the value stands in the `ARG`.
fn repeats_an_argument(model: &Model, setting: &EnvSetting, value: &str) -> bool {
    let mut others = model.deployment.environment.iter();
    matches!(setting.value, EnvValue::Default(_))
        && !setting.build_only
        && others.any(|other| {
            other.build_only
                && other.location.path == setting.location.path
                && other.literal() == Some(value)
        })
}

/// Whether a variable is a key: by its name, or because the code reads a key from it.
fn is_read(model: &Model, name: &str) -> bool {
    keys::is_key_variable(name)
        || keys::names().any(|key| {
            let mut writes = model.configuration.writes(key);
            writes.any(|write| {
                let leaves = write.value.leaves();
                leaves
                    .iter()
                    .any(|leaf| leaf.env().is_some_and(|read| read.name == name))
            })
        })
}

/// The path of a sighting's file.
impl Sighting<'_> {
    pub fn path(&self) -> &Arc<str> {
        &self.literal.path
    }
}
