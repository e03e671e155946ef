"""`list` shows the runs below outputs/."""

from collections.abc import Callable, Sequence
from typing import Any

from charrnn_exp.commands.command import NAME, Command, Word
from charrnn_exp.errors import UserError
from charrnn_exp.program import name_program

STATUSES = ("FINISHED", "RUNNING", "KILLED", "FAILED", "DIED")
SORTS = ("recent", "name", "status", "step", "val_loss", "best_val_loss", "train_loss", "test_loss")
DETAILS = """\
A line for each run below outputs/, the one worked on last on top: name, status, losses in nats per character, the
settings that differ between the runs shown, folder. DIED: the process ended without a word; `repair` makes it KILLED.
  name=tiny                one name; a sweep or a part of it by its folder: name=tiny/2026-01-02/03-04-05-000006
  status=FINISHED          one status, in letters of any case
  model.hidden_size=512    one value of any setting
  sort=val_loss            recent (default), name, status, step, val_loss, best_val_loss, train_loss, test_loss, or
                           any setting; a minus turns it round: sort=-val_loss
On a terminal, columns that have no room are left out, and named. In a pipe all stand there, with tabs between them.
"""


def run(words: Sequence[str]) -> None:
    """Print the runs below outputs/ that `name=`, `status=` and settings choose, in the order of `sort=`.

    Raises:
        UserError: if a word is unknown, or there is no run at all.
    """
    from charrnn_exp.commands.arguments import parse_arguments
    from charrnn_exp.run_folder.finding import list_runs
    from charrnn_exp.run_folder.overview import read_overview
    from charrnn_exp.views.runs import format_runs
    from charrnn_exp.views.terminal import Terminal

    parsed = parse_arguments(words, COMMAND)
    keep, sort = _read_filter(parsed), _read_sort(parsed.arguments.get("sort", "recent"))
    overviews = [read_overview(folder) for folder in reversed(list_runs())]
    if not overviews:
        raise UserError(f"no runs below outputs/: `{name_program()}` makes the first.")
    kept = sort([each for each in overviews if keep(each)])
    terminal = Terminal()
    if kept:
        terminal.say_as_it_is(format_runs(kept, terminal.width))
    if terminal.width is not None:
        terminal.say(f"{len(kept)} of {len(overviews)} runs")


def _read_filter(parsed: Any) -> Callable[[Any], bool]:
    """Return the function that says whether an `Overview` is shown."""
    from charrnn_exp.views.runs import show_value

    name, status = parsed.arguments.get("name"), parsed.arguments.get("status")
    if status is not None and status.upper() not in STATUSES:
        raise UserError(f"status must be one of {', '.join(STATUSES)}, got {status!r}.")
    wanted = {override.key_or_group: show_value(override.value()) for override in parsed.settings}

    def keep(overview: Any) -> bool:
        of_name = name is None or overview.is_of(name)
        of_status = status is None or overview.status == status.upper()
        return of_name and of_status and all(show_value(overview.settings.get(k)) == v for k, v in wanted.items())

    return keep


def _read_sort(typed: str) -> Callable[[list[Any]], list[Any]]:
    """Return the function that sorts overviews, which come with the newest first; unknown values go last."""
    from charrnn_exp.config.overrides import list_settings, suggest

    key, turned = typed.removeprefix("-"), typed.startswith("-")
    if key not in SORTS and key not in list_settings():
        hint = suggest(key, [*SORTS, *list_settings()]) or "."
        raise UserError(f"sort must be {', '.join(SORTS)}, or a setting, got {typed!r}{hint}")
    if key == "recent":
        return lambda overviews: overviews[::-1] if turned else overviews

    def find(overview: Any) -> Any:
        match key:
            case "name" | "status" | "best_val_loss":
                return getattr(overview, key)
            case "step" | "val_loss" | "train_loss" | "test_loss":
                return getattr(overview.summary, key)
            case _:
                return overview.settings.get(key)

    def sort(overviews: list[Any]) -> list[Any]:
        known = [each for each in overviews if find(each) is not None]
        order = {id(each): _make_sortable(find(each)) for each in known}
        known.sort(key=lambda each: order[id(each)], reverse=turned)
        return [*known, *(each for each in overviews if find(each) is None)]

    return sort


def _make_sortable(value: Any) -> tuple[bool, float, str]:
    """Return a value that compares with those of any type: numbers first, by size, then text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return not is_number, float(value) if is_number else 0.0, str(value)


COMMAND = Command(
    name="list",
    order=5,
    summary="the runs, their losses, the settings that differ:    list name=tiny sort=val_loss",
    usage="list [name=NAME] [status=STATUS] [setting=value ...] [sort=COLUMN]",
    details=DETAILS,
    words=(NAME, Word("status", lambda: list(STATUSES)), Word("sort", lambda: list(SORTS))),
    settings=("",),
    run=run,
)
