"""Secrets from the environment, or from the files that Docker and Kubernetes mount."""

import os

MIN_LENGTH = 32


def load_secret(name, required=True):
    """Return the variable NAME, or the content of the file that NAME_FILE names."""
    path = os.environ.get(name + "_FILE")
    if path:
        with open(path, encoding="utf-8") as secret_file:
            value = secret_file.read().strip()
    else:
        value = os.environ.get(name, "").strip()
    if required and len(value) < MIN_LENGTH:
        raise RuntimeError(
            f"{name} is missing or shorter than {MIN_LENGTH} characters. Make one: "
            'python -c "import secrets; print(secrets.token_urlsafe(64))"'
        )
    return value
