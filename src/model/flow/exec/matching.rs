//! `match`: which case a value takes.

use ruff_python_ast::{Pattern, Singleton, StmtMatch};
use ruff_text_size::Ranged as _;

use super::super::heap::State;
use super::super::interp::{Frame, Interp};
use super::super::value::Value;

impl<'a> Interp<'a> {
    pub(super) fn match_statement(
        &mut self,
        stmt: &'a StmtMatch,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
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
    pub(super) fn matches(
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
}
