"""What the model reads before it writes: a setting, a file, standard input, or what fits every text."""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError, one_line


def read_prompt(sampling: SamplingConfig, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """Return the ids of the prompt, at least one.

    Raises:
        UserError: if its file cannot be read or is empty, or it has symbols that the vocabulary lacks.
    """
    if sampling.prompt_file is not None:
        return vocabulary.encode(_read_file(sampling.prompt_file), key="sampling.prompt_file")
    if sampling.prompt is None:
        return vocabulary.default_prompt_ids()
    return vocabulary.encode(sampling.prompt, key="sampling.prompt")


def _read_file(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).expanduser().read_bytes()
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
