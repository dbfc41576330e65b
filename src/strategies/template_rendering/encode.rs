//! The patches of `template-attribute`: values that fit their place in a page.

use super::template_attribute::Weakness;
use super::values::{self, Arrival};
use crate::finding::{Edit, Patch, PatchKind};
use crate::model::Model;
use crate::model::templates::{Output, Template};
use crate::parse::html::Place;
use crate::parse::jinja::{Expr, ExprKind};
use crate::text::{Location, Span};

/// What makes the value fit its place; nothing where that is a person's to decide.
pub(super) fn mend(
    model: &Model,
    template: &Template,
    output: &Output,
    weakness: Weakness,
    arrival: Option<&Arrival>,
) -> Option<Patch> {
    let expr = template.expression(output)?;
    let is_raw = output.parts.iter().any(|part| part.raw.is_some());
    let safe = |title: &str, guarantees: &str| Patch::new(PatchKind::Safe, title, guarantees);
    Some(match weakness {
        Weakness::Unquoted => safe(
            "Put quotes around the attribute's value",
            "The value cannot leave its attribute",
        )
        .edits(quoted(template, output)?),
        Weakness::JsonInQuotes => safe(
            "Escape the JSON for the attribute",
            "The quotes of the JSON do not end the attribute",
        )
        .edits(values::filtered(template, expr, "forceescape")),
        Weakness::Link => check_scheme(template, output, expr, arrival)?,
        Weakness::Handler => {
            let edits = handler(model, template, output, expr)?;
            safe(
                "Hand the value to the event handler as JSON",
                "The value is a string of the script, whatever it holds",
            )
            .edits(edits)
        }
        Weakness::Code => Patch::new(
            PatchKind::Review,
            "Hand the value to the script as JSON",
            "The value is a value of the script, whatever it holds",
        )
        .edits(json(model, template, expr, "tojson")?)
        .may_break(match is_raw {
            true => {
                "a value that is JSON text already becomes a string: hand the object itself \
                     to the template"
            }
            false => "a number that is kept as text becomes a string of the script",
        }),
        Weakness::Text(quote) => in_text(model, template, output, expr, quote)?,
        Weakness::Tag | Weakness::Comment => return None,
    })
}

/// Quotes around the whole value that the output is part of.
fn quoted(template: &Template, output: &Output) -> Option<Vec<Edit>> {
    let Place::Attribute(value) = &output.place else {
        return None;
    };
    let attributes = template.tags.iter().flat_map(|tag| &tag.attributes);
    let mut spans = attributes.filter_map(|attribute| attribute.value);
    let span = spans.find(|span| span.start == value.start)?;
    let quote = template.quote();
    let at = template.location(span);
    if template.source(span).contains(quote) && template.is_inline() {
        return None;
    }
    Some(vec![
        Edit::insert(&at.path, at.span.start, quote.to_string()),
        Edit::insert(&at.path, at.span.end, quote.to_string()),
    ])
}

/// Replaces what escapes `expr`, or marks it as safe, by `filter`.
fn json(model: &Model, template: &Template, expr: &Expr, filter: &str) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut inner = expr;
    while let ExprKind::Filter {
        value,
        name,
        filter: at,
        ..
    } = &inner.kind
        && matches!(name.as_str(), "safe" | "e" | "escape" | "string")
    {
        edits.push(values::without_filter(model, &template.location(*at))?);
        inner = value;
    }
    let at = template.location(inner.span);
    let end = template.location(expr.span).span.end;
    match values::filtered(template, inner, filter).as_slice() {
        [_] if edits.is_empty() => edits.push(Edit::insert(&at.path, end, format!("|{filter}"))),
        [_] => {
            // The insertion takes the place of the first filter that goes.
            let span = Span::new(at.span.end, end);
            edits = vec![Edit::replace(&at.path, span, format!("|{filter}"))];
        }
        more if edits.is_empty() => edits.extend(more.iter().cloned()),
        [open, _] => {
            let span = Span::new(at.span.end, end);
            edits = vec![
                open.clone(),
                Edit::replace(&at.path, span, format!(")|{filter}")),
            ];
        }
        _ => return None,
    }
    Some(edits)
}

