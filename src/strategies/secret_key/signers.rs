//! Literals that sign tokens by themselves, beside the application's keys.

use ruff_python_ast::{BoolOp, Expr, Stmt};
use ruff_text_size::Ranged as _;

use super::{keys, masks, report, sightings, surroundings};
use crate::discover::Purpose;
use crate::edit::{config, imports};
use crate::finding::{Edit, Finding, Patch, PatchKind, Severity};
use crate::model::Model;
use crate::model::calls::CallSite;
use crate::model::config::{Environment, Literal, Value, Write};
use crate::model::modules::ModuleId;
use crate::model::names::BindingKind;
use crate::parse::python::Module;
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

/// How many names and settings are followed to a literal.
const MAX_DEPTH: usize = 4;

/// Where keys are told from defaults behind the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Written,
    Default,
}

pub(super) fn findings(model: &Model, which: Which) -> Vec<Finding> {
    let found = all(model).into_iter();
    found
        .filter(|signer| signer.key.variable.is_empty() == (which == Which::Written))
        .map(|signer| finding(model, &signer))
        .collect()
}

/// A literal that is, or may be, the key of a signer.
#[derive(Debug, Clone)]
struct KeyText {
    literal: Location,
    /// What stands in its place: the literal, or the expression whose default it is.
    whole: Location,
    value: String,
    /// The environment variable that comes first; empty where none does.
    variable: String,
    /// The setting that holds it; empty where none does.
    setting: String,
}

/// A call that signs or checks with a key from the code.
struct Signer<'m> {
    site: &'m CallSite,
    callee: &'static str,
    key: KeyText,
    purpose: Purpose,
}

/// Every literal once, with the first call that signs with it; those aside that are reported
/// as the application's own keys.
fn all(model: &Model) -> Vec<Signer<'_>> {
    let mut found: Vec<Signer<'_>> = Vec::new();
    for (callee, name, position) in SIGNERS {
        for site in model.calls.of(callee) {
            let purpose = model.modules.get(site.module).file.purpose;
            if matches!(purpose, Purpose::Test | Purpose::Vendored) {
                continue;
            }
            let call = site.call(&model.modules);
            let key = call.and_then(|it| it.arguments.find_argument_value(name, *position));
            let Some(key) = key else {
                continue;
            };
            let texts = texts(model, site.module, key, MAX_DEPTH).into_iter();
            for key in texts.filter(|key| !is_public(&key.value)) {
                if !found.iter().any(|it| it.key.literal == key.literal) {
                    found.push(Signer {
                        site,
                        callee,
                        key,
                        purpose,
                    });
                }
            }
        }
    }
    if !found.is_empty() {
        let own = sightings::all(model);
        found.retain(|it| !own.iter().any(|own| own.literal == it.key.literal));
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

/// The literals that `expr` may stand for.
fn texts(model: &Model, home: ModuleId, expr: &Expr, depth: usize) -> Vec<KeyText> {
    let module = model.modules.get(home);
    if let Some(value) = text_of(expr) {
        let literal = module.location(expr.range());
        return vec![KeyText {
            whole: literal.clone(),
            literal,
            value,
            variable: String::new(),
            setting: String::new(),
        }];
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Vec::new();
    };
    match expr {
        Expr::BoolOp(either) if either.op == BoolOp::Or => {
            let variable = either.values.iter().find_map(|it| read(model, home, it));
            let Some((variable, _)) = variable else {
                return Vec::new();
            };
            let last = either.values.last().and_then(|it| Some((it, text_of(it)?)));
            last.map(|(literal, value)| default(module, expr, literal, value, &variable))
                .into_iter()
                .collect()
        }
        Expr::Call(_) => read(model, home, expr)
            .and_then(|(variable, literal)| {
                let literal = literal?;
                Some(default(module, expr, literal, text_of(literal)?, &variable))
            })
            .into_iter()
            .collect(),
        Expr::If(choice) => [&choice.body, &choice.orelse]
            .into_iter()
            .flat_map(|it| texts(model, home, it, depth))
            .collect(),
        Expr::Subscript(subscript) => setting(model, &subscript.value, &subscript.slice),
        _ => named(model, home, expr, depth),
    }
}

fn default(module: &Module, whole: &Expr, literal: &Expr, value: String, name: &str) -> KeyText {
    KeyText {
        literal: module.location(literal.range()),
        whole: module.location(whole.range()),
        value,
        variable: name.to_owned(),
        setting: String::new(),
    }
}

/// The variable that `os.environ.get(name, default)` reads, and its default.
fn read<'m>(model: &Model, home: ModuleId, expr: &'m Expr) -> Option<(String, Option<&'m Expr>)> {
    let Expr::Call(call) = expr else {
        return None;
    };
    let callee = model.names.callee(&model.modules, home, &call.func)?;
    if !matches!(callee.external()?, "os.environ.get" | "os.getenv") {
        return None;
    }
    let name = text_of(call.arguments.find_positional(0)?)?;
    Some((name, call.arguments.find_argument_value("default", 1)))
}

