"""What a verb declares: its words, its help, and the function that it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_RUNS = 20


def offer_nothing() -> list[str]:
    """Return no choices: any text may stand there, and the shell offers files."""
    return []


def offer_runs() -> list[str]:
    """Return references to runs: `latest`, then the newest folders below outputs/, oldest first."""
    from charrnn_exp.run_folder.folder import list_runs

    return ["latest", *(str(run.path) for run in list_runs()[-MAX_RUNS:])]


@dataclass(frozen=True)
class Word:
    """A word of a verb's own, `name=value`.

    Args:
        name: before the '='.
        offer: returns the values that the tab key offers.
    """

    name: str
    offer: Callable[[], list[str]] = offer_nothing


RUN = Word("run", offer_runs)
CHECKPOINT = Word("checkpoint", lambda: ["last", "best"])


@dataclass(frozen=True, kw_only=True)
class Command:
    """A verb. Its module imports nothing heavy before it is run: no Hydra, TensorFlow or MLflow.

    Args:
        name: bare lowercase letters, as typed.
        order: place in the main help, smallest first.
        summary: what it does, in a few words for the main help; an example may follow after spaces.
        usage: the words that it takes, for its own help.
        details: the rest of its own help, whole lines; {program} stands for the way in which this program was called.
        words: of its own.
        settings: of a run that it may change, by key, or all below one by its start with a dot; "" is all.
        groups: config groups of which it takes an option; "" is all.
        flags: that it takes.
        run: does it, given the words after the verb; raises `CharRNNError` for all that can be told in lines.
    """

    name: str
    order: int
    summary: str
    usage: str
    details: str
    words: tuple[Word, ...] = ()
    settings: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    run: Callable[[Sequence[str]], None]

    def takes_setting(self, key: str) -> bool:
        """Return whether a dotted key is one of the settings that the verb may change."""
        return any(key == each or (key.startswith(each) and each[-1:] in ("", ".")) for each in self.settings)

    def takes_group(self, name: str) -> bool:
        """Return whether the verb takes an option of a config group."""
        return "" in self.groups or name in self.groups
