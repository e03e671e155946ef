"""The scores of existing runs, on the splits of their own text or on files.

Axes: n character.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import Corpus, load_corpus, read_ids
from charrnn_exp.data.lines import find_line_break, lay_out
from charrnn_exp.data.sources import trust_installed_alone
from charrnn_exp.data.splits import LEAST_CHARACTERS, Splits, cap_validation, check_splits, split_corpus
from charrnn_exp.data.vocabulary import Ids, Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.evaluation.adaptation import Adaptation, Rule
from charrnn_exp.evaluation.groups import count_words, group_characters
from charrnn_exp.evaluation.question import Answer, Asked, Question, name_row
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.evaluation.streams import cut_windows
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.dropout import drop_dropout
from charrnn_exp.model.memory import check_scoring_memory, explain_memory_errors
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.overview import PROTOCOL, READ_BY, read_overview
from charrnn_exp.run_folder.weights import read_trained_checkpoint

SPLITS = ("val", "test", "train")
"""In the order in which they are scored: the long one last."""
NAME_A_FILE = " Name a file that they all score: text=FILE."
Scored = tuple[Ids, tuple[int, ...]]
"""Ids of a text, and the index of the first character of each of its parts."""


def score_runs(
    folders: Sequence[RunFolder],
    question: Question,
    *,
    warn: Callable[[str], None],
    configs: Sequence[Config] | None = None,
) -> Asked:
    """Return the scores of each text by each run, and by their ensemble; what can be refused is refused before.

    Args:
        folders: of the runs; the probabilities of several are averaged.
        question: what is scored.
        warn: called with a line for each damaged checkpoint that is skipped, and for each change of a file.
        configs: of the runs, with tracking off; None: as their folders have them.

    Raises:
        CharRNNError: if a run has no checkpoint, its text has changed, the runs differ in vocabulary or text, a file
            does not fit the vocabulary, or memory is short.
    """
    configs = configs or [folder.read_untracked_config() for folder in folders]
    vocabulary = folders[0].read_vocabulary()
    _check_together(folders, question, vocabulary)
    facts: dict[str, Any] = {"vocabulary_sha256": vocabulary.sha256}
    _check_window(question)
    texts = _read_texts(question, configs[0], vocabulary, warn)
    train_n = None
    if not texts or (question.adaptation is not None and question.adaptation.rule is Rule.rms):
        chosen = () if texts else _choose_splits(question)
        corpus = load_corpus(trust_installed_alone(configs[0].dataset))
        facts |= {"dataset": corpus.fingerprint.as_dict()}
        splits = _split(corpus, configs[0])
        train_n = splits.train_n
        texts = texts or _choose_texts(splits, configs[0], chosen)
    if question.window is not None:
        texts = {name: cut_windows(*text, question.window) for name, text in texts.items()}
    for config in configs:
        check_scoring_memory(resolve(config.model, num_symbols=len(vocabulary)), num_symbols=len(vocabulary))
    read = [read_trained_checkpoint(folder, question.checkpoint, facts=facts, warn=warn) for folder in folders]
    workers = [checkpoint.read_workers() or (None, 1) for checkpoint, _ in read]
    import_tensorflow(workers[0][0] if len(workers) == 1 else None)  # as in the run, whose last digits depend on it
    from charrnn_exp.model.weights import build_trained_network

    speakers = [
        _Speaker(folder.path, build_trained_network(_drop_dropout(config), weights, vocabulary), num_parts)
        for folder, config, (_, weights), (_, num_parts) in zip(folders, configs, read, workers, strict=True)
    ]
    voices = _list_voices(speakers, question, train_n)
    labels = tuple(name_row(text, voice.speaker, question.window) for text in texts for voice in voices)
    return Asked(labels, _answer(voices, texts, vocabulary, question))


def _check_together(folders: Sequence[RunFolder], question: Question, vocabulary: Vocabulary) -> None:
    """Refuse several runs that cannot be averaged on the texts that were asked for."""
    if len(folders) == 1:
        return
    first, paths = read_overview(folders[0]), [folder.path.resolve() for folder in folders]
    if question.adaptation is not None:
        raise UserError(f"adapt must be left out beside several runs, got {question.adaptation.rule.name!r}.")
    for folder, path in zip(folders[1:], paths[1:], strict=True):
        if paths.count(path) > 1:
            raise UserError(f"run must name each run once, got {folder.path} twice.")
        other = folder.read_vocabulary()
        if other != vocabulary:
            raise UserError(
                f"run must be runs of one vocabulary, got {folders[0].path} with {len(vocabulary)} and {folder.path} "
                f"with {len(other)} symbols, which are not the same. Average runs of one text."
            )
        found = read_overview(folder)
        keys = READ_BY if question.texts else PROTOCOL
        differ = [key for key in keys if found.settings.get(key) != first.settings.get(key)]
        if differ or (not question.texts and found.whole_text != first.whole_text):
            both = f"{folders[0].path} and {folder.path}, which differ in {', '.join(differ) or 'text'}"
            needed = "that read a file alike" if question.texts else "of one text and split"
            raise UserError(f"run must be runs {needed}, got {both}.{'' if question.texts else NAME_A_FILE}")


def _check_window(question: Question) -> None:
    """Refuse windows beside what needs a text in one piece."""
    others = {"details": question.details, "adapt": question.adaptation is not None}
    for name in (name for name, is_there in others.items() if is_there and question.window is not None):
        raise UserError(f"{name} must be left out beside window, got both.")


def _read_texts(
    question: Question, config: Config, vocabulary: Vocabulary, warn: Callable[[str], None]
) -> dict[str, Scored]:
    """Return the files that are scored in place of a run's own text, by their names in the answers."""
    if question.texts and question.split is not None:
        raise UserError(f"split must be left out beside text, got {question.split!r}: all of the file is scored.")
    found: dict[str, Scored] = {}
    line_break = find_line_break(vocabulary, lines=config.dataset.lines)
    for path in question.texts:
        ids_n, notes = read_ids(path, config.dataset, vocabulary, key="text", unknown=question.unknown)
        for note in notes:
            warn(note)
        if line_break is not None and len(ids_n):
            ids_n = lay_out(ids_n, line_break)
        if not len(ids_n) >= LEAST_CHARACTERS:
            raise UserError(f"text must hold at least {LEAST_CHARACTERS} characters, got {len(ids_n)} in {path}.")
        name = "text" if len(question.texts) == 1 else str(path)
        if name in found:
            raise UserError(f"text must name each file once, got {name} twice.")
        found[name] = (ids_n, (0,))
    return found


