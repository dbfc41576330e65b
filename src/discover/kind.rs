//! What a file is and what it is there for, told from its path and its first bytes.

/// The kinds of files that some stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    Python,
    /// A Jinja template, whatever its extension.
    Template,
    Dockerfile,
    Compose,
    /// Kubernetes, Helm, Ansible, CI: any other YAML.
    Yaml,
    Toml,
    /// `requirements*.txt`, `requirements/*.txt`, `*.in`, `constraints.txt`.
    Requirements,
    /// `.env`, `.flaskenv`, `prod.env`, and systemd environment files.
    Dotenv,
    Shell,
    Procfile,
    /// `uwsgi.ini`, `setup.cfg`, supervisor's configuration.
    Ini,
    /// systemd units.
    Unit,
    Json,
    /// `Pipfile` is TOML; `Pipfile.lock`, `poetry.lock`, `uv.lock`, `pdm.lock` are told by name.
    Lock,
    Jenkinsfile,
    Makefile,
    Terraform,
    Markdown,
    /// `.gitignore` and other line-based files that a patch may extend.
    Lines,
}

impl FileKind {
    /// The kind of the file at `path`, were it read; [`FileKind::of`] may know better from `head`.
    pub(super) fn from_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let lower = name.to_ascii_lowercase();
        let stem_is = |prefix: &str| lower == prefix || lower.starts_with(&format!("{prefix}."));
        let extension = lower.rsplit_once('.').map(|(_, extension)| extension);
        if is_lock(&lower) {
            return Some(Self::Lock);
        }
        let dashed = ["dockerfile-", "dockerfile_"];
        if dashed.iter().any(|prefix| lower.starts_with(prefix)) {
            return Some(Self::Dockerfile);
        }
        if stem_is("dockerfile") || stem_is("containerfile") || extension == Some("dockerfile") {
            return Some(Self::Dockerfile);
        }
        if stem_is("procfile") {
            return Some(Self::Procfile);
        }
        if stem_is("jenkinsfile") {
            return Some(Self::Jenkinsfile);
        }
        if stem_is("makefile") {
            return Some(Self::Makefile);
        }
        if is_dotenv(&lower) {
            return Some(Self::Dotenv);
        }
        if matches!(
            lower.as_str(),
            ".gitignore" | ".dockerignore" | ".python-version" | "runtime.txt"
        ) {
            return Some(Self::Lines);
        }
        if is_renovate(&lower) {
            return Some(Self::Json);
        }
        if lower == "pipfile" {
            return Some(Self::Toml);
        }
        if is_requirements(path, &lower) {
            return Some(Self::Requirements);
        }
        match extension? {
            "py" | "pyw" | "wsgi" => Some(Self::Python),
            "html" | "htm" | "jinja" | "jinja2" | "j2" | "xhtml" | "tpl" => Some(Self::Template),
            "svg" | "xml" | "txt" | "js" if in_templates(path) => Some(Self::Template),
            "yml" | "yaml" if is_compose(&lower) => Some(Self::Compose),
            "yml" | "yaml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "sh" | "bash" => Some(Self::Shell),
            "ini" | "cfg" | "conf" => Some(Self::Ini),
            "service" => Some(Self::Unit),
            "tf" | "tfvars" => Some(Self::Terraform),
            // Elastic Beanstalk's.
            "config" if path.contains(".ebextensions/") => Some(Self::Yaml),
            "json" if matches!(lower.as_str(), "vercel.json" | "now.json") => Some(Self::Json),
            "json" if lower == "app.json" || is_task(&lower) || is_configuration(&lower) => {
                Some(Self::Json)
            }
            "md" | "rst" if is_policy(&lower) => Some(Self::Markdown),
            _ => None,
        }
    }

    /// The kind of the file at `path` whose text begins with `head`.
    pub(super) fn of(path: &str, head: &[u8]) -> Self {
        let by_path = Self::from_path(path);
        if by_path.is_none() && head.starts_with(b"#!") {
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            if line.contains("python") {
                return Self::Python;
            }
            if line.ends_with("sh") {
                return Self::Shell;
            }
        }
        by_path.unwrap_or(Self::Lines)
    }
}

/// What a file is there for: findings outside the application weigh less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    Application,
    Test,
    /// Documentation, examples, samples.
    Example,
    Migration,
    /// Third-party code that was copied in, virtual environments, build output.
    Vendored,
}

