"""The prompt: from a setting, a file, standard input, or a default that fits every text; and the stop text.

Axes: t time.
"""

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit, Unknown
from charrnn_exp.config.schema import Config, DatasetConfig, SamplingConfig
from charrnn_exp.data.corpus import Corpus
from charrnn_exp.data.encodings import MARKS
from charrnn_exp.data.lines import LINE_BREAK
from charrnn_exp.data.vocabulary import LEAVE_OUT, Vocabulary
from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import find_path

STANDARD_INPUT = "-"
MAX_BYTES = 10_000_000
"""Largest prompt file: a device may have no end."""


def read_prompt_once(jobs: Iterable[Config]) -> str | None:
    """Return the prompt on standard input if a job asks for it; None: it is not read.

    Raises:
        UserError: if it is empty or no text.
    """
    asking = [job.dataset for job in jobs if job.sampling.prompt_file == STANDARD_INPUT]
    return _read_file(STANDARD_INPUT, asking[0]) if asking else None


def put_prompt(sampling: SamplingConfig, typed: str | None) -> SamplingConfig:
    """Return the settings with the text of standard input as sampling.prompt."""
    if sampling.prompt_file != STANDARD_INPUT:
        return sampling
    assert typed is not None, "standard input is read for all jobs at once"
    return replace(sampling, prompt=typed, prompt_file=None)


def keep_prompt(config: Config) -> SamplingConfig:
    """Return the settings with the text of a prompt file as sampling.prompt, so that a run does not need the file.

    Raises:
        UserError: if the file cannot be read or is empty.
    """
    sampling = config.sampling
    if sampling.prompt_file is None:
        return sampling
    return replace(sampling, prompt=_read_file(sampling.prompt_file, config.dataset), prompt_file=None)


def keep_first_symbol(config: Config, corpus: Corpus) -> SamplingConfig:
    """Return the settings with the text's first symbol as sampling.prompt where there is no prompt and no line break.

    A run without its text has it then. A byte that is no character of its own in the encoding of prompts, and a control
    character, are no prompt.
    """
    sampling, vocabulary = config.sampling, corpus.vocabulary
    if sampling.prompt is not None or sampling.prompt_file is not None or ord("\n") in vocabulary.code_points:
        return sampling
    point = vocabulary.code_points[int(corpus.ids_n[0])]
    is_symbol = vocabulary.unit is Unit.char or _is_written_as(chr(point), point, config.dataset.encoding)
    return replace(sampling, prompt=chr(point)) if chr(point).isprintable() and is_symbol else sampling


def _is_written_as(c: str, byte: int, encoding: str) -> bool:
    try:
        return c.encode(encoding) == bytes([byte])
    except UnicodeEncodeError:
        return False


def read_prompt(
    config: Config,
    vocabulary: Vocabulary,
    *,
    unknown: Unknown = Unknown.refuse,
    warn: Callable[[str], None] = lambda line: None,
    way_out: str = LEAVE_OUT,
) -> npt.NDArray[np.int32]:
    """Return the ids of the prompt, at least one; of a line, a line break and how it begins.

    Args:
        config: its sampling has the prompt, its dataset the encoding in which a model of bytes takes it.
        vocabulary: of the training text.
        unknown: what to do with symbols that the vocabulary lacks.
        warn: called with a line where symbols are skipped.
        way_out: for symbols that it lacks, as for `Vocabulary.find_ids`.

    Raises:
        UserError: if its file cannot be read or is empty, or it has symbols that the vocabulary lacks.
    """
    sampling = config.sampling
    assert sampling.prompt_file != STANDARD_INPUT, "see put_prompt"
    if sampling.prompt_file is not None:
        key, prompt = "sampling.prompt_file", _read_file(sampling.prompt_file, config.dataset)
    elif sampling.prompt is not None:
        key, prompt = "sampling.prompt", sampling.prompt
    else:
        return vocabulary.default_prompt_ids()
    if ord("\r") not in vocabulary.code_points:
        prompt = prompt.replace("\r\n", "\n")  # an editor's; the text has other ends of lines
    points_t = vocabulary.find_points(prompt, key=key, encoding=config.dataset.encoding, unknown=unknown)
    if config.dataset.lines and LINE_BREAK in points_t:
        raise UserError(f"{key} must be the beginning of one line when dataset.lines=true, got a line break.")
    ids_t = vocabulary.find_ids(points_t, key=key, unknown=unknown, way_out=way_out).astype(np.int32)
    if not len(ids_t):
        raise UserError(f"{key} must hold a symbol of the training text, got only others.")
    if len(ids_t) < len(points_t):
        warn(f"{key}: {len(points_t) - len(ids_t):,} symbols that the training text lacks were skipped.")
    return np.concatenate([vocabulary.default_prompt_ids(), ids_t]) if config.dataset.lines else ids_t


def read_stop(config: Config, vocabulary: Vocabulary, *, way_out: str = LEAVE_OUT) -> npt.NDArray[np.int32] | None:
    """Return the ids of the text at which samples end, of lines a line break; None: there is none.

    Args:
        config: its sampling has the stop text, its dataset the encoding in which a model of bytes takes it.
        vocabulary: of the training text.
        way_out: for symbols that it lacks, as for `Vocabulary.find_ids`.

    Raises:
        UserError: if it has symbols that the vocabulary lacks: no sample would come to it.
    """
    stop = "\n" if config.dataset.lines else config.sampling.stop
    if stop is None:
        return None
    points_t = vocabulary.find_points(stop, key="sampling.stop", encoding=config.dataset.encoding)
    return vocabulary.find_ids(points_t, key="sampling.stop", way_out=way_out).astype(np.int32)


def _open(name: str) -> AbstractContextManager[BinaryIO]:
    if name != STANDARD_INPUT:
        return find_path(name).open("rb")
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    return nullcontext(sys.stdin.buffer)


def _read_file(name: str, dataset: DatasetConfig) -> str:
    try:
        with _open(name) as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes")
        prompt = _decode(raw, dataset)
    except UnicodeDecodeError as error:
        other = "" if dataset.encoding == "utf-8" else f" or {dataset.encoding}"
        raise UserError(
            f"sampling.prompt_file must be UTF-8{other} text, got a bad byte at {error.start} in {name!r}. "
            "Save it as UTF-8."
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        where, reason = find_path(name).absolute(), getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"sampling.prompt_file must be a readable file, got {where} ({reason}).") from error
    # Editors end a file with a line break that nobody typed as part of the prompt.
    prompt = prompt.removesuffix("\r\n") if prompt.endswith("\r\n") else prompt.removesuffix("\n")
    if not prompt:
        raise UserError(f"sampling.prompt_file must hold at least one character, got nothing in {name!r}.")
    return prompt


def _decode(raw: bytes, dataset: DatasetConfig) -> str:
    """Return the text of a prompt file: by its mark, as UTF-8, or in the encoding of the training text.

    A model of bytes takes other files too: their bytes become halves of surrogate pairs, which `find_points` undoes.
    """
    marked = [encoding for mark, encoding in MARKS if raw.startswith(mark)]
    if marked:
        return raw.decode(marked[0])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = error
    try:
        return raw.decode(dataset.encoding)
    except UnicodeError:
        pass
    if dataset.unit is Unit.byte:
        return raw.decode("utf-8", errors="surrogateescape")
    raise bad
