//! The interpreter's own state: modules that have been run, budgets, what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ruff_text_size::TextRange;
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::answers::Answers;
use super::dotted::Dotted;
use super::errors::Raised;
use super::facts::Facts;
use super::handler::Handler;
use super::heap::{Base, List, Obj, Scope, State};
use super::output::{Sink, SinkCall, Undecided, WeakCheck};
use super::reach::Reach;
use super::value::{Key, Note, ObjId, Part, Piece, Place, Source, Step, Value, hash, mix};
use crate::model::modules::{ModuleId, Modules};
use crate::text::{Location, Span};

/// How much work one entry may cause, in evaluated expressions and statements.
const WORK_PER_ENTRY: u32 = 4_000;
/// The same for one statement of a module: a factory defines many handlers.
const WORK_PER_DEFINITION: u32 = 20_000;
/// How deep calls, statements and expressions may nest together, so that 64 MiB of stack last.
const DEEPEST_NEST: u32 = 1_200;

pub(super) struct Interp<'a> {
    pub modules: &'a Modules,
    pub reach: &'a Reach,
    pub base: Base<'a>,
    next: ObjId,
    pub dotted: Dotted,
    /// The values of text literals.
    pub literals: HashMap<Place, Value<'a>>,
    scopes: HashMap<ModuleId, ObjId>,
    /// `from x import *` of foreign modules.
    pub stars: HashMap<ModuleId, Vec<Rc<str>>>,
    /// Folders without `__init__.py` that an import went through.
    pub namespaces: HashSet<String>,
    pub weak: HashMap<Key, Vec<WeakCheck>>,
    /// How many of these there are.
    pub weak_noted: usize,
    /// The path that a normalised path was made of.
    pub origins: HashMap<Key, Vec<Key>>,
    /// The pieces of every tainted expression.
    pub seen: HashMap<Place, Vec<Key>>,
    pub sinks: BTreeMap<(Location, Sink, Span), SinkCall>,
    /// What has reached a sink, hashed with the sink.
    pub noted: HashSet<u64>,
    pub undecided: BTreeSet<Undecided>,
    pub handlers: Vec<Handler<'a>>,
    /// The modules whose handlers are run, by whichever worker.
    pub wanted: HashSet<ModuleId>,
    /// Functions that have been run.
    pub ran: HashSet<Place>,
    /// The returned values of functions that were run since somebody last looked.
    pub returned: HashMap<Place, Vec<Returned<'a>>>,
    /// The objects behind `flask.g` and its like.
    pub stores: HashMap<String, ObjId>,
    /// The functions whose returns are kept.
    pub watch: [Option<Place>; 2],
    /// Returned values that have been looked at.
    pub passed_on: Vec<Key>,
    /// Where a response was made, and its body written.
    pub response_places: HashMap<ObjId, (Place, Place)>,
    /// Tests whose result is compared later: `x.find("..") == -1`.
    pub tests: HashMap<Key, super::guard::Test<'a>>,
    /// A text, by the key of any character of it.
    pub characters_of: HashMap<Key, Key>,
    /// A text that was split, by the key of any part, and what holds of the separator.
    pub parts_of: HashMap<Key, (Key, Facts)>,
    /// The pieces of a path, by the key of any component of it.
    pub components_of: HashMap<Key, Vec<Key>>,
    /// The patterns with groups of regular expressions, by the key of a match.
    pub patterns: HashMap<Key, Rc<str>>,
    /// What declared fields and their validators let through.
    pub field_rules: HashMap<Key, super::fields::Rule<'a>>,
    /// The schemas of fields that nest one.
    pub nested_schemas: HashMap<Key, Value<'a>>,
    /// The URL rules of class-based views.
    pub class_rules: HashMap<ObjId, Vec<String>>,
    /// Results of calls that saw no client value.
    pub known_results: HashMap<(Place, Key), Known<'a>>,
    /// Results of calls that saw client values, of functions to which they make no difference.
    pub blind_results: HashMap<(Place, Key), Known<'a>>,
    /// Handlers find at module level what others have left there: any function may read it.
    pub finds_shared: bool,
    /// How many client values were read so far.
    pub sources_read: std::cell::Cell<u64>,
    /// Whether every URL rule of the handler that is run is constant: the path is then, too.
    pub has_constant_path: bool,
    /// What functions that run before every view leave in `flask.g`.
    pub before_views: BTreeMap<String, Value<'a>>,
    /// What checks that run before views have found out about the request, and the blueprint
    /// for whose views alone it holds.
    pub checked_before: Vec<super::checked::Checked>,
    /// A piece of text, by what is left of it after harmless characters were taken out.
    pub cut_from: HashMap<Key, Key>,
    /// The client values in what was raised and not caught so far.
    pub thrown: Vec<Rc<Piece<'a>>>,
    /// What was raised with client values and left the handlers so far.
    pub raised: Vec<Raised<'a>>,
    /// What factories keep in attributes of the application.
    pub app_attributes: HashMap<String, super::factory::Attribute<'a>>,
    /// The URL converters of the application, by their names.
    pub converters: HashMap<String, Value<'a>>,
    /// Whose answers are given a content type in which no script runs.
    pub answers: Answers,
    /// The world after handlers that have left client values at module level.
    pub shared: Option<State<'a>>,
    /// The handler that was run last has left such values.
    pub has_left: bool,
    /// All that have, each with the module that it was run with.
    pub leaving: Vec<(ModuleId, Place)>,
    /// The handlers to run, where not every one is.
    pub only: Option<std::collections::HashSet<Place>>,
    /// Modules that another worker runs, and of which only such functions are run here.
    pub borrowed: HashSet<ModuleId>,
    work: u32,
    nest: u32,
    pub stack: Vec<Place>,
}

