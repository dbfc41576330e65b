"""Secrets from AWS Secrets Manager."""

import json
import os

import boto3

MIN_LENGTH = 32


def load_secret(name, client=None):
    """Return NAME from the JSON secret AWS_SECRET_ID (region and role as usual)."""
    client = client or boto3.client("secretsmanager")
    response = client.get_secret_value(SecretId=os.environ["AWS_SECRET_ID"])
    value = json.loads(response["SecretString"]).get(name, "")
    if len(value) < MIN_LENGTH:
        raise RuntimeError(
            f"Secrets Manager: {name} has fewer than {MIN_LENGTH} characters"
        )
    return value
