//! The repository's Python modules, parsed, and found by dotted name.
//!
//! Work follows need: the bytes of every file are searched for what can matter, the files that
//! match are parsed, and then whatever those import from the repository.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use rayon::prelude::*;
use ruff_python_ast::Stmt;

use crate::discover::{File, FileKind, Purpose, Repository, Skipped};
use crate::parse::python::Module;
use crate::text::join_path;

/// One module of [`Modules`], valid for the value that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(u32);

impl ModuleId {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every parsed module.
#[derive(Debug, Default)]
pub struct Modules {
    list: Vec<Arc<Module>>,
    by_path: HashMap<Arc<str>, ModuleId>,
    /// Folders with an `__init__.py`; "" is the root.
    packages: HashSet<String>,
    /// The names of Python files and of the folders above them: what an import may be called.
    names: HashSet<String>,
    skipped: Vec<Skipped>,
}

/// What makes a file worth parsing. Configuration modules need not mention Flask.
static NEEDLES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::new([
        "flask",
        "Flask",
        "werkzeug",
        "jinja2",
        "markupsafe",
        "SECRET",
        "DEBUG",
        "SESSION_",
        "DebuggedApplication",
        "run_simple",
        // Entry points may only import the app: `from shop import app; app.run(…)`.
        "wsgi_app",
        // Views may import nothing but the application.
        ".route(",
        "add_url_rule(",
        "@app.",
        "@bp.",
        "create_app",
        "application",
        ".run(",
        ".config",
        "connexion",
        "install_requires",
        "raw_env",
        "worker_class",
    ])
    .ok()
});

impl Modules {
    pub fn parse(repo: &Repository) -> Self {
        Self::parse_again(repo, &Self::default())
    }

    /// Like [`Modules::parse`], taking over the trees of files that have not changed.
    pub fn parse_again(repo: &Repository, before: &Self) -> Self {
        let files: HashMap<&str, &Arc<File>> = repo
            .files()
            .filter(|file| file.kind == FileKind::Python || is_python_settings(file))
            .filter(|file| file.purpose != Purpose::Vendored)
            .map(|file| (&*file.path, file))
            .collect();
        let mut modules = Self {
            names: files.keys().flat_map(|path| names_of(path)).collect(),
            packages: files
                .keys()
                .filter_map(|path| path.strip_suffix("__init__.py"))
                .map(|folder| folder.trim_end_matches('/').to_owned())
                .collect(),
            ..Self::default()
        };
        let mut wanted: Vec<&Arc<File>> = files.values().copied().collect();
        wanted.retain(|file| matters(file.text.as_str()));
        while !wanted.is_empty() {
            wanted.sort_by(|a, b| a.path.cmp(&b.path));
            let parsed: Vec<_> = wanted
                .par_iter()
                .map(|file| parse_one(file, before))
                .collect();
            let first_new = modules.list.len();
            for (file, result) in wanted.iter().zip(parsed) {
                modules.add(file, result);
            }
            wanted = modules.imported_since(first_new, &files);
        }
        modules
    }

    fn add(&mut self, file: &Arc<File>, result: Result<Arc<Module>, String>) {
        let path = file.path.to_string();
        match result {
            // A guess at settings that turned out to be another language.
            Ok(module) if file.kind != FileKind::Python && !module.is_valid() => {}
            Ok(module) => {
                if let Some(reason) = module.syntax_error() {
                    self.skipped.push(Skipped { path, reason });
                }
                let id = ModuleId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
                self.by_path.insert(Arc::clone(&file.path), id);
                self.list.push(module);
            }
            Err(reason) => self.skipped.push(Skipped { path, reason }),
        }
    }

