"""Words about a text that cannot be read, or that looks like none: what it is, and the setting that reads it.

Axes: u distinct value (code point or byte).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from charrnn_exp.config.choices import DecodingErrors, Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.decoding import Changes, decode
from charrnn_exp.data.encodings import Encodings, Sample, find_better, find_encodings
from charrnn_exp.data.file_kinds import find_file_kind
from charrnn_exp.data.sources import TextFile, cut_parts
from charrnn_exp.data.survey import Survey

FEW = 20
"""Characters beyond ASCII for each bad place in a text that is nearly all in its encoding."""
LINE_BREAKING = (ord("\t"), ord("\n"), ord("\r"))
CURES = {
    "utf-8": "utf-8-sig",
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
    "utf-32-le": "utf-32",
    "utf-32-be": "utf-32",
}
"""Encodings that take a byte order mark at the start for what it is."""


def explain_unreadable(file: TextFile, dataset: DatasetConfig, *, bad: str, follows_others: bool) -> tuple[str, str]:
    """Return what a text that its encoding does not read is, and the way out, whole sentences.

    Args:
        file: the text, or that of its files which cannot be read.
        dataset: its settings.
        bad: the bytes at fault, in words.
        follows_others: whether files before it have characters beyond ASCII in the encoding.
    """
    sample = Sample.of(_read(file, dataset))
    if kind := find_file_kind(sample.head):
        return kind.name, kind.way_out
    if follows_others:
        sure = find_encodings(sample, _read(file, dataset)).sure
        told = f" It reads as {sure} text." if sure else ""
        return bad, f"The files before it are {dataset.encoding} text: save it in that encoding too.{told}"
    as_bytes = "As bytes: dataset.unit=byte."
    if nearly := _describe_nearly(file, dataset):
        return bad, f"{nearly} {as_bytes}"
    return bad, f"{describe_encodings(find_encodings(sample, _read(file, dataset)))} {as_bytes}"


def describe_encodings(found: Encodings) -> str:
    """Return the settings that read a text, in a sentence."""
    if found.names:
        guess = ", a guess from a short text" if found.is_guess else ""
        named = ", then ".join(f"dataset.encoding={name}" for name in found.names)
        return f"What reads the whole of it as text{', best first' if len(found.names) > 1 else ''}{guess}: {named}."
    if found.nearly:
        return f"It looks like {found.nearly} text with faults: dataset.encoding={found.nearly} dataset.errors=replace."
    return "No usual encoding reads the whole of it as text."


def list_notes(survey: Survey, dataset: DatasetConfig) -> Iterator[str]:
    """Yield a line for each oddity of a text that was read, with its cure where there is one."""
    num_symbols = int(np.count_nonzero(survey.counts_u))
    if num_symbols == 1:
        yield "the text has only one symbol: there is nothing to learn."
    yield from _describe_controls(survey, dataset)
    changes = survey.changes
    if changes.carriage_returns:
        yield f"{changes.carriage_returns:,} carriage returns became line feeds (dataset.newlines=lf)."
    if changes.bad_places:
        done = "became U+FFFD" if dataset.errors is DecodingErrors.replace else "were left out"
        yield (
            f"{changes.bad_places:,} places that are not {dataset.encoding} {done} "
            f"(dataset.errors={dataset.errors.name})."
        )
    if dataset.lines and survey.joined:
        names = survey.joined[0].name + (f" and {len(survey.joined) - 1} more" if survey.joined[1:] else "")
        yield f"{names} ends without a line break: its last line and the first one of the next file are one."
    for file, head in survey.heads:
        if kind := find_file_kind(head):
            yield f"{file.name} begins as {kind.name}. {kind.way_out}"
    yield from _describe_encoding(survey, dataset)


def _describe_controls(survey: Survey, dataset: DatasetConfig) -> Iterator[str]:
    counts_u = survey.counts_u
    is_char = dataset.unit is Unit.char
    cure = CURES.get(dataset.encoding.lower().replace("_", "-"))
    controls = [point for point in range(1, 32) if point not in LINE_BREAKING]
    for name, points, way_out in (
        (
            "byte order marks (U+FEFF)",
            [0xFEFF],
            f" dataset.encoding={cure} leaves out one at the start." if cure else "",
        ),
        ("carriage returns", [ord("\r")], " dataset.newlines=lf makes line feeds of them."),
        ("NUL characters", [0], ""),
        ("control characters", controls, ""),
        ("C1 control characters (U+0080 to U+009F)", list(range(0x80, 0xA0)) if is_char else [], ""),
    ):
        count = int(counts_u[points].sum()) if points else 0
        if count:
            yield f"the text has {count:,} {name}; they stay in it as symbols.{way_out}"


def _describe_encoding(survey: Survey, dataset: DatasetConfig) -> Iterator[str]:
    """Yield a line where the text looks more like text in another encoding than the one it was read in."""
    sample, file = survey.sample, survey.sampled
    if dataset.unit is Unit.byte:
        if sample is not None and file is not None and survey.in_utf_8 == []:
            found = find_encodings(sample, _read(file, dataset))
            if found.names and dataset.encoding not in found.names:
                told = describe_encodings(found)
                yield f"prompts are written in {dataset.encoding}, in which the text is not. {told}"
    elif survey.in_utf_8:
        names = survey.in_utf_8[0].name + (f" and {len(survey.in_utf_8) - 1} more" if survey.in_utf_8[1:] else "")
        yield f"{names} can be read as utf-8 text too, and is most likely that: dataset.encoding=utf-8."
    elif sample is not None and file is not None and (better := find_better(sample, dataset.encoding)):
        yield f"{file.name} looks more like {better} text: dataset.encoding={better}."


def _describe_nearly(file: TextFile, dataset: DatasetConfig) -> str:
    """Return the way out of a text with few faults in its encoding, "" for any other."""
    changes, beyond = Changes(), 0
    mended = replace(dataset, errors=DecodingErrors.replace)
    try:
        for _, points in decode(_read(file, dataset), mended, changes):
            beyond += int((points > 0x7F).sum())
    except UnicodeError:  # a codec that mends nothing, such as utf-16 without a mark
        return ""
    if not 0 < FEW * changes.bad_places <= beyond or not dataset.encoding.lower().startswith("utf"):
        return ""
    return (
        f"All of it but {changes.bad_places:,} places is {dataset.encoding} text: dataset.errors=replace puts U+FFFD "
        "there, dataset.errors=ignore nothing."
    )


def _read(file: TextFile, dataset: DatasetConfig) -> Iterator[bytes]:
    for _, chunks in cut_parts([file], dataset.max_bytes):
        yield from chunks
