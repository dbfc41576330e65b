//! Where evaluation starts: the handlers of the repository, found by running the modules.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use ruff_python_ast::StmtFunctionDef;
use ruff_text_size::Ranged as _;

use super::call::Args;
use super::errors::Raised;
use super::handler::{Handler, Kind, is_static};
use super::heap::{Obj, State};
use super::interp::{Frame, Interp, Returned};
use super::output::{CONTEXT_PROCESSOR, Flows, Sink, SinkCall, Undecided};
use super::reach::Reach;
use super::sink::merge_calls;
use super::value::{Code, Func, Key, ObjId, Place, Value};
use crate::discover::Purpose;
use crate::finding::Confidence;
use crate::model::modules::{ModuleId, Modules, any_of};
use crate::parse::python::Module;

/// How many handlers are run with one module: running one may define others without end.
const MOST_HANDLERS: usize = 5_000;
/// A stack that evaluation cannot exhaust, see the interpreter's limit of nesting.
const STACK_BYTES: usize = 64 << 20;

/// Of larger applications, what handlers leave in memory for each other is not followed: they
/// run in several processes, and keep nothing there.
const MOST_SHARING: usize = 60;

/// What a module needs to be worth running.
static NEEDLES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::new([
        "request",
        "route(",
        "View",
        "Resource",
        "add_url_rule",
        "add_resource",
        "errorhandler",
        "render_template",
        "Markup",
        "Response",
        "send_file",
        "send_from_directory",
        ".get(\"/",
        ".get('/",
        ".post(\"/",
        ".post('/",
        "socketio",
        "FlaskForm",
    ])
    .ok()
});

/// What a function holds that registers handlers.
static REGISTERS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    any_of([
        "route(",
        "add_url_rule",
        "errorhandler",
        "add_resource",
        ".get(\"/",
        ".get('/",
        ".post(\"",
        ".post('",
        "before_request",
        "@socketio",
        ".on(",
        "template_filter",
        "template_global",
        "jinja_env",
        "url_map.converters",
    ])
});

/// Runs every handler and answers what reaches which sink.
pub fn analyse(modules: &Modules) -> Flows {
    let wanted: Vec<ModuleId> = modules
        .iter()
        .filter(|(_, module)| is_worth_running(module))
        .map(|(id, _)| id)
        .collect();
    if wanted.is_empty() {
        return Flows::default();
    }
    let reach = Reach::of(modules);
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(wanted.len());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(workers)
        .stack_size(STACK_BYTES)
        .build();
    // One share per worker: what a worker has run of imports and helpers it need not run again.
    let shares = shares_of(&reach, &wanted, workers);
    let run_all = || {
        let run = |ids: &Vec<ModuleId>| run_modules(modules, &reach, &wanted, ids);
        let mut found: Vec<Found> = shares.par_iter().map(run).collect();
        let leaving: Vec<Leaving> = found.iter().flat_map(|(.., left)| left.clone()).collect();
        if !leaving.is_empty() && wanted.len() <= MOST_SHARING {
            let again = |ids: &Vec<ModuleId>| run_sharing(modules, &reach, &wanted, &leaving, ids);
            found.par_extend(shares.par_iter().map(again));
        }
        found
    };
    gather(match pool {
        Ok(pool) => pool.install(run_all),
        // No more threads to be had: on those that the caller has.
        Err(_) => run_all(),
    })
}

/// The modules dealt out to workers, about the same amount of work to each.
fn shares_of(reach: &Reach, wanted: &[ModuleId], workers: usize) -> Vec<Vec<ModuleId>> {
    let weights = reach.weights();
    let weight = |id: &ModuleId| 1 + weights.get(id).copied().unwrap_or_default();
    let mut by_weight = wanted.to_vec();
    by_weight.sort_by_key(|id| std::cmp::Reverse(weight(id)));
    let mut shares = vec![(0, Vec::new()); workers];
    for id in by_weight {
        if let Some((total, share)) = shares.iter_mut().min_by_key(|(total, _)| *total) {
            *total += weight(&id);
            share.push(id);
        }
    }
    let in_order = shares.into_iter().map(|(_, mut share)| {
        share.sort_unstable();
        share
    });
    in_order.collect()
}

