//! `session-backend`: sessions that hold data are kept on the server.

use crate::edit::config::requoted;
use crate::edit::imports::{module_for, name_for};
use crate::edit::module_file::NewModule;
use crate::finding::{Edit, Evidence, Finding, Patch, PatchKind, RemedyOption, Severity, Verdict};
use crate::model::Model;
use crate::model::app::{App, AppId};
use crate::model::config::{Environment, Literal, Resolved, SetupEnd, Value, Write};
use crate::model::modules::ModuleId;
use crate::strategies::strategy::SESSION_MANAGEMENT;
use crate::strategies::test_settings::{self, Runner};
use crate::strategies::{About, Answers, Control};
use crate::text::join_path;

pub struct SessionBackend;

static ABOUT: About = About {
    id: "session-backend",
    title: "Sessions that hold data are kept on the server",
    strategy: &SESSION_MANAGEMENT,
    threats: &["session-data-exposure"],
    severity: Severity::Medium,
    page: include_str!("../../../assets/controls/session-backend.md"),
};

/// What Flask-Session 0.4 to 0.8 can keep sessions in.
const TYPES: &[&str] = &[
    "redis",
    "memcached",
    "mongodb",
    "sqlalchemy",
    "cachelib",
    "dynamodb",
    "filesystem",
    "peewee",
    "valkey",
];

/// How a backend is configured: its option's name, what its package is called as an extra of
/// Flask-Session 0.8, and the key that takes the client.
struct Backend {
    name: &'static str,
    key: &'static str,
    variable: &'static str,
    local: &'static str,
}

const BACKENDS: &[Backend] = &[
    Backend {
        name: "redis",
        key: "SESSION_REDIS",
        variable: "SESSION_REDIS_URL",
        local: "redis://localhost:6379/0",
    },
    Backend {
        name: "cachelib",
        key: "SESSION_CACHELIB",
        variable: "",
        local: "",
    },
    Backend {
        name: "memcached",
        key: "SESSION_MEMCACHED",
        variable: "SESSION_MEMCACHED_SERVER",
        local: "localhost:11211",
    },
    Backend {
        name: "mongodb",
        key: "SESSION_MONGODB",
        variable: "SESSION_MONGODB_URL",
        local: "mongodb://localhost:27017",
    },
    Backend {
        name: "sqlalchemy",
        key: "SESSION_SQLALCHEMY",
        variable: "",
        local: "",
    },
];

impl Control for SessionBackend {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, model: &Model) -> Verdict {
        if super::uses_session(model).is_none() {
            return Verdict::not_applicable("the application keeps nothing in the session");
        }
        let mut findings = Vec::new();
        let mut evidence = Vec::new();
        let mut question = None;
        for (id, app) in model.apps.production() {
            match judge(model, id, app) {
                Answer::Kept(kept) => evidence.push(kept),
                Answer::Missing(finding) => findings.push(finding),
                Answer::Open(open) => question = Some(open),
            }
        }
        match question {
            Some(question) if findings.is_empty() => Verdict::Undecided { question, evidence },
            _ if findings.is_empty() && evidence.is_empty() => {
                Verdict::not_applicable("no Flask application is constructed here")
            }
            _ => Verdict::from_findings(findings, evidence),
        }
    }

    fn remedy(&self, model: &Model, finding: &Finding, answers: &Answers) -> Patch {
        let app = model
            .apps
            .production()
            .find(|(_, app)| app.construction == finding.location);
        app.and_then(|(id, app)| add_flask_session(model, id, app, answers))
            .unwrap_or_else(by_hand)
    }
}

enum Answer {
    Kept(Evidence),
    Missing(Finding),
    Open(String),
}

