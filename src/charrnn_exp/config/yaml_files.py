"""The YAML files of a user's own folder, looked at before Hydra reads any."""

import os
from pathlib import Path

import yaml

from charrnn_exp.config.reading import check_size
from charrnn_exp.config.references import find_unreadable
from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import read_text

MAX_FILES = 10_000
"""In a folder of the user's own settings."""


def check_files(config_dir: Path | None) -> None:
    """Refuse YAML files that would fill the memory, or with text that it would not read; Hydra reports the rest."""
    problems: list[str] = []
    for path in _list_yaml(config_dir) if config_dir else []:
        try:
            text = read_text(path)
            if "*" in text:  # only aliases make much of little
                check_size(text)
            if "${" in text or "???" in text:
                problems += find_unreadable(path, text)
        except yaml.YAMLError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            problems.append(f"{path} must be a readable YAML file, got: {one_line(error)}")
    if problems:
        raise UserError(*problems)


def _list_yaml(config_dir: Path) -> list[Path]:
    paths, num_files = [], 0
    for parent, _, files in os.walk(config_dir):
        num_files += len(files)
        if num_files > MAX_FILES:  # somebody's whole disk
            raise UserError(
                f"--config-dir must be a folder with YAML groups, got {config_dir}, which has over {MAX_FILES} files."
            )
        paths += [Path(parent, name) for name in files if name.endswith(".yaml")]
    return paths
