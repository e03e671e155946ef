"""The prompt: from a setting, a file, standard input, or a default that fits every text."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError, one_line

STANDARD_INPUT = "-"
MAX_BYTES = 10_000_000
"""Largest prompt file: a device may have no end."""


def read_prompt_once(jobs: Iterable[SamplingConfig]) -> str | None:
    """Return the prompt on standard input if a job asks for it; None: it is not read.

    Raises:
        UserError: if it is empty or not UTF-8.
    """
    is_asked_for = any(sampling.prompt_file == STANDARD_INPUT for sampling in jobs)
    return _read_file(STANDARD_INPUT) if is_asked_for else None


def put_prompt(sampling: SamplingConfig, typed: str | None) -> SamplingConfig:
    """Return the settings with the text of standard input as sampling.prompt."""
    if sampling.prompt_file != STANDARD_INPUT:
        return sampling
    assert typed is not None, "standard input is read for all jobs at once"
    return replace(sampling, prompt=typed, prompt_file=None)


def keep_prompt(sampling: SamplingConfig) -> SamplingConfig:
    """Return the settings with the text of a prompt file as sampling.prompt, so that a run does not need the file.

    Raises:
        UserError: if the file cannot be read or is empty.
    """
    if sampling.prompt_file is None:
        return sampling
    return replace(sampling, prompt=_read_file(sampling.prompt_file), prompt_file=None)


def read_prompt(sampling: SamplingConfig, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """Return the ids of the prompt, at least one.

    Raises:
        UserError: if its file cannot be read or is empty, or it has symbols that the vocabulary lacks.
    """
    assert sampling.prompt_file != STANDARD_INPUT, "see put_prompt"
    if sampling.prompt_file is not None:
        return vocabulary.encode(_read_file(sampling.prompt_file), key="sampling.prompt_file")
    if sampling.prompt is None:
        return vocabulary.default_prompt_ids()
    return vocabulary.encode(sampling.prompt, key="sampling.prompt")


def _open(name: str) -> AbstractContextManager[BinaryIO]:
    if name != STANDARD_INPUT:
        return Path(name).expanduser().open("rb")
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    return nullcontext(sys.stdin.buffer)


def _read_file(name: str) -> str:
    try:
        with _open(name) as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes")
        # Editors end a file with a line break that nobody typed as part of the prompt.
        prompt = raw.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"sampling.prompt_file must be UTF-8 text, got a bad byte at {error.start} in {name!r}. Save it as UTF-8."
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        where, reason = Path(name).absolute(), getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"sampling.prompt_file must be a readable file, got {where} ({reason}).") from error
    if not prompt:
        raise UserError(f"sampling.prompt_file must hold at least one character, got nothing in {name!r}.")
    return prompt
