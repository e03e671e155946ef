"""What a request may ask for: JSON of bounded size, settings that are checked as those of a command line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import NoneType
from typing import Any, get_args

from charrnn_exp.config.checks.sampling import find_sampling_problems
from charrnn_exp.config.describe import describe_group
from charrnn_exp.config.reading import read_section, to_values
from charrnn_exp.config.schema import Config, SamplingConfig
from charrnn_exp.errors import UserError
from charrnn_exp.sampling.filters.registry import FILTERS

MAX_BODY_BYTES = 1 << 18
MAX_PROMPT = 10_000
"""Characters of a prompt; of a longer one of the run, the last ones are meant."""
MAX_TEXT = 20_000
"""Characters of a text that is scored."""
MAX_LENGTH = 10_000
"""Characters that are generated."""
MAX_NUMBER = 2**53
"""Numbers above it are not exact in JavaScript."""
MAX_VALUES = 100
"""Values in the object of a request; none of them may hold others."""
PROMPT = "prompt"
KINDS = {int: "integer", float: "number", str: "string", bool: "boolean"}
"""Kinds of values, by the names of JSON Schema."""


@dataclass(frozen=True)
class Order:
    """A text that is asked for.

    Args:
        sampling: its settings, complete and checked.
        has_losses: whether the loss of each character comes with it.
        is_streamed: whether it comes in pieces.
    """

    sampling: SamplingConfig
    has_losses: bool = False
    is_streamed: bool = False


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the object that a body holds.

    Raises:
        UserError: if it is no JSON object in UTF-8 of plain values, each name once.
    """
    try:
        values = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_read_pairs)
    except RecursionError:
        raise UserError("the body must be a JSON object of plain values, got one that is too deep.") from None
    except ValueError as error:  # also of digits without end, and of bytes that are no UTF-8
        reason = "bytes that are none" if isinstance(error, UnicodeDecodeError) else str(error).partition(":")[0][:80]
        raise UserError(f"the body must be a JSON object in UTF-8, got something else ({reason}).") from None
    if not isinstance(values, dict):
        raise UserError(f"the body must be a JSON object, got {_name_type(values)}.")
    check_values(values)
    return values


def check_values(values: Mapping[str, Any]) -> None:
    """Check that each value is a text, a finite number of JavaScript, true, false or null.

    Raises:
        UserError: with a line for each that is not.
    """
    problems = []
    for name, value in values.items():
        shown = ascii(name[:40])
        if isinstance(value, dict | list):
            problems.append(f"{shown} must be a plain value, got {_name_type(value)}.")
        elif isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            problems.append(f"{shown} must be a number of at most {MAX_NUMBER}, got a larger one.")
    if problems:
        raise UserError(*problems)


def read_order(values: Mapping[str, Any], config: Config) -> Order:
    """Return the text that the values of a request ask for; settings that are left out are those of the run.

    Args:
        values: `prompt`, `length`, `temperature`, `stop`, `seed`, a filter by its name, `stream`, `losses`.
        config: of the run.

    Raises:
        UserError: with a line for each value that is unknown, of another type, or out of range.
    """
    kinds = find_kinds()
    problems = _find_unknown(values, [*kinds, "stream", "losses"])
    flags = {name: values.get(name, False) for name in ("stream", "losses")}
    problems += [
        f"{name} must be true or false, got {_name_type(v)}." for name, v in flags.items() if type(v) is not bool
    ]
    typed = {name: values[name] for name in kinds if name in values}
    for name, value in typed.items():
        if isinstance(value, bool) and kinds[name] is not bool:
            problems.append(f"{name} must be no truth value.")
        elif value is not None and isinstance(value, str) != (kinds[name] is str):
            problems.append(
                f"{name} must be {'a text' if kinds[name] is str else 'a number'}, got {_name_type(value)}."
            )
    if len(str(typed.get(PROMPT) or "")) > MAX_PROMPT:
        problems.append(f"{PROMPT} must have at most {MAX_PROMPT:,} characters, got {len(typed[PROMPT]):,}.")
    if problems:
        raise UserError(*problems)
    return Order(_change(config, typed), has_losses=flags["losses"], is_streamed=flags["stream"])


