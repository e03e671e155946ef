"""Credentials of servers, kept out of all output."""

import base64
import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote


def redact(uri: str) -> str:
    """Return the address without the user and password it may hold.

    >>> redact("https://me:secret@host:5000/x")
    'https://host:5000/x'
    """
    return re.sub(r"(?<=://)\S*@", "", uri)


def hide_secrets(message: str) -> str:
    """Return the message without users and passwords in its addresses, nor those of MLFLOW_TRACKING_* and PGPASSWORD.

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
        ("", os.environ.get("MLFLOW_TRACKING_TOKEN", "")),
        ("", os.environ.get("PGPASSWORD", "")),
    ]
    for user, password in pairs:
        if password:
            yield from (base64.b64encode(f"{user}:{password}".encode()).decode(), password, quote(password, safe=""))
