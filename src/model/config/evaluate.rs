//! Expressions to abstract values.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprSubscript, Number, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::fold::unary;
use super::load::text_of;
use super::trace::{Alternatives, Eval, Frame, Tracer, choice};
use super::write::key_of_attribute;
use super::{Conversion, EnvRead, Literal, Value};
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, Qualified};
use crate::text::{Location, Span};

/// One part of a computed text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Hole(Value),
}

/// A read of the environment without default.
pub(super) fn environment(name: &str, location: Location, required: bool) -> Value {
    Value::Env(EnvRead {
        name: name.to_owned(),
        default: None,
        default_at: None,
        required,
        conversion: Conversion::None,
        negated: false,
        location,
    })
}

impl<'a> Tracer<'a> {
    /// The value of `expr` in a module's own scope.
    pub(super) fn eval_in(&mut self, module: ModuleId, expr: &'a Expr) -> Eval<'a> {
        self.eval(&mut Frame::of_module(module), expr)
    }

    pub(super) fn eval(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Eval<'a> {
        match expr {
            Expr::StringLiteral(text) => known(Literal::Str(text.value.to_str().to_owned())),
            Expr::BytesLiteral(bytes) => known(Literal::Bytes(bytes.value.bytes().collect())),
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(int) => int.as_i64().map_or_else(
                    || Eval::unknown("a huge number"),
                    |int| known(Literal::Int(int)),
                ),
                Number::Float(float) => known(Literal::Float(*float)),
                Number::Complex { .. } => Eval::unknown("a complex number"),
            },
            Expr::BooleanLiteral(value) => known(Literal::Bool(value.value)),
            Expr::NoneLiteral(_) => known(Literal::None),
            Expr::Name(name) => self.name(frame, &name.id, name.range.start().to_usize()),
            Expr::Attribute(attribute) => self.attribute(frame, attribute),
            Expr::Subscript(subscript) => self.subscripted(frame, subscript),
            Expr::Call(call) => self.call(frame, call),
            Expr::Dict(table) => Eval::Table(frame.module, table),
            Expr::List(list) => Eval::Sequence(frame.module, &list.elts),
            Expr::Tuple(tuple) => Eval::Sequence(frame.module, &tuple.elts),
            Expr::Set(set) => Eval::Sequence(frame.module, &set.elts),
            Expr::BoolOp(operation) => self.bool_op(frame, operation),
            Expr::UnaryOp(operation) => {
                let operand = self.eval(frame, &operation.operand);
                unary(operation.op, operand)
            }
            Expr::BinOp(operation) => {
                let left = self.eval(frame, &operation.left);
                let right = self.eval(frame, &operation.right);
                self.binary(frame, operation.op, left, right, &operation.right)
            }
            Expr::If(either) => match self.truth(frame, &either.test) {
                Some(true) => self.eval(frame, &either.body),
                Some(false) => self.eval(frame, &either.orelse),
                None => {
                    let then = self.eval(frame, &either.body);
                    let otherwise = self.eval(frame, &either.orelse);
                    self.either(frame, &either.test, then, otherwise)
                }
            },
            Expr::Compare(compare) => self.compare(frame, compare),
            Expr::FString(text) => self.f_string(frame, text.value.elements()),
            Expr::Named(named) => {
                let value = self.eval(frame, &named.value);
                if let Expr::Name(name) = &*named.target {
                    frame.locals.insert(name.id.as_str().into(), value.clone());
                }
                value
            }
            Expr::Await(inner) => self.eval(frame, &inner.value),
            _ => Eval::unknown("not a constant"),
        }
    }

    /// The public value of an evaluated expression.
    pub(super) fn public_value(
        &mut self,
        module: ModuleId,
        expr: &Expr,
        value: &Eval<'a>,
    ) -> Value {
        match value {
            Eval::Value(value) => value.clone(),
            Eval::Path(path) => Value::Known(Literal::Str(path.clone())),
            Eval::Sequence(home, items) => {
                let items: Option<Vec<_>> = items
                    .iter()
                    .map(|item| match self.eval_in(*home, item) {
                        Eval::Value(Value::Known(literal)) => Some(literal),
                        _ => None,
                    })
                    .collect();
                items.map_or_else(
                    || Value::unknown("a collection"),
                    |items| Value::Known(Literal::List(items)),
                )
            }
            Eval::Pattern(pieces) => {
                let mut holes = pieces.iter().filter_map(|piece| match piece {
                    Piece::Hole(value) => Some(value),
                    Piece::Text(_) => None,
                });
                if let Some(random) = holes.find(|it| matches!(it, Value::Random(_))) {
                    return random.clone();
                }
                let reads = pieces.iter().find_map(|piece| match piece {
                    Piece::Hole(Value::Env(read)) => Some(read.name.clone()),
                    _ => None,
                });
                let what = reads.map_or_else(
                    || "a computed text".to_owned(),
                    |name| format!("a text with {name} from the environment"),
                );
                Value::Unknown(what)
            }
            Eval::Table(..) => Value::unknown("a dictionary"),
            _ => Value::unknown(
                self.source(module, expr)
                    .chars()
                    .take(60)
                    .collect::<String>(),
            ),
        }
    }

