//! Where client values must not arrive as they are.

mod judge;
mod template;

use std::hash::{Hash as _, Hasher as _};
use std::rc::Rc;

use ruff_python_ast::{Expr, FStringPart, InterpolatedStringElement, Operator};
use ruff_text_size::Ranged as _;
use rustc_hash::FxHasher;

use super::call::Args;
use super::facts::Facts;
use super::heap::State;
use super::interp::{Frame, Interp};
use super::output::{FileOperation, HtmlContext, Outcome, Sink, SinkCall, TaintPiece};
use super::pattern;
use super::value::{Part, Piece, Place, StrKind, Value};
use crate::finding::{Confidence, FlowStep};
use crate::model::modules::ModuleId;
use crate::text::{Location, Span};

/// What a sink thinks of one piece.
struct Judged<'a> {
    piece: Rc<Piece<'a>>,
    known: Facts,
    is_safe: bool,
    context: Option<HtmlContext>,
}

impl<'a> Interp<'a> {
    /// Notes that `value`, written at `argument`, reaches a sink.
    #[expect(clippy::too_many_arguments, reason = "a sink with its places")]
    pub fn sink(
        &mut self,
        sink: Sink,
        name: &str,
        call: Place,
        argument: Place,
        value: &Value<'a>,
        st: &State<'a>,
        fr: &Frame<'a>,
    ) {
        self.sink_with(
            sink,
            name,
            call,
            argument,
            value,
            Confidence::High,
            st,
            fr.function,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "a sink with its places")]
    pub fn sink_with(
        &mut self,
        sink: Sink,
        name: &str,
        call: Place,
        argument: Place,
        value: &Value<'a>,
        confidence: Confidence,
        st: &State<'a>,
        function: Option<Place>,
    ) {
        let judged = self.judge(&sink, value, st);
        let argument = match call.module == argument.module {
            true => argument,
            false => call,
        };
        if !self.is_news(&sink, (call, argument), confidence, &judged) {
            return;
        }
        let mut found = SinkCall {
            name: name.strip_prefix("builtins.").unwrap_or(name).to_owned(),
            call: self.location(call),
            argument: argument.span,
            function: function
                .filter(|place| place.module == call.module)
                .map(|place| place.span),
            outcome: Outcome::Clean,
            steps: Vec::new(),
            weak_checks: Vec::new(),
            confidence,
            html_context: None,
            base: None,
            has_prefix: false,
            sink,
        };
        let (tainted, harmless): (Vec<_>, Vec<_>) =
            judged.into_iter().partition(|one| !one.is_safe);
        let shown = tainted
            .iter()
            .min_by_key(|one| one.piece.step.length)
            .or_else(|| harmless.iter().min_by_key(|one| one.piece.step.length));
        if let Some(shown) = shown {
            found.steps = self.steps(&shown.piece, call, &found.name);
            found.html_context = shown.context;
        }
        if let Some(first) = tainted.first() {
            found.confidence = confidence.min(doubt(&found.sink, &tainted, first.context));
            found.weak_checks = self.weak_checks(value, &tainted);
            let root = self.modules.get(argument.module);
            let root = root.expression_at(argument.span);
            found.base = root.and_then(|root| self.base_of(root, argument.module));
            found.has_prefix = has_prefix(value);
            found.outcome = Outcome::Tainted {
                pieces: tainted
                    .iter()
                    .map(|one| self.taint_piece(one, root, argument.module))
                    .collect(),
            };
        } else if let Some(first) = harmless.first() {
            let (place, how) = match &first.piece.by {
                Some((place, how)) => (*place, how.to_string()),
                None => (call, first.known.names().join(", ")),
            };
            found.weak_checks = self.weak_checks(value, &harmless);
            found.outcome = Outcome::Sanitized {
                by: self.location(place),
                how,
            };
        }
        if found.outcome == Outcome::Clean
            && matches!(found.sink, Sink::TemplateVariable { .. })
            && is_tame(value)
        {
            found.outcome = Outcome::Sanitized {
                by: found.call.clone(),
                how: "a number, or a word of the server".to_owned(),
            };
        }
        self.merge(found);
    }