    /// Files that the modules from `first` on import and that are not parsed yet.
    fn imported_since<'f>(
        &self,
        first: usize,
        files: &HashMap<&str, &'f Arc<File>>,
    ) -> Vec<&'f Arc<File>> {
        let mut paths = HashSet::new();
        for module in &self.list[first..] {
            let mut imports = Vec::new();
            collect_imports(module.body(), &mut imports);
            for (level, dotted) in imports {
                let known = |path: &str| files.contains_key(path).then(|| path.to_owned());
                paths.extend(self.imported(module.path(), level, &dotted, known));
            }
        }
        let skipped: HashSet<_> = self.skipped.iter().map(|skip| skip.path.as_str()).collect();
        paths
            .iter()
            .filter(|path| !self.by_path.contains_key(path.as_str()))
            .filter(|path| !skipped.contains(path.as_str()))
            .filter_map(|path| files.get(path.as_str()).copied())
            .collect()
    }

    pub fn get(&self, id: ModuleId) -> &Arc<Module> {
        &self.list[id.index()]
    }

    pub fn iter(&self) -> impl Iterator<Item = (ModuleId, &Arc<Module>)> {
        (0..).map(ModuleId).zip(&self.list)
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn by_path(&self, path: &str) -> Option<ModuleId> {
        self.by_path.get(path).copied()
    }

    /// Files that were not parsed, or only in part, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The module that `import dotted` (or `from ..dotted import`, `level` dots) means inside
    /// `importer`, if it is one of the repository's.
    pub fn import(&self, importer: ModuleId, level: u32, dotted: &str) -> Option<ModuleId> {
        let importer = self.get(importer).path();
        self.imported(importer, level, dotted, |path| self.by_path(path))
    }

    /// The module of that dotted name as seen from outside: the target of a WSGI server, or
    /// the string given to `from_object`. `folder` is the process's working folder.
    pub fn find(&self, folder: &str, dotted: &str) -> Option<ModuleId> {
        let relative = dotted.replace('.', "/");
        let starts = [folder, "", "src", "app", "backend", "server"];
        let at_start = starts.iter().find_map(|start| {
            let path = join_path(start, &relative);
            files_of(&path).iter().find_map(|path| self.by_path(path))
        });
        at_start.or_else(|| self.find_by_suffix(&relative))
    }

    /// The one module whose path ends so; nothing when there are several.
    fn find_by_suffix(&self, relative: &str) -> Option<ModuleId> {
        let endings = files_of(relative).map(|file| format!("/{file}"));
        let mut found = self
            .by_path
            .iter()
            .filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)));
        let (_, id) = found.next()?;
        found.next().is_none().then_some(*id)
    }

    /// What `file_at` knows of the first path that an import may mean, best first. Any folder
    /// above the importer may be on `sys.path`; one that is itself a package only when a file in
    /// it is run as a script.
    fn imported<T>(
        &self,
        importer: &str,
        level: u32,
        dotted: &str,
        file_at: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let mut ends = [dotted.split('.').next(), dotted.rsplit('.').next()].into_iter();
        let is_of_here = |name: Option<&str>| name.is_none_or(|it| self.names.contains(it));
        if !dotted.is_empty() && !ends.all(is_of_here) {
            return None;
        }
        let relative = dotted.replace('.', "/");
        let below = |folder: &str| {
            let paths = files_of(&join_path(folder, &relative));
            paths.iter().find_map(|path| file_at(path))
        };
        let folder = parent(importer);
        if level > 0 {
            let up = std::iter::successors(Some(folder), |folder| Some(parent(folder)));
            return up.take(level as usize).last().and_then(below);
        }
        let is_package = |folder: &&str| self.packages.contains(*folder);
        let mut roots = folders_above(importer).filter(|folder| !is_package(folder));
        if let Some(found) = roots.find_map(below) {
            return Some(found);
        }
        if let Some(found) = ["src", "lib"].into_iter().find_map(below) {
            return Some(found);
        }
        let top = dotted.split('.').next().unwrap_or(dotted);
        if is_well_known(top) {
            return None;
        }
        folders_above(importer).filter(is_package).find_map(below)
    }
}

fn parse_one(file: &Arc<File>, before: &Modules) -> Result<Arc<Module>, String> {
    let known = before.by_path(&file.path).map(|id| before.get(id));
    if let Some(module) = known.filter(|module| Arc::ptr_eq(&module.file, file)) {
        return Ok(Arc::clone(module));
    }
    Module::parse(Arc::clone(file)).map(Arc::new)
}

/// A searcher for any of `words`, tuned for many short texts.
pub(super) fn any_of<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words)
        .ok()
}

/// Whether a `.cfg` or `.conf` file is Python that `from_pyfile` or `from_envvar` loads: it
/// assigns one of Flask's keys and has no sections.
fn is_python_settings(file: &File) -> bool {
    let named = file.path.ends_with(".cfg") || file.path.ends_with(".conf");
    if file.kind != FileKind::Ini || !named {
        return false;
    }
    let mut assigns = false;
    for line in file.text.as_str().lines() {
        if line.starts_with('[') && line.trim_end().ends_with(']') {
            return false;
        }
        let key = line.split_once('=').map(|(key, _)| key.trim_end());
        assigns |= key.is_some_and(|key| {
            matches!(key, "SECRET_KEY" | "DEBUG" | "SQLALCHEMY_DATABASE_URI")
                || key.starts_with("SESSION_COOKIE_")
        });
    }
    assigns
}

fn matters(source: &str) -> bool {
    NEEDLES
        .as_ref()
        .is_none_or(|needles| needles.is_match(source))
}

