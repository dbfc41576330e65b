//! Whether what a function returns can be text, or is an object that is sent as JSON.
//!
//! A view that answers nothing but objects is no place where HTML can go wrong. Told by the form
//! of what stands behind `return`; where the form does not tell, it counts as text.

use std::collections::HashMap;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt, StmtFunctionDef};

use super::mentions::{Imported, Root};
use super::{Node, dotted, plain};
use crate::model::flow::value::{Key, mix};
use crate::parse::python::last_name;

/// The functions inside of another, for what a decorator makes of an answer.
pub(super) const fn inside(function: Key) -> Key {
    mix(function, 2)
}

/// What is raised may be answered by any error handler.
pub(super) const ERROR_HANDLER: Key = 0x00e4_40e4;

/// Functions and classes of others that give objects, numbers, or no answer of their own.
const GIVE_OBJECTS: &[&str] = &[
    "jsonify",
    "redirect",
    "abort",
    "dict",
    "list",
    "set",
    "frozenset",
    "sorted",
    "int",
    "float",
    "bool",
    "len",
    "round",
    "isinstance",
    "defaultdict",
    "OrderedDict",
    "Counter",
    "all",
    "first",
    "one",
    "one_or_none",
    "first_or_404",
    "get_or_404",
    "one_or_404",
    "paginate",
    "items",
    "values",
    "keys",
    "count",
    "to_dict",
    "as_dict",
    "model_dump",
    "asdict",
    "dump",
    "wraps",
];

/// Classes whose instances are answers, or text.
const ANSWERS: [&str; 7] = [
    "Response",
    "BaseResponse",
    "HTTPException",
    "Exception",
    "Markup",
    "str",
    "bytes",
];

/// Methods that objects of every kind have: the function of the repository is one of many.
const COMMON_METHODS: &[&str] = &[
    "get",
    "pop",
    "format",
    "join",
    "replace",
    "strip",
    "read",
    "render",
    "decode",
    "lower",
    "upper",
    "title",
    "encode",
    "text",
    "load",
    "loads",
    "dumps",
    "setdefault",
    "popitem",
];

/// Names lead to expressions again and again: after so many, a function counts as giving text.
const MOST_EXPRESSIONS: u32 = 500;

/// Where a function's answers come from.
#[derive(Debug, Default)]
pub(super) struct Returns {
    /// Text is among them, or something of which nothing is known.
    is_text: bool,
    /// What it was given is among them.
    is_given: bool,
    /// The functions whose results are among them.
    through: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    callee: Callee,
    /// What it means where the repository has no such function.
    is_text_elsewhere: bool,
    /// What it is given, should it give that back.
    given: Returns,
}

