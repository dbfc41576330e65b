//! Which functions can matter at all: from which a source, and from which a sink, can be reached.
//!
//! Running a function on abstract values is dear, and most functions of a large application
//! neither read the request nor touch a file. Calls are linked by bare names here, whatever the
//! receiver, so that a link is never missing; the price is a function run for nothing.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rayon::prelude::*;
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_body, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef, StmtFunctionDef, StmtImportFrom};
use ruff_text_size::Ranged as _;

use super::value::{Key, Place, hash, mix};
use crate::model::modules::{ModuleId, Modules};
use crate::parse::python::{Module, last_name};

/// A name by itself, or of a module's function: what functions, classes and globals have.
fn plain(name: &str) -> Key {
    hash(name)
}

/// A name behind a dot: what methods and fields have.
fn dotted(name: &str) -> Key {
    mix(hash(name), 1)
}

/// Where a client's value may enter.
const SOURCES: &[&str] = &[
    "request",
    "receive",
    "parse_args",
    "validate_on_submit",
    "FlaskForm",
    "Form",
    "BaseForm",
    "FileStorage",
    "RequestParser",
    "g",
    "view_args",
];

/// Names of sinks that hardly anything else has.
const SINKS: &[&str] = &[
    "open",
    "send_file",
    "send_from_directory",
    "send_static_file",
    "safe_join",
    "open_resource",
    "open_instance_resource",
    "render_template",
    "stream_template",
    "render_template_string",
    "stream_template_string",
    "Template",
    "Environment",
    "from_string",
    "get_template",
    "select_template",
    "Markup",
    "Response",
    "make_response",
    "response_class",
    "set_cookie",
    "set_data",
    "secure_filename",
    "savefig",
    "to_csv",
    "to_excel",
    "to_pickle",
    "unlink",
    "rmdir",
    "removedirs",
    "rmtree",
    "send2trash",
    "rename",
    "renames",
    "symlink",
    "copy2",
    "copyfile",
    "copytree",
    "copyfileobj",
    "mkdir",
    "makedirs",
    "chmod",
    "chown",
    "truncate",
    "mknod",
    "mkfifo",
    "utime",
    "chdir",
    "listdir",
    "scandir",
    "glob",
    "iglob",
    "rglob",
    "readlink",
    "getline",
    "getlines",
    "run_path",
    "imread",
    "loadtxt",
    "genfromtxt",
    "load_workbook",
    "PdfReader",
    "Document",
    "dotenv_values",
    "read_mime_types",
    "ZipFile",
    "PyZipFile",
    "TarFile",
    "unpack_archive",
    "make_archive",
    "extractall",
    "isfile",
    "isdir",
    "lexists",
    "islink",
    "getsize",
    "getmtime",
    "getctime",
    "getatime",
    "samefile",
    "ismount",
    "stat",
    "lstat",
    "exists",
    "FileIO",
    "Path",
    "PurePath",
    "PosixPath",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "touch",
    "symlink_to",
    "hardlink_to",
    "iterdir",
    "is_file",
    "is_dir",
    "is_symlink",
    "fdopen",
];

/// Names of sinks that much else has: they count as functions of an imported module, or as
/// imported themselves.
const COMMON_SINKS: &[&str] = &[
    "remove", "replace", "link", "move", "copy", "walk", "load", "parse", "File", "access",
    "extract",
];

static SOURCE_KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| sorted(SOURCES));
static SINK_KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| sorted(SINKS));

fn sorted(names: &[&str]) -> Vec<Key> {
    let mut keys: Vec<Key> = names.iter().map(|name| hash(name)).collect();
    keys.sort_unstable();
    keys
}

/// What can be reached from which function.
#[derive(Debug, Default)]
pub struct Reach {
    nodes: HashMap<Place, Mark>,
    /// The parameters of URL prefixes, with their converters.
    prefixes: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    source: bool,
    sink: bool,
    /// The function itself names a sink.
    own_sink: bool,
}

impl Reach {
    /// Links every function, class and global of the parsed modules.
    pub fn of(modules: &Modules) -> Self {
        let list: Vec<_> = modules.iter().collect();
        let nodes: Vec<Node> = list
            .par_iter()
            .flat_map_iter(|(id, module)| nodes_of(modules, *id, module))
            .collect();
        let views = names_of_views(&nodes);
        let links = Links::of(&nodes);
        let sources = links.marked(&nodes, &views, |node| node.is_source);
        let sinks = links.marked(&nodes, &views, |node| node.is_sink);
        let marks = sources.into_iter().zip(sinks);
        let places = nodes.iter().zip(marks);
        Self {
            prefixes: super::prefixes::find(modules),
            nodes: places
                .filter_map(|(node, (source, sink))| {
                    let mark = Mark {
                        source,
                        sink,
                        own_sink: node.is_sink,
                    };
                    Some((node.place?, mark))
                })
                .collect(),
        }
    }

