//! Makefiles: variables, targets and the shell text of their recipes.

use super::mapped::Mapped;
use crate::text::Span;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Makefile {
    pub variables: Vec<Variable>,
    pub targets: Vec<Target>,
    /// `export` alone or `.EXPORT_ALL_VARIABLES`: recipes see every variable.
    pub exports_all: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub value: String,
    pub value_span: Span,
    pub span: Span,
    /// `?=`: the environment wins.
    pub is_default: bool,
    pub exported: bool,
    /// `target: NAME = value`.
    pub target: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub names: Vec<String>,
    pub span: Span,
    /// The lines of the recipe, continuations joined, `@` and `-` in front left out. A shell
    /// reads each.
    pub recipe: Vec<Mapped>,
}

impl Makefile {
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut at = 0;
        let mut in_recipe = false;
        while at < text.len() {
            let (line, next) = logical_line(text, at);
            if in_recipe && text[at..].starts_with('\t') {
                file.recipe_line(&line);
            } else if !line.as_str().trim().is_empty() && !line.as_str().trim().starts_with('#') {
                in_recipe = file.definition(&line);
            }
            at = next;
        }
        file
    }

    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.names.iter().any(|known| known == name))
    }

    fn recipe_line(&mut self, line: &Mapped) {
        let text = line.as_str();
        let body = text.trim_start_matches(['\t', ' ', '@', '-', '+']);
        let part = line.part(Span::new(text.len() - body.len(), text.len()));
        if let Some(target) = self.targets.last_mut().filter(|_| !part.is_empty()) {
            target.recipe.push(part);
        }
    }

    /// A variable or a rule; says whether recipe lines may follow.
    fn definition(&mut self, line: &Mapped) -> bool {
        let text = line.as_str().trim_end();
        let body = text.trim_start();
        if body == "export" || body.starts_with(".EXPORT_ALL_VARIABLES") {
            self.exports_all = true;
            return false;
        }
        let start = text.len() - body.len();
        if let Some(variable) = variable(line, start, text.len(), None) {
            self.variables.push(variable);
            return false;
        }
        let Some((names, rest)) = body.split_once(':') else {
            // `ifeq`, `include` and the like do not end a rule's recipe.
            return !self.targets.is_empty();
        };
        let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        let behind = text.len() - rest.trim_start_matches(':').trim_start().len();
        if let Some(variable) = variable(line, behind, text.len(), names.first()) {
            self.variables.push(variable);
            return true;
        }
        self.targets.push(Target {
            names,
            span: line.source(Span::new(start, text.len())),
            recipe: inline_recipe(line, behind, text.len())
                .into_iter()
                .collect(),
        });
        true
    }
}

/// `target: prerequisites ; command`.
fn inline_recipe(line: &Mapped, from: usize, end: usize) -> Option<Mapped> {
    let text = line.as_str().get(from..end)?;
    let at = from + text.find(';')? + 1;
    let body = line
        .as_str()
        .get(at..end)?
        .trim_start_matches([' ', '\t', '@', '-', '+']);
    (!body.is_empty()).then(|| line.part(Span::new(end - body.len(), end)))
}

fn variable(line: &Mapped, from: usize, end: usize, target: Option<&String>) -> Option<Variable> {
    let body = line.as_str().get(from..end)?;
    let exported = body.strip_prefix("export ").map(str::trim_start);
    let definition = exported.unwrap_or(body);
    let equals = definition.find('=')?;
    let (name, operator) = ["::", "?", ":", "+", "!", ""]
        .into_iter()
        .find_map(|mark| Some((definition[..equals].strip_suffix(mark)?, mark)))?;
    let name = name.trim();
    let allowed = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    if name.is_empty() || !name.chars().all(allowed) {
        return None;
    }
    let value = definition[equals + 1..].trim();
    let value = value.find(" #").map_or(value, |at| value[..at].trim_end());
    let behind = end - definition.len() + equals + 1;
    let blanks = definition[equals + 1..].len() - definition[equals + 1..].trim_start().len();
    let value_start = behind + blanks;
    let value_span = Span::new(value_start, value_start + value.len());
    Some(Variable {
        name: name.to_owned(),
        value: value.to_owned(),
        value_span: line.source(value_span),
        span: line.source(Span::new(from, value_span.end)),
        is_default: operator == "?",
        exported: exported.is_some(),
        target: target.cloned(),
    })
}

/// The line at `at` with its continuations, and the offset of the line behind it.
fn logical_line(text: &str, at: usize) -> (Mapped, usize) {
    let mut line = Mapped::default();
    let mut at = at;
    while at < text.len() {
        let rest = &text[at..];
        let len = rest.find('\n').map_or(rest.len(), |len| len + 1);
        let body = rest[..len].trim_end_matches(['\n', '\r']);
        let continued = body.strip_suffix('\\');
        line.push(continued.unwrap_or(body), at);
        at += len;
        if continued.is_none() {
            break;
        }
    }
    (line, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_targets_and_recipes() {
        let text = "PORT ?= 5000 # port\nexport FLASK_DEBUG=1\nA:=b\n\n.PHONY: run\nrun dev: deps ## Start\n\t@echo hi\n\n\tFLASK_DEBUG=1 flask run \\\n\t  --port $(PORT)\nprod: export FLASK_ENV=production\nprod:\n\t-gunicorn app:app\nx: ; flask run\nifeq (a,b)\nendif\n";
        let file = Makefile::parse(text);
        let variables: Vec<_> = file
            .variables
            .iter()
            .map(|it| {
                (
                    it.name.as_str(),
                    it.value.as_str(),
                    it.exported,
                    it.is_default,
                )
            })
            .collect();
        assert_eq!(
            variables,
            [
                ("PORT", "5000", false, true),
                ("FLASK_DEBUG", "1", true, false),
                ("A", "b", false, false),
                ("FLASK_ENV", "production", true, false)
            ]
        );
        assert_eq!(file.variables[3].target.as_deref(), Some("prod"));
        let span = file.variables[1].value_span;
        assert_eq!(&text[span.start..span.end], "1");
        let run = file.target("dev").unwrap();
        assert_eq!(run.recipe.len(), 2);
        assert_eq!(run.recipe[0].as_str(), "echo hi");
        assert!(
            run.recipe[1]
                .as_str()
                .starts_with("FLASK_DEBUG=1 flask run")
        );
        assert!(run.recipe[1].as_str().ends_with("--port $(PORT)"));
        assert_eq!(
            file.target("prod").unwrap().recipe[0].as_str(),
            "gunicorn app:app"
        );
        assert_eq!(file.target("x").unwrap().recipe[0].as_str(), "flask run");
    }

    #[test]
    fn a_url_in_a_recipe_is_no_target() {
        let file = Makefile::parse("a:\n\tcurl http://x/y?z=1\n");
        assert_eq!(file.targets.len(), 1);
        assert!(file.variables.is_empty());
        assert_eq!(file.targets[0].recipe.len(), 1);
    }

    #[test]
    fn broken_files_are_read_all_the_same() {
        for text in [
            "", ":", "=", "\t", "a:\\", "export", "a: b = c", "\\\n\\\n", "?=", "a::=1",
        ] {
            let _ = Makefile::parse(text);
        }
    }
}