/// A handler that leaves a client's value at module level, and the module that it is run with.
type Leaving = (ModuleId, Place);

/// Sinks, open questions, and who leaves something for others.
type Found = (Vec<SinkCall>, Vec<Undecided>, Vec<Leaving>);

fn gather(found: Vec<Found>) -> Flows {
    let mut calls: BTreeMap<_, SinkCall> = BTreeMap::new();
    let mut undecided = BTreeSet::new();
    for (sinks, open, _) in found {
        undecided.extend(open);
        for call in sinks {
            let key = (call.call.clone(), call.sink.clone(), call.argument);
            match calls.get_mut(&key) {
                Some(known) => merge_calls(known, call),
                None => {
                    calls.insert(key, call);
                }
            }
        }
    }
    Flows {
        calls: calls.into_values().collect(),
        undecided: undecided.into_iter().collect(),
    }
}

fn is_worth_running(module: &Module) -> bool {
    if matches!(
        module.file.purpose,
        Purpose::Test | Purpose::Migration | Purpose::Vendored
    ) {
        return false;
    }
    let source = module.file.text.as_str();
    NEEDLES
        .as_ref()
        .is_none_or(|needles| needles.is_match(source))
}

fn run_modules(modules: &Modules, reach: &Reach, wanted: &[ModuleId], ids: &[ModuleId]) -> Found {
    let mut interp = Interp::new(modules, reach);
    interp.wanted = wanted.iter().copied().collect();
    interp.run_share(wanted, ids);
    for id in ids {
        interp.run_helpers(*id);
    }
    found_by(interp)
}

fn found_by(interp: Interp<'_>) -> Found {
    let undecided = interp.undecided.into_iter().collect();
    let sinks = interp.sinks.into_values().collect();
    (sinks, undecided, interp.leaving)
}

/// Runs the handlers that leave something, and then those that may find it, in the world that
/// they leave.
fn run_sharing(
    modules: &Modules,
    reach: &Reach,
    wanted: &[ModuleId],
    leaving: &[Leaving],
    ids: &[ModuleId],
) -> Found {
    let mut interp = Interp::new(modules, reach);
    interp.wanted = wanted.iter().copied().collect();
    interp.only = Some(leaving.iter().map(|(_, handler)| *handler).collect());
    let first: BTreeSet<ModuleId> = leaving.iter().map(|(module, _)| *module).collect();
    let first: Vec<ModuleId> = first.into_iter().collect();
    interp.run_share(wanted, &first);
    interp.finds_shared = interp.settle_shared();
    let names = interp.names_of_shared();
    let readers = reach.mentioning(names.into_iter().chain(["current_app"]));
    interp.only = Some(readers);
    interp.run_share(wanted, ids);
    found_by(interp)
}

impl<'a> Interp<'a> {
    /// Runs the handlers of some of the modules.
    fn run_share(&mut self, wanted: &[ModuleId], ids: &[ModuleId]) {
        let mut done = HashSet::new();
        self.borrowed.clear();
        self.run_converters();
        self.run_factories();
        self.run_before_views(wanted, ids, &mut done);
        for id in ids {
            self.refill();
            self.module_scope(*id);
            self.run_registrars(*id);
            self.run_handlers(*id, &mut done);
        }
        self.run_error_handlers(wanted);
    }

    /// Runs what registers URL converters: views of any module use them.
    fn run_converters(&mut self) {
        let modules = self.modules;
        for (id, module) in modules.iter() {
            if module.file.text.as_str().contains("url_map.converters") {
                self.refill();
                self.module_scope(id);
                self.run_registrars(id);
            }
        }
    }

