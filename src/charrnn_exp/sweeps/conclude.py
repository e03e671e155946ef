"""The end of a sweep: a table of its jobs, and one of those that failed."""

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.plan import DONE, FAILED, Plan
from charrnn_exp.views.table import fit_columns
from charrnn_exp.views.terminal import Terminal


def conclude_sweep(plan: Plan, terminal: Terminal) -> None:
    """Print the losses of the jobs that are done, then tell of those that failed.

    Raises:
        UserError: if jobs failed, all by mistakes of the user: a line for each, with its log.
        MachineError: if jobs failed, not all by mistakes of the user.
    """
    rows = []
    for job in plan.jobs:
        if job.state == DONE:
            summary = RunFolder(plan.place(job)).read_summary()
            loss = "-" if summary.val_loss is None else f"{summary.val_loss:.4f}"
            rows.append([job.name, loss, f"{summary.seconds or 0:,.1f}", str(plan.place(job))])
    if rows:
        header = ["job", "val_loss", "seconds", "folder"]
        terminal.say_as_it_is(fit_columns(header, rows, terminal.width, dropped_first=["folder", "seconds"]))
    if plan.folder.exists():  # something ran
        terminal.say(f"{plan.count(DONE)} of {len(plan.jobs)} jobs are done, in {plan.folder}")
    if len(rows) > 1:
        places = [plan.place(job) for job in plan.jobs if job.state == DONE]
        together = [plan.folder] if all(place.parent == plan.folder for place in places) else places
        terminal.say(f"compare them:      {name_program()} compare run={','.join(map(str, together))}")
    if failed := [job for job in plan.jobs if job.state == FAILED]:
        kind = UserError if all(job.is_mistake for job in failed) else MachineError
        lines = [f"job {job.name!r} failed: {job.reason} (log: {plan.log(job)})" for job in failed]
        waiting = len(plan.jobs) - plan.count(DONE, FAILED)
        raise kind(*lines, *([f"{waiting} jobs did not run to their end: sweep.keep_going=false."] if waiting else []))


def show_plan(plan: Plan, terminal: Terminal) -> None:
    """Print the jobs of a sweep that is not run: where each stands, its threads and the memory that it needs."""
    rows = []
    for job in plan.jobs:
        state = "goes on" if job.is_resumed else job.state
        rows.append([job.name, state, str(job.threads), f"{job.num_bytes / 2**30:,.2f}"])
    header = ["job", "state", "threads", "GiB"]
    terminal.say_as_it_is(fit_columns(header, rows, terminal.width, dropped_first=["GiB", "threads"]))
