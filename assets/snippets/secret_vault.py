"""Secrets from HashiCorp Vault (key/value engine, version 2)."""

import os

import hvac

MIN_LENGTH = 32


def load_secret(name, client=None):
    """Return NAME from the secret at VAULT_SECRET_PATH."""
    # VAULT_ADDR and VAULT_TOKEN come from the environment.
    client = client or hvac.Client()
    if not client.is_authenticated():
        raise RuntimeError("Vault does not accept VAULT_TOKEN")
    secret = client.secrets.kv.v2.read_secret_version(
        path=os.environ["VAULT_SECRET_PATH"],
        mount_point=os.environ.get("VAULT_MOUNT", "secret"),
        raise_on_deleted_version=True,
    )
    value = secret["data"]["data"].get(name, "")
    if len(value) < MIN_LENGTH:
        raise RuntimeError(f"Vault: {name} has fewer than {MIN_LENGTH} characters")
    return value