    /// Hands what the views have raised to the error handlers, wherever these are.
    fn run_error_handlers(&mut self, wanted: &[ModuleId]) {
        let raised = std::mem::take(&mut self.raised);
        if raised.is_empty() {
            return;
        }
        let modules = self.modules;
        for id in wanted {
            let text = modules.get(*id).file.text.as_str();
            if text.contains("errorhandler") || text.contains("register_error_handler") {
                self.refill();
                self.module_scope(*id);
                self.run_registrars(*id);
            }
        }
        let st = State::new(&self.base);
        let catchers = self.handlers.iter().filter(|it| it.catches.is_some());
        let catchers: Vec<Handler<'a>> = catchers.cloned().collect();
        for raised in &raised {
            let fitting = catchers.iter().filter_map(|handler| {
                let catches = handler.catches.as_ref()?;
                let st = handler.state.as_ref().unwrap_or(&st);
                let fit = self.fit(raised, &catches.error, st)?;
                raised.is_asked(catches).then_some((fit, handler))
            });
            let fitting: Vec<_> = fitting.collect();
            let closest = fitting.iter().map(|(fit, _)| *fit).min();
            let asked = fitting.iter().filter(|(fit, _)| Some(*fit) == closest);
            for (_, handler) in asked {
                self.run_handler_on(handler, Some(raised));
            }
        }
        self.raised.clear();
    }

    /// Functions that define handlers inside, and that nobody has called.
    fn run_registrars(&mut self, id: ModuleId) {
        for (func, class) in self.functions_of(id) {
            let place = Place {
                module: id,
                span: func.span(),
            };
            let Code::Def(def) = func.code else { continue };
            let body = Place {
                module: id,
                span: body_span(def),
            };
            let text = self.source_text(body);
            let is_handler = |handler: &Handler<'a>| Rc::ptr_eq(&handler.raw, &func);
            if self.ran.contains(&place)
                || self.handlers.iter().any(is_handler)
                || REGISTERS
                    .as_ref()
                    .is_some_and(|marker| !marker.is_match(text))
            {
                continue;
            }
            self.run_alone(&func, class, Kind::Registrar);
        }
    }

