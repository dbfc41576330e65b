//! Configuration files that code reads by itself: JSON, YAML, TOML, INI, and dynaconf's.

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged as _;

use super::load::text_of;
use super::trace::{Eval, Frame, Tracer, choice};
use super::{Environment, FileEntry, SourceKind, Value};
use crate::model::modules::ModuleId;
use crate::text::Span;

/// Functions that make a document of an open file, of a text or of a path.
pub(super) fn is_parser(name: &str) -> bool {
    matches!(
        name,
        "json.load"
            | "simplejson.load"
            | "simplejson.loads"
            | "yaml.safe_load"
            | "yaml.full_load"
            | "yaml.unsafe_load"
            | "yaml.load"
            | "toml.load"
            | "toml.loads"
            | "tomllib.load"
            | "tomllib.loads"
            | "tomli.load"
            | "tomli.loads"
    )
}

pub(super) fn is_ini(class: &str) -> bool {
    matches!(
        class,
        "configparser.ConfigParser"
            | "configparser.RawConfigParser"
            | "configparser.SafeConfigParser"
    )
}

/// The classes of dynaconf that load settings, for Flask or by themselves.
pub(super) fn is_dynaconf(name: &str) -> bool {
    is_for_flask(name) || matches!(name, "dynaconf.Dynaconf" | "dynaconf.LazySettings")
}

fn is_for_flask(name: &str) -> bool {
    name.starts_with("dynaconf.") && name.ends_with(".FlaskDynaconf")
}

/// What dynaconf looks for when it is told nothing (3.x), lowest first.
const DYNACONF_FILES: &[&str] = &[
    "settings.toml",
    "settings.yaml",
    "settings.yml",
    "settings.json",
    ".secrets.toml",
    ".secrets.yaml",
    ".secrets.yml",
    ".secrets.json",
];

impl<'a> Tracer<'a> {
    pub(super) fn opened(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        let path = call.arguments.find_argument_value("file", 0);
        let path = path.and_then(|path| self.path_of(frame, path));
        Eval::Value(match path {
            Some(path) => Value::Entry(FileEntry::of_file(&path, name)),
            None => Value::Store(name.to_owned()),
        })
    }

