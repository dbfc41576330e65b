//! Calls: arguments, the repository's own functions and classes, and what to do with the rest.

mod bind;
mod memo;

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged as _;

use super::classes::is_class;
use super::expr::predicate;
use super::facts::Facts;
use super::heap::{Instance, Obj, Scope, State};
use super::interp::{Frame, Interp, Returned};
use super::value::{Code, Func, Note, Piece, Place, Value, hash, mix, union};
use super::vars::Vars;
use memo::Remembered;

const DEEPEST_CALLS: usize = 12;
/// From this depth on, short functions that cannot matter are not entered either.
const DEEP: usize = 3;
/// Bytes of a function that counts as long.
const LONG: usize = 500;
/// How many values the arguments of a call that is remembered may hold.
const MOST_REMEMBERED: u32 = 60;
/// How often a function may be on the stack at once.
const MOST_RECURSION: usize = 3;

/// The arguments of one call.
#[derive(Debug, Clone)]
pub(super) struct Args<'a> {
    pub pos: Vec<Value<'a>>,
    pub named: Vec<(Rc<str>, Value<'a>)>,
    /// An item of `*args` of unknown length.
    pub rest: Option<Value<'a>>,
    /// The mapping of `**kwargs` whose keys are not known.
    pub keyword_rest: Option<Value<'a>>,
    /// The call.
    pub place: Place,
    /// The object of a method call.
    pub receiver: Option<Place>,
    places: Vec<Place>,
    named_places: Vec<Place>,
}

impl<'a> Args<'a> {
    pub fn none(place: Place) -> Self {
        Self {
            pos: Vec::new(),
            named: Vec::new(),
            rest: None,
            keyword_rest: None,
            place,
            receiver: None,
            places: Vec::new(),
            named_places: Vec::new(),
        }
    }

    pub fn of(place: Place, pos: Vec<Value<'a>>) -> Self {
        Self {
            pos,
            ..Self::none(place)
        }
    }

    /// The argument at `index`, or of that name. An empty name is none.
    pub fn get(&self, index: usize, name: &str) -> Option<&Value<'a>> {
        if let Some(value) = self.pos.get(index) {
            return Some(value);
        }
        self.keyword(name)
    }

    pub fn keyword(&self, name: &str) -> Option<&Value<'a>> {
        if name.is_empty() {
            return None;
        }
        let found = self.named.iter().find(|(known, _)| &**known == name);
        found.map(|(_, value)| value)
    }

    /// Where the argument stands; the call itself when that is not visible.
    pub fn place_of(&self, index: usize, name: &str) -> Place {
        if let Some(place) = self.places.get(index) {
            return *place;
        }
        let at = self.named.iter().position(|(known, _)| &**known == name);
        let place = at.and_then(|at| self.named_places.get(at));
        place.copied().unwrap_or(self.place)
    }

    pub fn all(&self) -> impl Iterator<Item = &Value<'a>> {
        let named = self.named.iter().map(|(_, value)| value);
        self.pos
            .iter()
            .chain(named)
            .chain(&self.rest)
            .chain(&self.keyword_rest)
    }

    /// What an unpacked mapping or sequence of unknown form gives to a parameter.
    pub fn spare(&self, name: &str, st: &State<'a>) -> Option<Value<'a>> {
        let mapping = self.keyword_rest.as_ref()?;
        if let Value::Ref(id) = mapping
            && let Some(object) = st.get(*id)
            && let Obj::Dict(dict) = &*object
        {
            let known = dict.get(&Value::text(name)).cloned();
            return known.or_else(|| dict.rest.clone());
        }
        // One of its values: what is found out about it says nothing of the others.
        let item = |piece: Rc<Piece<'a>>| Rc::new(piece.derive(hash(name), piece.facts));
        let pieces = mapping.pieces().into_iter().map(item);
        mapping
            .is_tainted()
            .then(|| Value::tainted(mix(mapping.key(), hash(name)), pieces.collect()))
    }

    pub fn with_first(&self, first: Value<'a>) -> Self {
        let mut args = self.clone();
        args.pos.insert(0, first);
        args.places.insert(0, self.place);
        args
    }
}

impl<'a> Interp<'a> {
    pub fn call(
        &mut self,
        call: &'a ExprCall,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        let place = fr.place(call.range());
        let callee = match &*call.func {
            Expr::Name(name) if name.id == "super" && call.arguments.args.is_empty() => {
                return match (&fr.this, fr.class) {
                    (Some(this), Some(class)) => Value::Super(Rc::new((this.clone(), class))),
                    _ => Value::unknown(place.key()),
                };
            }
            func => self.eval(func, st, fr),
        };
        let mut args = self.arguments(call, st, fr);
        if let Expr::Attribute(attribute) = &*call.func {
            args.receiver = Some(fr.place(attribute.value.range()));
        }
        if st.dead {
            return Value::unknown(place.key());
        }
        self.apply(&callee, args, st, fr)
    }