impl Link {
    fn to_argument(name: Key) -> Self {
        Self {
            callee: Callee::Argument(name),
            is_text_elsewhere: false,
            given: Returns::default(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Callee {
    Named(Key),
    /// A function that is handed over.
    Argument(Key),
    /// `super().method()`: in a base of the class.
    Inherited {
        method: Key,
        class: Key,
    },
}

impl Returns {
    /// What the function gives that a call registers as a handler of errors.
    pub fn of_error_handler(call: &ExprCall, imported: &Imported<'_>) -> Self {
        let mut found = Self::default();
        match arguments(call).nth(1) {
            Some(Expr::Name(name)) => {
                let name = plain(imported.original(&name.id));
                found.through.push(Link::to_argument(name));
            }
            Some(Expr::Attribute(attribute)) => {
                let name = attribute.attr.as_str();
                let names = [plain(name), dotted(name)];
                found.through.extend(names.map(Link::to_argument));
            }
            _ => found.is_text = true,
        }
        found
    }

    /// `parameters` are those of the functions around it, too.
    pub fn of<'a>(
        def: &'a StmtFunctionDef,
        class: Option<Key>,
        body: &Body<'a>,
        parameters: &[&str],
        imported: &Imported<'a>,
    ) -> Self {
        let mut reader = Reader {
            imported,
            body,
            parameters,
            class,
            seen: Vec::new(),
            left: MOST_EXPRESSIONS,
            found: Self::default(),
        };
        reader.found.is_text = body.is_generator;
        for value in &body.returned {
            reader.value(value);
        }
        for raised in &body.raised {
            reader.raised(raised);
        }
        for decorator in &def.decorator_list {
            let function = match &decorator.expression {
                Expr::Call(call) => &*call.func,
                function => function,
            };
            if let Some(name) = last_name(function) {
                let made = inside(plain(reader.imported.original(name)));
                reader.found.through.push(Link::to_argument(made));
            }
        }
        reader.found
    }
}

/// Which functions' answers may be text, in the order of the nodes. Views are given text.
pub(super) fn texts(nodes: &[Node]) -> Vec<bool> {
    let names = Names::of(nodes);
    let links: Vec<Answers> = nodes
        .iter()
        .map(|node| match &node.returns {
            Some(returns) => names.answers(returns),
            None => Answers {
                is_text: node.class.is_some_and(|class| names.is_response(class)),
                ..Answers::default()
            },
        })
        .collect();
    let gives_back = spread(&links, |answers, known| answers.give_back(known));
    let is_text = spread(&links, |answers, known| {
        answers.are_text(known, &gives_back)
    });
    let either = is_text.iter().zip(&gives_back);
    either.map(|(text, given)| *text || *given).collect()
}

/// Asks until nobody answers in another way.
fn spread(links: &[Answers], ask: impl Fn(&Answers, &[bool]) -> bool) -> Vec<bool> {
    let mut known = vec![false; links.len()];
    loop {
        let mut has_changed = false;
        for (at, answers) in links.iter().enumerate() {
            if !known[at] && ask(answers, &known) {
                known[at] = true;
                has_changed = true;
            }
        }
        if !has_changed {
            return known;
        }
    }
}

/// [`Returns`] with the nodes that its names mean.
#[derive(Default)]
struct Answers {
    is_text: bool,
    is_given: bool,
    through: Vec<(Vec<u32>, Self)>,
}

impl Answers {
    fn give_back(&self, known: &[bool]) -> bool {
        let mut through = self.through.iter();
        self.is_given
            || through.any(|(callees, given)| is_any(callees, known) && given.give_back(known))
    }

    fn are_text(&self, known: &[bool], gives_back: &[bool]) -> bool {
        let mut through = self.through.iter();
        self.is_text
            || through.any(|(callees, given)| {
                is_any(callees, known)
                    || is_any(callees, gives_back) && given.are_text(known, gives_back)
            })
    }
}

fn is_any(nodes: &[u32], marked: &[bool]) -> bool {
    nodes.iter().any(|node| marked[*node as usize])
}

/// The nodes that a name may mean.
struct Names {
    by_name: HashMap<Key, Vec<u32>>,
    classes: HashMap<Key, Vec<u32>>,
    bases: HashMap<Key, Vec<Key>>,
}

impl Names {
    fn of(nodes: &[Node]) -> Self {
        let mut names = Self {
            by_name: HashMap::new(),
            classes: HashMap::new(),
            bases: HashMap::new(),
        };
        for (at, node) in (0..).zip(nodes) {
            for name in &node.answers {
                names.by_name.entry(*name).or_default().push(at);
            }
            let Some(class) = node.class else { continue };
            if node.returns.is_none() {
                names.classes.entry(class).or_default().push(at);
                names.bases.entry(class).or_default().extend(&node.bases);
            }
            for method in &node.names {
                let key = mix(*method, class);
                names.by_name.entry(key).or_default().push(at);
            }
        }
        names
    }

    fn answers(&self, returns: &Returns) -> Answers {
        let mut answers = Answers {
            is_text: returns.is_text,
            is_given: returns.is_given,
            through: Vec::new(),
        };
        for link in &returns.through {
            let callees = self.meant_by(link.callee);
            if callees.is_empty() {
                answers.is_text |= link.is_text_elsewhere;
                continue;
            }
            answers.through.push((callees, self.answers(&link.given)));
        }
        answers
    }

    fn meant_by(&self, callee: Callee) -> Vec<u32> {
        let functions = |name: Key| self.by_name.get(&name).into_iter().flatten().copied();
        match callee {
            Callee::Argument(name) => functions(name).collect(),
            Callee::Named(name) => {
                let classes = self.classes.get(&name).into_iter().flatten().copied();
                functions(name).chain(classes).collect()
            }
            Callee::Inherited { method, class } => {
                let bases = self.bases_of(class);
                let methods = bases.into_iter().map(|base| mix(method, base));
                methods.flat_map(functions).collect()
            }
        }
    }

    /// Whether an instance of the class is an answer by itself.
    fn is_response(&self, class: Key) -> bool {
        let answers = ANSWERS.map(plain);
        self.bases_of(class)
            .iter()
            .any(|base| answers.contains(base))
    }

    /// All that a class derives from.
    fn bases_of(&self, class: Key) -> Vec<Key> {
        let mut bases: Vec<Key> = self.bases.get(&class).cloned().unwrap_or_default();
        let mut at = 0;
        while let Some(base) = bases.get(at).copied() {
            at += 1;
            for further in self.bases.get(&base).into_iter().flatten() {
                if !bases.contains(further) {
                    bases.push(*further);
                }
            }
        }
        bases
    }
}

/// The statements of a function that bear on its answers.
#[derive(Default)]
pub(super) struct Body<'a> {
    returned: Vec<&'a Expr>,
    raised: Vec<&'a Expr>,
    assigned: Vec<(&'a str, &'a Expr)>,
    /// Bound in another way: loops, `with`, parts of a tuple.
    bound: Vec<&'a str>,
    /// Functions and classes.
    defined: Vec<&'a str>,
    is_generator: bool,
}

impl<'a> Body<'a> {
    pub fn of(def: &'a StmtFunctionDef) -> Self {
        let mut body = Self::default();
        body.visit_body(&def.body);
        body
    }

    /// What is bound in the function, other than its parameters.
    pub fn locals(&self) -> impl Iterator<Item = &'a str> {
        let assigned = self.assigned.iter().map(|(name, _)| *name);
        assigned.chain(self.bound.iter().copied())
    }

    /// The functions inside that are handed out, by themselves or as an argument of a call.
    pub fn handed_out(&self) -> Vec<&'a str> {
        let mut found = Vec::new();
        for returned in &self.returned {
            names_in(returned, &mut found);
        }
        found.retain(|name| self.defined.contains(name));
        found
    }

