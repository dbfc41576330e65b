//! What functions that run after views make of their answers.

use std::collections::{HashMap, HashSet};

use super::value::Key;

/// Whose answers get a content type in which no script runs.
#[derive(Default)]
pub(super) struct Answers {
    /// The repository holds one application: what it registers holds for every view.
    pub has_one_app: bool,
    /// Applications and blueprints whose answers are all plain.
    plain: HashSet<Key>,
    every_one_is_plain: bool,
    /// The applications that a blueprint is registered with.
    registered: HashMap<Key, Vec<Key>>,
    are_plain: bool,
    owner: Key,
}

impl Answers {
    /// A hook of `owner` makes answers plain: those of a whole application, or of a blueprint.
    pub fn note_plain(&mut self, owner: Key, is_of_app: bool) {
        self.plain.insert(owner);
        self.every_one_is_plain |= is_of_app && self.has_one_app;
    }

    pub fn note_registered(&mut self, app: Key, blueprint: Key) {
        let apps = self.registered.entry(blueprint).or_default();
        if !apps.contains(&app) {
            apps.push(app);
        }
    }

    /// A view of `owner` answers next.
    pub fn begin(&mut self, owner: Key) {
        self.owner = owner;
        let mut apps = self.registered.get(&owner).into_iter().flatten().peekable();
        let of_apps = apps.peek().is_some() && apps.all(|app| self.plain.contains(app));
        self.are_plain = self.every_one_is_plain || of_apps || self.plain.contains(&owner);
    }

    /// Whose view answers.
    pub const fn owner(&self) -> Key {
        self.owner
    }

    pub const fn are_plain(&self) -> bool {
        self.are_plain || self.every_one_is_plain
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::Repository;
    use crate::model::flow::{Sink, analyse};
    use crate::model::modules::Modules;

    fn html(files: &[(&str, &str)]) -> Vec<String> {
        let repo = Repository::from_texts(files.iter().copied());
        let flows = analyse(&Modules::parse(&repo));
        let calls = flows.of_sink(|sink| *sink == Sink::HtmlResponse);
        let tainted = calls.filter(|call| call.is_tainted());
        tainted.map(|call| call.call.path.to_string()).collect()
    }

    const HOOK: &str =
        "def text(response):\n    response.mimetype = 'text/plain'\n    return response\n";

    #[test]
    fn a_blueprints_hook_holds_for_its_own_views() {
        let source = |owner: &str| {
            format!(
                "from flask import Blueprint, Flask, request\napp = Flask(__name__)\na = Blueprint('a', __name__)\nb = Blueprint('b', __name__)\n@b.after_request\n{HOOK}\
                 @{owner}.get('/')\ndef view():\n    return '<p>' + request.args['q']\napp.register_blueprint(a)\napp.register_blueprint(b)\n"
            )
        };
        assert_eq!(html(&[("app.py", &source("b"))]).len(), 0);
        assert_eq!(html(&[("app.py", &source("a"))]).len(), 1);
        assert_eq!(html(&[("app.py", &source("app"))]).len(), 1);
    }

    #[test]
    fn of_several_applications_each_has_its_own() {
        let app = |hook: &str| {
            format!(
                "from flask import Blueprint, Flask, request\napp = Flask(__name__)\nbp = Blueprint('b', __name__)\n{hook}@bp.get('/')\ndef view():\n    return '<p>' + request.args['q']\napp.register_blueprint(bp)\n"
            )
        };
        let plain = app(&format!("{HOOK}app.after_request(text)\n"));
        let found = html(&[("one/app.py", &plain), ("two/app.py", &app(""))]);
        assert_eq!(found, ["two/app.py"]);
    }
}
