"""A comparison of runs: groups, verdicts, and the runs that are not ranked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from charrnn_exp.run_folder.finding import find_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.comparison.curves import Point, find_seconds, read_points
from charrnn_exp.sweeps.comparison.entries import Entry, choose_entries
from charrnn_exp.sweeps.comparison.groups import Group, Variant, make_groups
from charrnn_exp.sweeps.comparison.statistics import Spread, measure_spread
from charrnn_exp.sweeps.comparison.verdicts import Answer, answer

NOT_RANKED = "runs of different texts, units, splits or scoring rules are not ranked together"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A comparison of runs.

    Args:
        groups: of runs that can be ranked, the largest first.
        answers: to the questions about each group.
        unranked: runs that failed, are under way, or have no validation loss.
        loss: that `seconds_to` is about, nats per character; None: none was asked for.
        points: validations by folder, read when they are asked for.
    """

    groups: tuple[Group, ...]
    answers: tuple[tuple[Answer, ...], ...]
    unranked: tuple[Entry, ...]
    loss: float | None = None
    points: dict[str, list[Point]] = field(default_factory=dict, repr=False, compare=False)

    def read_points(self, run: Entry) -> list[Point]:
        """Return the validations of a run, see `curves.read_points`."""
        key = str(run.folder.path)
        if key not in self.points:
            self.points[key] = read_points(run)
        return self.points[key]

    def find_seconds(self, variant: Variant) -> Spread | None:
        """Return the seconds of updates to the asked loss, over the seeds that reached it; None: none did."""
        if self.loss is None:
            return None
        found = [find_seconds(self.read_points(run), self.loss) for run in variant.runs]
        return measure_spread([seconds for seconds in found if seconds is not None])


def compare_runs(
    run: str | None = None,
    *,
    name: str | None = None,
    best: int | None = None,
    loss: float | None = None,
    find: Callable[[str], RunFolder] = find_run,
) -> Comparison:
    """Return the comparison of the runs that `run` and `name` choose, see `choose_entries`.

    Args:
        run: references and folders of sweeps with commas between them; None: all below outputs/.
        name: a name, a sweep or a text; None: all.
        best: number of variants of each group that are kept; None: all.
        loss: to find the seconds to; None: off.
        find: returns the run of a reference, see `choose_entries`.

    Raises:
        UserError: if there is no such run.
    """
    return compare_entries(choose_entries(run, name, find), best=best, loss=loss)


def compare_entries(entries: Sequence[Entry], *, best: int | None = None, loss: float | None = None) -> Comparison:
    """Return the comparison of these runs; arguments as for `compare_runs`."""
    groups = tuple(make_groups(entries, best=best))
    return Comparison(
        groups=groups,
        answers=tuple(tuple(answer(group)) for group in groups),
        unranked=tuple(entry for entry in entries if entry.problem is not None),
        loss=loss,
    )
