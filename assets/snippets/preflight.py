"""Load the app the way the server will, and refuse to start it with debug mode on.

    python preflight.py wsgi:app && exec gunicorn wsgi:app

Exit status: 0 safe to start, 1 unsafe, 2 the app could not be loaded.
"""

import ast
import importlib
import os
import sys
import traceback


def load(target):
    """Load MODULE:APP, where APP is a name or a call with constant arguments."""
    module_name, _, expression = target.partition(":")
    sys.path.insert(0, os.getcwd())
    module = importlib.import_module(module_name)
    node = ast.parse(expression or "application", mode="eval").body
    if isinstance(node, ast.Name):
        return getattr(module, node.id)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise TypeError(f"neither a name nor a call: {expression!r}")
    args = [ast.literal_eval(arg) for arg in node.args]
    kwargs = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
    return getattr(module, node.func.id)(*args, **kwargs)


def layers(app):
    """The app, and whatever middleware is wrapped around it, outermost first."""
    found = []
    while app is not None and not any(app is other for other in found):
        found.append(app)
        if hasattr(app, "config") and hasattr(app, "debug"):
            break
        app = getattr(app, "app", None) or getattr(app, "wsgi_app", None)
    return found


def problems(app):
    wrapped = layers(app)
    names = [type(layer).__name__ for layer in wrapped]
    flask_app = wrapped[-1] if wrapped and hasattr(wrapped[-1], "config") else None
    if flask_app is not None:
        names.append(type(flask_app.wsgi_app).__name__)
    if "DebuggedApplication" in names:
        yield "the app is wrapped in Werkzeug's debugger"
    if flask_app is None:
        yield "no Flask app found in " + " > ".join(names)
        return
    if flask_app.debug or flask_app.config.get("DEBUG"):
        yield "debug mode is on"
    if flask_app.testing:
        yield "testing mode is on"
    if os.environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        yield "FLASK_DEBUG is set"
    if os.environ.get("FLASK_ENV", "").strip().lower() == "development":
        yield "FLASK_ENV is development"
    if not flask_app.secret_key:
        yield "SECRET_KEY is empty"


def main(arguments):
    if len(arguments) != 1:
        sys.stderr.write(__doc__)
        return 2
    try:
        app = load(arguments[0])
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        sys.stderr.write(f"preflight: could not load {arguments[0]}\n")
        return 2
    found = list(problems(app))
    for problem in found:
        sys.stderr.write(f"preflight: {problem}\n")
    if not found:
        print(f"preflight: {arguments[0]} loads with debug off")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