/// What a name stands for: a local variable, a constant of a module, an attribute of a class.
fn named(model: &Model, home: ModuleId, expr: &Expr, depth: usize) -> Vec<KeyText> {
    let local = || {
        let Expr::Name(name) = expr else {
            return None;
        };
        let scopes = model.names.scopes(home);
        let (_, bindings) = scopes.lookup(&name.id, name.range.start().to_usize())?;
        match bindings {
            [only] => match only.kind {
                BindingKind::Value(span) => Some((home, span)),
                _ => None,
            },
            _ => None,
        }
    };
    let elsewhere = || {
        let found = model.names.qualify(&model.modules, home, expr)?;
        let definition = model.names.definition(&found)?;
        match definition.binding.kind {
            BindingKind::Value(span) => Some((definition.module, span)),
            _ => None,
        }
    };
    let Some((home, span)) = local().or_else(elsewhere) else {
        return Vec::new();
    };
    let Some(value) = model.modules.get(home).expression_at(span) else {
        return Vec::new();
    };
    texts(model, home, value, depth)
}

/// Whether only the tests load it, or a configuration that is called so: what that signs does not
/// count.
fn is_for_tests(model: &Model, write: &Write) -> bool {
    let testing = Environment::Testing;
    if write.environments == [testing] {
        return true;
    }
    let Some(app) = write.app else {
        return false;
    };
    write.alternatives.iter().any(|(switch, candidate)| {
        let switch = model.configuration.switches(app).nth(*switch);
        let chosen = switch.and_then(|switch| switch.candidates.get(*candidate));
        chosen.is_some_and(|chosen| chosen.environment == Some(testing))
    })
}

/// What the application's configuration holds under a key that is none of Flask's.
fn setting(model: &Model, base: &Expr, key: &Expr) -> Vec<KeyText> {
    let is_configuration = match base {
        Expr::Attribute(attribute) => attribute.attr.as_str() == "config",
        Expr::Name(name) => name.id.as_str() == "config",
        _ => false,
    };
    let Expr::StringLiteral(key) = key else {
        return Vec::new();
    };
    let key = key.value.to_str();
    if !is_configuration || keys::in_code(key).is_some() {
        return Vec::new();
    }
    let writes = model.configuration.writes(key);
    let counts = |write: &&Write| !is_for_tests(model, write);
    let found = writes
        .filter(counts)
        .filter_map(|write| match &write.value {
            Value::Known(Literal::Str(value)) if !value.is_empty() => Some(KeyText {
                literal: write.value_at.clone(),
                whole: write.value_at.clone(),
                value: value.to_string(),
                variable: String::new(),
                setting: key.to_owned(),
            }),
            Value::Env(read) => {
                let Some(Literal::Str(value)) = &read.default else {
                    return None;
                };
                Some(KeyText {
                    literal: read.default_at.clone()?,
                    whole: write.value_at.clone(),
                    value: value.to_string(),
                    variable: read.name.clone(),
                    setting: key.to_owned(),
                })
            }
            _ => None,
        });
    found.collect()
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
    let key = &signer.key;
    let mark = keys::mark(&key.value);
    let (control, what) = match key.variable.as_str() {
        "" => (
            "secret-key-hardcoded",
            format!("is written in the code (fingerprint {mark})"),
        ),
        variable => (
            "secret-key-fallback",
            format!("is a public text wherever {variable} is not set (fingerprint {mark})"),
        ),
    };
    let message = format!(
        "The key of {} {what}: whoever reads it can make tokens that the app accepts.",
        signer.callee
    );
    let finding = Finding::new(control, place(signer), Severity::High, message).subject(SUBJECT);
    let secrets = masks::texts_of(model, &key.literal, &key.value);
    let finding = secrets.into_iter().fold(finding, Finding::secret);
    match signer.purpose {
        Purpose::Example => finding.unreachable("It stands in an example."),
        _ => finding,
    }
}

