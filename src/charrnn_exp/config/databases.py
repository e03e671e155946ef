"""Addresses of the databases that keep the trials of a search; passwords are never part of them."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from charrnn_exp.config.secrets import redact

STORAGE_KEY = "hydra.sweeper.storage"
POSTGRESQL = ("postgresql", "postgresql+psycopg")
FORMS = "null, sqlite:///FILE or postgresql://USER@HOST/DATABASE"


def find_database_problem(address: str) -> str | None:
    """Return a line on an address that cannot be used, without its secrets; None: it can.

    >>> find_database_problem("postgresql+psycopg://me@host:5432/studies")
    >>> find_database_problem("postgresql://me:secret@host/studies")
    'hydra.sweeper.storage must be without a password, got one. Put it into PGPASSWORD or ~/.pgpass.'
    """
    if _has_password(address):
        return f"{STORAGE_KEY} must be without a password, got one. Put it into PGPASSWORD or ~/.pgpass."
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return f"{STORAGE_KEY} must be {FORMS}, got {redact(address)!r}."
    is_file = parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1 and not parts.query
    is_server = parts.scheme in POSTGRESQL and len(parts.path) > 1
    if not address.isprintable() or not (is_file or is_server):
        return f"{STORAGE_KEY} must be {FORMS}, got {redact(address)!r}."
    return None


def find_typed_passwords(words: Sequence[str]) -> Iterator[str]:
    """Yield a line for each word that types a password of the database, before any other line could repeat it."""
    for word in words:
        key, _, value = word.lstrip("+").partition("=")
        if key == STORAGE_KEY and _has_password(value.strip("'\"")):
            problem = find_database_problem(value.strip("'\""))
            assert problem is not None
            yield problem


def name_driver(address: str) -> str:
    """Return the address with the driver that `charrnn_exp[optuna]` brings.

    >>> name_driver("postgresql://host/studies")
    'postgresql+psycopg://host/studies'
    """
    return re.sub(r"^postgresql://", "postgresql+psycopg://", address)


def _has_password(address: str) -> bool:
    """Return whether the address holds a password: after the user, or as an option of the connection."""
    rest = address.partition("://")[2]
    user = rest.rpartition("@")[0]
    options = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    return ":" in user or any("pass" in name.lower() for name, _ in options)
