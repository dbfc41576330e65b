//! Analysis never panics and ends soon, whatever the program.

use std::fmt::Write as _;

use flask_harden::discover::Repository;
use flask_harden::model::flow;
use flask_harden::model::modules::Modules;
use proptest::prelude::*;

fn analyse(texts: &[(&str, &str)]) -> flow::Flows {
    let repo = Repository::from_texts(texts.iter().copied());
    flow::analyse(&Modules::parse(&repo))
}

/// A statement of a handler, from a few names so that they meet each other.
fn statement() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]);
    let value = prop::sample::select(vec![
        "request.args['x']",
        "a + b",
        "[a, b]",
        "{'k': a, b: c}",
        "f(a, b)",
        "a[0]",
        "a['k']",
        "f'{a}/{b!r:>10}'",
        "'%s %(x)s %' % a",
        "'{0.y[1]} {} {'.format(a)",
        "a.b.c(d)",
        "not a",
        "a and b or c",
        "a if b else c",
        "[x for x in a if x in b]",
        "lambda x: f(x, a)",
        "a[1:b]",
        "os.path.realpath(os.path.join('/srv', a))",
        "str(a).replace('<', b)",
        "f(*a, **b)",
        "(yield a)",
        "7 // 0",
        "2 ** 9999",
        "-a",
        "a @ b",
        "Thing(a).go(b)",
        "sorted(a)[-1]",
        "re.sub('[', '', a)",
        "a.pop()",
        "open(a).read()",
        "{**a}",
        "super().x",
        "print",
    ]);
    (name, value, 0..12).prop_map(|(name, value, form)| match form {
        0 => format!("if {value}:\n        {name} = {value}\n    else:\n        {name} += {value}"),
        1 => format!("for {name} in {value}:\n        b = {name}\n        f(a, {name})"),
        2 => format!("while {name}:\n        {name} = {value}"),
        3 => format!("try:\n        {name} = {value}\n    except Exception as e:\n        d = e\n    finally:\n        c = {name}"),
        4 => format!("with {value} as {name}:\n        {name}.save({name})"),
        5 => format!("{name}['k'] = {value}"),
        6 => format!("{name}.field = {value}"),
        7 => format!("{name}, *c = {value}"),
        8 => format!("if {name} in {value} or {name}.startswith({value}):\n        return {name}"),
        9 => format!("match {value}:\n        case [x, *y]:\n            {name} = y\n        case {{'k': v}}:\n            {name} = v\n        case _:\n            pass"),
        10 => format!("def f({name}, *args, **kwargs):\n        return f({value}, *args)"),
        _ => format!("{name} = {value}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_programs_are_analysed(statements in prop::collection::vec(statement(), 1..24)) {
        let mut source = String::from(
            "import os, re\nfrom flask import Flask, request\nfrom other import *\nfrom other import g\napp = Flask(__name__)\n\
             class Thing:\n    def __init__(self, x):\n        self.x = x\n    def go(self, y):\n        return self.go(self.x + y)\n\
             def f(a, b=None):\n    return f(b, a) + g(a)\n\n@app.route('/<path:a>')\ndef view(a, b=1, c=2, d=3):\n",
        );
        for statement in &statements {
            let _ = writeln!(source, "    {statement}");
        }
        source.push_str("    return a\n");
        let other = "from app import f, view\nimport app\ndef g(x):\n    return f(x, app.view(x))\n";
        analyse(&[("app.py", &source), ("other.py", other)]);
    }
}

#[test]
fn long_chains_and_deep_nesting_end() {
    let header = "from flask import Flask, request\napp = Flask(__name__)\n@app.route('/')\ndef view():\n    x = request.args['x']\n";
    let sum = format!("{header}    return {}\n", vec!["x"; 3000].join(" + "));
    let flows = analyse(&[("app.py", &sum)]);
    assert!(flows.calls.iter().any(flow::SinkCall::is_tainted));
    let nested = format!(
        "{header}    return {}x{}\n",
        "str(".repeat(180),
        ")".repeat(180)
    );
    analyse(&[("app.py", &nested)]);
    let mut branches = header.to_owned();
    for index in 0..400 {
        let _ = writeln!(
            branches,
            "    if request.args['{index}']:\n        x = x + '{index}'"
        );
    }
    branches.push_str("    return x\n");
    let flows = analyse(&[("app.py", &branches)]);
    assert!(flows.calls.iter().any(flow::SinkCall::is_tainted));
}

#[test]
fn work_grows_with_the_code_and_not_faster() {
    let program = |handlers: usize| {
        let mut source = String::from("from flask import Flask, request\napp = Flask(__name__)\n");
        for index in 0..handlers {
            let _ = writeln!(
                source,
                "@app.route('/{index}')\ndef v{index}():\n    x = request.args['x']\n    for y in x:\n        x += h{index}(y)\n    return x\ndef h{index}(y):\n    return y + '{index}'"
            );
        }
        source
    };
    let time = |handlers: usize| {
        let source = program(handlers);
        let start = std::time::Instant::now();
        analyse(&[("app.py", &source)]);
        start.elapsed().as_secs_f64()
    };
    time(10);
    let (small, large) = (time(40), time(320));
    assert!(
        large < small * 8.0 * 6.0 + 1.0,
        "{small} s for 40 handlers, {large} s for 320"
    );
}
