"""The changes of settings in the life of a run: `changes.json`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from charrnn_exp.config.reading import flatten
from charrnn_exp.config.resumable import EPOCHWISE
from charrnn_exp.data.plan import Reshape
from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.files import read_json


@dataclass(frozen=True)
class Change:
    """A setting that a resumed run goes on with.

    Args:
        step: updates made with the old value.
        setting: dotted key.
        old: plain value before it; None: null, or there was none.
        new: plain value after it.
    """

    step: int
    setting: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.setting} {_show(self.old)} -> {_show(self.new)} after step {self.step:,}"


def find_changes(then: Mapping[str, Any], now: Mapping[str, Any], *, step: int, epoch_end: int) -> list[Change]:
    """Return the changes from settings to others, by group and name.

    Args:
        then: settings that the run had.
        now: settings that it goes on with.
        step: updates made.
        epoch_end: updates made when the epoch under way ends.
    """
    old, new = flatten(then), flatten(now)
    return [
        Change(epoch_end if key in EPOCHWISE else step, key, old.get(key), new.get(key))
        for key in [*new, *(key for key in old if key not in new)]
        if old.get(key) != new.get(key)
    ]


def join_changes(earlier: Iterable[Change], later: Iterable[Change], *, step: int) -> list[Change]:
    """Return all changes in the order of their steps, each setting at most once a step.

    Earlier changes after the step from which the run goes on hold from that step on, since all its settings do; those
    of the shape of batches stay at their epoch's end. A later change takes the place of earlier ones after its step.

    Args:
        earlier: in the order of their steps.
        later: of the session that begins.
        step: from which it goes on.

    >>> join_changes([Change(5, "seed", 1, 2)], [Change(5, "seed", 2, 3), Change(5, "name", "a", "b")], step=5)
    [Change(step=5, setting='seed', old=1, new=3), Change(step=5, setting='name', old='a', new='b')]
    """
    joined: list[Change] = []
    moved = (c if c.setting in EPOCHWISE else replace(c, step=min(c.step, step)) for c in earlier)
    for change in (*moved, *later):
        replaced = [c for c in joined if c.setting == change.setting and c.step >= change.step]
        joined = [c for c in joined if c not in replaced]
        joined.append(replace(change, old=replaced[0].old if replaced else change.old))
    return sorted((c for c in joined if c.old != c.new), key=lambda change: change.step)


def list_reshapes(changes: Iterable[Change]) -> list[Reshape]:
    """Return the changes of the shape of the batches, in the order given."""
    return [
        Reshape(step=c.step, field=c.setting.removeprefix("training."), old=c.old, new=c.new)
        for c in changes
        if c.setting in EPOCHWISE
    ]


def read_changes(path: Path, now: Mapping[str, Any]) -> list[Change]:
    """Return the changes of a run, in the order of their steps; none where there is no file.

    Args:
        path: of `changes.json`, which is written before the settings. After a kill between the two, the changes that
            the settings do not have were never made.
        now: settings of the run, by group and name.

    Raises:
        MachineError: if it is damaged.
    """
    try:
        changes = [Change(**entry) for entry in read_json(path)["changes"]]
        for change in changes:
            counts = [change.step, *((change.old, change.new) if change.setting in EPOCHWISE else ())]
            if not isinstance(change.setting, str) or not all(type(n) is int and 0 <= n < 2**62 for n in counts):
                raise ValueError(f"{str(change)[:100]!r}")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MachineError(
            f"{path} is damaged ({one_line(error)[:300]}): restore it from a copy of the run."
        ) from error
    values, made = flatten(now), []
    for change in reversed(sorted(changes, key=lambda change: change.step)):  # keeps equal steps in order
        if values.get(change.setting) != change.old:
            made.append(change)
            values[change.setting] = change.old
    return made[::-1]


def write_changes(changes: Iterable[Change]) -> str:
    """Return the text of `changes.json`."""
    return json.dumps({"changes": [asdict(change) for change in changes]}, indent=1) + "\n"


def describe_changes(changes: Iterable[Change]) -> str:
    """Return the changes as one line, for a tag."""
    return "; ".join(map(str, changes))


def _show(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
