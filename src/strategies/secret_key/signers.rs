//! Literals that sign tokens by themselves, beside the application's keys.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::{keys, masks, report, sightings, surroundings};
use crate::discover::Purpose;
use crate::edit::{config, imports};
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::names::BindingKind;
use crate::text::{Location, Span};

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
    let found = all(model).into_iter();
    found.map(|signer| finding(model, &signer)).collect()
}

/// A call that signs or checks with a key from the code.
struct Signer<'m> {
    site: &'m CallSite,
    callee: &'static str,
    /// The literal's expression.
    literal: Location,
    value: String,
    purpose: Purpose,
}

fn all(model: &Model) -> Vec<Signer<'_>> {
    let mut found: Vec<Signer<'_>> = Vec::new();
    for (callee, name, position) in SIGNERS {
        for site in model.calls.of(callee) {
            let Some((literal, value)) = literal(model, site, name, *position) else {
                continue;
            };
            let purpose = model.modules.get(site.module).file.purpose;
            if matches!(purpose, Purpose::Test | Purpose::Vendored) || is_public(&value) {
                continue;
            }
            found.push(Signer {
                site,
                callee,
                literal,
                value,
                purpose,
            });
        }
    }
    found
}

/// What everybody may know: it checks signatures and makes none.
fn is_public(value: &str) -> bool {
    value.contains("BEGIN PUBLIC KEY")
        || value.contains("BEGIN RSA PUBLIC KEY")
        || value.contains("BEGIN CERTIFICATE")
        || value.starts_with("ssh-")
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

fn finding(model: &Model, signer: &Signer<'_>) -> Finding {
    let message = format!(
        "The key of {} is written in the code (fingerprint {}): whoever reads it can make tokens \
         that the app accepts.",
        signer.callee,
        keys::mark(&signer.value)
    );
    let at = signer.site.location.clone();
    let finding =
        Finding::new("secret-key-hardcoded", at, Severity::High, message).subject(SUBJECT);
    let secrets = masks::texts_of(model, &signer.literal, &signer.value);
    let finding = secrets.into_iter().fold(finding, Finding::secret);
    match signer.purpose {
        Purpose::Example => finding.unreachable("It stands in an example."),
        _ => finding,
    }
}

pub(super) fn remedy(model: &Model, finding: &Finding) -> Patch {
    let title = "Sign tokens with a key from the environment";
    let signers = all(model);
    let signer = signers
        .iter()
        .find(|it| it.site.location == finding.location);
    let found = signer.and_then(|signer| {
        let home = model.modules.by_path(&signer.literal.path)?;
        Some((signer, home, variable_of(model, &signers, signer)?))
    });
    let Some((signer, home, variable)) = found else {
        let by_hand = "Pass current_app.config[\"SECRET_KEY\"], or a key of its own from the \
                       environment, where the literal stands: tokens that are on their way end \
                       then.";
        return Patch::manual(title, vec![by_hand.into()]);
    };
    let module = model.modules.get(home);
    let span = signer.literal.span;
    let (os, import) = imports::module_for(model, home, span.start, "os");
    let is_bytes = module.source(span).starts_with(['b', 'B']);
    let encoded = if is_bytes { ".encode()" } else { "" };
    let text = format!("{os}.environ[\"{variable}\"]{encoded}");
    let text = config::requoted(module, &text);
    let app = model.apps.nearest(module.path());
    let mut patch = Patch::new(
        PatchKind::Review,
        title,
        "No file holds the key that signs tokens",
    )
    .edit(Edit::replace(module.path(), span, text))
    .edits(import)
    .edits(surroundings::for_tests(model, app, &variable, &variable))
    .edits(surroundings::for_dotenv(model, &variable))
    .may_break("Tokens that are on their way end with the old key.")
    .may_break(format!(
        "Every place that starts the app has to provide {variable} from now on."
    ));
    for follow_up in report::words(model, &variable, &variable) {
        patch = patch.follow_up(follow_up);
    }
    patch
}

/// The variable that the key is read from: called after the constant that holds it, or after
/// what it signs. Nothing where another key goes by that name.
fn variable_of(model: &Model, signers: &[Signer<'_>], signer: &Signer<'_>) -> Option<String> {
    let home = model.modules.by_path(&signer.literal.path)?;
    let module = model.modules.get(home);
    let constant = module
        .statement_at(signer.literal.span)
        .and_then(|stmt| match stmt {
            Stmt::Assign(assign) => match (&*assign.targets, Span::from(assign.value.range())) {
                ([Expr::Name(name)], value) if value == signer.literal.span => Some(&name.id),
                _ => None,
            },
            _ => None,
        });
    let name = match (constant, signer.callee.starts_with("jwt.")) {
        (Some(constant), _) => constant.to_ascii_uppercase(),
        (None, true) => "JWT_SECRET_KEY".to_owned(),
        (None, false) => "TOKEN_SECRET_KEY".to_owned(),
    };
    let of_another = sightings::all(model)
        .iter()
        .any(|it| it.key == name && it.value != signer.value);
    let is_read = model.configuration.all().any(|write| {
        let leaves = write.value.leaves();
        let mut reads = leaves.iter().filter_map(|leaf| leaf.env());
        reads.any(|read| read.name == name)
    });
    // Two different keys of one kind: which is which is for a person to name.
    let family = signer.callee.starts_with("jwt.");
    let mut rivals = signers.iter().filter(|other| {
        constant.is_none()
            && other.callee.starts_with("jwt.") == family
            && other.literal.path == signer.literal.path
    });
    let is_ambiguous = rivals.any(|other| other.value != signer.value);
    (!of_another && !is_read && !is_ambiguous).then_some(name)
}

#[cfg(test)]
mod tests {
    use crate::strategies::secret_key::hardcoded::SecretKeyHardcoded;
    use crate::strategies::testing;

    const HEAD: &str = "from flask import Flask\nimport jwt\nfrom itsdangerous import Signer\n\napp = Flask(__name__)\n";

    #[test]
    fn keys_of_signers_come_from_the_environment() {
        for (before, after) in [
            (
                "KEY = 'x7'\ns = Signer(KEY)\n",
                "KEY = os.environ['KEY']\ns = Signer(KEY)\n",
            ),
            (
                "s = Signer(b'x7', salt='a')\n",
                "s = Signer(os.environ['TOKEN_SECRET_KEY'].encode(), salt='a')\n",
            ),
            (
                "def f(p):\n    return jwt.encode(p, 'x7', algorithm='HS256')\n",
                "def f(p):\n    return jwt.encode(p, os.environ['JWT_SECRET_KEY'], algorithm='HS256')\n",
            ),
        ] {
            let source = format!("{HEAD}{before}");
            let text = testing::apply(&SecretKeyHardcoded, &[("app.py", &source)], "app.py");
            assert!(text.ends_with(after), "{text}");
        }
    }

    #[test]
    fn public_keys_are_no_secrets() {
        let pem = "-----BEGIN PUBLIC KEY-----\\nx\\n-----END PUBLIC KEY-----";
        let source = format!(
            "{HEAD}P = '{pem}'\ndef f(t):\n    return jwt.decode(t, P, algorithms=['RS256'])\n"
        );
        let found = testing::findings(&SecretKeyHardcoded, &[("app.py", &source)]);
        assert_eq!(found, Vec::<String>::new());
    }
}
