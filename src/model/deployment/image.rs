//! Dockerfiles: what an image starts, as whom, with which environment.

use std::rc::Rc;
use std::sync::Arc;

use super::argv::{self, Arg};
use super::files::{self, Judged};
use super::place::{self, Place};
use super::reader::Reader;
use super::scope::Scope;
use super::wrappers::user_named;
use super::{EnvSetting, EnvValue, Form, Quoting, Stage, Surface, User, rules, values};
use crate::discover::{File, Repository};
use crate::parse::dockerfile::{Body, CommandForm, Dockerfile, HereDocument, Instruction, Pair};
use crate::text::{Location, Span};

/// A Dockerfile, read.
#[derive(Debug)]
pub(super) struct Image {
    pub file: Arc<File>,
    pub dockerfile: Dockerfile,
}

/// One build stage as the container that it makes.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub scope: Scope,
    pub entrypoint: Option<Start>,
    pub command: Option<Start>,
}

/// `ENTRYPOINT` or `CMD`.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub args: Vec<Arg>,
    /// A shell reads it: arguments behind it have no effect.
    pub shell: bool,
    pub location: Location,
    /// It stands in an image that this stage builds on.
    inherited: bool,
}

impl Container {
    /// The words that the container starts, `ENTRYPOINT` in front of `CMD`.
    pub fn argv(&self) -> Vec<Arg> {
        match (&self.entrypoint, &self.command) {
            (Some(entrypoint), _) if entrypoint.shell => entrypoint.args.clone(),
            (Some(entrypoint), Some(command)) => {
                [entrypoint.args.as_slice(), &command.args].concat()
            }
            (Some(only), None) | (None, Some(only)) => only.args.clone(),
            (None, None) => Vec::new(),
        }
    }
}

impl Image {
    pub fn read(file: &Arc<File>) -> Self {
        Self {
            file: Arc::clone(file),
            dockerfile: Dockerfile::parse(file.text.as_str()),
        }
    }

    /// The stage that a plain build makes.
    pub fn last_stage(&self) -> Option<usize> {
        self.dockerfile.stages.len().checked_sub(1)
    }

    /// Why a stage is what it is.
    pub fn judge(&self, stage: usize) -> Judged {
        if let Some(judged) = files::judge_place(&self.file) {
            return judged;
        }
        let name = files::base_name(&self.file.path);
        let own = self
            .dockerfile
            .stages
            .get(stage)
            .and_then(|stage| stage.name.as_deref());
        if let Some((found, word)) = own.and_then(rules::stage_of_name) {
            return Judged::new(found, format!("the build stage is called \"{word}\""));
        }
        if Some(stage) == self.last_stage() {
            return Judged::new(
                Stage::Production,
                format!("the last stage of {name} is what a plain build makes"),
            );
        }
        Judged::new(
            Stage::Unknown,
            format!("no plain build of {name} ends at this stage"),
        )
    }

    /// The settings of every `ENV` and `ARG`, each once.
    pub fn settings(&self) -> Vec<EnvSetting> {
        let last = self.last_stage();
        let chain: Vec<usize> = last.map_or(Vec::new(), |last| self.stages_below(last));
        let mut found = Vec::new();
        for instruction in &self.dockerfile.instructions {
            let stage = instruction.stage.or(last).unwrap_or(0);
            // What the last stage builds on, it inherits.
            let judged = if chain.contains(&stage) {
                self.judge(last.unwrap_or(0))
            } else {
                self.judge(stage)
            };
            found.extend(self.settings_of(instruction, &judged));
        }
        found
    }

    fn stages_below(&self, stage: usize) -> Vec<usize> {
        let next = |stage: &usize| self.dockerfile.stages.get(*stage)?.base;
        std::iter::successors(Some(stage), next).collect()
    }

    fn settings_of(&self, instruction: &Instruction, judged: &Judged) -> Vec<EnvSetting> {
        let (pairs, is_arg) = match &instruction.body {
            Body::Env(pairs) => (pairs, false),
            Body::Arg(pairs) => (pairs, true),
            _ => return Vec::new(),
        };
        let setting = |pair: &Pair| {
            let written = pair.value.as_deref();
            let value = match (written, is_arg) {
                (Some(text), true) if !text.is_empty() => match values::expanded(text) {
                    EnvValue::Literal(text) => EnvValue::Default(text),
                    other => other,
                },
                (Some(text), _) => self.resolved(text, instruction),
                (None, _) => EnvValue::Outside,
            };
            EnvSetting {
                name: pair.name.clone(),
                value,
                location: Location::new(&self.file.path, pair.value_span),
                statement: Location::new(&self.file.path, pair.span),
                surface: Surface::Dockerfile,
                stage: judged.stage,
                because: judged.because.clone(),
                ignored: self.file.ignored,
                base64: false,
                build_only: is_arg,
            }
        };
        pairs.iter().map(setting).collect()
    }

