"""Pages of a subject, one for each kind, checked for what they need and for their size."""

from collections.abc import Callable, Iterator, Sequence

from charrnn_exp.errors import UserError
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.model.memory import explain_memory_errors
from charrnn_exp.views.kinds.kind import Kind
from charrnn_exp.views.kinds.registry import KINDS, list_kinds

ALL = "all"
MAX_BYTES = 2_000_000
"""Largest page."""
WAY_OUT = "make it with `view` of fewer characters, or on a machine with more memory."


def choose_kinds(typed: str) -> list[Kind]:
    """Return the kinds that are typed, with commas between them; all of them for "all".

    Raises:
        UserError: if there is no such kind.
    """
    if typed == ALL:
        return list_kinds()
    names = typed.split(",")
    if unknown := [name for name in names if name not in KINDS]:
        known = ", ".join([*(kind.name for kind in list_kinds()), ALL])
        raise UserError(f"kind must be one or more of {known}, got {unknown[0]!r}.")
    return [kind for kind in list_kinds() if kind.name in names]


def find_length(kinds: Sequence[Kind], typed: int | None) -> int:
    """Return the characters that the longest of the pages reads.

    Args:
        kinds: to be made.
        typed: for all of them; None: each its own.

    Raises:
        UserError: if one of them cannot show so many or needs more.
    """
    reading = [kind for kind in kinds if kind.needs_network]
    for kind in reading:
        if typed is not None and not kind.fewest <= typed <= kind.most:
            raise UserError(
                f"characters must be in [{kind.fewest:,}, {kind.most:,}] for kind={kind.name}, got {typed:,}."
            )
    return max((typed or kind.num_characters for kind in reading), default=0)


def check_length(kinds: Sequence[Kind], subject: Subject) -> None:
    """Refuse a text that is too short for one of the pages.

    Raises:
        UserError: with what it needs.
    """
    for kind in kinds:
        if kind.needs_network and not subject.num_characters >= kind.fewest:
            raise UserError(
                f"kind={kind.name} must be given a text of at least {kind.fewest:,} characters, got "
                f"{subject.num_characters:,} ({subject.text_name}). Choose another with text=FILE or split=train."
            )


def make_pages(
    kinds: Sequence[Kind],
    subject: Subject,
    other: Subject | None,
    *,
    num_characters: int | None,
    warn: Callable[[str], None],
) -> Iterator[tuple[str, str]]:
    """Yield the name and the page of each kind.

    Args:
        kinds: to be made.
        subject: of the pages.
        other: to be compared with it; None: off.
        num_characters: of its text; None: what the kind takes by itself.
        warn: called with a line for each thing to warn of.

    Raises:
        CharRNNError: if a page is too large, or memory runs out.
    """
    for kind in kinds:
        length = num_characters or kind.num_characters
        with explain_memory_errors(f"kind={kind.name}", WAY_OUT):
            page = kind.make(subject.cut(length), None if other is None else other.cut(length), warn)
        if (size := len(page.encode())) > MAX_BYTES:
            raise UserError(f"characters must be fewer for kind={kind.name}, got a page of {size:,} bytes.")
        yield kind.name, page
