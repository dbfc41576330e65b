//! For tests: programs whose weak lines end in `# bad`.

use super::output::{Sink, SinkCall};
use crate::discover::Repository;
use crate::model::modules::Modules;

/// Asserts that client values reach a sink on the marked lines, and on no others.
#[track_caller]
pub(super) fn judge(files: &[(&str, &str)]) {
    let repo = Repository::from_texts(files.iter().copied());
    let flows = super::analyse(&Modules::parse(&repo));
    let mut found: Vec<(String, usize)> = Vec::new();
    let judged = flows
        .of_sink(|sink| !matches!(sink, Sink::TemplateVariable { .. } | Sink::CookieValue))
        .filter(|call| SinkCall::is_tainted(call));
    for call in judged {
        let text = &repo.file(&call.call.path).unwrap().text;
        found.push((
            call.call.path.to_string(),
            text.line_of(call.call.span.start),
        ));
    }
    found.sort();
    found.dedup();
    let mut wanted = Vec::new();
    for (path, text) in files {
        let marked = text.lines().enumerate();
        let marked = marked.filter(|(_, line)| line.ends_with("# bad"));
        wanted.extend(marked.map(|(index, _)| ((*path).to_owned(), index + 1)));
    }
    wanted.sort();
    assert_eq!(found, wanted);
}

/// The same for one file that begins with the usual imports.
#[track_caller]
pub(super) fn judge_app(body: &str) {
    let head = "import os, re, json, uuid\nfrom functools import wraps\nfrom pathlib import Path\n\
        from flask import *\nfrom flask import Flask, abort, request, send_file\nfrom markupsafe import Markup, escape\napp = Flask(__name__)\n";
    judge(&[("app.py", &format!("{head}{body}"))]);
}

#[test]
fn a_folder_that_ends_with_a_separator_is_text_with_that_end() {
    let under = |test: &str| {
        format!(
            "def under(path, base, sep=os.sep):\n    prefix = {test}\n    \
             return os.path.normcase(path).startswith(os.path.normcase(prefix))\n\n\
             @app.get('/<path:name>')\ndef show(name):\n    base = app.config['BASE']\n    \
             prefix = base if base.endswith('/') else base + '/'\n    \
             full = os.path.abspath(prefix + name)\n    if not under(full, base):\n        abort(404)\n    \
             return open(full).read()"
        )
    };
    judge_app(&under("base if base.endswith(sep) else base + sep"));
    judge_app(&format!(
        "{}  # bad\n",
        under("base if base.endswith('x') else base")
    ));
}

#[test]
fn what_is_looked_up_is_not_what_is_asked_with() {
    judge_app(
        "from shelf import store\n\n@app.get('/<number>')\ndef show(number):\n    \
         book = store.get_book(number)\n    return open(book.path).read()\n\n\
         @app.get('/p/<path:name>')\ndef path(name):\n    \
         return open(store.get_book_path(name)).read()  # bad\n",
    );
}

#[test]
fn url_parameters_stand_behind_what_is_parsed() {
    judge_app(
        "from flask.views import MethodView\n\nclass Export(MethodView):\n    @bp.arguments(Query, location='query')\n    def get(self, args, kind, name):\n        \
         path = os.path.join('exports', f'{uuid.uuid4()}.{kind}')\n        open(path, 'w').close()\n        \
         return open(os.path.join('exports', args['name'])).read()  # bad\n",
    );
}

#[test]
fn no_part_between_slashes_is_empty() {
    let app = |parts: &str, wrong: &str| {
        format!(
            "@app.get('/')\ndef show():\n    name = request.args['name']\n    \
             if any(part in {wrong} for part in {parts}):\n        abort(400)\n    \
             return open(os.path.join('files', name)).read()"
        )
    };
    judge_app(&format!("{}\n", app("name.split('/')", "('', '.', '..')")));
    judge_app(&format!(
        "{}  # bad\n",
        app("name.split('/')", "('.', '..')")
    ));
    judge_app(&format!(
        "{}  # bad\n",
        app("Path(name).parts", "('', '.', '..')")
    ));
}

#[test]
fn enumerations_of_text_have_members() {
    let app = |bases: &str| {
        format!(
            "from enum import Enum\n\nclass Kind({bases}):\n    A = 'a'\n\n\
             @app.get('/')\ndef show():\n    kind = Kind(request.args['kind'])\n    \
             return open('files/' + kind).read()"
        )
    };
    judge_app(&format!("{}\n", app("str, Enum")));
    judge_app(&format!("{}  # bad\n", app("str")));
}

#[test]
fn wrappers_only_pass_answers_on() {
    judge_app(
        "def first(view):\n    @wraps(view)\n    def inner(*args, **kwargs):\n        return view(*args, **kwargs)\n    return inner\n\n\
         def second(view):\n    @wraps(view)\n    def inner(*args, **kwargs):\n        \
         if request.args.get('raw'):\n            return view(*args, **kwargs)\n        return view(*args, **kwargs)\n    return inner\n\n\
         @app.get('/')\n@second\n@first\ndef hello():\n    if request.args.get('a'):\n        \
         return 'Hello ' + request.args['name']  # bad\n    return 'Hi ' + request.args['name']  # bad\n",
    );
}

#[test]
fn a_package_that_is_being_run_has_modules() {
    judge(&[
        (
            "shop/__init__.py",
            "from flask import Flask\nfrom . import store\napp = Flask(__name__)\nbooks = store.Books()\n",
        ),
        (
            "shop/store.py",
            "from . import names\n\nclass Books:\n    def path(self, name):\n        return names.PATHS.get(name)\n",
        ),
        ("shop/names.py", "PATHS = {'a': '/srv/a'}\n"),
        (
            "shop/views.py",
            "from . import app, books\n\n@app.get('/<name>')\ndef show(name):\n    return open(books.path(name)).read()\n\n\
             @app.get('/x/<path:name>')\ndef other(name):\n    return open(name).read()  # bad\n",
        ),
    ]);
}

#[test]
fn applications_of_own_classes_render_their_templates() {
    judge_app(
        "class Site(Flask):\n    pass\n\nsite = Site(__name__)\n\n@site.get('/')\ndef page():\n    \
         page = site.jinja_env.get_template('page.html')\n    \
         return site.response_class(page.generate(q=request.args['q']))\n",
    );
}
