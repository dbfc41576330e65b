//! Which functions can matter at all: from which a source, and from which a sink, can be reached.
//!
//! Running a function on abstract values is dear, and most functions of a large application
//! neither read the request nor touch a file. Calls are linked by bare names here, whatever the
//! receiver, so that a link is never missing; the price is a function run for nothing.

mod keeps;
mod mentions;
mod returns;

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use mentions::nodes_of;
use returns::Returns;

use super::value::{Key, Place, hash, mix};
use crate::model::modules::{ModuleId, Modules};

/// A name by itself, or of a module's function: what functions, classes and globals have.
fn plain(name: &str) -> Key {
    hash(name)
}

/// A name behind a dot: what methods and fields have.
fn dotted(name: &str) -> Key {
    mix(hash(name), 1)
}

/// What can be reached from which function.
#[derive(Debug, Default)]
pub struct Reach {
    marks: HashMap<Place, Mark>,
    nodes: Vec<Node>,
    links: Links,
    /// The classes of views.
    views: HashSet<Key>,
    /// The parameters of URL prefixes, with their converters.
    prefixes: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    source: bool,
    sink: bool,
    /// The function itself names a sink.
    own_sink: bool,
    /// What it returns may be text.
    text: bool,
    /// Something may be left in memory for others.
    keeps: bool,
}

impl Reach {
    /// Links every function, class and global of the parsed modules.
    pub fn of(modules: &Modules) -> Self {
        let list: Vec<_> = modules.iter().collect();
        let nodes: Vec<Node> = list
            .par_iter()
            .flat_map_iter(|(id, module)| nodes_of(modules, *id, module))
            .collect();
        let views = names_of_views(&nodes);
        let links = Links::of(&nodes);
        let sources = links.marked(&nodes, &views, |node| node.is_source);
        let sinks = links.marked(&nodes, &views, |node| node.is_sink);
        let texts = returns::texts(&nodes);
        let keepers = links.marked(&nodes, &views, |node| node.keeps);
        let answers = texts.into_iter().zip(keepers);
        let marks = sources.into_iter().zip(sinks).zip(answers);
        let places = nodes.iter().zip(marks);
        let marks = places
            .filter_map(|(node, ((source, sink), (text, keeps)))| {
                let mark = Mark {
                    source,
                    sink,
                    own_sink: node.is_sink,
                    text,
                    keeps,
                };
                Some((node.place?, mark))
            })
            .collect();
        Self {
            prefixes: super::prefixes::find(modules),
            marks,
            nodes,
            links,
            views,
        }
    }

    /// Whether anything is known of the function: of lambdas nothing is.
    pub fn knows(&self, function: Place) -> bool {
        self.marks.contains_key(&function)
    }

