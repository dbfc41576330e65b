//! A word for a shell, and text for the quotes that a file puts around it.

use crate::model::deployment::Quoting;

/// A word as a shell reads it back. `dollar` lets variables through. `avoid` is the quote that
/// the surroundings use up. `None` where no quotes fit.
pub(super) fn shell_word(word: &str, dollar: bool, avoid: Option<char>) -> Option<String> {
    let safe =
        |c: char| c.is_alphanumeric() || "_./:@%+,=-".contains(c) || (dollar && "${}".contains(c));
    // `{{ venv }}/bin/python`: what a template puts in is not known to need quotes.
    let written = without_tags(word);
    if !word.is_empty() && written.chars().all(safe) {
        return Some(word.to_owned());
    }
    let fits = |quote: &char| {
        let in_double =
            *quote == '"' && word.contains(['`', '\\', '!']) | (!dollar && word.contains('$'));
        let hides_variable = *quote == '\'' && dollar && word.contains('$');
        !word.contains(*quote) && !in_double && !hides_variable
    };
    let order = if avoid == Some('\'') {
        ['"', '\'']
    } else {
        ['\'', '"']
    };
    let quote = order
        .into_iter()
        .find(|quote| fits(quote) && avoid != Some(*quote));
    let quote = quote.or_else(|| order.into_iter().find(fits))?;
    Some(format!("{quote}{word}{quote}"))
}

/// The word without the template tags in it.
fn without_tags(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, tag)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((_, behind)) = tag.split_once("}}") else {
            return word.to_owned();
        };
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A word for a program that splits its command line itself: only blanks and quotes matter.
pub(super) fn split_word(word: &str, avoid: Option<char>) -> Option<String> {
    let plain = !word.contains([' ', '\t', '"', '\'', '\\', '#', ';']) && !word.is_empty();
    match plain {
        true => Some(word.to_owned()),
        false => shell_word(word, false, avoid),
    }
}

/// The quote character that `quoting` uses up.
pub(super) const fn used_quote(quoting: Quoting) -> Option<char> {
    match quoting {
        Quoting::YamlSingle => Some('\''),
        Quoting::YamlDouble | Quoting::Json => Some('"'),
        Quoting::Word(quote)
        | Quoting::Groovy(quote)
        | Quoting::Python(quote)
        | Quoting::Within(_, quote) => Some(quote),
        Quoting::Bare | Quoting::YamlPlain | Quoting::YamlBlock => None,
    }
}

/// Text as it is written inside `quoting`; `None` where it cannot stand there.
pub(super) fn inside(text: &str, quoting: Quoting) -> Option<String> {
    match quoting {
        Quoting::Bare | Quoting::YamlBlock => Some(text.to_owned()),
        Quoting::YamlPlain => {
            (!text.contains(": ") && !text.contains(" #")).then(|| text.to_owned())
        }
        Quoting::YamlSingle => Some(text.replace('\'', "''")),
        Quoting::YamlDouble | Quoting::Json => Some(escaped(text)),
        Quoting::Word('"') => Some(text.replace('\\', "\\\\").replace('"', "\\\"")),
        Quoting::Word(quote) => (!text.contains(quote)).then(|| text.to_owned()),
        Quoting::Within(outer, inner) => {
            (!text.contains([outer, inner, '\\'])).then(|| text.to_owned())
        }
        Quoting::Groovy(quote) => {
            let refused = text.contains([quote, '\\']) || (quote == '"' && text.contains('$'));
            (!refused).then(|| text.to_owned())
        }
        // A string may be formatted: `{` and `%` would be taken for places to fill in.
        Quoting::Python(quote) => {
            let refused = text.contains([quote, '\\', '{', '}', '%', '\n']);
            (!refused).then(|| text.to_owned())
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Text as a JSON string, which is a YAML scalar as well.
pub(super) fn json(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}