impl Purpose {
    pub fn of(path: &str) -> Self {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut purpose = Self::Application;
        for folder in folders.split('/') {
            match folder.to_ascii_lowercase().as_str() {
                "site-packages" | "node_modules" | "vendor" | "vendored" | "_vendor"
                | "third_party" | "third-party" | "venv" | ".venv" | "virtualenv"
                | "bower_components" => return Self::Vendored,
                "tests" | "test" | "testing" | "e2e" => purpose = Self::Test,
                "examples" | "example" | "docs" | "doc" | "samples" | "demo" | "demos"
                    if purpose == Self::Application =>
                {
                    purpose = Self::Example;
                }
                "migrations" | "alembic" if purpose == Self::Application => {
                    purpose = Self::Migration;
                }
                _ => {}
            }
        }
        let python = name.strip_suffix(".py").unwrap_or("");
        if python.starts_with("test_") || python.ends_with("_test") || python == "conftest" {
            return Self::Test;
        }
        purpose
    }

    /// Whether production can load it.
    pub const fn is_application(self) -> bool {
        matches!(self, Self::Application)
    }
}

fn is_lock(name: &str) -> bool {
    matches!(
        name,
        "pipfile.lock" | "poetry.lock" | "uv.lock" | "pdm.lock" | "pylock.toml"
    ) || (name.starts_with("pylock.") && name.ends_with(".toml"))
}

fn is_dotenv(name: &str) -> bool {
    matches!(name, ".flaskenv" | "env.sample" | "env.example")
        || name == ".env"
        || name.starts_with(".env.")
        || name.ends_with(".env")
}

fn is_requirements(path: &str, name: &str) -> bool {
    let in_folder = path.rsplit('/').nth(1) == Some("requirements");
    match name.rsplit_once('.') {
        Some((stem, "txt")) => {
            in_folder || stem.contains("requirements") || stem.starts_with("constraints")
        }
        Some((stem, "in")) => in_folder || stem.contains("requirements"),
        _ => false,
    }
}

fn is_renovate(name: &str) -> bool {
    matches!(
        name,
        "renovate.json"
            | "renovate.json5"
            | ".renovaterc"
            | ".renovaterc.json"
            | ".renovaterc.json5"
    )
}

/// What `app.config.from_file` is given, by its name.
fn is_configuration(name: &str) -> bool {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let words = [
        "config",
        "configuration",
        "conf",
        "cfg",
        "settings",
        "secret",
        "secrets",
        "credentials",
        "production",
        "prod",
        "default",
        "defaults",
        "flask",
    ];
    let mut parts = stem.split(['.', '-', '_']);
    parts.next_back().is_some_and(|last| words.contains(&last)) && !name.starts_with("ts")
}

/// A task definition of ECS, by its usual names.
fn is_task(name: &str) -> bool {
    let plain: String = name.chars().filter(|it| !"-_. ".contains(*it)).collect();
    plain.contains("taskdef") || plain.contains("containerdef")
}

fn is_compose(name: &str) -> bool {
    name.starts_with("docker-compose") || name.starts_with("compose.") || name == "compose.yml"
}

fn is_policy(name: &str) -> bool {
    name.starts_with("security") || name.contains("rotat")
}

fn in_templates(path: &str) -> bool {
    path.split('/')
        .rev()
        .skip(1)
        .any(|part| part == "templates")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_from_names() {
        let kind = |path: &str| FileKind::from_path(path);
        assert_eq!(kind("docker/Dockerfile.prod"), Some(FileKind::Dockerfile));
        assert_eq!(kind("Dockerfile-flask"), Some(FileKind::Dockerfile));
        assert_eq!(kind("dockerfiles"), None);
        assert_eq!(kind("requirements/base.txt"), Some(FileKind::Requirements));
        assert_eq!(kind("requirements-dev.in"), Some(FileKind::Requirements));
        assert_eq!(kind("docker-compose.prod.yml"), Some(FileKind::Compose));
        assert_eq!(kind(".env.production"), Some(FileKind::Dotenv));
        assert_eq!(kind("shop/templates/mail.txt"), Some(FileKind::Template));
        assert_eq!(kind("README.txt"), None);
        assert_eq!(kind("static/app.js"), None);
        assert_eq!(kind(".ebextensions/flask.config"), Some(FileKind::Yaml));
        assert_eq!(kind("web.config"), None);
    }

    #[test]
    fn a_shebang_makes_a_script() {
        assert_eq!(FileKind::of("bin/start", b"#!/bin/sh\n"), FileKind::Shell);
        assert_eq!(
            FileKind::of("manage", b"#!/usr/bin/env python3\n"),
            FileKind::Python
        );
    }

    #[test]
    fn purposes_come_from_folders() {
        assert_eq!(Purpose::of("shop/views.py"), Purpose::Application);
        assert_eq!(Purpose::of("shop/tests/views.py"), Purpose::Test);
        assert_eq!(Purpose::of("conftest.py"), Purpose::Test);
        assert_eq!(Purpose::of("venv/lib/flask/app.py"), Purpose::Vendored);
        assert_eq!(Purpose::of("docs/conf.py"), Purpose::Example);
        assert_eq!(Purpose::of("migrations/env.py"), Purpose::Migration);
    }
}