    fn arguments(
        &mut self,
        call: &'a ExprCall,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Args<'a> {
        let mut args = Args::none(fr.place(call.range()));
        for argument in &call.arguments.args {
            let place = fr.place(argument.range());
            let value = self.eval(argument, st, fr);
            if !argument.is_starred_expr() {
                if args.rest.is_none() {
                    args.pos.push(value);
                    args.places.push(place);
                }
                continue;
            }
            match self.known_items(&value, st) {
                Some(items) if args.rest.is_none() => {
                    args.places.extend(items.iter().map(|_| place));
                    args.pos.extend(items);
                }
                _ => args.rest = Some(self.any_item(&value, place, st)),
            }
        }
        for keyword in &call.arguments.keywords {
            let place = fr.place(keyword.value.range());
            let value = self.eval(&keyword.value, st, fr);
            if let Some(name) = &keyword.arg {
                args.named.push((name.as_str().into(), value));
                args.named_places.push(place);
                continue;
            }
            let object = match &value {
                Value::Ref(id) => st.get(*id),
                _ => None,
            };
            match object.as_deref() {
                Some(Obj::Dict(dict)) => {
                    for (key, value) in &dict.entries {
                        if let Some(name) = key.constant_str() {
                            args.named.push((name.into(), value.clone()));
                            args.named_places.push(place);
                        }
                    }
                    if dict.rest.is_some() {
                        args.keyword_rest = Some(value);
                    }
                }
                _ => args.keyword_rest = Some(value),
            }
        }
        args
    }

    pub fn apply(
        &mut self,
        callee: &Value<'a>,
        args: Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Value<'a> {
        match callee {
            Value::Func(func) => self.call_function(func, args, st),
            Value::Bound(bound) => {
                let args = args.with_first(bound.0.clone());
                self.call_function(&bound.1, args, st)
            }
            Value::Method(method) => {
                let (receiver, name) = (&method.0, &method.1);
                self.call_method(receiver, name, args, st, fr)
            }
            Value::Ext(name) => {
                let name = Rc::clone(name);
                self.call_external(&name, args, st, fr)
            }
            Value::Ref(id) => match st.get(*id).as_deref() {
                Some(Obj::Class(_)) => self.instantiate(*id, args, st),
                Some(Obj::Instance(instance)) if is_class(instance, "collections.namedtuple") => {
                    self.named_row(instance, &args, st)
                }
                Some(Obj::Instance(instance)) if is_class(instance, "functools.partial") => {
                    let function = instance.fields.get("func").cloned();
                    let args = completed(instance, args, st);
                    self.apply(&function.unwrap_or(Value::None), args, st, fr)
                }
                Some(Obj::Instance(_)) => match self.method_of(callee, "__call__", st) {
                    Some(method) => self.apply(&method, args, st, fr),
                    None => self.unknown_call(Some(callee), "", &args, st),
                },
                _ => self.unknown_call(Some(callee), "", &args, st),
            },
            Value::Union(callees) => {
                let mut joined: Option<State<'a>> = None;
                let mut values = Vec::new();
                for callee in callees.iter().take(4) {
                    let mut inside = st.clone();
                    let value = self.apply(callee, args.clone(), &mut inside, fr);
                    values.push(inside.pin(&value));
                    joined = Some(match joined {
                        Some(known) => known.join(inside),
                        None => inside,
                    });
                }
                if let Some(joined) = joined {
                    *st = joined;
                }
                union(values)
            }
            Value::Any(any) if any.kind.is_some() => {
                let kind = any.kind.clone().unwrap_or_default();
                self.call_external(&kind, args, st, fr)
            }
            _ => self.unknown_call(Some(callee), "", &args, st),
        }
    }

    /// A call of something that is not known at all: what goes in may come out.
    pub fn unknown_call(
        &mut self,
        receiver: Option<&Value<'a>>,
        name: &str,
        args: &Args<'a>,
        st: &State<'a>,
    ) -> Value<'a> {
        let place = args.place;
        if matches!(name, "add_url_rule" | "add_resource") {
            // An application that is not found here, as in a circle of imports.
            let owner = Value::unknown(hash(name));
            self.registered(receiver.unwrap_or(&owner), name, args, st);
            return Value::None;
        }
        if let ([wrapped @ (Value::Func(_) | Value::Bound(_))], true) =
            (args.pos.as_slice(), args.named.is_empty())
            && !receiver.is_some_and(Value::is_tainted)
        {
            // A decorator that is applied by hand: `cache.memoize(60)(load)`.
            return wrapped.clone();
        }
        let mut pieces = Vec::new();
        let mut key = mix(hash(name), receiver.map_or(place.key(), Value::key));
        let is_answer = gives_response(name);
        let direct = args
            .pos
            .iter()
            .map(|value| (value, is_answer || matches!(value, Value::Ref(_))));
        let is_text = gives_text(name);
        let named = args.named.iter().map(|(_, value)| (value, !is_text));
        let rest = args
            .rest
            .iter()
            .chain(&args.keyword_rest)
            .map(|value| (value, true));
        // Text has no other methods than those that are known.
        let own = receiver.map(|value| (value, !gives_text(name)));
        for (value, is_object) in own.into_iter().chain(direct).chain(named).chain(rest) {
            key = mix(key, value.key());
            for piece in self.deep_pieces(value, st) {
                let mut piece = Piece::clone(&piece);
                if is_object {
                    piece.facts |= Facts::OF_OBJECT;
                }
                super::value::add_piece(&mut pieces, &Rc::new(piece));
            }
        }
        let operation = mix(hash(name), 0x0ca11);
        let note: Rc<str> = match name {
            "" => "goes through a call".into(),
            name => format!("goes through {name}()").into(),
        };
        let undoes = [
            "unescape", "decode", "unquote", "loads", "parse", "unhex", "decrypt",
        ];
        let keep = if undoes.iter().any(|undo| name.contains(undo)) {
            Facts::NUMERIC
        } else {
            super::text::SURVIVES_CASE
        };
        let pieces = pieces.iter().map(|piece| {
            Rc::new(
                piece
                    .derive(operation, keep)
                    .step(place, Note::Through(Rc::clone(&note))),
            )
        });
        Value::tainted(key, pieces.collect())
    }

