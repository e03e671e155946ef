"""Settings drawn one by one, made to go together."""

from collections.abc import Mapping

from stress.setting_values import Typed

Drawn = dict[str, Typed]
NEED_VALIDATION = ("early_stopping_patience", "validate_every_steps", "max_val_characters")


def make_sense(drawn: Drawn, groups: Mapping[str, str]) -> None:
    """Give the values that need a choice that choice; take away those that another one leaves without a meaning.

    Args:
        drawn: values by setting, changed in place.
        groups: chosen options, `{"optimizer": "sgd"}`.
    """
    _complete_optimizer(drawn, groups.get("optimizer", "adamw"))
    _complete_split(drawn)
    if drawn.get("training.stateful", ("", True))[1] is False:
        _drop(drawn, "training.drop_state_probability")
    if "sampling.prompt_file" in drawn:
        _drop(drawn, "sampling.prompt")
    if "sampling.num_samples" in drawn:
        _drop(drawn, "sampling.beams")


def _complete_optimizer(drawn: Drawn, optimizer: str) -> None:
    if optimizer == "adam":
        _drop(drawn, "optimizer.weight_decay")
    if optimizer != "sgd":
        _drop(drawn, "optimizer.momentum")
    if optimizer != "rmsprop":
        _drop(drawn, "optimizer.rho")
    if "optimizer.plateau_patience" in drawn:
        _drop(drawn, "optimizer.decay_every_epochs", "dataset.split")
        drawn |= {"optimizer.schedule": ("plateau", "plateau"), "optimizer.decay_rate": ("0.5", 0.5)}
    elif "optimizer.decay_every_epochs" in drawn or "optimizer.decay_rate" in drawn:
        drawn["optimizer.schedule"] = ("step", "step")
        drawn.setdefault("optimizer.decay_rate", ("0.5", 0.5))
        drawn.setdefault("optimizer.decay_every_epochs", ("2", 2.0))
    if "optimizer.min_learning_rate" in drawn:
        _drop(drawn, "optimizer.learning_rate")


def _complete_split(drawn: Drawn) -> None:
    if "dataset.split_streams" in drawn:
        _drop(drawn, "dataset.val_fraction", "dataset.test_fraction")
        drawn["dataset.split"] = ("charrnn", "charrnn")
    elif "dataset.val_fraction" in drawn or "dataset.test_fraction" in drawn:
        drawn["dataset.split"] = ("fraction", "fraction")
        drawn.setdefault("dataset.val_fraction", ("0.25", 0.25))
    if drawn.get("dataset.split", ("", ""))[1] == "none":
        _drop(drawn, *(f"training.{each}" for each in NEED_VALIDATION))


def _drop(drawn: Drawn, *keys: str) -> None:
    for key in keys:
        drawn.pop(key, None)