    fn target(&mut self, target: &'a Expr, value: Option<&'a Expr>) {
        match (target, value) {
            (Expr::Name(name), Some(value)) => self.assigned.push((name.id.as_str(), value)),
            (Expr::Name(name), None) => self.bound.push(name.id.as_str()),
            (Expr::Tuple(tuple), _) => tuple.elts.iter().for_each(|one| self.target(one, None)),
            (Expr::List(list), _) => list.elts.iter().for_each(|one| self.target(one, None)),
            (Expr::Starred(starred), _) => self.target(&starred.value, None),
            _ => {}
        }
    }

    fn value(&mut self, value: &'a Expr) {
        match value {
            Expr::Yield(_) | Expr::YieldFrom(_) => self.is_generator = true,
            Expr::Named(named) => self.target(&named.target, Some(&named.value)),
            Expr::Await(inner) => self.value(&inner.value),
            Expr::Call(call) if last_name(&call.func) == Some("abort") => self.raised.push(value),
            _ => {}
        }
    }
}

impl<'a> SourceOrderVisitor<'a> for Body<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.defined.push(def.name.as_str()),
            Stmt::ClassDef(class) => self.defined.push(class.name.as_str()),
            Stmt::Return(it) => self.returned.extend(it.value.as_deref()),
            Stmt::Raise(it) => self.raised.extend(it.exc.as_deref()),
            Stmt::Expr(it) => self.value(&it.value),
            Stmt::Assign(it) => {
                self.value(&it.value);
                it.targets
                    .iter()
                    .for_each(|target| self.target(target, Some(&it.value)));
            }
            Stmt::AnnAssign(it) => self.target(&it.target, it.value.as_deref()),
            Stmt::AugAssign(it) => self.target(&it.target, Some(&it.value)),
            Stmt::For(it) => self.target(&it.target, None),
            Stmt::With(it) => {
                let names = it
                    .items
                    .iter()
                    .filter_map(|item| item.optional_vars.as_deref());
                names.for_each(|name| self.target(name, None));
            }
            _ => {}
        }
        if !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            walk_stmt(self, stmt);
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Named(_) = expr {
            self.value(expr);
        }
    }
}

fn names_in<'a>(expr: &'a Expr, found: &mut Vec<&'a str>) {
    match expr {
        Expr::Name(name) => found.push(name.id.as_str()),
        Expr::Call(call) => {
            names_in(&call.func, found);
            call.arguments
                .args
                .iter()
                .for_each(|it| names_in(it, found));
        }
        _ => {}
    }
}

struct Reader<'a, 'i> {
    imported: &'i Imported<'a>,
    body: &'i Body<'a>,
    parameters: &'i [&'i str],
    class: Option<Key>,
    /// Names that have been followed.
    seen: Vec<&'a str>,
    /// How many expressions may still be looked at.
    left: u32,
    found: Returns,
}