    pub fn call_function(
        &mut self,
        func: &Rc<Func<'a>>,
        args: Args<'a>,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let place = Place {
            module: func.module,
            span: func.span(),
        };
        let active = self.stack.iter().filter(|known| **known == place).count();
        if active >= MOST_RECURSION || self.stack.len() >= DEEPEST_CALLS {
            let reads = active == 0 && self.source_text(place).contains("request.");
            if reads
                || args
                    .all()
                    .any(|value| !self.deep_pieces(value, st).is_empty())
            {
                self.give_up(place, "calls nested too deeply to follow");
            }
            return self.unknown_call(None, func.name(), &args, st);
        }
        self.ran.insert(place);
        let call = Remembered::of(self, func, &args, place, st);
        if let Some(known) = call.as_ref().and_then(|call| self.known_result(call)) {
            st.dead = known.is_dead;
            for (id, object) in &known.objects {
                st.adopt(*id, object);
            }
            return known.value.clone();
        }
        if let Some(call) = &call
            && !call.is_blind
            && self.cannot_matter(func, place)
        {
            return Value::unknown(mix(place.key(), call.key));
        }
        self.stack.push(place);
        let first_handler = self.handlers.len();
        let sources = self.sources_read.get();
        let knowledge = Rc::clone(st.knowledge());
        let given: Vec<_> = match &call {
            Some(_) => args.all().map(|value| self.reachable(value, st)).collect(),
            None => Vec::new(),
        };
        let value = self.run_function(func, place, args, st);
        // A constructor, or whatever else writes into what it is given, is run every time.
        let writes = given.iter().any(|objects| match objects {
            Some(objects) => objects
                .iter()
                .any(|(id, before)| st.get(*id).is_none_or(|after| !Rc::ptr_eq(before, &after))),
            None => true,
        });
        if let Some(call) = call
            && !writes
            && sources == self.sources_read.get()
            && first_handler == self.handlers.len()
            && !self.is_exhausted()
            && !self.watch.contains(&Some(place))
            && (!call.is_blind || st.knows_no_more_than(&knowledge))
        {
            self.remember(call, &value, st);
        }
        self.keep_world(first_handler, st);
        self.stack.pop();
        value
    }

    fn run_function(
        &mut self,
        func: &Rc<Func<'a>>,
        place: Place,
        args: Args<'a>,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let scope = self.new_id();
        let vars = Scope {
            vars: Vars::default(),
            parent: Some(func.scope),
        };
        st.put(scope, Obj::Scope(vars));
        let name = match func.code {
            Code::Def(def) => def.name.as_str(),
            Code::Lambda(_) => "lambda",
        };
        let mut frame = Frame::new(func.module, scope, name);
        frame.function = Some(place);
        frame.class = func.class;
        frame.this = func.class.and_then(|_| args.pos.first().cloned());
        let parameters = match func.code {
            Code::Def(def) => Some(&*def.parameters),
            Code::Lambda(lambda) => lambda.parameters.as_deref(),
        };
        if let Some(parameters) = parameters {
            self.bind(parameters, &args, func, st, &mut frame);
        }
        let before = st.clone();
        match func.code {
            Code::Lambda(lambda) => {
                let value = self.eval(&lambda.body, st, &mut frame);
                frame.returns.push(Returned {
                    value,
                    state: st.clone(),
                    place: frame.place(lambda.body.range()),
                });
            }
            Code::Def(def) => {
                self.block(&def.body, st, &mut frame);
                if !st.dead {
                    frame.returns.push(Returned {
                        value: Value::None,
                        state: st.clone(),
                        place: frame.place(def.name.range()),
                    });
                }
            }
        }
        if self.watch.contains(&Some(place)) {
            let known = self.returned.entry(place).or_default();
            known.extend(frame.returns.iter().cloned());
        }
        let is_captured = frame.is_captured;
        let value = self.finish_function(frame, &before, place, st);
        if !is_captured {
            st.forget(scope);
        }
        value
    }

    fn finish_function(
        &mut self,
        frame: Frame<'a>,
        before: &State<'a>,
        place: Place,
        st: &mut State<'a>,
    ) -> Value<'a> {
        let returns = frame.returns;
        if returns.is_empty() {
            // Every path raised: so does the call.
            st.dead = true;
            return Value::None;
        }
        let value = self.result(&returns, before, place, frame.name);
        let mut states = returns.into_iter().map(|returned| returned.state);
        if let Some(first) = states.next() {
            *st = states.fold(first, State::join);
        }
        if frame.yields.is_empty() {
            return value;
        }
        let item = union(frame.yields);
        self.list_of(st, item)
    }

    /// One value for all returns. Where they are truth values, what each says is kept.
    fn result(
        &self,
        returns: &[Returned<'a>],
        before: &State<'a>,
        place: Place,
        name: &'a str,
    ) -> Value<'a> {
        let are_tests = returns
            .iter()
            .flat_map(|returned| returned.value.alternatives())
            .all(|one| matches!(one, Value::Bool(_) | Value::Pred(_) | Value::None));
        let is_mixed = returns.len() > 1
            || returns
                .iter()
                .any(|one| matches!(one.value, Value::Pred(_)));
        if are_tests && is_mixed {
            let mut sides: [Option<State<'a>>; 2] = [None, None];
            for returned in returns {
                let (then, otherwise) = self.split(&returned.value, returned.state.clone());
                for (side, state) in sides.iter_mut().zip([then, otherwise]) {
                    if !state.dead {
                        *side = Some(match side.take() {
                            Some(known) => known.join(state),
                            None => state,
                        });
                    }
                }
            }
            return match sides {
                [Some(then), Some(otherwise)] => predicate(
                    place,
                    then.learned_since(before),
                    otherwise.learned_since(before),
                ),
                [Some(_), None] => Value::Bool(true),
                _ => union(returns.iter().map(|returned| returned.value.clone())),
            };
        }
        let note = Note::Returned(name);
        let values = returns.iter().map(|returned| {
            let value = returned.state.pin(&returned.value);
            value.step(returned.place, &note)
        });
        union(values)
    }
}