/// `onclick="go('{{ x }}')"` → `onclick="go({{ x|tojson|forceescape }})"`.
fn handler(model: &Model, template: &Template, output: &Output, expr: &Expr) -> Option<Vec<Edit>> {
    let mut edits = json(model, template, expr, "tojson|forceescape")?;
    let Place::Attribute(value) = &output.place else {
        return None;
    };
    let before = template.source(Span::new(value.start, output.span.start));
    let quotes = ['\'', '"', '`'];
    let opened = quotes
        .iter()
        .find(|quote| Some(**quote) != value.quote && before.matches(**quote).count() % 2 == 1);
    let Some(quote) = opened else {
        return Some(edits);
    };
    // Only a string that is nothing but the value can go as a whole.
    edits.extend(bare(template, output, *quote)?);
    Some(edits)
}

/// The edits that take the quotes away which directly enclose the output.
fn bare(template: &Template, output: &Output, quote: char) -> Option<[Edit; 2]> {
    let text = template.text();
    let encloses =
        text[..output.span.start].ends_with(quote) && text[output.span.end..].starts_with(quote);
    if !encloses {
        return None;
    }
    let at: Location = template.location(output.span);
    Some([
        Edit::replace(&at.path, Span::new(at.span.start - 1, at.span.start), ""),
        Edit::replace(&at.path, Span::new(at.span.end, at.span.end + 1), ""),
    ])
}

/// `"{{ x }}"` → `{{ x|tojson }}`, `"/a/{{ x }}"` → `"/a/" + {{ x|tojson }}`.
fn in_text(
    model: &Model,
    template: &Template,
    output: &Output,
    expr: &Expr,
    quote: char,
) -> Option<Patch> {
    let mut edits = json(model, template, expr, "tojson")?;
    let guarantees = "The value is a string of the script, whatever it holds";
    let title = "Hand the value to the script as JSON";
    let at = template.location(output.span);
    if quote == '`' {
        edits.push(Edit::insert(&at.path, at.span.start, "${ "));
        edits.push(Edit::insert(&at.path, at.span.end, " }"));
        return Some(Patch::new(PatchKind::Safe, title, guarantees).edits(edits));
    }
    if let Some(bare) = bare(template, output, quote) {
        return Some(
            Patch::new(PatchKind::Safe, title, guarantees)
                .edits(edits)
                .edits(bare),
        );
    }
    let text = template.text();
    let first = text[..output.span.start].ends_with(quote);
    let last = text[output.span.end..].starts_with(quote);
    let (start, end) = (at.span.start, at.span.end);
    edits.push(match first {
        true => Edit::replace(&at.path, Span::new(start - 1, start), ""),
        false => Edit::insert(&at.path, start, format!("{quote} + ")),
    });
    edits.push(match last {
        true => Edit::replace(&at.path, Span::new(end, end + 1), ""),
        false => Edit::insert(&at.path, end, format!(" + {quote}")),
    });
    Some(
        Patch::new(PatchKind::Review, title, guarantees)
            .edits(edits)
            .may_break(
                "the string becomes a sum: it must not be a key of an object or a directive",
            ),
    )
}

/// A link that is kept only when it begins as links do.
fn check_scheme(
    template: &Template,
    output: &Output,
    expr: &Expr,
    arrival: Option<&Arrival>,
) -> Option<Patch> {
    let Place::Attribute(value) = &output.place else {
        return None;
    };
    // A script or a frame from anywhere is no better than one of a bad scheme.
    if matches!(
        value.element.as_str(),
        "script" | "iframe" | "embed" | "object" | "base"
    ) {
        return None;
    }
    let simple = matches!(
        expr.kind,
        ExprKind::Name(_) | ExprKind::Attribute { .. } | ExprKind::Index { .. }
    );
    // Inside a literal of the code, quotes of one kind are taken.
    if !simple || template.is_inline() {
        return None;
    }
    let source = template.source(expr.span);
    let at = template.location(expr.span);
    let check =
        format!("{source} if ({source} or '').startswith(('https://', 'http://', '/')) else '#'");
    let patch = Patch::new(
        PatchKind::Review,
        "Follow only links to http and https",
        "The link runs no script",
    )
    .edit(Edit::replace(&at.path, at.span, check))
    .may_break("relative links without a leading slash and mailto: links become \"#\"");
    Some(match arrival {
        Some(_) => patch.follow_up(
            "A link of a client's choice can still lead to another site; compare its host if it \
             must not.",
        ),
        None => patch,
    })
}