fn judge(model: &Model, id: AppId, app: &App) -> Answer {
    if let Some(evidence) = own_interface(model) {
        return Answer::Kept(evidence);
    }
    let session = app
        .extensions
        .iter()
        .find(|extension| extension.class.starts_with("flask_session."));
    let Some(session) = session else {
        return Answer::Missing(missing(model, app));
    };
    let kind = model
        .configuration
        .resolved(id, "SESSION_TYPE", Environment::Production);
    match kind {
        Resolved::Set {
            value: Value::Known(Literal::Str(name)),
            ..
        } if TYPES.contains(&name.as_str()) => Answer::Kept(Evidence::new(
            session.location.clone(),
            format!("Flask-Session keeps sessions in {name}"),
        )),
        Resolved::Set {
            value: Value::Known(other),
            write,
            ..
        } => Answer::Missing(
            Finding::new(
                ABOUT.id,
                write.value_at.clone(),
                Severity::Medium,
                format!("SESSION_TYPE is {other}: Flask-Session keeps no session anywhere."),
            )
            .subject("SESSION_TYPE"),
        ),
        Resolved::Unset { open } if open.is_empty() => Answer::Missing(
            Finding::new(
                ABOUT.id,
                session.location.clone(),
                Severity::Medium,
                "Flask-Session is set up, but nothing sets SESSION_TYPE: before 0.7 sessions \
                 then vanish silently, from 0.7 on the application does not start.",
            )
            .subject("SESSION_TYPE"),
        ),
        _ => Answer::Open("What is SESSION_TYPE in production?".into()),
    }
}

/// A session interface of the project's own, or of another extension.
fn own_interface(model: &Model) -> Option<Evidence> {
    use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
    use ruff_python_ast::{Expr, Stmt};
    use ruff_text_size::Ranged as _;

    struct Assigned<'a>(Option<&'a Stmt>);
    impl<'a> StatementVisitor<'a> for Assigned<'a> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            if let Stmt::Assign(assign) = stmt {
                let is_interface = |target: &Expr| {
                    matches!(target, Expr::Attribute(attribute)
                        if attribute.attr.as_str() == "session_interface")
                };
                if assign.targets.iter().any(is_interface) {
                    self.0 = Some(stmt);
                }
            }
            walk_stmt(self, stmt);
        }
    }
    model.modules.iter().find_map(|(_, module)| {
        let text = module.file.text.as_str();
        if !text.contains("session_interface") || !module.file.purpose.is_application() {
            return None;
        }
        let mut assigned = Assigned(None);
        assigned.visit_body(module.body());
        let stmt = assigned.0?;
        // A signer with several keys still keeps everything in the cookie.
        if text.contains("SecureCookieSessionInterface") && !text.contains("open_session") {
            return None;
        }
        Some(Evidence::new(
            module.location(stmt.range()),
            "installs a session interface of its own",
        ))
    })
}

fn missing(model: &Model, app: &App) -> Finding {
    let writes = super::session_writes(model).len();
    let (severity, holds) = match writes {
        0 => (Severity::Low, "what its extensions keep there".to_owned()),
        1 => (
            Severity::Medium,
            "what it keeps there in one place".to_owned(),
        ),
        many => (
            Severity::Medium,
            format!("what it keeps there in {many} places"),
        ),
    };
    let message = format!(
        "Sessions live in a signed cookie: whoever holds it reads {holds}, and it stays valid \
         after logout, since it cannot be revoked."
    );
    Finding::new(ABOUT.id, app.construction.clone(), severity, message)
        .subject("session")
        .absent()
}

fn by_hand() -> Patch {
    Patch::manual(
        "Keep sessions on the server",
        vec![
            "Add Flask-Session 0.8.0, set SESSION_TYPE and the client of the backend (redis, \
             cachelib, memcached, mongodb, sqlalchemy), and call Session(app) after the \
             configuration is complete. Flask below 2.2 has to be updated first."
                .into(),
        ],
    )
}

