"""The checkpoint that a run goes on from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import Checkpoint
from charrnn_exp.run_folder.checkpoints import CheckpointStore


@dataclass(frozen=True, kw_only=True)
class ResumePoint:
    """The newest whole checkpoint; where the training diverged after it, the one that its manifest names.

    Args:
        checkpoint: None: the run starts at step 0.
        weights: arrays of the checkpoint.
        training: arrays of the checkpoint.
        warnings: a line for each damaged checkpoint that was skipped.
        diverged_after: step after which the training diverged; None: it did not.
    """

    checkpoint: Checkpoint | None = None
    weights: Arrays = field(default_factory=dict)
    training: Arrays = field(default_factory=dict)
    warnings: Sequence[str] = ()
    diverged_after: int | None = None

    @property
    def step(self) -> int:
        """Updates made."""
        return 0 if self.checkpoint is None else self.checkpoint.step


def find_resume_point(store: CheckpointStore) -> ResumePoint:
    """Return the point that a run resumes from; nothing is changed on disk.

    Raises:
        MachineError: if there are checkpoints, and none is whole.
    """
    candidates = sorted([*store.find_all(), *store.find_hidden()], key=lambda checkpoint: checkpoint.step)
    if not candidates:
        return ResumePoint()
    checkpoint, weights, training, warnings = store.read_newest(candidates)
    back, diverged_after = checkpoint.read_manifest().get("resume_from"), None
    if type(back) is int:
        diverged_after = checkpoint.step
        candidates = [each for each in candidates if each.step <= back]
        if not candidates:
            return ResumePoint(diverged_after=diverged_after)
        checkpoint, weights, training, warnings = store.read_newest(candidates)
    return ResumePoint(
        checkpoint=checkpoint, weights=weights, training=training, warnings=warnings, diverged_after=diverged_after
    )
