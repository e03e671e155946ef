"""Checks of the settings of MLflow."""

import os
import re
from collections.abc import Iterator

from charrnn_exp.config.checks.ranges import at_least
from charrnn_exp.config.choices import VIEWS, Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import redact

MLFLOW_NAME_LENGTH = 250


def find_tracking_problems(tracking: TrackingConfig) -> Iterator[str]:
    """Yield the problems of the settings of MLflow, one line each."""
    for field in ("experiment_name", "run_name"):
        value = getattr(tracking, field)
        if value is not None and not (len(value.strip()) > 0 and len(value) <= MLFLOW_NAME_LENGTH):
            yield f"tracking.{field} must be 1 to {MLFLOW_NAME_LENGTH} characters, got {value!r}."
    for key in tracking.tags:
        if not re.fullmatch(r"[\w./ -]{1,250}", key):
            yield f"tracking.tags must have keys of letters, digits, '_', '.', '/', '-' and spaces, got {key!r}."
    yield from at_least("tracking.log_every_steps", tracking.log_every_steps, 1)
    for kind in tracking.views or ():
        if kind not in VIEWS:
            yield f"tracking.views must be a list of {', '.join(VIEWS)}, got {kind!r}."
    uri = tracking.uri or os.environ.get("MLFLOW_TRACKING_URI")
    match tracking.backend:
        case Backend.server if not uri:
            yield (
                "tracking.uri must be the address of the server when tracking=server, got null. "
                "Set tracking.uri=http://HOST:5000 or MLFLOW_TRACKING_URI."
            )
        case Backend.server if not str(uri).startswith(("http://", "https://")):
            yield f"tracking.uri must start with http:// or https:// when tracking=server, got {redact(str(uri))!r}."
        case Backend.server if tracking.uri and redact(tracking.uri) != tracking.uri:
            yield (
                "tracking.uri must be without user and password, since settings are written down, got some for "
                f"{redact(tracking.uri)!r}. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
            )
        case Backend.local | Backend.none if tracking.uri is not None:
            yield (
                f"tracking.uri must be null when tracking={tracking.backend.name}, got {redact(tracking.uri)!r}. "
                "Use tracking=server."
            )