fn add_flask_session(model: &Model, id: AppId, app: &App, answers: &Answers) -> Option<Patch> {
    let end = model.configuration.end_of_setup(id)?;
    let file = model.modules.by_path(&end.path)?;
    if !is_recent_enough(model) {
        return None;
    }
    let has_sqlalchemy = app.extension("SQLAlchemy").is_some();
    let offered: Vec<&Backend> = BACKENDS
        .iter()
        .filter(|backend| backend.name != "sqlalchemy" || has_sqlalchemy)
        .collect();
    let wanted = answers.or("session-backend.backend", "redis");
    let backend = *offered.iter().find(|backend| backend.name == wanted)?;
    let migrates = answers.or("session-backend.migrate", "yes") == "yes";
    let mut patch = Patch::new(
        PatchKind::Review,
        "Keep sessions on the server with Flask-Session",
        format!(
            "The cookie holds a random id only; the data stays in {} and can be deleted there",
            backend.name
        ),
    )
    .may_break(format!(
        "Production has to run {}, reachable when the application starts to serve.",
        service(backend)
    ))
    .option(RemedyOption {
        key: "session-backend.backend",
        question: "Where are sessions kept?".into(),
        choices: offered.iter().map(|it| it.name.to_owned()).collect(),
        value: backend.name.into(),
    })
    .option(RemedyOption {
        key: "session-backend.migrate",
        question: "Carry the visitors' present sessions over for a month?".into(),
        choices: vec!["yes".into(), "no".into()],
        value: if migrates { "yes" } else { "no" }.into(),
    })
    .edit(Edit::dependency_beside(
        &end.path,
        format!("Flask-Session[{}]>=0.8.0", backend.name),
    ))
    .follow_up("After a login call app.session_interface.regenerate(session): a new id per login.");
    if !backend.variable.is_empty() {
        patch = patch.follow_up(format!(
            "Set {} in production, with the password of the store in it.",
            backend.variable
        ));
    }
    let for_tests = match set_testing_late(model, id, end) && !backend.variable.is_empty() {
        true => without_store(model, backend),
        false => Vec::new(),
    };
    let (os, import) = module_for(model, file, end.offset, "os");
    let url = format!(
        "{os}.environ.get(\"{}\", \"{}\")",
        backend.variable, backend.local
    );
    let (mut lines, url) = match for_tests.is_empty() {
        true => (vec![format!("if not {}.testing:", end.name)], url),
        false => {
            let held = free_name(model, file, "session_store");
            let lines = vec![format!("{held} = {url}"), format!("if {held}:")];
            (lines, held)
        }
    };
    if !matches!(backend.name, "sqlalchemy") {
        patch = patch.edits(import);
    }
    if end.indentation.is_empty() && for_tests.is_empty() {
        patch = patch.may_break(
            "The application is made when its module is imported: tests that set TESTING \
             afterwards need the store, too.",
        );
    }
    patch = patch.edits(for_tests);
    let (statements, edits) = configure(model, file, end, backend, &url);
    lines.extend(statements.into_iter().map(|line| format!("    {line}")));
    patch = patch.edits(edits);
    if migrates {
        let (statements, edits) = migrate(model, file, end, app)?;
        lines.extend(statements.into_iter().map(|line| format!("    {line}")));
        patch = patch.edits(edits);
    } else {
        patch = patch.may_break("Every visitor is logged out once.");
    }
    let module = model.modules.get(file);
    let newline = module.file.text.newline();
    let text: String = lines
        .iter()
        .map(|line| format!("{}{}{newline}", end.indentation, requoted(module, line)))
        .collect();
    let open = open_line(model, file, end.offset);
    Some(patch.edit(Edit::insert(&end.path, end.offset, format!("{open}{text}"))))
}

/// A line end, when the last line of the file has none.
fn open_line(model: &Model, file: ModuleId, offset: usize) -> &'static str {
    let text = &model.modules.get(file).file.text;
    let is_open = offset == text.len() && !text.as_str().ends_with('\n') && !text.is_empty();
    if is_open { text.newline() } else { "" }
}

/// Flask-Session 0.8 needs Flask 2.2 (facts 5.4). An undeclared Flask is today's.
fn is_recent_enough(model: &Model) -> bool {
    model
        .dependencies
        .flask_version()
        .is_none_or(|version| version.release().iter().take(2).ge([2, 2].iter()))
}

