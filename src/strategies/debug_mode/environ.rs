//! Code that sets Flask's variables for its own process: `os.environ["FLASK_DEBUG"] = "1"`.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::flask;
use super::reach::{Reach, of_location};
use crate::discover::Purpose;
use crate::finding::{Confidence, Edit, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::deployment::rules;
use crate::model::modules::ModuleId;
use crate::text::{Location, Span};

const NAMES: [&str; 3] = ["FLASK_DEBUG", "FLASK_ENV", "WERKZEUG_DEBUG_PIN"];

/// A variable that code sets, and the literal that it is set to.
struct Set {
    module: ModuleId,
    name: &'static str,
    value: String,
    literal: Location,
    statement: Location,
}

pub(super) fn findings(model: &Model, gain: &(Severity, String)) -> Vec<Finding> {
    let all = sets(model);
    let on = all.iter().filter(|set| turns_on(model, set));
    on.map(|set| finding(model, set, gain)).collect()
}

pub(super) fn remedy(model: &Model, finding: &Finding) -> Option<Patch> {
    let sets = sets(model);
    let set = sets
        .iter()
        .find(|set| set.statement == finding.location && set.name == finding.subject)?;
    let value = match set.name {
        "FLASK_DEBUG" => "0",
        "FLASK_ENV" => "production",
        _ => {
            let by_hand = format!("Do not set {} in {}.", set.name, set.statement.path);
            return Some(Patch::manual("Keep the debugger's PIN", vec![by_hand]));
        }
    };
    let title = format!("Set {}={value} in {}", set.name, set.statement.path);
    let patch = Patch::new(PatchKind::Review, title, "The code does not turn debug on")
        .edit(Edit::replace(&set.literal.path, set.literal.span, value))
        .may_break("Whoever starts this file to debug has to say so in the environment.")
        .follow_up(flask::local_debugging(model));
    Some(patch)
}

fn turns_on(model: &Model, set: &Set) -> bool {
    match set.name {
        "FLASK_DEBUG" => crate::model::deployment::flask_debug_on(&set.value),
        "FLASK_ENV" => flask::may_read_flask_env(model) && rules::flask_env_debug_on(&set.value),
        _ => set.value == "off",
    }
}

fn finding(model: &Model, set: &Set, (severity, gain): &(Severity, String)) -> Finding {
    let what = match set.name {
        "WERKZEUG_DEBUG_PIN" => "takes the PIN from Werkzeug's debugger",
        _ => "turns debug on",
    };
    let message = format!("The code sets {}, which {what}: {gain}", set.name);
    let at = set.statement.clone();
    let finding = Finding::new("debug-environment", at, *severity, message).subject(set.name);
    if model.modules.get(set.module).file.purpose == Purpose::Example {
        return finding.unreachable("It stands in an example.");
    }
    match of_location(model, set.module, &set.statement) {
        Reach::Started(_) => finding,
        Reach::Open => finding.confidence(Confidence::Medium),
        Reach::Not(because) => {
            let mut finding = finding.unreachable(&because);
            finding.severity = finding.severity.min(Severity::Low);
            finding
        }
    }
}

fn sets(model: &Model) -> Vec<Set> {
    let mut found = Vec::new();
    for (id, module) in model.modules.iter() {
        let text = module.file.text.as_str();
        let is_own = !matches!(module.file.purpose, Purpose::Test | Purpose::Vendored);
        if !is_own || !NAMES.iter().any(|name| text.contains(name)) {
            continue;
        }
        let mut finder = Finder {
            model,
            module: id,
            statement: Span::at(0),
            found: Vec::new(),
        };
        finder.visit_body(module.body());
        found.extend(finder.found);
    }
    found
}

struct Finder<'m> {
    model: &'m Model,
    module: ModuleId,
    statement: Span,
    found: Vec<Set>,
}

impl Finder<'_> {
    fn is_environ(&self, expr: &Expr) -> bool {
        let model = self.model;
        let name = model.names.qualify(&model.modules, self.module, expr);
        name.is_some_and(|name| name.is("os.environ"))
    }

    fn take(&mut self, name: &str, value: &Expr) {
        let (Some(name), Expr::StringLiteral(text)) =
            (NAMES.into_iter().find(|it| *it == name), value)
        else {
            return;
        };
        let module = self.model.modules.get(self.module);
        let [part] = text.value.as_slice() else {
            return;
        };
        let inner = part.content_range();
        self.found.push(Set {
            module: self.module,
            name,
            value: text.value.to_str().to_owned(),
            literal: module.location(inner),
            statement: module.location(self.statement),
        });
    }
}

impl<'m> SourceOrderVisitor<'m> for Finder<'m> {
    fn visit_stmt(&mut self, stmt: &'m Stmt) {
        self.statement = stmt.range().into();
        if let Stmt::Assign(assign) = stmt
            && let [Expr::Subscript(target)] = assign.targets.as_slice()
            && let Expr::StringLiteral(name) = &*target.slice
            && self.is_environ(&target.value)
        {
            self.take(name.value.to_str(), &assign.value);
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'m Expr) {
        if let Expr::Call(call) = expr
            && let Expr::Attribute(method) = &*call.func
            && self.is_environ(&method.value)
        {
            match (method.attr.as_str(), &*call.arguments.args) {
                ("setdefault", [Expr::StringLiteral(name), value]) => {
                    self.take(name.value.to_str(), value);
                }
                ("update", [Expr::Dict(dict)]) => {
                    for item in &dict.items {
                        if let Some(Expr::StringLiteral(name)) = &item.key {
                            self.take(name.value.to_str(), &item.value);
                        }
                    }
                }
                ("update", []) => {
                    for keyword in &call.arguments.keywords {
                        let name = keyword.arg.as_ref().map_or("", |name| name.as_str());
                        self.take(name, &keyword.value);
                    }
                }
                _ => {}
            }
        }
        walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::DebugEnvironment;
    use crate::strategies::testing;

    const APP: &str = "import os\nSET\nfrom flask import Flask\napp = Flask(__name__)\n\
                       if __name__ == '__main__':\n    app.run()\n";
    const DOCKER: (&str, &str) = ("Dockerfile", "FROM python\nCMD [\"python\", \"app.py\"]\n");

    fn found(set: &str) -> Vec<String> {
        let source = APP.replace("SET", set);
        testing::findings(&DebugEnvironment, &[("app.py", &source), DOCKER])
    }

    #[test]
    fn code_that_turns_debug_on_is_found() {
        for set in [
            "os.environ['FLASK_DEBUG'] = '1'",
            "os.environ.setdefault('FLASK_DEBUG', 'on')",
            "os.environ.update(FLASK_DEBUG='true')",
            "os.environ.update({'FLASK_ENV': 'development'})",
        ] {
            assert_eq!(found(set), ["app.py:2"], "{set}");
        }
        for set in [
            "os.environ['FLASK_DEBUG'] = '0'",
            "os.environ['DEBUG'] = '1'",
            "debug = os.environ['FLASK_DEBUG']",
            "options = {}\noptions['FLASK_DEBUG'] = '1'",
        ] {
            assert_eq!(found(set), Vec::<String>::new(), "{set}");
        }
    }

    #[test]
    fn only_the_literal_changes() {
        let source = APP.replace("SET", "os.environ['FLASK_DEBUG'] = '1'  # for now");
        let after = testing::apply(&DebugEnvironment, &[("app.py", &source), DOCKER], "app.py");
        assert_eq!(after, source.replace("'1'", "'0'"));
    }
}