    /// The converters of a parameter that views get from a URL prefix.
    pub fn prefix_converters(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.prefixes.iter().filter(move |(known, _)| known == name);
        named.map(|(_, converter)| converter.as_str())
    }

    /// How much of each module can matter, in bytes of functions into which values enter.
    pub fn weights(&self) -> HashMap<ModuleId, usize> {
        let mut weights = HashMap::new();
        for (place, _) in self.nodes.iter().filter(|(_, mark)| mark.source) {
            *weights.entry(place.module).or_default() += place.span.end - place.span.start;
        }
        weights
    }

    /// Whether a client's value can enter below the function; `true` where that is not known.
    pub fn has_source(&self, function: Place) -> bool {
        self.nodes.get(&function).is_none_or(|mark| mark.source)
    }

    /// Whether the function itself names a sink; `true` where that is not known.
    pub fn names_sink(&self, function: Place) -> bool {
        self.nodes.get(&function).is_none_or(|mark| mark.own_sink)
    }

    /// Whether a sink can be reached from the function; `true` where that is not known.
    pub fn has_sink(&self, function: Place) -> bool {
        self.nodes.get(&function).is_none_or(|mark| mark.sink)
    }
}

/// A function, a class, or a global that may hold one.
struct Node {
    /// Of a function.
    place: Option<Place>,
    /// The names that lead here.
    names: Vec<Key>,
    /// The class, for a class and its methods.
    class: Option<Key>,
    /// The bases, for a class.
    bases: Vec<Key>,
    /// Whether it is a method that the framework calls and hardly anybody else.
    is_verb: bool,
    /// The names that occur in it, sorted.
    mentions: Vec<Key>,
    is_source: bool,
    is_sink: bool,
}

/// The classes of views and resources, mixins among them: `api.get(…)` does not mean their `get`.
fn names_of_views(nodes: &[Node]) -> HashSet<Key> {
    let roots = ["View", "MethodView", "Resource", "MethodResource"];
    let mut views: HashSet<Key> = roots.into_iter().map(plain).collect();
    loop {
        let before = views.len();
        for node in nodes.iter().filter(|node| !node.bases.is_empty()) {
            // A base of a view is a mixin of views.
            let mut family = node.bases.iter().chain(&node.class);
            if family.clone().any(|class| views.contains(class)) {
                views.extend(family.by_ref());
            }
        }
        if views.len() == before {
            return views;
        }
    }
}

/// Which nodes mention a name.
struct Links {
    by_name: Vec<(Key, u32)>,
}

impl Links {
    fn of(nodes: &[Node]) -> Self {
        let numbered = (0..).zip(nodes);
        let mut by_name: Vec<(Key, u32)> = numbered
            .flat_map(|(at, node)| node.mentions.iter().map(move |name| (*name, at)))
            .collect();
        by_name.par_sort_unstable();
        Self { by_name }
    }

    fn mentioning(&self, name: Key) -> impl Iterator<Item = usize> {
        let start = self.by_name.partition_point(|(known, _)| *known < name);
        self.by_name[start..]
            .iter()
            .take_while(move |(known, _)| *known == name)
            .map(|(_, node)| *node as usize)
    }

    /// The nodes from which one of the `first` can be reached.
    fn marked(
        &self,
        nodes: &[Node],
        views: &HashSet<Key>,
        first: impl Fn(&Node) -> bool,
    ) -> Vec<bool> {
        let mut marked: Vec<bool> = nodes.iter().map(first).collect();
        let mut open: Vec<usize> = (0..nodes.len()).filter(|at| marked[*at]).collect();
        let mut hot = HashSet::new();
        while let Some(at) = open.pop() {
            let node = &nodes[at];
            let is_handler = node.is_verb && node.class.is_some_and(|class| views.contains(&class));
            let names = node.names.iter().filter(|_| !is_handler);
            for name in names.chain(&node.class) {
                if !hot.insert(*name) {
                    continue;
                }
                for next in self.mentioning(*name) {
                    if !std::mem::replace(&mut marked[next], true) {
                        open.push(next);
                    }
                }
            }
        }
        marked
    }
}