    fn name(&mut self, frame: &mut Frame<'a>, name: &str, offset: usize) -> Eval<'a> {
        if let Some(value) = frame.locals.get(name) {
            return value.clone();
        }
        self.global(frame.module, name, offset)
    }

    /// A module's global, or what an import inside a function brings.
    pub(super) fn global(&mut self, module: ModuleId, name: &str, offset: usize) -> Eval<'a> {
        let key = (module, Box::from(name));
        if let Some(known) = self.globals.get(&key) {
            return known.clone();
        }
        if self.evaluating.contains(&key) {
            return Eval::unknown("a cyclic definition");
        }
        self.evaluating.push(key.clone());
        let value = self.evaluate_global(module, name, offset);
        self.evaluating.pop();
        // Names inside functions depend on the place, so only the module's own are kept.
        let scopes = self.world.names.scopes(module);
        if scopes.module().bindings.contains_key(name) {
            self.globals.insert(key, value.clone());
        }
        value
    }

    fn evaluate_global(&mut self, module: ModuleId, name: &str, offset: usize) -> Eval<'a> {
        let world = self.world;
        let Some((_, bindings)) = world.names.scopes(module).lookup(name, offset) else {
            return match world
                .names
                .resolve_name(world.modules, module, name, offset)
            {
                Some(found) => self.qualified(&found),
                None => builtin(module, self.tree(module).path(), name),
            };
        };
        let Some(last) = bindings.last() else {
            return Eval::unknown("never bound");
        };
        match &last.kind {
            BindingKind::Import(_) => {
                match world
                    .names
                    .resolve_name(world.modules, module, name, offset)
                {
                    Some(found) => self.qualified(&found),
                    None => Eval::unknown("an import that is not found"),
                }
            }
            BindingKind::Function | BindingKind::Class => self.defined(module, last.span),
            BindingKind::Value(_) => self.assigned_values(module, bindings),
            BindingKind::Parameter(_) => Eval::unknown("a parameter"),
            BindingKind::Opaque => Eval::unknown("not a constant"),
        }
    }

    fn assigned_values(
        &mut self,
        module: ModuleId,
        bindings: &[crate::model::names::Binding],
    ) -> Eval<'a> {
        let tree = self.tree(module);
        let mut result: Option<Eval<'a>> = None;
        for binding in bindings {
            let BindingKind::Value(span) = &binding.kind else {
                continue;
            };
            let Some(value) = tree.expression_at(*span) else {
                continue;
            };
            let value = self.eval_in(module, value);
            let certain = tree
                .body()
                .iter()
                .any(|stmt| Span::from(stmt.range()) == binding.span);
            result = Some(match (result, certain) {
                (Some(Eval::Value(before)), false) => match value {
                    Eval::Value(value) => {
                        Eval::Value(choice("another branch".into(), before, value))
                    }
                    other => other,
                },
                _ => value,
            });
        }
        result.unwrap_or_else(|| Eval::unknown("not a constant"))
    }

    fn defined(&self, module: ModuleId, span: Span) -> Eval<'a> {
        match self.tree(module).statement_exactly(span) {
            Some(ruff_python_ast::Stmt::ClassDef(class)) => Eval::Class(module, class),
            Some(ruff_python_ast::Stmt::FunctionDef(function)) => {
                Eval::Function(module, function, None)
            }
            _ => Eval::unknown("a definition that is not found"),
        }
    }

    pub(super) fn qualified(&mut self, name: &Qualified) -> Eval<'a> {
        match name {
            Qualified::External(dotted) => library(dotted),
            Qualified::Internal(module, path) if path.is_empty() => Eval::Module(*module),
            Qualified::Internal(module, path) => {
                let mut parts = path.split('.');
                let first = parts.next().unwrap_or(path);
                let end = self.tree(*module).file.text.len();
                let mut value = if self
                    .world
                    .names
                    .scopes(*module)
                    .module()
                    .bindings
                    .contains_key(first)
                {
                    self.global(*module, first, end)
                } else {
                    Eval::unknown(format!("{first} is not defined"))
                };
                for part in parts {
                    value = self.member(&value, part);
                }
                value
            }
        }
    }

    fn attribute(&mut self, frame: &mut Frame<'a>, attribute: &'a ExprAttribute) -> Eval<'a> {
        let name = attribute.attr.as_str();
        if let Expr::Name(base) = &*attribute.value {
            let slot = format!("{}.{name}", base.id);
            if let Some(value) = frame.locals.get(slot.as_str()) {
                return value.clone();
            }
        }
        let base = self.eval(frame, &attribute.value);
        self.member(&base, name)
    }

    /// `base.name`.
    pub(super) fn member(&mut self, base: &Eval<'a>, name: &str) -> Eval<'a> {
        match base {
            Eval::App => self.app_attribute(name),
            Eval::Module(module) => {
                let world = self.world;
                match world.names.resolve_member(world.modules, *module, name) {
                    Some(found) => self.qualified(&found),
                    None => Eval::unknown(format!("{name} is not defined")),
                }
            }
            Eval::Class(module, class) => self
                .class_member(*module, class, name, base, 0)
                .unwrap_or_else(|| Eval::unknown(format!("{name} is not defined"))),
            Eval::Instance(module, class)
                if self.attributes.contains_key(&slot(*module, class, name)) =>
            {
                self.attributes[&slot(*module, class, name)].clone()
            }
            Eval::Instance(module, class) => self
                .class_member(*module, class, name, base, 0)
                .unwrap_or_else(|| Eval::unknown("an attribute of an object")),
            Eval::Library(dotted) => library(&format!("{dotted}.{name}")),
            Eval::Path(path) => match name {
                "parent" => Eval::Path(parent(path)),
                _ => Eval::unknown("a part of a path"),
            },
            // `uuid4().hex`.
            Eval::Value(Value::Random(_)) => base.clone(),
            // `settings.SECRET_KEY` of dynaconf.
            Eval::Value(Value::Entry(entry)) => Eval::Value(Value::Entry(entry.below(name))),
            _ => Eval::unknown("an attribute that is not followed"),
        }
    }

    fn app_attribute(&self, name: &str) -> Eval<'a> {
        let app = self.world.apps.get(self.app);
        match name {
            "config" => Eval::Config,
            // connexion's application holds Flask's.
            "app" => Eval::App,
            "root_path" => Eval::Path(app.root.clone()),
            "instance_path" if app.arguments.instance_path.is_none() => {
                Eval::Path(join(&app.root, "instance"))
            }
            _ => {
                let known = key_of_attribute(name).and_then(|key| self.current(key));
                known.map_or_else(
                    || Eval::unknown(format!("the application's own {name}")),
                    |value| Eval::Value(value.clone()),
                )
            }
        }
    }

    /// Whether pydantic fills the class's fields from the environment.
    fn reads_environment(&mut self, module: ModuleId, class: &'a StmtClassDef) -> bool {
        let bases: Vec<_> = class.arguments.iter().flat_map(|it| &it.args).collect();
        bases
            .into_iter()
            .any(|base| matches!(self.eval_in(module, base), Eval::Library(name) if name.ends_with("BaseSettings")))
    }

    /// The variable of a field: its name in upper case, behind the class's `env_prefix`.
    fn variable_of(&self, module: ModuleId, class: &'a StmtClassDef, field: &str) -> String {
        let source = self.source(module, class);
        let prefix = source.split_once("env_prefix").and_then(|(_, rest)| {
            let mut quoted = rest.split(['"', '\'']);
            let between = quoted.next()?;
            between
                .trim()
                .trim_matches([':', '=', ' ', '"', '\''])
                .is_empty()
                .then_some(())?;
            quoted.next()
        });
        format!("{}{field}", prefix.unwrap_or_default()).to_uppercase()
    }

    /// `field: type = default` of pydantic's settings.
    fn setting(
        &mut self,
        module: ModuleId,
        assign: &'a ruff_python_ast::StmtAnnAssign,
        variable: String,
    ) -> Eval<'a> {
        let location = self.location(module, assign.range);
        let field = assign.value.as_deref().and_then(field_of);
        let variable = field
            .and_then(|field| self.alias_of(module, field))
            .unwrap_or(variable);
        let default = match field {
            Some(field) => field
                .arguments
                .find_argument_value("default", 0)
                .filter(|default| !default.is_ellipsis_literal_expr()),
            None => assign.value.as_deref(),
        };
        if let Some(how) = field.and_then(|field| self.made_anew(module, field)) {
            return Eval::Value(Value::Random(how));
        }
        let default_at = default.map(|value| self.location(module, value.range()));
        let default = default.map(|value| self.eval_in(module, value));
        let is_bool = self.source(module, &*assign.annotation).contains("bool");
        Eval::Value(match default {
            Some(Eval::Value(Value::Known(literal))) => Value::Env(EnvRead {
                name: variable,
                default: Some(literal),
                default_at,
                required: false,
                conversion: if is_bool {
                    Conversion::Bool
                } else {
                    Conversion::None
                },
                negated: false,
                location,
            }),
            // `Field(...)` and its like.
            Some(Eval::Value(Value::Random(how))) => Value::Random(how),
            Some(_) => Value::unknown("a field of settings"),
            None => environment(&variable, location, true),
        })
    }

    /// `Field(alias="SECRET_KEY")`: the variable's own name, without the prefix.
    fn alias_of(&mut self, module: ModuleId, field: &'a ExprCall) -> Option<String> {
        let names = ["validation_alias", "alias", "env"];
        let given = names
            .iter()
            .find_map(|name| field.arguments.find_keyword(name))?;
        let alias = text_of(&self.eval_in(module, &given.value))?;
        Some(alias.to_uppercase())
    }

    /// `Field(default_factory=secrets.token_hex)`.
    fn made_anew(&mut self, module: ModuleId, field: &'a ExprCall) -> Option<String> {
        let factory = field.arguments.find_keyword("default_factory")?;
        let made = match &factory.value {
            Expr::Lambda(lambda) => self.eval_in(module, &lambda.body),
            other => self.eval_in(module, other),
        };
        match made {
            Eval::Value(Value::Random(how)) => Some(how),
            Eval::Library(name) if super::library::is_random(&name) => Some(name),
            _ => None,
        }
    }

    fn class_member(
        &mut self,
        module: ModuleId,
        class: &'a StmtClassDef,
        name: &str,
        object: &Eval<'a>,
        depth: usize,
    ) -> Option<Eval<'a>> {
        if depth > 16 {
            return None;
        }
        for stmt in class.body.iter().rev() {
            match stmt {
                ruff_python_ast::Stmt::FunctionDef(function) if function.name.as_str() == name => {
                    return Some(Eval::Method(module, function, Box::new(object.clone())));
                }
                ruff_python_ast::Stmt::ClassDef(inner) if inner.name.as_str() == name => {
                    return Some(Eval::Class(module, inner));
                }
                ruff_python_ast::Stmt::Assign(assign) => {
                    let is_it =
                        |target: &Expr| matches!(target, Expr::Name(it) if it.id.as_str() == name);
                    if assign.targets.iter().any(is_it) {
                        return Some(self.eval_in(module, &assign.value));
                    }
                }
                ruff_python_ast::Stmt::AnnAssign(assign) => {
                    let is_it = matches!(&*assign.target, Expr::Name(it) if it.id.as_str() == name);
                    if is_it && self.reads_environment(module, class) {
                        let variable = self.variable_of(module, class, name);
                        return Some(self.setting(module, assign, variable));
                    }
                    if let (true, Some(value)) = (is_it, assign.value.as_deref()) {
                        return Some(self.eval_in(module, value));
                    }
                }
                _ => {}
            }
        }
        let bases = class.arguments.iter().flat_map(|it| &it.args);
        for base in bases {
            if let Eval::Class(home, base) = self.eval_in(module, base)
                && let Some(found) = self.class_member(home, base, name, object, depth + 1)
            {
                return Some(found);
            }
        }
        None
    }

    fn subscripted(&mut self, frame: &mut Frame<'a>, subscript: &'a ExprSubscript) -> Eval<'a> {
        let base = self.eval(frame, &subscript.value);
        let key = self.eval(frame, &subscript.slice);
        let location = self.location(frame.module, subscript.range);
        match base {
            Eval::Config => {
                let Some(key) = text_of(&key) else {
                    return Eval::unknown("a computed configuration key");
                };
                let known = self.current(&key).cloned();
                Eval::Value(
                    known.unwrap_or_else(|| {
                        Value::Unknown(format!("the configuration's own {key}"))
                    }),
                )
            }
            Eval::Environ => match text_of(&key) {
                Some(name) => Eval::Value(self.environ_read(&name, location, true)),
                None => Eval::unknown("a computed environment variable"),
            },
            Eval::Table(module, table) => self.entry(module, table, key, location, None),
            Eval::Value(Value::Entry(entry)) => match text_of(&key) {
                Some(key) => Eval::Value(Value::Entry(entry.below(&key))),
                None => Eval::Value(Value::Store(entry.how)),
            },
            Eval::LibraryInstance(class) if super::document::is_ini(&class) => {
                match text_of(&key) {
                    Some(section) => self.ini_section(frame.module, &class, &section),
                    None => Eval::Value(Value::Store(class)),
                }
            }
            _ => Eval::unknown("an element"),
        }
    }

    /// `table[key]`; `fallback` for `table.get(key, fallback)`.
    pub(super) fn entry(
        &mut self,
        module: ModuleId,
        table: &'a ruff_python_ast::ExprDict,
        key: Eval<'a>,
        location: Location,
        fallback: Option<Eval<'a>>,
    ) -> Eval<'a> {
        let mut items = Vec::new();
        for item in &table.items {
            let Some(name) = &item.key else {
                continue;
            };
            let Some(name) = text_of(&self.eval_in(module, name)) else {
                continue;
            };
            let value = self.eval_in(module, &item.value);
            let location = match &value {
                Eval::Class(home, class) | Eval::Instance(home, class) => {
                    super::load::class_location(self, *home, class)
                }
                _ => self.location(module, item.value.range()),
            };
            items.push((name, location, value));
        }
        if let Some(wanted) = text_of(&key) {
            let found = items.iter().rposition(|(name, ..)| *name == wanted);
            return match found {
                Some(index) => items.swap_remove(index).2,
                None => fallback.unwrap_or_else(|| Eval::unknown("a key that is not there")),
            };
        }
        Eval::Candidates(std::rc::Rc::new(Alternatives {
            location,
            selector: key,
            items,
            fallback,
        }))
    }
}

