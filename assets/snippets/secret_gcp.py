"""Secrets from Google Secret Manager."""

import os

from google.cloud import secretmanager

MIN_LENGTH = 32


def load_secret(name, client=None):
    """Return the newest version of NAME in the project GOOGLE_CLOUD_PROJECT."""
    client = client or secretmanager.SecretManagerServiceClient()
    project = os.environ["GOOGLE_CLOUD_PROJECT"]
    version = f"projects/{project}/secrets/{name}/versions/latest"
    response = client.access_secret_version(request={"name": version})
    value = response.payload.data.decode("utf-8").strip()
    if len(value) < MIN_LENGTH:
        raise RuntimeError(
            f"Secret Manager: {name} has fewer than {MIN_LENGTH} characters"
        )
    return value
