//! Loops: rounds until nothing new comes.

use ruff_python_ast::{StmtFor, StmtWhile};
use ruff_text_size::Ranged as _;

use super::super::heap::State;
use super::super::interp::{Frame, Interp};
use super::{LONGEST_UNROLLED, ROUNDS, names_in};

impl<'a> Interp<'a> {
    pub(super) fn for_statement(
        &mut self,
        stmt: &'a StmtFor,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
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

    pub(super) fn while_statement(
        &mut self,
        stmt: &'a StmtWhile,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
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
}