/// What a call gave, with the objects that its value refers to.
#[derive(Clone)]
pub(super) struct Known<'a> {
    pub value: Value<'a>,
    pub objects: Vec<(ObjId, Rc<Obj<'a>>)>,
    pub is_dead: bool,
}

/// One `return`.
#[derive(Clone)]
pub(super) struct Returned<'a> {
    pub value: Value<'a>,
    pub state: State<'a>,
    pub place: Place,
}

/// One activation of a function, a module's or a class's body.
pub(super) struct Frame<'a> {
    pub module: ModuleId,
    pub scope: ObjId,
    /// The `def` or `lambda`.
    pub function: Option<Place>,
    pub name: &'a str,
    pub returns: Vec<Returned<'a>>,
    pub yields: Vec<Value<'a>>,
    pub breaks: Vec<State<'a>>,
    pub continues: Vec<State<'a>>,
    pub raises: Vec<State<'a>>,
    pub globals: Vec<&'a str>,
    pub class: Option<ObjId>,
    /// The first argument, for `super()`.
    pub this: Option<Value<'a>>,
    pub is_class_body: bool,
    /// A function or class was defined inside: the scope outlives the call.
    pub is_captured: bool,
}

impl<'a> Frame<'a> {
    pub fn new(module: ModuleId, scope: ObjId, name: &'a str) -> Self {
        Self {
            module,
            scope,
            function: None,
            name,
            returns: Vec::new(),
            yields: Vec::new(),
            breaks: Vec::new(),
            continues: Vec::new(),
            raises: Vec::new(),
            globals: Vec::new(),
            class: None,
            this: None,
            is_class_body: false,
            is_captured: false,
        }
    }

    pub fn place(&self, range: TextRange) -> Place {
        Place {
            module: self.module,
            span: range.into(),
        }
    }
}

impl<'a> Interp<'a> {
    pub fn new(modules: &'a Modules, reach: &'a Reach) -> Self {
        Self {
            modules,
            reach,
            base: Base::default(),
            next: 1,
            dotted: Dotted::default(),
            literals: HashMap::default(),
            scopes: HashMap::default(),
            stars: HashMap::default(),
            namespaces: HashSet::default(),
            weak: HashMap::default(),
            weak_noted: 0,
            origins: HashMap::default(),
            seen: HashMap::default(),
            sinks: BTreeMap::new(),
            noted: HashSet::default(),
            undecided: BTreeSet::new(),
            handlers: Vec::new(),
            wanted: HashSet::default(),
            ran: HashSet::default(),
            returned: HashMap::default(),
            stores: HashMap::default(),
            watch: [None, None],
            passed_on: Vec::new(),
            response_places: HashMap::default(),
            tests: HashMap::default(),
            characters_of: HashMap::default(),
            parts_of: HashMap::default(),
            components_of: HashMap::default(),
            patterns: HashMap::default(),
            field_rules: HashMap::default(),
            nested_schemas: HashMap::default(),
            class_rules: HashMap::default(),
            known_results: HashMap::default(),
            blind_results: HashMap::default(),
            finds_shared: false,
            sources_read: std::cell::Cell::new(0),
            has_constant_path: false,
            before_views: BTreeMap::new(),
            checked_before: Vec::new(),
            cut_from: HashMap::default(),
            thrown: Vec::new(),
            raised: Vec::new(),
            app_attributes: HashMap::default(),
            converters: HashMap::default(),
            answers: Answers::default(),
            shared: None,
            has_left: false,
            leaving: Vec::new(),
            only: None,
            borrowed: HashSet::default(),
            work: WORK_PER_ENTRY,
            nest: 0,
            stack: Vec::new(),
        }
    }

