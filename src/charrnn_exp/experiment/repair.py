"""The repair of a run that died: its true status, and the data that MLflow lacks."""

from collections.abc import Callable
from dataclasses import replace

from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.access import probe_server
from charrnn_exp.tracking.catch_up import catch_up

DEAD = "KILLED"
"""The status of a run whose process died without writing one."""


def repair_run(folder: RunFolder, read_tracking: Callable[[], TrackingConfig]) -> list[str]:
    """Repair one run; return the repairs in words. A sound run is only read.

    Args:
        folder: of the run.
        read_tracking: returns its settings of tracking; called only for a repair.

    Raises:
        RunInUseError: if a process works on the run.
        MachineError: if the run is damaged, or the tracking server refuses access; then nothing is written.
        Exception: any of MLflow.
    """
    has_ended = folder.read_summary().has_ended
    if has_ended and folder.read_tracking().get("complete", True):
        return []
    with folder.lock():
        has_ended = folder.read_summary().has_ended  # it may have been about to end
        tracking = read_tracking()
        if record := folder.read_tracking():
            probe_server(tracking, run_id=record.get("run_id"))
        done = [] if has_ended else [_mark_dead(folder)]
        sent = catch_up(folder, tracking)
        return [*done, str(sent)] if sent is not None else done


def _mark_dead(folder: RunFolder) -> str:
    """Write the summary of a run whose process died."""
    found, summary = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all(), folder.read_summary()
    if found:
        summary = replace(summary, step=found[-1].step, checkpoint=f"checkpoints/{found[-1].folder.name}")
    folder.write_summary(replace(summary, status=DEAD))
    return f"died, now {DEAD}; go on with: {name_program()} resume run={folder.path}"
