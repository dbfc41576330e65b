//! Which values of templates are a client's.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::{Expr, InterpolatedStringElement, Operator};
use ruff_text_size::Ranged as _;

use super::value::{Encoding, Origin, Part};
use super::walk::Slot;
use super::{TemplateId, Templates};
use crate::finding::{Confidence, FlowStep};
use crate::model::flow::{
    CONTEXT_PROCESSOR, Facts, Flows, Given, Outcome, Sink, SinkCall, TaintPiece,
};
use crate::model::modules::Modules;
use crate::model::names::{Binding, BindingKind, Names};
use crate::text::Span;

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
    /// The view puts constant text in front of it: it cannot choose a link's scheme.
    pub has_prefix: bool,
    /// The keys that lead to it in the variable, joined with dots.
    pub field: Option<String>,
    /// The template gets what the client sent and nothing else: no HTML of the application can
    /// stand in it.
    pub is_plain: bool,
}

impl Client {
    /// Whether what a template writes as `path` can hold the value. Loops over a mapping leave
    /// its keys out of the path.
    fn is_at(&self, path: &str) -> bool {
        let Some(field) = &self.field else {
            return true;
        };
        // Positions count for tuples only: a list's are left out of the field.
        let is_position = |segment: &&str| segment.bytes().all(|byte| byte.is_ascii_digit());
        let position = |path: &str| {
            path.split('.')
                .skip(1)
                .filter(is_position)
                .last()
                .map(str::to_owned)
        };
        if let (Some(a), Some(b)) = (position(path), position(&format!(".{field}")))
            && a != b
        {
            return false;
        }
        if let Some((keys, others)) = field.rsplit_once('!') {
            // Anything of an object but these.
            let above = keys.split('.').filter(|key| !key.is_empty()).count();
            let member = path
                .split('.')
                .skip(1)
                .filter(|it| !is_position(it))
                .nth(above);
            return member.is_none_or(|member| !others.split('|').any(|it| it == member));
        }
        let is_name = |segment: &&str| !is_position(segment);
        let below: Vec<&str> = path.split('.').skip(1).filter(is_name).collect();
        let keys: Vec<&str> = field.split('.').filter(is_name).collect();
        if keys.is_empty() {
            return true;
        }
        let last = keys.last().copied().unwrap_or_default();
        below.contains(&last)
            || below.iter().zip(&keys).all(|(a, b)| a == b) && below.len() < keys.len()
    }
}

/// Chains of includes and macros longer than this are not followed.
const MAX_DEPTH: usize = 8;

/// The clients' values among the variables of each template.
pub(super) type Variables = HashMap<(TemplateId, String), Vec<Client>>;

/// Variables that only ever get numbers and choices of the server.
pub(super) type Harmless = HashSet<(TemplateId, String, Option<String>)>;

impl Templates {
    /// Takes over which variables the flows say are a client's.
    pub(super) fn join(&mut self, modules: &Modules, names: &Names, flows: &Flows) {
        let mut variables = Variables::new();
        for call in &flows.calls {
            let Sink::TemplateVariable {
                template,
                inline,
                variable,
                field,
            } = &call.sink
            else {
                continue;
            };
            let found = match (template, inline) {
                (Some(name), _) => self.find(name, &call.call.path),
                (None, Some(place)) => self.inline_at(place).into_iter().collect(),
                (None, None) if call.name == CONTEXT_PROCESSOR => {
                    self.iter().map(|(id, _)| id).collect()
                }
                (None, None) => Vec::new(),
            };
            let client = client_of(modules, names, call, field.as_deref());
            for id in found {
                if let Some(client) = &client {
                    let key = (id, variable.clone());
                    variables.entry(key).or_default().push(client.clone());
                } else if matches!(call.outcome, Outcome::Sanitized { .. }) {
                    let key = (id, variable.clone(), field.clone());
                    self.harmless.insert(key);
                }
            }
        }
        self.harmless.retain(|(id, variable, field)| {
            let clients = variables.get(&(*id, variable.clone()));
            let mut clients = clients.into_iter().flatten();
            !clients.any(|client| client.field.is_none() || client.field == *field)
        });
        self.variables = variables;
    }

    /// Whether the view is known to hand over a number, or something that the server chose.
    pub fn is_harmless(&self, id: TemplateId, part: &Part) -> bool {
        match &part.origin {
            Origin::Variable { name, path } => {
                let below = path.strip_prefix(name.as_str()).unwrap_or_default();
                let field = below.strip_prefix('.').map(str::to_owned);
                let holds = |field| self.harmless.contains(&(id, name.clone(), field));
                holds(None) || holds(field)
            }
            Origin::Parameter { .. } | Origin::Request(_) => false,
        }
    }

