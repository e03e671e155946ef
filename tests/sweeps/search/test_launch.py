"""A search that is stopped tells its command."""

import shlex
from pathlib import Path

from charrnn_exp.config.words import write_words
from charrnn_exp.sweeps.plan import Plan
from charrnn_exp.sweeps.search.launch import explain_stop


def test_the_command_of_a_stopped_search_is_the_one_that_was_typed() -> None:
    typed = ["hydra/sweeper=optuna", "sampling.prompt=to be", "optimizer.learning_rate=tag(log,interval(1e-4,1e-2))"]
    line = explain_stop(Plan(Path("outputs/a"), write_words(typed, multirun=True), "my conf", []))
    _, _, command = line.partition("again: ")
    assert shlex.split(command)[-6:] == ["-m", *typed, "--config-dir", "my conf"]
    assert "'sampling.prompt=to be'" in line