    fn path_of(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Option<String> {
        match self.eval(frame, expr) {
            Eval::Path(path) => Some(path),
            value => text_of(&value),
        }
    }

    /// `yaml.safe_load(stream)`, `toml.load("config.toml")`.
    pub(super) fn parsed_file(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        let store = Value::Store(name.to_owned());
        let Some(first) = call.arguments.args.first() else {
            return Eval::Value(store);
        };
        Eval::Value(match self.eval(frame, first) {
            Eval::Value(Value::Entry(entry)) => Value::Entry(FileEntry {
                how: name.to_owned(),
                ..entry
            }),
            Eval::Path(path) => Value::Entry(FileEntry::of_file(&path, name)),
            value if name == "toml.load" => match text_of(&value) {
                Some(path) => Value::Entry(FileEntry::of_file(&path, name)),
                None => store,
            },
            _ => store,
        })
    }

    /// A method of what a file holds.
    pub(super) fn entry_method(
        &mut self,
        frame: &mut Frame<'a>,
        entry: &FileEntry,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        match name {
            "get" | "pop" | "setdefault" => {
                let key = call.arguments.find_positional(0);
                let key = key.and_then(|key| text_of(&self.eval(frame, key)));
                let Some(key) = key else {
                    return Eval::Value(Value::Store(entry.how.clone()));
                };
                let found = Value::Entry(entry.below(&key));
                let default = call.arguments.find_argument_value("default", 1);
                match default.map(|default| self.eval(frame, default)) {
                    Some(Eval::Value(default)) => {
                        Eval::Value(choice("the file has it".to_owned(), found, default))
                    }
                    _ => Eval::Value(found),
                }
            }
            "init_app" if is_for_flask(&entry.how) => {
                if self.arguments(frame, call).iter().any(Eval::is_app) {
                    self.load_entry(frame.module, call.range(), entry);
                }
                Eval::Value(Value::Entry(entry.clone()))
            }
            _ => Eval::Value(Value::Entry(entry.clone())),
        }
    }

    /// What a file holds becomes configuration, section by section.
    pub(super) fn load_entry(&mut self, module: ModuleId, at: impl Into<Span>, entry: &FileEntry) {
        let at = at.into();
        let sections: Vec<Vec<String>> = match entry.layers.is_empty() {
            true => vec![entry.keys.clone()],
            false => entry.layers.iter().map(|it| vec![it.clone()]).collect(),
        };
        for file in &entry.files {
            for section in &sections {
                let name = Some(file.to_string());
                self.note_source(module, SourceKind::File, at, name, None);
                if let Some(source) = self.sources.last_mut() {
                    source.section.clone_from(section);
                    source.prefix.clone_from(&entry.prefix);
                }
            }
        }
    }

    /// A method of configparser: `read`, `get`, `getboolean`, …
    pub(super) fn read_ini(
        &mut self,
        frame: &mut Frame<'a>,
        class: &str,
        method: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        let how = format!("{class}.{method}");
        if method == "read" {
            let files = call.arguments.find_argument_value("filenames", 0);
            let files = files.map_or_else(Vec::new, |files| self.file_names(frame, files));
            self.ini_files.extend(files);
            return Eval::Value(Value::Store(how));
        }
        let mut texts = Vec::new();
        for argument in call.arguments.args.iter().take(2) {
            texts.extend(text_of(&self.eval(frame, argument)));
        }
        let files = self.files_of_parser(frame.module);
        let found = match (texts.as_slice(), files.is_empty()) {
            ([section, key], false) => Value::Entry(FileEntry {
                files,
                keys: vec![section.clone(), key.clone()],
                how,
                layers: Vec::new(),
                prefix: None,
            }),
            _ => Value::Store(how),
        };
        let fallback = call.arguments.find_keyword("fallback");
        match fallback.map(|fallback| self.eval(frame, &fallback.value)) {
            Some(Eval::Value(value)) => {
                Eval::Value(choice("the file has it".to_owned(), found, value))
            }
            _ => Eval::Value(found),
        }
    }

    /// `parser["section"]`.
    pub(super) fn ini_section(&mut self, module: ModuleId, class: &str, section: &str) -> Eval<'a> {
        let files = self.files_of_parser(module);
        if files.is_empty() {
            return Eval::Value(Value::Store(class.to_owned()));
        }
        Eval::Value(Value::Entry(FileEntry {
            files,
            keys: vec![section.to_owned()],
            how: class.to_owned(),
            layers: Vec::new(),
            prefix: None,
        }))
    }

    /// The files that have been read, else those that the module reads anywhere.
    fn files_of_parser(&mut self, module: ModuleId) -> Vec<Box<str>> {
        if !self.ini_files.is_empty() {
            return self.ini_files.clone();
        }
        let mut reads = Reads(Vec::new());
        SourceOrderVisitor::visit_body(&mut reads, self.tree(module).body());
        let mut files = Vec::new();
        for argument in reads.0 {
            let mut frame = Frame::of_module(module);
            files.extend(self.file_names(&mut frame, argument));
        }
        files
    }

