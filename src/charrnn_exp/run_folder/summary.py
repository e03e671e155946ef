"""The summary of a run: `summary.json` as a typed value."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The state of a run; a value that was not known when it was written is None or empty.

    Args:
        status: RUNNING, FINISHED, FAILED or KILLED; None without a `summary.json`.
        run_id: of the MLflow run.
        step: optimizer updates made.
        epoch: passes completed.
        train_loss: mean of the current epoch, or of the last complete one, nats per character.
        val_loss: of the sampled weights at the last validation, nats per character.
        val_loss_raw: of the weights without averaging.
        best_val_loss: lowest validation loss.
        best_step: where it was reached.
        test_loss: after the last step, nats per character.
        scores: all scores after the last step, by split and name, see `Scores.as_dict`.
        bits_per_char: val_loss in bits.
        ngram_val_loss: of the n-gram baseline on the same text, nats per character.
        published: the lowest loss published for the same text, unit and split, by part, see `Published`; None: none is.
        val_characters: of the validation text, `used` and `all`.
        dataset_notes: sentences about odd things in the text.
        num_parameters: trainable weights.
        chars_per_second: all characters over all update time of a session, without its first update, which compiles.
        seconds: wall clock of the last session.
        seconds_by_activity: their share by activity.
        checkpoint: the newest, a path in the run folder.
        sample: of the chosen weights, before the end the newest, a path in the run folder.
        chosen_step: step of the weights of the scores and the last sample, which the verbs take by default: after early
            stopping the best, else the last; None before the end.
        name: of the run, in titles and in MLflow.
        session_began: Unix time at which the last session began, seconds.
        num_sessions: sessions that worked on the run; 0: not recorded.
        block_losses: by split, the mean loss of each block of the scored text, see `Scores`, for paired comparisons;
            None where it was not recorded.
        novelty: of the sampled lines of a run on lines: their number, how many of them are distinct, and how many are
            known, as whole lines of the training text; None before the end, and of other runs.
        job_hash: of all that determines its numbers; None: not recorded, or it went on with other settings.
    """

    status: str | None = None
    run_id: str | None = None
    step: int = 0
    epoch: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_loss_raw: float | None = None
    best_val_loss: float | None = None
    best_step: int | None = None
    test_loss: float | None = None
    scores: dict[str, dict[str, float | None]] | None = None
    bits_per_char: float | None = None
    ngram_val_loss: float | None = None
    published: dict[str, dict[str, Any]] | None = None
    val_characters: dict[str, int] | None = None
    dataset_notes: list[str] | None = None
    num_parameters: int | None = None
    chars_per_second: float | None = None
    seconds: float | None = None
    seconds_by_activity: dict[str, float] | None = None
    checkpoint: str | None = None
    sample: str | None = None
    chosen_step: int | None = None
    name: str | None = None
    session_began: float | None = None
    num_sessions: int = 0
    block_losses: dict[str, list[float]] | None = None
    job_hash: str | None = None
    novelty: dict[str, int] | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the run wrote its end; one that did not is running, or was killed."""
        return self.status not in (None, "RUNNING")

    @property
    def speaks_by_best(self) -> bool:
        """Whether the best weights speak for the run, not the last: early stopping has ended it."""
        return self.chosen_step is not None and self.chosen_step != self.step

    def to_json(self) -> dict[str, Any]:
        """Return plain values in order; NaN and infinity, which JSON lacks, are None."""
        return {name: _to_json_value(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the summary of plain values; a missing key is None, an unknown one is ignored.

        Raises:
            ValueError: if a value is not of the type that a run writes.
        """
        known = {name: values[name] for name in TYPES if name in values}
        for name, value in known.items():
            if type(value) not in TYPES[name]:
                raise ValueError(f"must have {name} of type {TYPES[name][0].__name__}, got {str(value)[:100]!r}")
        return cls(**known)


def _list_types(hint: Any) -> tuple[type, ...]:
    """Return the types that JSON gives for a field: float is also int there."""
    kinds = [get_origin(kind) or kind for kind in (get_args(hint) if isinstance(hint, UnionType) else (hint,))]
    return (*kinds, int) if float in kinds else tuple(kinds)


def _to_json_value(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _to_json_value(each) for key, each in value.items()}
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


TYPES = {name: _list_types(hint) for name, hint in get_type_hints(Summary).items()}
"""The types that each value of a `summary.json` may be of."""
