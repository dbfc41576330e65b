"""Debug mode stays out of production: each case starts the app in a fresh process."""

import os
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), ROOT_FROM_HERE)
LOAD = "LOAD_STATEMENTS"
DECIDED_BY_TEST = ("FLASK_", "SERVER_SOFTWARE")


def start(statement="pass", **variables):
    """Load the app as a server would, then run a statement on it."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(DECIDED_BY_TEST)
    }
    environment.update(FLASK_SKIP_DOTENV="1")
    environment.update(variables)
    return subprocess.run(
        [sys.executable, "-c", LOAD + "\n" + statement],
        cwd=ROOT,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(autouse=True, scope="module")
def app_starts_here():
    """Skip where the app lacks something that it needs to start, such as its database."""
    result = start()
    if result.returncode != 0 and "Refusing to start" not in result.stdout:
        pytest.skip("the app does not start here:\n" + result.stdout[-500:])


def assert_refused(result):
    assert result.returncode != 0, "it started:\n" + result.stdout
    assert "Refusing to start" in result.stdout


@pytest.mark.parametrize("variables", [{}, {"FLASK_ENV": "production"}])
def test_debug_is_off_in_production(variables):
    result = start("assert not app.debug and not app.config['DEBUG']", **variables)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("value", ["1", "true", "on"])
def test_flask_debug_is_refused_in_production(value):
    assert_refused(start(FLASK_DEBUG=value))


def test_development_is_refused_in_a_production_server():
    assert_refused(start(FLASK_ENV="development", SERVER_SOFTWARE="gunicorn/23.0.0"))


def test_development_still_starts():
    result = start(FLASK_ENV="development", FLASK_DEBUG="1")
    assert result.returncode == 0, result.stdout