    /// `ENV KEY=$KEY`: the default of an `ARG` of that name is what an ordinary build puts in.
    fn resolved(&self, text: &str, at: &Instruction) -> EnvValue {
        let value = values::expanded(text);
        if value != EnvValue::Outside {
            return value;
        }
        let Some(name) = values::single_name(text) else {
            return value;
        };
        let before = self
            .dockerfile
            .instructions
            .iter()
            .take_while(|it| it.span.start < at.span.start);
        let default = before
            .filter_map(|instruction| match &instruction.body {
                Body::Arg(pairs) | Body::Env(pairs) => {
                    pairs.iter().rev().find(|pair| pair.name == name)
                }
                _ => None,
            })
            .filter_map(|pair| pair.value.clone())
            .last();
        match default {
            Some(default) if !default.is_empty() && !default.contains('$') => {
                EnvValue::Default(default)
            }
            _ => value,
        }
    }

    /// The container that `stage` makes. `context` is the folder that it is built from, where
    /// something says so.
    pub fn container(&self, repo: &Repository, stage: usize, context: Option<&str>) -> Container {
        let judged = self.judge(stage);
        let base = context.map_or_else(|| self.likely_context(repo), str::to_owned);
        let mut scope =
            Scope::checkout(&self.file, Surface::Dockerfile, judged.clone(), &base).main();
        scope.place = Rc::new(self.place(stage, &base, 0));
        scope.cwd = "/".into();
        scope.user = self.base_user(stage);
        let mut container = Container {
            scope,
            entrypoint: None,
            command: None,
        };
        for instruction in self.dockerfile.instructions_of(stage) {
            self.take(instruction, &judged, &mut container);
        }
        container
    }