    /// The functions from which one of these globals can be reached.
    pub fn mentioning<'n>(&self, names: impl Iterator<Item = &'n str>) -> HashSet<Place> {
        let names: Vec<Key> = names.flat_map(|name| [plain(name), dotted(name)]).collect();
        let first: HashSet<usize> = names
            .into_iter()
            .flat_map(|name| self.links.mentioning(name))
            .collect();
        let numbered = self.nodes.iter().enumerate();
        let first: Vec<bool> = numbered.map(|(at, _)| first.contains(&at)).collect();
        let marked = self.links.spread(&self.nodes, &self.views, first);
        let places = self.nodes.iter().zip(marked);
        places
            .filter_map(|(node, is_marked)| node.place.filter(|_| is_marked))
            .collect()
    }

    /// The converters of a parameter that views get from a URL prefix.
    pub fn prefix_converters(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.prefixes.iter().filter(move |(known, _)| known == name);
        named.map(|(_, converter)| converter.as_str())
    }

    /// How much of each module can matter, in bytes of functions into which values enter.
    pub fn weights(&self) -> HashMap<ModuleId, usize> {
        let mut weights = HashMap::new();
        for (place, _) in self.marks.iter().filter(|(_, mark)| mark.source) {
            *weights.entry(place.module).or_default() += place.span.end - place.span.start;
        }
        weights
    }

    /// Whether a client's value can enter below the function; `true` where that is not known.
    pub fn has_source(&self, function: Place) -> bool {
        self.marks.get(&function).is_none_or(|mark| mark.source)
    }

    /// Whether the function itself names a sink; `true` where that is not known.
    pub fn names_sink(&self, function: Place) -> bool {
        self.marks.get(&function).is_none_or(|mark| mark.own_sink)
    }

    /// Whether what the function returns may be text; `true` where that is not known.
    pub fn answers_text(&self, function: Place) -> bool {
        self.marks.get(&function).is_none_or(|mark| mark.text)
    }

    /// Whether something may be left in memory below the function; `true` where that is not known.
    pub fn keeps(&self, function: Place) -> bool {
        self.marks.get(&function).is_none_or(|mark| mark.keeps)
    }

    /// Whether a sink can be reached from the function; `true` where that is not known.
    pub fn has_sink(&self, function: Place) -> bool {
        self.marks.get(&function).is_none_or(|mark| mark.sink)
    }
}

/// A function, a class, or a global that may hold one.
#[derive(Debug)]
struct Node {
    /// Of a function.
    place: Option<Place>,
    /// The names that lead here.
    names: Vec<Key>,
    /// The class, for a class and its methods.
    class: Option<Key>,
    /// The bases, for a class.
    bases: Vec<Key>,
    /// Whether it is a method that the framework calls and hardly anybody else.
    is_verb: bool,
    /// The names that occur in it, sorted.
    mentions: Vec<Key>,
    is_source: bool,
    is_sink: bool,
    /// Of a function.
    returns: Option<Returns>,
    /// The names under which it is asked for what it returns.
    answers: Vec<Key>,
    keeps: bool,
}

/// The classes of views and resources, mixins among them: `api.get(…)` does not mean their `get`.
fn names_of_views(nodes: &[Node]) -> HashSet<Key> {
    let roots = ["View", "MethodView", "Resource", "MethodResource"];
    let mut views: HashSet<Key> = roots.into_iter().map(plain).collect();
    loop {
        let before = views.len();
        for node in nodes.iter().filter(|node| !node.bases.is_empty()) {
            // A base of a view is a mixin of views.
            let mut family = node.bases.iter().chain(&node.class);
            if family.clone().any(|class| views.contains(class)) {
                views.extend(family.by_ref());
            }
        }
        if views.len() == before {
            return views;
        }
    }
}

/// Which nodes mention a name.
#[derive(Debug, Default)]
struct Links {
    by_name: Vec<(Key, u32)>,
}

impl Links {
    fn of(nodes: &[Node]) -> Self {
        let numbered = (0..).zip(nodes);
        let mut by_name: Vec<(Key, u32)> = numbered
            .flat_map(|(at, node)| node.mentions.iter().map(move |name| (*name, at)))
            .collect();
        by_name.par_sort_unstable();
        Self { by_name }
    }

    fn mentioning(&self, name: Key) -> impl Iterator<Item = usize> {
        let start = self.by_name.partition_point(|(known, _)| *known < name);
        self.by_name[start..]
            .iter()
            .take_while(move |(known, _)| *known == name)
            .map(|(_, node)| *node as usize)
    }

    /// The nodes from which one of the `first` can be reached.
    fn marked(
        &self,
        nodes: &[Node],
        views: &HashSet<Key>,
        first: impl Fn(&Node) -> bool,
    ) -> Vec<bool> {
        self.spread(nodes, views, nodes.iter().map(first).collect())
    }

