//! Functions of the application that templates call: filters and globals. What a template hands
//! to them is known only once templates are read, see [`Flows::settle`].

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall, StmtFunctionDef};
use ruff_text_size::Ranged as _;

use super::call::Args;
use super::handler::Handler;
use super::heap::State;
use super::interp::{Frame, Interp};
use super::output::{Flows, Given, Outcome};
use super::value::{Func, Place, Source, Value, hash, mix};
use crate::finding::FlowStep;

/// What a decorator or a method makes of a function.
fn is_filter(name: &str) -> Option<bool> {
    match name {
        "template_filter"
        | "app_template_filter"
        | "add_template_filter"
        | "add_app_template_filter" => Some(true),
        "template_global"
        | "app_template_global"
        | "add_template_global"
        | "add_app_template_global" => Some(false),
        _ => None,
    }
}

impl<'a> Interp<'a> {
    /// `@app.template_filter("name")` and its like. Says whether the decorator is one.
    pub fn decorates_for_templates(
        &mut self,
        decorator: &str,
        call: Option<&'a ExprCall>,
        func: &Rc<Func<'a>>,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) -> bool {
        let Some(is_filter) = is_filter(decorator) else {
            return false;
        };
        let arguments = call.map(|call| &call.arguments);
        let named = arguments.and_then(|arguments| {
            let keyword = arguments
                .keywords
                .iter()
                .find(|it| it.arg.as_deref() == Some("name"));
            arguments
                .args
                .first()
                .or_else(|| keyword.map(|it| &it.value))
        });
        let name = named.and_then(|name| self.eval(name, st, fr).constant_str());
        let name = name.unwrap_or_else(|| func.name().to_owned());
        self.hand_out(&name, is_filter, func, st);
        true
    }

    /// `app.add_template_filter(function, "name")`, `jinja_env.filters.update(name=function)`.
    pub fn registers_for_templates(
        &mut self,
        receiver: &Value<'a>,
        name: &str,
        args: &Args<'a>,
        st: &State<'a>,
    ) -> bool {
        if let Some(is_filter) = is_filter(name) {
            if let Some(Value::Func(func)) = args.get(0, "f") {
                let named = args.get(1, "name").and_then(Value::constant_str);
                let name = named.unwrap_or_else(|| func.name().to_owned());
                self.hand_out(&name, is_filter, func, st);
            }
            return true;
        }
        let Some(is_filter) = table_of(receiver).filter(|_| name == "update") else {
            return false;
        };
        for (name, value) in &args.named {
            if let Value::Func(func) = value {
                self.hand_out(name, is_filter, func, st);
            }
        }
        if let Some(Value::Ref(id)) = args.pos.first()
            && let Some(super::heap::Obj::Dict(dict)) = st.get(*id).as_deref()
        {
            for (name, value) in &dict.entries {
                self.stored_for_templates(receiver, name, value, st);
            }
        }
        true
    }

    /// `app.jinja_env.filters["name"] = function`.
    pub fn stored_for_templates(
        &mut self,
        table: &Value<'a>,
        key: &Value<'a>,
        value: &Value<'a>,
        st: &State<'a>,
    ) {
        if let (Some(is_filter), Some(name), Value::Func(func)) =
            (table_of(table), key.constant_str(), value)
        {
            self.hand_out(&name, is_filter, func, st);
        }
    }

    /// Templates can call the function by this name.
    pub fn hand_out(&mut self, name: &str, is_filter: bool, func: &Rc<Func<'a>>, st: &State<'a>) {
        self.handlers
            .push(Handler::of_templates(name, is_filter, func, st));
    }

    /// What a template hands to such a function, by parameter.
    pub fn given_by_templates(
        &self,
        (name, is_filter): (&str, bool),
        def: &'a StmtFunctionDef,
        place: Place,
        args: &mut Args<'a>,
    ) {
        let parameters = def.parameters.iter_non_variadic_params();
        for (index, parameter) in parameters.skip(usize::from(takes_context(def))).enumerate() {
            let parameter = &parameter.parameter;
            let at = Place {
                module: place.module,
                span: parameter.range().into(),
            };
            let given = Given {
                function: name.to_owned(),
                is_filter,
                index,
                parameter: parameter.name.to_string(),
            };
            let kind = if is_filter { "filter" } else { "function" };
            let text = format!("what templates give to the {kind} `{name}`");
            let mut piece = self.source(at, mix(at.key(), hash("given")), &text);
            piece.source = Rc::new(Source {
                place: at,
                text: text.into(),
                given: Some(Box::new(given)),
            });
            args.named
                .push((parameter.name.as_str().into(), Value::piece(piece)));
        }
    }
}

