"""The values that a search may choose from, in the form of Hydra's sweeps: lists, ranges and intervals.

optimizer.learning_rate=tag(log,interval(1e-4,1e-2))  model.hidden_size=choice(64,128)  seed=range(1,5)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep

from charrnn_exp.config.words import takes_whole_numbers
from charrnn_exp.errors import UserError


@dataclass(frozen=True)
class Choice:
    """A list of values without an order.

    Args:
        key: of the setting or group.
        word: the key as an override has it, with its '+'.
        text: the values as typed.
        values: each as an override has it.
    """

    key: str
    word: str
    text: str
    values: Sequence[str]

    def count_values(self) -> int:
        """Return the number of values."""
        return len(self.values)

    def list_ends(self) -> list[Any]:
        """Return the values to check before the search: all."""
        return list(self.values)


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` to `high`, both included.

    Args:
        key: of the setting.
        word: the key as an override has it, with its '+'.
        text: the values as typed.
        low: least number.
        high: largest number.
        step: from number to number; None: any number between.
        is_log: whether they are drawn evenly by their logarithm.
    """

    key: str
    word: str
    text: str
    low: float
    high: float
    step: float | None
    is_log: bool

    @property
    def is_whole(self) -> bool:
        """Whether all are whole numbers."""
        return isinstance(self.low, int)

    def count_values(self) -> int:
        """Return the number of values; there must be a step."""
        assert self.step is not None
        return 1 + round((self.high - self.low) / self.step)

    def list_ends(self) -> list[Any]:
        """Return the values to check before the search: the least and the largest."""
        return [self.low, self.high]


Parameter = Choice | Numbers


def read_space(words: Sequence[str]) -> tuple[list[Parameter], list[str]]:
    """Return the settings that a search chooses, and the words of those with one value.

    Called while conf/ is open, since a glob asks for the options of its group. A later word replaces an earlier one.

    Raises:
        UserError: with a line for each interval or range that no sampler can draw from.
    """
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    found: dict[str, Parameter | str] = {}
    problems: list[str] = []
    for word, override in zip(words, parser.parse_overrides(list(words)), strict=True):
        found.pop(override.key_or_group, None)
        try:
            found[override.key_or_group] = _read(override) if override.is_sweep_override() else word
        except UserError as error:
            problems += error.lines
    if problems:
        raise UserError(*problems)
    space = [each for each in found.values() if not isinstance(each, str)]
    return space, [each for each in found.values() if isinstance(each, str)]


def write_values(space: Sequence[Parameter], values: Mapping[str, Any]) -> list[str]:
    """Return the overrides that give the settings their values.

    >>> write_values([Numbers("seed", "seed", "range(1,5)", 1, 4, 1, False)], {"seed": 3})
    ['seed=3']
    """
    return [f"{each.word}={values[each.key]}" for each in space]


def list_probes(space: Sequence[Parameter], fixed: Sequence[str]) -> list[list[str]]:
    """Return the words of jobs that have each value, or each end of the numbers, once: those to check beforehand."""
    first = {each.key: each.list_ends()[0] for each in space}
    jobs = [first, *(first | {each.key: value} for each in space for value in each.list_ends()[1:])]
    return [[*fixed, *write_values(space, values)] for values in jobs]


def _read(override: Override) -> Parameter:
    key, word, text = override.key_or_group, override.get_key_element(), override.input_line.partition("=")[2]
    value = override.value()
    tags = set() if isinstance(value, Glob) else set(value.tags)
    if unknown := tags - {"log"}:
        raise UserError(f"{key} must have no tag but log, got {', '.join(sorted(unknown))}.")
    is_log = "log" in tags
    match value:
        case IntervalSweep():
            return _check(_read_interval(key, word, text, (value.start, value.end), is_log=is_log))
        case RangeSweep(shuffle=False):
            return _check(_read_range(key, word, text, value, is_log=is_log))
    values = list(dict.fromkeys(override.sweep_string_iterator()))
    if not values:
        raise UserError(f"{key} must have a value, got {text}.")
    if is_log:
        raise UserError(f"{key} must be an interval or a range for tag(log,...), got {text}.")
    return Choice(key, word, text, values)


def _read_interval(key: str, word: str, text: str, ends: tuple[float, float], *, is_log: bool) -> Numbers:
    """Return the numbers of an interval: whole ones where its ends are and the setting takes no others."""
    is_whole = all(isinstance(end, int) for end in ends)
    if not is_whole and takes_whole_numbers(key):
        if not all(float(end).is_integer() for end in ends):
            raise UserError(f"{key} must be an interval of whole numbers, got {text}.")
        is_whole, ends = True, (int(ends[0]), int(ends[1]))
    return Numbers(key, word, text, *ends, step=1 if is_whole else None, is_log=is_log)


def _read_range(key: str, word: str, text: str, value: RangeSweep, *, is_log: bool) -> Numbers:
    """Return the numbers of a range, which ends before its last one, as in Hydra's sweeps."""
    step = value.step
    if not step or not all(map(math.isfinite, (value.start, value.stop, step))):
        raise UserError(f"{key} must be a range of finite numbers with a step, got {text}.")
    numbers: Any = value.range()
    numbers = numbers if isinstance(numbers, range) else list(numbers)
    if not numbers:
        raise UserError(f"{key} must have a value, got {text}.")
    low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
    if is_log and step != 1:
        raise UserError(f"{key} must have a step of 1 for tag(log,...), got {text}.")
    return Numbers(key, word, text, low, high, step=abs(step), is_log=is_log)


def _check(numbers: Numbers) -> Numbers:
    if not -math.inf < numbers.low <= numbers.high < math.inf:
        raise UserError(f"{numbers.key} must be from a lower to a higher number, got {numbers.text}.")
    if numbers.is_log and not numbers.low > 0:
        raise UserError(f"{numbers.key} must be above 0 for tag(log,...), got {numbers.text}.")
    return numbers
