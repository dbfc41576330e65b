//! The command lines of the servers: their flags and where their application stands.

use super::Target;
use super::argv::Arg;
use super::options::{self, Opt};
use super::process::{Flag, FlagKind, Server};
use super::servers::{Invocation, first_target, module_of_path, target};
use super::wrappers::user_named;
use crate::text::Location;

pub(super) fn gunicorn(args: &[Arg]) -> Invocation {
    const SWITCHES: &[&str] = &[
        "--reload",
        "--preload",
        "--preload-app",
        "--daemon",
        "-D",
        "--check-config",
        "--print-config",
        "--spew",
        "--enable-stdio-inheritance",
        "-R",
        "--capture-output",
        "--no-sendfile",
        "--reuse-port",
        "--proxy-protocol",
        "--initgroups",
        "--log-syslog",
        "--strip-header-spaces",
        "--debug",
        "--suppress-ragged-eofs",
        "--do-handshake-on-connect",
        "--disable-redirect-access-to-syslog",
        "--permit-obsolete-folding",
        "--permit-unconventional-http-method",
        "--permit-unconventional-http-version",
        "--casefold-http-method",
        "--version",
        "-v",
        "--help",
        "-h",
    ];
    let (options, words) = options::split(args, |name| !SWITCHES.contains(&name));
    let mut invocation = Invocation::new(Server::Gunicorn);
    for option in &options {
        gunicorn_option(&mut invocation, option);
    }
    invocation.target = first_target(&words, Some("application"));
    invocation
}

pub(super) fn gunicorn_option(invocation: &mut Invocation, option: &Opt) {
    match option.name.as_str() {
        "--reload" => invocation.switch(FlagKind::Reload, true, option.location.clone()),
        "--bind" | "-b" => invocation.flag(FlagKind::Bind, option),
        "--workers" | "-w" => invocation.flag(FlagKind::Workers, option),
        "--threads" => invocation.flag(FlagKind::Threads, option),
        "--config" | "-c" => {
            invocation.flag(FlagKind::Config, option);
            invocation.configs.push(option.text().to_owned());
        }
        "--env" | "-e" => invocation.assign(option),
        "--chdir" => invocation.chdir = Some(option.text().to_owned()),
        "--user" | "-u" => invocation.user = Some(user_named(option.text())),
        _ => {}
    }
}

pub(super) fn uwsgi(args: &[Arg]) -> Invocation {
    const SWITCHES: &[&str] = &[
        "--master",
        "-M",
        "--vacuum",
        "--die-on-term",
        "--enable-threads",
        "--need-app",
        "--single-interpreter",
        "--lazy-apps",
        "--lazy",
        "--strict",
        "--catch-exceptions",
        "--py-catch-exceptions",
        "--thunder-lock",
        "--disable-logging",
        "-L",
        "--http-auto-chunked",
        "--http-keepalive",
        "--manage-script-name",
        "--no-orphans",
        "--log-master",
        "--auto-procname",
        "--memory-report",
        "--buffer-size-auto",
    ];
    let (options, words) = options::split(args, |name| !SWITCHES.contains(&name));
    let mut uwsgi = Uwsgi::default();
    let mut invocation = Invocation::new(Server::Uwsgi);
    for option in &options {
        let key = match option.name.as_str() {
            "-w" => "module",
            "-H" => "virtualenv",
            "-s" => "socket",
            "-p" => "processes",
            "-M" => "master",
            name => name.trim_start_matches('-'),
        };
        let place = option
            .value
            .as_ref()
            .map_or(&option.location, |value| &value.location);
        uwsgi.option(&mut invocation, key, option.text(), place, &option.location);
    }
    for word in words {
        let extension = word.text().rsplit('.').next().unwrap_or_default();
        match extension {
            "ini" | "xml" | "yaml" | "yml" | "json" => {
                invocation.configs.push(word.text().to_owned())
            }
            "py" | "wsgi" => uwsgi.option(
                &mut invocation,
                "wsgi-file",
                word.text(),
                &options::inner(word),
                &word.location(),
            ),
            _ => {}
        }
    }
    uwsgi.finish(&mut invocation);
    invocation
}

/// The options of uWSGI that belong together: on the command line and in `uwsgi.ini` alike.
#[derive(Debug, Default)]
pub(super) struct Uwsgi {
    module: Option<(String, Location)>,
    callable: Option<String>,
}

