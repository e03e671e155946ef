"""`training.init_from`: the source run is found and checked before TensorFlow is imported."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace

from charrnn_exp.config.schema import Config
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.finding import find_run
from charrnn_exp.run_folder.folder import RunFolder, shorten
from charrnn_exp.tracking.fetch import find_run_anywhere
from charrnn_exp.training.transfer import InitialWeights

KEY = "training.init_from"
MAY_DIFFER = {
    "parameter_budget",
    "dropout",
    "input_dropout",
    "output_dropout",
    "embedding_dropout",
    "weight_dropout",
    "variational_dropout",
}
"""Settings of the model that the weights do not depend on, or that follow from the sizes of the weights."""


def find_sources(configs: Sequence[Config]) -> dict[str, str]:
    """Return the run folder of each reference; `latest` is the same run in all jobs of a sweep.

    A run of the store is fetched by its MLflow id.

    Raises:
        CharRNNError: if there is no such run, or the store does not give it.
    """
    by_reference = {config.training.init_from: config for config in reversed(configs)}
    return {reference: _find_source(reference, config) for reference, config in by_reference.items() if reference}


def _find_source(reference: str, config: Config) -> str:
    run = find_run_anywhere(reference, lambda: config.tracking, key=KEY, needs_weights=True)
    return str(shorten(run.path))


def keep_source(config: Config, sources: Mapping[str, str]) -> Config:
    """Return the settings with the reference replaced by its run folder."""
    reference = config.training.init_from
    if reference is None:
        return config
    return replace(config, training=replace(config.training, init_from=sources.get(reference, reference)))


def read_initial_weights(config: Config, vocabulary: Vocabulary) -> InitialWeights | None:
    """Return the weights of the source's best checkpoint, or of its newest without validation; None: off.

    Raises:
        UserError: if model or unit differ, no symbol is shared, or the source has no checkpoint.
        MachineError: if its checkpoint is damaged.
    """
    if config.training.init_from is None:
        return None
    folder = find_run(config.training.init_from, key=KEY)
    other, other_vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    if problems := list(_find_differences(config, other, vocabulary, other_vocabulary)):
        raise UserError(*problems)
    return _read_best(folder, other_vocabulary)


def _find_differences(
    config: Config, other: Config, vocabulary: Vocabulary, other_vocabulary: Vocabulary
) -> Iterator[str]:
    source = f"{KEY}={config.training.init_from}"
    for field in fields(config.model):
        value, source_value = getattr(config.model, field.name), getattr(other.model, field.name)
        if field.name == "hidden_size":  # which a budget may have chosen
            value, source_value = (
                _find_hidden_size(*each) for each in ((config, vocabulary), (other, other_vocabulary))
            )
        if field.name not in MAY_DIFFER and value != source_value:
            yield f"model.{field.name} must be {_show(source_value)}, as in {source}, got {_show(value)}."
    if vocabulary.unit is not other_vocabulary.unit:
        yield f"dataset.unit must be {other_vocabulary.unit.name}, as in {source}, got {vocabulary.unit.name}."
    elif not set(vocabulary.code_points) & set(other_vocabulary.code_points):
        yield f"{source} must be a run with symbols of this text, got one that shares none."


def _find_hidden_size(config: Config, vocabulary: Vocabulary) -> int | None:
    return resolve(config.model, num_symbols=len(vocabulary)).hidden_size


def _read_best(folder: RunFolder, vocabulary: Vocabulary) -> InitialWeights:
    store = CheckpointStore(folder.checkpoints, facts={"vocabulary_sha256": vocabulary.sha256}, num_rolling=1)
    if not store.find_all():
        raise UserError(f"{KEY} must be a run with a checkpoint, got {folder.path}, which has none. Resume it first.")
    checkpoint = store.best_or_newest()
    store.check_facts(checkpoint)
    return InitialWeights(str(checkpoint.folder), checkpoint.read(WEIGHTS), vocabulary)


def _show(value: object) -> object:
    return getattr(value, "name", "null" if value is None else str(value).lower())
