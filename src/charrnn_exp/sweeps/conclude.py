"""The end of a sweep: its runs compared, on the terminal, in a page and in MLflow; a table of the jobs that failed."""

from collections.abc import Collection

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.comparison.comparison import Comparison, compare_runs
from charrnn_exp.sweeps.comparison.page import write_page
from charrnn_exp.sweeps.comparison.table import format_comparison
from charrnn_exp.sweeps.estimate import find_rates
from charrnn_exp.sweeps.plan import DONE, FAILED, FILE, WAITING, Plan
from charrnn_exp.sweeps.publish import describe_best, find_grouping, publish, send_missing_runs
from charrnn_exp.tracking.sweep_run import SweepRecord, filter_jobs
from charrnn_exp.views.table import fit_columns, format_table
from charrnn_exp.views.terminal import Terminal

PAGE = "comparison.html"
MAX_REASON = 200
"""Characters of a reason in the table; the log has all."""


def conclude_sweep(plan: Plan, terminal: Terminal, tracking: TrackingConfig, *, swept: Collection[str]) -> None:
    """Print the comparison of the jobs that are done, write its page and send that to MLflow; tell of failures.

    Args:
        plan: of the sweep.
        terminal: gets the tables.
        tracking: of its jobs.
        swept: settings and groups that vary.

    Raises:
        UserError: if jobs failed, all by mistakes of the user.
        MachineError: if jobs failed, not all by mistakes of the user.
    """
    comparison = _compare(plan, terminal) if plan.count(DONE) else None
    send_missing_runs([plan.place(job) for job in plan.jobs if job.state in (DONE, FAILED)], terminal)
    if comparison is not None and tracking.backend is not Backend.none and swept:
        publish(_record(plan, comparison, swept), terminal, tracking)
    terminal.say(f"{plan.count(DONE)} of {len(plan.jobs)} jobs are done, in {plan.folder}")
    if failed := [job for job in plan.jobs if job.state == FAILED]:
        code = {job.number: "" if job.exit_code is None else str(job.exit_code) for job in failed}
        rows = [[job.name, code[job.number], str(plan.find_log(job)), job.reason[:MAX_REASON]] for job in failed]
        header = ["failed job", "exit code", "log", "reason"]
        terminal.say_as_it_is(format_table(header, rows, left=("failed job", "log", "reason")))
        kind = UserError if all(job.is_mistake for job in failed) else MachineError
        waiting = plan.count(WAITING)
        reason = failed[0].reason[:MAX_REASON].rstrip(".")
        raise kind(
            f"{len(failed)} of {len(plan.jobs)} jobs failed, first {failed[0].name!r}: {reason}. "
            + (f"{waiting} did not start (sweep.keep_going=false). " if waiting else "")
            + f"Run what is missing: {plan.find_command()}"
        )


def _compare(plan: Plan, terminal: Terminal) -> Comparison | None:
    """Print the comparison and write its page; None where it cannot be made."""
    page = plan.folder / PAGE
    try:
        comparison = compare_runs(str(plan.folder))
        write_page(page, comparison)
    except CharRNNError as error:  # the runs themselves are whole
        terminal.warn(f"the runs were not compared: {one_line(error)}")
        return None
    terminal.say_as_it_is(format_comparison(comparison, terminal.width))
    terminal.say()
    terminal.say_as_it_is(f"{'more of it:':<18} {name_program()} compare run={plan.folder}")
    terminal.say_as_it_is(f"{'its page:':<18} {page}")
    return comparison


def _record(plan: Plan, comparison: Comparison, swept: Collection[str]) -> SweepRecord:
    """Return what is sent to MLflow: page, plan and results."""
    label, places = RunFolder(plan.folder).label, [plan.place(job) for job in plan.jobs]
    is_mixed = any(place.parent != plan.folder for place in places)
    run_ids = [run_id for place in places if is_mixed and (run_id := RunFolder(place).read_summary().run_id)]
    return SweepRecord(
        label=label,
        name=f"sweep {label}",
        jobs=filter_jobs(label, run_ids),
        files=[plan.folder / PAGE, plan.folder / FILE],
        results={"jobs_done": f"{plan.count(DONE)} of {len(plan.jobs)}"} | describe_best(comparison),
        grouping=find_grouping(swept, [job.settings for job in plan.jobs]),
    )


def show_plan(plan: Plan, terminal: Terminal, *, at_once: int | None) -> None:
    """Print the jobs of a sweep that is not run: where each stands, its threads, its memory and its time.

    Args:
        plan: of the sweep.
        terminal: gets the table.
        at_once: jobs at once, for the time of the whole; None: not known.
    """
    rates = find_rates([job.settings for job in plan.jobs])
    rows, total, unknown = [], 0.0, 0
    for job, rate in zip(plan.jobs, rates, strict=True):
        state = "goes on" if job.is_resumed else job.state
        seconds = None if rate is None else rate.overhead + job.num_characters / rate.characters
        if job.state == WAITING:
            total, unknown = total + (seconds or 0.0), unknown + (seconds is None)
        time = "-" if seconds is None else f"{seconds:,.0f}"
        rows.append([job.name, state, str(job.threads), f"{job.num_bytes / 2**30:,.2f}", time])
    header = ["job", "state", "threads", "GiB", "seconds"]
    terminal.say_as_it_is(fit_columns(header, rows, terminal.width, dropped_first=["GiB", "threads"]))
    if total:
        terminal.say(
            f"about {total:,.0f} s of jobs, by the speed of earlier runs"
            + (f"; {at_once} at once: {total / at_once:,.0f} s" if at_once is not None and at_once > 1 else "")
            + (f"; {unknown} jobs are of a size that no earlier run has" if unknown else "")
        )
    elif unknown:
        terminal.say("no earlier run below outputs/ has the size of these jobs, so their time is not known.")
