//! From words to processes: wrappers taken off, scripts and targets followed, configuration
//! files joined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::argv::Arg;
use super::place::Found;
use super::scope::Scope;
use super::servers::{self, Invocation};
use super::wrappers::{self, Effects};
use super::{
    Deployment, EnvSetting, Form, Process, Quoting, Server, Surface, Target, dotenv, files,
    gunicorn, makefile, python_scripts, substitute, supervisor, uwsgi, values,
};
use crate::discover::{File, FileKind, Repository};
use crate::parse::mapped::Mapped;
use crate::text::{Location, Span};

/// Scripts that call scripts that call scripts: nobody writes more.
pub(super) const MAX_DEPTH: usize = 6;

pub(super) struct Reader<'a> {
    pub repo: &'a Repository,
    pub out: Deployment,
    /// Commands that the project installs, with what they call.
    pub console_scripts: BTreeMap<String, Target>,
    /// Scripts and configuration files that something uses.
    pub used: BTreeSet<Arc<str>>,
}

impl Reader<'_> {
    /// Notes a setting, and gives it back for the environment of a process.
    pub fn set(&mut self, mut setting: EnvSetting) -> EnvSetting {
        setting.surface = self.surface_at(&setting.location, setting.surface);
        self.out.environment.push(setting.clone());
        setting
    }

    /// The surface that a place belongs to: a compose service may start what stands in a
    /// Dockerfile.
    fn surface_at(&self, location: &Location, otherwise: Surface) -> Surface {
        let found = self.out.surfaces.get(&location.path);
        found.copied().unwrap_or(otherwise)
    }

    /// A command whose words are known.
    pub fn command(&mut self, args: Vec<Arg>, scope: &Scope) {
        if scope.depth > MAX_DEPTH {
            return;
        }
        let args = substitute::substituted(args, scope);
        let (args, effects) = wrappers::peel(args);
        let mut scope = scope.clone();
        self.apply(&effects, &mut scope);
        let Some(first) = args.first() else {
            return;
        };
        match first.program() {
            "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => self.shell(&args, &scope),
            "su" => self.shell(&args, &scope),
            "make" => makefile::follow(self, &args[1..], &scope),
            "supervisord" if supervisor::follow(self, &args, &scope) => {}
            _ if self.follows_script(&args, &scope) => {}
            _ => self.server(&args, &effects, &scope),
        }
    }

    fn apply(&mut self, effects: &Effects, scope: &mut Scope) {
        if let Some(user) = &effects.user {
            scope.user = user.clone();
        }
        for file in &effects.env_files {
            self.env_file(file, scope);
        }
        for word in &effects.assignments {
            if let Some(setting) = self.assigned_word(word, scope) {
                scope.environment.push(setting);
            }
        }
    }

    /// A word `NAME=value`.
    pub fn assigned_word(&mut self, word: &Arg, scope: &Scope) -> Option<EnvSetting> {
        let (name, value) = word.text().split_once('=')?;
        let start = name.len() + 1;
        let location = word.part(start, start + value.len());
        let value = values::expanded(&scope.expand_shell_value(value));
        let setting = scope.setting(name, value, location, word.location());
        Some(self.set(setting))
    }

    /// `sh -c "…"`, `sh script.sh`, `su user -c "…"`.
    fn shell(&mut self, args: &[Arg], scope: &Scope) {
        let rest = &args[1..];
        let is_su = args[0].program() == "su";
        let is_flag = |arg: &Arg| arg.text().starts_with(['-', '+']);
        let is_c = |arg: &Arg| {
            let text = arg.text();
            text == "--command" || (is_flag(arg) && !text.starts_with("--") && text.ends_with('c'))
        };
        // Flags behind the name of a script are the script's; `su` takes them behind the user.
        let script = rest.iter().position(|arg| !is_flag(arg) && !is_su);
        let flags = &rest[..script.unwrap_or(rest.len())];
        if let Some(at) = flags.iter().position(is_c) {
            let Some(text) = rest.get(at + 1) else {
                return;
            };
            let mut inner = scope.clone();
            inner.depth += 1;
            // `sh -c text name a b`: the first word behind the text becomes `$0`.
            if let Some((zeroth, arguments)) = rest.get(at + 2..).and_then(<[Arg]>::split_first) {
                inner.zeroth = Some(zeroth.clone());
                inner.arguments = arguments.to_vec();
            }
            self.script(&text.value, &text.path, text.inner_form, &inner);
            return;
        }
        let Some(at) = script else {
            return;
        };
        if !self.follow_file(&rest[at], &rest[at + 1..], scope) {
            self.server(&rest[at..], &Effects::default(), scope);
        }
    }

    /// Whether the command is a script of the repository; follows it if so.
    fn follows_script(&mut self, args: &[Arg], scope: &Scope) -> bool {
        let path = args[0].text();
        if path.contains('$') || path.ends_with(".py") {
            return false;
        }
        let looks_like_path = path.contains('/') || path.ends_with(".sh");
        if !looks_like_path && !scope.place.is_container() {
            return false;
        }
        self.follow_file(&args[0], &args[1..], scope)
    }

    /// Follows the shell script that `word` names; false when there is no such script.
    fn follow_file(&mut self, word: &Arg, arguments: &[Arg], scope: &Scope) -> bool {
        let repo = self.repo;
        let mut inner = scope.clone();
        inner.depth += 1;
        inner.arguments = arguments.to_vec();
        inner.zeroth = None;
        inner.variables.clear();
        inner.via.push(word.whole.clone());
        match scope.place.file(repo, word.text(), &scope.cwd) {
            Some(Found::File(file)) if file.kind == FileKind::Shell || is_shell_text(file) => {
                self.used.insert(Arc::clone(&file.path));
                inner.surface = Surface::Shell;
                let text = Mapped::verbatim(file.text.as_str(), 0);
                self.script(&text, &file.path, Form::Shell(Quoting::Bare), &inner);
                true
            }
            Some(Found::Inline(path, body)) => {
                let Some(file) = repo.file(&path) else {
                    return false;
                };
                let text = Mapped::verbatim(file.text.slice(body), body.start);
                self.script(&text, &path, Form::Shell(Quoting::Bare), &inner);
                true
            }
            _ => false,
        }
    }

    /// Reads a file of `NAME=value` lines into the environment.
    pub fn env_file(&mut self, path: &str, scope: &mut Scope) {
        let repo = self.repo;
        let path = scope.expand(path);
        let Some(Found::File(file)) = scope.place.file(repo, &path, &scope.cwd) else {
            return;
        };
        self.env_file_found(file, scope);
    }

    /// The same for a file that has been found.
    pub fn env_file_found(&mut self, file: &Arc<File>, scope: &mut Scope) {
        let settings = dotenv::read(file);
        if file.kind != FileKind::Dotenv {
            self.out.environment.extend(settings.iter().cloned());
        }
        scope.environment.extend(settings);
    }

    fn server(&mut self, args: &[Arg], effects: &Effects, scope: &Scope) {
        let Some(first) = args.first() else {
            return;
        };
        let invocation = match self.console_scripts.get(first.program()) {
            Some(target) => {
                let mut own = servers::console_script(first.program(), &args[1..]);
                own.target = Some(target.clone());
                Some(own)
            }
            None => servers::recognise(args),
        };
        let Some(invocation) = invocation else {
            return;
        };
        let main = scope.main || effects.replaces_shell && scope.depth == 0;
        if !main && !self.is_service(&invocation, scope) {
            return;
        }
        self.emit(args, invocation, scope);
    }

    /// Whether a command in the middle of a script serves, and does not only prepare.
    fn is_service(&self, invocation: &Invocation, scope: &Scope) -> bool {
        if invocation.one_shot || scope.one_shot {
            return false;
        }
        match &invocation.server {
            Server::Other { .. } => false,
            Server::PythonScript { path } => match scope.place.file(self.repo, path, &scope.cwd) {
                Some(Found::File(file)) => python_scripts::serves(file.text.as_str()),
                _ => false,
            },
            Server::PythonModule { name } => {
                let path = format!("{}.py", name.replace('.', "/"));
                let main = format!("{}/__main__.py", name.replace('.', "/"));
                [path, main].iter().any(|path| {
                    match scope.place.file(self.repo, path, &scope.cwd) {
                        Some(Found::File(file)) => python_scripts::serves(file.text.as_str()),
                        _ => false,
                    }
                })
            }
            Server::ConsoleScript { .. } => invocation.target.is_some(),
            _ => true,
        }
    }

    /// Joins what the command, its configuration files and its surroundings say.
    pub fn emit(&mut self, args: &[Arg], mut invocation: Invocation, scope: &Scope) {
        let mut scope = scope.clone();
        if let Some(folder) = &invocation.chdir {
            scope.change_folder(folder);
        }
        match invocation.server {
            Server::Gunicorn => gunicorn::join(self, &mut invocation, &mut scope),
            Server::Uwsgi => uwsgi::join(self, &mut invocation, &mut scope),
            _ => {}
        }
        for file in std::mem::take(&mut invocation.env_files) {
            self.env_file(&file, &mut scope);
        }
        for (text, location) in std::mem::take(&mut invocation.assignments) {
            self.flag_assignment(&text, &location, &mut scope);
        }
        if let Some(user) = invocation.user.take() {
            scope.user = user;
        }
        self.resolve(&mut invocation, &mut scope);
        let Some(first) = args.first() else {
            return;
        };
        let process = Process {
            name: scope.name,
            location: first.whole.clone(),
            form: first.form,
            words: args.iter().map(Arg::word).collect(),
            surface: self.surface_at(&first.location(), scope.surface),
            server: invocation.server,
            target: invocation.target,
            flags: invocation.flags,
            folder: scope.place.folder(self.repo, &scope.cwd),
            in_container: scope.place.is_container(),
            chdir: scope.chdir,
            user: scope.user,
            environment: scope.environment,
            one_shot: invocation.one_shot || scope.one_shot,
            stage: scope.judged.stage,
            because: scope.judged.because,
            via: scope.via,
            configs: scope.configs,
        };
        self.out.processes.push(process);
    }

    /// `NAME=value` of a server's flag or configuration key.
    pub fn flag_assignment(&mut self, text: &str, location: &Location, scope: &mut Scope) {
        let Some((name, value)) = text.split_once('=') else {
            return;
        };
        let end = location.span.end;
        let start = end.saturating_sub(value.len()).max(location.span.start);
        let place = Location::new(&location.path, Span::new(start, end));
        let stands_there = self
            .repo
            .file(&place.path)
            .is_some_and(|file| file.text.slice(place.span) == value);
        let value = values::expanded(value.trim());
        let mut setting = scope.setting(name.trim(), value, place, location.clone());
        if stands_there {
            setting = self.set(setting);
        }
        scope.environment.push(setting);
    }

    /// Finds the application where the command leaves it to the environment or to the folder.
    fn resolve(&mut self, invocation: &mut Invocation, scope: &mut Scope) {
        match &invocation.server {
            Server::FlaskRun => {
                self.python_dotenv(scope);
                if invocation.target.is_none() {
                    invocation.target = self.flask_app(scope);
                }
            }
            Server::PythonScript { path } => {
                let path = path.clone();
                self.python_dotenv(scope);
                if let Some(Found::File(file)) = scope.place.file(self.repo, &path, &scope.cwd) {
                    // `manage.py cleanup`, and nothing in the script starts a server.
                    let argument = invocation.argument.as_deref();
                    let chore = argument.is_some_and(|it| !servers::SERVING.contains(&it));
                    invocation.one_shot |= chore && !python_scripts::serves(file.text.as_str());
                    let found = file.path.to_string();
                    let folder = scope.place.folder(self.repo, &scope.cwd);
                    self.locate_script(invocation, &found, &folder);
                }
            }
            Server::PythonModule { .. } | Server::ConsoleScript { .. } => self.python_dotenv(scope),
            _ => {}
        }
    }

    fn locate_script(&self, invocation: &mut Invocation, path: &str, folder: &str) {
        invocation.server = Server::PythonScript {
            path: path.to_owned(),
        };
        let inside = match folder {
            "" => path,
            folder => path
                .strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .unwrap_or(path),
        };
        if let (Some(target), Some(module)) =
            (&mut invocation.target, servers::module_of_path(inside))
        {
            target.module = module;
        }
    }

    /// `FLASK_APP`, or `wsgi.py` or `app.py` in the working folder.
    fn flask_app(&self, scope: &Scope) -> Option<Target> {
        let setting = scope
            .environment
            .iter()
            .rev()
            .find(|it| it.name == "FLASK_APP");
        if let Some(setting) = setting {
            return super::server_flags::flask_target(setting.literal()?, setting.location.clone());
        }
        let folder = scope.place.folder(self.repo, &scope.cwd);
        let module = ["wsgi", "app"].into_iter().find(|module| {
            let path = super::place::join_relative(&folder, &format!("{module}.py"));
            let package = super::place::join_relative(&folder, &format!("{module}/__init__.py"));
            self.repo.file(&path).is_some() || self.repo.file(&package).is_some()
        })?;
        let path = super::place::join_relative(&folder, &format!("{module}.py"));
        let file = self.repo.file(&path)?;
        Some(Target {
            module: module.to_owned(),
            expression: None,
            factory: false,
            location: Location::new(&file.path, Span::at(0)),
        })
    }

    /// What python-dotenv loads for `flask` and `app.run()`: `.env` over `.flaskenv`, the real
    /// environment over both (facts 1.6).
    fn python_dotenv(&mut self, scope: &mut Scope) {
        let skips = |it: &EnvSetting| {
            it.name == "FLASK_SKIP_DOTENV" && it.literal().is_some_and(super::flask_debug_on)
        };
        if scope.environment.iter().any(skips) {
            return;
        }
        let folder = scope.place.folder(self.repo, &scope.cwd);
        let mut loaded = Vec::new();
        for name in [".flaskenv", ".env"] {
            if scope.place.is_container() && files::keeps_out_of_images(self.repo, name) {
                continue;
            }
            if let Some(file) = nearest(self.repo, &folder, name) {
                loaded.extend(dotenv::read(file));
            }
        }
        loaded.append(&mut scope.environment);
        scope.environment = loaded;
    }
}

fn is_shell_text(file: &File) -> bool {
    let first = file.text.line(1);
    first.starts_with("#!") && (first.ends_with("sh") || first.contains("sh "))
}

/// The file `name` in `folder` or the nearest folder above it.
fn nearest<'a>(repo: &'a Repository, folder: &str, name: &str) -> Option<&'a Arc<File>> {
    let mut folder = folder;
    loop {
        let path = super::place::join_relative(folder, name);
        if let Some(file) = repo.file(&path) {
            return Some(file);
        }
        if folder.is_empty() {
            return None;
        }
        folder = files::folder_of(folder);
    }
}
