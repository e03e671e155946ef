"""Groups of runs whose losses can be compared, and in each the variants: runs that differ in their seed alone."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from charrnn_exp.run_folder.overview import PROTOCOL
from charrnn_exp.sweeps.comparison.entries import Entry, is_compared
from charrnn_exp.sweeps.comparison.statistics import Spread, measure_spread
from charrnn_exp.views.runs import show_value

UNIT = "dataset.unit"
MAX_NUMBER = 1e18
"""A number of a summary that is not below it is damage, and left out."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Runs that differ in their seed alone.

    Args:
        letter: A for the lowest mean loss, then B.
        settings: those that differ between the variants, by dotted key.
        runs: one a seed, the lowest loss first.
        repeats: number of runs whose seed another has; of each seed the one worked on last counts.
        loss: validation loss over the seeds, nats per character.
    """

    letter: str
    settings: Mapping[str, Any]
    runs: tuple[Entry, ...]
    repeats: int
    loss: Spread

    @property
    def is_changed(self) -> bool:
        """Whether settings changed in the life of its runs."""
        return any(run.changes for run in self.runs)

    @property
    def label(self) -> str:
        """The settings that differ, as typed; the name of the run where none does."""
        words = [f"{key}={show_value(value)}" for key, value in self.settings.items()]
        return " ".join(words) or self.runs[0].overview.name

    def measure(self, name: str) -> Spread | None:
        """Return a number of the summaries over the seeds that have it.

        Args:
            name: test_loss, num_parameters, chars_per_second or seconds (of runs of one session).
        """
        summaries = [run.summary for run in self.runs]
        match name:
            case "test_loss":
                found = [each.test_loss for each in summaries]
            case "num_parameters":
                found = [each.num_parameters for each in summaries]
            case "chars_per_second":
                found = [each.chars_per_second for each in summaries]
            case "seconds":  # a summary has those of the last session alone
                found = [each.seconds if each.num_sessions < 2 else None for each in summaries]
            case _:
                raise ValueError(name)
        return measure_spread([float(value) for value in found if value is not None and abs(value) < MAX_NUMBER])


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs of one text, unit, split and scoring rule.

    Args:
        title: of the text and all that chooses its validation part.
        keys: settings that differ between its variants.
        variants: the lowest mean loss first.
    """

    title: str
    keys: tuple[str, ...]
    variants: tuple[Variant, ...]

    @property
    def num_runs(self) -> int:
        """Number of runs that count."""
        return sum(len(variant.runs) for variant in self.variants)


def make_groups(entries: Sequence[Entry], *, best: int | None = None) -> list[Group]:
    """Return the groups of the runs that can be ranked, the largest first.

    Args:
        entries: of all runs.
        best: number of variants of each group, the lowest losses, that are kept; None: all.
    """
    by_key: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.problem is None:
            by_key.setdefault(repr((entry.overview.protocol, entry.settings.get(UNIT))), []).append(entry)
    titles = _title([group[0] for group in by_key.values()])
    groups = [_make_group(title, group, best) for title, group in zip(titles, by_key.values(), strict=True)]
    return sorted(groups, key=lambda group: -group.num_runs)


def find_differing(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the settings that are compared and not the same in all runs."""
    keys = dict.fromkeys(key for entry in entries for key in entry.settings if is_compared(key))
    return tuple(key for key in keys if len({show_value(entry.settings.get(key)) for entry in entries}) > 1)


def _make_group(title: str, entries: Sequence[Entry], best: int | None) -> Group:
    keys, alike = find_differing(entries), dict[str, list[Entry]]()
    for entry in entries:
        values = [show_value(entry.settings.get(key)) for key in keys]
        alike.setdefault(json.dumps([values, [str(change) for change in entry.changes]]), []).append(entry)
    found = []
    for runs in alike.values():
        by_seed: dict[str, Entry] = {}
        for run in sorted(runs, key=lambda run: (run.summary.session_began or 0.0, str(run.folder.path))):
            by_seed[str(run.seed)] = run
        kept = sorted(by_seed.values(), key=lambda run: (run.loss or 0.0, str(run.folder.path)))
        loss = measure_spread([run.loss for run in kept if run.loss is not None])
        assert loss is not None, "of runs that can be ranked"
        found.append((loss, kept, len(runs) - len(kept)))
    found.sort(key=lambda each: each[0].mean)
    variants = tuple(
        Variant(
            letter=name_letter(place),
            settings={key: runs[0].settings.get(key) for key in keys},
            runs=tuple(runs),
            repeats=repeats,
            loss=loss,
        )
        for place, (loss, runs, repeats) in enumerate(found[:best])
    )
    return Group(title=title, keys=keys, variants=variants)


def name_letter(place: int) -> str:
    """Return the letter of a place, from 0.

    >>> name_letter(0), name_letter(25), name_letter(26), name_letter(701)
    ('A', 'Z', 'AA', 'ZZ')
    """
    name = ""
    while place >= 0:
        name = chr(ord("A") + place % 26) + name
        place = place // 26 - 1
    return name


def _title(firsts: Sequence[Entry]) -> Iterator[str]:
    """Yield a title for each group: its text, unit and split, and the rest where it tells groups apart."""
    names = [entry.overview.text_name for entry in firsts]
    for entry in firsts:
        overview, settings = entry.overview, entry.settings
        text, vocabulary = overview.text or ("", "")
        same = [each for each in firsts if each.overview.text_name == overview.text_name]
        shown = [overview.text_name]
        if len({each.overview.text for each in same}) > 1 or names.count(overview.text_name) > 1:
            shown.append(f"sha256 {text[:12]}")
        if len({each.overview.text for each in same if (each.overview.text or ("",))[0] == text}) > 1:
            shown.append(f"vocabulary {vocabulary[:12]}")
        _, files = overview.whole_text
        if files is not None and len({each.overview.whole_text for each in same}) > 1:
            shown.append(f"files {files[:12]}")
        shown += [f"unit {settings.get(UNIT)}", f"split {settings.get('dataset.split')}"]
        shown += [
            f"{key.partition('.')[2]} {show_value(settings[key])}"
            for key in PROTOCOL[1:]
            if settings.get(key) not in (None, False)
        ]
        shown += ["its parts scored as one, by an older program"] if overview.protocol[-1] else []
        yield ", ".join(shown)
