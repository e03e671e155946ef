"""A file as ids that give back its very bytes.

Axes: n character.
"""

import codecs
from pathlib import Path

from charrnn_exp.coding.compressed_file import MAX_BYTES, MAX_CHARACTERS
from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.corpus import read_ids
from charrnn_exp.data.sources import read_file
from charrnn_exp.data.vocabulary import WITHOUT_MARK, Ids, Vocabulary
from charrnn_exp.errors import UserError


def read_exactly(path: Path, dataset: DatasetConfig, vocabulary: Vocabulary, *, key: str) -> tuple[Ids, bytes, str]:
    """Return the ids of a file, its bytes, and the codec that writes the ids as these bytes.

    Args:
        path: of the file.
        dataset: settings of the run that has the vocabulary.
        vocabulary: of that run.
        key: the word that the path came with, for the messages.

    Raises:
        UserError: if it cannot be read, has symbols that the run does not know, or reading it changes it.
    """
    content = bytearray()
    for chunk in read_file(path, key=key):
        content += chunk
        if len(content) > MAX_BYTES:
            raise UserError(f"{key} must have at most {MAX_BYTES:,} bytes, got more in {path}. Cut it into pieces.")
    ids_n, notes = read_ids(path, dataset, vocabulary, key=key)
    if not len(ids_n) <= MAX_CHARACTERS:
        raise UserError(f"{key} must have at most {MAX_CHARACTERS:,} characters, got {len(ids_n):,} in {path}.")
    for codec in list_codecs(dataset.encoding):
        if write_exactly(ids_n, vocabulary, codec) == content:
            return ids_n, bytes(content), codec
    reason = notes[0].removeprefix(f"{key}: ") if notes else f"as {dataset.encoding} it is written otherwise."
    asked = f"dataset.encoding={dataset.encoding}, dataset.errors={dataset.errors.name}, "
    asked += f"dataset.newlines={dataset.newlines.name}"
    raise UserError(
        f"{key} must come back byte for byte, got {path}, which changes when the run reads it ({asked}): {reason} "
        "Convert the file, or use a run with dataset.unit=byte."
    )


def list_codecs(encoding: str) -> list[str]:
    """Return the codecs that may write a text of an encoding: with its byte order mark, if it has one, and without."""
    name = codecs.lookup(encoding).name
    return [name, WITHOUT_MARK[name]] if name in WITHOUT_MARK else [name]


def write_exactly(ids_n: Ids, vocabulary: Vocabulary, codec: str) -> bytes:
    """Return the bytes of a text; of an empty one none, not even a byte order mark."""
    content = vocabulary.to_bytes(ids_n)
    if vocabulary.unit is Unit.byte or codec == "utf-8" or not content:
        return content
    try:
        return content.decode("utf-8").encode(codec)
    except UnicodeEncodeError:  # a mended text
        return b""
