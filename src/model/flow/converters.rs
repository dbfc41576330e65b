//! URL converters of the application: `app.url_map.converters["slug"] = Slug`.

use super::call::Args;
use super::facts::Facts;
use super::heap::{Obj, State};
use super::interp::{Frame, Interp};
use super::pattern;
use super::value::{Piece, Place, Value};

/// What Werkzeug's `BaseConverter` matches.
const ANY_SEGMENT: &str = "[^/]+";

impl<'a> Interp<'a> {
    /// Notes the converters in `url_map.converters[name] = class` and `.update(…)`.
    pub fn note_converter(&mut self, map: &Value<'a>, name: &Value<'a>, class: &Value<'a>) {
        if is_converters(map)
            && let Some(name) = name.constant_str()
        {
            self.converters.insert(name, class.clone());
        }
    }

    pub fn note_converters(&mut self, map: &Value<'a>, args: &Args<'a>, st: &State<'a>) {
        if !is_converters(map) {
            return;
        }
        for (name, class) in &args.named {
            self.converters.insert(name.to_string(), class.clone());
        }
        let Some(Value::Ref(id)) = args.pos.first() else {
            return;
        };
        if let Some(Obj::Dict(dict)) = st.get(*id).as_deref() {
            for (name, class) in &dict.entries {
                self.note_converter(map, name, class);
            }
        }
    }

    /// What a converter of the application makes of a piece of the URL. Nothing where it is none
    /// of these; `rules` are those that name the parameter.
    pub fn converted(
        &mut self,
        piece: &Piece<'a>,
        (converter, rules, name): (&str, &[String], &str),
        place: Place,
        st: &mut State<'a>,
    ) -> Option<Value<'a>> {
        let class = self.converters.get(converter)?.clone();
        let scope = self.module_scope(place.module);
        let mut fr = Frame::new(place.module, scope, "");
        let given = rules.iter().find_map(|rule| arguments_of(rule, name));
        let mut pos = vec![Value::unknown(place.key())];
        pos.extend(given.unwrap_or_default().into_iter().map(Value::text));
        let made = self.apply(&class, Args::of(place, pos), st, &mut fr);
        st.dead = false;
        let regex = self.attribute(&made, "regex", place, st, &mut fr);
        let regex = regex.constant_str();
        let mut piece = piece.clone();
        match regex.as_deref() {
            None | Some(ANY_SEGMENT) => piece.facts = Facts::URL_SEGMENT,
            Some(regex) => {
                piece.facts = pattern::facts_of_match(regex, "fullmatch", false);
                let how = format!("limited by the URL converter `{converter}`");
                piece.by = Some((place, how.into()));
            }
        }
        let value = Value::piece(piece);
        let Some(Value::Func(to_python)) = self.class_attribute(&class, "to_python", st) else {
            return Some(value);
        };
        let mut inside = st.clone();
        let args = Args::of(place, vec![made, value.clone()]);
        let made = self.call_function(&to_python, args, &mut inside);
        if inside.dead {
            return Some(value);
        }
        *st = inside;
        Some(made)
    }
}

fn is_converters(map: &Value<'_>) -> bool {
    match map {
        Value::Method(method) => &*method.1 == "converters",
        other => other
            .kind()
            .is_some_and(|kind| kind.ends_with("url_map.converters")),
    }
}

/// The texts in `<regex("[a-z]+"):name>`.
fn arguments_of(rule: &str, name: &str) -> Option<Vec<String>> {
    let end = rule.find(&format!("):{name}>"))?;
    let start = rule[..end].rfind('<')?;
    let inside = rule[start..end].split_once('(')?.1;
    let mut found = Vec::new();
    let mut rest = inside;
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = rest[at..].chars().next()?;
        let text = &rest[at + 1..];
        let close = text.find(quote)?;
        found.push(text[..close].to_owned());
        rest = &text[close + 1..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::arguments_of;
    use crate::model::flow::marked::{judge, judge_app};

    #[test]
    fn rules_hand_texts_to_converters() {
        let rule = r#"/<a>/<regex("[a-z]{3}(?:x|y)", 'b'):name>/c"#;
        assert_eq!(
            arguments_of(rule, "name"),
            Some(vec!["[a-z]{3}(?:x|y)".to_owned(), "b".to_owned()])
        );
        assert_eq!(arguments_of("/<name>", "name"), None);
    }

    #[test]
    fn converters_limit_what_they_match() {
        judge_app(
            "from werkzeug.routing import BaseConverter, ValidationError\n\n\
             class Slug(BaseConverter):\n    regex = '[a-z0-9-]+'\n\n\
             class Regex(BaseConverter):\n    def __init__(self, url_map, *items):\n        super().__init__(url_map)\n        self.regex = items[0]\n\n\
             class Folder(BaseConverter):\n    regex = '.*?'\n\n\
             class Shelf(BaseConverter):\n    def to_python(self, value):\n        if value not in ('left', 'right'):\n            raise ValidationError()\n        return value\n\n\
             app.url_map.converters['slug'] = Slug\napp.url_map.converters.update(folder=Folder, shelf=Shelf)\napp.url_map.converters['regex'] = Regex\n\n\
             @app.get('/a/<slug:name>')\ndef a(name):\n    return open(os.path.join('data', name)).read()\n\n\
             @app.get('/b/<regex(\"[A-Z]{3}[0-9]+\"):name>')\ndef b(name):\n    return f'<p>{name}</p>'\n\n\
             @app.get('/b/<regex(\".+\"):name>')\ndef b2(name):\n    return f'<p>{name}</p>'  # bad\n\n\
             @app.get('/c/<folder:name>')\ndef c(name):\n    return open(os.path.join('data', name)).read()  # bad\n\n\
             @app.get('/d/<shelf:name>')\ndef d(name):\n    return open(os.path.join('data', name, 'x')).read()\n",
        );
    }

    #[test]
    fn a_factory_may_register_them() {
        judge(&[
            (
                "shop/__init__.py",
                "from flask import Flask\nfrom .converters import Slug\nfrom .views import bp\n\ndef create_app():\n    \
                 app = Flask(__name__)\n    app.url_map.converters['slug'] = Slug\n    app.register_blueprint(bp)\n    return app\n",
            ),
            (
                "shop/converters.py",
                "from werkzeug.routing import BaseConverter\n\nclass Slug(BaseConverter):\n    regex = r'[a-z]+'\n",
            ),
            (
                "shop/views.py",
                "from flask import Blueprint\nbp = Blueprint('a', __name__)\n\n@bp.get('/<slug:name>')\ndef show(name):\n    return '<p>' + name\n\n\
                 @bp.get('/x/<name>')\ndef other(name):\n    return '<p>' + name  # bad\n",
            ),
        ]);
    }
}
