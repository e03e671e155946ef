"""The declaration of a verb: its arguments, its help, and the function that it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_RUNS = 20
YES_OR_NO = ("false", "true")


def offer_nothing() -> list[str]:
    """Return no choices: any text is allowed, and the shell offers files."""
    return []


def offer_runs() -> list[str]:
    """Return `latest`, `best`, and up to `MAX_RUNS` run folders below outputs/, the most recent work last."""
    from charrnn_exp.run_folder.finding import list_runs

    return ["latest", "best", *(str(run.path) for run in list_runs()[-MAX_RUNS:])]


def offer_names() -> list[str]:
    """Return the names of the runs below outputs/."""
    from charrnn_exp.run_folder.finding import list_runs

    return sorted({run.label.partition("/")[0] for run in list_runs()})


def offer_switch() -> list[str]:
    """Return what a word takes that is on or off."""
    return list(YES_OR_NO)


@dataclass(frozen=True)
class Word:
    """An argument of a verb, `name=value`.

    Args:
        name: before the '='.
        offer: returns the values that the tab key offers.
    """

    name: str
    offer: Callable[[], list[str]] = offer_nothing


RUN = Word("run", offer_runs)
NAME = Word("name", offer_names)
UNKNOWN = Word("unknown", lambda: ["refuse", "skip"])
CHECKPOINT = Word("checkpoint", lambda: ["last", "best"])


@dataclass(frozen=True, kw_only=True)
class Command:
    """A verb. Its module imports nothing heavy before it is run: no Hydra, TensorFlow or MLflow.

    Args:
        name: bare lowercase letters, as typed.
        order: place in the main help, smallest first.
        summary: its effect in a few words, for the main help; an example may follow after spaces.
        usage: its arguments, for its own help.
        details: the rest of its own help, whole lines; {program} stands for the way in which this program was called.
        words: arguments that are no settings.
        settings: keys that it may change; a key that ends in a dot means all below it, "" means all.
        way_out: what to do about a setting that it may not change, one sentence; "": there is nothing to say.
        groups: config groups whose options it takes; "" means all.
        flags: as typed.
        run: runs the verb with the words after it; raises `CharRNNError` for an error that is shown in lines.
    """

    name: str
    order: int
    summary: str
    usage: str
    details: str
    words: tuple[Word, ...] = ()
    settings: tuple[str, ...] = ()
    way_out: str = ""
    groups: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    run: Callable[[Sequence[str]], None]

    def takes_setting(self, key: str) -> bool:
        """Return whether a dotted key is one of the settings that the verb may change."""
        return any(key == each or (key.startswith(each) and each[-1:] in ("", ".")) for each in self.settings)

    def takes_group(self, name: str) -> bool:
        """Return whether the verb takes an option of a config group."""
        return "" in self.groups or name in self.groups
