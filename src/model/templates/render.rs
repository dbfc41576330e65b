//! `render_template("…")` with a constant name.

use ruff_python_ast::Expr;

use crate::model::calls::Calls;
use crate::model::modules::{ModuleId, Modules};
use crate::parse::python::argument;
use crate::text::Location;

/// One call that renders a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Render {
    pub module: ModuleId,
    pub call: Location,
    /// The names it can render: one, or the members of a list or a conditional.
    pub names: Vec<String>,
}

pub(super) fn find(modules: &Modules, calls: &Calls) -> Vec<Render> {
    let mut found: Vec<Render> = ["flask.render_template", "flask.stream_template"]
        .iter()
        .flat_map(|name| calls.of(name))
        .filter_map(|site| {
            let call = site.call(modules)?;
            let name = argument(call, "template_name_or_list", Some(0))?;
            let mut names = Vec::new();
            constants(name, &mut names);
            Some(Render {
                module: site.module,
                call: site.location.clone(),
                names,
            })
        })
        .collect();
    found.sort_by(|a, b| a.call.cmp(&b.call));
    found
}

fn constants(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::StringLiteral(literal) => names.push(literal.value.to_str().to_owned()),
        Expr::List(list) => list.elts.iter().for_each(|it| constants(it, names)),
        Expr::Tuple(tuple) => tuple.elts.iter().for_each(|it| constants(it, names)),
        Expr::If(conditional) => {
            constants(&conditional.body, names);
            constants(&conditional.orelse, names);
        }
        _ => {}
    }
}
