"""`view` makes pages that show what the model of a run does on a text."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.commands.command import CHECKPOINT, RUN, UNKNOWN, Command, Word, offer_switch
from charrnn_exp.errors import MachineError, UserError

DETAILS = """\
Each kind is one HTML file that needs no network, below 2 MB, for light and dark screens, with the keyboard, too:
  kind=surprise         text coloured by loss, with the five best guesses; run=A,B: two runs by their difference
  kind=cells            hidden cells that follow quotes, brackets, lines ..., scored on held-out text; saturated gates
  kind=attribution      how far back a guess depends on its past: gradient by distance, loss by length of context
  kind=embedding        a map of the symbols, and their nearest neighbours
  kind=growth           samples step by step, loss by class of symbols at each checkpoint
  kind=card             a model card: data, scores, curves, settings, limits, command
  kind=all              all of them; several: kind=surprise,cells
The text is the beginning of the run's validation text (training text where it has none), or:
  split=test            of its test text
  text=book.txt         of a file of yours; unknown=skip leaves out symbols that the run does not know
  characters=8000       so many of it, for each kind within its own bounds
The pages go to views/ in the run's folder; those of two runs, and of a run fetched from a store, to the current one.
  out=FOLDER            to another folder
  log=true              to MLflow, too, as artifacts of the run
  open=true             opens them in the browser
tracking.views=[surprise,card] makes them at the end of a training.
"""


def run(words: Sequence[str]) -> None:
    """Write the pages of `kind=` (default: all) about `run=REF` (default: latest), and print their places.

    Raises:
        CharRNNError: if there is no such run or kind, the run has no checkpoint, the text does not fit it or is too
            short, or the pages cannot be written or sent.
    """
    from charrnn_exp.commands.arguments import parse_arguments, read_count, read_switch, split_names
    from charrnn_exp.views.kinds.pages import choose_kinds, find_length, make_pages
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    given = parsed.arguments
    kinds = choose_kinds(given.get("kind", "all"))
    typed = read_count(given, "characters")
    length, opens, logs = find_length(kinds, typed), read_switch(given, "open"), read_switch(given, "log")
    references = split_names(given.get("run", "latest"), key="run")
    _check_two(references, kinds, logs=logs)
    folders = [_find(reference, parsed, kinds) for reference in references]
    target = _find_target(folders, given.get("out"))
    tracking, run_id = _check_log(folders[0], parsed) if logs else (None, "")
    subjects = _prepare(folders, parsed, kinds, length, terminal)
    pages = make_pages(
        kinds, subjects[0], subjects[1] if len(subjects) > 1 else None, num_characters=typed, warn=terminal.warn
    )
    paths = [_write(target, name, page) for name, page in pages]
    if tracking is not None:
        from charrnn_exp.tracking.run_views import send_views

        send_views(tracking, run_id, paths)
    if opens and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        import webbrowser

        for path in paths:
            webbrowser.open(path.absolute().as_uri())


def _check_two(references: Sequence[str], kinds: Sequence[Any], *, logs: bool) -> None:
    """Refuse more than two runs, and two where the view or the log is of one."""
    if len(references) > 2:
        raise UserError(f"run must be one run, or two with a comma between them, got {len(references)}.")
    if len(references) == 2:
        if others := [kind.name for kind in kinds if not kind.takes_two]:
            raise UserError(f"run must be one run for kind={others[0]}, got two. kind=surprise compares two.")
        if logs:
            raise UserError("log must be false for two runs, got true: their page belongs to neither of them.")


def _find(reference: str, parsed: Any, kinds: Sequence[Any]) -> Any:
    from charrnn_exp.commands.arguments import read_tracking
    from charrnn_exp.tracking.fetch import find_run_anywhere

    needs_weights = any(kind.needs_network for kind in kinds)
    return find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=needs_weights)


def _find_target(folders: Sequence[Any], out: str | None) -> Path:
    """Return the folder of the pages: that of the run, the current one, or the one that was typed."""
    from charrnn_exp.tracking.fetch import find_fetched_id

    if out is not None:
        return Path(out)
    if len(folders) > 1 or find_fetched_id(folders[0]) is not None:
        return Path()
    views: Path = folders[0].views
    return views


def _check_log(folder: Any, parsed: Any) -> tuple[Any, str]:
    """Return the settings of the run's store, and its id there."""
    from charrnn_exp.commands.arguments import change_config
    from charrnn_exp.tracking.fetch import find_fetched_id
    from charrnn_exp.tracking.run_views import check_sending

    if find_fetched_id(folder) is not None:
        raise UserError("log must be false for a run fetched from a store, got true: it is somebody else's there.")
    tracking = change_config(folder.read_values(), parsed).tracking
    return tracking, check_sending(folder, tracking)


def _prepare(folders: Sequence[Any], parsed: Any, kinds: Sequence[Any], length: int, terminal: Any) -> list[Any]:
    """Return a subject for each run; all are read before TensorFlow is imported."""
    from charrnn_exp.commands.arguments import change_config, drop_tracking, read_unknown
    from charrnn_exp.evaluation.insight.subject import Choice, OtherText, describe_run, prepare_subject
    from charrnn_exp.run_folder.folder import forget_tracking
    from charrnn_exp.views.kinds.pages import check_length

    given, unknown = parsed.arguments, read_unknown(parsed)
    if not any(kind.needs_network for kind in kinds):
        return [describe_run(folders[0])]
    text = given.get("text")
    other_text = None if text is None else OtherText(Path(text), unknown)
    choice = Choice(given.get("split"), other_text, length, given.get("checkpoint"))
    changes = drop_tracking(parsed)
    prepared: list[Any] = []
    for folder in folders:
        config = change_config(forget_tracking(folder.read_values()), changes) if changes.settings else None
        first = prepared[0].subject if prepared else None
        prepared.append(prepare_subject(folder, choice, warn=terminal.warn, config=config, of=first))
        check_length(kinds, prepared[-1].subject)
    return [each.build() for each in prepared]


def _write(target: Path, name: str, page: str) -> Path:
    from charrnn_exp.files import write_durably

    path = target / f"{name}.html"
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_durably(path, page)
    except OSError as error:
        raise MachineError(f"cannot write {path} ({error.strerror}): set out=FOLDER to a folder of yours.") from error
    print(path, flush=True)
    return path


def _offer_kinds() -> list[str]:
    from charrnn_exp.views.kinds.pages import ALL
    from charrnn_exp.views.kinds.registry import list_kinds

    return [*(kind.name for kind in list_kinds()), ALL]


COMMAND = Command(
    name="view",
    order=4,
    summary="pages of what a model does: view run=latest kind=surprise,cells",
    usage="view [run=REF|A,B] [kind=KIND] [split=SPLIT] [text=FILE] [characters=N] [out=FOLDER] [log=true]",
    details=DETAILS,
    words=(
        RUN,
        Word("kind", _offer_kinds),
        Word("split", lambda: ["val", "test", "train"]),
        Word("text"),
        UNKNOWN,
        CHECKPOINT,
        Word("characters"),
        Word("out"),
        Word("log", offer_switch),
        Word("open", offer_switch),
    ),
    settings=("dataset.path", "tracking.uri"),
    groups=("tracking",),
    run=run,
)