    fn take(&self, instruction: &Instruction, judged: &Judged, container: &mut Container) {
        match &instruction.body {
            Body::From { .. } => {
                for start in [&mut container.entrypoint, &mut container.command]
                    .into_iter()
                    .flatten()
                {
                    start.inherited = true;
                }
            }
            Body::Env(_) => {
                container
                    .scope
                    .environment
                    .extend(self.settings_of(instruction, judged));
            }
            Body::User(name, _) => container.scope.user = user_named(name),
            Body::Workdir(folder, _) => {
                let folder = container.scope.expand(folder);
                container.scope.change_folder(&folder);
            }
            Body::Command(form) => {
                let start = self.start(instruction, form);
                match instruction.keyword.as_str() {
                    "ENTRYPOINT" => {
                        // A new ENTRYPOINT drops the CMD of the image that it builds on.
                        container.command = container
                            .command
                            .take()
                            .filter(|command| !command.inherited);
                        container.entrypoint = Some(start);
                    }
                    "CMD" => container.command = Some(start),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn start(&self, instruction: &Instruction, form: &CommandForm) -> Start {
        let path = &self.file.path;
        let location = Location::new(path, instruction.span);
        match form {
            CommandForm::Exec(items, span) => Start {
                args: argv::of_items(items, path, *span),
                shell: false,
                location,
                inherited: false,
            },
            CommandForm::Shell(text) => {
                let span = text.source(Span::new(0, text.as_str().len()));
                Start {
                    args: argv::shell_form(text, path, span, Form::Shell(Quoting::Bare)),
                    shell: true,
                    location,
                    inherited: false,
                }
            }
        }
    }

    /// Official images run as root; what others do is theirs to know.
    fn base_user(&self, stage: usize) -> User {
        let image = self.dockerfile.base_image(stage).unwrap_or_default();
        let name = image.split(['@']).next().unwrap_or(image);
        let unprivileged = ["nonroot", "rootless", "unprivileged"]
            .iter()
            .any(|word| name.contains(word));
        let repository = name.strip_prefix("docker.io/").unwrap_or(name);
        let repository = repository.strip_prefix("library/").unwrap_or(repository);
        let official =
            !repository.contains('/') && !repository.starts_with('$') && !repository.is_empty();
        match official && !unprivileged {
            true => User::Root,
            false => User::Unknown,
        }
    }

    /// The folder of the Dockerfile, or the one above where its folder only holds deployment.
    fn likely_context(&self, repo: &Repository) -> String {
        const HOLDERS: &[&str] = &[
            "docker",
            "deploy",
            "deployment",
            "build",
            "ci",
            "container",
            "containers",
            "dockerfiles",
            "ops",
            "infra",
            "etc",
            "config",
            "contrib",
            ".docker",
            ".devcontainer",
        ];
        let own = files::folder_of(&self.file.path);
        let mut candidates = vec![own.to_owned()];
        let mut folder = own;
        while !folder.is_empty() {
            folder = files::folder_of(folder);
            candidates.push(folder.to_owned());
        }
        let sources = self.sources();
        let fits = |folder: &String| {
            let exists = |source: &&String| {
                let path = place::join_relative(folder, source);
                repo.file(&path).is_some() || place::has_folder(repo, &path)
            };
            sources.iter().filter(exists).count()
        };
        let holds_only = own.split('/').any(|part| HOLDERS.contains(&part));
        let best = candidates.iter().map(fits).max().unwrap_or(0);
        let mut fitting = candidates.iter().filter(|folder| fits(folder) == best);
        let chosen = if holds_only {
            fitting.next_back()
        } else {
            fitting.next()
        };
        chosen.cloned().unwrap_or_default()
    }

    /// What is copied from the context, without globs and the context itself.
    fn sources(&self) -> Vec<String> {
        let copies = self
            .dockerfile
            .instructions
            .iter()
            .filter_map(|it| match &it.body {
                Body::Copy {
                    from: None,
                    sources,
                    ..
                } => Some(sources),
                _ => None,
            });
        let plain = |source: &&String| {
            !source.contains(['*', '$', '?'])
                && !matches!(source.as_str(), "." | "./")
                && !source.contains("://")
        };
        copies.flatten().filter(plain).cloned().collect()
    }

    fn place(&self, stage: usize, base: &str, depth: usize) -> Place {
        let mut place = Place::container(base);
        let mut cwd = String::from("/");
        for instruction in self.dockerfile.instructions_of(stage) {
            match &instruction.body {
                Body::Workdir(folder, _) => cwd = place::join(&cwd, folder),
                Body::Copy {
                    from,
                    sources,
                    target,
                } => {
                    let target_path = place::join(&cwd, target);
                    let into = target.ends_with('/') || target == "." || sources.len() > 1;
                    match from {
                        Some(from) if depth < 4 => {
                            let Some(other) = self.stage_called(from, stage) else {
                                continue;
                            };
                            let other = self.place(other, base, depth + 1);
                            for source in sources {
                                place.copy_from(&other, source, &target_path);
                            }
                        }
                        Some(_) => {}
                        None => copy(&mut place, base, sources, &target_path, into),
                    }
                    self.inline(&mut place, instruction, &target_path, into);
                }
                Body::Command(CommandForm::Shell(text))
                    if !instruction.here_documents.is_empty() =>
                {
                    let script = crate::parse::shell::parse(text);
                    let writes = script
                        .commands
                        .iter()
                        .flat_map(|command| &command.writes)
                        .next();
                    if let Some(target) = writes {
                        let target = place::join(&cwd, target);
                        self.inline(&mut place, instruction, &target, false);
                    }
                }
                _ => {}
            }
        }
        place
    }

    fn inline(&self, place: &mut Place, instruction: &Instruction, target: &str, into: bool) {
        for HereDocument { delimiter, body } in &instruction.here_documents {
            let target = match into {
                true => place::join(target, delimiter),
                false => target.to_owned(),
            };
            place.inline(&target, &self.file.path, *body);
        }
    }

    fn stage_called(&self, name: &str, before: usize) -> Option<usize> {
        let found = match name.parse::<usize>() {
            Ok(index) => Some(index),
            Err(_) => self.dockerfile.stage_named(name),
        };
        found.filter(|index| *index < before)
    }
}

/// `COPY sources target`.
fn copy(place: &mut Place, base: &str, sources: &[String], target: &str, into: bool) {
    for source in sources {
        if source.starts_with("<<") || source.contains("://") {
            continue;
        }
        let path = place::join_relative(base, source.trim_end_matches('*'));
        place.copy(target, &path);
        if into || source.contains('*') {
            let name = files::base_name(&path).to_owned();
            place.copy(&place::join(target, &name), &path);
        }
    }
}

/// Reads every Dockerfile: its settings, and what each of its stages starts.
pub(super) fn read(reader: &mut Reader<'_>, images: &[Image]) {
    for image in images {
        reader.out.environment.extend(image.settings());
        for stage in 0..image.dockerfile.stages.len() {
            if !image.starts_something(stage) {
                continue;
            }
            let container = image.container(reader.repo, stage, None);
            start(reader, &container);
        }
    }
}

/// Starts what the container starts by itself.
pub(super) fn start(reader: &mut Reader<'_>, container: &Container) {
    let mut scope = container.scope.clone();
    let combined = container.entrypoint.as_ref().filter(|it| !it.shell);
    if let (Some(entrypoint), Some(command)) = (combined, &container.command) {
        // The command stands in one of the two; the other one leads to it.
        scope.via.push(entrypoint.location.clone());
        scope.via.push(command.location.clone());
    }
    reader.command(container.argv(), &scope);
}

impl Image {
    /// Whether a stage has a command worth a process: the last one, and every earlier one that
    /// states its own.
    fn starts_something(&self, stage: usize) -> bool {
        if Some(stage) == self.last_stage() {
            return true;
        }
        let Some(range) = self
            .dockerfile
            .stages
            .get(stage)
            .map(|it| it.instructions.clone())
        else {
            return false;
        };
        self.dockerfile.instructions[range]
            .iter()
            .any(|it| matches!(it.keyword.as_str(), "CMD" | "ENTRYPOINT"))
    }
}
