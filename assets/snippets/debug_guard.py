"""Keep debug mode out of production.

FLASK_ENV declares the environment; unset means production. It is read here and not by
Flask, so this works on every version: Flask 2.3 and later ignore the variable.
"""

import functools
import os
import sys


def guard_debug(app):
    """Check the app once it is configured, and again whenever it is run."""
    _check(app)
    flask_run = app.run

    @functools.wraps(flask_run)
    def run(host=None, port=None, debug=None, load_dotenv=True, **options):
        _read_env_files(load_dotenv)
        if debug is not None:
            app.debug = bool(debug)
        _check(app, serving=True)
        if not _is_development():
            if options.get("use_debugger"):
                _refuse("the debugger is on")
            debug = False
        return flask_run(host, port, debug, False, **options)

    app.run = run
    return app


def _check(app, serving=False):
    server = _production_server()
    if _is_development():
        if server:
            raise RuntimeError(
                f"Refusing to start: FLASK_ENV=development under {server}."
            )
        return
    # What Flask's own reading of the variable takes for "on".
    if os.environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        _refuse("FLASK_DEBUG is set")
    # Tests may combine DEBUG with TESTING, but they never serve.
    if app.debug and (serving or server or not app.testing):
        _refuse("app.debug is True")


def _is_development():
    return os.environ.get("FLASK_ENV", "").strip().lower() == "development"


def _production_server():
    if os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        return "gunicorn"
    return next((name for name in ("uwsgi", "mod_wsgi") if name in sys.modules), None)


def _read_env_files(wanted):
    # app.run() would do this itself, but only after the check.
    from flask.cli import load_dotenv
    from flask.helpers import get_load_dotenv

    if get_load_dotenv(wanted):
        load_dotenv()


def _refuse(reason):
    message = f"Refusing to start: {reason} outside FLASK_ENV=development."
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        # Flask 1.x would show an exception inside the interactive debugger.
        sys.stderr.write(f"RuntimeError: {message}\n")
        sys.stderr.flush()
        os._exit(1)
    raise RuntimeError(message)
