"""Inputs read once for all jobs of a command: the prompt of standard input, and the runs to start from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from charrnn_exp.config.schema import Config
from charrnn_exp.data.prompt import put_prompt, read_prompt_once
from charrnn_exp.experiment.initial_weights import find_sources, keep_source


@dataclass(frozen=True)
class SharedInputs:
    """Inputs that settings name by reference, read once for all jobs of a sweep.

    Args:
        typed: the prompt of standard input; None where none was read.
        sources: run folders by the references of training.init_from.
    """

    typed: str | None
    sources: dict[str, str]

    def put_into(self, config: Config) -> Config:
        """Return the settings with the references replaced by the inputs."""
        kept = replace(config, sampling=put_prompt(config.sampling, self.typed))
        return keep_source(kept, self.sources)


def read_shared_inputs(configs: Sequence[Config]) -> SharedInputs:
    """Read the prompt of standard input if a job takes it, and find the runs that the jobs start from.

    Raises:
        UserError: if the prompt is no text, or there is no such run.
    """
    return SharedInputs(read_prompt_once(configs), find_sources(configs))
