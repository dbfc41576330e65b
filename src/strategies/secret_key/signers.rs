//! Literals that sign tokens by themselves, beside the application's keys.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged as _;

use super::{keys, masks};
use crate::discover::Purpose;
use crate::finding::{Finding, Patch, Severity};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::names::BindingKind;
use crate::text::Location;

pub(super) const SUBJECT: &str = "signer";

/// What signs or checks: the callee, and its key's name and position (itsdangerous 1.1 to 2.2,
/// PyJWT 2).
const SIGNERS: &[(&str, &str, usize)] = &[
    ("itsdangerous.Signer", "secret_key", 0),
    ("itsdangerous.TimestampSigner", "secret_key", 0),
    ("itsdangerous.Serializer", "secret_key", 0),
    ("itsdangerous.TimedSerializer", "secret_key", 0),
    ("itsdangerous.URLSafeSerializer", "secret_key", 0),
    ("itsdangerous.URLSafeTimedSerializer", "secret_key", 0),
    ("itsdangerous.JSONWebSignatureSerializer", "secret_key", 0),
    (
        "itsdangerous.TimedJSONWebSignatureSerializer",
        "secret_key",
        0,
    ),
    ("jwt.encode", "key", 1),
    ("jwt.decode", "key", 1),
];

pub(super) fn findings(model: &Model) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (callee, name, position) in SIGNERS {
        for site in model.calls.of(callee) {
            let found = literal(model, site, name, *position);
            let Some((literal, value)) = found else {
                continue;
            };
            let purpose = model.modules.get(site.module).file.purpose;
            if matches!(purpose, Purpose::Test | Purpose::Vendored) {
                continue;
            }
            let finding = finding(model, site, callee, &literal, &value);
            findings.push(match purpose {
                Purpose::Example => finding.unreachable("It stands in an example."),
                _ => finding,
            });
        }
    }
    findings
}

/// The key's literal, through one name, and its text.
fn literal(
    model: &Model,
    site: &CallSite,
    name: &str,
    position: usize,
) -> Option<(Location, String)> {
    let call = site.call(&model.modules)?;
    let key = call.arguments.find_argument_value(name, position)?;
    let module = model.modules.get(site.module);
    if let Some(text) = text_of(key) {
        return Some((module.location(key.range()), text));
    }
    let found = model.names.qualify(&model.modules, site.module, key)?;
    let definition = model.names.definition(&found)?;
    let BindingKind::Value(span) = definition.binding.kind else {
        return None;
    };
    let home = model.modules.get(definition.module);
    let text = text_of(home.expression_at(span)?)?;
    Some((home.location(span), text))
}

fn text_of(expr: &Expr) -> Option<String> {
    let text = match expr {
        Expr::StringLiteral(text) => text.value.to_str().to_owned(),
        Expr::BytesLiteral(bytes) => {
            let bytes: Vec<u8> = bytes.value.bytes().collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn finding(
    model: &Model,
    site: &CallSite,
    callee: &str,
    literal: &Location,
    value: &str,
) -> Finding {
    let message = format!(
        "The key of {callee} is written in the code (fingerprint {}): whoever reads it can make \
         tokens that the app accepts.",
        keys::mark(value)
    );
    let at = site.location.clone();
    let finding =
        Finding::new("secret-key-hardcoded", at, Severity::High, message).subject(SUBJECT);
    let secrets = masks::texts_of(model, literal, value);
    secrets.into_iter().fold(finding, Finding::secret)
}

pub(super) fn remedy() -> Patch {
    Patch::manual(
        "Sign tokens with a key from the configuration",
        vec![
            "Pass current_app.config[\"SECRET_KEY\"], or a key of its own from the environment, \
             where the literal stands: tokens that are on their way end then."
                .into(),
        ],
    )
}
