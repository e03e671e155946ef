"""Two questions, kept apart: do two models differ on this text, and do two settings differ over their seeds?"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from charrnn_exp.sweeps.comparison.entries import Entry
from charrnn_exp.sweeps.comparison.groups import Group, Variant
from charrnn_exp.sweeps.comparison.statistics import (
    LEVEL,
    Difference,
    compare_blocks,
    compare_seeds,
    correct_holm,
)

T = TypeVar("T", tuple[str, Entry], Variant)

SPLITS = {"val": "validation text", "test": "test text"}
MAX_ALL_MODELS = 4
"""With more runs than this, only the best run of each variant is a model that is compared."""
MAX_COMPARED = 20
"""Most variants that are compared pair by pair, the lowest losses: their runs and their seeds."""
MAX_TOLD = 6
"""Most verdicts of a question that are told in words: those with the lowest loss first."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a comparison of two says.

    Args:
        first: the one with the lower loss.
        second: the other.
        difference: first minus second, nats per character; None: there is no verdict.
        p: of the difference, corrected by Holm's method for all comparisons of the question.
        reason: why there is no verdict; "" where there is one.
    """

    first: str
    second: str
    difference: Difference | None
    p: float | None
    reason: str = ""

    @property
    def is_found(self) -> bool:
        """Whether the two are called different."""
        return self.p is not None and self.p < LEVEL


@dataclass(frozen=True, kw_only=True)
class Answer:
    """All verdicts of one question.

    Args:
        question: models or settings.
        text: name of the text that the models read.
        method: the test, in words.
        verdicts: those with the lowest loss first.
    """

    question: str
    text: str
    method: str
    verdicts: tuple[Verdict, ...]

    def tell(self) -> Iterator[str]:
        """Yield sentences: the verdicts on the best one (of all pairs, where these are few), and the method."""
        reasons = {verdict.reason for verdict in self.verdicts}
        if len(reasons) == 1 and "" not in reasons:
            yield f"{reasons.pop()}."
            return
        best = self.verdicts[0].first if self.verdicts else ""
        told = [each for each in self.verdicts if len(self.verdicts) <= MAX_TOLD or each.first == best][:MAX_TOLD]
        for verdict in told:
            yield self._tell(verdict)
        if len(told) < len(self.verdicts):
            num_found = sum(verdict.is_found for verdict in self.verdicts)
            yield f"{num_found} of all {len(self.verdicts)} pairs are called different; format=json lists them."
        if num_judged := sum(verdict.difference is not None for verdict in self.verdicts):
            yield self.method + (f"; p corrected for {num_judged} comparisons (Holm)." if num_judged > 1 else ".")

    def _tell(self, verdict: Verdict) -> str:
        first, second, found = verdict.first, verdict.second, verdict.difference
        if found is None or verdict.p is None:
            return f"{first} and {second}: {verdict.reason}."
        numbers = f"{abs(found.value):.4f} +- {found.error:.4f}"
        p = "p < 0.0001" if verdict.p < 0.0001 else f"p = {verdict.p:.4f}"
        if self.question == "models":
            if verdict.is_found:
                better, worse = (first, second) if found.value < 0 else (second, first)
                return f"{better} reads this text better than {worse} by {numbers} ({p})."
            return f"{first} and {second}: no difference shown on this text ({numbers}, {p})."
        if verdict.is_found:
            return f"The settings of {first} are better than those of {second} by {numbers} ({p})."
        return f"The settings of {first} and {second}: no difference shown over their seeds ({numbers}, {p})."


def answer(group: Group) -> list[Answer]:
    """Return the answers to both questions; none where a group has one run."""
    found = []
    models = _choose_models(group)
    if len(models) > 1:
        few = f"the {len(models)} best" if len(group.variants) == 1 else "the best run of each variant"
        who = "all runs" if len(models) == group.num_runs else few
        for split in SPLITS:
            if split == "val" or any(entry.blocks.get(split) for _, entry in models):
                found.append(_answer_models(models, split, who))
    variants = group.variants[:MAX_COMPARED]
    if len(variants) > 1:
        found.append(_answer_settings(variants))
    return found


def _choose_models(group: Group) -> list[tuple[str, Entry]]:
    """Return the runs that are compared as models, each with its name, the lowest loss first."""
    if group.num_runs <= MAX_ALL_MODELS or len(group.variants) == 1:
        found = [(variant, run) for variant in group.variants for run in variant.runs][: 2 * MAX_COMPARED]
    else:
        found = [(variant, variant.runs[0]) for variant in group.variants[:MAX_COMPARED]]
    found.sort(key=lambda each: each[1].loss or 0.0)
    return [
        (variant.letter if len(variant.runs) == 1 else f"{variant.letter} (seed {run.seed})", run)
        for variant, run in found
    ]


def _answer_models(models: Sequence[tuple[str, Entry]], split: str, who: str) -> Answer:
    def compare(first: tuple[str, Entry], second: tuple[str, Entry]) -> tuple[Difference | None, str]:
        if not all(run.blocks.get(split) for _, run in (first, second)):
            return None, "no paired verdict on the models: the losses of blocks are missing (older run, or short text)"
        found = compare_blocks(first[1].blocks[split], second[1].blocks[split])
        return found, "no paired verdict on the models: their blocks are not the same"

    num_blocks = max(len(entry.blocks.get(split, ())) for _, entry in models)
    text = SPLITS[split]
    return Answer(
        question="models",
        text=text,
        method=f"Models: {who}, paired over the {num_blocks} blocks of the {text}, +- one standard error",
        verdicts=_judge(models, compare, lambda model: model[0]),
    )


def _answer_settings(variants: Sequence[Variant]) -> Answer:
    def compare(first: Variant, second: Variant) -> tuple[Difference | None, str]:
        counts = [len(variant.runs) for variant in (first, second)]
        if max(counts) < 2:
            return None, "one seed each: no verdict on the settings"
        if min(counts) < 2:
            few = first if counts[0] < 2 else second
            return None, f"one seed of {few.letter}: no verdict on the settings"
        losses = [[run.loss or 0.0 for run in variant.runs] for variant in (first, second)]
        return compare_seeds(*losses), "their seeds make no difference: no verdict on the settings"

    return Answer(
        question="settings",
        text=SPLITS["val"],
        method="Settings: Welch's t over seeds, +- one standard error",
        verdicts=_judge(variants, compare, lambda variant: f"{variant.letter} (n={len(variant.runs)})"),
    )


def _judge(
    compared: Sequence[T], compare: Callable[[T, T], tuple[Difference | None, str]], name: Callable[[T], str]
) -> tuple[Verdict, ...]:
    """Return the verdicts on all pairs, with p corrected for those that have one."""
    pairs = list(itertools.combinations(compared, 2))
    found = [compare(first, second) for first, second in pairs]
    corrected = iter(correct_holm([difference.p for difference, _ in found if difference is not None]))
    return tuple(
        Verdict(first=name(first), second=name(second), difference=None, p=None, reason=reason)
        if difference is None
        else Verdict(first=name(first), second=name(second), difference=difference, p=next(corrected))
        for (first, second), (difference, reason) in zip(pairs, found, strict=True)
    )
