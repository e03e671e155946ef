"""A run's network and a piece of text, the subject of a view; what can be refused is refused before TensorFlow.

Axes: n character.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from charrnn_exp.config.choices import Unknown
from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import load_corpus, read_ids
from charrnn_exp.data.lines import find_line_break, lay_out
from charrnn_exp.data.sources import trust_installed_alone
from charrnn_exp.data.splits import Splits, cap_validation, check_splits, split_corpus
from charrnn_exp.data.vocabulary import Ids, Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.evaluation.insight.symbols import list_characters
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import check_scoring_memory
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights

SPLIT_NAMES = {"val": "validation", "test": "test", "train": "training"}
SPLITS = tuple(SPLIT_NAMES)


@dataclass(frozen=True)
class Subject:
    """A network, or only the folder of its run, and a piece of text.

    Args:
        folder: of the run.
        config: its settings.
        vocabulary: its symbols.
        network: its model, which no view changes for good; None for a view that needs none.
        ids_n: the piece of text.
        text_name: of the text, for people.
        has_ended: whether the run is complete, or about to write that it is.
        num_added: symbols in front of `ids_n` that the text lacks: 1 of a text of lines, see `data/lines.py`, else 0.
    """

    folder: RunFolder
    config: Config
    vocabulary: Vocabulary
    network: Any
    ids_n: Ids
    text_name: str
    has_ended: bool = False
    num_added: int = 0

    @property
    def text(self) -> str:
        """The text, one character for each symbol; a byte is the character of that number."""
        characters = list_characters(self.vocabulary)
        return "".join(characters[number] for number in self.ids_n.tolist())

    @property
    def num_characters(self) -> int:
        """Number of characters of the text, without what is added to it."""
        return max(0, len(self.ids_n) - self.num_added)

    def cut(self, num_characters: int) -> "Subject":
        """Return the subject with the beginning of the text."""
        return replace(self, ids_n=self.ids_n[: num_characters + self.num_added])


class OtherText(NamedTuple):
    """A file to be looked at in place of a run's own text.

    Args:
        path: of the file.
        unknown: what to do with its symbols that the run does not know.
    """

    path: Path
    unknown: Unknown = Unknown.refuse


@dataclass(frozen=True)
class Choice:
    """Which text is looked at, with which weights.

    Args:
        split: train, val or test of the run's own text; None: val, or train where there is none.
        text: a file in its place; None: off.
        num_characters: from its beginning.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
    """

    split: str | None
    text: OtherText | None
    num_characters: int
    checkpoint: str | None


@dataclass(frozen=True)
class Prepared:
    """All that a subject needs, read before TensorFlow is imported.

    Args:
        subject: without a network.
        weights: of the network, by name.
    """

    subject: Subject
    weights: dict[str, Any]

    def build(self) -> Subject:
        """Import TensorFlow and return the subject with its network."""
        import_tensorflow()
        from charrnn_exp.model.weights import build_trained_network

        subject = self.subject
        network = build_trained_network(subject.config, self.weights, subject.vocabulary)
        return replace(subject, network=network)


def describe_run(folder: RunFolder) -> Subject:
    """Return the subject of a view that needs neither network nor text.

    Raises:
        CharRNNError: if the folder holds no run.
    """
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    nothing_n = np.zeros(0, np.uint8)
    return Subject(folder, config, vocabulary, None, nothing_n, "", folder.read_summary().has_ended)


def prepare_subject(
    folder: RunFolder,
    choice: Choice,
    *,
    warn: Callable[[str], None],
    config: Config | None = None,
    of: Subject | None = None,
) -> Prepared:
    """Read settings, text and weights of a run.

    Args:
        folder: of the run.
        choice: of text and weights.
        warn: called with a line for each damaged checkpoint that is skipped, and for each change of a file.
        config: of the run, with tracking off; None: as its folder has it.
        of: another subject, whose text is read in place of the chosen one; None: off.

    Raises:
        CharRNNError: if the run has no checkpoint, its text has changed, the text does not fit its vocabulary, or
            memory is short.
    """
    config, vocabulary = config or folder.read_untracked_config(), folder.read_vocabulary()
    facts: dict[str, Any] = {"vocabulary_sha256": vocabulary.sha256}
    num_added = int(config.dataset.lines)
    if of is not None:
        ids_n, name, num_added = _translate(of, vocabulary), of.text_name, of.num_added
    elif choice.text is not None:
        if choice.split is not None:
            raise UserError(f"split must be left out beside text, got {choice.split!r}.")
        path, unknown = choice.text
        ids_n, notes = read_ids(path, config.dataset, vocabulary, key="text", unknown=unknown)
        for note in notes:
            warn(note)
        line_break = find_line_break(vocabulary, lines=config.dataset.lines)
        ids_n = ids_n if line_break is None else lay_out(ids_n, line_break)
        name = str(path)
    else:
        ids_n, name, fingerprint = _read_split(config, choice.split)
        facts |= {"dataset": fingerprint}
    check_scoring_memory(resolve(config.model, num_symbols=len(vocabulary)), num_symbols=len(vocabulary))
    weights = read_trained_weights(folder, choice.checkpoint, facts=facts, warn=warn)
    has_ended = folder.read_summary().has_ended
    subject = Subject(folder, config, vocabulary, None, ids_n, name, has_ended, num_added)
    return Prepared(subject.cut(choice.num_characters), dict(weights))


def choose_split(splits: Splits, config: Config, split: str | None) -> tuple[Ids, str]:
    """Return the ids of a split and its name for people; without a choice the validation text, or the training text.

    Raises:
        UserError: if the protocol of the run has no such split.
    """
    if split not in (None, *SPLITS):
        raise UserError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
    found = {name: ids_n for name, (ids_n, _) in splits.list_scored().items()} | {"train": splits.train_n}
    chosen = split or ("val" if "val" in found else "train")
    if chosen not in found:
        raise UserError(
            f"split must be one of the run's splits ({', '.join(found)} by "
            f"dataset.split={config.dataset.split.name}), got {split!r}."
        )
    return found[chosen], f"{SPLIT_NAMES[chosen]} text of {config.dataset.name}"


def _read_split(config: Config, split: str | None) -> tuple[Ids, str, dict[str, Any]]:
    if split not in (None, *SPLITS):  # before the text is read
        raise UserError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
    corpus = load_corpus(trust_installed_alone(config.dataset))
    whole = split_corpus(corpus, config.dataset)
    splits = cap_validation(whole, config.training.max_val_characters)
    check_splits(splits, config.dataset)
    return *choose_split(splits, config, split), corpus.fingerprint.as_dict()


def _translate(of: Subject, vocabulary: Vocabulary) -> Ids:
    """Return the ids of another subject's text.

    Raises:
        UserError: if the two runs have other units, or the vocabulary lacks a symbol of the text.
    """
    if of.vocabulary.unit is not vocabulary.unit:
        raise UserError(
            f"run must be two runs of one dataset.unit, got {of.vocabulary.unit.name} and {vocabulary.unit.name}."
        )
    points = np.asarray(of.vocabulary.code_points)[of.ids_n.astype(np.int64)]
    return vocabulary.find_ids(points, key="text")
