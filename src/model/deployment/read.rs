//! The order in which the surfaces are read: what others build on comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compose::Compose;
use super::image::Image;
use super::reader::Reader;
use super::{
    Deployment, Stage, Surface, amazon, ansible, apache, ci, circle, compose, dotenv, fabric,
    files, gunicorn, image, jenkins, kubernetes, makefile, platform, procfile, python_scripts,
    shell, supervisor, terraform, unit, uwsgi,
};
use crate::discover::{File, FileKind, Purpose, Repository};

/// Functions that load an environment file from code.
const LOADERS: &[&str] = &[
    "load_dotenv",
    "dotenv_values",
    "read_env(",
    "read_envfile(",
    "env_file=",
    "env_file =",
];

pub(super) fn read(repo: &Repository) -> Deployment {
    let mut surfaces: BTreeMap<Surface, Vec<Arc<File>>> = BTreeMap::new();
    for file in repo
        .files()
        .filter(|file| file.purpose != Purpose::Vendored)
    {
        if let Some(surface) = files::surface_of(file) {
            surfaces.entry(surface).or_default().push(Arc::clone(file));
        }
    }
    let mut reader = Reader {
        repo,
        out: Deployment {
            surfaces: of_paths(repo, &surfaces),
            ..Deployment::default()
        },
        console_scripts: python_scripts::console_scripts(repo),
        used: BTreeSet::new(),
    };
    let of = |surface: Surface| {
        surfaces
            .get(&surface)
            .map_or(&[] as &[Arc<File>], Vec::as_slice)
    };
    let images: Vec<Image> = of(Surface::Dockerfile).iter().map(Image::read).collect();
    for file in of(Surface::Dotenv) {
        reader.out.environment.extend(dotenv::read(file));
    }
    image::read(&mut reader, &images);
    let composed: Vec<Compose> = of(Surface::Compose).iter().map(Compose::parse).collect();
    compose::read(&mut reader, &composed, &images);
    for surface in [Surface::Kubernetes, Surface::Helm] {
        for file in of(surface) {
            kubernetes::read(&mut reader, file, surface, &images);
        }
    }
    chart_values(&mut reader);
    each(&mut reader, of(Surface::Procfile), procfile::read);
    each(&mut reader, of(Surface::Unit), unit::read);
    each(&mut reader, of(Surface::Supervisor), supervisor::read);
    each(&mut reader, of(Surface::Apache), apache::read);
    each(&mut reader, of(Surface::AppJson), platform::read_app_json);
    each(&mut reader, of(Surface::Platform), platform_file);
    terraform::read(&mut reader, of(Surface::Terraform));
    each(&mut reader, of(Surface::Ansible), ansible::read);
    each(&mut reader, of(Surface::GithubActions), ci::read_github);
    each(&mut reader, of(Surface::GitlabCi), ci::read_gitlab);
    each(&mut reader, of(Surface::CircleCi), circle::read);
    each(&mut reader, of(Surface::Jenkins), jenkins::read);
    each(&mut reader, of(Surface::Fabric), fabric::read);
    let others_start = starts_for_production(&reader.out);
    for file in of(Surface::Shell) {
        if !reader.used.contains(&file.path) {
            shell::read(&mut reader, file, others_start);
        }
    }
    each(&mut reader, of(Surface::Makefile), makefile::read);
    ansible::variables(&mut reader, of(Surface::Ansible));
    for file in of(Surface::GunicornConfig) {
        if !reader.used.contains(&file.path) {
            gunicorn::read_alone(&mut reader, file);
        }
    }
    for file in of(Surface::UwsgiConfig) {
        if !reader.used.contains(&file.path) {
            uwsgi::read_alone(&mut reader, file);
        }
    }
    reader.out.code_loads_dotenv = code_loads_dotenv(repo);
    in_order(reader.out)
}

fn of_paths(
    repo: &Repository,
    surfaces: &BTreeMap<Surface, Vec<Arc<File>>>,
) -> BTreeMap<Arc<str>, Surface> {
    let mut paths = BTreeMap::new();
    for (surface, files) in surfaces {
        paths.extend(files.iter().map(|file| (Arc::clone(&file.path), *surface)));
    }
    // A chart's values are told by the chart beside them.
    paths.extend(values_files(repo).map(|file| (Arc::clone(&file.path), Surface::Helm)));
    paths
}

fn each(reader: &mut Reader<'_>, files: &[Arc<File>], read: fn(&mut Reader<'_>, &Arc<File>)) {
    for file in files {
        read(reader, file);
    }
}

fn platform_file(reader: &mut Reader<'_>, file: &Arc<File>) {
    match file.kind {
        FileKind::Toml => platform::read_toml(reader, file),
        FileKind::Json if files::is_vercel(&file.path) => platform::read_vercel(reader, file),
        FileKind::Json => amazon::read_json(reader, file),
        _ if files::is_serverless(&file.path) => amazon::read_serverless(reader, file),
        _ if files::is_beanstalk(&file.path) => amazon::read_beanstalk(reader, file),
        _ if files::is_cloud_build(&file.path) => platform::read_cloud_build(reader, file),
        _ => platform::read_yaml(reader, file),
    }
}

fn chart_values(reader: &mut Reader<'_>) {
    for file in values_files(reader.repo) {
        kubernetes::read_values(reader, file);
    }
}

/// `values*.yaml` beside a `Chart.yaml`.
fn values_files(repo: &Repository) -> impl Iterator<Item = &Arc<File>> {
    let charts: Vec<&str> = repo
        .of_kind(FileKind::Yaml)
        .filter(|file| files::base_name(&file.path) == "Chart.yaml")
        .map(|file| files::folder_of(&file.path))
        .collect();
    repo.of_kind(FileKind::Yaml).filter(move |file| {
        let named = files::base_name(&file.path).starts_with("values");
        named && charts.contains(&files::folder_of(&file.path))
    })
}

fn starts_for_production(deployment: &Deployment) -> bool {
    let mut servers = deployment.servers();
    servers.any(|process| process.stage == Stage::Production)
}

fn code_loads_dotenv(repo: &Repository) -> bool {
    let python = repo.of_kind(FileKind::Python);
    python
        .filter(|file| file.purpose == Purpose::Application)
        .any(|file| {
            let text = file.text.as_str();
            text.contains("env") && LOADERS.iter().any(|loader| text.contains(loader))
        })
}

/// Sorts by place and drops what was read twice: a script that two services start says the
/// same thing to both. Of two stages production wins, since it is reached.
fn in_order(mut deployment: Deployment) -> Deployment {
    let environment = &mut deployment.environment;
    environment.sort_by(|a, b| {
        let place = |it: &super::EnvSetting| {
            (
                Arc::clone(&it.statement.path),
                it.statement.span.start,
                it.location.span.start,
            )
        };
        place(a).cmp(&place(b)).then(a.stage.cmp(&b.stage))
    });
    environment.dedup_by(|b, a| {
        a.location == b.location && a.statement == b.statement && a.name == b.name
    });
    let processes = &mut deployment.processes;
    processes.sort_by(|a, b| {
        let place = |it: &super::Process| (Arc::clone(&it.location.path), it.location.span.start);
        place(a).cmp(&place(b)).then(a.stage.cmp(&b.stage))
    });
    processes.dedup();
    deployment
}
