"""Credentials of servers, kept out of all output."""

import base64
import configparser
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote


def redact(uri: str) -> str:
    """Return the address without the user and password it may hold.

    >>> redact("https://me:secret@host:5000/x")
    'https://host:5000/x'
    """
    return re.sub(r"(?<=://)\S*@", "", uri)


def hide_secrets(message: str) -> str:
    """Return the message without logins in its addresses and without passwords and tokens of MLflow and PostgreSQL.

    >>> hide_secrets("no answer from https://me:secret@host:5000/x")
    'no answer from https://host:5000/x'
    """
    message = redact(message)
    for secret in _find_secrets():
        message = message.replace(secret, "***")
    return message


def _find_secrets() -> Iterator[str]:
    """Yield the credentials that an error of a server could repeat: password, token, and their encoded forms."""
    found = re.search(r"://([^\s:@]*):(\S*)@", os.environ.get("MLFLOW_TRACKING_URI", ""))
    user, password = (unquote(part) for part in found.groups()) if found else ("", "")
    pairs = [
        (user, password),
        (os.environ.get("MLFLOW_TRACKING_USERNAME", ""), os.environ.get("MLFLOW_TRACKING_PASSWORD", "")),
        _read_credentials(),
        ("", os.environ.get("MLFLOW_TRACKING_TOKEN", "")),
        ("", os.environ.get("PGPASSWORD", "")),
    ]
    for user, password in pairs:
        if password:
            yield from (base64.b64encode(f"{user}:{password}".encode()).decode(), password, quote(password, safe=""))


def _read_credentials() -> tuple[str, str]:
    """Return user and password of ~/.mlflow/credentials, where MLflow looks for them as well; "" without the file."""
    file = configparser.ConfigParser(interpolation=None)
    with suppress(OSError, UnicodeDecodeError, RuntimeError, configparser.Error):
        file.read(Path("~/.mlflow/credentials").expanduser(), encoding="utf-8")
    user, password = (file.get("mlflow", f"mlflow_tracking_{name}", fallback="") for name in ("username", "password"))
    return user, password
