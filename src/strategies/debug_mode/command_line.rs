//! Options of a command line as argparse, optparse and click declare them.

use ruff_python_ast::{Decorator, Expr, ExprCall};

pub(super) fn decorating_call(decorator: &Decorator) -> Option<&ExprCall> {
    match &decorator.expression {
        Expr::Call(call) => Some(call),
        _ => None,
    }
}

/// The texts among an option's positional arguments.
fn names_of(call: &ExprCall) -> impl Iterator<Item = &str> {
    call.arguments.args.iter().filter_map(|arg| match arg {
        Expr::StringLiteral(text) => Some(text.value.to_str()),
        _ => None,
    })
}

/// The name under which an option's value is stored.
pub(super) fn destination(call: &ExprCall) -> Option<String> {
    if let Some(Expr::StringLiteral(dest)) =
        call.arguments.find_keyword("dest").map(|dest| &dest.value)
    {
        return Some(dest.value.to_str().to_owned());
    }
    let plain = names_of(call).find(|name| !name.starts_with('-'));
    let long = names_of(call).find(|name| name.starts_with("--"));
    let short = names_of(call).find(|name| name.starts_with('-'));
    let name = plain.or(long).or(short)?;
    let name = name.split('/').next().unwrap_or(name);
    Some(name.trim_start_matches('-').replace('-', "_"))
}

pub(super) fn flag_of(call: &ExprCall) -> Option<&str> {
    let long = names_of(call).find(|name| name.starts_with("--"));
    let name = long.or_else(|| names_of(call).next())?;
    name.split('/').next()
}

/// Every spelling of an option that turns it on: `--debug`, `-d`, the first half of
/// `--debug/--no-debug`.
pub(super) fn flags_of(call: &ExprCall) -> impl Iterator<Item = &str> {
    let names = names_of(call).filter(|name| name.starts_with('-'));
    names.filter_map(|name| name.split('/').next())
}

pub(super) fn inverts(call: &ExprCall) -> bool {
    let action = call.arguments.find_keyword("action");
    matches!(action.map(|action| &action.value), Some(Expr::StringLiteral(text))
        if text.value.to_str() == "store_false")
}