    /// The names in `"a.ini"`, `["a.ini", "b.ini"]` and `"a.toml;b.toml"`.
    fn file_names(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Vec<Box<str>> {
        let texts = match self.eval(frame, expr) {
            Eval::Path(path) => vec![path],
            Eval::Sequence(module, items) => {
                let mut own = Frame::of_module(module);
                let items = items.iter();
                items
                    .filter_map(|item| self.path_of(&mut own, item))
                    .collect()
            }
            value => text_of(&value).map_or_else(Vec::new, |text| {
                text.split([';', ',']).map(str::to_owned).collect()
            }),
        };
        let texts = texts.iter().map(|text| text.trim());
        texts
            .filter(|text| !text.is_empty())
            .map(Box::from)
            .collect()
    }

    /// `FlaskDynaconf(app, settings_files=[…])`, `Dynaconf(environments=True)`. Without a
    /// variable that says otherwise dynaconf loads the section for development, wherever it runs.
    pub(super) fn dynaconf(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
        call: &'a ExprCall,
    ) -> Eval<'a> {
        let keyword = |names: &[&str]| {
            let keywords = &call.arguments.keywords;
            keywords.iter().find_map(|keyword| {
                let own = keyword.arg.as_ref()?.as_str();
                let is_it = names.iter().any(|name| own.eq_ignore_ascii_case(name));
                is_it.then_some(&keyword.value)
            })
        };
        let handed = self.arguments(frame, call).iter().any(Eval::is_app);
        let instance = keyword(&["dynaconf_instance"]).map(|expr| self.eval(frame, expr));
        let entry = match instance {
            Some(Eval::Value(Value::Entry(entry))) => FileEntry {
                how: name.to_owned(),
                ..entry
            },
            _ => {
                let given = keyword(&["settings_files", "settings_file", "settings_module"]);
                let files = given.map_or_else(Vec::new, |expr| self.file_names(frame, expr));
                let files = match files.is_empty() {
                    true => DYNACONF_FILES.iter().map(|it| Box::from(*it)).collect(),
                    false => files,
                };
                let prefix = keyword(&["envvar_prefix"]);
                let prefix = prefix.and_then(|expr| text_of(&self.eval(frame, expr)));
                let default = if is_for_flask(name) {
                    "FLASK"
                } else {
                    "DYNACONF"
                };
                let prefix = prefix.unwrap_or_else(|| default.to_owned());
                let environments = keyword(&["environments"]);
                let environments = environments.map(|expr| self.eval(frame, expr));
                let is_off = environments.as_ref().map_or(!is_for_flask(name), |value| {
                    super::evaluate::truth_of(value) == Some(false)
                });
                let env = keyword(&["env", "force_env", "env_for_dynaconf"]);
                let env = env.and_then(|expr| text_of(&self.eval(frame, expr)));
                let layers = match is_off {
                    true => Vec::new(),
                    false => self.layers(env, &prefix),
                };
                FileEntry {
                    files,
                    keys: Vec::new(),
                    how: name.to_owned(),
                    layers,
                    prefix: Some(prefix),
                }
            }
        };
        if handed {
            self.load_entry(frame.module, call.range(), &entry);
        }
        Eval::Value(Value::Entry(entry))
    }

    /// The sections that dynaconf lays over each other: `default`, then the environment's.
    fn layers(&self, env: Option<String>, prefix: &str) -> Vec<String> {
        let deployment = self.world.deployment;
        let switch = format!("{prefix}_ENV");
        let variables = [switch.as_str(), "ENV_FOR_DYNACONF"];
        let set = || {
            let mut settings = variables
                .iter()
                .flat_map(|name| deployment.production_settings(name));
            settings.find_map(|setting| setting.literal().map(str::to_lowercase))
        };
        let env = env.or_else(|| match self.goal {
            Environment::Production => set(),
            Environment::Development => Some("development".to_owned()),
            Environment::Testing => Some("testing".to_owned()),
        });
        // Where nothing says how production is started, somebody will have thought of it.
        let unset = match deployment.production().next() {
            Some(_) => "development",
            None => "production",
        };
        let env = env.unwrap_or_else(|| unset.to_owned());
        vec!["default".to_owned(), env, "global".to_owned()]
    }
}

/// The arguments of calls of `.read(…)`.
struct Reads<'a>(Vec<&'a Expr>);

impl<'a> SourceOrderVisitor<'a> for Reads<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && let Expr::Attribute(method) = &*call.func
            && method.attr.as_str() == "read"
        {
            self.0.extend(call.arguments.args.first());
        }
        walk_expr(self, expr);
    }
}
