"""The page of a search: its pictures and best trials, then the comparison of its runs; and both in MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass

import optuna

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.search import Search
from charrnn_exp.errors import CharRNNError, one_line
from charrnn_exp.files import write_durably
from charrnn_exp.run_folder.overview import read_overview
from charrnn_exp.sweeps.comparison.comparison import Comparison, compare_entries
from charrnn_exp.sweeps.comparison.entries import read_entry
from charrnn_exp.sweeps.comparison.page import write_page
from charrnn_exp.sweeps.conclude import PAGE
from charrnn_exp.sweeps.plan import FILE, Plan
from charrnn_exp.sweeps.publish import describe_best, publish
from charrnn_exp.sweeps.search.pictures import Picture, draw_study
from charrnn_exp.sweeps.search.trials import find_folder
from charrnn_exp.tracking.sweep_run import SweepRecord
from charrnn_exp.views.html.document import escape, escape_block, write_picture, write_table
from charrnn_exp.views.terminal import Terminal

NUM_COMPARED = 100
"""Most runs of a study on its page: the newest."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the terminal tells of a search, for its page.

    Args:
        title: what the trials below are, and how many of each kind there are.
        header: of the table of the best trials.
        rows: of it.
        command: that trains the best trial again.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    command: str


def show_study(
    study: optuna.Study, search: Search, plan: Plan, told: Told, terminal: Terminal, tracking: TrackingConfig
) -> None:
    """Write the page of a study, its pictures beside it, and send all to MLflow; what fails is a warning.

    Args:
        study: with a complete trial.
        search: its space and objectives.
        plan: of the trials that ran here.
        told: of the study.
        terminal: gets the lines.
        tracking: of the runs.
    """
    pictures, path = list(draw_study(study, search)), plan.folder / PAGE
    files = [path, *(plan.folder / f"{picture.name}.png" for picture in pictures)]
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        for picture, file in zip(pictures, files[1:], strict=True):
            write_durably(file, picture.light)
        comparison = _compare(study)
        write_page(path, comparison, search=_format(study, told, pictures))
    except (CharRNNError, OSError) as error:  # the runs themselves are whole
        terminal.warn(f"the page of the search was not written: {one_line(error)}")
        return
    terminal.say_as_it_is(f"{'its page:':<18} {path}")
    if tracking.backend is not Backend.none:
        if (plan.folder / FILE).exists():
            files.append(plan.folder / FILE)
        record = SweepRecord(
            label=f"search {study.study_name}",
            name=f"search {study.study_name}",
            jobs=f"tags.study = '{study.study_name}'",
            files=files,
            results={"trials": told.title, **describe_best(comparison)},
        )
        publish(record, terminal, tracking)


def _compare(study: optuna.Study) -> Comparison:
    """Return the comparison of the runs that lie here: complete, pruned and failed ones."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    found = [folder for trial in ended if (folder := find_folder(trial)) is not None]
    by_path = {folder.path: folder for folder in found}
    return compare_entries([read_entry(read_overview(folder)) for folder in list(by_path.values())[-NUM_COMPARED:]])


def _format(study: optuna.Study, told: Told, pictures: Sequence[Picture]) -> str:
    """Return the section of the study as markup."""
    drawn = "".join(write_picture(each.title, light=each.light, dark=each.dark) for each in pictures)
    return (
        f'<section aria-labelledby="study"><h2 id="study">{escape(f"Study {study.study_name}")}</h2>'
        f"<h3>{escape(told.title)}</h3>"
        + write_table(told.header, told.rows, label="Best trials", texts=("folder",))
        + f'<p>This trains the best again:</p><pre tabindex="0">{escape_block(told.command)}</pre>'
        + f'<h3>How the search went</h3><div class="plots">{drawn}</div></section>'
    )
