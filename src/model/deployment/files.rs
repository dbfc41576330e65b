//! Which file is which surface, and what its name says about the stage.

use super::{Stage, Surface, fabric, rules};
use crate::discover::{File, FileKind, Purpose, Repository};

/// A stage, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub stage: Stage,
    pub because: String,
}

impl Judged {
    pub fn new(stage: Stage, because: impl Into<String>) -> Self {
        Self {
            stage,
            because: because.into(),
        }
    }
}

/// The name of a file without its folders.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of a file; empty for the root.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What the place and the name of a file say about the stage; `None` where they say nothing.
pub(super) fn judge_place(file: &File) -> Option<Judged> {
    let name = plain_name(&file.path);
    match file.purpose {
        Purpose::Test => return Some(Judged::new(Stage::Test, "it lies among the tests")),
        Purpose::Example => {
            return Some(Judged::new(
                Stage::Unknown,
                "it is an example or documentation",
            ));
        }
        Purpose::Vendored => {
            return Some(Judged::new(
                Stage::Unknown,
                "it comes with third-party code",
            ));
        }
        Purpose::Application | Purpose::Migration => {}
    }
    if rules::is_template_name(name) {
        return Some(Judged::new(
            Stage::Unknown,
            format!("{name} is a template to copy"),
        ));
    }
    let (stage, word) = rules::stage_of_path(&file.path)?;
    let because = match stage {
        Stage::Unknown => format!("\"{word}\" in its name is neither production nor development"),
        _ => format!("\"{word}\" in its name says {}", stage.word()),
    };
    Some(Judged::new(stage, because))
}

/// The stage of a file that is production's unless its name says otherwise.
pub(super) fn judge_plain(file: &File, what: &str) -> Judged {
    judge_place(file).unwrap_or_else(|| {
        Judged::new(
            Stage::Production,
            format!("{what}, and nothing says otherwise"),
        )
    })
}

