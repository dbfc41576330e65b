//! The words of a command, from wherever they are written.

use std::sync::Arc;

use super::{Form, Quoting, Word};
use crate::parse::dockerfile::Item;
use crate::parse::mapped::Mapped;
use crate::parse::{shell, yaml};
use crate::text::{Location, Span};

/// One word of a command, with what a reader and an editor need to know of its surroundings.
#[derive(Debug, Clone)]
pub(super) struct Arg {
    /// Unquoted; leads back to the file, so that `sh -c "…"` can be read in turn.
    pub value: Mapped,
    pub path: Arc<str>,
    /// Quotes included.
    pub span: Span,
    /// The command that it is a word of.
    pub whole: Location,
    pub form: Form,
    /// The form of a command that is written inside this word.
    pub inner_form: Form,
}

impl Arg {
    pub fn text(&self) -> &str {
        self.value.as_str()
    }

    pub fn location(&self) -> Location {
        Location::new(&self.path, self.span)
    }

    pub fn word(&self) -> Word {
        Word {
            text: self.text().to_owned(),
            location: self.location(),
        }
    }

    /// The place of a part of the word.
    pub fn part(&self, start: usize, end: usize) -> Location {
        Location::new(&self.path, self.value.source(Span::new(start, end)))
    }

    /// The name of the program, were this the first word.
    pub fn program(&self) -> &str {
        let text = self.text();
        text.rsplit('/').next().unwrap_or(text)
    }
}

/// The words of a shell command that stands in text of this form.
pub(super) fn of_shell(command: &shell::Command, path: &Arc<str>, form: Form) -> Vec<Arg> {
    of_words(&command.words, path, command.span, form)
}

/// The words of text that no shell reads.
pub(super) fn of_split(text: &Mapped, path: &Arc<str>, whole: Span, form: Form) -> Vec<Arg> {
    of_words(&shell::split(text), path, whole, form)
}

fn of_words(words: &[shell::Word], path: &Arc<str>, whole: Span, form: Form) -> Vec<Arg> {
    let arg = |word: &shell::Word| Arg {
        value: word.value.clone(),
        path: Arc::clone(path),
        span: word.span,
        whole: Location::new(path, whole),
        form,
        inner_form: inside_quotes(word, form),
    };
    words.iter().map(arg).collect()
}

/// The form of a command written in a quoted word (`sh -c "flask run"`): it can be edited as long
/// as nothing in it is escaped.
fn inside_quotes(word: &shell::Word, form: Form) -> Form {
    let unescaped = word.span.len() == word.text().len() + 2;
    let (Form::Shell(around) | Form::Words(around), Some(quote), true) =
        (form, word.quote, unescaped)
    else {
        return Form::Nested;
    };
    match around {
        Quoting::Bare | Quoting::YamlBlock | Quoting::YamlPlain => {
            Form::Shell(Quoting::Word(quote))
        }
        Quoting::YamlSingle if quote != '\'' => Form::Shell(Quoting::Within('\'', quote)),
        Quoting::YamlDouble if quote != '"' => Form::Shell(Quoting::Within('"', quote)),
        _ => Form::Nested,
    }
}

/// The items of a Dockerfile's exec form.
pub(super) fn of_items(items: &[Item], path: &Arc<str>, whole: Span) -> Vec<Arg> {
    let arg = |item: &Item| Arg {
        value: item.value.clone(),
        path: Arc::clone(path),
        span: item.span,
        whole: Location::new(path, whole),
        form: Form::Array,
        inner_form: Form::Shell(Quoting::Json),
    };
    items.iter().map(arg).collect()
}

/// The items of a YAML sequence.
pub(super) fn of_sequence(node: yaml::Node<'_>, path: &Arc<str>) -> Vec<Arg> {
    let form = if node.is_flow() {
        Form::Array
    } else {
        Form::Items
    };
    let whole = node.resolved().span();
    let arg = |item: yaml::Node<'_>| {
        let scalar = item.scalar()?;
        Some(Arg {
            value: scalar.value.clone(),
            path: Arc::clone(path),
            span: item.span(),
            whole: Location::new(path, whole),
            form,
            inner_form: Form::Shell(quoting_of(scalar.style)),
        })
    };
    node.items().filter_map(arg).collect()
}

/// A YAML scalar as one word, or the items of a sequence.
pub(super) fn of_node(node: yaml::Node<'_>, path: &Arc<str>) -> Vec<Arg> {
    let Some(scalar) = node.scalar() else {
        return of_sequence(node, path);
    };
    vec![Arg {
        value: scalar.value.clone(),
        path: Arc::clone(path),
        span: node.span(),
        whole: Location::new(path, node.span()),
        form: Form::Items,
        inner_form: Form::Shell(quoting_of(scalar.style)),
    }]
}

/// How a YAML scalar quotes what is written in it.
pub(super) const fn quoting_of(style: yaml::Style) -> Quoting {
    match style {
        yaml::Style::Plain => Quoting::YamlPlain,
        yaml::Style::Single => Quoting::YamlSingle,
        yaml::Style::Double => Quoting::YamlDouble,
        yaml::Style::Literal | yaml::Style::Folded => Quoting::YamlBlock,
    }
}

/// Text for a shell, as the words `/bin/sh -c text`.
pub(super) fn shell_form(text: &Mapped, path: &Arc<str>, span: Span, form: Form) -> Vec<Arg> {
    let made = |word: &str| {
        let mut value = Mapped::default();
        value.push_decoded(word, Span::at(span.start));
        Arg {
            value,
            path: Arc::clone(path),
            span: Span::at(span.start),
            whole: Location::new(path, span),
            form,
            inner_form: Form::Nested,
        }
    };
    let script = Arg {
        value: text.clone(),
        path: Arc::clone(path),
        span,
        whole: Location::new(path, span),
        form,
        inner_form: form,
    };
    vec![made("/bin/sh"), made("-c"), script]
}