    /// Functions that read the request themselves, and that nobody has called.
    fn run_helpers(&mut self, id: ModuleId) {
        let st = State::new(&self.base);
        let request = self
            .module_var(id, "request", &st)
            .map(|value| self.resolve(value, &st));
        let is_request = |value: &Value<'a>| {
            value
                .kind()
                .is_some_and(|kind| super::external::canonical(kind) == "flask.request")
        };
        let marker = match request {
            Some(value) if is_request(&value) => "request",
            _ => "flask.request",
        };
        for (func, class) in self.functions_of(id) {
            let place = Place {
                module: id,
                span: func.span(),
            };
            if self.ran.contains(&place) || !self.source_text(place).contains(marker) {
                continue;
            }
            self.run_alone(&func, class, Kind::Helper);
        }
    }

    /// Runs a function that registers something, as if somebody had called it.
    pub(super) fn run_registrar(&mut self, func: &Rc<Func<'a>>, class: Option<ObjId>) {
        self.run_alone(func, class, Kind::Registrar);
    }

    fn run_alone(&mut self, func: &Rc<Func<'a>>, class: Option<ObjId>, kind: Kind) {
        let handler = Handler {
            callee: Value::Func(Rc::clone(func)),
            raw: Rc::clone(func),
            kind,
            rules: Vec::new(),
            state: None,
            class,
            owner: 0,
            is_before: false,
            catches: None,
            is_local: false,
        };
        self.run_handler(&handler);
    }

    /// The functions and methods that a module's top level holds.
    pub(super) fn functions_of(&mut self, id: ModuleId) -> Vec<(Rc<Func<'a>>, Option<ObjId>)> {
        let scope = self.module_scope(id);
        let st = State::new(&self.base);
        let mut found = Vec::new();
        let Some(held) = st.get(scope) else {
            return found;
        };
        let Obj::Scope(scope) = &*held else {
            return found;
        };
        for value in scope.vars.values() {
            match value {
                Value::Func(func) if func.module == id => found.push((Rc::clone(func), None)),
                Value::Ref(class_id) => {
                    let held = st.get(*class_id);
                    let Some(Obj::Class(class)) = held.as_deref() else {
                        continue;
                    };
                    if class.module != id {
                        continue;
                    }
                    let inner = st.get(class.scope);
                    let Some(Obj::Scope(inner)) = inner.as_deref() else {
                        continue;
                    };
                    for value in inner.vars.values() {
                        if let Value::Func(func) = value {
                            found.push((Rc::clone(func), Some(*class_id)));
                        }
                    }
                }
                _ => {}
            }
        }
        found.sort_by_key(|(func, _)| func.span());
        found
    }

    /// Runs what runs before every view, wherever it is, so that views find what it left.
    fn run_before_views(
        &mut self,
        wanted: &[ModuleId],
        own: &[ModuleId],
        done: &mut HashSet<(Place, Vec<String>)>,
    ) {
        let modules = self.modules;
        let text = |id: &ModuleId| modules.get(*id).file.text.as_str();
        let hooks: Vec<ModuleId> = wanted
            .iter()
            .copied()
            .filter(|id| {
                [
                    "before_request",
                    "before_app_request",
                    "value_preprocessor",
                    "after_request",
                ]
                .iter()
                .any(|hook| text(id).contains(hook))
            })
            .collect();
        let applications = self
            .modules
            .iter()
            .map(|(id, _)| text(&id).matches(" Flask(").count());
        self.answers.has_one_app = applications.sum::<usize>() <= 1;
        let changes_answers = hooks.iter().any(|id| text(id).contains("after_request"));
        if hooks.is_empty()
            || !changes_answers
                && !hooks.iter().any(|id| checks_paths(text(id)))
                && !self.modules.iter().any(|(_, module)| reads_g(module))
        {
            return;
        }
        for id in hooks {
            self.refill();
            self.module_scope(id);
            self.run_registrars(id);
            if !own.contains(&id) {
                self.borrowed.insert(id);
            }
        }
        let before = self.handlers.iter().filter(|it| it.is_before);
        let before: Vec<Handler<'a>> = before.cloned().collect();
        for handler in before {
            let place = Place {
                module: handler.raw.module,
                span: handler.raw.span(),
            };
            if done.insert((place, handler.rules.clone())) {
                self.run_handler(&handler);
            }
        }
    }

    fn run_handlers(&mut self, id: ModuleId, done: &mut HashSet<(Place, Vec<String>)>) {
        // Running one may define others.
        let (mut at, mut runs) = (0, 0);
        while at < self.handlers.len() {
            let handler = &self.handlers[at];
            at += 1;
            let place = Place {
                module: handler.raw.module,
                span: handler.raw.span(),
            };
            if !self.is_run_with(id, handler) || !done.insert((place, handler.rules.clone())) {
                continue;
            }
            if runs == MOST_HANDLERS {
                self.give_up(place, "too many handlers to follow");
                return;
            }
            let is_wanted = |only: &std::collections::HashSet<Place>| {
                only.contains(&place) || !self.reach.knows(place)
            };
            if !self.only.as_ref().is_none_or(is_wanted) {
                continue;
            }
            runs += 1;
            let handler = handler.clone();
            self.has_left = false;
            self.run_handler(&handler);
            if self.has_left {
                self.leaving.push((id, place));
            }
        }
    }

    /// A handler belongs to its own module, unless another one registers it.
    fn is_run_with(&self, id: ModuleId, handler: &Handler<'a>) -> bool {
        let own = handler.raw.module;
        if self.borrowed.contains(&own) {
            return false;
        }
        if own == id || !self.wanted.contains(&own) {
            return true;
        }
        let is_foreign = matches!(handler.kind, Kind::View) && handler.rules.is_empty();
        !is_foreign && (handler.state.is_some() || handler.class.is_some())
    }

    fn run_handler(&mut self, handler: &Handler<'a>) {
        self.run_handler_on(handler, None);
    }

    /// Runs a handler; an error handler on what it is to answer.
    fn run_handler_on(&mut self, handler: &Handler<'a>, raised: Option<&Raised<'a>>) {
        self.refill();
        let mut st = handler
            .state
            .clone()
            .unwrap_or_else(|| State::new(&self.base));
        st.dead = false;
        let place = Place {
            module: handler.raw.module,
            span: handler.raw.span(),
        };
        let scope = self.module_scope(handler.raw.module);
        let mut frame = Frame::new(handler.raw.module, scope, "");
        let mut args = self.handler_arguments(handler, place, &mut st);
        if matches!(handler.kind, Kind::After { .. }) {
            args.pos = vec![self.some_answer(&mut st)];
        }
        if let Some(raised) = raised {
            for (id, object) in &raised.objects {
                st.adopt(*id, object);
            }
            st.learn_all(&raised.facts);
            args.pos = vec![raised.error.clone()];
        }
        let wrapper = match &handler.callee {
            Value::Func(func) => Some(Rc::clone(func)),
            Value::Bound(bound) => Some(Rc::clone(&bound.1)),
            _ => None,
        };
        let wrapper = wrapper.map(|func| Place {
            module: func.module,
            span: func.span(),
        });
        if !self.can_matter(handler, &args, (place, wrapper), &st) {
            return;
        }
        if let Some(class) = handler.class
            && !is_static(&handler.raw)
        {
            let made = self.apply(&Value::Ref(class), Args::none(place), &mut st, &mut frame);
            st.dead = false;
            args.pos.insert(0, made);
        }
        self.watch = [Some(place), wrapper];
        let given: Vec<(&str, Key)> = args
            .named
            .iter()
            .map(|(name, value)| (&**name, value.key()))
            .collect();
        self.learn_checks(handler, &given, &mut st);
        self.has_constant_path = matches!(handler.kind, Kind::View | Kind::Json)
            && !handler.rules.is_empty()
            && !handler.rules.iter().any(|rule| rule.contains('<'));
        self.answers.begin(handler.owner);
        let value = self.apply(&handler.callee, args, &mut st, &mut frame);
        self.has_constant_path = false;
        self.watch = [None, None];
        if handler.is_before {
            self.leave_for_views(&st);
        }
        let mut returned = std::mem::take(&mut self.returned);
        let mut inner = returned.remove(&place).unwrap_or_default();
        // An exception that is handed back answers by itself, and escapes what it says.
        inner.retain(|one| raised.is_none_or(|it| it.error.key() != one.value.key()));
        if handler.is_before && handler.kind == Kind::Hook {
            self.note_checks(handler, &inner);
        }
        self.has_left = self.note_shared(&st);
        match handler.kind {
            Kind::Helper | Kind::Registrar | Kind::Event | Kind::Template { .. } => return,
            Kind::Context => return self.hand_to_templates(&value, place, &st, &frame),
            Kind::After { is_of_app } => {
                if self.is_plain_answer(&value, &st) {
                    self.answers.note_plain(handler.owner, is_of_app);
                }
                return;
            }
            _ => {}
        }
        self.respond_all(handler, &value, inner, (place, Some(place)));
        if let Some(wrapper) = wrapper.filter(|wrapper| *wrapper != place) {
            // What the wrapper itself makes of the answer; what it only passes on is known.
            let outer = returned.remove(&wrapper).unwrap_or_default();
            let known: HashSet<_> = self.passed_on.drain(..).collect();
            let own: Vec<_> = outer
                .into_iter()
                .filter(|one| {
                    let mut each = one.value.alternatives().iter();
                    !known.contains(&one.value.key()) && !each.all(|it| known.contains(&it.key()))
                })
                .collect();
            self.respond_all(handler, &value, own, (wrapper, Some(wrapper)));
        }
        self.passed_on.clear();
    }

    /// The variables that a context processor gives to every template.
    fn hand_to_templates(
        &mut self,
        given: &Value<'a>,
        place: Place,
        st: &State<'a>,
        frame: &Frame<'a>,
    ) {
        for one in given.alternatives() {
            let Value::Ref(id) = one else { continue };
            let held = st.get(*id);
            let Some(Obj::Dict(variables)) = held.as_deref() else {
                continue;
            };
            for (name, value) in &variables.entries {
                let Some(variable) = name.constant_str() else {
                    continue;
                };
                if let Value::Func(func) = value {
                    self.hand_out(&variable, false, func, st);
                }
                if !value.is_tainted() && !super::sink::is_tame(value) {
                    continue;
                }
                let sink = Sink::TemplateVariable {
                    template: None,
                    inline: None,
                    variable,
                    field: None,
                };
                self.sink(sink, CONTEXT_PROCESSOR, place, place, value, st, frame);
            }
        }
    }

    /// Whether a client's value can enter and a sink be reached. What a view returns is a sink.
    /// Without any client's value, the sinks of the handler itself are evidence still.
    fn can_matter(
        &self,
        handler: &Handler<'a>,
        args: &Args<'a>,
        (place, wrapper): (Place, Option<Place>),
        st: &State<'a>,
    ) -> bool {
        let has_sink = match handler.kind {
            // Nothing enters there, but it decides about the others.
            Kind::Registrar | Kind::After { .. } | Kind::Context => return true,
            Kind::Hook => true,
            Kind::View => {
                handler.is_before
                    || self.reach.has_sink(place)
                    || self.reach.answers_text(place)
                    || wrapper.is_some_and(|wrapper| self.reach.answers_text(wrapper))
                    || self.wanted.len() <= MOST_SHARING && self.reach.keeps(place)
            }
            Kind::Json | Kind::Event | Kind::Helper | Kind::Template { .. } => {
                self.reach.has_sink(place)
            }
        };
        let is_given = |value: &Value<'a>| !self.deep_pieces(value, st).is_empty();
        let has_source = args.all().any(is_given) || self.has_source(place);
        has_source && has_sink || self.reach.names_sink(place)
    }

    fn respond_all(
        &mut self,
        handler: &Handler<'a>,
        value: &Value<'a>,
        returned: Vec<Returned<'a>>,
        (_, function): (Place, Option<Place>),
    ) {
        let kept: HashSet<_> = value.alternatives().iter().map(Value::key).collect();
        for one in returned {
            let keys: Vec<_> = one.value.alternatives().iter().map(Value::key).collect();
            self.passed_on.extend(keys.iter().copied());
            self.passed_on.push(one.value.key());
            let is_wrapped =
                !matches!(&handler.callee, Value::Func(func) if Rc::ptr_eq(func, &handler.raw));
            let arrives =
                keys.iter().any(|key| kept.contains(key)) || kept.contains(&one.value.key());
            if is_wrapped
                && !arrives
                && function.is_some_and(|place| place.span == handler.raw.span())
            {
                continue;
            }
            let value = match handler.kind {
                Kind::Json => match self.responses_in(&one.value, &one.state) {
                    Some(value) => value,
                    None => continue,
                },
                _ => one.value,
            };
            self.respond(&value, one.place, Confidence::High, &one.state, function);
        }
    }

    /// Of what a REST resource returns, the ready-made responses; the rest is sent as JSON.
    fn responses_in(&self, value: &Value<'a>, st: &State<'a>) -> Option<Value<'a>> {
        let responses = value.alternatives().iter().filter(|one| match one {
            Value::Ref(id) => matches!(
                st.get(*id).as_deref(),
                Some(Obj::Instance(instance)) if super::classes::is_class(instance, "flask.Response")
            ),
            _ => false,
        });
        let responses: Vec<_> = responses.cloned().collect();
        (!responses.is_empty()).then(|| super::value::union(responses))
    }
}

/// Whether hooks of a module may check what views make paths of.
fn checks_paths(text: &str) -> bool {
    ["view_args", "'..", "\".."]
        .iter()
        .any(|it| text.contains(it))
}

/// Whether a module's text has `g.` as a name of its own.
fn reads_g(module: &Module) -> bool {
    let text = module.file.text.as_str();
    text.match_indices("g.").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || c == '_'))
    })
}

fn body_span(def: &StmtFunctionDef) -> crate::text::Span {
    let whole: crate::text::Span = def.range().into();
    match (def.body.first(), def.body.last()) {
        (Some(first), Some(last)) => crate::text::Span::new(
            first.range().start().to_usize(),
            last.range().end().to_usize(),
        ),
        _ => whole,
    }
}
