"""A training that diverged: the weights of the step before are kept, and the run can go on from before the trouble."""

import math
from collections.abc import Iterable

from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.reading import read_yaml
from charrnn_exp.config.resumable import OF_NUMBERS
from charrnn_exp.config.schema import OptimizerConfig
from charrnn_exp.errors import UserError
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.changes import Change
from charrnn_exp.run_folder.checkpoint import Snapshot
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics

CLIP_NORM = 1.0


def keep_diverged(store: CheckpointStore, snapshot: Snapshot, folder: RunFolder, *, num_symbols: int) -> None:
    """Save the state of the step before the update that was not finite, and the step to resume from.

    That is the newest checkpoint whose weights were still better than guessing: the loss of the update after it was
    below ln v.

    Args:
        store: of the run.
        snapshot: of the state, whose step is not 0.
        folder: has the losses by step.
        num_symbols: v.
    """
    losses = dict(read_metrics(folder.metrics).get("train_loss", []))
    found = [checkpoint for checkpoint in store.find_all() if checkpoint.step < snapshot.step]
    sound = [each.step for each in found if losses.get(each.step + 1, math.inf) < math.log(num_symbols)]
    kept = any(each.is_kept() for each in store.find_all() if each.step == snapshot.step)
    store.save(snapshot, kept=kept, resume_from=max(sound, default=0))


def check_calmed(changes: Iterable[Change], diverged_after: int, folder: RunFolder, optimizer: OptimizerConfig) -> None:
    """Refuse to resume a run that diverged with the settings that it diverged with.

    Raises:
        UserError: if no setting is changed that might help.
    """
    if not any(change.setting.startswith(OF_NUMBERS) for change in changes):
        raise UserError(
            f"run {folder.path} diverged after step {diverged_after:,}, and would again: change its settings. "
            + advise_calmer(optimizer, folder)
        )


def advise_calmer(optimizer: OptimizerConfig, folder: RunFolder) -> str:
    """Return the sentence with the command that goes on from before the trouble, with smaller steps."""
    rate = min(optimizer.learning_rate / 10, _read_usual_rate(optimizer))
    words = [f"optimizer.learning_rate={rate:.3g}"]
    if optimizer.min_learning_rate > float(f"{rate:.3g}"):
        words.append("optimizer.min_learning_rate=0")
    if optimizer.clip_norm is None and optimizer.clip_value is None:
        words.append(f"optimizer.clip_norm={CLIP_NORM:g}")
    return f"Go on from before that with smaller steps: {name_program()} resume run={folder.path} {' '.join(words)}"


def _read_usual_rate(optimizer: OptimizerConfig) -> float:
    """Return the learning rate that conf/ has for the optimizer."""
    conf = find_conf_folder()
    values = [read_yaml(conf / place) for place in (f"optimizer/{optimizer.name.name}.yaml", "base/optimizer.yaml")]
    return float(next(each["learning_rate"] for each in values if "learning_rate" in each))