fn nodes_of(modules: &Modules, id: ModuleId, module: &Module) -> Vec<Node> {
    let mut imported = Imported::new(id, modules);
    imported.visit_body(module.body());
    let mut collector = Collector {
        module: id,
        imported: &imported,
        nodes: Vec::new(),
        class: None,
        is_inside: false,
    };
    walk_body(&mut collector, module.body());
    collector.nodes
}

/// What a module's imports bind, wherever they stand.
struct Imported<'a> {
    importer: ModuleId,
    all: &'a Modules,
    modules: HashSet<&'a str>,
    names: HashSet<&'a str>,
    /// `from x import name as other`.
    aliases: HashMap<&'a str, &'a str>,
    has_flask_session: bool,
}

impl<'a> Imported<'a> {
    fn new(importer: ModuleId, all: &'a Modules) -> Self {
        Self {
            importer,
            all,
            modules: HashSet::new(),
            names: HashSet::new(),
            aliases: HashMap::new(),
            has_flask_session: false,
        }
    }

    fn is_module(&self, from: &StmtImportFrom, name: &str) -> bool {
        let package = from.module.as_ref().map_or("", |module| module.as_str());
        let dotted = match package {
            "" => name.to_owned(),
            package => format!("{package}.{name}"),
        };
        self.all
            .import(self.importer, from.level, &dotted)
            .is_some()
    }
}

impl<'a> SourceOrderVisitor<'a> for Imported<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.modules
                        .insert(bound.split('.').next().unwrap_or(bound));
                }
            }
            Stmt::ImportFrom(import) => {
                let is_flask = import.module.as_ref().is_some_and(|from| from == "flask");
                for alias in &import.names {
                    let name = alias.name.as_str();
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    if self.is_module(import, name) {
                        self.modules.insert(bound);
                        continue;
                    }
                    self.names.insert(bound);
                    if bound != name {
                        self.aliases.insert(bound, name);
                    }
                    self.has_flask_session |= is_flask && name == "session";
                }
            }
            other => walk_stmt(self, other),
        }
    }

    // Imports are statements.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

struct Collector<'a, 'i> {
    module: ModuleId,
    imported: &'i Imported<'a>,
    nodes: Vec<Node>,
    class: Option<&'a StmtClassDef>,
    /// Inside a function: what is assigned there is its own.
    is_inside: bool,
}

impl<'a> SourceOrderVisitor<'a> for Collector<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Assign(_) | Stmt::AnnAssign(_) if self.is_inside => {}
            Stmt::Assign(assign) => self.global(&assign.targets, &assign.value),
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.global(std::slice::from_ref(&assign.target), value);
                }
            }
            other => walk_stmt(self, other),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

impl<'a> Collector<'a, '_> {
    fn function(&mut self, def: &'a StmtFunctionDef) {
        let mut mentions = Mentions::new(self.imported);
        for decorator in &def.decorator_list {
            mentions.visit_expr(&decorator.expression);
        }
        for parameter in def.parameters.iter_non_variadic_params() {
            if let Some(default) = parameter.default() {
                mentions.visit_expr(default);
            }
        }
        mentions.visit_body(&def.body);
        let name = def.name.as_str();
        let place = Place {
            module: self.module,
            span: def.range().into(),
        };
        let fields = std::mem::take(&mut mentions.fields);
        let names = match self.class {
            // They are called by what the class is used for.
            Some(_) if name.starts_with("__") && name.ends_with("__") => Vec::new(),
            Some(_) => vec![dotted(name)],
            // What mentions the function around it has all of its mentions.
            None if self.is_inside => Vec::new(),
            None => vec![plain(name)],
        };
        let mut node = mentions.node(names);
        node.place = Some(place);
        node.class = self.class.map(|class| plain(class.name.as_str()));
        node.is_verb = is_verb(name);
        self.nodes.push(node);
        for (field, value) in fields {
            self.holder(vec![dotted(field)], value);
        }
        // Functions inside are found by place as well, and called by name from inside only.
        let outer = (self.class.take(), self.is_inside);
        self.is_inside = true;
        self.visit_body(&def.body);
        (self.class, self.is_inside) = outer;
    }

    fn class(&mut self, class: &'a StmtClassDef) {
        let mut mentions = Mentions::new(self.imported);
        let mut bases = Vec::new();
        for base in class.bases() {
            mentions.visit_expr(base);
            match base {
                Expr::Name(name) => bases.push(plain(&name.id)),
                Expr::Attribute(attribute) => bases.push(plain(attribute.attr.as_str())),
                _ => {}
            }
        }
        for decorator in &class.decorator_list {
            mentions.visit_expr(&decorator.expression);
        }
        let mut node = mentions.node(Vec::new());
        node.class = Some(plain(class.name.as_str()));
        node.bases = bases;
        self.nodes.push(node);
        let outer = (self.class.replace(class), self.is_inside);
        self.is_inside = false;
        self.visit_body(&class.body);
        (self.class, self.is_inside) = outer;
    }

    /// `HANDLERS = {"a": save}`: who mentions the global may call what it holds.
    fn global(&mut self, targets: &'a [Expr], value: &'a Expr) {
        let names = targets.iter().filter_map(target_name);
        self.holder(
            names.flat_map(|it| [plain(it), dotted(it)]).collect(),
            value,
        );
    }

    /// What a call gives is data, or an object whose methods have names of their own; what it
    /// is given may be a function that it wraps.
    fn holder(&mut self, names: Vec<Key>, value: &'a Expr) {
        let mut mentions = Mentions::new(self.imported);
        match value {
            Expr::Call(call) => {
                let given = call.arguments.args.iter();
                let functions = given.filter(|it| it.is_name_expr() || it.is_attribute_expr());
                functions.for_each(|function| mentions.visit_expr(function));
            }
            value => mentions.visit_expr(value),
        }
        let node = mentions.node(names);
        if !node.mentions.is_empty() {
            self.nodes.push(node);
        }
    }
}

