//! Environment variables as YAML files write them: maps, lists of `NAME=value`, lists of
//! `{name, value}`.

use std::sync::Arc;

use super::scope::Scope;
use super::{EnvSetting, EnvValue, values};
use crate::parse::yaml::{Entry, Node};
use crate::text::{Location, Span};

/// Whether `$NAME` in a value is expanded before the program sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expansion {
    /// Compose, and shells behind CI variables.
    Dollar,
    /// Kubernetes, Ansible: only template tags.
    Templates,
}

/// `environment:` as a map or as a list.
pub(super) fn of_node(
    node: Node<'_>,
    path: &Arc<str>,
    scope: &Scope,
    expansion: Expansion,
) -> Vec<EnvSetting> {
    if node.is_mapping() {
        let entries = node.entries();
        return entries
            .iter()
            .filter_map(|entry| of_entry(*entry, path, scope, expansion))
            .collect();
    }
    let items = node.items();
    items
        .filter_map(|item| match item.is_mapping() {
            true => named_item(item, path, scope, expansion),
            false => of_item(item, path, scope, expansion),
        })
        .collect()
}

/// `NAME: value`; no value passes the variable on from outside.
pub(super) fn of_entry(
    entry: Entry<'_>,
    path: &Arc<str>,
    scope: &Scope,
    expansion: Expansion,
) -> Option<EnvSetting> {
    let name = entry.key.as_str().filter(|name| is_name(name))?;
    let value = match entry.value.scalar() {
        // GitLab: `NAME: {value: …, description: …}`.
        None => {
            let inner = entry.value.entry("value")?;
            let mut setting = of_entry(inner, path, scope, expansion)?;
            name.clone_into(&mut setting.name);
            return Some(setting);
        }
        Some(_)
            if entry
                .value
                .tag()
                .is_some_and(|tag| tag.starts_with("!vault")) =>
        {
            EnvValue::Outside
        }
        Some(_) if entry.value.is_null() => EnvValue::Outside,
        Some(scalar) => expanded(scalar.value.as_str(), expansion),
    };
    let place = entry
        .value
        .resolved()
        .scalar()
        .map_or(entry.value.span(), |scalar| scalar.inner);
    Some(scope.setting(
        name,
        value,
        Location::new(path, place),
        Location::new(path, entry.span()),
    ))
}

/// `- NAME=value`; no `=` passes the variable on.
fn of_item(
    item: Node<'_>,
    path: &Arc<str>,
    scope: &Scope,
    expansion: Expansion,
) -> Option<EnvSetting> {
    let scalar = item.scalar()?;
    let text = scalar.value.as_str();
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    if !is_name(name.trim()) {
        return None;
    }
    let start = text.len() - value.map_or(0, str::len);
    let place = scalar.value.source(Span::new(start, text.len()));
    let value = value.map_or(EnvValue::Outside, |value| expanded(value, expansion));
    Some(scope.setting(
        name.trim(),
        value,
        Location::new(path, place),
        Location::new(path, item.span()),
    ))
}

/// `- name: NAME` with `value:` or `valueFrom:`; Render writes `key:`.
pub(super) fn named_item(
    item: Node<'_>,
    path: &Arc<str>,
    scope: &Scope,
    expansion: Expansion,
) -> Option<EnvSetting> {
    let name = item.text("name").or_else(|| item.text("key"))?;
    let statement = Location::new(path, item.span());
    let Some(entry) = item.entry("value") else {
        let place = Location::new(path, Span::at(item.span().end));
        return Some(scope.setting(name, EnvValue::Outside, place, statement));
    };
    let mut setting = of_entry(entry, path, scope, expansion)?;
    name.clone_into(&mut setting.name);
    setting.statement = statement;
    Some(setting)
}

pub(super) fn expanded(text: &str, expansion: Expansion) -> EnvValue {
    match expansion {
        Expansion::Dollar => values::expanded(text),
        Expansion::Templates => values::verbatim(text),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    !name.is_empty() && name.chars().all(allowed)
}

/// `FLASK_DEBUG`, not `replicas`: capitals, digits and underscores.
pub(super) fn is_variable_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() > 2
        && name.chars().all(allowed)
}