    fn spread(&self, nodes: &[Node], views: &HashSet<Key>, mut marked: Vec<bool>) -> Vec<bool> {
        let mut open: Vec<usize> = (0..nodes.len()).filter(|at| marked[*at]).collect();
        let mut hot = HashSet::new();
        while let Some(at) = open.pop() {
            let node = &nodes[at];
            let is_handler = node.is_verb && node.class.is_some_and(|class| views.contains(&class));
            let names = node.names.iter().filter(|_| !is_handler);
            for name in names.chain(&node.class) {
                if !hot.insert(*name) {
                    continue;
                }
                for next in self.mentioning(*name) {
                    if !std::mem::replace(&mut marked[next], true) {
                        open.push(next);
                    }
                }
            }
        }
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    /// `(name, has a source, has a sink)` of every function.
    fn marks(files: &[(&str, &str)]) -> Vec<(String, bool, bool)> {
        let repo = Repository::from_texts(files.iter().copied());
        let modules = Modules::parse(&repo);
        let reach = Reach::of(&modules);
        let mut found: Vec<_> = reach
            .marks
            .iter()
            .map(|(place, mark)| {
                let text = modules.get(place.module).source(place.span);
                let name = text.split("def ").nth(1).unwrap_or_default();
                let name = name.split('(').next().unwrap_or_default().to_owned();
                (name, mark.source, mark.sink)
            })
            .collect();
        found.sort();
        found
    }

    fn mark(name: &str, source: bool, sink: bool) -> (String, bool, bool) {
        (name.to_owned(), source, sink)
    }

    /// The functions of `app.py` that `is` holds of.
    fn those(source: &str, is: impl Fn(&Reach, Place) -> bool) -> Vec<String> {
        let repo = Repository::from_texts([("app.py", source)]);
        let modules = Modules::parse(&repo);
        let reach = Reach::of(&modules);
        let mut places: Vec<Place> = reach.marks.keys().copied().collect();
        places.sort();
        let names = places
            .into_iter()
            .filter(|place| is(&reach, *place))
            .map(|place| {
                let text = modules.get(place.module).source(place.span);
                let name = text.split("def ").nth(1).unwrap_or_default();
                name.split('(').next().unwrap_or_default().to_owned()
            });
        names.collect()
    }

    #[test]
    fn answers_are_text_unless_their_form_tells_otherwise() {
        let source = "import flask\nfrom flask import jsonify, request\nimport helper\n\
             def fields(x):\n    return {'x': x}\n\
             def same(x):\n    return x\n\
             def words(x):\n    return f'<b>{x}'\n\
             def deco(f):\n    def inner(*a):\n        return f(*a)\n    return inner\n\
             def loud(f):\n    def wrapped(*a):\n        return f'{request.args}' if a else f(*a)\n    return wrapped\n\
             class Base:\n    def shown(self):\n        return {}\n    def told(self):\n        return 'x' + self.y\n\
             class View(Base):\n    def get(self):\n        return super().shown()\n    def put(self):\n        return super().told()\n\
             def a1():\n    return jsonify(x=1), 201\n\
             def a2(x):\n    d = fields(x)\n    return d, 200\n\
             def a3():\n    return same({'a': 1})\n\
             def a4(q):\n    return [fields(x) for x in q] if q else None\n\
             @deco\ndef a5(x):\n    return fields(x)\n\
             def a6(x):\n    return '', 204\n\
             def a7(x):\n    flask.abort(404)\n\
             def b1(x):\n    return same(str(x))\n\
             def b2(x):\n    return words(x), 200\n\
             def b3(x):\n    return helper.render(x)\n\
             def b4(x):\n    d = {}\n    d = words(x)\n    return d\n\
             @loud\ndef b5(x):\n    return {}\n\
             def b6(x):\n    return request.args\n\
             def b7(x):\n    for y in x:\n        return y\n\
             def b8(x):\n    return same(words)(x)\n\
             def b9(x):\n    return fields(x)['x']\n";
        let texts = those(source, Reach::answers_text);
        let expected = [
            "same", "words", "wrapped", "told", "put", "b1", "b2", "b3", "b4", "b5", "b6", "b7",
            "b8", "b9",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn what_is_raised_is_answered_by_handlers_of_errors() {
        let views = "from flask import abort\n\
             def a(x):\n    abort(404, 'no such thing')\n\
             def b(x):\n    abort(404, f'no {x}')\n\
             def c(x):\n    raise ValueError(x)\n";
        let texts = |rest: &str| those(&format!("{views}{rest}"), Reach::answers_text);
        let objects = "@app.errorhandler(404)\ndef e(e):\n    return {'e': str(e)}\n";
        assert_eq!(texts(objects), [""; 0]);
        let text = "@bp.app_errorhandler(404)\ndef e(e):\n    return f'<p>{e}'\n";
        assert_eq!(texts(text), ["b", "c", "e"]);
        let registered = "def e(e):\n    return f'<p>{e}'\napp.register_error_handler(404, e)\n";
        assert_eq!(texts(registered), ["b", "c", "e"]);
    }

    #[test]
    fn what_is_not_its_own_a_function_keeps() {
        let kept = those(
            "import flask\nKNOWN = {}\n\
             def a(x):\n    KNOWN[x] = 1\n\
             def b(x):\n    KNOWN.setdefault(x, []).append(1)\n\
             def c(x):\n    global y\n    y = x\n\
             class K:\n    def __init__(self, x):\n        self.x = x\n    def d(self, x):\n        self.all.append(x)\n\
             def e(k, x):\n    k.d(x)\n\
             def n1(x):\n    own = {}\n    own[x] = 1\n    return own\n\
             def n2(x, user):\n    user.name = x\n\
             def n3(x):\n    db.session.add(x)\n",
            Reach::keeps,
        );
        assert_eq!(kept, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn calls_lead_across_modules() {
        let found = marks(&[
            (
                "app.py",
                "import flask\nfrom . import store\nfrom .store import keep as k\n\
                 def a():\n    return store.load(flask.request.args)\n\
                 def b(x):\n    return k(x)\n\
                 def c(x):\n    return x.load(1)\n",
            ),
            (
                "store.py",
                "import flask\n\
                 def load(x):\n    return open(x)\n\
                 def keep(x):\n    return x\n",
            ),
        ]);
        let expected = [
            mark("a", true, true),
            mark("b", false, false),
            mark("c", false, false),
            mark("keep", false, false),
            mark("load", false, true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn methods_fields_and_tables_lead_on() {
        let found = marks(&[(
            "app.py",
            "import flask\n\
             def write(x):\n    open(x)\n\
             TABLE = {'w': write}\n\
             class Store:\n    def put(self, x):\n        write(x)\n\
             class Job:\n    def __init__(self):\n        self.do = write\n\
             def by_table(x):\n    TABLE['w'](x)\n\
             def by_method(s):\n    s.put(1)\n\
             def by_class():\n    return Store()\n\
             def by_field(j):\n    j.do(1)\n\
             def by_nothing(j):\n    j.done(1)\n",
        )]);
        let sinks: Vec<_> = found.iter().filter(|(_, _, sink)| *sink).collect();
        let names: Vec<_> = sinks.iter().map(|(name, ..)| name.as_str()).collect();
        let expected = [
            "__init__",
            "by_class",
            "by_field",
            "by_method",
            "by_table",
            "put",
            "write",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn common_names_need_their_module() {
        let found = marks(&[(
            "app.py",
            "import flask, os\n\
             def a(x):\n    return x.replace('a', 'b')\n\
             def b(x):\n    os.replace(x, x)\n\
             def c(x):\n    x.save()\n\
             def d(x):\n    x.save('there')\n",
        )]);
        let sinks: Vec<_> = found.iter().map(|(_, _, sink)| *sink).collect();
        assert_eq!(sinks, [false, true, false, true]);
    }
}
