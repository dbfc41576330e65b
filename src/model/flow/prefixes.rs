//! Parameters of URL prefixes: `Blueprint(…, url_prefix="/<tenant>")`.

use std::collections::BTreeSet;

use super::handler::rule_parameters;
use crate::model::modules::Modules;
use crate::parse::python::keyword_literals;

/// The parameters of every URL prefix of the repository, as (name, converter). A view of a
/// blueprint gets them besides those of its own rule.
pub(super) fn find(modules: &Modules) -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    for (_, module) in modules.iter() {
        for prefix in keyword_literals(module.file.text.as_str(), "url_prefix") {
            for (converter, name) in rule_parameters(prefix) {
                found.insert((name.to_owned(), converter.to_owned()));
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn opens(prefix: &str) -> usize {
        let source = format!(
            "from flask import Blueprint, Flask\nbp = Blueprint('b', __name__, {prefix})\n@bp.get('/x')\ndef view(tenant):\n    return {{'t': open('/srv/' + tenant).read()}}\napp = Flask(__name__)\napp.register_blueprint(bp)\n"
        );
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let flows = analyse(&Modules::parse(&repo));
        let calls = flows.of_sink(|sink| matches!(sink, Sink::File(_)));
        calls.filter(|call| call.is_tainted()).count()
    }

    #[test]
    fn a_prefix_gives_its_parameters_to_views() {
        assert_eq!(opens("url_prefix='/<tenant>'"), 1);
        assert_eq!(opens("url_prefix = '/<path:tenant>/a'"), 1);
        for prefix in [
            "url_prefix='/<int:tenant>'",
            "url_prefix='/<other>'",
            "url_prefix='/tenant'",
        ] {
            assert_eq!(opens(prefix), 0, "{prefix}");
        }
    }
}