/// The call where the key stands in it, else the place of the key.
fn place(signer: &Signer<'_>) -> Location {
    let (site, literal) = (&signer.site.location, &signer.key.literal);
    match literal.path == site.path && site.span.contains(literal.span) {
        true => site.clone(),
        false => signer.key.whole.clone(),
    }
}

pub(super) fn remedy(model: &Model, finding: &Finding) -> Patch {
    let title = "Sign tokens with a key from the environment";
    let signers = all(model);
    let signer = signers.iter().find(|it| place(it) == finding.location);
    let found = signer.and_then(|signer| {
        let home = model.modules.by_path(&signer.key.whole.path)?;
        Some((signer, home, variable_of(model, &signers, signer)?))
    });
    let Some((signer, home, variable)) = found else {
        let by_hand = "Pass current_app.config[\"SECRET_KEY\"], or a key of its own from the \
                       environment, where the literal stands: tokens that are on their way end \
                       then.";
        return Patch::manual(title, vec![by_hand.into()]);
    };
    let module = model.modules.get(home);
    let span = signer.key.whole.span;
    let (os, import) = imports::module_for(model, home, span.start, "os");
    let is_bytes = module
        .source(signer.key.literal.span)
        .starts_with(['b', 'B']);
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
    if !signer.key.variable.is_empty() {
        return Some(signer.key.variable.clone());
    }
    let home = model.modules.by_path(&signer.key.literal.path)?;
    let module = model.modules.get(home);
    let constant = module
        .statement_at(signer.key.literal.span)
        .and_then(|stmt| match stmt {
            Stmt::Assign(assign) => match (&*assign.targets, Span::from(assign.value.range())) {
                ([Expr::Name(name)], value) if value == signer.key.literal.span => {
                    Some(name.id.as_str())
                }
                _ => None,
            },
            _ => None,
        });
    let setting = Some(signer.key.setting.as_str()).filter(|name| !name.is_empty());
    let constant = constant.or(setting);
    let name = match (constant, signer.callee.starts_with("jwt.")) {
        (Some(constant), _) => constant.to_ascii_uppercase(),
        (None, true) => "JWT_SECRET_KEY".to_owned(),
        (None, false) => "TOKEN_SECRET_KEY".to_owned(),
    };
    let of_another = sightings::all(model)
        .iter()
        .any(|it| it.key == name && it.value != signer.key.value);
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
            && other.key.literal.path == signer.key.literal.path
    });
    let is_ambiguous = rivals.any(|other| other.key.value != signer.key.value);
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
    fn what_only_tests_sign_with_is_no_secret() {
        for (class, count) in [("Production", 0), ("Testing", 1)] {
            let source = format!(
                "import os\n{HEAD}class Testing:\n    TOKEN_KEY = 'of the tests'\n\n\nclass Production:\n    TOKEN_KEY = os.environ['TOKEN_KEY']\n\n\nconfigs = {{'testing': Testing, 'production': {class}}}\napp.config.from_object(configs[os.environ['STAGE']])\n\n\ndef f(p):\n    return jwt.encode(p, app.config['TOKEN_KEY'])\n"
            );
            let found = testing::findings(&SecretKeyHardcoded, &[("app.py", &source)]);
            assert_eq!(found.len(), count, "{class}");
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