def _choose_splits(question: Question) -> tuple[str, ...]:
    if question.split is None and question.adaptation is not None:
        return SPLITS[:2]
    typed = question.split or "all"
    if typed == "all":
        return SPLITS
    if typed not in SPLITS:
        raise UserError(f"split must be one of train, val, test, all, got {typed!r}.")
    return (typed,)


def _split(corpus: Corpus, config: Config) -> Splits:
    """Return the splits as the run saw them."""
    whole = split_corpus(corpus, config.dataset)
    splits = cap_validation(whole, config.training.max_val_characters)
    check_splits(splits, config.dataset)
    return splits


def _choose_texts(splits: Splits, config: Config, chosen: tuple[str, ...]) -> dict[str, Scored]:
    """Return the chosen splits that the run's protocol has. The training text is one part."""
    found: dict[str, Scored] = splits.list_scored() | {"train": (splits.train_n, (0,))}
    texts = {split: found[split] for split in chosen if split in found}
    if not texts:
        there = ", ".join(found)
        raise UserError(
            f"split must be one of the run's splits ({there} by dataset.split={config.dataset.split.name}), "
            f"got {chosen[0]!r}."
        )
    return texts


def _drop_dropout(config: Config) -> Config:
    """Return the settings without dropout, which would also be on where weights adapt."""
    return replace(config, model=drop_dropout(config.model))


class _Speaker(NamedTuple):
    """A run, its network, and the parts in which it was scored when it ended: other ones change the last digits."""

    path: Path
    network: Any
    num_parts: int


class _Voice(NamedTuple):
    """One who scores: speaker, runs and adaptation are those of `Answer`."""

    speaker: str
    runs: tuple[Path, ...]
    score: Callable[..., Scores | None]
    adaptation: Adaptation | None = None


def _list_voices(speakers: Sequence[_Speaker], question: Question, train_n: Ids | None) -> list[_Voice]:
    from charrnn_exp.evaluation.dynamic import AdaptiveScorer, find_mean_squares
    from charrnn_exp.evaluation.scorer import Scorer
    from charrnn_exp.model.ensemble import Ensemble

    def speak(network: Any, num_parts: int = 1) -> Callable[..., Scores | None]:
        return lambda *text, groups: Scorer(network, *text, has_top=True, groups=groups, num_parts=num_parts).score()

    paths, networks = tuple(each.path for each in speakers), [each.network for each in speakers]
    if len(speakers) > 1:
        members = [
            _Voice(f"run {number}", (each.path,), speak(each.network, each.num_parts))
            for number, each in enumerate(speakers, start=1)
        ]
        return [*members, _Voice(f"ensemble of {len(networks)}", paths, speak(Ensemble(networks)))]
    plain, adaptation = _Voice("", paths, speak(networks[0], speakers[0].num_parts)), question.adaptation
    if adaptation is None:
        return [plain]

    @functools.cache
    def find_statistics() -> Any:
        return () if train_n is None else find_mean_squares(networks[0], train_n, segment=adaptation.segment)

    def speak_adapting(*text: Any, groups: Any) -> Scores:
        options = {"adaptation": adaptation, "mean_squares": find_statistics(), "groups": groups}
        return AdaptiveScorer(networks[0], *text, **options).score()

    return [plain, _Voice(adaptation.label, paths, speak_adapting, adaptation)]


def _answer(
    voices: Sequence[_Voice], texts: Mapping[str, Scored], vocabulary: Vocabulary, question: Question
) -> Iterator[Answer]:
    for name, (ids_n, starts) in texts.items():
        num_words = None if question.window else count_words(ids_n, starts, vocabulary)
        groups = group_characters(ids_n, starts, vocabulary) if question.details else None
        for voice in voices:
            with explain_memory_errors():
                scores = voice.score(ids_n, starts, groups=groups)
            assert scores is not None, "nothing stops it"
            yield Answer(
                text=name,
                speaker=voice.speaker,
                runs=voice.runs,
                scores=replace(scores, num_words=num_words),
                adaptation=voice.adaptation,
                window=question.window,
            )
