//! What views raise, and the error handlers of the application that answer it.

use std::rc::Rc;

use super::call::Args;
use super::facts::Facts;
use super::heap::{Instance, Obj, State};
use super::interp::Interp;
use super::value::{Key, ObjId, Place, Value};

/// How many of what is raised are handed to error handlers, and how many of one place.
const MOST_RAISED: usize = 60;
const MOST_OF_ONE_PLACE: usize = 2;
/// How long a chain of base classes may be.
const DEEPEST_BASES: usize = 8;

/// Something raised that holds client values.
#[derive(Clone)]
pub(super) struct Raised<'a> {
    pub error: Value<'a>,
    /// The objects that it refers to.
    pub objects: Vec<(ObjId, Rc<Obj<'a>>)>,
    /// What was known where it was raised.
    pub facts: Vec<(Key, Facts)>,
    place: Place,
    /// The application or blueprint of the handler that was run.
    owner: Key,
}

/// What an error handler is registered for.
#[derive(Clone)]
pub(super) struct Catches<'a> {
    /// A status, or a class.
    pub error: Value<'a>,
    /// The blueprint outside of which it does not count.
    pub of: Option<Key>,
}

impl<'a> Interp<'a> {
    /// Notes what a `raise` or an `abort` at `place` carries.
    pub fn note_raised(&mut self, error: &Value<'a>, place: Place, st: &State<'a>) {
        let of_place = self.raised.iter().filter(|known| known.place == place);
        if self.raised.len() >= MOST_RAISED
            || of_place.count() >= MOST_OF_ONE_PLACE
            || self.deep_pieces(error, st).is_empty()
        {
            return;
        }
        let Some(objects) = self.reachable(error, st) else {
            return;
        };
        self.raised.push(Raised {
            error: st.pin(error),
            objects,
            facts: st.learned_since(&State::new(&self.base)),
            place,
            owner: self.answers.owner(),
        });
    }

    /// The exception that `abort(code, description)` makes.
    pub fn aborted(&mut self, args: &Args<'a>, st: &mut State<'a>) -> Option<Value<'a>> {
        let code = args.get(0, "code")?.clone();
        let description = args.get(1, "description").or(args.keyword("message"))?;
        let fields = [("code", code), ("description", description.clone())];
        let fields = fields.map(|(name, value)| (Rc::from(name), value));
        let class = Value::ext("werkzeug.exceptions.HTTPException");
        let fields = fields.into_iter().collect();
        Some(self.alloc(st, Obj::Instance(Instance { class, fields })))
    }

    /// Forgets of what was raised since `first` that which `except wanted:` catches.
    pub fn catch(&mut self, first: usize, wanted: Option<&Value<'a>>, st: &State<'a>) {
        let since = self.raised.split_off(first.min(self.raised.len()));
        let kept = since.into_iter().filter(|raised| match wanted {
            Some(wanted) => wanted
                .alternatives()
                .iter()
                .all(|one| self.fit(raised, one, st).is_none()),
            None => false,
        });
        let kept: Vec<_> = kept.collect();
        self.raised.extend(kept);
    }

    /// How closely a handler fits: 0 is its very class or status.
    pub fn fit(&self, raised: &Raised<'a>, wanted: &Value<'a>, st: &State<'a>) -> Option<usize> {
        match wanted {
            Value::Int(code) => (self.status(raised) == Some(*code)).then_some(0),
            Value::Tuple(several) => several
                .iter()
                .filter_map(|one| self.fit(raised, one, st))
                .min(),
            Value::Ext(name) if is_root(name) => Some(usize::MAX),
            Value::Ext(name) if &**name == "werkzeug.exceptions.HTTPException" => {
                self.status(raised).map(|_| DEEPEST_BASES)
            }
            Value::Ext(name) if status_of(name).is_some() => {
                (status_of(name) == self.status(raised)).then_some(0)
            }
            wanted => self.distance(&class_of(raised)?, wanted, st, 0),
        }
    }

    /// How many classes lie between a class and one of its bases.
    fn distance(
        &self,
        class: &Value<'a>,
        wanted: &Value<'a>,
        st: &State<'a>,
        depth: usize,
    ) -> Option<usize> {
        if class.key() == wanted.key() {
            return Some(depth);
        }
        let Value::Ref(id) = class else { return None };
        let held = st.get(*id);
        let Some(Obj::Class(held)) = held.as_deref() else {
            return None;
        };
        let bases = held.bases.iter().filter(|_| depth < DEEPEST_BASES);
        bases
            .filter_map(|base| self.distance(base, wanted, st, depth + 1))
            .min()
    }

    fn status(&self, raised: &Raised<'a>) -> Option<i64> {
        match class_of(raised)? {
            Value::Ext(name) if &*name == "werkzeug.exceptions.HTTPException" => {
                let instance = raised.instance()?;
                match instance.fields.get("code")? {
                    Value::Int(code) => Some(*code),
                    _ => None,
                }
            }
            Value::Ext(name) => status_of(&name),
            _ => None,
        }
    }
}