/// `Field(…)` of pydantic, by whatever name its module goes.
fn field_of(value: &Expr) -> Option<&ExprCall> {
    let call = value.as_call_expr()?;
    (crate::parse::python::last_name(&call.func) == Some("Field")).then_some(call)
}

/// The key of an object's attribute in [`Tracer::attributes`].
pub(super) fn slot(
    module: ModuleId,
    class: &StmtClassDef,
    name: &str,
) -> (ModuleId, Span, Box<str>) {
    (module, class.range.into(), name.into())
}

pub(super) const fn known<'a>(literal: Literal) -> Eval<'a> {
    Eval::Value(Value::Known(literal))
}

/// What a name of a library stands for.
fn library<'a>(dotted: &str) -> Eval<'a> {
    match dotted {
        "os.environ" | "os.environb" => Eval::Environ,
        "flask.current_app" => Eval::App,
        _ => Eval::Library(dotted.to_owned()),
    }
}

fn builtin<'a>(module: ModuleId, path: &str, name: &str) -> Eval<'a> {
    match name {
        "__file__" => Eval::Path(path.to_owned()),
        // `from_object(__name__)` loads the module itself.
        "__name__" => Eval::Module(module),
        _ => Eval::Library(name.to_owned()),
    }
}

pub(super) fn truth_of(value: &Eval<'_>) -> Option<bool> {
    match value {
        Eval::Value(Value::Known(literal)) => Some(literal.is_truthy()),
        Eval::Value(Value::Random(_)) => Some(true),
        Eval::Value(_) | Eval::Candidates(_) | Eval::Pattern(_) => None,
        Eval::Table(_, table) => Some(!table.items.is_empty()),
        Eval::Sequence(_, items) => Some(!items.is_empty()),
        _ => Some(true),
    }
}

pub(super) fn join(folder: &str, rest: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

pub(super) fn parent(path: &str) -> String {
    path.rsplit_once('/')
        .map_or_else(String::new, |(folder, _)| folder.to_owned())
}
