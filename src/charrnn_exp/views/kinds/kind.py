"""The declaration of a view: its name, the text that it reads, and the function that makes its page."""

from collections.abc import Callable
from dataclasses import dataclass

from charrnn_exp.evaluation.insight.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A view of a run. Its module imports no TensorFlow before it is made.

    Args:
        name: as typed.
        order: place in lists, smallest first.
        meaning: what it shows, a few words.
        make: returns the page from a subject, another one to compare it with, and a function that is called with a
            line for each thing to warn of.
        needs_network: whether the subject must have a network and a text; else it has only the folder of the run.
        takes_two: whether it compares two runs; others are made of one.
        num_characters: of the text that it reads.
        fewest: characters that it needs.
        most: characters that it can show.
    """

    name: str
    order: int
    meaning: str
    make: Callable[[Subject, Subject | None, Callable[[str], None]], str]
    needs_network: bool = True
    takes_two: bool = False
    num_characters: int = 0
    fewest: int = 0
    most: int = 0