fn service(backend: &Backend) -> &'static str {
    match backend.name {
        "redis" => "Redis",
        "memcached" => "Memcached",
        "mongodb" => "MongoDB",
        "sqlalchemy" => "its database, with the table of sessions in it",
        _ => "on a disk that its workers share",
    }
}

/// Whether tests may use an application that is complete before they set TESTING, if they do.
fn set_testing_late(model: &Model, id: AppId, end: &SetupEnd) -> bool {
    let testing = model
        .configuration
        .resolved(id, "TESTING", Environment::Testing);
    // A test that sets it on the finished application does not come through the factory.
    let in_factory = |write: &Write| {
        let mut places = write.via.iter().chain([&write.statement]);
        places.any(|at| at.path == end.path)
    };
    let is_set = match testing {
        Resolved::Set {
            value: Value::Known(on),
            write,
            ..
        } => on.is_truthy() && in_factory(write),
        _ => false,
    };
    end.indentation.is_empty() || !is_set
}

/// The tests' own setting, which leaves their sessions in the cookie.
fn without_store(model: &Model, backend: &Backend) -> Vec<Edit> {
    let variable = (backend.variable.to_owned(), String::new());
    match test_settings::runner(model) {
        Some(Runner::Pytest) => test_settings::in_conftest(model, backend.variable, &[variable]),
        Some(Runner::Unittest) => test_settings::in_modules(model, &variable),
        None => Vec::new(),
    }
}

/// A name that the module does not have yet.
fn free_name(model: &Model, file: ModuleId, wanted: &str) -> String {
    let text = model.modules.get(file).file.text.as_str();
    let mut name = wanted.to_owned();
    while text.contains(&name) {
        name.push('_');
    }
    name
}

/// The statements that configure the backend, and the imports they need.
fn configure(
    model: &Model,
    file: ModuleId,
    end: &SetupEnd,
    backend: &Backend,
    url: &str,
) -> (Vec<String>, Vec<Edit>) {
    let app = &end.name;
    let offset = end.offset;
    let mut edits = Vec::new();
    let mut name = |module: &str, name: &str| {
        let (text, import) = name_for(model, file, offset, module, name);
        edits.extend(import);
        text
    };
    let session = name("flask_session", "Session");
    let client = match backend.name {
        "redis" => name("redis", "Redis"),
        "memcached" => name("pymemcache.client.base", "Client"),
        "mongodb" => name("pymongo", "MongoClient"),
        "cachelib" => name("cachelib", "FileSystemCache"),
        _ => String::new(),
    };
    let (os, _) = module_for(model, file, offset, "os");
    let value = match backend.name {
        "redis" => format!("{client}.from_url({url})"),
        "memcached" | "mongodb" => format!("{client}({url})"),
        "cachelib" => {
            format!("{client}({os}.path.join({app}.instance_path, \"sessions\"), mode=0o600)")
        }
        _ => format!("{app}.extensions[\"sqlalchemy\"]"),
    };
    let mut lines = vec![format!(
        "{app}.config[\"SESSION_TYPE\"] = \"{}\"",
        backend.name
    )];
    lines.extend(assignment(app, backend.key, &value));
    lines.push(format!("{session}({app})"));
    (lines, edits)
}

/// `app.config["KEY"] = call(argument)`, wrapped as black does where it is too long.
fn assignment(app: &str, key: &str, value: &str) -> Vec<String> {
    /// What is left of black's 88 columns behind the deepest usual indentation.
    const ROOM: usize = 76;
    let line = format!("{app}.config[\"{key}\"] = {value}");
    let call = value.split_once('(').filter(|_| line.len() > ROOM);
    match call.and_then(|(callee, rest)| Some((callee, rest.strip_suffix(')')?))) {
        Some((callee, argument)) => vec![
            format!("{app}.config[\"{key}\"] = {callee}("),
            format!("    {argument}"),
            ")".to_owned(),
        ],
        None => vec![line],
    }
}

/// How long visitors' signed cookies are taken over: Flask's default session lifetime.
const MIGRATION_DAYS: u64 = 31;

