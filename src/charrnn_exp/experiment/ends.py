"""Sentences on the end of a training: the reason, and the way to go on."""

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.data.plan import BatchPlan
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.training.progress import Progress


def explain_end(progress: Progress, training: TrainingConfig, plan: BatchPlan) -> str | None:
    """Return the reason for which the training ended before its last epoch did; None: all epochs are done.

    Args:
        progress: after the last update.
        training: settings of the loop.
        plan: of the batches.
    """
    num_steps, num_epoch_steps = plan.count_steps(training), plan.count_epoch_steps(training.epochs)
    epoch = progress.epoch + (1 if progress.step_in_epoch else 0)
    if progress.step < num_steps:
        return (
            f"early stopping after step {progress.step:,} (epoch {epoch} of {training.epochs}): "
            f"{progress.validations_since_best} validations without a better val_loss. The best, "
            f"{progress.best_val_loss:.4f}, is of step {progress.best_step:,}: scores, sample and the verbs take it."
        )
    if progress.step == num_steps < num_epoch_steps:
        return (
            f"training.max_steps={training.max_steps} ended the training in epoch {epoch} of {training.epochs}, "
            f"which have {num_epoch_steps:,} updates."
        )
    return None


def advise_longer(progress: Progress, training: TrainingConfig, plan: BatchPlan, folder: RunFolder) -> str:
    """Return the command that trains a finished run longer."""
    step, num_epoch_steps = progress.step, plan.count_epoch_steps(training.epochs)
    if step < plan.count_steps(training):
        patience = (training.early_stopping_patience or 0) + progress.validations_since_best
        words = f"training.early_stopping_patience={patience}"
    elif 2 * step <= num_epoch_steps:
        words = f"training.max_steps={2 * step}"
    elif step < num_epoch_steps:
        words = "training.max_steps=null"
    else:
        words = f"training.epochs={2 * max(training.epochs, progress.epoch)}"
        words += " training.max_steps=null" if training.max_steps is not None and training.max_steps <= step else ""
    return f"{name_program()} resume run={folder.path} {words}"


def warn_of_length(training: TrainingConfig, plan: BatchPlan) -> list[str]:
    """Return a warning if max_steps asks for more updates than the epochs have."""
    num_epoch_steps = plan.count_epoch_steps(training.epochs)
    if training.max_steps is None or training.max_steps <= num_epoch_steps:
        return []
    each = plan.phases[-1].order.steps_per_epoch
    epochs = training.epochs + -((num_epoch_steps - training.max_steps) // each)
    return [
        f"training.max_steps={training.max_steps} is not reached: training.epochs={training.epochs} ends the run after "
        f"{num_epoch_steps:,} updates. training.epochs={epochs} makes them all."
    ]
