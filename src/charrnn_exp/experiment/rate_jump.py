"""A learning rate that jumps because a resumed run has another length."""

from collections.abc import Iterable

from charrnn_exp.config.choices import Schedule
from charrnn_exp.config.schema import Config
from charrnn_exp.data.plan import BatchPlan
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.changes import Change
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.training.progress import Progress
from charrnn_exp.training.schedule import find_planned_rate

LARGE = 1.5
"""Factor between two rates that is a jump."""
CHOSEN = ("optimizer.learning_rate", "optimizer.schedule", "optimizer.min_learning_rate", "optimizer.warmup_steps")
"""Settings of the rate itself: whoever changes one has asked for the rate that follows."""


def warn_of_jump(
    progress: Progress, changes: Iterable[Change], folder: RunFolder, *, then: tuple[Config, BatchPlan],
    now: tuple[Config, BatchPlan],
) -> list[str]:  # fmt: skip
    """Return a warning if the rate of the next update is far from that of the last one, with a way around it.

    Args:
        progress: of the run.
        changes: of this session.
        folder: of the run.
        then: settings and plan of the updates made.
        now: settings and plan of the updates to come.
    """
    changes = list(changes)
    (old, old_plan), (new, new_plan), step = then, now, progress.step
    is_chosen = any(change.setting in CHOSEN for change in changes)
    if not changes or is_chosen or step <= new.optimizer.warmup_steps or new.optimizer.schedule is not Schedule.cosine:
        return []
    last = find_planned_rate(old.optimizer, old.training, old_plan, step=step - 1)
    unchanged = find_planned_rate(old.optimizer, old.training, old_plan, step=step)
    coming = find_planned_rate(new.optimizer, new.training, new_plan, step=step)
    if unchanged / LARGE <= coming <= last * LARGE:
        return []
    rate = f"{last:.3g}"
    words = [f"{change.setting}={'null' if change.new is None else change.new}" for change in changes]
    words += ["optimizer.schedule=constant", f"optimizer.learning_rate={rate}"]
    words += ["optimizer.min_learning_rate=0"] if new.optimizer.min_learning_rate > float(rate) else []
    return [
        f"the learning rate jumps from {rate} to {coming:.3g} ({coming / new.optimizer.learning_rate:.0%} of its peak) "
        f"with the next update: the cosine spans {new_plan.count_steps(new.training):,} updates in place of "
        f"{old_plan.count_steps(old.training):,}. Without the jump: {name_program()} resume run={folder.path} "
        f"{' '.join(words)} (or a larger constant rate)"
    ]