    /// Whether a client's value can enter below the function.
    pub fn has_source(&self, function: Place) -> bool {
        self.finds_shared || self.reach.has_source(function)
    }

    /// A new entry: full budget.
    pub fn refill(&mut self) {
        self.work = WORK_PER_ENTRY;
        self.nest = 0;
        self.stack.clear();
        self.thrown.clear();
        self.returned.clear();
    }

    /// Takes one unit of work and one level of nesting; `false` when either has run out.
    pub fn enter(&mut self, place: Place) -> bool {
        if self.work == 0 || self.nest >= DEEPEST_NEST {
            let why = if self.work == 0 {
                "too much code to follow from here"
            } else {
                "nested too deeply to follow"
            };
            self.give_up(place, why);
            return false;
        }
        self.work -= 1;
        self.nest += 1;
        true
    }

    pub fn leave(&mut self) {
        self.nest = self.nest.saturating_sub(1);
    }

    pub const fn is_exhausted(&self) -> bool {
        self.work == 0
    }

    pub fn give_up(&mut self, place: Place, why: &str) {
        // One line per cause and function is enough.
        let place = self.stack.last().copied().unwrap_or(place);
        let location = self.location(place);
        self.undecided.insert(Undecided {
            location,
            why: why.to_owned(),
        });
    }

    pub fn location(&self, place: Place) -> Location {
        self.modules.get(place.module).location(place.span)
    }

