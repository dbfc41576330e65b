//! Which values of templates are a client's.

use std::collections::HashMap;

use super::value::{Origin, Part};
use super::{TemplateId, Templates};
use crate::finding::{Confidence, FlowStep};
use crate::model::flow::{Facts, Flows, Outcome, Sink, SinkCall};

/// A client's value that a template puts out.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `request.args.get("name")`, as the code has it.
    pub source: String,
    /// Its way to the template; empty where the template reads the request itself.
    pub steps: Vec<FlowStep>,
    /// What is known of it.
    pub has: Facts,
    pub confidence: Confidence,
}

/// Chains of includes and macros longer than this are not followed.
const MAX_DEPTH: usize = 8;

/// The clients' values among the variables of each template.
pub(super) type Variables = HashMap<(TemplateId, String), Vec<Client>>;

impl Templates {
    /// Takes over which variables the flows say are a client's.
    pub(super) fn join(&mut self, flows: &Flows) {
        let mut variables = Variables::new();
        for call in &flows.calls {
            let Sink::TemplateVariable {
                template,
                inline,
                variable,
            } = &call.sink
            else {
                continue;
            };
            let Some(client) = client_of(call) else {
                continue;
            };
            let found = match (template, inline) {
                (Some(name), _) => self.find(name, &call.call.path),
                (None, Some(place)) => self.inline_at(place).into_iter().collect(),
                (None, None) => Vec::new(),
            };
            for id in found {
                let known = variables.entry((id, variable.clone())).or_default();
                known.push(client.clone());
            }
        }
        self.variables = variables;
    }

    /// The clients' values that `part` of the template stands for, each with what happens to it
    /// on its way through includes and macros.
    pub fn clients(&self, id: TemplateId, part: &Part) -> Vec<(Part, Client)> {
        let mut found = Vec::new();
        let mut seen = Vec::new();
        self.follow(id, part, MAX_DEPTH, &mut seen, &mut found);
        found
    }

    fn follow(
        &self,
        id: TemplateId,
        part: &Part,
        depth: usize,
        seen: &mut Vec<(TemplateId, Part)>,
        found: &mut Vec<(Part, Client)>,
    ) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let here = (id, part.clone());
        if seen.contains(&here) {
            return;
        }
        seen.push(here);
        match &part.origin {
            Origin::Request(path) => found.push((
                part.clone(),
                Client {
                    source: path.clone(),
                    steps: Vec::new(),
                    has: Facts::NONE,
                    confidence: Confidence::High,
                },
            )),
            Origin::Variable { name, .. } => {
                let direct = self.variables.get(&(id, name.clone()));
                for client in direct.into_iter().flatten() {
                    found.push((part.clone(), client.clone()));
                }
                for user in &self.get(id).users {
                    let mut locals = user.locals.iter().rev();
                    match locals.find(|(local, _)| local == name) {
                        Some((_, parts)) => {
                            for inner in parts {
                                let through = inner.through(part);
                                self.follow(user.template, &through, depth, seen, found);
                            }
                        }
                        None => self.follow(user.template, part, depth, seen, found),
                    }
                }
            }
            Origin::Parameter {
                macro_name, name, ..
            } => {
                let calls = self.macro_calls.iter();
                for call in calls.filter(|it| it.template == id && it.name == *macro_name) {
                    let given = call.arguments.iter().filter(|(to, _)| to == name);
                    for inner in given.flat_map(|(_, parts)| parts) {
                        let through = inner.through(part);
                        self.follow(call.caller, &through, depth, seen, found);
                    }
                }
            }
        }
    }
}

fn client_of(call: &SinkCall) -> Option<Client> {
    let Outcome::Tainted { pieces } = &call.outcome else {
        return None;
    };
    let has = pieces.iter().map(|piece| piece.has);
    Some(Client {
        source: pieces.first()?.source_text.clone(),
        steps: call.steps.clone(),
        has: has.reduce(|all, one| all & one)?,
        confidence: call.confidence,
    })
}
