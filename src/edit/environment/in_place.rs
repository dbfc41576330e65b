//! Another value where a setting already stands.

use std::sync::Arc;

use crate::discover::File;
use crate::finding::Edit;
use crate::model::deployment::{EnvSetting, EnvValue, Surface, base64_encoded};
use crate::text::Span;

pub(super) fn change(file: &Arc<File>, setting: &EnvSetting, value: &str) -> Option<Edit> {
    let span = setting.location.span;
    let text = file.text.as_str();
    let written = file.text.slice(span);
    if setting.base64 {
        return Some(Edit::replace(&file.path, span, base64_encoded(value)));
    }
    if let EnvValue::Default(default) = &setting.value
        && let Some(at) = written.rfind(default.as_str())
        && written.len() > default.len()
    {
        // `${NAME:-1}`: the default alone changes, the way to override it stays.
        let start = span.start + at;
        let inner = Span::new(start, start + default.len());
        return is_simple(value).then(|| Edit::replace(&file.path, inner, value));
    }
    // A value that does not stand where it points was put together from several places.
    if setting
        .literal()
        .is_some_and(|literal| !literal.is_empty() && written.is_empty())
    {
        return None;
    }
    if span.is_empty() {
        return into_nothing(file, setting, value);
    }
    let before = text[..span.start].chars().next_back();
    let after = text[span.end..].chars().next();
    let new = match (before, after) {
        (Some(open @ ('"' | '\'')), Some(close)) if open == close => quoted(value, open)?,
        _ => bare(setting, written, value)?,
    };
    Some(Edit::replace(&file.path, span, new))
}

/// Text that means itself in every file and every shell.
pub(super) fn is_simple(value: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_./:@%+,=-".contains(c);
    !value.is_empty() && value.chars().all(plain)
}

/// `${NAME:?}`: what compose takes from its own environment, which has to have it.
fn is_required(value: &str) -> bool {
    let inner = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix(":?}"));
    inner.is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Inside quotes that stay. Characters that would need an escape are refused: which one depends
/// on more than the quote.
fn quoted(value: &str, quote: char) -> Option<String> {
    let refused = |c: char| c == quote || c == '\\' || c == '\n' || (quote == '"' && c == '$');
    (!value.contains(refused)).then(|| value.to_owned())
}

/// Where no quotes stand.
fn bare(setting: &EnvSetting, written: &str, value: &str) -> Option<String> {
    if is_yaml(setting.surface) {
        let in_list_item = setting.statement.span.end == setting.location.span.end
            && written_behind_equals(setting);
        return match in_list_item {
            true => (is_simple(value) || is_required(value)).then(|| value.to_owned()),
            false => Some(yaml_scalar(setting.surface, written, value)),
        };
    }
    match setting.surface {
        Surface::UwsgiConfig | Surface::Platform => Some(value.to_owned()),
        Surface::Jenkins => quoted(value, '\'').map(|value| format!("'{value}'")),
        _ if is_simple(value) => Some(value.to_owned()),
        _ => quoted(value, '"').map(|value| format!("\"{value}\"")),
    }
}

/// `- NAME=value`: the statement is longer than the value by a name and `=`, without a blank.
fn written_behind_equals(setting: &EnvSetting) -> bool {
    let lead = setting
        .location
        .span
        .start
        .saturating_sub(setting.statement.span.start);
    lead == setting.name.len() + 1
}

/// A value where the file has none: behind `NAME=`, `NAME:`, or a bare `- NAME`.
fn into_nothing(file: &Arc<File>, setting: &EnvSetting, value: &str) -> Option<Edit> {
    let at = setting.location.span.start;
    let before = file.text.as_str()[..at].chars().next_back()?;
    let new = match before {
        '=' | '"' | '\'' => is_simple(value).then(|| value.to_owned())?,
        ':' => format!(" {}", yaml_scalar(setting.surface, "", value)),
        // A variable that is passed on from outside gets a value of its own.
        _ if setting.surface == Surface::Compose => {
            is_simple(value).then(|| format!("={value}"))?
        }
        // `valueFrom:` and the like: where the value comes from is for a person to change.
        _ => return None,
    };
    Some(Edit::insert(&file.path, at, new))
}

pub(super) const fn is_yaml(surface: Surface) -> bool {
    matches!(
        surface,
        Surface::Compose
            | Surface::Kubernetes
            | Surface::Helm
            | Surface::Ansible
            | Surface::GithubActions
            | Surface::GitlabCi
            | Surface::CircleCi
    )
}

/// A YAML scalar that is text to whoever reads it. A number stays bare where one stood and
/// numbers are allowed.
fn yaml_scalar(surface: Surface, written: &str, value: &str) -> String {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let takes_numbers = !matches!(surface, Surface::Kubernetes | Surface::Helm);
    if takes_numbers && number(written) && number(value) {
        return value.to_owned();
    }
    yaml_text(value, number(written) || written.is_empty())
}

/// Text as a YAML scalar: bare where nothing else could be meant, else in double quotes.
pub(super) fn yaml_text(value: &str, always_quoted: bool) -> String {
    let word = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
    let meant_otherwise = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .iter()
        .any(|it| value.eq_ignore_ascii_case(it));
    if word && !meant_otherwise && !always_quoted {
        return value.to_owned();
    }
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
