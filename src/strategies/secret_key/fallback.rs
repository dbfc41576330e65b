//! `secret-key-fallback`: no literal stands behind the environment.

use ruff_python_ast::{AnyNodeRef, Expr};
use ruff_text_size::Ranged as _;

use super::keys::{self, Kind};
use super::sightings::{self, Sighting, SourceOf};
use super::{checks, report, signers, surroundings, volatile};
use crate::finding::{Edit, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::config::{Literal, Value};
use crate::parse::python::Module;
use crate::strategies::strategy::SECRET_KEY;
use crate::strategies::{About, Answers, Control};
use crate::text::Span;

pub struct SecretKeyFallback;

static ABOUT: About = About {
    id: "secret-key-fallback",
    title: "No literal key stands behind the environment",
    strategy: &SECRET_KEY,
    threats: &["session-hijacking", "csrf", "data-tampering"],
    severity: Severity::Critical,
    page: include_str!("../../../assets/controls/secret-key-fallback.md"),
};

impl Control for SecretKeyFallback {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        let mut findings: Vec<Finding> = of_control(model).map(|it| finding(model, &it)).collect();
        findings.extend(signers::findings(model, signers::Which::Default));
        let evidence = volatile::reads(model);
        if findings.is_empty() && evidence.is_empty() {
            return Verdict::not_applicable("no key is read from the environment");
        }
        Verdict::from_findings(findings, evidence)
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let found = of_control(model)
            .find(|it| it.statement == finding.location && it.key == finding.subject);
        match found {
            Some(sighting) => match sighting.source {
                SourceOf::Code(_) => in_code(model, &sighting, answers),
                SourceOf::Deployment(_) => report::outside_instead(model, &sighting),
            },
            None if finding.subject == signers::SUBJECT => signers::remedy(model, finding),
            None => Patch::manual("Take the default away", Vec::new()),
        }
    }
}

fn of_control(model: &Model) -> impl Iterator<Item = Sighting<'_>> {
    let all = sightings::all(model).into_iter();
    all.filter(|sighting| sighting.is_fallback)
}

/// Where every production start sets the variable, the default is a trap and not a door.
fn finding(model: &Model, sighting: &Sighting<'_>) -> Finding {
    let variable = match sighting.source {
        SourceOf::Code(write) => match &write.value {
            Value::Env(read) => read.name.as_str(),
            _ => sighting.key,
        },
        SourceOf::Deployment(setting) => setting.name.as_str(),
    };
    let what = format!("is a public text wherever {variable} is not set");
    let mut finding = report::finding(ABOUT.id, sighting, &what);
    let is_deployment = matches!(sighting.source, SourceOf::Deployment(_));
    let mut set = model.deployment.production_settings(variable);
    let is_set = set.any(|setting| setting.location != sighting.literal);
    finding.severity = finding.severity.min(match is_set && !is_deployment {
        true => Severity::Medium,
        false => Severity::High,
    });
    finding
}

/// The default goes, or stays for declared development where that can be told from its length.
fn in_code(model: &Model, sighting: &Sighting<'_>, answers: &Answers) -> Patch {
    let Some(kept) = kept_for_development(model, sighting) else {
        return without_default(model, sighting);
    };
    let answer = answers.or(DEVELOPMENT, "drop");
    let patch = match answer {
        "keep" => kept,
        _ => without_default(model, sighting),
    };
    patch.option(RemedyOption {
        key: DEVELOPMENT,
        question: "Does the default go, or is it kept where FLASK_ENV declares development?".into(),
        choices: vec!["drop".into(), "keep".into()],
        value: answer.into(),
    })
}

const DEVELOPMENT: &str = "secret-key-fallback.development";

/// Whether the answers keep a default of `key` for declared development: the other patches of
/// the key leave it to this one then.
pub(super) fn keeps(model: &Model, answers: &Answers, key: &str) -> bool {
    let has_default = |value: &Value| match value {
        Value::Env(read) => read.default.as_ref().is_some_and(Literal::is_truthy),
        Value::Choice { .. } => value.leaves().iter().any(|leaf| leaf.known().is_some()),
        _ => false,
    };
    let mut writes = model.configuration.writes(key);
    answers.get(DEVELOPMENT) == Some("keep") && writes.any(|write| has_default(&write.value))
}

