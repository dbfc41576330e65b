//! The functions, classes and globals of a module, and the names that occur in them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_body, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtClassDef, StmtFunctionDef, StmtImportFrom};
use ruff_text_size::Ranged as _;

use super::keeps::keeps;
use super::returns::{Body, ERROR_HANDLER, Returns, inside};
use super::{Node, dotted, plain};
use crate::model::flow::value::{Key, Place, hash};
use crate::model::modules::{ModuleId, Modules};
use crate::parse::python::{Module, last_name};

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

pub(super) fn nodes_of(modules: &Modules, id: ModuleId, module: &Module) -> Vec<Node> {
    let mut imported = Imported::new(id, modules);
    imported.visit_body(module.body());
    let mut collector = Collector {
        module: id,
        imported: &imported,
        nodes: Vec::new(),
        class: None,
        is_inside: false,
        outer: Vec::new(),
        parameters: Vec::new(),
        handed_out: Vec::new(),
    };
    walk_body(&mut collector, module.body());
    collector.nodes
}

/// What a module's imports bind, wherever they stand.
pub(super) struct Imported<'a> {
    importer: ModuleId,
    all: &'a Modules,
    modules: HashSet<&'a str>,
    names: HashSet<&'a str>,
    /// `from x import name as other`.
    aliases: HashMap<&'a str, &'a str>,
    has_flask_session: bool,
    /// The module has to do with `pathlib`.
    has_paths: bool,
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
            has_paths: all.get(importer).file.text.as_str().contains("Path"),
        }
    }

    /// The name that an alias stands for.
    pub fn original<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.aliases.get(name).copied().unwrap_or(name)
    }

    /// What stands in front of a dot.
    pub fn root(&self, base: &Expr) -> Root {
        match base {
            Expr::Name(name) if self.modules.contains(name.id.as_str()) => Root::Module,
            Expr::Name(name) if self.names.contains(name.id.as_str()) => {
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
    /// The names of what stands around a function inside.
    outer: Vec<Key>,
    /// The parameters of the functions around.
    parameters: Vec<&'a str>,
    /// The functions inside that those around hand out.
    handed_out: Vec<&'a str>,
}

impl<'a> SourceOrderVisitor<'a> for Collector<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Assign(_) | Stmt::AnnAssign(_) if self.is_inside => {}
            Stmt::Expr(it) => self.error_handler(&it.value),
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
            None if self.is_inside => {
                let outer = self.outer.iter();
                let outer = outer.filter(|_| self.handed_out.contains(&name));
                outer.map(|outer| inside(*outer)).collect()
            }
            None => vec![plain(name)],
        };
        let class = self.class.map(|class| plain(class.name.as_str()));
        let mut node = mentions.node(names);
        node.place = Some(place);
        node.class = class;
        node.is_verb = is_verb(name);
        let body = Body::of(def);
        let around = (self.parameters.len(), self.handed_out.len());
        let own = def.parameters.iter();
        self.parameters
            .extend(own.map(|parameter| parameter.name().as_str()));
        node.returns = Some(Returns::of(
            def,
            class,
            &body,
            &self.parameters,
            self.imported,
        ));
        node.answers = self.answers_of(def, &node.names);
        self.handed_out.extend(body.handed_out());
        self.parameters.extend(body.locals());
        node.keeps = keeps(def);
        self.nodes.push(node);
        for (field, value) in fields {
            self.holder(vec![dotted(field)], value);
        }
        // Functions inside are found by place as well, and called by name from inside only.
        let outer = (self.class.take(), self.is_inside);
        if !self.is_inside {
            self.outer.extend(class);
            self.outer.push(plain(name));
        }
        self.is_inside = true;
        self.visit_body(&def.body);
        (self.class, self.is_inside) = outer;
        self.parameters.truncate(around.0);
        self.handed_out.truncate(around.1);
        if !self.is_inside {
            self.outer.clear();
        }
    }

    /// `app.register_error_handler(404, not_found)`.
    fn error_handler(&mut self, value: &'a Expr) {
        let Expr::Call(call) = value else { return };
        if last_name(&call.func) != Some("register_error_handler") {
            return;
        }
        let mut node = Mentions::new(self.imported).node(Vec::new());
        node.returns = Some(Returns::of_error_handler(call, self.imported));
        node.answers = vec![ERROR_HANDLER];
        self.nodes.push(node);
    }

    /// Functions inside answer for the one around them as well: it may be a decorator.
    fn answers_of(&self, def: &StmtFunctionDef, names: &[Key]) -> Vec<Key> {
        let mut answers = names.to_vec();
        if self.is_inside {
            let name = def.name.as_str();
            answers.push(plain(name));
            let outer = self
                .outer
                .iter()
                .filter(|_| self.handed_out.contains(&name));
            answers.extend(outer.map(|outer| inside(*outer)));
        }
        let mut decorators = def
            .decorator_list
            .iter()
            .map(|decorator| &decorator.expression);
        let handles_errors = decorators.any(|decorator| {
            let Expr::Call(call) = decorator else {
                return false;
            };
            last_name(&call.func).is_some_and(|name| name.ends_with("errorhandler"))
        });
        answers.extend(handles_errors.then_some(ERROR_HANDLER));
        answers
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
                // What it makes may be a function.
                if let Expr::Name(name) = &*call.func {
                    let original = self.imported.original(name.id.as_str());
                    mentions.found.push(inside(plain(original)));
                }
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
pub(super) enum Root {
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
            returns: None,
            answers: Vec::new(),
            keeps: false,
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
        let root = self.imported.root(base);
        // Queries have one as well, and they are many more.
        let is_query = name == "exists" && root == Root::Other && !self.imported.has_paths;
        if !is_query {
            self.judge(name);
        }
        if root != Root::Module {
            self.found.push(dotted(name));
        }
        let may_be_module = matches!(root, Root::Module | Root::Imported);
        if may_be_module {
            self.found.push(plain(name));
        }
        self.is_sink |= name.starts_with("read_") || may_be_module && COMMON_SINKS.contains(&name);
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
