"""Secrets from Azure Key Vault."""

import os

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

MIN_LENGTH = 32


def load_secret(name, client=None):
    """Return NAME from AZURE_KEY_VAULT_URL; SECRET_KEY is the secret SECRET-KEY."""
    if client is None:
        vault = os.environ["AZURE_KEY_VAULT_URL"]
        client = SecretClient(vault, DefaultAzureCredential())
    value = client.get_secret(name.replace("_", "-")).value or ""
    if len(value) < MIN_LENGTH:
        raise RuntimeError(f"Key Vault: {name} has fewer than {MIN_LENGTH} characters")
    return value
