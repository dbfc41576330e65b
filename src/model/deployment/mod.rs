//! What production starts, and with which environment: read from every deployment file.
//!
//! One file per surface; [`rules`] holds what is common to all of them: which names mean which
//! stage, which values turn debug mode on.

mod amazon;
mod ansible;
mod apache;
mod argv;
mod ci;
mod circle;
mod compose;
mod conditions;
mod dotenv;
mod fabric;
mod files;
mod gunicorn;
mod image;
mod jenkins;
mod kubernetes;
mod makefile;
mod options;
mod place;
mod platform;
mod process;
mod procfile;
mod python_scripts;
mod read;
mod reader;
mod remote;
pub mod rules;
mod scope;
mod scripts;
mod server_flags;
mod servers;
mod setting;
mod shell;
mod substitute;
mod supervisor;
mod terraform;
mod unit;
mod uwsgi;
mod values;
mod wrappers;
mod yaml_env;

pub use kubernetes::encoded as base64_encoded;
pub use process::{Flag, FlagKind, Form, Process, Quoting, Server, Target, User, Word};
pub use rules::flask_debug_on;
pub use setting::{EnvSetting, EnvValue};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::discover::Repository;

/// What the deployment files of a repository say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deployment {
    /// Every command that some file starts, in the order of their files.
    pub processes: Vec<Process>,
    /// Every environment variable that some file sets, in the order of their files.
    pub environment: Vec<EnvSetting>,
    /// Whether code of the application loads `.env` by itself (`load_dotenv()`), so that a WSGI
    /// server sees it too.
    pub code_loads_dotenv: bool,
    /// Every deployment file by its path, with what it is.
    pub surfaces: BTreeMap<Arc<str>, Surface>,
}

impl Deployment {
    /// Reads every deployment file of the repository. Broken files give what can be read of them.
    pub fn read(repo: &Repository) -> Self {
        read::read(repo)
    }

    /// The processes that production starts.
    pub fn production(&self) -> impl Iterator<Item = &Process> {
        let production = |process: &&Process| process.stage == Stage::Production;
        self.processes.iter().filter(production)
    }

    /// Every setting of the variable `name`, whatever its stage.
    pub fn settings<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a EnvSetting> {
        self.environment.iter().filter(move |it| it.name == name)
    }

    /// The settings of `name` that production sees. Those of `.env` and `.flaskenv` count unless
    /// every production process is known to be a WSGI server and no code loads the file.
    pub fn production_settings<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a EnvSetting> {
        let dotenv = self.dotenv_reaches_production();
        self.settings(name).filter(move |it| {
            it.stage == Stage::Production
                && (dotenv || it.surface != Surface::Dotenv || self.is_handed_on(it))
        })
    }

    /// The production processes that start, or may start, Flask's development server.
    pub fn starts_with_dev_server(&self) -> Vec<&Process> {
        let mut found: Vec<&Process> = Vec::new();
        for process in self.production().filter(|it| it.may_be_dev_server()) {
            if !found.iter().any(|it| it.location == process.location) {
                found.push(process);
            }
        }
        found
    }

    /// The processes that load a Flask application to serve it, whatever their stage.
    pub fn servers(&self) -> impl Iterator<Item = &Process> {
        let serves = |process: &&Process| process.serves();
        self.processes.iter().filter(serves)
    }

    /// The files that start a server, without repetition.
    pub fn server_files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        for process in self.servers() {
            if !files.contains(&&*process.location.path) {
                files.push(&process.location.path);
            }
        }
        files
    }

    /// Whether a committed `.env` or `.flaskenv` is loaded by what production starts (facts 1.6).
    /// True as well when nothing in the repository says what production starts.
    pub fn dotenv_reaches_production(&self) -> bool {
        let mut servers = self.production().filter(|it| it.serves());
        let Some(first) = servers.next() else {
            return true;
        };
        self.code_loads_dotenv || first.reads_dotenv() || servers.any(Process::reads_dotenv)
    }

    /// Whether a production process gets the setting handed (compose's `env_file`).
    fn is_handed_on(&self, setting: &EnvSetting) -> bool {
        self.production().any(|it| {
            it.environment
                .iter()
                .any(|own| own.location == setting.location)
        })
    }
}

/// The kinds of files that deployment is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Surface {
    Dockerfile,
    Compose,
    Procfile,
    /// systemd.
    Unit,
    Shell,
    Supervisor,
    Kubernetes,
    Helm,
    Ansible,
    GithubActions,
    GitlabCi,
    CircleCi,
    Jenkins,
    Makefile,
    AppJson,
    GunicornConfig,
    UwsgiConfig,
    /// `.env`, `.flaskenv` and other files of `NAME=value` lines.
    Dotenv,
    /// `WSGIScriptAlias` in an Apache configuration.
    Apache,
    /// A hosting platform's own file: `app.yaml`, `render.yaml`, `fly.toml`, `heroku.yml`,
    /// `serverless.yml`, `zappa_settings.json`, a task definition of ECS.
    Platform,
    Terraform,
    /// Python that runs commands on servers.
    Fabric,
}

impl Surface {
    /// The label with its article: "a Dockerfile", "an environment file".
    pub fn named(self) -> String {
        let label = self.label();
        let article = match label.starts_with(['A', 'a', 'E', 'e', 'I', 'i', 'O', 'o']) {
            true => "an",
            false => "a",
        };
        format!("{article} {label}")
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Dockerfile => "Dockerfile",
            Self::Compose => "compose file",
            Self::Procfile => "Procfile",
            Self::Unit => "systemd unit",
            Self::Shell => "shell script",
            Self::Supervisor => "supervisor configuration",
            Self::Kubernetes => "Kubernetes manifest",
            Self::Helm => "Helm chart",
            Self::Ansible => "Ansible playbook",
            Self::GithubActions => "GitHub Actions workflow",
            Self::GitlabCi => "GitLab CI configuration",
            Self::CircleCi => "CircleCI configuration",
            Self::Jenkins => "Jenkinsfile",
            Self::Makefile => "Makefile",
            Self::AppJson => "app.json",
            Self::GunicornConfig => "gunicorn configuration",
            Self::UwsgiConfig => "uWSGI configuration",
            Self::Dotenv => "environment file",
            Self::Apache => "Apache configuration",
            Self::Platform => "platform configuration",
            Self::Terraform => "Terraform configuration",
            Self::Fabric => "Fabric task",
        }
    }
}

/// What a deployment file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Production,
    Development,
    Test,
    Unknown,
}

impl Stage {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Test => "test",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests;
