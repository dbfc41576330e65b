//! Comprehensions and generator expressions.

use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::Ranged as _;

use super::super::heap::{List, Obj, Scope, State};
use super::super::interp::{Frame, Interp};
use super::LONGEST_COMPREHENDED;

impl<'a> Interp<'a> {
    pub(super) fn inner_scope(
        &mut self,
        st: &mut State<'a>,
        fr: &Frame<'a>,
    ) -> super::super::value::ObjId {
        let id = self.new_id();
        let scope = Scope {
            vars: Default::default(),
            parent: Some(fr.scope),
        };
        st.put(id, Obj::Scope(scope));
        id
    }

    pub(super) fn leave_scope(
        &self,
        inner: super::super::value::ObjId,
        outer: super::super::value::ObjId,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        fr.scope = outer;
        if !fr.is_captured {
            st.forget(inner);
        }
    }

    pub(super) fn comprehend(
        &mut self,
        elt: &'a Expr,
        generators: &'a [Comprehension],
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> List<'a> {
        let mut found = Vec::new();
        let inner = self.inner_scope(st, fr);
        let outer = std::mem::replace(&mut fr.scope, inner);
        let exact = self.generators(generators, st, fr, &mut |this, st, fr| {
            let value = this.eval(elt, st, fr);
            found.push(st.pin(&value));
        });
        self.leave_scope(inner, outer, st, fr);
        let mut list = List {
            items: found,
            rest: None,
        };
        if !exact {
            list.blur();
        }
        list
    }

    /// Runs `each` for every binding of the generators; `true` when it ran exactly as often as
    /// Python would.
    pub(super) fn generators(
        &mut self,
        generators: &'a [Comprehension],
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
        each: &mut dyn FnMut(&mut Self, &mut State<'a>, &mut Frame<'a>),
    ) -> bool {
        let Some((first, others)) = generators.split_first() else {
            each(self, st, fr);
            return true;
        };
        let iterated = self.eval(&first.iter, st, fr);
        let known = self
            .known_items(&iterated, st)
            .filter(|items| items.len() <= LONGEST_COMPREHENDED);
        let mut exact = known.is_some();
        let items = known
            .unwrap_or_else(|| vec![self.any_item(&iterated, fr.place(first.iter.range()), st)]);
        for item in items {
            let mut inside = st.clone();
            self.assign(&first.target, item, &mut inside, fr);
            for test in &first.ifs {
                let (then, otherwise) = self.branch(test, inside, fr);
                exact &= then.dead || otherwise.dead;
                inside = then;
            }
            if !inside.dead {
                exact &= self.generators(others, &mut inside, fr, each);
                // What the element changed stays, what its condition said does not.
                *st = st.clone().join(inside);
            }
        }
        exact
    }
}
