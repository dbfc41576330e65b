//! Checks that run before views: what they let through holds in every view.

use super::facts::Facts;
use super::handler::{Handler, Kind};
use super::heap::State;
use super::interp::{Interp, Returned};
use super::source::source_id;
use super::value::{Key, Value, hash, mix};

/// The blueprint for whose views alone it holds, and what is known of which client value.
pub(super) type Checked = (Option<Key>, Vec<(Key, Facts)>);

impl<'a> Interp<'a> {
    /// Notes what holds wherever a hook lets the request go on to the view.
    pub fn note_checks(&mut self, handler: &Handler<'a>, returned: &[Returned<'a>]) {
        let goes_on = returned.iter().filter(|one| {
            let mut each = one.value.alternatives().iter();
            each.any(|it| matches!(it, Value::None))
        });
        let states = goes_on.map(|one| one.state.clone());
        let Some(state) = states.reduce(State::join) else {
            return;
        };
        let learned = state.learned_since(&State::new(&self.base));
        if !learned.is_empty() {
            let of = handler.is_local.then_some(handler.owner);
            self.checked_before.push((of, learned));
        }
    }

    /// What such checks say of the request of a view, and of the parameters of its URL, each
    /// given by its name and key.
    pub fn learn_checks(&self, handler: &Handler<'a>, given: &[(&str, Key)], st: &mut State<'a>) {
        if !matches!(handler.kind, Kind::View | Kind::Json) {
            return;
        }
        for (of, learned) in &self.checked_before {
            if of.is_some_and(|blueprint| blueprint != handler.owner) {
                continue;
            }
            st.learn_all(learned);
            let of_key = |wanted: Key| {
                let found = learned.iter().find(|(key, _)| *key == wanted);
                found.map_or(Facts::NONE, |(_, facts)| *facts)
            };
            // A URL without ".." has no parameter with it.
            let path = of_key(source_id(hash("flask.request.path"))) & Facts::NO_DOTDOT;
            for (name, key) in given {
                let item = mix(hash("flask.request.view_args"), Value::text(*name).key());
                let facts = of_key(source_id(mix(item, ITEM))) | path;
                if !facts.is_empty() {
                    st.learn_all(&[(*key, facts)]);
                }
            }
        }
    }
}

/// Mixed into the identity of an item of a mapping of client values.
pub(super) const ITEM: Key = 0x17e4;

#[cfg(test)]
mod tests {
    use crate::model::flow::marked::judge_app;

    #[test]
    fn what_a_hook_refuses_does_not_reach_views() {
        let app = |check: &str| {
            format!(
                "@app.before_request\ndef refuse():\n    {check}\n\n\
                 @app.get('/<path:name>')\ndef show(name):\n    return open('files/' + name).read()"
            )
        };
        for check in [
            "name = (request.view_args or {}).get('name')\n    if name and '..' in name:\n        abort(400)",
            "if request.view_args and '..' in request.view_args['name']:\n        return 'no', 400",
            "if '..' in request.path:\n        abort(404)",
        ] {
            judge_app(&format!("{}\n", app(check)));
        }
        for check in [
            "if request.method == 'POST' and '..' in request.path:\n        abort(404)",
            "if '..' in request.path:\n        app.logger.warning('odd')",
            "if '..' in request.args.get('name', ''):\n        abort(404)",
        ] {
            judge_app(&format!("{}  # bad\n", app(check)));
        }
    }

    #[test]
    fn a_hook_of_a_blueprint_checks_its_own_views() {
        judge_app(
            "a = Blueprint('a', __name__)\nb = Blueprint('b', __name__)\n\n\
             @a.before_request\ndef refuse():\n    if '..' in request.args['f'] or request.args['f'].startswith('/'):\n        abort(400)\n\n\
             @a.get('/a')\ndef one():\n    return open(request.args['f']).read()\n\n\
             @b.get('/b')\ndef two():\n    return open(request.args['f']).read()  # bad\n",
        );
    }
}