    /// The clients' values that `part` of the template stands for, each with what happens to it
    /// on its way through includes and macros.
    pub fn clients(&self, id: TemplateId, part: &Part) -> Vec<(Part, Client)> {
        let mut found = Vec::new();
        let mut seen = Vec::new();
        self.follow(id, part, MAX_DEPTH, &mut seen, &mut found);
        found
    }

    /// The way of a client's value to an argument of a function that templates call.
    pub fn way_to(&self, given: &Given) -> Option<Vec<FlowStep>> {
        let calls = self.function_calls.iter().filter(|call| {
            call.name == given.function
                && call.is_filter == given.is_filter
                && match &call.argument {
                    Slot::At(at) => *at == given.index,
                    Slot::Named(name) => *name == given.parameter,
                }
        });
        let arrive = calls.flat_map(|call| {
            let parts = call.parts.iter();
            parts.flat_map(|part| self.clients(call.caller, part))
        });
        let mut arrive = arrive.filter(|(part, client)| {
            part.encoding == Encoding::None && !client.has.is_chosen_by_server()
        });
        arrive.next().map(|(_, client)| client.steps)
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
                    has_prefix: false,
                    field: None,
                    is_plain: true,
                },
            )),
            Origin::Variable { name, .. } => {
                let direct = self.variables.get(&(id, name.clone()));
                let reached = direct.into_iter().flatten();
                for client in reached.filter(|client| client.is_at(part.origin.path())) {
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

fn client_of(
    modules: &Modules,
    names: &Names,
    call: &SinkCall,
    field: Option<&str>,
) -> Option<Client> {
    let Outcome::Tainted { pieces } = &call.outcome else {
        return None;
    };
    let has = pieces.iter().map(|piece| piece.has);
    Some(Client {
        source: pieces.first()?.source_text.clone(),
        steps: call.steps.clone(),
        has: has.reduce(|all, one| all & one)?,
        confidence: call.confidence,
        has_prefix: call.has_prefix || handed(modules, names, call).is_some_and(begins_with_text),
        field: field.map(str::to_owned),
        is_plain: is_plain(modules, names, call, pieces),
    })
}

/// The expression that the view hands over, or the one that its variable is assigned.
fn handed<'m>(modules: &'m Modules, names: &Names, call: &SinkCall) -> Option<&'m Expr> {
    let module = modules.by_path(&call.call.path)?;
    let expr = modules.get(module).expression_at(call.argument)?;
    let Expr::Name(name) = expr else {
        return Some(expr);
    };
    let scopes = names.scopes(module);
    let (_, bindings) = scopes.lookup(&name.id, call.argument.start)?;
    match bindings {
        [
            Binding {
                kind: BindingKind::Value(span),
                ..
            },
        ] => modules.get(module).expression_at(*span),
        [
            Binding {
                kind: BindingKind::Parameter(_),
                ..
            },
        ] => Some(expr),
        _ => None,
    }
}

fn is_plain(modules: &Modules, names: &Names, call: &SinkCall, pieces: &[TaintPiece]) -> bool {
    let [piece] = pieces else {
        return false;
    };
    // A parameter is the URL's own where the flow begins with it.
    let is_sent = |expr: &Expr| match expr {
        Expr::Name(name) => piece.source_text == format!("the URL parameter `{}`", name.id),
        _ => is_as_sent(expr, piece.source.span),
    };
    piece.inserted.is_none() && handed(modules, names, call).is_some_and(is_sent)
}

/// Whether `expr` is the expression at `source`, but for methods that add nothing to a text.
fn is_as_sent(expr: &Expr, source: Span) -> bool {
    if Span::from(expr.range()) == source {
        return true;
    }
    match expr {
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) => {
                matches!(
                    method.attr.as_str(),
                    "strip" | "lstrip" | "rstrip" | "lower" | "upper" | "title" | "capitalize"
                ) && is_as_sent(&method.value, source)
            }
            _ => false,
        },
        _ => false,
    }
}

fn begins_with_text(expr: &Expr) -> bool {
    match expr {
        Expr::StringLiteral(literal) => !literal.value.is_empty(),
        Expr::BinOp(operation) => match (&operation.op, &*operation.left) {
            (Operator::Add, left) => begins_with_text(left),
            (Operator::Mod, Expr::StringLiteral(format)) => {
                !format.value.to_str().starts_with('%') && !format.value.is_empty()
            }
            _ => false,
        },
        Expr::FString(text) => match text.value.elements().next() {
            Some(InterpolatedStringElement::Literal(literal)) => !literal.value.is_empty(),
            _ => false,
        },
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) if method.attr.as_str() == "format" => match &*method.value {
                Expr::StringLiteral(format) => !format.value.to_str().starts_with('{'),
                _ => false,
            },
            Expr::Name(name) => name.id.as_str() == "url_for",
            Expr::Attribute(method) => method.attr.as_str() == "url_for",
            _ => false,
        },
        _ => false,
    }
}
