//! The address that production's server takes over from `app.run(host=…, port=…)`.

use ruff_python_ast::{Expr, ExprCall, Number};

use super::logic::environment_read;
use crate::edit::command;
use crate::model::Model;
use crate::model::deployment::{FlagKind, Form, Process, Server};
use crate::model::modules::ModuleId;
use crate::model::names::BindingKind;

/// What gunicorn is to bind where it takes the place of `process`.
pub(super) fn bind(model: &Model, process: &Process) -> String {
    let known = command::bind_address(&model.repo, process);
    let has_flag = [FlagKind::Bind, FlagKind::Port, FlagKind::Host]
        .iter()
        .any(|kind| process.flag(*kind).is_some());
    let Server::PythonScript { path } = &process.server else {
        return known;
    };
    let mut sites = model.calls.of("flask.Flask.run").iter();
    let site = sites.find(|site| *site.location.path == **path && !has_flag);
    let Some((site, call)) = site.and_then(|site| Some((site, site.call(&model.modules)?))) else {
        return known;
    };
    let (own_host, own_port) = known.rsplit_once(':').unwrap_or((&known, "5000"));
    let host = host(call).unwrap_or_else(|| own_host.to_owned());
    let port = call.arguments.find_argument_value("port", 1);
    let port = port.and_then(|port| number(model, site.module, port, process, 4));
    format!("{host}:{}", port.unwrap_or_else(|| own_port.to_owned()))
}

fn host(call: &ExprCall) -> Option<String> {
    let Expr::StringLiteral(host) = call.arguments.find_argument_value("host", 0)? else {
        return None;
    };
    let host = host.value.to_str();
    Some(match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    })
}

/// A port: a number, a name of one, or a variable that a shell can read as well.
fn number(
    model: &Model,
    module: ModuleId,
    expr: &Expr,
    process: &Process,
    steps: usize,
) -> Option<String> {
    let steps = steps.checked_sub(1)?;
    match expr {
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(int) => int.as_u16().map(|port| port.to_string()),
            _ => None,
        },
        Expr::StringLiteral(text) => {
            let port: u16 = text.value.to_str().parse().ok()?;
            Some(port.to_string())
        }
        Expr::Call(call) => {
            let callee = model.names.callee(&model.modules, module, &call.func);
            let dotted = callee.as_ref().and_then(|it| it.external()).unwrap_or("");
            if dotted == "int" || matches!(&*call.func, Expr::Name(name) if name.id == "int") {
                let inner = call.arguments.find_positional(0)?;
                return number(model, module, inner, process, steps);
            }
            let variable = environment_read(call, dotted)?;
            let default = call.arguments.find_argument_value("default", 1)?;
            let default = number(model, module, default, process, steps)?;
            let set = process.setting(&variable).and_then(|it| it.literal());
            Some(match (&process.form, set) {
                (_, Some(set)) if set.parse::<u16>().is_ok() => set.to_owned(),
                (Form::Shell(_), _) => format!("${{{variable}:-{default}}}"),
                _ => default,
            })
        }
        Expr::BoolOp(operation) => {
            let mut values = operation.values.iter().rev();
            values.find_map(|value| number(model, module, value, process, steps))
        }
        _ => {
            let name = model.names.qualify(&model.modules, module, expr)?;
            let definition = model.names.definition(&name)?;
            let BindingKind::Value(span) = definition.binding.kind else {
                return None;
            };
            let home = model.modules.get(definition.module);
            let value = home.expression_at(span)?;
            number(model, definition.module, value, process, steps)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wsgi_server::WsgiServer;
    use crate::strategies::testing;

    fn bound(run: &str, docker: &str) -> String {
        let source = format!(
            "import os\nfrom flask import Flask\napp = Flask(__name__)\nPORT = 8081\n\
             if __name__ == '__main__':\n    app.run({run})\n"
        );
        let docker = format!("FROM python\nUSER web\n{docker}\n");
        let texts = [("app.py", source.as_str()), ("Dockerfile", docker.as_str())];
        let after = testing::apply(&WsgiServer, &texts, "Dockerfile");
        let (_, rest) = after.split_once("--bind").unwrap();
        let start = rest.find(|it: char| it.is_alphanumeric()).unwrap();
        let rest = &rest[start..];
        rest[..rest.find([' ', '"', ',']).unwrap()].to_owned()
    }

    #[test]
    fn the_address_of_the_start_stays() {
        let array = "CMD [\"python\", \"app.py\"]";
        for (run, address) in [
            ("port=8080", "0.0.0.0:8080"),
            ("'127.0.0.1', 8080", "127.0.0.1:8080"),
            ("port=PORT", "0.0.0.0:8081"),
            ("port=int(os.environ.get('PORT', 9000))", "0.0.0.0:9000"),
            ("port=int(os.getenv('PORT') or 9000)", "0.0.0.0:9000"),
            ("", "0.0.0.0:5000"),
            ("port=choose()", "0.0.0.0:5000"),
        ] {
            assert_eq!(bound(run, array), address, "{run}");
        }
        let run = "port=int(os.environ.get('PORT', 9000))";
        assert_eq!(bound(run, "CMD python app.py"), "0.0.0.0:${PORT:-9000}");
        let exposed = "EXPOSE 7000\nCMD [\"python\", \"app.py\"]";
        assert_eq!(bound("", exposed), "0.0.0.0:7000");
    }
}
