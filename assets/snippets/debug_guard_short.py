"""Keep debug mode out of production."""

import os
import sys


def guard_debug(app):
    """Refuse to start with debug on unless FLASK_ENV declares development."""
    development = os.environ.get("FLASK_ENV", "").strip().lower() == "development"
    flag = os.environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no")
    if (app.debug or flag) and not development:
        raise RuntimeError("Refusing to start: debug is on in production.")
    gunicorn = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn")
    if development and (gunicorn or "uwsgi" in sys.modules):
        raise RuntimeError("Refusing to start: development in a production server.")
