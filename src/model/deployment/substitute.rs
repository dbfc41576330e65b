//! `"$@"`, `$1` and known variables put into the words of a command.

use super::Form;
use super::argv::Arg;
use super::scope::Scope;
use super::values;
use crate::parse::mapped::Mapped;
use crate::parse::shell;
use crate::text::Span;

/// The words as the program receives them, as far as the files tell.
pub(super) fn substituted(args: Vec<Arg>, scope: &Scope) -> Vec<Arg> {
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        let by_shell = matches!(arg.form, Form::Shell(_) | Form::Nested);
        if !by_shell || !arg.text().contains('$') {
            out.push(arg);
            continue;
        }
        match arg.text() {
            "$@" | "$*" | "${@}" | "${*}" => out.extend(scope.arguments.iter().cloned()),
            "$0" if scope.zeroth.is_some() => out.extend(scope.zeroth.clone()),
            _ => one(arg, scope, &mut out),
        }
    }
    out
}

fn one(arg: Arg, scope: &Scope, out: &mut Vec<Arg>) {
    let text = scope.expand(arg.text());
    if text == arg.text() || text.is_empty() {
        out.push(arg);
        return;
    }
    let quoted = arg.span.len() != arg.text().len();
    let origin = values::single_name(arg.text()).and_then(|name| scope.origin(name));
    // A word that is one variable stands where the variable is set; of any other the parts lie
    // in several places, and all of them point at the word.
    let (value, path) = match origin {
        Some((value, path)) => (value, path),
        None => {
            let mut value = Mapped::default();
            value.push_decoded(&text, arg.value.source(Span::new(0, arg.text().len())));
            (value, arg.path.clone())
        }
    };
    if quoted {
        let span = value.source(Span::new(0, value.as_str().len()));
        out.push(Arg {
            value,
            path,
            span,
            inner_form: Form::Nested,
            ..arg
        });
        return;
    }
    // Unquoted expansions fall apart into words (`$GUNICORN_ARGS`).
    for word in shell::split(&value) {
        out.push(Arg {
            value: word.value,
            path: path.clone(),
            span: word.span,
            inner_form: Form::Nested,
            ..arg.clone()
        });
    }
}