/// A default that is too short for the check at start, which declared development goes without.
fn kept_for_development(model: &Model, sighting: &Sighting<'_>) -> Option<Patch> {
    let key = sighting.key;
    let is_short = sighting.value.chars().count() < keys::MIN_LENGTH;
    if !is_short || keys::kind(key) != Kind::Key {
        return None;
    }
    let app = report::app_of(model, sighting)?;
    let check = checks::add_outside_development(model, app, key)?;
    let mut patch = Patch::new(
        PatchKind::Review,
        format!("Keep the default of {key} to declared development"),
        format!(
            "Without {key} the app starts only where FLASK_ENV is development; elsewhere the \
             default is refused"
        ),
    )
    .edits(check)
    .may_break(format!(
        "Every place that starts the app has to provide {key}, or to declare development with \
         FLASK_ENV=development."
    ))
    .edits(surroundings::for_tests(model, Some(app), key, key))
    .edits(surroundings::for_dotenv(model, key))
    .follow_up("For local work put FLASK_ENV=development into your untracked .env file.");
    for follow_up in report::follow_ups(model, sighting).into_iter().take(1) {
        patch = patch.follow_up(follow_up);
    }
    Some(patch)
}

fn without_default(model: &Model, sighting: &Sighting<'_>) -> Patch {
    let key = sighting.key;
    let title = format!("Take the default of {key} away and check it at start");
    let Some(module) = model.modules.by_path(sighting.path()) else {
        return Patch::manual(title, report::follow_ups(model, sighting));
    };
    let tree = model.modules.get(module);
    let span = sighting.literal.span;
    let SourceOf::Code(write) = sighting.source else {
        return Patch::manual(title, report::follow_ups(model, sighting));
    };
    let edit = match &write.value {
        // A default, written or kept under `else`, is nothing: the check at start refuses it.
        Value::Known(_) if write.is_default => return report::read_instead(model, sighting),
        Value::Known(_) => Some(Edit::replace(sighting.path(), span, "None")),
        Value::Env(_) if let Some(statement) = sets_the_environment(tree, span) => {
            Some(Edit::replace(sighting.path(), statement, ""))
        }
        // `secret_key: str = "x"` of pydantic's settings: without a default it is required.
        Value::Env(_) if let Some(default) = of_a_field(tree, span) => {
            Some(Edit::replace(sighting.path(), default, ""))
        }
        Value::Env(_) => surroundings::default_with_comma(tree, span)
            .map(|span| Edit::replace(sighting.path(), span, "")),
        _ => match surroundings::default_with_comma(tree, span) {
            Some(span) => Some(Edit::replace(sighting.path(), span, "")),
            None if tree.source(span).starts_with(['"', '\'']) => {
                Some(Edit::replace(sighting.path(), span, "None"))
            }
            None => None,
        },
    };
    let app = report::app_of(model, sighting);
    match edit {
        Some(edit) => report::with_surroundings(model, sighting, app, title, vec![edit]),
        None => Patch::manual(title, report::follow_ups(model, sighting)),
    }
}

/// The lines of `os.environ.setdefault("NAME", "x")`, of which `literal` is the default.
pub(super) fn sets_the_environment(tree: &Module, literal: Span) -> Option<Span> {
    let ancestors = tree.ancestors(literal);
    let statement = ancestors.iter().rev().find_map(|node| match node {
        AnyNodeRef::StmtExpr(stmt) => Some(*stmt),
        _ => None,
    })?;
    let Expr::Call(call) = &*statement.value else {
        return None;
    };
    let is_it = tree
        .source(call.func.range())
        .ends_with("environ.setdefault");
    let text = &tree.file.text;
    let span = Span::from(statement.range);
    let start = text.line_start(text.line_of(span.start));
    is_it.then(|| Span::new(start, text.next_line_start(span.end)))
}

