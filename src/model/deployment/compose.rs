//! Compose files: services over images, overrides over base files.

use std::rc::Rc;
use std::sync::Arc;

use super::argv::{self, Arg};
use super::files::{self, Judged};
use super::image::{self, Container, Image};
use super::place::{self, Place};
use super::reader::Reader;
use super::scope::Scope;
use super::wrappers::user_named;
use super::yaml_env::{self, Expansion};
use super::{EnvSetting, EnvValue, Form, Stage, Surface, rules};
use crate::discover::{File, Repository};
use crate::parse::yaml::{Node, Yaml};
use crate::text::{Location, Span};

/// A compose file, read.
pub(super) struct Compose {
    file: Arc<File>,
    yaml: Yaml,
    judged: Judged,
}

impl Compose {
    pub fn parse(file: &Arc<File>) -> Self {
        Self {
            yaml: Yaml::parse(file.text.as_str()),
            judged: files::judge_plain(file, "a plain compose file"),
            file: Arc::clone(file),
        }
    }

    fn services(&self) -> Vec<(&str, Node<'_>)> {
        let services = self.yaml.root().and_then(|root| root.get("services"));
        let entries = services.map_or(Vec::new(), Node::entries);
        entries
            .into_iter()
            .filter_map(|entry| Some((entry.key.as_str()?, entry.value)))
            .collect()
    }

    fn service(&self, name: &str) -> Option<Node<'_>> {
        self.yaml.root()?.at(&["services", name])
    }

    fn folder(&self) -> &str {
        files::folder_of(&self.file.path)
    }

    /// Whether a service says by itself what it runs.
    fn is_whole(service: Node<'_>) -> bool {
        service.get("image").is_some()
            || service.get("build").is_some()
            || service.get("extends").is_some()
    }
}