impl Uwsgi {
    /// Takes one option; `statement` is the place of the flag or line as a whole.
    pub fn option(
        &mut self,
        invocation: &mut Invocation,
        key: &str,
        value: &str,
        location: &Location,
        statement: &Location,
    ) {
        let flag = |kind| Flag {
            kind,
            on: true,
            value: value.to_owned(),
            location: statement.clone(),
        };
        let on = !matches!(value, "false" | "0" | "no" | "off");
        match key {
            "module" | "wsgi" => self.module = Some((value.to_owned(), location.clone())),
            "wsgi-file" | "file" => {
                if let Some(module) = module_of_path(value) {
                    self.module = Some((module, location.clone()));
                }
            }
            "mount" => {
                if let Some((_, app)) = value.split_once('=') {
                    self.module
                        .get_or_insert((app.to_owned(), location.clone()));
                }
            }
            "callable" => self.callable = Some(value.to_owned()),
            "env" => invocation
                .assignments
                .push((value.to_owned(), location.clone())),
            "py-autoreload" | "py-auto-reload" | "python-autoreload" | "touch-reload-py" => {
                invocation.switch(FlagKind::Reload, on, statement.clone());
            }
            "catch-exceptions" | "py-catch-exceptions" => {
                invocation.switch(FlagKind::CatchExceptions, on, statement.clone());
            }
            "http" | "http-socket" | "socket" | "uwsgi-socket" | "https" => {
                invocation.flags.push(flag(FlagKind::Bind));
            }
            "processes" | "workers" => invocation.flags.push(flag(FlagKind::Workers)),
            "threads" => invocation.flags.push(flag(FlagKind::Threads)),
            "chdir" | "chdir2" => invocation.chdir = Some(value.to_owned()),
            "uid" => invocation.user = Some(user_named(value)),
            "ini" | "yaml" | "xml" | "json" => invocation.configs.push(value.to_owned()),
            _ => {}
        }
    }

    /// Joins module and callable to the target.
    pub fn finish(self, invocation: &mut Invocation) {
        let Some((module, location)) = self.module else {
            return;
        };
        let default = self.callable.as_deref().unwrap_or("application");
        invocation.target = target(&module, location, Some(default));
    }
}

pub(super) fn waitress(args: &[Arg]) -> Invocation {
    const SWITCHES: &[&str] = &[
        "--call",
        "--help",
        "--expose-tracebacks",
        "--no-expose-tracebacks",
    ];
    let (options, words) = options::split(args, |name| !SWITCHES.contains(&name));
    let mut invocation = Invocation::new(Server::Waitress);
    invocation.target = first_target(&words, Some("application"));
    for option in &options {
        match option.name.as_str() {
            "--host" => invocation.flag(FlagKind::Host, option),
            "--port" => invocation.flag(FlagKind::Port, option),
            "--listen" => invocation.flag(FlagKind::Bind, option),
            "--threads" => invocation.flag(FlagKind::Threads, option),
            "--expose-tracebacks" => {
                invocation.switch(FlagKind::CatchExceptions, true, option.location.clone());
            }
            "--call" => {
                if let Some(target) = &mut invocation.target {
                    target.factory = true;
                }
            }
            _ => {}
        }
    }
    invocation
}

pub(super) fn hypercorn(args: &[Arg]) -> Invocation {
    const SWITCHES: &[&str] = &["--debug", "--reload", "--daemon", "-D"];
    let (options, words) = options::split(args, |name| !SWITCHES.contains(&name));
    let mut invocation = Invocation::new(Server::Hypercorn);
    invocation.target = first_target(&words, Some("app"));
    for option in &options {
        match option.name.as_str() {
            "--debug" => invocation.switch(FlagKind::Debug, true, option.location.clone()),
            "--reload" => invocation.switch(FlagKind::Reload, true, option.location.clone()),
            "--bind" | "-b" => invocation.flag(FlagKind::Bind, option),
            "--workers" | "-w" => invocation.flag(FlagKind::Workers, option),
            "--config" | "-c" => invocation.configs.push(option.text().to_owned()),
            _ => {}
        }
    }
    invocation
}