def read_text(values: Mapping[str, Any]) -> str:
    """Return the `text` that a request wants scored.

    Raises:
        UserError: if it is no text, or too long.
    """
    problems, text = _find_unknown(values, ["text"]), values.get("text")
    if not isinstance(text, str):
        problems.append(f"text must be a text, got {_name_type(text)}.")
    elif len(text) > MAX_TEXT:
        problems.append(f"text must have at most {MAX_TEXT:,} characters, got {len(text):,}.")
    if problems:
        raise UserError(*problems)
    assert isinstance(text, str)
    return text


def find_kinds() -> dict[str, type]:
    """Return the settings of a text that a request may change, each with the kind of its values."""
    of_filters = {name: each.kind for name, each in FILTERS.built_in.items()}
    return {PROMPT: str, "length": int, "temperature": float, "stop": str, "seed": int, **of_filters}


def find_inputs() -> dict[str, dict[str, Any]]:
    """Return what a page needs to know of each setting to make an input for it.

    Returns:
        By name: `kind`, one of `KINDS`; `optional`, whether null is a value; `meaning`, a sentence.
    """
    optional = {field.name: NoneType in get_args(field.type) for field in fields(SamplingConfig)}
    meanings = {each.key: each.meaning for each in describe_group("sampling").settings}
    return {
        name: {"kind": KINDS[kind], "optional": optional[name], "meaning": meanings[f"sampling.{name}"]}
        for name, kind in find_kinds().items()
    }


def find_defaults(config: Config) -> dict[str, Any]:
    """Return the settings of a text where a request says nothing: those of the run, within the limits.

    The end of a prompt matters most to what follows it. `list_notes` says what differs from the run.
    """
    values = to_values(config)["sampling"]
    found = {name: values[name] for name in find_kinds()} | {"length": min(values["length"], MAX_LENGTH)}
    return found | ({PROMPT: found[PROMPT][-MAX_PROMPT:]} if found[PROMPT] else {})


def list_notes(config: Config) -> Iterator[str]:
    """Yield a line for each setting of a run that a request without it does not have as it stands.

    Args:
        config: of the run, as it was trained.
    """
    sampling = config.sampling
    if len(sampling.prompt or "") > MAX_PROMPT:
        yield (
            f"sampling.prompt of the run has {len(sampling.prompt or ''):,} characters: where a request names no "
            f"prompt, the last {MAX_PROMPT:,} are read."
        )
    if sampling.length > MAX_LENGTH:
        yield (
            f"sampling.length of the run is {sampling.length:,}: where a request names no length, {MAX_LENGTH:,} "
            "characters are generated."
        )
    if sampling.beams is not None:
        yield f"sampling.beams of the run is {sampling.beams}: a request has no beam search, its text is drawn."


def name_as_typed(line: str) -> str:
    """Return a line about a setting of sampling with the name that it has in a request."""
    return line.removeprefix("sampling.")


def _change(config: Config, typed: Mapping[str, Any]) -> SamplingConfig:
    """Return the settings of the run with changes, checked as those of a command line."""
    values = to_values(config)["sampling"] | find_defaults(config) | typed
    try:
        sampling: SamplingConfig = read_section(values, SamplingConfig, "sampling.")
        problems = list(find_sampling_problems(sampling))
    except UserError as error:
        raise UserError(*map(name_as_typed, error.lines)) from None
    if not 1 <= sampling.length <= MAX_LENGTH:
        problems = [line for line in problems if not line.startswith("sampling.length ")]
        problems.append(f"length must be in [1, {MAX_LENGTH}], got {sampling.length}.")
    if problems:
        raise UserError(*map(name_as_typed, problems))
    return replace(sampling, num_samples=1, beams=None, prompt_file=None)


def _find_unknown(values: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    unknown = [ascii(name[:40]) for name in values if name not in known][:10]
    return (
        [f"a request must have values that are known ({', '.join(known)}), got {', '.join(unknown)}."]
        if unknown
        else []
    )


def _read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name twice")
    if len(pairs) > MAX_VALUES:
        raise ValueError("too many names")
    return dict(pairs)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _name_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
