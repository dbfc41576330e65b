//! Programs that only start another one: `exec`, `env`, `gosu`, `tini`, `poetry run`, …

use super::User;
use super::argv::Arg;

/// What the wrappers in front of a command do to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Effects {
    /// `env NAME=value`: the words.
    pub assignments: Vec<Arg>,
    pub user: Option<User>,
    /// `dotenv -f file run`.
    pub env_files: Vec<String>,
    /// `exec` stood in front: the shell ends with it.
    pub replaces_shell: bool,
}

/// Takes the wrappers off a command.
pub(super) fn peel(args: Vec<Arg>) -> (Vec<Arg>, Effects) {
    let mut effects = Effects::default();
    let mut rest = args.as_slice();
    // Each step takes at least one word, so this ends.
    while let Some(inner) = step(rest, &mut effects) {
        rest = inner;
    }
    (rest.to_vec(), effects)
}

/// The command inside the wrapper that `args` begins with.
fn step<'a>(args: &'a [Arg], effects: &mut Effects) -> Option<&'a [Arg]> {
    let (first, rest) = args.split_first()?;
    match first.program() {
        "exec" => {
            effects.replaces_shell = true;
            Some(skip_flags(rest, &["-a"]))
        }
        "env" => Some(env(rest, effects)),
        "command"
        | "nohup"
        | "setsid"
        | "time"
        | "catchsegv"
        | "eval"
        | "ddtrace-run"
        | "opentelemetry-instrument"
        | "with-contenv"
        | "tini"
        | "dumb-init"
        | "catatonit"
        | "docker-init" => Some(skip_flags(rest, &["-p", "-e"])),
        "nice" | "ionice" | "stdbuf" => {
            Some(skip_flags(rest, &["-n", "-c", "-p", "-o", "-e", "-i"]))
        }
        "timeout" => skip_flags(rest, &["-k", "-s"]).get(1..),
        "sudo" => Some(sudo(rest, effects)),
        "gosu" | "su-exec" | "s6-setuidgid" => user_then_command(rest, effects),
        "chpst" | "runuser" | "setpriv" | "start-stop-daemon" => Some(user_flag(rest, effects)),
        "poetry" | "pipenv" | "pdm" | "rye" | "hatch" | "uv" | "pixi" | "conda" | "mamba"
        | "micromamba" => behind_run(rest),
        "newrelic-admin" => rest
            .first()
            .filter(|it| it.text() == "run-program")
            .map(|_| &rest[1..]),
        "dotenv" => dotenv(rest, effects),
        "dockerize" => Some(skip_flags(
            rest,
            &[
                "-wait",
                "--wait",
                "-timeout",
                "--timeout",
                "-template",
                "--template",
                "-wait-retry-interval",
            ],
        )),
        "doppler" | "op" | "infisical" | "aws-vault" | "chamber" | "teller" | "watchmedo"
        | "vault" | "berglas" | "summon" | "entr" => behind_dashes(rest),
        program if program.starts_with("wait-for") || program.starts_with("wait_for") => {
            behind_dashes(rest)
        }
        _ => None,
    }
}

/// The words behind the flags; those in `with_value` take the next word along.
fn skip_flags<'a>(args: &'a [Arg], with_value: &[&str]) -> &'a [Arg] {
    let mut rest = args;
    while let Some((first, behind)) = rest.split_first() {
        let text = first.text();
        if text == "--" {
            return behind;
        }
        if !text.starts_with('-') || text == "-" {
            break;
        }
        let takes = with_value.contains(&text) && !behind.is_empty();
        rest = if takes { &behind[1..] } else { behind };
    }
    rest
}

fn env<'a>(args: &'a [Arg], effects: &mut Effects) -> &'a [Arg] {
    let mut rest = args;
    loop {
        rest = skip_flags(rest, &["-u", "--unset", "-C", "--chdir"]);
        let Some((first, behind)) = rest.split_first() else {
            return rest;
        };
        let name = first.text().split_once('=').map(|(name, _)| name);
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !name.is_some_and(is_name) {
            return rest;
        }
        effects.assignments.push(first.clone());
        rest = behind;
    }
}