/// The name of a file without the ending of a template (`app.service.j2`).
fn plain_name(path: &str) -> &str {
    let name = base_name(path);
    [".j2", ".jinja2", ".jinja", ".tmpl", ".tpl", ".erb"]
        .into_iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

/// The surface of a file, told from its name and, where that is not enough, from its text.
pub(super) fn surface_of(file: &File) -> Option<Surface> {
    match file.kind {
        FileKind::Dotenv => Some(Surface::Dotenv),
        FileKind::Dockerfile => Some(Surface::Dockerfile),
        FileKind::Compose => Some(Surface::Compose),
        FileKind::Procfile => Some(Surface::Procfile),
        FileKind::Shell => Some(Surface::Shell),
        FileKind::Unit => Some(Surface::Unit),
        FileKind::Jenkinsfile => Some(Surface::Jenkins),
        FileKind::Makefile => Some(Surface::Makefile),
        FileKind::Terraform => Some(Surface::Terraform),
        FileKind::Json if base_name(&file.path) == "app.json" => Some(Surface::AppJson),
        FileKind::Json => json_platform(file),
        FileKind::Toml => toml_platform(file),
        FileKind::Yaml => yaml_surface(file),
        FileKind::Ini => ini_surface(file),
        FileKind::Python if is_gunicorn_config(&file.path) => Some(Surface::GunicornConfig),
        FileKind::Python => fabric::is_tasks(file.text.as_str()).then_some(Surface::Fabric),
        FileKind::Template => template_surface(file),
        _ => None,
    }
}

/// Templates of deployment files, as Ansible roles hold them.
fn template_surface(file: &File) -> Option<Surface> {
    let name = plain_name(&file.path);
    if name.len() == base_name(&file.path).len() {
        return None;
    }
    if is_gunicorn_config(name) {
        return Some(Surface::GunicornConfig);
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "service" => Some(Surface::Unit),
        "env" | "flaskenv" => Some(Surface::Dotenv),
        "sh" | "bash" => Some(Surface::Shell),
        "ini" | "conf" | "cfg" => ini_surface(file),
        "yml" | "yaml" => yaml_surface(file),
        _ if name.starts_with("env") || name.starts_with(".env") => Some(Surface::Dotenv),
        _ if name.starts_with("Dockerfile") => Some(Surface::Dockerfile),
        _ => None,
    }
}

/// `gunicorn.conf.py`, `gunicorn_config.py`, `config/gunicorn.py`, `gunicorn/conf.py`.
fn is_gunicorn_config(path: &str) -> bool {
    let Some(stem) = plain_name(path).strip_suffix(".py") else {
        return false;
    };
    let in_folder = base_name(folder_of(path)) == "gunicorn";
    stem.starts_with("gunicorn") || (in_folder && stem.contains("conf"))
}

fn ini_surface(file: &File) -> Option<Surface> {
    let text = file.text.as_str();
    let name = plain_name(&file.path);
    if text.contains("[uwsgi]") {
        return Some(Surface::UwsgiConfig);
    }
    if text.contains("[program:") || text.contains("[supervisord]") {
        return Some(Surface::Supervisor);
    }
    if text.contains("WSGIScriptAlias") || text.contains("WSGIDaemonProcess") {
        return Some(Surface::Apache);
    }
    if text.contains("[Service]") {
        return Some(Surface::Unit);
    }
    let is_python = name.starts_with("gunicorn") && !text.contains('[');
    is_python.then_some(Surface::GunicornConfig)
}

fn toml_platform(file: &File) -> Option<Surface> {
    let name = base_name(&file.path);
    let known = matches!(name, "railway.toml" | "nixpacks.toml")
        || (name.starts_with("fly.") && name.ends_with(".toml"));
    known.then_some(Surface::Platform)
}

/// Vercel's file.
pub(super) fn is_vercel(path: &str) -> bool {
    matches!(base_name(path), "vercel.json" | "now.json")
}

/// Zappa's settings, and task definitions of ECS, by what stands in them.
fn json_platform(file: &File) -> Option<Surface> {
    let text = file.text.as_str();
    let known = [
        "\"containerDefinitions\"",
        "\"app_function\"",
        "\"s3_bucket\"",
    ];
    let is_platform = is_vercel(&file.path) || known.iter().any(|key| text.contains(key));
    is_platform.then_some(Surface::Platform)
}

/// The Serverless Framework's file.
pub(super) fn is_serverless(path: &str) -> bool {
    matches!(base_name(path), "serverless.yml" | "serverless.yaml")
}

/// Elastic Beanstalk's options, and environments that were saved.
pub(super) fn is_beanstalk(path: &str) -> bool {
    path.contains(".ebextensions/") || path.contains(".elasticbeanstalk/saved_configs/")
}

/// Google's Cloud Build.
pub(super) fn is_cloud_build(path: &str) -> bool {
    let name = base_name(path);
    name.starts_with("cloudbuild") && name.ends_with(['l', 'n'])
}

/// DigitalOcean's App Platform.
fn is_digital_ocean(path: &str, text: &str) -> bool {
    path.starts_with(".do/")
        || path.contains("/.do/")
        || has_key(text, "services:") && text.contains("run_command:")
}

/// kustomize's file: it needs neither `kind` nor `apiVersion`.
pub(super) fn is_kustomization(path: &str) -> bool {
    let name = base_name(path);
    name.eq_ignore_ascii_case("kustomization")
        || ["kustomization.yaml", "kustomization.yml"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
}

/// Top-level or nested keys that tell what a YAML file is for.
fn yaml_surface(file: &File) -> Option<Surface> {
    let path = &*file.path;
    let name = plain_name(path);
    if path.contains(".github/workflows/")
        || path.contains(".github/actions/")
        || path.contains(".gitea/workflows/")
        || path.contains(".forgejo/workflows/")
    {
        return Some(Surface::GithubActions);
    }
    if name.ends_with(".gitlab-ci.yml") || path.contains(".gitlab/") || path.contains(".gitlab-ci/")
    {
        return Some(Surface::GitlabCi);
    }
    if path.starts_with(".circleci/") || path.contains("/.circleci/") {
        return Some(Surface::CircleCi);
    }
    if is_serverless(path)
        || matches!(
            name,
            "render.yaml" | "render.yml" | "heroku.yml" | "heroku.yaml"
        )
    {
        return Some(Surface::Platform);
    }
    if is_kustomization(path) {
        return Some(Surface::Kubernetes);
    }
    let text = file.text.as_str();
    if is_beanstalk(path) || is_digital_ocean(path, text) || is_cloud_build(path) {
        return Some(Surface::Platform);
    }
    if text.contains("apiVersion:") && text.contains("kind:") {
        let templated = text.contains("{{") && path.contains("templates/");
        return Some(if templated {
            Surface::Helm
        } else {
            Surface::Kubernetes
        });
    }
    if name.starts_with("app") && has_key(text, "runtime:") {
        return Some(Surface::Platform);
    }
    let composed =
        has_key(text, "services:") && (text.contains("image:") || text.contains("build:"));
    if composed {
        return Some(Surface::Compose);
    }
    is_ansible(path, text).then_some(Surface::Ansible)
}

/// Whether a line begins with `key`, without indentation.
fn has_key(text: &str, key: &str) -> bool {
    text.starts_with(key)
        || memchr::memmem::find_iter(text.as_bytes(), key)
            .any(|at| at > 0 && text.as_bytes()[at - 1] == b'\n')
}

const ANSIBLE_FOLDERS: &[&str] = &["playbooks", "roles", "group_vars", "host_vars", "ansible"];

fn is_ansible(path: &str, text: &str) -> bool {
    let folders = folder_of(path);
    if folders
        .split('/')
        .any(|folder| ANSIBLE_FOLDERS.contains(&folder))
    {
        return text.contains(": ");
    }
    let is_list = text.starts_with("- ") || text.contains("\n- ");
    // Roles may lie at the root: `tasks/main.yml` is a list of tasks.
    if matches!(base_name(folders), "tasks" | "handlers") {
        return is_list;
    }
    is_list && text.contains("hosts:") && (text.contains("tasks:") || text.contains("roles:"))
}

/// Whether `.dockerignore` keeps a file of the root out of images.
pub(super) fn keeps_out_of_images(repo: &Repository, name: &str) -> bool {
    let Some(file) = repo.file(".dockerignore") else {
        return false;
    };
    let mut kept_out = false;
    for line in file.text.as_str().lines() {
        let line = line.trim();
        let (pattern, keeps_in) = match line.strip_prefix('!') {
            Some(pattern) => (pattern, true),
            None => (line, false),
        };
        let pattern = pattern.trim_start_matches('/').trim_start_matches("**/");
        if matches_simply(pattern, name) {
            kept_out = !keeps_in;
        }
    }
    kept_out
}

/// A pattern with at most one star.
fn matches_simply(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            let fits = name.len() >= before.len() + after.len();
            fits && name.starts_with(before) && name.ends_with(after)
        }
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(path: &str, text: &str) -> Option<Surface> {
        let repo = Repository::from_texts([(path, text)]);
        surface_of(repo.file(path)?)
    }

    #[test]
    fn surfaces_are_told_by_name_and_text() {
        assert_eq!(
            surface("deploy/uwsgi.ini", "[uwsgi]\n"),
            Some(Surface::UwsgiConfig)
        );
        assert_eq!(
            surface("conf/web.conf", "[program:web]\n"),
            Some(Surface::Supervisor)
        );
        assert_eq!(surface("setup.cfg", "[metadata]\n"), None);
        assert_eq!(
            surface("gunicorn.conf.py", ""),
            Some(Surface::GunicornConfig)
        );
        assert_eq!(
            surface("config/gunicorn.py", ""),
            Some(Surface::GunicornConfig)
        );
        assert_eq!(surface("app/gunicornish/views.py", ""), None);
        assert_eq!(surface("x.service", ""), Some(Surface::Unit));
        assert_eq!(
            surface("roles/web/templates/app.service.j2", ""),
            Some(Surface::Unit)
        );
        assert_eq!(surface("app/templates/env.html", ""), None);
        assert_eq!(
            surface("k8s/web.yaml", "apiVersion: v1\nkind: Pod\n"),
            Some(Surface::Kubernetes)
        );
        assert_eq!(
            surface("openapi/x.yml", "get:\n  services: a\n  image: x\n"),
            None
        );
        assert_eq!(
            surface("production.yml", "services:\n  web:\n    build: .\n"),
            Some(Surface::Compose)
        );
        assert_eq!(
            surface("deploy.yml", "- hosts: web\n  tasks:\n    - shell: x\n"),
            Some(Surface::Ansible)
        );
        assert_eq!(surface("app/tasks/openapi/x.yml", "tags:\n- x\n"), None);
        assert_eq!(
            surface(".github/workflows/x.yml", ""),
            Some(Surface::GithubActions)
        );
    }

    #[test]
    fn dockerignore_keeps_files_out() {
        let kept = |text: &str| {
            keeps_out_of_images(&Repository::from_texts([(".dockerignore", text)]), ".env")
        };
        assert!(kept(".env\n"));
        assert!(kept("*.pyc\n.env*\n"));
        assert!(kept("**/.env\n"));
        assert!(!kept(".env\n!.env\n"));
        assert!(!kept(".venv\n.envrc\n"));
    }
}
