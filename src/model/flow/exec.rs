//! Statements.

use ruff_python_ast::{
    ExceptHandler, Expr, Pattern, Singleton, Stmt, StmtClassDef, StmtFor, StmtFunctionDef, StmtIf,
    StmtImport, StmtImportFrom, StmtMatch, StmtTry, StmtWhile, StmtWith,
};
use ruff_text_size::Ranged as _;
use std::rc::Rc;

use super::call::Args;
use super::heap::{Class, Obj, Scope, State};
use super::interp::{Frame, Interp, Returned};
use super::value::{Code, Func, Note, Value, hash, mix};

/// Constant sequences up to this length are run through one by one.
const LONGEST_UNROLLED: usize = 24;
/// Rounds of a loop whose length is unknown: enough to carry a value over three assignments.
const ROUNDS: usize = 4;

impl<'a> Interp<'a> {
    pub fn block(&mut self, body: &'a [Stmt], st: &mut State<'a>, fr: &mut Frame<'a>) {
        for stmt in body {
            if st.dead || self.is_exhausted() {
                return;
            }
            self.statement(stmt, st, fr);
        }
    }

    fn statement(&mut self, stmt: &'a Stmt, st: &mut State<'a>, fr: &mut Frame<'a>) {
        if !self.enter(fr.place(stmt.range())) {
            return;
        }
        match stmt {
            Stmt::Expr(stmt) => {
                self.eval(&stmt.value, st, fr);
            }
            Stmt::Assign(stmt) => {
                let value = self.eval(&stmt.value, st, fr);
                for target in &stmt.targets {
                    self.assign(target, value.clone(), st, fr);
                }
            }
            Stmt::AnnAssign(stmt) => {
                if let Some(value) = &stmt.value {
                    let value = self.eval(value, st, fr);
                    self.assign(&stmt.target, value, st, fr);
                }
            }
            Stmt::AugAssign(stmt) => {
                let left = self.eval(&stmt.target, st, fr);
                let right = self.eval(&stmt.value, st, fr);
                let place = fr.place(stmt.value.range());
                let value = self.augmented(left, stmt.op, right, place, st);
                self.assign(&stmt.target, value, st, fr);
            }
            Stmt::Return(stmt) => {
                self.return_statement(stmt.value.as_deref(), stmt.range(), st, fr)
            }
            Stmt::If(stmt) => self.if_statement(stmt, st, fr),
            Stmt::For(stmt) => self.for_statement(stmt, st, fr),
            Stmt::While(stmt) => self.while_statement(stmt, st, fr),
            Stmt::With(stmt) => self.with_statement(stmt, st, fr),
            Stmt::Try(stmt) => self.try_statement(stmt, st, fr),
            Stmt::Match(stmt) => self.match_statement(stmt, st, fr),
            Stmt::Raise(stmt) => {
                if let Some(raised) = &stmt.exc {
                    let raised = self.eval(raised, st, fr);
                    let pieces = self.deep_pieces(&raised, st);
                    self.thrown.extend(pieces);
                    self.note_raised(&raised, fr.place(stmt.range()), st);
                }
                fr.raises.push(st.clone());
                st.dead = true;
            }
            Stmt::Assert(stmt) => {
                let (then, _) = self.branch(&stmt.test, st.clone(), fr);
                *st = then;
            }
            Stmt::Delete(stmt) => {
                for target in &stmt.targets {
                    self.delete(target, st, fr);
                }
            }
            Stmt::FunctionDef(def) => self.function_definition(def, st, fr),
            Stmt::ClassDef(def) => self.class_definition(def, st, fr),
            Stmt::Import(stmt) => self.import(stmt, st, fr),
            Stmt::ImportFrom(stmt) => self.import_from(stmt, st, fr),
            Stmt::Global(stmt) => fr
                .globals
                .extend(stmt.names.iter().map(|name| name.as_str())),
            Stmt::Nonlocal(stmt) => fr
                .globals
                .extend(stmt.names.iter().map(|name| name.as_str())),
            Stmt::Break(_) => {
                fr.breaks.push(st.clone());
                st.dead = true;
            }
            Stmt::Continue(_) => {
                fr.continues.push(st.clone());
                st.dead = true;
            }
            Stmt::TypeAlias(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
        self.leave();
    }

    fn return_statement(
        &mut self,
        value: Option<&'a Expr>,
        range: ruff_text_size::TextRange,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let place = fr.place(value.map_or(range, |value| value.range()));
        let value = value.map_or(Value::None, |value| self.eval(value, st, fr));
        if !st.dead {
            fr.returns.push(Returned {
                value,
                state: st.clone(),
                place,
            });
        }
        st.dead = true;
    }

    fn if_statement(&mut self, stmt: &'a StmtIf, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let (mut then, mut rest) = self.branch(&stmt.test, st.clone(), fr);
        self.block(&stmt.body, &mut then, fr);
        let mut joined = then;
        for clause in &stmt.elif_else_clauses {
            if rest.dead {
                break;
            }
            let Some(test) = &clause.test else {
                self.block(&clause.body, &mut rest, fr);
                break;
            };
            let (mut then, otherwise) = self.branch(test, rest, fr);
            self.block(&clause.body, &mut then, fr);
            joined = joined.join(then);
            rest = otherwise;
        }
        *st = joined.join(rest);
    }

    fn for_statement(&mut self, stmt: &'a StmtFor, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let iterated = self.eval(&stmt.iter, st, fr);
        let place = fr.place(stmt.iter.range());
        let breaks = std::mem::take(&mut fr.breaks);
        let continues = std::mem::take(&mut fr.continues);
        match self.known_items(&iterated, st) {
            Some(items) if items.len() <= LONGEST_UNROLLED => {
                for item in items {
                    if st.dead {
                        break;
                    }
                    self.assign(&stmt.target, item, st, fr);
                    self.block(&stmt.body, st, fr);
                    self.rejoin_continues(st, fr);
                }
            }
            _ => {
                let mut seen = st.clone();
                let mut of_all = Vec::new();
                let rebound = names_in(&stmt.target);
                for round in 0..ROUNDS {
                    let before = seen.clone();
                    let mut inside = seen.clone();
                    let item = self.any_item(&iterated, place, &mut inside);
                    let key = item.key();
                    self.assign(&stmt.target, item, &mut inside, fr);
                    self.block(&stmt.body, &mut inside, fr);
                    self.rejoin_continues(&mut inside, fr);
                    if round == 0 && !inside.dead {
                        // What no round survives without holds for every item.
                        of_all = self.lifted(key, inside.fact(key));
                    }
                    seen = seen.join(inside);
                    if seen.is_at_rest(&before, &rebound) {
                        break;
                    }
                    if round + 2 < ROUNDS {
                        seen = seen.widen(&before);
                    }
                }
                *st = seen;
                if fr.breaks.is_empty() {
                    st.learn_all(&of_all);
                }
            }
        }
        self.block(&stmt.orelse, st, fr);
        self.finish_loop(st, fr, breaks, continues);
    }

    fn rejoin_continues(&self, st: &mut State<'a>, fr: &mut Frame<'a>) {
        for state in fr.continues.drain(..) {
            let here = std::mem::replace(st, state);
            *st = here.join(st.clone());
        }
    }

    fn finish_loop(
        &self,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
        breaks: Vec<State<'a>>,
        continues: Vec<State<'a>>,
    ) {
        for state in std::mem::replace(&mut fr.breaks, breaks) {
            *st = st.clone().join(state);
        }
        fr.continues = continues;
    }

    fn while_statement(&mut self, stmt: &'a StmtWhile, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let breaks = std::mem::take(&mut fr.breaks);
        let continues = std::mem::take(&mut fr.continues);
        let mut current = st.clone();
        let mut exits: Option<State<'a>> = None;
        for round in 0..LONGEST_UNROLLED + ROUNDS {
            let before = current.clone();
            let (mut inside, outside) = self.branch(&stmt.test, current, fr);
            // As long as the condition is decided, rounds are run one by one.
            let decided = inside.dead || outside.dead;
            exits = Some(match exits {
                Some(known) => known.join(outside),
                None => outside,
            });
            if inside.dead || self.is_exhausted() {
                break;
            }
            self.block(&stmt.body, &mut inside, fr);
            self.rejoin_continues(&mut inside, fr);
            if inside.dead {
                break;
            }
            if decided && round < LONGEST_UNROLLED {
                current = inside;
                continue;
            }
            if round >= ROUNDS && !decided || round > LONGEST_UNROLLED {
                // However many rounds follow, the loop is left where its condition is false.
                let (_, outside) = self.branch(&stmt.test, inside, fr);
                exits = exits.map(|known| known.join(outside));
                break;
            }
            current = before.clone().join(inside);
            if current.is_at_rest(&before, &[]) {
                break;
            }
            current = current.widen(&before);
        }
        *st = exits.unwrap_or_else(|| st.clone());
        self.block(&stmt.orelse, st, fr);
        self.finish_loop(st, fr, breaks, continues);
    }

    fn with_statement(&mut self, stmt: &'a StmtWith, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let mut swallows = false;
        for item in &stmt.items {
            let value = self.eval(&item.context_expr, st, fr);
            swallows |= value
                .kind()
                .is_some_and(|kind| &**kind == "contextlib.suppress");
            let entered = self.entered(value, fr.place(item.context_expr.range()), st, fr);
            if let Some(target) = &item.optional_vars {
                self.assign(target, entered, st, fr);
            }
        }
        let before = st.clone();
        self.block(&stmt.body, st, fr);
        if swallows {
            *st = st.clone().join(before);
        }
    }

    fn try_statement(&mut self, stmt: &'a StmtTry, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let outer = std::mem::take(&mut fr.raises);
        let first_thrown = self.thrown.len();
        let first_raised = self.raised.len();
        // An exception may leave from before any statement of the body.
        let mut thrown = st.clone();
        for inner in &stmt.body {
            if st.dead {
                break;
            }
            self.statement(inner, st, fr);
            if !st.dead {
                thrown = thrown.join(st.clone());
            }
        }
        let raised = std::mem::replace(&mut fr.raises, outer);
        if stmt.handlers.is_empty() {
            fr.raises.extend(raised);
        } else {
            for state in raised {
                thrown = thrown.join(state);
            }
        }
        let caught_pieces = match stmt.handlers.is_empty() {
            true => Vec::new(),
            false => self.thrown.split_off(first_thrown),
        };
        if self.raised.len() > first_raised {
            for ExceptHandler::ExceptHandler(handler) in &stmt.handlers {
                let mut scratch = thrown.clone();
                scratch.dead = false;
                let wanted = handler.type_.as_deref();
                let wanted = wanted.map(|wanted| self.eval(wanted, &mut scratch, fr));
                self.catch(first_raised, wanted.as_ref(), &scratch);
            }
        }
        self.block(&stmt.orelse, st, fr);
        for handler in &stmt.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            let mut caught = thrown.clone();
            caught.dead = false;
            if let Some(name) = &handler.name {
                let key = mix(hash("exception"), fr.place(handler.range()).key());
                let mut pieces = Vec::new();
                for piece in &caught_pieces {
                    super::value::add_piece(&mut pieces, piece);
                }
                let value = Value::object("builtins.Exception", key, pieces);
                self.store(name.as_str(), value, &mut caught, fr);
            }
            self.block(&handler.body, &mut caught, fr);
            *st = st.clone().join(caught);
        }
        if stmt.finalbody.is_empty() {
            return;
        }
        if st.dead {
            // A `return` in `finally` counts even when the body has left.
            let mut leaving = thrown;
            leaving.dead = false;
            self.block(&stmt.finalbody, &mut leaving, fr);
        } else {
            self.block(&stmt.finalbody, st, fr);
        }
    }

    fn match_statement(&mut self, stmt: &'a StmtMatch, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let subject = self.eval(&stmt.subject, st, fr);
        let mut rest = st.clone();
        let mut joined: Option<State<'a>> = None;
        for case in &stmt.cases {
            if rest.dead {
                break;
            }
            let mut inside = rest.clone();
            let matched = self.matches(&case.pattern, &subject, &mut inside, fr);
            if matched == Some(false) {
                continue;
            }
            let mut sure = matched == Some(true);
            if let Some(guard) = &case.guard {
                let (then, otherwise) = self.branch(guard, inside, fr);
                sure &= otherwise.dead;
                inside = then;
            }
            self.block(&case.body, &mut inside, fr);
            joined = Some(match joined {
                Some(known) => known.join(inside),
                None => inside,
            });
            if sure {
                rest.dead = true;
            }
        }
        *st = match joined {
            Some(known) => known.join(rest),
            None => rest,
        };
    }

    /// Whether `subject` matches, where decided; binds names and learns what a match says.
    fn matches(
        &mut self,
        pattern: &'a Pattern,
        subject: &Value<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> Option<bool> {
        match pattern {
            Pattern::MatchValue(value) => {
                let wanted = self.eval(&value.value, st, fr);
                let place = fr.place(value.range());
                let test = self.equality(subject, &wanted, place, st);
                let truth = test.truth();
                let (then, _) = self.split(&test, st.clone());
                *st = then;
                truth
            }
            Pattern::MatchSingleton(single) => {
                let wanted = match single.value {
                    Singleton::None => Value::None,
                    Singleton::True => Value::Bool(true),
                    Singleton::False => Value::Bool(false),
                };
                self.equality(subject, &wanted, fr.place(single.range()), st)
                    .truth()
            }
            Pattern::MatchAs(named) => {
                let matched = match &named.pattern {
                    Some(inner) => self.matches(inner, subject, st, fr),
                    None => Some(true),
                };
                if let Some(name) = &named.name {
                    self.store(name.as_str(), subject.clone(), st, fr);
                }
                matched
            }
            Pattern::MatchOr(either) => {
                let mut joined: Option<State<'a>> = None;
                let mut answer = Some(false);
                for pattern in &either.patterns {
                    let mut inside = st.clone();
                    let matched = self.matches(pattern, subject, &mut inside, fr);
                    if matched == Some(false) {
                        continue;
                    }
                    joined = Some(match joined {
                        Some(known) => known.join(inside),
                        None => inside,
                    });
                    answer = matched;
                    if matched == Some(true) {
                        break;
                    }
                }
                if let Some(joined) = joined {
                    *st = joined;
                }
                answer
            }
            Pattern::MatchSequence(sequence) => {
                let place = fr.place(sequence.range());
                let items = self.known_items(subject, st);
                for (index, pattern) in sequence.patterns.iter().enumerate() {
                    let item = match &items {
                        Some(items) => items.get(index).cloned(),
                        None => Some(self.any_item(subject, place, st)),
                    };
                    if let Some(item) = item {
                        self.matches(pattern, &item, st, fr);
                    }
                }
                None
            }
            Pattern::MatchMapping(mapping) => {
                for (key, pattern) in mapping.keys.iter().zip(&mapping.patterns) {
                    let place = fr.place(key.range());
                    let key = self.eval(key, st, fr);
                    let item = self.subscript(subject, &key, place, st, fr);
                    self.matches(pattern, &item, st, fr);
                }
                if let Some(rest) = &mapping.rest {
                    self.store(rest.as_str(), subject.clone(), st, fr);
                }
                None
            }
            Pattern::MatchClass(class) => {
                let place = fr.place(class.range());
                for pattern in &class.arguments.patterns {
                    self.matches(pattern, subject, st, fr);
                }
                for keyword in &class.arguments.keywords {
                    let field = self.attribute(subject, keyword.attr.as_str(), place, st, fr);
                    self.matches(&keyword.pattern, &field, st, fr);
                }
                None
            }
            Pattern::MatchStar(star) => {
                if let Some(name) = &star.name {
                    self.store(name.as_str(), subject.clone(), st, fr);
                }
                None
            }
        }
    }

    pub fn assign(
        &mut self,
        target: &'a Expr,
        value: Value<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        match target {
            Expr::Name(name) => {
                let place = fr.place(name.range());
                let value = value.step(place, &Note::Stored(name.id.as_str()));
                self.store(name.id.as_str(), value, st, fr);
            }
            Expr::Starred(starred) => {
                let place = fr.place(starred.range());
                let item = self.any_item(&value, place, st);
                let rest = self.list_of(st, item);
                self.assign(&starred.value, rest, st, fr);
            }
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, &value, target, st, fr),
            Expr::List(list) => self.unpack(&list.elts, &value, target, st, fr),
            Expr::Attribute(attribute) => {
                let object = self.eval(&attribute.value, st, fr);
                let place = fr.place(attribute.range());
                let name = attribute.attr.as_str();
                let value = value.step(place, &Note::Stored(name));
                if let Some(setter) = self.setter(&object, name, st) {
                    let args = Args::of(place, vec![object, value]);
                    self.call_function(&setter, args, st);
                    return;
                }
                if let Value::Ref(id) = &object
                    && let Some(Obj::Class(class)) = st.get(*id).as_deref()
                {
                    st.change(class.scope, |scope| {
                        if let Obj::Scope(scope) = scope {
                            scope.vars.insert(name, value);
                        }
                    });
                    return;
                }
                self.set_attribute(&object, name, value, st);
            }
            Expr::Subscript(subscript) => {
                let object = self.eval(&subscript.value, st, fr);
                let key = self.eval(&subscript.slice, st, fr);
                self.note_converter(&object, &key, &value);
                self.set_item(&object, &key, value, st);
            }
            _ => {}
        }
    }

    fn unpack(
        &mut self,
        targets: &'a [Expr],
        value: &Value<'a>,
        whole: &'a Expr,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let place = fr.place(whole.range());
        let items = self.known_items(value, st);
        let star = targets.iter().position(Expr::is_starred_expr);
        for (index, target) in targets.iter().enumerate() {
            let Some(items) = &items else {
                let item = self.item_at(value, index, place, st);
                self.assign(target, item, st, fr);
                continue;
            };
            let behind = targets.len() - index;
            let at = match star {
                Some(star) if index > star => items.len().checked_sub(behind),
                _ => Some(index),
            };
            if let (Expr::Starred(starred), Some(from)) = (target, at) {
                let to = (items.len() + 1).saturating_sub(behind).max(from);
                let middle = items.get(from..to).unwrap_or_default().to_vec();
                let middle = self.list(st, middle);
                self.assign(&starred.value, middle, st, fr);
                continue;
            }
            let item = at.and_then(|at| items.get(at)).cloned();
            let item = item.unwrap_or_else(|| Value::unknown(mix(place.key(), index as u64)));
            self.assign(target, item, st, fr);
        }
    }

    fn delete(&mut self, target: &'a Expr, st: &mut State<'a>, fr: &mut Frame<'a>) {
        match target {
            Expr::Subscript(subscript) => {
                let object = self.eval(&subscript.value, st, fr);
                let key = self.eval(&subscript.slice, st, fr);
                self.delete_item(&object, &key, st);
            }
            Expr::Name(name) => {
                let name = name.id.as_str();
                self.store(name, Value::unknown(hash(name)), st, fr);
            }
            _ => {}
        }
    }

    fn function_definition(
        &mut self,
        def: &'a StmtFunctionDef,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        fr.is_captured = true;
        let scope = if fr.is_class_body {
            self.enclosing(fr.scope, st)
        } else {
            fr.scope
        };
        let func = Rc::new(Func {
            code: Code::Def(def),
            module: fr.module,
            scope,
            class: fr.class.filter(|_| fr.is_class_body),
        });
        let mut value = Value::Func(Rc::clone(&func));
        if fr.is_class_body
            && let Some(setter) = setter_of(def)
        {
            // The name stays the getter's.
            let written = self.source_text(fr.place(setter.range()));
            self.store(written, value, st, fr);
            return;
        }
        if !def.decorator_list.is_empty() {
            value = self.decorated(def, value, st, fr);
        }
        self.store(def.name.as_str(), value, st, fr);
    }

    fn enclosing(&self, scope: super::value::ObjId, st: &State<'a>) -> super::value::ObjId {
        match st.get(scope).as_deref() {
            Some(Obj::Scope(inner)) => inner.parent.unwrap_or(scope),
            _ => scope,
        }
    }

    fn class_definition(&mut self, def: &'a StmtClassDef, st: &mut State<'a>, fr: &mut Frame<'a>) {
        fr.is_captured = true;
        let mut bases = Vec::new();
        if let Some(arguments) = &def.arguments {
            for base in &arguments.args {
                bases.push(self.eval(base, st, fr));
            }
        }
        let parent = if fr.is_class_body {
            self.enclosing(fr.scope, st)
        } else {
            fr.scope
        };
        let scope = self.new_id();
        let vars = Scope {
            vars: Default::default(),
            parent: Some(parent),
        };
        st.put(scope, Obj::Scope(vars));
        let class = self.new_id();
        st.put(
            class,
            Obj::Class(Class {
                def,
                module: fr.module,
                scope,
                bases,
            }),
        );
        let mut body = Frame::new(fr.module, scope, def.name.as_str());
        body.class = Some(class);
        body.is_class_body = true;
        body.function = fr.function;
        self.block(&def.body, st, &mut body);
        st.dead = false;
        self.store(def.name.as_str(), Value::Ref(class), st, fr);
        self.class_defined(def, class, st, fr);
    }

    fn import(&mut self, stmt: &'a StmtImport, st: &mut State<'a>, fr: &mut Frame<'a>) {
        for alias in &stmt.names {
            let dotted = alias.name.as_str();
            if let Some(name) = &alias.asname {
                let value = self.imported(dotted, fr);
                self.store(name.as_str(), value, st, fr);
                continue;
            }
            let (top, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
            let value = self.imported(top, fr);
            if matches!(value, Value::Ext(_))
                && !rest.is_empty()
                && self.modules.import(fr.module, 0, dotted).is_some()
            {
                let dots = dotted
                    .match_indices('.')
                    .map(|(at, _)| dotted[..at].to_owned());
                self.namespaces.extend(dots);
            }
            self.store(top, value, st, fr);
        }
    }

    fn imported(&self, dotted: &str, fr: &Frame<'a>) -> Value<'a> {
        match self.modules.import(fr.module, 0, dotted) {
            Some(id) => Value::Module(id),
            None => Value::ext(dotted),
        }
    }

    fn import_from(&mut self, stmt: &'a StmtImportFrom, st: &mut State<'a>, fr: &mut Frame<'a>) {
        let dotted = stmt.module.as_ref().map_or("", |module| module.as_str());
        let target = self.modules.import(fr.module, stmt.level, dotted);
        for alias in &stmt.names {
            let name = alias.name.as_str();
            if name == "*" {
                self.import_star(target, dotted, st, fr);
                continue;
            }
            let bound = alias.asname.as_ref().map_or(name, |name| name.as_str());
            let value = match target {
                Some(id) => Value::Import(id, name),
                None => self.foreign_import(stmt.level, dotted, name, fr),
            };
            self.store(bound, value, st, fr);
        }
    }

    fn foreign_import(&self, level: u32, dotted: &str, name: &str, fr: &Frame<'a>) -> Value<'a> {
        let full = if dotted.is_empty() {
            name.to_owned()
        } else {
            format!("{dotted}.{name}")
        };
        match self.modules.import(fr.module, level, &full) {
            Some(id) => Value::Module(id),
            None if level > 0 => Value::unknown(mix(fr.module.index() as u64, hash(&full))),
            None => Value::ext(full),
        }
    }

    fn import_star(
        &mut self,
        target: Option<crate::model::modules::ModuleId>,
        dotted: &str,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let Some(id) = target else {
            self.stars.entry(fr.module).or_default().push(dotted.into());
            return;
        };
        let scope = self.module_scope(id);
        if let Some(stars) = self.stars.get(&id).cloned() {
            self.stars.entry(fr.module).or_default().extend(stars);
        }
        let Some(object) = st.get(scope) else { return };
        let Obj::Scope(theirs) = &*object else { return };
        for (name, value) in theirs.vars.iter() {
            if !name.starts_with('_') {
                self.store(name, value.clone(), st, fr);
            }
        }
    }
}

/// The names that an assignment to `target` binds.
fn names_in(target: &Expr) -> Vec<&str> {
    match target {
        Expr::Name(name) => vec![name.id.as_str()],
        Expr::Tuple(tuple) => tuple.elts.iter().flat_map(names_in).collect(),
        _ => Vec::new(),
    }
}

/// `title.setter` of a method that is decorated with it.
fn setter_of(def: &StmtFunctionDef) -> Option<&Expr> {
    let decorators = def.decorator_list.iter();
    decorators
        .map(|decorator| &decorator.expression)
        .find(|expression| match expression {
            Expr::Attribute(attribute) => {
                attribute.attr.as_str() == "setter" && attribute.value.is_name_expr()
            }
            _ => false,
        })
}