fn sudo<'a>(args: &'a [Arg], effects: &mut Effects) -> &'a [Arg] {
    effects.user = Some(User::Root);
    if let Some(at) = args
        .iter()
        .position(|arg| matches!(arg.text(), "-u" | "--user"))
        && let Some(user) = args.get(at + 1)
    {
        effects.user = Some(user_named(user.text()));
    }
    env(
        skip_flags(args, &["-u", "--user", "-g", "--group", "-C", "-p", "-h"]),
        effects,
    )
}

fn user_then_command<'a>(args: &'a [Arg], effects: &mut Effects) -> Option<&'a [Arg]> {
    let (user, rest) = skip_flags(args, &[]).split_first()?;
    effects.user = Some(user_named(user.text()));
    Some(rest)
}

fn user_flag<'a>(args: &'a [Arg], effects: &mut Effects) -> &'a [Arg] {
    for (at, arg) in args.iter().enumerate() {
        let named = match arg.text() {
            "-u" | "--user" | "--reuid" | "--chuid" | "-c" => args.get(at + 1).map(Arg::text),
            text => text
                .strip_prefix("--reuid=")
                .or_else(|| text.strip_prefix("--user=")),
        };
        if let Some(user) = named {
            effects.user = Some(user_named(user));
            break;
        }
        if !arg.text().starts_with('-') {
            break;
        }
    }
    skip_flags(
        args,
        &[
            "-u", "--user", "--reuid", "--regid", "--chuid", "-g", "-c", "--exec",
        ],
    )
}

/// `run [flags] command` of a project manager.
fn behind_run(args: &[Arg]) -> Option<&[Arg]> {
    let at = args.iter().position(|arg| arg.text() == "run")?;
    let before = &args[..at];
    let only_flags = before.iter().all(|arg| arg.text().starts_with('-'));
    let rest = skip_flags(
        &args[at + 1..],
        &[
            "-n",
            "--name",
            "-p",
            "--prefix",
            "--python",
            "--extra",
            "--group",
            "--with",
            "--env-file",
            "--project",
            "--directory",
            "--package",
            "-m",
            "--index-url",
        ],
    );
    // `uv run -m flask run` runs a module: the words then stand as behind `python`.
    let flags = &args[at + 1..args.len() - rest.len()];
    let module = flags
        .iter()
        .position(|arg| matches!(arg.text(), "-m" | "--module"));
    let command = module.map_or(rest, |module| &args[at + 1 + module..]);
    (only_flags && !command.is_empty()).then_some(command)
}

fn dotenv<'a>(args: &'a [Arg], effects: &mut Effects) -> Option<&'a [Arg]> {
    for (at, arg) in args.iter().enumerate() {
        if matches!(arg.text(), "-f" | "--file") {
            effects
                .env_files
                .extend(args.get(at + 1).map(|file| file.text().to_owned()));
        }
    }
    if effects.env_files.is_empty() {
        effects.env_files.push(".env".into());
    }
    let at = args.iter().position(|arg| arg.text() == "run")?;
    Some(skip_flags(&args[at + 1..], &[]))
}

fn behind_dashes(args: &[Arg]) -> Option<&[Arg]> {
    let at = args.iter().position(|arg| arg.text() == "--")?;
    Some(&args[at + 1..])
}

/// `root`, `0`, `app`, `1000:1000`.
pub(super) fn user_named(name: &str) -> User {
    let user = name.split(':').next().unwrap_or(name).trim();
    match user {
        "root" | "0" => User::Root,
        "" => User::Unknown,
        _ if user.starts_with('$') || user.contains("{{") => User::Unknown,
        _ => User::Named(user.to_owned()),
    }
}
