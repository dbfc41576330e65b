//! Command lines to options and positional words.

use super::argv::Arg;
use crate::text::{Location, Span};

/// One option of a command line.
#[derive(Debug, Clone)]
pub(super) struct Opt {
    /// As written, without its value: `--bind`, `-b`.
    pub name: String,
    pub value: Option<OptValue>,
    /// With its value.
    pub location: Location,
}

#[derive(Debug, Clone)]
pub(super) struct OptValue {
    pub text: String,
    pub location: Location,
}

impl Opt {
    pub fn text(&self) -> &str {
        self.value.as_ref().map_or("", |value| &value.text)
    }
}

/// Splits words into options and positional words. `takes_value` says which options take the
/// next word along.
pub(super) fn split(args: &[Arg], takes_value: impl Fn(&str) -> bool) -> (Vec<Opt>, Vec<&Arg>) {
    let (mut options, mut words) = (Vec::new(), Vec::new());
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let text = arg.text();
        if text == "--" {
            words.extend(rest);
            break;
        }
        if !text.starts_with('-') || text.len() == 1 {
            words.push(arg);
            continue;
        }
        if let Some((name, value)) = attached(text, &takes_value) {
            let start = text.len() - value.len();
            options.push(Opt {
                name: name.to_owned(),
                value: Some(OptValue {
                    text: value.to_owned(),
                    location: arg.part(start, text.len()),
                }),
                location: arg.location(),
            });
            continue;
        }
        let value = match takes_value(text) {
            true => rest.next(),
            false => None,
        };
        options.push(Opt {
            name: text.to_owned(),
            value: value.map(|value| OptValue {
                text: value.text().to_owned(),
                location: inner(value),
            }),
            location: value.map_or_else(|| arg.location(), |value| joined(arg, value)),
        });
    }
    (options, words)
}

/// `--name=value` and `-w4`.
fn attached<'a>(text: &'a str, takes_value: &impl Fn(&str) -> bool) -> Option<(&'a str, &'a str)> {
    if text.starts_with("--") {
        return text.split_once('=');
    }
    let short = text.get(..2)?;
    let value = text.get(2..).filter(|value| !value.is_empty())?;
    takes_value(short).then(|| (short, value.strip_prefix('=').unwrap_or(value)))
}

/// The place of a word inside its quotes.
pub(super) fn inner(arg: &Arg) -> Location {
    match arg.text() {
        "" => arg.location(),
        text => arg.part(0, text.len()),
    }
}

/// From the flag to its value, if both stand in one command.
fn joined(flag: &Arg, value: &Arg) -> Location {
    if flag.path != value.path || flag.whole != value.whole || value.span.end < flag.span.start {
        return flag.location();
    }
    Location::new(&flag.path, Span::new(flag.span.start, value.span.end))
}