fn is_verb(name: &str) -> bool {
    matches!(
        name,
        "get" | "post" | "put" | "delete" | "patch" | "head" | "options" | "dispatch_request"
    )
}

/// What an assignment writes to; for an item, what holds it.
fn target_name(target: &Expr) -> Option<&str> {
    match target {
        Expr::Subscript(subscript) => target_name(&subscript.value),
        target => last_name(target),
    }
}

/// What stands in front of a dot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Module,
    /// An object, or a foreign module.
    Imported,
    Class,
    Other,
}

/// The names in a function's body.
struct Mentions<'a, 'i> {
    imported: &'i Imported<'a>,
    found: Vec<Key>,
    /// What is kept under an attribute: `self.save = save_locally`.
    fields: Vec<(&'a str, &'a Expr)>,
    is_source: bool,
    is_sink: bool,
}

impl<'a, 'i> Mentions<'a, 'i> {
    fn new(imported: &'i Imported<'a>) -> Self {
        Self {
            imported,
            found: Vec::new(),
            fields: Vec::new(),
            is_source: false,
            is_sink: false,
        }
    }

    fn node(mut self, names: Vec<Key>) -> Node {
        self.found.sort_unstable();
        self.found.dedup();
        Node {
            place: None,
            names,
            class: None,
            bases: Vec::new(),
            is_verb: false,
            mentions: self.found,
            is_source: self.is_source,
            is_sink: self.is_sink,
        }
    }

    fn mention(&mut self, name: &str) {
        self.found.push(plain(name));
        self.judge(name);
    }

    fn judge(&mut self, name: &str) {
        let key = hash(name);
        self.is_source |= SOURCE_KEYS.binary_search(&key).is_ok();
        self.is_sink |= SINK_KEYS.binary_search(&key).is_ok();
    }

    fn name(&mut self, name: &'a str) {
        self.mention(name);
        if let Some(original) = self.imported.aliases.get(name) {
            self.mention(original);
        }
        self.is_source |= name == "session" && self.imported.has_flask_session;
        self.is_sink |= COMMON_SINKS.contains(&name) && self.imported.names.contains(name);
    }

    fn attribute(&mut self, base: &Expr, name: &str) {
        self.judge(name);
        let root = self.root(base);
        if root != Root::Module {
            self.found.push(dotted(name));
        }
        let may_be_module = matches!(root, Root::Module | Root::Imported);
        if may_be_module {
            self.found.push(plain(name));
        }
        self.is_sink |= name.starts_with("read_") || may_be_module && COMMON_SINKS.contains(&name);
    }

