//! Rules of URLs, their parameters and converters.

use super::ModuleId;
use crate::text::{Location, Span};

/// One URL rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As written, without a blueprint's prefix; empty where it is not a constant.
    pub rule: String,
    /// Upper case; empty: Flask's default (GET).
    pub methods: Vec<String>,
    /// What answers, where it is of the repository.
    pub view: Option<View>,
    pub parameters: Vec<Parameter>,
    /// The decorator or the call.
    pub via: Location,
}

/// A view function, or a class with a method per HTTP method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub module: ModuleId,
    pub name: String,
    /// The whole definition.
    pub span: Span,
    pub is_class: bool,
}

/// `<converter:name>` in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// "string" where the rule names none.
    pub converter: String,
}

impl Parameter {
    /// Whether a client can put a text of its choice here. A `string` has no slash in it.
    pub fn is_free_text(&self) -> bool {
        !matches!(self.converter.as_str(), "int" | "float" | "uuid" | "any")
    }
}

/// The parameters of `rule`, in order.
pub(super) fn parameters(rule: &str) -> Vec<Parameter> {
    let mut found = Vec::new();
    let mut rest = rule;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((inside, behind)) = after.split_once('>') else {
            break;
        };
        let (converter, name) = inside.rsplit_once(':').unwrap_or(("string", inside));
        let converter = converter.split('(').next().unwrap_or(converter);
        found.push(Parameter {
            name: name.trim().to_owned(),
            converter: converter.trim().to_owned(),
        });
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_parameters_with_converters() {
        let found = parameters("/a/<int:id>/<name>/<any(x, y):kind>/<path:rest>");
        let shown: Vec<_> = found
            .iter()
            .map(|it| format!("{}:{}", it.converter, it.name))
            .collect();
        assert_eq!(shown, ["int:id", "string:name", "any:kind", "path:rest"]);
        assert!(!found[0].is_free_text());
        assert!(found[3].is_free_text());
        assert!(parameters("/a < b").is_empty());
    }
}
