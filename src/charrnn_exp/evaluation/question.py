"""What is asked of existing runs, and what comes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from charrnn_exp.config.choices import Unknown
from charrnn_exp.evaluation.adaptation import Adaptation
from charrnn_exp.evaluation.scores import Scores


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is scored, and how.

    Args:
        split: train, val, test or all; None: all, but with an adaptation not train, which takes hours.
        texts: files to be scored in place of the runs' own text.
        unknown: what to do with symbols of these that a run does not know.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        details: whether the scores have details.
        adaptation: of the weights to what they have scored; None: off.
        window: characters that are predicted from an empty state each time, as a Transformer does; None: the state
            is carried over the whole text.
    """

    split: str | None = None
    texts: tuple[Path, ...] = ()
    unknown: Unknown = Unknown.refuse
    checkpoint: str | None = None
    details: bool = False
    adaptation: Adaptation | None = None
    window: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The scores of one text by one speaker.

    Args:
        text: train, val, test, "text", or the path of one of several files.
        speaker: "" for a single run as it is, "run 2" for one of several, "ensemble of 3", "adapted (rms)".
        runs: folders of those who speak.
        scores: of the text.
        adaptation: of the weights; None: none.
        window: see `Question`.
    """

    text: str
    speaker: str
    runs: tuple[Path, ...]
    scores: Scores
    adaptation: Adaptation | None = None
    window: int | None = None

    @property
    def label(self) -> str:
        """The name of its row, which tells adapted numbers from plain ones."""
        return name_row(self.text, self.speaker, self.window)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; the names of adapted numbers begin with `adapted_`."""
        numbers: dict[str, Any] = self.scores.list_all()
        if self.scores.details is not None:
            numbers["details"] = self.scores.details.as_dict()
        prefix = "" if self.adaptation is None else "adapted_"
        return {
            "text": self.text,
            "speaker": self.speaker,
            "runs": list(map(str, self.runs)),
            "window": self.window,
            "adaptation": None if self.adaptation is None else self.adaptation.as_dict(),
            **{f"{prefix}{name}": value for name, value in numbers.items()},
        }


class Asked(NamedTuple):
    """A question that was checked, with its texts read: nothing is left that could be refused.

    Args:
        labels: of the answers, in their order.
        answers: one by one.
    """

    labels: tuple[str, ...]
    answers: Iterator[Answer]


def name_row(text: str, speaker: str, window: int | None) -> str:
    """Return the name of an answer.

    >>> name_row("val", "", None), name_row("val", "run 2", 256)
    ('val', 'val, run 2, windows of 256')
    """
    return ", ".join(filter(None, (text, speaker, f"windows of {window:,}" if window else "")))