impl<'a> Raised<'a> {
    fn instance(&self) -> Option<&Instance<'a>> {
        let Value::Ref(id) = &self.error else {
            return None;
        };
        let (_, object) = self.objects.iter().find(|(known, _)| known == id)?;
        match &**object {
            Obj::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// Whether a handler of a blueprint is asked at all.
    pub fn is_asked(&self, catches: &Catches<'a>) -> bool {
        catches.of.is_none_or(|blueprint| blueprint == self.owner)
    }
}

fn class_of<'a>(raised: &Raised<'a>) -> Option<Value<'a>> {
    match raised.instance() {
        Some(instance) => Some(instance.class.clone()),
        None => raised.error.kind().map(|kind| Value::Ext(Rc::clone(kind))),
    }
}

fn is_root(name: &str) -> bool {
    matches!(name, "builtins.Exception" | "builtins.BaseException")
}

/// The status of Werkzeug's exceptions.
fn status_of(name: &str) -> Option<i64> {
    let class = name.strip_prefix("werkzeug.exceptions.")?;
    Some(match class {
        "BadRequest" => 400,
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "MethodNotAllowed" => 405,
        "NotAcceptable" => 406,
        "Conflict" => 409,
        "Gone" => 410,
        "UnsupportedMediaType" => 415,
        "UnprocessableEntity" => 422,
        "TooManyRequests" => 429,
        "InternalServerError" => 500,
        "NotImplemented" => 501,
        "ServiceUnavailable" => 503,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::model::flow::marked::{judge, judge_app};

    const ERRORS: &str = "class ShopError(Exception):\n    def __init__(self, message):\n        super().__init__(message)\n        self.message = message\n\n\
        class Unpaid(ShopError):\n    pass\n\n\
        class Other(Exception):\n    pass\n\n";

    #[test]
    fn what_is_raised_arrives_at_its_handler() {
        judge_app(&format!(
            "{ERRORS}@app.errorhandler(ShopError)\ndef sorry(err):\n    return f'<p>{{err.message}}</p>', 400  # bad\n\n\
             @app.errorhandler(Other)\ndef other(err):\n    return f'<p>{{err}}</p>', 400\n\n\
             @app.errorhandler(409)\ndef conflict(err):\n    return '<p>' + err.description, 409  # bad\n\n\
             @app.errorhandler(410)\ndef gone(err):\n    return '<p>' + err.description, 410\n\n\
             @app.get('/')\ndef order():\n    number = request.args['n']\n    if number == '1':\n        \
             abort(409, description='taken: ' + request.args['who'])\n    if not number.isdigit():\n        \
             raise Unpaid('no ' + number)\n    if number == '3':\n        abort(410, description='gone: ' + number)\n    \
             raise Other(f'{{number}} is not there')\n"
        ));
    }

    #[test]
    fn the_closest_handler_answers_and_what_is_caught_does_not_arrive() {
        judge_app(&format!(
            "{ERRORS}@app.errorhandler(Exception)\ndef crash(err):\n    return f'<p>{{err}}</p>', 500\n\n\
             @app.errorhandler(ShopError)\ndef sorry(err):\n    return {{'error': err.message}}, 400\n\n\
             @app.get('/')\ndef order():\n    try:\n        if request.args['n']:\n            raise Other(request.args['n'])\n    \
             except Other:\n        pass\n    raise ShopError(request.args['n'])\n"
        ));
    }

    #[test]
    fn handlers_of_other_modules_and_factories_are_found() {
        judge(&[
            (
                "shop/errors.py",
                "class ShopError(Exception):\n    pass\n\ndef register(app):\n    @app.errorhandler(ShopError)\n    def sorry(err):\n        \
                 return f'<p>{err}</p>', 400  # bad\n",
            ),
            (
                "shop/app.py",
                "from flask import Flask\nfrom shop.errors import register\nfrom shop.views import bp\n\ndef create_app():\n    \
                 app = Flask(__name__)\n    register(app)\n    app.register_blueprint(bp)\n    return app\n",
            ),
            (
                "shop/views.py",
                "from flask import Blueprint, request\nfrom shop.errors import ShopError\nbp = Blueprint('shop', __name__)\n\n\
                 @bp.get('/')\ndef order():\n    raise ShopError('no ' + request.args['n'])\n",
            ),
        ]);
    }
}