    fn root(&self, base: &Expr) -> Root {
        match base {
            Expr::Name(name) if self.imported.modules.contains(name.id.as_str()) => Root::Module,
            Expr::Name(name) if self.imported.names.contains(name.id.as_str()) => {
                match name.id.starts_with(char::is_uppercase) {
                    true => Root::Class,
                    false => Root::Imported,
                }
            }
            // An attribute of a module: another module, or a class.
            Expr::Attribute(attribute) => match self.root(&attribute.value) {
                Root::Module => Root::Imported,
                Root::Imported | Root::Class | Root::Other => Root::Other,
            },
            _ => Root::Other,
        }
    }

    /// `upload.save(path)`; a model's `save()` takes none.
    fn call(&mut self, call: &ExprCall) {
        match (&*call.func, call.arguments.args.get(1)) {
            (Expr::Attribute(attribute), _) => {
                let writes = matches!(attribute.attr.as_str(), "save" | "to_json");
                self.is_sink |= writes && !call.arguments.is_empty();
            }
            (Expr::Name(name), Some(Expr::StringLiteral(text))) if name.id == "getattr" => {
                self.mention(text.value.to_str());
                self.found.push(dotted(text.value.to_str()));
            }
            _ => {}
        }
    }
}

impl<'a> SourceOrderVisitor<'a> for Mentions<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::Assign(assign) = stmt {
            let targets = assign.targets.iter();
            let fields = targets.filter(|target| target.is_attribute_expr());
            let names = fields.filter_map(target_name);
            self.fields.extend(names.map(|name| (name, &*assign.value)));
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => self.name(&name.id),
            Expr::Attribute(attribute) => {
                self.attribute(&attribute.value, attribute.attr.as_str());
            }
            Expr::Call(call) => self.call(call),
            _ => {}
        }
        walk_expr(self, expr);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    /// `(name, has a source, has a sink)` of every function.
    fn marks(files: &[(&str, &str)]) -> Vec<(String, bool, bool)> {
        let repo = Repository::from_texts(files.iter().copied());
        let modules = Modules::parse(&repo);
        let reach = Reach::of(&modules);
        let mut found: Vec<_> = reach
            .nodes
            .iter()
            .map(|(place, mark)| {
                let text = modules.get(place.module).source(place.span);
                let name = text.split("def ").nth(1).unwrap_or_default();
                let name = name.split('(').next().unwrap_or_default().to_owned();
                (name, mark.source, mark.sink)
            })
            .collect();
        found.sort();
        found
    }

    fn mark(name: &str, source: bool, sink: bool) -> (String, bool, bool) {
        (name.to_owned(), source, sink)
    }

    #[test]
    fn calls_lead_across_modules() {
        let found = marks(&[
            (
                "app.py",
                "import flask\nfrom . import store\nfrom .store import keep as k\n\
                 def a():\n    return store.load(flask.request.args)\n\
                 def b(x):\n    return k(x)\n\
                 def c(x):\n    return x.load(1)\n",
            ),
            (
                "store.py",
                "import flask\n\
                 def load(x):\n    return open(x)\n\
                 def keep(x):\n    return x\n",
            ),
        ]);
        let expected = [
            mark("a", true, true),
            mark("b", false, false),
            mark("c", false, false),
            mark("keep", false, false),
            mark("load", false, true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn methods_fields_and_tables_lead_on() {
        let found = marks(&[(
            "app.py",
            "import flask\n\
             def write(x):\n    open(x)\n\
             TABLE = {'w': write}\n\
             class Store:\n    def put(self, x):\n        write(x)\n\
             class Job:\n    def __init__(self):\n        self.do = write\n\
             def by_table(x):\n    TABLE['w'](x)\n\
             def by_method(s):\n    s.put(1)\n\
             def by_class():\n    return Store()\n\
             def by_field(j):\n    j.do(1)\n\
             def by_nothing(j):\n    j.done(1)\n",
        )]);
        let sinks: Vec<_> = found.iter().filter(|(_, _, sink)| *sink).collect();
        let names: Vec<_> = sinks.iter().map(|(name, ..)| name.as_str()).collect();
        let expected = [
            "__init__",
            "by_class",
            "by_field",
            "by_method",
            "by_table",
            "put",
            "write",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn common_names_need_their_module() {
        let found = marks(&[(
            "app.py",
            "import flask, os\n\
             def a(x):\n    return x.replace('a', 'b')\n\
             def b(x):\n    os.replace(x, x)\n\
             def c(x):\n    x.save()\n\
             def d(x):\n    x.save('there')\n",
        )]);
        let sinks: Vec<_> = found.iter().map(|(_, _, sink)| *sink).collect();
        assert_eq!(sinks, [false, true, false, true]);
    }
}