/// `(level, dotted)` of every import, also those inside functions. `from a import b` may mean
/// the module `a.b`, so both are listed.
fn collect_imports(body: &[Stmt], imports: &mut Vec<(u32, String)>) {
    use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
    struct Collector<'i>(&'i mut Vec<(u32, String)>);
    impl<'a> StatementVisitor<'a> for Collector<'_> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::Import(import) => {
                    let names = import.names.iter();
                    self.0
                        .extend(names.map(|alias| (0, alias.name.to_string())));
                }
                Stmt::ImportFrom(from) => {
                    let module = from.module.as_ref().map_or("", |module| module.as_str());
                    self.0.push((from.level, module.to_owned()));
                    for alias in &from.names {
                        let dot = if module.is_empty() { "" } else { "." };
                        self.0
                            .push((from.level, format!("{module}{dot}{}", alias.name)));
                    }
                }
                _ => walk_stmt(self, stmt),
            }
        }
    }
    Collector(imports).visit_body(body);
}

/// A package beats a module of the same name, as in Python.
fn files_of(path: &str) -> [String; 2] {
    let package = join_path(path, "__init__.py");
    [package, format!("{path}.py")]
}

/// `shop/views/cart.py`: `shop`, `views`, `cart`.
fn names_of(path: &str) -> impl Iterator<Item = String> {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    stem.split('/').map(str::to_owned)
}

/// The folder of a file and those around it; "" is the root.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(parent(path));
    std::iter::from_fn(move || {
        let folder = next?;
        next = (!folder.is_empty()).then(|| parent(folder));
        Some(folder)
    })
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Libraries that a file of the same name beside the importer must not shadow.
fn is_well_known(top: &str) -> bool {
    matches!(
        top,
        "flask"
            | "werkzeug"
            | "jinja2"
            | "markupsafe"
            | "redis"
            | "celery"
            | "os"
            | "sys"
            | "logging"
            | "json"
            | "re"
            | "html"
            | "secrets"
            | "random"
            | "uuid"
            | "types"
            | "email"
            | "queue"
            | "time"
            | "datetime"
            | "pathlib"
            | "typing"
            | "socket"
    ) || top.starts_with("flask_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(texts: &[(&'static str, &'static str)]) -> Modules {
        Modules::parse(&Repository::from_texts(texts.iter().copied()))
    }

    fn import(modules: &Modules, from: &str, level: u32, dotted: &str) -> Option<String> {
        let importer = modules.by_path(from).unwrap();
        let id = modules.import(importer, level, dotted)?;
        Some(modules.get(id).path().to_string())
    }

    #[test]
    fn only_what_matters_is_parsed_and_what_it_imports() {
        let modules = modules(&[
            ("app.py", "import flask\nfrom helpers import join\n"),
            ("helpers.py", "def join(a, b): return a + b\n"),
            ("unrelated.py", "print('hello')\n"),
        ]);
        let paths: Vec<_> = modules.iter().map(|(_, m)| m.path().to_string()).collect();
        assert_eq!(paths, ["app.py", "helpers.py"]);
    }

    #[test]
    fn imports_resolve_in_packages_src_layouts_and_scripts() {
        let modules = modules(&[
            (
                "src/shop/__init__.py",
                "from flask import Flask\nfrom . import views\n",
            ),
            (
                "src/shop/views.py",
                "import flask\nfrom shop.util import f\nimport util\n",
            ),
            ("src/shop/util.py", "DEBUG = 1\n"),
            ("wsgi.py", "from shop import create_app  # flask\n"),
            ("deep/flask.py", "x = 1  # Flask\n"),
            ("deep/main.py", "import flask\n"),
        ]);
        let util = Some("src/shop/util.py".to_owned());
        assert_eq!(import(&modules, "src/shop/views.py", 0, "shop.util"), util);
        assert_eq!(import(&modules, "src/shop/views.py", 1, "util"), util);
        assert_eq!(import(&modules, "src/shop/views.py", 0, "util"), util);
        let package = Some("src/shop/__init__.py".to_owned());
        assert_eq!(import(&modules, "wsgi.py", 0, "shop"), package);
        assert_eq!(import(&modules, "src/shop/views.py", 0, "flask"), None);
    }

    #[test]
    fn targets_are_found_from_outside() {
        let modules = modules(&[
            ("src/shop/__init__.py", "# flask\n"),
            ("services/api/wsgi.py", "# flask\n"),
        ]);
        assert!(modules.find("", "shop").is_some());
        assert!(modules.find("", "api.wsgi").is_some());
        assert!(modules.find("services/api", "wsgi").is_some());
        assert!(modules.find("", "nothing").is_none());
    }
}