/// The statement that installs the migrating interface, and its module beside the application.
fn migrate(
    model: &Model,
    file: ModuleId,
    end: &SetupEnd,
    app: &App,
) -> Option<(Vec<String>, Vec<Edit>)> {
    let folder = app.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let in_package = model.repo.file(&join_path(folder, "__init__.py")).is_some();
    let path = join_path(folder, "session_migration.py");
    if model.repo.file(&path).is_some() {
        return None;
    }
    let beside = end.path.rsplit_once('/').map_or("", |(folder, _)| folder) == folder;
    let module = match (in_package, beside) {
        (true, true) => NewModule::beside(model, file, "session_migration").import,
        (true, false) => format!("{}.session_migration", package_of(model, folder)),
        (false, _) => "session_migration".to_owned(),
    };
    let (interface, import) = name_for(
        model,
        file,
        end.offset,
        &module,
        "MigratingSessionInterface",
    );
    let mut edits = vec![Edit::create(
        path,
        include_str!("../../../assets/snippets/session_migration.py"),
    )];
    edits.extend(import);
    let (datetime, import) = name_for(model, file, end.offset, "datetime", "datetime");
    edits.extend(import);
    let (timezone, import) = name_for(model, file, end.offset, "datetime", "timezone");
    edits.extend(import);
    let (year, month, day) = date_in(MIGRATION_DAYS);
    let app = &end.name;
    let lines = vec![
        format!("{app}.session_interface = {interface}("),
        format!("    {app}.session_interface,"),
        format!("    until={datetime}({year}, {month}, {day}, tzinfo={timezone}.utc),"),
        ")".to_owned(),
    ];
    Some((lines, edits))
}

/// The dotted name of the package in `folder`, from its outermost package down.
fn package_of(model: &Model, folder: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = folder;
    while !rest.is_empty() && model.repo.file(&join_path(rest, "__init__.py")).is_some() {
        let (parent, name) = rest.rsplit_once('/').unwrap_or(("", rest));
        parts.push(name);
        rest = parent;
    }
    parts.reverse();
    parts.join(".")
}

/// The date (UTC) `days` from now, by Howard Hinnant's algorithm for the civil calendar.
fn date_in(days: u64) -> (i64, u64, u64) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let today = now.map_or(0, |elapsed| elapsed.as_secs() / 86_400);
    civil(today + days)
}

fn civil(days_since_epoch: u64) -> (i64, u64, u64) {
    let shifted = days_since_epoch + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (i64::try_from(year).unwrap_or(i64::MAX), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{apply, findings, patch};

    const APP: &str = "from flask import Flask, session\n\n\ndef create_app():\n    app = Flask(__name__)\n    app.config[\"SECRET_KEY\"] = load()\n\n    @app.route(\"/\")\n    def index():\n        session[\"cart\"] = []\n        return \"ok\"\n\n    return app\n";

    #[test]
    fn flask_session_is_added_where_the_set_up_ends() {
        assert_eq!(findings(&SessionBackend, &[("app.py", APP)]), ["app.py:5"]);
        let text = apply(
            &SessionBackend,
            &[("app.py", APP), ("requirements.txt", "flask==3.1.3\n")],
            "app.py",
        );
        assert!(
            text.contains(
                "    if not app.testing:\n        app.config[\"SESSION_TYPE\"] = \"redis\"\n"
            ),
            "{text}"
        );
        assert!(text.contains("        Session(app)\n"), "{text}");
        assert!(
            text.contains("from flask_session import Session\n"),
            "{text}"
        );
        assert_eq!(
            findings(&SessionBackend, &[("app.py", &text)]),
            [""; 0],
            "{text}"
        );
    }

    #[test]
    fn old_flask_is_for_a_person() {
        let texts = [("app.py", APP), ("requirements.txt", "flask==1.1.4\n")];
        assert_eq!(patch(&SessionBackend, &texts).kind, PatchKind::Manual);
    }

    #[test]
    fn dates_are_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }
}