/// Reads all compose files of the repository: they override each other.
pub(super) fn read(reader: &mut Reader<'_>, files: &[Compose], images: &[Image]) {
    let bases: Vec<Option<usize>> = (0..files.len())
        .map(|index| base_of(files, index))
        .collect();
    let judged: Vec<Judged> = (0..files.len())
        .map(|index| judge(files, &bases, index))
        .collect();
    for (index, compose) in files.iter().enumerate() {
        for (name, service) in compose.services() {
            let base =
                bases[index].and_then(|base| Some((&files[base], files[base].service(name)?)));
            let layers: Vec<(&Compose, Node<'_>)> =
                base.into_iter().chain([(compose, service)]).collect();
            let mut judged = judge_service(&judged[index], name, service);
            if let Some(service_judged) = overridden(files, &bases, &judged, index, name) {
                judged = service_judged;
            }
            read_service(reader, &layers, name, &judged, images);
        }
    }
}

/// The file that `files[index]` is laid over: the plain one in its folder, if a service of it
/// cannot stand alone.
fn base_of(files: &[Compose], index: usize) -> Option<usize> {
    let own = &files[index];
    let plain = |other: &&Compose| {
        let stem = files::base_name(&other.file.path)
            .rsplit_once('.')
            .map_or("", |(stem, _)| stem);
        matches!(stem, "docker-compose" | "compose") && other.folder() == own.folder()
    };
    let base = files
        .iter()
        .position(|other| plain(&other))
        .filter(|base| *base != index)?;
    let leans = own
        .services()
        .iter()
        .any(|(name, service)| !Compose::is_whole(*service) && files[base].service(name).is_some());
    leans.then_some(base)
}

/// A plain file beside one for production that needs no base is not what production starts.
fn judge(files: &[Compose], bases: &[Option<usize>], index: usize) -> Judged {
    let own = &files[index];
    let named = files::judge_place(&own.file).is_some();
    if named || own.judged.stage != Stage::Production {
        return own.judged.clone();
    }
    let whole_for_production = files.iter().enumerate().find(|(other, compose)| {
        *other != index
            && bases[*other] != Some(index)
            && compose.folder() == own.folder()
            && files::judge_place(&compose.file).is_some_and(|it| it.stage == Stage::Production)
    });
    match whole_for_production {
        Some((_, other)) => {
            let name = files::base_name(&other.file.path);
            Judged::new(
                Stage::Development,
                format!("{name} stands beside it for production"),
            )
        }
        None => own.judged.clone(),
    }
}

/// A service of a base file whose command production replaces is what developers start.
fn overridden(
    files: &[Compose],
    bases: &[Option<usize>],
    judged: &Judged,
    index: usize,
    name: &str,
) -> Option<Judged> {
    if judged.stage != Stage::Production {
        return None;
    }
    let overlay = files.iter().enumerate().find(|(other, compose)| {
        bases[*other] == Some(index)
            && files::judge_place(&compose.file).is_some_and(|it| it.stage == Stage::Production)
            && compose
                .service(name)
                .is_some_and(|it| it.get("command").is_some() || it.get("entrypoint").is_some())
    });
    let name = files::base_name(&overlay?.1.file.path);
    Some(Judged::new(
        Stage::Development,
        format!("{name} starts something else in production"),
    ))
}

fn judge_service(file: &Judged, name: &str, service: Node<'_>) -> Judged {
    if file.stage != Stage::Production {
        return file.clone();
    }
    let target = service.at(&["build", "target"]).and_then(Node::as_str);
    let profiles = service.get("profiles");
    let profiles: Vec<&str> = profiles.map_or(Vec::new(), |it| {
        it.items().filter_map(Node::as_str).collect()
    });
    let image = service
        .text("image")
        .and_then(|image| image.rsplit_once(':'))
        .map(|(_, tag)| tag);
    let command = service.get("command").and_then(|command| {
        let first = command.items().next();
        let only = command.as_str().or_else(|| first?.as_str())?;
        // `command: dev` picks a branch of the image's own script.
        (!only.contains([' ', '/', '.'])).then_some(only)
    });
    let words = [
        ("service", Some(name)),
        ("command", command),
        ("build target", target),
        ("image tag", image),
    ];
    for (what, word) in words {
        if let Some((stage @ (Stage::Development | Stage::Test), word)) =
            word.and_then(rules::stage_of_name)
        {
            return Judged::new(stage, format!("its {what} is called \"{word}\""));
        }
    }
    if !profiles.is_empty() {
        let told = profiles
            .iter()
            .find_map(|profile| rules::stage_of_name(profile));
        return match told {
            Some((stage, word)) => {
                Judged::new(stage, format!("it runs only with the profile \"{word}\""))
            }
            None => Judged::new(
                Stage::Unknown,
                format!("it runs only with the profile \"{}\"", profiles[0]),
            ),
        };
    }
    file.clone()
}

fn read_service(
    reader: &mut Reader<'_>,
    layers: &[(&Compose, Node<'_>)],
    name: &str,
    judged: &Judged,
    images: &[Image],
) {
    let Some((own, _)) = layers.last() else {
        return;
    };
    let value = |key: &str| {
        layers
            .iter()
            .rev()
            .find_map(|(compose, node)| Some((*compose, node.get(key)?)))
    };
    let container =
        value("build").and_then(|(compose, build)| built(reader.repo, images, compose, build));
    let mut scope = match &container {
        Some(container) => container.scope.clone(),
        None => {
            let mut scope =
                Scope::checkout(&own.file, Surface::Compose, judged.clone(), own.folder());
            scope.place = Rc::new(Place::container(own.folder()));
            scope.cwd = "/".into();
            scope
        }
    };
    scope.name = name.to_owned();
    scope.judged = judged.clone();
    scope.main = true;
    scope.surface = Surface::Compose;
    scope.ignored = own.file.ignored;
    mount(&mut scope, layers);
    if let Some((_, folder)) =
        value("working_dir").and_then(|(compose, node)| Some((compose, node.as_str()?)))
    {
        scope.change_folder(folder);
    }
    if let Some(user) = value("user").and_then(|(_, node)| node.as_str()) {
        scope.user = user_named(user);
    }
    for (compose, node) in layers {
        // The base file's settings are noted when the base file is read.
        let is_own = Arc::ptr_eq(&compose.file, &own.file);
        environment(reader, compose, *node, is_own, &mut scope);
    }
    start(reader, layers, container, scope);
}

/// The container that `build:` makes.
fn built(
    repo: &Repository,
    images: &[Image],
    compose: &Compose,
    build: Node<'_>,
) -> Option<Container> {
    let context = build
        .as_str()
        .or_else(|| build.text("context"))
        .unwrap_or(".");
    if context.contains("://") {
        return None;
    }
    let context = place::join_relative(compose.folder(), context);
    let dockerfile = build.text("dockerfile").unwrap_or("Dockerfile");
    let path = place::join_relative(&context, dockerfile);
    let image = images.iter().find(|image| *image.file.path == *path)?;
    let stage = build
        .text("target")
        .and_then(|name| image.dockerfile.stage_named(name))
        .or(image.last_stage())?;
    Some(image.container(repo, stage, Some(&context)))
}

/// `volumes: - ./src:/app` puts the checkout over what the image holds.
fn mount(scope: &mut Scope, layers: &[(&Compose, Node<'_>)]) {
    let mut place = Place::clone(&scope.place);
    for (compose, node) in layers {
        for volume in node.get("volumes").into_iter().flat_map(Node::items) {
            let (source, target) = match volume.as_str() {
                Some(text) => {
                    let mut parts = text.split(':');
                    (parts.next(), parts.next())
                }
                None => (volume.text("source"), volume.text("target")),
            };
            if let (Some(source), Some(target)) = (source, target)
                && source.starts_with('.')
            {
                place.copy(target, &place::join_relative(compose.folder(), source));
            }
        }
    }
    scope.place = Rc::new(place);
}

fn environment(
    reader: &mut Reader<'_>,
    compose: &Compose,
    node: Node<'_>,
    is_own: bool,
    scope: &mut Scope,
) {
    if let Some(files) = node.get("env_file") {
        let named: Vec<&str> = match files.as_str() {
            Some(one) => vec![one],
            None => files
                .items()
                .filter_map(|item| item.as_str().or_else(|| item.text("path")))
                .collect(),
        };
        for name in named {
            let path = place::join_relative(compose.folder(), name);
            if let Some(file) = reader.repo.file(&path) {
                let file = Arc::clone(file);
                reader.env_file_found(&file, scope);
            }
        }
    }
    let arguments = node.at(&["build", "args"]);
    if let Some(arguments) = arguments.filter(|_| is_own) {
        for mut setting in
            yaml_env::of_node(arguments, &compose.file.path, scope, Expansion::Dollar)
        {
            setting.build_only = true;
            reader.set(setting);
        }
    }
    let Some(variables) = node.get("environment") else {
        return;
    };
    for setting in yaml_env::of_node(variables, &compose.file.path, scope, Expansion::Dollar) {
        if is_own {
            reader.set(setting.clone());
        }
        let found = interpolated(reader, compose, &setting);
        scope.environment.push(found.unwrap_or(setting));
    }
}

/// `${NAME}` takes its value from the `.env` file beside the compose file.
fn interpolated(
    reader: &Reader<'_>,
    compose: &Compose,
    setting: &EnvSetting,
) -> Option<EnvSetting> {
    if setting.value != EnvValue::Outside {
        return None;
    }
    let text = reader.repo.file(&setting.location.path)?;
    let written = text.text.slice(setting.location.span);
    let name = match written {
        "" => Some(setting.name.as_str()),
        written => super::values::single_name(written),
    }?;
    let beside = place::join_relative(compose.folder(), ".env");
    let settings = super::dotenv::read(reader.repo.file(&beside)?);
    let mut found = settings.into_iter().rev().find(|it| it.name == name)?;
    found.name.clone_from(&setting.name);
    Some(found)
}

/// `command:` and `entrypoint:` over the image's own.
fn start(
    reader: &mut Reader<'_>,
    layers: &[(&Compose, Node<'_>)],
    container: Option<Container>,
    mut scope: Scope,
) {
    let own = |key: &str| {
        layers
            .iter()
            .rev()
            .find_map(|(compose, node)| Some(((*compose, *node), node.get(key)?)))
            .filter(|(_, value)| !value.is_null())
    };
    let place = |(compose, node): (&Compose, Node<'_>), key: &str| {
        let span = node.entry(key).map_or(Span::at(0), |entry| entry.span());
        Location::new(&compose.file.path, span)
    };
    let (entrypoint, command) = (own("entrypoint"), own("command"));
    if entrypoint.is_none() && command.is_none() {
        let Some(mut container) = container else {
            return;
        };
        if let Some((compose, node)) = layers.last() {
            scope
                .via
                .push(Location::new(&compose.file.path, head_of(*node)));
        }
        scope.surface = Surface::Dockerfile;
        container.scope = scope;
        image::start(reader, &container);
        return;
    }
    let words = |(layer, value): ((&Compose, Node<'_>), Node<'_>), key: &str| {
        (words_of(value, &layer.0.file.path), place(layer, key))
    };
    let own_entrypoint = entrypoint.map(|it| words(it, "entrypoint"));
    let own_command = command.map(|it| words(it, "command"));
    let of_image = container.as_ref();
    let mut argv: Vec<Arg> = Vec::new();
    match (
        &own_entrypoint,
        of_image.and_then(|it| it.entrypoint.as_ref()),
    ) {
        (Some((words, _)), _) => argv.extend(words.iter().cloned()),
        (None, Some(entrypoint)) => {
            scope.via.push(entrypoint.location.clone());
            argv.extend(entrypoint.args.iter().cloned());
        }
        (None, None) => {}
    }
    match (&own_command, of_image.and_then(|it| it.command.as_ref())) {
        (Some((words, location)), _) => {
            if !argv.is_empty() {
                scope.via.push(location.clone());
            }
            argv.extend(words.iter().cloned());
        }
        // An entrypoint in the compose file drops the image's command.
        (None, Some(command)) if own_entrypoint.is_none() => {
            argv.extend(command.args.iter().cloned())
        }
        _ => {}
    }
    reader.command(argv, &scope);
}

/// The first line of a service: what leads to it.
fn head_of(service: Node<'_>) -> Span {
    let first = service.own_entries().next();
    first.map_or(Span::at(service.span().start), |entry| entry.key.span())
}

/// A command as a string (split without a shell) or as a list.
pub(super) fn words_of(node: Node<'_>, path: &Arc<str>) -> Vec<Arg> {
    if node.is_sequence() {
        return argv::of_sequence(node, path);
    }
    let Some(scalar) = node.scalar() else {
        return Vec::new();
    };
    let form = Form::Words(argv::quoting_of(scalar.style));
    argv::of_split(&scalar.value, path, scalar.inner, form)
}