    /// Whether the same has not been noted before: loops, and paths that were joined late, bring
    /// a call here again and again.
    fn is_news(
        &mut self,
        sink: &Sink,
        places: (Place, Place),
        confidence: Confidence,
        judged: &[Judged<'_>],
    ) -> bool {
        let mut form = FxHasher::default();
        (sink, places, confidence, self.weak_noted).hash(&mut form);
        for one in judged {
            let piece = (one.piece.id, one.piece.step.length);
            (piece, one.known.bits(), one.is_safe, one.context).hash(&mut form);
        }
        self.noted.insert(form.finish())
    }

    fn merge(&mut self, found: SinkCall) {
        let key = (found.call.clone(), found.sink.clone(), found.argument);
        let Some(known) = self.sinks.get_mut(&key) else {
            self.sinks.insert(key, found);
            return;
        };
        merge_calls(known, found);
    }

    fn taint_piece(
        &self,
        judged: &Judged<'a>,
        root: Option<&'a Expr>,
        module: ModuleId,
    ) -> TaintPiece {
        let piece = &judged.piece;
        TaintPiece {
            source: self.location(piece.source.place),
            source_text: piece.source.text.to_string(),
            span: root.and_then(|root| self.visible(piece, root, module)),
            inserted: piece.inserted.map(|place| self.location(place)),
            insertions: self.insertions(piece),
            has: judged.known,
            given: piece.source.given.as_deref().cloned(),
        }
    }

    fn insertions(&self, piece: &Piece<'a>) -> Vec<Location> {
        let mut found = Vec::new();
        let mut next = piece.insertions.as_ref();
        while let Some(insertion) = next {
            found.push(self.location(insertion.place));
            next = insertion.before.as_ref();
        }
        found.reverse();
        found
    }

    fn steps(&self, piece: &Piece<'a>, call: Place, name: &str) -> Vec<FlowStep> {
        let mut steps = vec![FlowStep {
            location: self.location(call),
            note: format!("reaches {name}"),
        }];
        let mut next = Some(&piece.step);
        while let Some(step) = next {
            let location = self.location(step.place);
            let note = step.note.words(&piece.source.text);
            if steps
                .last()
                .is_none_or(|last| last.location != location || last.note != note)
            {
                steps.push(FlowStep { location, note });
            }
            next = step.before.as_ref();
        }
        steps.reverse();
        steps
    }

    /// The smallest expression inside the argument that carries the piece into it.
    fn visible(&self, piece: &Piece<'a>, root: &'a Expr, module: ModuleId) -> Option<Span> {
        let key = piece.source.place.key();
        let mut best = None;
        let mut open = vec![root];
        while let Some(expr) = open.pop() {
            let place = Place {
                module,
                span: expr.range().into(),
            };
            let carries = self
                .seen
                .get(&place)
                .is_some_and(|keys| keys.contains(&key));
            let inner = parts_of(expr);
            let before = open.len();
            if carries || inner.iter().any(|_| true) {
                for part in inner {
                    let span: Span = part.range().into();
                    let place = Place { module, span };
                    let holds = self
                        .seen
                        .get(&place)
                        .is_some_and(|keys| keys.contains(&key));
                    if holds || !parts_of(part).is_empty() {
                        open.push(part);
                    }
                }
            }
            if carries && best.is_none_or(|known: Span| known.contains(place.span)) {
                best = Some(place.span);
            }
            if open.len() > before + 64 {
                break;
            }
        }
        best
    }

    /// `BASE` of `os.path.join(BASE, x)`, `BASE / x`, `f"{BASE}/{x}"`, `BASE + x`.
    fn base_of(&self, root: &Expr, module: ModuleId) -> Option<Span> {
        let base = first_of(root)?;
        let place = Place {
            module,
            span: base.range().into(),
        };
        (!self.seen.contains_key(&place)).then_some(place.span)
    }

    /// Sinks that are methods of objects which are not known.
    pub fn sink_method(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let place = args.place;
        match name {
            "from_string" => {
                // Other classes have a method of that name too.
                let written = args.receiver.map_or("", |place| self.source_text(place));
                let is_jinja = match receiver.kind() {
                    Some(kind) => kind.contains("jinja"),
                    None => written.contains("env") || written.contains("jinja"),
                };
                if is_jinja {
                    self.template_source("jinja2.Environment.from_string", args, st, fr);
                }
            }
            "open_resource" | "open_instance_resource" => {
                if let Some(value) = args.get(0, "resource").cloned() {
                    let at = args.place_of(0, "resource");
                    let full = format!("flask.Flask.{name}");
                    self.sink(
                        Sink::File(FileOperation::Read),
                        &full,
                        place,
                        at,
                        &value,
                        st,
                        fr,
                    );
                }
            }
            "set_cookie" => {
                if let Some(value) = args.get(1, "value").cloned() {
                    self.sink(
                        Sink::CookieValue,
                        "set_cookie",
                        place,
                        args.place_of(1, "value"),
                        &value,
                        st,
                        fr,
                    );
                }
            }
            "save" | "savefig" | "to_csv" | "to_excel" | "to_json" | "to_pickle" => {
                let Some(value) = args.get(0, "").cloned() else {
                    return;
                };
                let looks_like_path = value.alternatives().iter().any(|one| match one {
                    Value::Str(text) => text.parts.len() > 1 || text.kind == StrKind::Path,
                    _ => false,
                });
                if looks_like_path {
                    let sink = match name {
                        "save" if receiver.kind().is_none() => Sink::UploadSave,
                        _ => Sink::File(FileOperation::Write),
                    };
                    self.sink(sink, name, place, args.place_of(0, ""), &value, st, fr);
                }
            }
            _ => {}
        }
    }
}

/// Mappings in mappings deeper than this, and values with more fields, are one value.
const DEEPEST_FIELDS: usize = 4;
const MOST_FIELDS: usize = 60;

/// Whether a value of the server is harmless wherever a template puts it: a number or a word.
pub(super) fn is_tame(value: &Value<'_>) -> bool {
    value.alternatives().iter().all(|one| match one {
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => true,
        Value::Str(_) => one.constant_str().is_some_and(|text| {
            let word = Facts::ESCAPED | Facts::ONE_WORD | Facts::LINK;
            pattern::facts_of_text(&text).contains(word)
        }),
        one => one.kind().is_some_and(|kind| &**kind == "number"),
    })
}

/// Whether constant text stands in front of every client value.
fn has_prefix(value: &Value<'_>) -> bool {
    let mut tainted = value.alternatives().iter().filter(|one| one.is_tainted());
    tainted.all(|one| match one {
        Value::Str(text) => matches!(text.parts.first(), Some(Part::Lit(_))),
        _ => false,
    })
}

/// Keeps the worse outcome, and of equal ones the shorter way.
pub(super) fn merge_calls(known: &mut SinkCall, found: SinkCall) {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Clean => 0,
        Outcome::Sanitized { .. } => 1,
        Outcome::Tainted { .. } => 2,
    };
    for check in &found.weak_checks {
        if !known.weak_checks.contains(check) {
            known.weak_checks.push(check.clone());
        }
    }
    known.weak_checks.sort();
    match rank(&found.outcome).cmp(&rank(&known.outcome)) {
        std::cmp::Ordering::Less => {}
        std::cmp::Ordering::Greater => {
            let weak_checks = std::mem::take(&mut known.weak_checks);
            *known = SinkCall {
                weak_checks,
                ..found
            };
        }
        std::cmp::Ordering::Equal => {
            if let (Outcome::Tainted { pieces }, Outcome::Tainted { pieces: more }) =
                (&mut known.outcome, &found.outcome)
            {
                for piece in more {
                    match pieces.iter_mut().find(|other| other.source == piece.source) {
                        Some(other) => other.has = other.has & piece.has,
                        None => pieces.push(piece.clone()),
                    }
                }
            }
            known.confidence = known.confidence.max(found.confidence);
            known.html_context = known.html_context.max(found.html_context);
            if !found.steps.is_empty() && found.steps.len() < known.steps.len() {
                known.steps = found.steps;
            }
        }
    }
}