/// The bytes of a function without its documentation.
fn length_of(func: &Func<'_>) -> usize {
    let whole = func.span().len();
    let Code::Def(def) = func.code else {
        return whole;
    };
    match def.body.first() {
        Some(Stmt::Expr(first)) if first.value.is_string_literal_expr() => {
            whole.saturating_sub(first.range().len().to_usize())
        }
        _ => whole,
    }
}

/// Methods that, by their name, make text of whatever they belong to.
fn gives_text(name: &str) -> bool {
    let words = [
        "html",
        "substitute",
        "text",
        "str",
        "render",
        "format",
        "read",
        "join",
        "dumps",
    ];
    words.iter().any(|word| name.contains(word))
}

/// Whether foreign code of that name, or what has no name at all, makes a whole answer and not a
/// text: a view that returns it sends no HTML of its own.
fn gives_response(name: &str) -> bool {
    let words = ["response", "redirect", "dispatch", "handle", "authorize"];
    name.is_empty() || words.iter().any(|word| name.contains(word))
}

/// The arguments of a call of a `functools.partial`: those it holds, then those it is given.
fn completed<'a>(instance: &Instance<'a>, args: Args<'a>, st: &State<'a>) -> Args<'a> {
    let mut args = args;
    if let Some(Value::Tuple(held)) = instance.fields.get("args") {
        for value in held.iter().rev() {
            args = args.with_first(value.clone());
        }
    }
    if let Some(Value::Ref(id)) = instance.fields.get("keywords")
        && let Some(Obj::Dict(held)) = st.get(*id).as_deref()
    {
        for (name, value) in &held.entries {
            if let Some(name) = name.constant_str()
                && args.keyword(&name).is_none()
            {
                args.named.push((name.into(), value.clone()));
            }
        }
    }
    args
}