    pub fn source_text(&self, place: Place) -> &'a str {
        self.modules.get(place.module).source(place.span)
    }

    pub fn new_id(&mut self) -> ObjId {
        self.next += 1;
        self.next
    }

    pub fn alloc(&mut self, st: &mut State<'a>, object: Obj<'a>) -> Value<'a> {
        let id = self.new_id();
        st.put(id, object);
        Value::Ref(id)
    }

    pub fn list(&mut self, st: &mut State<'a>, items: Vec<Value<'a>>) -> Value<'a> {
        self.alloc(st, Obj::List(List { items, rest: None }))
    }

    /// A list of unknown length whose items are all like `item`.
    pub fn list_of(&mut self, st: &mut State<'a>, item: Value<'a>) -> Value<'a> {
        self.alloc(
            st,
            Obj::List(List {
                items: Vec::new(),
                rest: Some(item),
            }),
        )
    }

    /// A value that a client chooses. Equal `identity` means the same value, wherever it is read.
    pub fn source(&self, place: Place, identity: Key, text: &str) -> Piece<'a> {
        self.sources_read.set(self.sources_read.get() + 1);
        Piece {
            id: super::source::source_id(identity),
            facts: super::facts::Facts::NONE,
            source: Rc::new(Source {
                place,
                text: text.into(),
                given: None,
            }),
            step: Rc::new(Step {
                place,
                note: Note::Read,
                before: None,
                length: 1,
            }),
            by: None,
            under: None,
            inserted: None,
            insertions: None,
        }
    }

    /// The scope of a module, whose body is run when it is first needed.
    pub fn module_scope(&mut self, id: ModuleId) -> ObjId {
        if let Some(scope) = self.scopes.get(&id) {
            return *scope;
        }
        let scope = self.new_id();
        self.scopes.insert(id, scope);
        let mut st = State::new(&self.base);
        st.put(scope, Obj::Scope(Scope::default()));
        st.settle();
        self.run_module(id, scope, st);
        scope
    }

    /// Keeps the world of a function for the handlers from `first` on that it has defined inside.
    /// What an import below it has brought, a module holds: it needs no world of its own.
    pub fn keep_world(&mut self, first: usize, st: &State<'a>) {
        for handler in &mut self.handlers[first..] {
            let module = self.scopes.get(&handler.raw.module);
            if module != Some(&handler.raw.scope) {
                handler.state.get_or_insert_with(|| st.clone());
            }
        }
    }

    fn run_module(&mut self, id: ModuleId, scope: ObjId, mut st: State<'a>) {
        // A module's body has its own budget: it is run once, for everybody. So has each of its
        // statements: what the last one defines is as good as what the first one does.
        let (work, nest) = (self.work, self.nest);
        let module = self.modules.get(id);
        let mut frame = Frame::new(id, scope, "");
        let path = module.path();
        let name = path.trim_end_matches(".py").replace('/', ".");
        st.change(scope, |object| {
            if let Obj::Scope(scope) = object {
                scope.vars.insert("__name__", Value::text(name));
                scope.vars.insert("__file__", Value::unknown(hash(path)));
            }
        });
        for statement in module.body().chunks(1) {
            self.work = WORK_PER_DEFINITION;
            self.block(statement, &mut st, &mut frame);
        }
        st.dead = false;
        st.settle();
        (self.work, self.nest) = (work, nest);
    }

    /// A module's global.
    pub fn module_var(&mut self, id: ModuleId, name: &str, st: &State<'a>) -> Option<Value<'a>> {
        let scope = self.module_scope(id);
        // A package whose body is being run has nothing to show yet but its modules.
        if let Some(object) = st.get(scope)
            && let Obj::Scope(vars) = &*object
            && let Some(value) = vars.vars.get(name)
            && !matches!(value, Value::Import(from, of) if *from == id && *of == name)
        {
            return Some(value.clone());
        }
        // Only a package has modules of its own: `app` of `app.py` is not `app.py`.
        if !self.modules.get(id).path().ends_with("__init__.py") {
            return None;
        }
        self.modules.import(id, 1, name).map(Value::Module)
    }

    /// What an imported name stands for.
    pub fn resolve(&mut self, value: Value<'a>, st: &State<'a>) -> Value<'a> {
        let mut value = value;
        for _ in 0..8 {
            let Value::Import(id, name) = value else {
                return value;
            };
            value = match self.module_var(id, name, st) {
                Some(next) => next,
                None => return self.through_star(id, name),
            };
        }
        Value::unknown(1)
    }

    fn through_star(&self, id: ModuleId, name: &str) -> Value<'a> {
        match self.stars.get(&id).and_then(|stars| stars.first()) {
            Some(star) => Value::ext(format!("{star}.{name}")),
            None => Value::unknown(mix(id.index() as u64, hash(name))),
        }
    }

    pub fn load(&mut self, name: &str, st: &State<'a>, fr: &Frame<'a>) -> Value<'a> {
        let mut next = Some(fr.scope);
        while let Some(id) = next {
            let Some(object) = st.get(id) else { break };
            let Obj::Scope(scope) = &*object else { break };
            if let Some(value) = scope.vars.get(name) {
                let value = value.clone();
                return self.resolve(value, st);
            }
            next = scope.parent;
        }
        if let Some(star) = self.stars.get(&fr.module).and_then(|stars| stars.first())
            && !is_builtin(name)
        {
            return Value::ext(format!("{star}.{name}"));
        }
        if name == "__class__" {
            return fr.class.map_or(Value::None, Value::Ref);
        }
        Value::Ext(self.dotted.member("builtins", name))
    }

    pub fn store(&mut self, name: &'a str, value: Value<'a>, st: &mut State<'a>, fr: &Frame<'a>) {
        let mut target = fr.scope;
        if fr.globals.contains(&name) {
            target = self.defining_scope(name, st, fr);
        }
        st.change(target, |object| {
            if let Obj::Scope(scope) = object {
                scope.vars.insert(name, value);
            }
        });
    }

    /// For `global` and `nonlocal`: the nearest scope outside that has the name, else the module.
    fn defining_scope(&self, name: &str, st: &State<'a>, fr: &Frame<'a>) -> ObjId {
        let mut last = fr.scope;
        let mut first = true;
        let mut next = Some(fr.scope);
        while let Some(id) = next {
            let Some(object) = st.get(id) else { break };
            let Obj::Scope(scope) = &*object else { break };
            if !first && scope.vars.contains_key(name) {
                return id;
            }
            first = false;
            last = id;
            next = scope.parent;
        }
        last
    }

    /// The pieces in a value and in what it refers to, to a bounded depth.
    pub fn deep_pieces(&self, value: &Value<'a>, st: &State<'a>) -> Vec<Rc<Piece<'a>>> {
        let mut found = Vec::new();
        self.collect_deep(value, st, 4, &mut found);
        found
    }

    /// A key that tells arguments by what they hold; nothing when a client value is among it, or
    /// when there is too much to look at.
    pub fn clean_key(&self, value: &Value<'a>, st: &State<'a>, fuel: &mut u32) -> Option<Key> {
        *fuel = fuel.checked_sub(1)?;
        if value.is_tainted() {
            return None;
        }
        match value {
            Value::Ref(id) => match &*st.get(*id)? {
                Obj::List(list) => {
                    let items = list.items.iter().chain(&list.rest);
                    items
                        .map(|item| self.clean_key(item, st, fuel))
                        .try_fold(31, fold_key)
                }
                Obj::Dict(dict) => {
                    let entries = dict.entries.iter().flat_map(|(key, value)| [key, value]);
                    let all = entries.chain(&dict.rest).chain(&dict.keys);
                    all.map(|item| self.clean_key(item, st, fuel))
                        .try_fold(32, fold_key)
                }
                Obj::Instance(instance) => {
                    let fields = instance.fields.iter();
                    let first = mix(33, instance.class.key());
                    fields
                        .map(|(name, item)| Some(mix(hash(name), self.clean_key(item, st, fuel)?)))
                        .try_fold(first, fold_key)
                }
                Obj::Class(_) | Obj::Scope(_) => Some(value.key()),
            },
            Value::Tuple(items) | Value::Union(items) => items
                .iter()
                .map(|item| self.clean_key(item, st, fuel))
                .try_fold(34, fold_key),
            Value::Bound(bound) => Some(mix(self.clean_key(&bound.0, st, fuel)?, bound.1.key())),
            other => Some(other.key()),
        }
    }

    /// As [`Interp::clean_key`], telling client values by what is known of them only.
    pub fn shape_key(&self, value: &Value<'a>, st: &State<'a>, fuel: &mut u32) -> Option<Key> {
        if let Some(key) = self.clean_key(value, st, fuel) {
            return Some(key);
        }
        let whole = value.key();
        let known = |piece: &Rc<Piece<'a>>| u64::from(st.known(piece, whole).bits());
        match value {
            Value::Any(any) => {
                let kind = any.kind.as_deref().map_or(35, hash);
                let pieces = any.pieces.iter().map(known);
                Some(pieces.fold(kind, mix))
            }
            Value::Str(text) => {
                let parts = text.parts.iter().map(|part| match part {
                    Part::Taint(piece) => mix(36, known(piece)),
                    part => part.key(),
                });
                Some(parts.fold(37 + text.kind as Key, mix))
            }
            Value::Tuple(items) | Value::Union(items) => items
                .iter()
                .map(|item| self.shape_key(item, st, fuel))
                .try_fold(38, fold_key),
            _ => None,
        }
    }

    /// The objects that a value refers to; nothing when there are many.
    pub fn reachable(
        &self,
        value: &Value<'a>,
        st: &State<'a>,
    ) -> Option<Vec<(ObjId, Rc<Obj<'a>>)>> {
        let mut found: Vec<(ObjId, Rc<Obj<'a>>)> = Vec::new();
        let mut open = vec![value.clone()];
        while let Some(value) = open.pop() {
            match &value {
                Value::Tuple(items) | Value::Union(items) => open.extend(items.iter().cloned()),
                Value::Func(_) | Value::Bound(_) | Value::Pred(_) | Value::Super(_) => return None,
                Value::Ref(id) => {
                    if found.iter().any(|(known, _)| known == id) {
                        continue;
                    }
                    if found.len() > 64 {
                        return None;
                    }
                    let object = st.get(*id)?;
                    match &*object {
                        Obj::List(list) => {
                            open.extend(list.items.iter().chain(&list.rest).cloned())
                        }
                        Obj::Dict(dict) => {
                            open.extend(dict.entries.iter().map(|(_, value)| value.clone()));
                            open.extend(dict.rest.iter().chain(&dict.keys).cloned());
                        }
                        Obj::Instance(instance) => open.extend(instance.fields.values().cloned()),
                        Obj::Class(_) | Obj::Scope(_) => continue,
                    }
                    found.push((*id, object));
                }
                _ => {}
            }
        }
        Some(found)
    }

    fn collect_deep(
        &self,
        value: &Value<'a>,
        st: &State<'a>,
        depth: u8,
        found: &mut Vec<Rc<Piece<'a>>>,
    ) {
        for piece in st.pin(value).pieces() {
            super::value::add_piece(found, &piece);
        }
        if depth == 0 {
            return;
        }
        let mut visit = |inner: &Value<'a>| self.collect_deep(inner, st, depth - 1, found);
        for one in value.alternatives() {
            match one {
                Value::Tuple(items) => items.iter().for_each(&mut visit),
                Value::Ref(id) => {
                    let Some(object) = st.get(*id) else { continue };
                    match &*object {
                        Obj::List(list) => list.items.iter().chain(&list.rest).for_each(&mut visit),
                        Obj::Dict(dict) => {
                            dict.entries.iter().for_each(|(_, value)| visit(value));
                            dict.rest.iter().chain(&dict.keys).for_each(&mut visit);
                        }
                        Obj::Instance(instance) => instance.fields.values().for_each(&mut visit),
                        Obj::Scope(_) | Obj::Class(_) => {}
                    }
                }
                _ => {}
            }
        }
    }

    /// Says that `place` is a check of `value` that does not hold.
    pub fn note_weak(&mut self, key: Key, place: Place, why: &str) {
        let location = self.location(place);
        let mut keys = self.origins.get(&key).cloned().unwrap_or_default();
        keys.push(key);
        for key in keys {
            let known = self.weak.entry(key).or_default();
            if !known.iter().any(|check| check.location == location) {
                self.weak_noted += 1;
                known.push(WeakCheck {
                    location: location.clone(),
                    why: why.to_owned(),
                });
            }
        }
    }
}

