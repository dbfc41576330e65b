//! A setting more, at the place where people put it.

mod container;
mod lines;
mod manifest;
mod pipeline;

use super::Place;
use crate::finding::Edit;
use crate::model::deployment::Surface;

pub(super) fn add(place: &Place<'_>, name: &str, value: &str) -> Vec<Edit> {
    let variable = (name, value);
    match place.surface {
        Surface::Dockerfile => container::dockerfile(place, variable),
        Surface::Compose => container::compose(place, variable),
        Surface::Kubernetes => manifest::kubernetes(place, variable),
        Surface::Helm => manifest::helm(place, variable),
        Surface::Ansible => manifest::ansible(place, variable),
        Surface::AppJson => manifest::app_json(place, variable),
        Surface::Platform => manifest::platform(place, variable),
        Surface::GithubActions => pipeline::github(place, variable),
        Surface::GitlabCi => pipeline::gitlab(place, variable),
        Surface::Jenkins => pipeline::jenkins(place, variable),
        Surface::Procfile | Surface::Makefile => lines::in_front_of_commands(place, variable),
        Surface::Shell => lines::shell(place, variable),
        Surface::Unit => lines::unit(place, variable),
        Surface::Supervisor => lines::supervisor(place, variable),
        Surface::UwsgiConfig => lines::uwsgi(place, variable),
        Surface::GunicornConfig => lines::gunicorn(place, variable),
        Surface::Dotenv => lines::dotenv(place, variable),
        // A job's steps see what a context or the project's settings give.
        Surface::CircleCi | Surface::Terraform => Vec::new(),
        // Which of a file's tasks starts the application is for a person to say.
        Surface::Fabric => Vec::new(),
        // `SetEnv` never reaches the process's environment: the WSGI script must set it.
        Surface::Apache => Vec::new(),
    }
}