/// From the annotation to the end of the default.
fn of_a_field(tree: &Module, literal: Span) -> Option<Span> {
    let ancestors = tree.ancestors(literal);
    ancestors.iter().rev().find_map(|node| match node {
        AnyNodeRef::StmtAnnAssign(assign) => {
            let value = assign.value.as_deref()?;
            let end = assign.annotation.range().end().to_usize();
            (Span::from(value.range()) == literal).then(|| Span::new(end, literal.end))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing;

    const HEAD: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n";

    fn found(rest: &str) -> usize {
        testing::findings(&SecretKeyFallback, &[("app.py", &format!("{HEAD}{rest}"))]).len()
    }

    fn patched(rest: &str) -> String {
        let source = format!("{HEAD}{rest}");
        let text = testing::apply(&SecretKeyFallback, &[("app.py", &source)], "app.py");
        let rest = text.strip_prefix(HEAD).unwrap_or(&text);
        rest.split_once("if len(")
            .map_or(rest, |(rest, _)| rest)
            .to_owned()
    }

    #[test]
    fn the_key_of_a_signer_loses_its_default() {
        let before = "import jwt\nK = os.environ.get('JWT_KEY') or 'x7'\ndef f(p):\n    return jwt.encode(p, K)\n";
        let after =
            "import jwt\nK = os.environ['JWT_KEY']\ndef f(p):\n    return jwt.encode(p, K)\n";
        assert_eq!(patched(before), after);
    }

    #[test]
    fn every_fallback_is_found() {
        for source in [
            "app.secret_key = os.environ.get('SECRET_KEY', 'x7')\n",
            "app.secret_key = os.getenv('SECRET_KEY', default='x7')\n",
            "app.secret_key = os.environ.get('SECRET_KEY') or 'x7'\n",
            "app.secret_key = os.environ['K'] if 'K' in os.environ else 'x7'\n",
            "app.config.setdefault('SECRET_KEY', 'x7')\n",
            "import jwt\nK = os.environ.get('JWT_KEY') or 'x7'\ndef f(p):\n    return jwt.encode(p, K)\n",
            "import jwt\ndef f(p):\n    return jwt.encode(p, os.getenv('JWT_KEY', 'x7'))\n",
            "if 'K' in os.environ:\n    app.secret_key = os.environ['K']\nelse:\n    app.secret_key = 'x7'\n",
            "try:\n    k = os.environ['K']\nexcept KeyError:\n    k = 'x7'\napp.secret_key = k\n",
        ] {
            assert_eq!(found(source), 1, "{source}");
        }
        for source in [
            "app.secret_key = os.environ.get('SECRET_KEY')\n",
            "app.secret_key = os.environ.get('SECRET_KEY', '')\n",
            "app.secret_key = os.environ.get('SECRET_KEY') or os.environ['K']\n",
            "app.secret_key = 'x7'\n",
            "SECRET_KEY = os.getenv('SECRET_KEY', 'x7')\nif SECRET_KEY == 'x7' and not app.debug:\n    \
             raise RuntimeError('no key')\napp.config['SECRET_KEY'] = SECRET_KEY\n",
        ] {
            assert_eq!(found(source), 0, "{source}");
        }
    }

    #[test]
    fn the_default_goes() {
        for (before, after) in [
            (
                "app.secret_key = os.environ.get('SECRET_KEY', 'x7')\n",
                "app.secret_key = os.environ.get('SECRET_KEY')\n",
            ),
            (
                "app.secret_key = os.getenv('SECRET_KEY', default='x7')\n",
                "app.secret_key = os.getenv('SECRET_KEY')\n",
            ),
            (
                "app.secret_key = os.environ.get('SECRET_KEY') or 'x7'\n",
                "app.secret_key = os.environ.get('SECRET_KEY')\n",
            ),
            (
                "app.secret_key = os.environ['K'] if 'K' in os.environ else 'x7'\n",
                "app.secret_key = os.environ['K'] if 'K' in os.environ else None\n",
            ),
        ] {
            assert_eq!(patched(before), after);
        }
    }

    #[test]
    fn a_default_can_be_kept_for_development() {
        let source =
            format!("{HEAD}app.config['SECRET_KEY'] = os.environ.get('SECRET_KEY', 'dev')\n");
        let texts = [("app.py", source.as_str())];
        let model = testing::model(&texts);
        let verdict = SecretKeyFallback.check(&model);
        let mut answers = Answers::default();
        answers.set(DEVELOPMENT, "keep");
        let patch = SecretKeyFallback.remedy(&model, &verdict.findings()[0], &answers);
        let composed = crate::patch::compose(&model, &[&patch]).unwrap();
        let text = &composed.texts["app.py"].text;
        let check = "if os.environ.get('FLASK_ENV') != 'development':\n    if len(app.config['SECRET_KEY'] or '') < 32:\n        raise RuntimeError(";
        assert!(text.contains(check), "{text}");
        assert!(
            text.contains("os.environ.get('SECRET_KEY', 'dev')"),
            "{text}"
        );
        assert!(testing::findings(&SecretKeyFallback, &[("app.py", text)]).is_empty());
    }

    #[test]
    fn a_long_default_has_to_go() {
        let long = "a-default-that-no-length-could-ever-tell-from-a-key";
        let source = format!("{HEAD}app.secret_key = os.environ.get('SECRET_KEY', '{long}')\n");
        let patch = testing::patch(&SecretKeyFallback, &[("app.py", &source)]);
        assert!(patch.options.is_empty());
    }
}
