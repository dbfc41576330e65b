//! Parts of a text by position.

use std::rc::Rc;

use super::interp::Interp;
use super::text::{SURVIVES_CASE, SURVIVES_CUTTING};
use super::value::{Note, Part, Place, Str, Value, hash, mix};

impl<'a> Interp<'a> {
    /// `text[a:b:c]`.
    pub fn slice_text(
        &self,
        text: &Str<'a>,
        bounds: &[Option<Value<'a>>; 3],
        place: Place,
    ) -> Value<'a> {
        if let Some(constant) = text.constant()
            && let Some(sliced) = slice_constant(&constant, bounds)
        {
            let mut sliced = Str::literal(sliced);
            sliced.kind = text.kind;
            return Value::str(sliced);
        }
        let from_start = matches!(bounds[0], None | Some(Value::Int(0)));
        let whole = from_start && bounds[1].is_none() && bounds[2].is_none();
        if whole {
            return Value::str(text.clone());
        }
        // Literal text at either end that the bounds cut off exactly.
        if let Some(exact) = slice_parts(text, bounds) {
            return Value::str(exact);
        }
        let keep = if from_start {
            SURVIVES_CASE
        } else {
            SURVIVES_CUTTING
        };
        let operation = bounds
            .iter()
            .flatten()
            .fold(hash("slice"), |key, bound| mix(key, bound.key()));
        let parts = text.parts.iter().map(|part| match part {
            Part::Taint(piece) => {
                let piece = piece.derive(operation, keep);
                Part::Taint(Rc::new(
                    piece.step(place, Note::Through("is sliced".into())),
                ))
            }
            Part::Lit(literal) => Part::Hole(mix(hash(literal), operation)),
            other => other.clone(),
        });
        let parts = parts.collect();
        Value::str(Str::of(text.kind, parts))
    }

    /// `list("…")` and the like: every character.
    pub fn characters(&self, text: &Str<'a>) -> Option<Vec<Value<'a>>> {
        let constant = text.constant().filter(|text| text.len() <= 64)?;
        Some(
            constant
                .chars()
                .map(|c| Value::text(c.to_string()))
                .collect(),
        )
    }
}

fn slice_constant(text: &str, bounds: &[Option<Value<'_>>; 3]) -> Option<String> {
    let characters = sliced(text.chars().collect(), bounds)?;
    Some(characters.into_iter().collect())
}

/// What is between constant bounds; nothing for other bounds and steps.
pub(super) fn sliced<T: Clone>(
    mut items: Vec<T>,
    bounds: &[Option<Value<'_>>; 3],
) -> Option<Vec<T>> {
    let length = i64::try_from(items.len()).ok()?;
    let bound = |bound: &Option<Value<'_>>, default: i64| match bound {
        None | Some(Value::None) => Some(default),
        Some(Value::Int(at)) if *at < 0 => Some((length + at).max(0)),
        Some(Value::Int(at)) => Some((*at).min(length)),
        _ => None,
    };
    match &bounds[2] {
        None | Some(Value::Int(1)) => {
            let from = usize::try_from(bound(&bounds[0], 0)?).ok()?;
            let to = usize::try_from(bound(&bounds[1], length)?).ok()?;
            Some(items.get(from..to.max(from)).unwrap_or_default().to_vec())
        }
        Some(Value::Int(-1)) if bounds[0].is_none() && bounds[1].is_none() => {
            items.reverse();
            Some(items)
        }
        _ => None,
    }
}

/// Cuts literal text off both ends; nothing when a bound falls into a part of unknown length.
fn slice_parts<'a>(text: &Str<'a>, bounds: &[Option<Value<'a>>; 3]) -> Option<Str<'a>> {
    if bounds[2].is_some() {
        return None;
    }
    let mut parts = text.parts.clone();
    let from = match &bounds[0] {
        None => 0,
        Some(Value::Int(at)) => usize::try_from(*at).ok()?,
        _ => return None,
    };
    let until = match &bounds[1] {
        None => 0,
        Some(Value::Int(at)) if *at < 0 => usize::try_from(-at).ok()?,
        _ => return None,
    };
    if from > 0 {
        let Some(Part::Lit(first)) = parts.first() else {
            return None;
        };
        let rest = first.get(from..)?.to_owned();
        parts[0] = Part::Lit(rest.into());
    }
    if until > 0 {
        let at = parts.len() - 1;
        let Part::Lit(last) = &parts[at] else {
            return None;
        };
        let rest = last.get(..last.len().checked_sub(until)?)?.to_owned();
        parts[at] = Part::Lit(rest.into());
    }
    let mut out = Str::new(text.kind);
    parts.into_iter().for_each(|part| out.push(part));
    Some(out)
}