/// Whether a value is a Jinja environment's table of filters (or of globals: `false`).
fn table_of(value: &Value<'_>) -> Option<bool> {
    let last = |name: &str| match name {
        "filters" => Some(true),
        "globals" => Some(false),
        _ => None,
    };
    match value {
        Value::Method(method) => {
            let of_environment = match &method.0 {
                Value::Method(inner) => &*inner.1 == "jinja_env",
                Value::Ref(_) => true,
                other => other.kind().is_some_and(|kind| kind.ends_with("jinja_env")),
            };
            last(&method.1).filter(|_| of_environment)
        }
        other => {
            let (environment, name) = other.kind()?.rsplit_once('.')?;
            let is_environment =
                environment.ends_with("jinja_env") || environment.ends_with("jinja2.Environment");
            last(name).filter(|_| is_environment)
        }
    }
}

/// Whether Jinja puts its own context in front of the arguments.
fn takes_context(def: &StmtFunctionDef) -> bool {
    def.decorator_list.iter().any(|decorator| {
        let name = match &decorator.expression {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return false,
        };
        name.starts_with("pass_")
            || name.contains("context") && name.ends_with("filter")
            || matches!(
                name,
                "contextfunction"
                    | "evalcontextfunction"
                    | "environmentfilter"
                    | "environmentfunction"
            )
    })
}

impl Flows {
    /// Keeps of what templates hand to functions that which is a client's: `way_to` tells how it
    /// gets to the template, or that nothing of a client's is given.
    pub fn settle(&mut self, way_to: impl Fn(&Given) -> Option<Vec<FlowStep>>) {
        for call in &mut self.calls {
            let Outcome::Tainted { pieces } = &mut call.outcome else {
                continue;
            };
            let mut way = None;
            pieces.retain(|piece| match &piece.given {
                Some(given) => {
                    let found = way_to(given);
                    let is_given = found.is_some();
                    way = way.take().or(found);
                    is_given
                }
                None => true,
            });
            if pieces.is_empty() {
                call.outcome = Outcome::Clean;
                call.steps.clear();
                call.weak_checks.clear();
            } else if let Some(mut steps) =
                way.filter(|_| pieces.iter().all(|it| it.given.is_some()))
            {
                steps.append(&mut call.steps);
                call.steps = steps;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::Model;
    use crate::model::flow::Sink;
    use std::sync::Arc;

    fn marks(register: &str, template: &str) -> bool {
        let source = format!(
            "from flask import Flask, render_template, request\nfrom markupsafe import Markup\napp = Flask(__name__)\n\
             {register}\n@app.get('/')\ndef view():\n    return render_template('a.html', q=request.args['q'], n=3)\n"
        );
        let files = [("app.py", source.as_str()), ("templates/a.html", template)];
        let model = Model::build(Arc::new(Repository::from_texts(files)));
        let mut calls = model.flows.of_sink(|sink| *sink == Sink::Markup);
        calls.any(crate::model::flow::SinkCall::is_tainted)
    }

    const BODY: &str = "def bold(value):\n    return Markup('<b>' + value + '</b>')\n";

    #[test]
    fn what_templates_give_to_filters_and_functions_is_followed() {
        for register in [
            format!("@app.template_filter()\n{BODY}"),
            format!("@app.template_filter('bold')\n{BODY}"),
            format!("{BODY}app.add_template_filter(bold)\n"),
            format!("{BODY}app.jinja_env.filters['bold'] = bold\n"),
            format!("{BODY}app.jinja_env.filters.update(bold=bold)\n"),
            format!("{BODY}def setup(app):\n    app.jinja_env.filters['bold'] = bold\n"),
        ] {
            assert!(marks(&register, "{{ q|bold }}"), "{register}");
            assert!(
                !marks(&register, "{{ n|bold }}{{ q }}{{ q|other }}"),
                "{register}"
            );
            assert!(!marks(&register, "{{ q|e|bold }}"), "{register}");
        }
        for register in [
            format!("@app.template_global()\n{BODY}"),
            format!("{BODY}app.jinja_env.globals['bold'] = bold\n"),
            format!("{BODY}@app.context_processor\ndef more():\n    return dict(bold=bold)\n"),
        ] {
            assert!(marks(&register, "{{ bold(q) }}"), "{register}");
            assert!(marks(&register, "{{ bold(value=q) }}"), "{register}");
            assert!(!marks(&register, "{{ bold(n) }}{{ q|bold }}"), "{register}");
        }
    }
}
