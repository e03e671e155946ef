"""The copy of a run that goes on as a run of its own."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from charrnn_exp.config.reading import read_yaml, write_yaml
from charrnn_exp.errors import MachineError
from charrnn_exp.files import write_durably
from charrnn_exp.run_folder.folder import RunFolder


def copy_run(source: RunFolder, target: RunFolder, tracking: Mapping[str, Any], *, began: float) -> None:
    """Copy settings, vocabulary, metrics and checkpoints; log, samples and plots are those of the new run alone.

    The settings are written last, so that a kill leaves no half of a run.

    Args:
        source: the run.
        target: its folder is there, without a run.
        tracking: settings of the new run, plain values.
        began: Unix time at which its session began, seconds.

    Raises:
        MachineError: if a file cannot be read or written.
    """
    try:
        shutil.copytree(source.checkpoints, target.checkpoints)
        for folder in (target.samples, target.plots):
            folder.mkdir()
        for path in (source.vocabulary, source.versions, source.changes, source.metrics):
            if path.exists():
                shutil.copyfile(path, target.path / path.name)
        summary = replace(source.read_summary(), status="RUNNING", run_id=None, session_began=began)
        target.write_summary(summary)
        write_durably(target.config, write_yaml({**read_yaml(source.config), "tracking": dict(tracking)}))
    except OSError as error:
        raise MachineError(
            f"cannot copy {source.path} to {target.path.absolute()} ({error.strerror}): free some space, or mend the "
            "folder."
        ) from error
