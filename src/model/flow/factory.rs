//! What a factory keeps in attributes of the application, for `current_app` to be found through.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::heap::{Obj, State};
use super::interp::Interp;
use super::value::{ObjId, Place, Value};
use crate::model::modules::ModuleId;

/// Attributes that Flask itself gives an application.
const OWN: &[&str] = &[
    "config",
    "logger",
    "root_path",
    "instance_path",
    "static_folder",
    "static_url_path",
    "extensions",
    "jinja_env",
    "name",
    "debug",
    "testing",
    "url_map",
    "view_functions",
    "import_name",
    "template_folder",
    "secret_key",
    "blueprints",
    "json",
    "response_class",
    "make_response",
    "send_static_file",
    "open_resource",
    "open_instance_resource",
    "test_client",
    "test_request_context",
    "app_context",
    "ensure_sync",
    "url_for",
    "register_blueprint",
    "before_request_funcs",
    "permanent_session_lifetime",
    "session_interface",
    "create_jinja_environment",
    "login_manager",
    "wsgi_app",
    "error_handler_spec",
    "jinja_loader",
    "cli",
    "get_send_file_max_age",
    "handle_exception",
    "_get_current_object",
];

/// An attribute's value, and the objects that it refers to.
pub(super) type Attribute<'a> = (Value<'a>, Vec<(ObjId, Rc<Obj<'a>>)>);

impl<'a> Interp<'a> {
    /// Keeps `app.store = Store(…)`.
    pub fn keep_on_application(
        &mut self,
        object: &Value<'a>,
        name: &str,
        value: &Value<'a>,
        st: &State<'a>,
    ) {
        let is_own = match value {
            Value::Ref(id) => match st.get(*id).as_deref() {
                Some(Obj::Instance(instance)) => matches!(instance.class, Value::Ref(_)),
                Some(Obj::List(_) | Obj::Dict(_)) => true,
                _ => false,
            },
            Value::Str(_) => true,
            _ => false,
        };
        if !is_own || !is_application(object) || !self.deep_pieces(value, st).is_empty() {
            return;
        }
        if let Some(objects) = self.reachable(value, st) {
            self.app_attributes
                .insert(name.to_owned(), (value.clone(), objects));
        }
    }

    /// `current_app.store`.
    pub fn of_application(&self, name: &str, st: &mut State<'a>) -> Option<Value<'a>> {
        let (value, objects) = self.app_attributes.get(name)?;
        for (id, object) in objects {
            if st.get(*id).is_none() {
                st.adopt(*id, object);
            }
        }
        Some(value.clone())
    }

    /// Runs the factories that keep what other modules ask `current_app` for.
    pub fn run_factories(&mut self) {
        let modules = self.modules;
        let text = |id: ModuleId| modules.get(id).file.text.as_str();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (id, _) in modules.iter() {
            names.extend(asked_for(text(id)));
        }
        if names.is_empty() {
            return;
        }
        let kept: Vec<String> = names.iter().map(|name| format!("app.{name} = ")).collect();
        let keeps = |text: &str| kept.iter().any(|it| text.contains(it.as_str()));
        if !modules.iter().any(|(id, _)| keeps(text(id))) {
            return;
        }
        // An extension does it in its `init_app`.
        let keeps = |text: &str| text.contains("init_app(") || keeps(text);
        for (id, _) in modules.iter() {
            if !text(id).contains("Flask(") || !keeps(text(id)) {
                continue;
            }
            self.refill();
            self.module_scope(id);
            for (func, class) in self.functions_of(id) {
                let place = Place {
                    module: id,
                    span: func.span(),
                };
                if !self.ran.contains(&place) && keeps(self.source_text(place)) {
                    self.run_registrar(&func, class);
                }
            }
        }
    }
}

fn is_application(object: &Value<'_>) -> bool {
    object
        .kind()
        .is_some_and(|kind| matches!(&**kind, "flask.Flask" | "flask.current_app"))
}

/// The attributes that a module asks `current_app` for, besides Flask's own.
fn asked_for(text: &str) -> impl Iterator<Item = &str> {
    let found = text.match_indices("current_app.").map(|(at, asked)| {
        let rest = &text[at + asked.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    found.filter(|name| !name.is_empty() && !OWN.contains(name))
}

#[cfg(test)]
mod tests {
    use super::asked_for;
    use crate::model::flow::marked::judge;

    #[test]
    fn own_attributes_are_asked_for() {
        let text = "current_app.config['A']; current_app.store.get(x)\ncurrent_app.logger.info(1)";
        assert_eq!(asked_for(text).collect::<Vec<_>>(), ["store"]);
    }

    #[test]
    fn a_factory_keeps_services_on_the_application() {
        judge(&[
            (
                "shop/__init__.py",
                "from flask import Flask\nfrom .store import Store\nfrom .views import bp\n\ndef create_app():\n    \
                 app = Flask(__name__)\n    app.store = Store('/srv/files')\n    app.register_blueprint(bp)\n    return app\n",
            ),
            (
                "shop/store.py",
                "import os\nfrom werkzeug.utils import safe_join\n\nclass Store:\n    def __init__(self, root):\n        self.root = root\n\n    \
                 def read(self, name):\n        return open(os.path.join(self.root, name)).read()  # bad\n\n    \
                 def checked(self, name):\n        path = safe_join(self.root, name)\n        return open(path).read() if path else None\n",
            ),
            (
                "shop/views.py",
                "from flask import Blueprint, current_app, jsonify\nbp = Blueprint('a', __name__)\n\n\
                 @bp.get('/a/<path:name>')\ndef a(name):\n    return jsonify(current_app.store.read(name))\n\n\
                 @bp.get('/b/<path:name>')\ndef b(name):\n    return jsonify(current_app.store.checked(name))\n",
            ),
        ]);
    }
}
