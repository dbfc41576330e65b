//! A Flask application of any size, the same for the same size.

use std::fs;
use std::io;
use std::path::Path;

/// About as many lines as a module of a real project has.
const MODULE_LINES: usize = 200;

/// Writes an application of about `lines` lines of Python below `folder`: a factory, and
/// blueprints that call helpers of their neighbours.
pub fn write(folder: &Path, lines: usize) -> io::Result<()> {
    let modules = (lines / MODULE_LINES).max(1);
    let package = folder.join("shop");
    fs::create_dir_all(package.join("views"))?;
    fs::write(package.join("views/__init__.py"), "")?;
    fs::write(package.join("__init__.py"), factory(modules))?;
    fs::write(
        folder.join("requirements.txt"),
        "flask==3.1.3\nwerkzeug==3.1.9\n",
    )?;
    for index in 0..modules {
        let path = package.join(format!("views/part{index}.py"));
        fs::write(path, module(index, modules))?;
    }
    Ok(())
}

fn factory(modules: usize) -> String {
    let mut text =
        String::from("from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n");
    for index in 0..modules {
        text.push_str(&format!(
            "    from .views.part{index} import bp as bp{index}\n    app.register_blueprint(bp{index})\n"
        ));
    }
    text.push_str("    return app\n");
    text
}

fn module(index: usize, modules: usize) -> String {
    let neighbour = (index + 1) % modules;
    let mut text = format!(
        "import os\n\nfrom flask import Blueprint, abort, render_template, request, send_from_directory\n\n\
         from . import part{neighbour}\n\nbp = Blueprint(\"part{index}\", __name__)\nBASE = os.path.abspath(\"files\")\n\n\n\
         def clean(value, limit=10):\n    value = value.strip()\n    if len(value) > limit:\n        value = value[:limit]\n    return value\n\n\n"
    );
    // Each view is 18 lines.
    for view in 0..10 {
        text.push_str(&format!(
            "@bp.route(\"/{index}/{view}/<int:number>/<path:name>\", methods=[\"GET\", \"POST\"])\n\
             def view{view}(number, name):\n\
             \x20   query = request.args.get(\"q\", \"\")\n\
             \x20   text = clean(query, limit=number)\n\
             \x20   items = []\n\
             \x20   for position in range(number):\n\
             \x20       if position % 2:\n\
             \x20           items.append({{\"text\": text, \"position\": position}})\n\
             \x20       else:\n\
             \x20           items.append({{\"text\": part{neighbour}.clean(name), \"position\": -position}})\n\
             \x20   if request.method == \"POST\":\n\
             \x20       return send_from_directory(BASE, name)\n\
             \x20   if not items:\n\
             \x20       abort(404)\n\
             \x20   total = sum(item[\"position\"] for item in items)\n\
             \x20   return render_template(\"list.html\", items=items, total=total, text=text)\n\n\n"
        ));
    }
    text
}