/// How sure a finding is, by what is known of its best piece.
fn doubt(sink: &Sink, tainted: &[Judged<'_>], context: Option<HtmlContext>) -> Confidence {
    let all = |fact: Facts| tainted.iter().all(|one| one.known.contains(fact));
    if all(Facts::SECURE_FILENAME) || all(Facts::ASSERTED) {
        return Confidence::Low;
    }
    if sink.takes_path() && all(Facts::URL_SEGMENT) {
        return Confidence::Medium;
    }
    if context == Some(HtmlContext::UnquotedAttribute) && all(Facts::ESCAPED) {
        return Confidence::Medium;
    }
    Confidence::High
}

/// The expressions of which the value of `expr` is put together.
fn parts_of(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinOp(binary) => vec![&binary.left, &binary.right],
        Expr::FString(text) => text
            .value
            .iter()
            .filter_map(|part| match part {
                FStringPart::FString(inner) => Some(&inner.elements),
                FStringPart::Literal(_) => None,
            })
            .flatten()
            .filter_map(|element| match element {
                InterpolatedStringElement::Interpolation(inner) => Some(&*inner.expression),
                InterpolatedStringElement::Literal(_) => None,
            })
            .collect(),
        Expr::Call(call) if composes(&call.func) => {
            let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
            call.arguments.args.iter().chain(named).collect()
        }
        Expr::If(conditional) => vec![&conditional.body, &conditional.orelse],
        Expr::BoolOp(boolean) => boolean.values.iter().collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().collect(),
        Expr::List(list) => list.elts.iter().collect(),
        Expr::Starred(starred) => vec![&starred.value],
        Expr::Named(named) => vec![&named.value],
        _ => Vec::new(),
    }
}

/// Calls whose arguments become part of the result.
fn composes(func: &Expr) -> bool {
    let name = match func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return false,
    };
    matches!(
        name,
        "join"
            | "joinpath"
            | "format"
            | "Path"
            | "str"
            | "PurePath"
            | "Markup"
            | "make_response"
            | "Response"
    )
}

/// The expression in front of all others.
fn first_of(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Call(call) if composes(&call.func) => match &*call.func {
            Expr::Attribute(attribute) if attribute.attr.as_str() == "joinpath" => {
                Some(&attribute.value)
            }
            Expr::Attribute(attribute) if attribute.attr.as_str() == "format" => None,
            _ => match call.arguments.args.first()? {
                inner if call.arguments.args.len() == 1 => first_of(inner),
                first => Some(first),
            },
        },
        Expr::BinOp(binary) if matches!(binary.op, Operator::Div | Operator::Add) => {
            let mut left = &*binary.left;
            while let Expr::BinOp(inner) = left {
                left = &inner.left;
            }
            Some(left)
        }
        Expr::FString(_) => parts_of(expr)
            .into_iter()
            .next()
            .filter(|_| parts_of(expr).len() > 1),
        _ => None,
    }
}
