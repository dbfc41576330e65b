//! What the controls of templates share: clients' values, judgements by name, edits.

use crate::finding::{Edit, Finding, FlowStep, Severity};
use crate::model::Model;
use crate::model::templates::{Client, Encoding, Origin, Output, Part, Template, TemplateId};
use crate::parse::jinja::{Expr, ExprKind};
use crate::text::{Location, Span};

/// A client's value in an output, with what happened to it on its way.
pub(super) struct Arrival {
    pub part: Part,
    pub client: Client,
}

/// The clients' texts in an output that `matters` holds for, the surest first.
pub(super) fn arrival(
    model: &Model,
    id: TemplateId,
    output: &Output,
    matters: impl Fn(&Part, &Client) -> bool,
) -> Option<Arrival> {
    let parts = output.parts.iter();
    let found = parts.flat_map(|part| model.templates.clients(id, part));
    let mut found: Vec<Arrival> = found
        .filter(|(_, client)| !client.has.is_chosen_by_server())
        .filter(|(part, client)| matters(part, client))
        .map(|(part, client)| Arrival { part, client })
        .collect();
    found.sort_by_key(|it| {
        (
            std::cmp::Reverse(it.client.confidence),
            it.client.steps.len(),
        )
    });
    found.into_iter().next()
}

/// A finding about an output that a client's value reaches.
pub(super) fn finding(
    control: &'static str,
    template: &Template,
    output: &Output,
    arrival: &Arrival,
    severity: Severity,
    message: String,
) -> Finding {
    let place = template.location(output.span);
    let mut flow = arrival.client.steps.clone();
    flow.push(FlowStep {
        location: place.clone(),
        note: format!("put out by {}", short(template, output)),
    });
    Finding::new(control, place, severity, message)
        .confidence(arrival.client.confidence)
        .flow(flow)
        .subject(template.source(output.expr))
}

/// `{{ expression }}` for messages.
pub(super) fn short(template: &Template, output: &Output) -> String {
    let source = template.source(output.span);
    let words: Vec<&str> = source.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}… }}}}", &text[..at]),
        None => text,
    }
}

/// The template and the output that a finding is about.
pub(super) fn place_of<'m>(
    model: &'m Model,
    finding: &Finding,
) -> Option<(TemplateId, &'m Template, &'m Output)> {
    let (id, template) = model.templates.at(&finding.location)?;
    Some((id, template, template.output_at(&finding.location)?))
}

/// Whether a value's name says that it is a number or a date, not text.
pub(super) fn is_number_by_name(part: &Part) -> bool {
    const WORDS: &[&str] = &[
        "id",
        "pk",
        "uid",
        "uuid",
        "count",
        "index",
        "idx",
        "page",
        "pages",
        "per_page",
        "total",
        "num",
        "number",
        "size",
        "width",
        "height",
        "length",
        "limit",
        "offset",
        "year",
        "month",
        "day",
        "port",
        "percent",
        "progress",
        "rows",
        "cols",
        "score",
        "price",
        "amount",
        "max",
        "min",
        "step",
        "level",
        "depth",
        "colspan",
        "rowspan",
        "timestamp",
        "order",
        "position",
    ];
    let last = part.origin.path().rsplit('.').next().unwrap_or_default();
    let last = last.to_ascii_lowercase();
    let word = last.rsplit('_').next().unwrap_or(&last);
    WORDS.contains(&last.as_str()) || WORDS.contains(&word) || matches!(word, "at" | "date")
}

/// Whether a value is text that users write about themselves, or comments: fields that hold
/// plain text in every application. Bodies and contents are left out: they are often rendered
/// from Markdown.
pub(super) fn is_user_text_by_name(part: &Part) -> bool {
    const FIELDS: &[&str] = &[
        "username",
        "user_name",
        "nickname",
        "display_name",
        "first_name",
        "last_name",
        "full_name",
        "fullname",
        "realname",
        "about_me",
        "bio",
        "comment",
        "comment_text",
    ];
    let path = part.origin.path().to_ascii_lowercase();
    let mut parts = path.rsplit('.');
    let last = parts.next().unwrap_or_default();
    let is_member = path.contains('.') && matches!(part.origin, Origin::Variable { .. });
    let of_comment = parts.next() == Some("comment");
    let is_text = of_comment && matches!(last, "body" | "text" | "content" | "message");
    is_member && (FIELDS.contains(&last) || is_text)
}

/// Whether a value is a link that users give about themselves.
pub(super) fn is_user_link_by_name(part: &Part) -> bool {
    let path = part.origin.path().to_ascii_lowercase();
    let last = path.rsplit('.').next().unwrap_or_default();
    path.contains('.') && matches!(last, "website" | "homepage" | "web_site" | "website_url")
}

/// Whether nobody knows what the value is: it is neither a number by its name nor encoded.
pub(super) fn is_unknown_text(part: &Part) -> bool {
    matches!(part.origin, Origin::Variable { .. })
        && part.encoding == Encoding::None
        && !part.transformed
        && !is_number_by_name(part)
}

/// `expr` with a filter behind it, in parentheses where it needs them.
pub(super) fn filtered(template: &Template, expr: &Expr, filter: &str) -> Vec<Edit> {
    let at = template.location(expr.span);
    let is_simple = matches!(
        expr.kind,
        ExprKind::Name(_)
            | ExprKind::Attribute { .. }
            | ExprKind::Index { .. }
            | ExprKind::Call { .. }
            | ExprKind::Filter { .. }
            | ExprKind::String(_)
    );
    let source = template.source(expr.span);
    if is_simple || source.starts_with('(') && source.ends_with(')') {
        return vec![Edit::insert(&at.path, at.span.end, format!("|{filter}"))];
    }
    vec![
        Edit::insert(&at.path, at.span.start, "("),
        Edit::insert(&at.path, at.span.end, format!(")|{filter}")),
    ]
}

/// Takes a filter away, with the spaces in front of it.
pub(super) fn without_filter(model: &Model, filter: &Location) -> Option<Edit> {
    let text = model.repo.file(&filter.path)?.text.as_str();
    let before = text.get(..filter.span.start)?;
    let start = before.trim_end_matches([' ', '\t']).len();
    let span = Span::new(start, filter.span.end);
    Some(Edit::replace(&filter.path, span, ""))
}
