"""A sweep whose jobs run on a cluster."""

from typing import assert_never

from charrnn_exp.config.launchers import LauncherConfig, RayConfig, SlurmConfig
from charrnn_exp.config.schema import SweepConfig
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.sweeps.cluster.ray_connection import find_address, start_ray
from charrnn_exp.sweeps.cluster.slurm_workers import start_slurm
from charrnn_exp.sweeps.launch_local import launch_jobs
from charrnn_exp.sweeps.plan import WAITING, Plan
from charrnn_exp.views.terminal import Terminal


def launch_on_cluster(
    launcher: LauncherConfig, plan: Plan, settings: SweepConfig, terminal: Terminal, *, label: str | None
) -> None:
    """Run the jobs of a sweep that wait; arguments as for `launch_jobs`.

    Args:
        launcher: settings of the cluster.

    Raises:
        MachineError: if the cluster does not answer.
        Interrupted: after a signal or a closed pipe; jobs that ran have a checkpoint.
    """
    match launcher:
        case RayConfig():
            num_cores = max(count_cores(), *(job.threads for job in plan.jobs if job.state == WAITING))
            starting = start_ray(launcher, num_cores=num_cores)
            terminal.say("connecting to Ray" if find_address(launcher) else "starting Ray on this machine")
            launch_jobs(plan, settings, terminal, label=label, starting=starting)
        case SlurmConfig():
            launch_jobs(plan, settings, terminal, label=label, starting=start_slurm(launcher, plan.folder))
        case _:
            assert_never(launcher)
