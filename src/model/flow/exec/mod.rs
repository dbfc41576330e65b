//! Statements.

mod imports;
mod loops;
mod matching;

use ruff_python_ast::{
    ExceptHandler, Expr, Stmt, StmtClassDef, StmtFunctionDef, StmtIf, StmtTry, StmtWith,
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
