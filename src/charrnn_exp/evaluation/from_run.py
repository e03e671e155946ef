"""The scores of an existing run, on the splits of its own text or on a file.

Axes: n character.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from charrnn_exp.config.choices import Unknown
from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import Corpus, load_corpus, read_ids
from charrnn_exp.data.sources import trust_installed_alone
from charrnn_exp.data.splits import LEAST_CHARACTERS, cap_validation, check_splits, split_text
from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.errors import UserError
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import explain_memory_errors
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights

SPLITS = ("val", "test", "train")
"""In the order in which they are scored: the long one last."""
Scored = tuple[Ids, tuple[int, ...]]
"""Ids of a text, and the index of the first character of each of its parts."""


class OtherText(NamedTuple):
    """A file to be scored in place of a run's own text.

    Args:
        path: of the file.
        unknown: what to do with its symbols that the run does not know.
    """

    path: Path
    unknown: Unknown = Unknown.refuse


def score_run(
    folder: RunFolder,
    *,
    split: str | None,
    text: OtherText | None,
    checkpoint: str | None,
    warn: Callable[[str], None],
    config: Config | None = None,
) -> Iterator[tuple[str, Scores]]:
    """Return the scores of each text with its name, one by one; what can be refused is refused before the first.

    Args:
        folder: of the run.
        split: train, val, test or all; None: all.
        text: a file to be scored in place of the run's own text; None: off.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped, and for each change of the file.
        config: of the run, with tracking off; None: as its folder has it.

    Raises:
        CharRNNError: if the run has no checkpoint, its text has changed, or the file does not fit its vocabulary.
    """
    config, vocabulary = config or folder.read_untracked_config(), folder.read_vocabulary()
    facts: dict[str, Any] = {"vocabulary_sha256": vocabulary.sha256}
    if text is not None:
        if split is not None:
            raise UserError(f"split must be left out beside text, got {split!r}: all of the file is scored.")
        ids_n, notes = read_ids(text.path, config.dataset, vocabulary, key="text", unknown=text.unknown)
        for note in notes:
            warn(note)
        if not len(ids_n) >= LEAST_CHARACTERS:
            raise UserError(f"text must hold at least {LEAST_CHARACTERS} characters, got {len(ids_n)} in {text.path}.")
        texts: dict[str, Scored] = {"text": (ids_n, (0,))}
    else:
        chosen = _choose_splits(split or "all")
        corpus = load_corpus(trust_installed_alone(config.dataset))
        facts |= {"dataset": corpus.fingerprint.as_dict()}
        texts = _choose_texts(corpus, config, chosen)
    weights = read_trained_weights(folder, checkpoint, facts=facts, warn=warn)
    import_tensorflow()
    from charrnn_exp.model.weights import build_trained_network

    return _score(build_trained_network(config, weights, num_symbols=len(vocabulary)), texts)


def _choose_splits(typed: str) -> tuple[str, ...]:
    if typed == "all":
        return SPLITS
    if typed not in SPLITS:
        raise UserError(f"split must be one of train, val, test, all, got {typed!r}.")
    return (typed,)


def _choose_texts(corpus: Corpus, config: Config, chosen: tuple[str, ...]) -> dict[str, Scored]:
    """Return the chosen splits that the run's protocol has, as the run saw them. The training text is one part."""
    whole = split_text(corpus.ids_n, config.dataset, corpus.num_by_part)
    splits = cap_validation(whole, config.training.max_val_characters)
    check_splits(splits, config.dataset)
    found: dict[str, Scored] = splits.list_scored() | {"train": (splits.train_n, (0,))}
    if chosen != SPLITS and chosen[0] not in found:
        there = ", ".join(found)
        raise UserError(
            f"split must be one of the run's splits ({there} by dataset.split={config.dataset.split.name}), "
            f"got {chosen[0]!r}."
        )
    return {split: found[split] for split in chosen if split in found}


def _score(network: Any, texts: Mapping[str, Scored]) -> Iterator[tuple[str, Scores]]:
    from charrnn_exp.evaluation.scorer import Scorer

    for name, (ids_n, starts) in texts.items():
        with explain_memory_errors():
            scores = Scorer(network, ids_n, starts).score()
        assert scores is not None, "nothing stops it"
        yield name, scores
