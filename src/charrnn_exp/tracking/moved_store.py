"""The local store after its folder was moved or copied: the paths in its database lead to where it lies now.

MLflow writes absolute paths into the database. Left as they are, a copy would write its artifacts into the original.
"""

import contextlib
import os
import sqlite3
import urllib.parse
from pathlib import Path

LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of each path that MLflow keeps."""
ROOT = "select artifact_location from experiments where experiment_id = 0"
"""The folder of MLflow's own first experiment, which is there from the start, also where it was deleted."""


def mend_paths(database: Path, artifacts: str) -> str | None:
    """Let the paths of a store that was moved or copied lead into its present folder of artifacts.

    Args:
        database: of the store; the caller holds its lock.
        artifacts: address (`file://`) of the present folder.

    Returns:
        What was done, one line; None where nothing was wrong.

    Raises:
        sqlite3.OperationalError: if the database is locked.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        root = connection.execute(ROOT).fetchone()
        before = root[0].removesuffix("/0") if root and root[0] else artifacts
        if before == artifacts or _is_same_folder(before, artifacts):
            return None
        num_mended = sum(_replace(connection, *location, before, artifacts) for location in LOCATIONS)
    return (
        f"{database} was moved or copied from {_find_path(before).parent}: "
        f"{num_mended} paths in it now lead to {_find_path(artifacts)}"
    )


def _replace(connection: sqlite3.Connection, table: str, column: str, before: str, after: str) -> int:
    """Replace the start of the paths below a folder; return how many there were. Other paths stay as they are."""
    if column not in {row[1] for row in connection.execute(f"pragma table_info({table})")}:
        return 0
    return connection.execute(
        f"update {table} set {column} = ? || substr({column}, ?) where substr({column} || '/', 1, ?) = ?",
        (after, len(before) + 1, len(before) + 1, f"{before}/"),
    ).rowcount


def _is_same_folder(one: str, other: str) -> bool:
    """Return whether two addresses are one folder, by a link or a mount."""
    with contextlib.suppress(OSError):
        return os.path.samefile(_find_path(one), _find_path(other))
    return False


def _find_path(address: str) -> Path:
    return Path(urllib.parse.unquote(urllib.parse.urlsplit(address).path))
