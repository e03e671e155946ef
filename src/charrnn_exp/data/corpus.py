"""A text as ids, with its vocabulary and its fingerprint.

Axes: n character.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import DecodingErrors, Newlines, Unit, Unknown
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.advice import explain_unreadable, list_notes
from charrnn_exp.data.allocation import allocate_ids
from charrnn_exp.data.decoding import Changes, decode
from charrnn_exp.data.encodings import Sample, find_encodings
from charrnn_exp.data.file_kinds import find_file_kind
from charrnn_exp.data.sources import TextFile, cut_parts, list_text_files, read_file, show_path
from charrnn_exp.data.survey import ReadFile, Survey
from charrnn_exp.data.vocabulary import Ids, Vocabulary, id_type
from charrnn_exp.errors import UserError


@dataclass(frozen=True)
class Fingerprint:
    """Hash and sizes of a text: two runs with equal fingerprints read the same text.

    Args:
        sha256: of the bytes that were read.
        num_bytes: of them.
        num_characters: of the text, as decoded.
        num_symbols: distinct ones.
        more: settings that changed the text while it was decoded, and of a text in several files their number and one
            hash of the part, name, size and hash of each.
    """

    sha256: str
    num_bytes: int
    num_characters: int
    num_symbols: int
    more: dict[str, str | int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, str | int]:
        """Return the fields by name."""
        names = ("sha256", "num_bytes", "num_characters", "num_symbols")
        return {name: getattr(self, name) for name in names} | self.more


@dataclass(frozen=True)
class Corpus:
    """A whole text.

    Args:
        ids_n: the id of each symbol, in text order.
        vocabulary: the symbols.
        fingerprint: of the bytes of the text.
        notes: unusual symbols of the text, and what was changed or left out, one line each.
        num_by_part: characters of the training, validation and test text of dataset.split=files, in text order; with
            another split all are of train.
        files: in the order in which they were read.
    """

    ids_n: Ids
    vocabulary: Vocabulary
    fingerprint: Fingerprint
    notes: tuple[str, ...]
    num_by_part: dict[str, int]
    files: tuple[ReadFile, ...]


def load_corpus(dataset: DatasetConfig) -> Corpus:
    """Read the text twice: first to count its symbols, then to encode it.

    The text is changed by `dataset.errors` and `dataset.newlines` alone: byte order marks, carriage returns, NUL and
    control characters are symbols like any other, and `notes` lists them. Memory stays near one id per character.

    Raises:
        UserError: if the text is empty or not in the given encoding.
        MachineError: if the temporary folder has no space for the ids of a large text.
    """
    files, notes = list_text_files(dataset)
    survey = Survey(files, checks_utf_8=dataset.unit is Unit.byte or not _is_utf_8(dataset.encoding))
    for file, pieces in _decode_files(files, dataset, survey.changes):
        survey.start(file)
        try:
            for chunk, points in pieces:
                survey.feed(chunk, points)
        except UnicodeError as error:
            raise _refuse(file, dataset, survey, bad=str(error)) from None
        survey.finish()
    if survey.num_characters == 0:
        raise UserError(f"dataset must hold at least one character, got an empty text ({describe(dataset)}).")
    vocabulary = Vocabulary(dataset.unit, tuple(np.flatnonzero(survey.counts_u).tolist()))
    fingerprint = Fingerprint(
        survey.sha256, survey.num_bytes, survey.num_characters, len(vocabulary), _list_more(dataset, survey.files)
    )
    notes += list_notes(survey, dataset)
    ids_n = allocate_ids(survey.num_characters, id_type(len(vocabulary)))
    position = 0
    for _, pieces in _decode_files(files, dataset, Changes()):
        for _, points in pieces:
            ids_n[position : position + len(points)] = vocabulary.lookup[points]
            position += len(points)
    assert position == survey.num_characters, "the text changed while it was read"
    return Corpus(ids_n, vocabulary, fingerprint, tuple(notes), dict(survey.num_by_part), tuple(survey.files))


def describe(dataset: DatasetConfig) -> str:
    """Return the name of the text: its path, or the option of `dataset`."""
    return show_path(dataset.path) if dataset.path else dataset.name


def read_ids(
    path: Path, dataset: DatasetConfig, vocabulary: Vocabulary, *, key: str, unknown: Unknown = Unknown.refuse
) -> tuple[Ids, list[str]]:
    """Return the ids of another text, read as the dataset is, and a line for each change that reading made.

    Args:
        path: of the text.
        dataset: settings of the run that has the vocabulary.
        vocabulary: of that run.
        key: name of the argument or setting that holds the path, for the messages.
        unknown: what to do with symbols that the vocabulary lacks.

    Raises:
        UserError: if it cannot be read, or naming the symbols that the vocabulary lacks.
    """
    file = TextFile("train", key, str(path), path.name, partial(read_file, path, key=key))
    changes, num_skipped, pieces = Changes(), 0, []
    try:
        for _, points in decode(file.read(), dataset, changes):
            pieces.append(vocabulary.find_ids(points, key=key, unknown=unknown))
            num_skipped += len(points) - len(pieces[-1])
    except UnicodeError as error:
        sample = Sample.of(file.read())
        kind, sure = find_file_kind(sample.head), find_encodings(sample, file.read()).sure
        way_out = "Save it in that encoding." + (f" It reads as {sure} text." if sure else "")
        got, way_out = (kind.name, kind.way_out) if kind else (str(error), way_out)
        raise UserError(f"{key} {path} must be {dataset.encoding} text, got {got}. {way_out}") from None
    notes = []
    if changes.bad_places:
        done = "became U+FFFD" if dataset.errors is DecodingErrors.replace else "were left out"
        notes.append(f"{key}: {changes.bad_places:,} places that are not {dataset.encoding} {done}.")
    if num_skipped:
        notes.append(f"{key}: {num_skipped:,} symbols that the training text lacks were skipped.")
    return (np.concatenate(pieces) if pieces else np.empty(0, id_type(len(vocabulary)))), notes


def _decode_files(
    files: list[TextFile], dataset: DatasetConfig, changes: Changes
) -> Iterator[tuple[TextFile, Iterator[tuple[bytes, npt.NDArray[np.integer]]]]]:
    """Yield each file with its decoded chunks, see `decode`."""
    num_read: Counter[str] = Counter()

    def count(part: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            num_read[part] += len(chunk)
            yield chunk

    def is_cut(part: str) -> bool:
        return num_read[part] == dataset.max_bytes

    for file, chunks in cut_parts(files, dataset.max_bytes):
        yield file, decode(count(file.part, chunks), dataset, changes, is_cut=partial(is_cut, file.part))


def _refuse(file: TextFile, dataset: DatasetConfig, survey: Survey, *, bad: str) -> UserError:
    follows_others = bool(survey.files) and bool(survey.counts_u[0x80:].any())
    got, way_out = explain_unreadable(file, dataset, bad=bad, follows_others=follows_others)
    key = "dataset" if file.part == "train" else file.key
    return UserError(f"{key} {file.name} must be {dataset.encoding} text, got {got}. {way_out}")


def _list_more(dataset: DatasetConfig, files: list[ReadFile]) -> dict[str, str | int]:
    more: dict[str, str | int] = {}
    if dataset.errors is not DecodingErrors.strict:
        more["errors"] = dataset.errors.name
    if dataset.newlines is not Newlines.keep:
        more["newlines"] = dataset.newlines.name
    if len(files) > 1:
        lines = (f"{each.file.part} {each.sha256} {each.num_bytes} {each.file.label}\n" for each in files)
        digest = hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape"))
        more |= {"num_files": len(files), "files_sha256": digest.hexdigest()}
    return more


def _is_utf_8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")