impl<'a> Reader<'a, '_> {
    fn text(&mut self) {
        self.found.is_text = true;
    }

    fn link(&mut self, callee: Callee, is_text_elsewhere: bool, given: Returns) {
        self.found.through.push(Link {
            callee,
            is_text_elsewhere,
            given,
        });
    }

    fn value(&mut self, value: &'a Expr) {
        let Some(left) = self.left.checked_sub(1) else {
            return self.text();
        };
        self.left = left;
        match value {
            Expr::Dict(_)
            | Expr::List(_)
            | Expr::Set(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_)
            | Expr::Lambda(_)
            | Expr::Compare(_)
            | Expr::NoneLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NumberLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::UnaryOp(_) => {}
            Expr::StringLiteral(text) if text.value.is_empty() => {}
            Expr::BytesLiteral(text) if text.value.is_empty() => {}
            // Status and headers follow.
            Expr::Tuple(tuple) => tuple
                .elts
                .first()
                .into_iter()
                .for_each(|body| self.value(body)),
            Expr::If(it) => {
                self.value(&it.body);
                self.value(&it.orelse);
            }
            Expr::BoolOp(it) => it.values.iter().for_each(|one| self.value(one)),
            Expr::BinOp(it) => {
                self.value(&it.left);
                self.value(&it.right);
            }
            Expr::Await(it) => self.value(&it.value),
            Expr::Named(it) => self.value(&it.value),
            Expr::Name(name) => self.name(name.id.as_str()),
            Expr::Call(call) => self.call(call),
            _ => self.text(),
        }
    }

    fn name(&mut self, name: &'a str) {
        let body = self.body;
        if body.bound.contains(&name) {
            return self.text();
        }
        if self.seen.contains(&name) {
            return;
        }
        self.seen.push(name);
        let mut is_known = body.defined.contains(&name);
        for (_, value) in body.assigned.iter().filter(|(known, _)| *known == name) {
            is_known = true;
            self.value(value);
        }
        if self.parameters.contains(&name) {
            is_known = true;
            self.found.is_given |= !matches!(name, "self" | "cls");
        }
        if !is_known {
            self.text();
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        let given = self.given_to(call);
        match &*call.func {
            // Whoever hands a function over is asked what it gives.
            Expr::Name(name) if self.parameters.contains(&name.id.as_str()) => {}
            Expr::Name(name) => {
                let name = self.imported.original(&name.id);
                let is_text_elsewhere = !GIVE_OBJECTS.contains(&name);
                self.link(Callee::Named(plain(name)), is_text_elsewhere, given);
            }
            Expr::Attribute(attribute) => {
                self.method(&attribute.value, attribute.attr.as_str(), given);
            }
            _ => self.text(),
        }
        for given in arguments(call) {
            match given {
                Expr::Name(name) => {
                    let name = plain(self.imported.original(&name.id));
                    self.found.through.push(Link::to_argument(name));
                }
                Expr::Attribute(attribute) => {
                    let name = attribute.attr.as_str();
                    let names = [plain(name), dotted(name)];
                    self.found.through.extend(names.map(Link::to_argument));
                }
                Expr::Lambda(lambda) => self.value(&lambda.body),
                _ => {}
            }
        }
    }

    fn given_to(&mut self, call: &'a ExprCall) -> Returns {
        let outer = std::mem::take(&mut self.found);
        let seen = self.seen.len();
        for argument in arguments(call) {
            self.value(argument);
        }
        self.seen.truncate(seen);
        std::mem::replace(&mut self.found, outer)
    }

    fn method(&mut self, receiver: &'a Expr, name: &str, given: Returns) {
        let is_text_elsewhere = !GIVE_OBJECTS.contains(&name);
        if let (true, Some(class)) = (is_super(receiver), self.class) {
            let method = dotted(name);
            let callee = Callee::Inherited { method, class };
            return self.link(callee, is_text_elsewhere, given);
        }
        let is_own =
            matches!(receiver, Expr::Name(name) if matches!(name.id.as_str(), "self" | "cls"));
        match self.imported.root(receiver) {
            Root::Module => self.link(Callee::Named(plain(name)), is_text_elsewhere, given),
            _ if COMMON_METHODS.contains(&name) && !is_own => self.text(),
            _ => self.link(Callee::Named(dotted(name)), is_text_elsewhere, given),
        }
    }

    /// `abort(400, f"no {name}")`, `raise BadName(name)`: a client's value may be shown by a
    /// handler of errors.
    fn raised(&mut self, raised: &'a Expr) {
        let Expr::Call(call) = raised else { return };
        if arguments(call).any(|it| !it.is_literal_expr()) {
            self.found.through.push(Link::to_argument(ERROR_HANDLER));
        }
    }
}

fn arguments(call: &ExprCall) -> impl Iterator<Item = &Expr> {
    let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
    call.arguments.args.iter().chain(named)
}

fn is_super(receiver: &Expr) -> bool {
    matches!(receiver, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if name.id == "super"))
}
