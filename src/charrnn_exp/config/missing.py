"""Options that a command names and no file has: the known ones, or the package that brings it."""

from hydra.errors import MissingConfigException

from charrnn_exp.config.overrides import suggest
from charrnn_exp.errors import one_line

PACKAGES = {
    "hydra/launcher": {
        "joblib": "hydra-joblib-launcher",
        "ray_aws": "hydra-ray-launcher",
        "rq": "hydra-rq-launcher",
        "submitit_local": "hydra-submitit-launcher",
        "submitit_slurm": "hydra-submitit-launcher",
    },
    "hydra/sweeper": {
        "ax": "hydra-ax-sweeper",
        "nevergrad": "hydra-nevergrad-sweeper",
    },
}
"""The packages that bring a launcher or sweeper."""


def explain_missing(error: MissingConfigException) -> str:
    """Return a line on the missing option."""
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if not error.options:
        return f"{error.missing_cfg_file!r} must be a known config file. {one_line(error)}"
    options = sorted(error.options)
    package = PACKAGES.get(group, {}).get(option)
    hint = f". Install it: python -m pip install {package}" if package else suggest(option, options) or "."
    return f"{group} must be one of {', '.join(options)}, got {option!r}{hint}"