fn fold_key(key: Key, next: Option<Key>) -> Option<Key> {
    Some(mix(key, next?))
}

fn is_builtin(name: &str) -> bool {
    const BUILTINS: &[&str] = &[
        "abs",
        "all",
        "any",
        "bool",
        "bytes",
        "bytearray",
        "callable",
        "chr",
        "dict",
        "dir",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "format",
        "frozenset",
        "getattr",
        "hasattr",
        "hash",
        "hex",
        "id",
        "input",
        "int",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "list",
        "map",
        "max",
        "min",
        "next",
        "object",
        "oct",
        "open",
        "ord",
        "pow",
        "print",
        "property",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "setattr",
        "sorted",
        "staticmethod",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "vars",
        "zip",
        "Exception",
        "ValueError",
        "KeyError",
        "TypeError",
        "classmethod",
        "True",
        "False",
        "None",
    ];
    BUILTINS.contains(&name)
}

#[cfg(test)]
mod tests {
    use crate::model::flow::marked::judge_app;

    #[test]
    fn what_a_long_module_defines_last_is_judged() {
        let table = format!("NAMES = [{}]\n", "'a', ".repeat(25_000));
        let views: String = (0..400)
            .map(|index| {
                format!(
                    "@app.get('/{index}')\n@guarded\ndef view{index}():\n    return str({index})\n"
                )
            })
            .collect();
        judge_app(&format!(
            "{table}\ndef guarded(view):\n    @wraps(view)\n    def inner(*args, **kwargs):\n        \
             return view(*args, **kwargs)\n    return inner\n\n{views}\n\
             @app.get('/last')\n@guarded\ndef last():\n    return open(request.args['f']).read()  # bad\n"
        ));
    }

    #[test]
    fn a_wrapper_that_names_what_it_wraps_does_not_call_it() {
        judge_app(
            "def opened(view):\n    @wraps(view)\n    def inner(name):\n        return view('reports', name)\n    return inner\n\n\
             @app.get('/<path:name>')\n@opened\ndef show(folder, name):\n    if name not in ('a', 'b'):\n        abort(404)\n    return open(folder + '/' + name).read()\n",
        );
    }
}