pub(super) fn uvicorn(args: &[Arg]) -> Invocation {
    const SWITCHES: &[&str] = &[
        "--reload",
        "--factory",
        "--proxy-headers",
        "--no-proxy-headers",
        "--no-access-log",
        "--access-log",
        "--use-colors",
        "--no-use-colors",
        "--no-server-header",
        "--no-date-header",
    ];
    let (options, words) = options::split(args, |name| !SWITCHES.contains(&name));
    let mut invocation = Invocation::new(Server::Uvicorn);
    invocation.target = first_target(&words, Some("app"));
    for option in &options {
        match option.name.as_str() {
            "--reload" => invocation.switch(FlagKind::Reload, true, option.location.clone()),
            "--host" => invocation.flag(FlagKind::Host, option),
            "--port" => invocation.flag(FlagKind::Port, option),
            "--workers" => invocation.flag(FlagKind::Workers, option),
            "--app-dir" => invocation.chdir = Some(option.text().to_owned()),
            "--env-file" => invocation.env_files.push(option.text().to_owned()),
            "--factory" => {
                if let Some(target) = &mut invocation.target {
                    target.factory = true;
                }
            }
            _ => {}
        }
    }
    invocation
}

pub(super) fn flask(program: &str, args: &[Arg]) -> Invocation {
    const VALUED: &[&str] = &[
        "-A",
        "--app",
        "-e",
        "--env-file",
        "-h",
        "--host",
        "-p",
        "--port",
        "--cert",
        "--key",
        "--extra-files",
        "--exclude-patterns",
    ];
    let (options, words) = options::split(args, |name| VALUED.contains(&name));
    let serves = words.first().is_some_and(|word| word.text() == "run");
    if !serves {
        let mut other = Invocation::new(Server::Other {
            program: program.to_owned(),
        });
        other.one_shot = true;
        return other;
    }
    let mut invocation = Invocation::new(Server::FlaskRun);
    for option in &options {
        let at = option.location.clone();
        match option.name.as_str() {
            "--debug" => invocation.switch(FlagKind::Debug, true, at),
            "--no-debug" => invocation.switch(FlagKind::Debug, false, at),
            "--debugger" => invocation.switch(FlagKind::Debugger, true, at),
            "--no-debugger" => invocation.switch(FlagKind::Debugger, false, at),
            "--reload" => invocation.switch(FlagKind::Reload, true, at),
            "--no-reload" => invocation.switch(FlagKind::Reload, false, at),
            "--host" | "-h" => invocation.flag(FlagKind::Host, option),
            "--port" | "-p" => invocation.flag(FlagKind::Port, option),
            "--env-file" | "-e" => invocation.env_files.push(option.text().to_owned()),
            "--app" | "-A" => {
                if let Some(value) = &option.value {
                    invocation.target = flask_target(&value.text, value.location.clone());
                }
            }
            _ => {}
        }
    }
    invocation
}

/// `FLASK_APP` and `--app`: `hello.py`, `pkg`, `pkg.mod:create_app('dev')`. A name that begins
/// like a factory is one, even without brackets.
pub(super) fn flask_target(text: &str, location: Location) -> Option<Target> {
    let mut found = target(text, location, None)?;
    let name = found.name().unwrap_or_default();
    found.factory |= name.starts_with("create_") || name.starts_with("make_");
    Some(found)
}

pub(super) fn mod_wsgi(args: &[Arg]) -> Invocation {
    const SWITCHES: &[&str] = &[
        "--reload-on-changes",
        "--debug-mode",
        "--enable-debugger",
        "--log-to-terminal",
        "--setup-only",
    ];
    let (options, words) = options::split(args, |name| !SWITCHES.contains(&name));
    let mut invocation = Invocation::new(Server::ModWsgi);
    for option in &options {
        let at = option.location.clone();
        match option.name.as_str() {
            "--reload-on-changes" => invocation.switch(FlagKind::Reload, true, at),
            "--debug-mode" => invocation.switch(FlagKind::Debug, true, at),
            "--enable-debugger" => invocation.switch(FlagKind::Debugger, true, at),
            "--port" => invocation.flag(FlagKind::Port, option),
            "--host" => invocation.flag(FlagKind::Host, option),
            "--processes" => invocation.flag(FlagKind::Workers, option),
            "--user" => invocation.user = Some(user_named(option.text())),
            _ => {}
        }
    }
    let script = words
        .iter()
        .find(|word| word.text() != "start-server" && word.text() != "setup-server");
    invocation.target =
        script.and_then(|word| target(word.text(), options::inner(word), Some("application")));
    invocation
}
