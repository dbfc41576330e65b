//! What a written value means: a literal, a default, or something from elsewhere.

use super::EnvValue;

/// A value in a file that expands `$NAME` and `${NAME:-default}` (shell, compose, dotenv), and
/// that templates may write (`{{ … }}` of Jinja and Helm, `${{ … }}` of GitHub).
pub(super) fn expanded(text: &str) -> EnvValue {
    if text.is_empty() {
        return EnvValue::Empty;
    }
    if is_templated(text) {
        return templated(text);
    }
    if let Some(default) = default_of(text) {
        return match default {
            "" => EnvValue::Outside,
            default => EnvValue::Default(default.to_owned()),
        };
    }
    if refers(text) {
        return EnvValue::Outside;
    }
    EnvValue::Literal(text.replace("$$", "$"))
}

/// A value in a file that expands nothing by itself.
pub(super) fn verbatim(text: &str) -> EnvValue {
    if text.is_empty() {
        return EnvValue::Empty;
    }
    if is_templated(text) {
        return templated(text);
    }
    EnvValue::Literal(text.to_owned())
}

/// The span of the default in `${NAME:-default}`, relative to `text`.
pub(super) fn default_of(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let name_end =
        inner.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    let operator = &inner[name_end..];
    let default = operator
        .strip_prefix(":-")
        .or_else(|| operator.strip_prefix('-'))?;
    // `${A:-${B}}` rests on B; `${A}-${B}` never was one expansion.
    if default.contains('}') && !default.contains("${") {
        return None;
    }
    match default.starts_with("${") {
        true => default_of(default).or(Some("")),
        false => Some(default),
    }
}

fn is_templated(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The name in text that is `$NAME` or `${NAME}` and nothing else.
pub(super) fn single_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let name = inner
        .strip_prefix('{')
        .map_or(Some(inner), |braced| braced.strip_suffix('}'))?;
    let named = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    named.then_some(name)
}

/// `{{ … }}`: a default that stands in it as a literal (`x | default("dev")` of Jinja and Helm,
/// `secrets.X || 'dev'` of GitHub), else from elsewhere.
fn templated(text: &str) -> EnvValue {
    let whole = text.trim();
    let one = whole.starts_with("{{") || whole.starts_with("${{");
    if !one || !whole.ends_with("}}") || whole.matches("}}").count() != 1 {
        return EnvValue::Outside;
    }
    let literal = ["default", "||", "d("]
        .iter()
        .find_map(|mark| quoted(whole.split_once(mark)?.1.trim_start_matches([' ', '('])));
    match literal {
        Some("") | None => EnvValue::Outside,
        Some(literal) => EnvValue::Default(literal.to_owned()),
    }
}

/// The text of the quoted literal that `text` begins with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|first| "\"'".contains(*first))?;
    text[1..].split_once(quote).map(|(literal, _)| literal)
}

/// Whether `$NAME`, `${NAME}`, `$(command)` or a backtick stands in it. `$$` is a dollar.
fn refers(text: &str) -> bool {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('$', Some('$')) => drop(characters.next()),
            ('$', Some(next)) if next.is_alphabetic() || "_{(".contains(*next) => return true,
            ('`', Some(_)) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        assert_eq!(expanded("1"), EnvValue::Literal("1".into()));
        assert_eq!(expanded(""), EnvValue::Empty);
        assert_eq!(expanded("${X:-dev}"), EnvValue::Default("dev".into()));
        assert_eq!(expanded("${X-dev}"), EnvValue::Default("dev".into()));
        assert_eq!(expanded("${X:-${Y:-dev}}"), EnvValue::Default("dev".into()));
        assert_eq!(expanded("${X:-${Y}}"), EnvValue::Outside);
        assert_eq!(expanded("${X:-}"), EnvValue::Outside);
        assert_eq!(expanded("${X:?needed}"), EnvValue::Outside);
        assert_eq!(expanded("${X}"), EnvValue::Outside);
        assert_eq!(expanded("redis://$HOST:1"), EnvValue::Outside);
        assert_eq!(expanded("$(openssl rand -hex 32)"), EnvValue::Outside);
        assert_eq!(expanded("{{ .Values.key }}"), EnvValue::Outside);
        assert_eq!(expanded("${{ secrets.KEY }}"), EnvValue::Outside);
        let jinja = "{{ key | default('dev') }}";
        assert_eq!(expanded(jinja), EnvValue::Default("dev".into()));
        let helm = "{{ .Values.key | default \"dev\" | quote }}";
        assert_eq!(expanded(helm), EnvValue::Default("dev".into()));
        let github = "${{ secrets.KEY || 'dev' }}";
        assert_eq!(expanded(github), EnvValue::Default("dev".into()));
        assert_eq!(
            expanded("{{ a }}-{{ b | default('x') }}"),
            EnvValue::Outside
        );
        assert_eq!(expanded("pa$$word"), EnvValue::Literal("pa$word".into()));
        assert_eq!(expanded("a$ b$"), EnvValue::Literal("a$ b$".into()));
        assert_eq!(verbatim("${X}"), EnvValue::Literal("${X}".into()));
        assert_eq!(verbatim("{{ x }}"), EnvValue::Outside);
    }
}
