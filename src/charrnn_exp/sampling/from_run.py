"""Sampling from existing runs, piece by piece.

Axes: b stream, t time.
"""

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit, Unknown
from charrnn_exp.config.schema import Config
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.data.lines import find_line_break, iterate_lines
from charrnn_exp.data.prompt import put_prompt, read_prompt, read_prompt_once, read_stop
from charrnn_exp.data.sources import trust_installed_alone
from charrnn_exp.data.splits import split_corpus
from charrnn_exp.data.vocabulary import WITHOUT_MARK, Vocabulary
from charrnn_exp.errors import CharRNNError, UserError, one_line
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import check_sampling_memory
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.overview import read_overview
from charrnn_exp.run_folder.weights import read_trained_weights
from charrnn_exp.sampling.lines import cut_line
from charrnn_exp.sampling.novelty import count_novelty
from charrnn_exp.sampling.seed import is_seed_drawn, settle_seed
from charrnn_exp.streams import write_note

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Text that is asked for.

    Args:
        config: settings of the run with the changes for these samples.
        title: what sets it apart from other text that is asked for; "": there is none.
    """

    config: Config
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Runs opened to write the text that is asked for.

    Args:
        folder: of the first run.
        asked: with a seed.
        prompt_ids_t: read first, at least one.
        stop_ids_t: at which a text ends; None: off.
        vocabulary: of the runs.
        networks: whose probabilities are averaged.
        unknown: what to do with symbols that the runs do not know, where more is typed.
    """

    folder: RunFolder
    asked: Asked
    prompt_ids_t: Ids
    stop_ids_t: Ids | None
    vocabulary: Vocabulary
    networks: Sequence[Any]
    unknown: Unknown = Unknown.refuse

    @property
    def is_bytes(self) -> bool:
        """Whether the symbols are bytes."""
        return self.vocabulary.unit is Unit.byte

    @property
    def line_break(self) -> int | None:
        """The id of the line break of a model of lines; None: it is none."""
        return find_line_break(self.vocabulary, lines=self.asked.config.dataset.lines)

    @property
    def encoding(self) -> str:
        """The encoding in which the bytes of a text are shown, without a byte order mark."""
        encoding = self.asked.config.dataset.encoding if self.is_bytes else "utf-8"
        return WITHOUT_MARK.get(codecs.lookup(encoding).name, encoding)

    def stream(self) -> Iterator[bytes]:
        """Yield one text in pieces, its prompt first."""
        yield self.vocabulary.to_bytes(self.prompt_ids_t)
        for pieces in self._make_writer().stream(self.prompt_ids_t, stop_ids_t=self.stop_ids_t):
            yield self.vocabulary.to_bytes(pieces[0])

    def write(self) -> list[bytes]:
        """Return all texts, the prompt before each; lines are without line breaks."""
        written = self._make_writer().write(self.prompt_ids_t, stop_ids_t=self.stop_ids_t)
        if self.line_break is not None:
            written = [cut_line(ids_t, self.line_break) for ids_t in written]
        return [self.vocabulary.to_bytes(ids_t) for ids_t in written]

    def show(self, written: bytes) -> str:
        """Return the text of bytes."""
        return written.decode(self.encoding, errors="replace")

    def _make_writer(self) -> Any:
        from charrnn_exp.sampling.writer import Writer

        return Writer(self.networks, self.asked.config.sampling)


def open_runs(
    folders: Sequence[RunFolder],
    asked: Sequence[Asked],
    *,
    checkpoint: str | None,
    warn: Callable[[str], None],
    unknown: Unknown = Unknown.refuse,
) -> list[Opened]:
    """Read what the samples need, and refuse what does not fit, before TensorFlow is imported; one for each asked.

    Args:
        folders: of the runs; the probabilities of several are averaged.
        asked: at least one, with settings of the first run.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped, and where symbols are skipped.
        unknown: what to do with symbols of the prompt that the run does not know.

    Raises:
        CharRNNError: if a run has no checkpoint, the runs have other symbols, the prompt does not fit them, or memory
            is short.
    """
    vocabulary = _share_vocabulary(folders)
    typed = read_prompt_once([each.config for each in asked])
    opened = [_settle(each, folders[0], typed, vocabulary, unknown=unknown, warn=warn) for each in asked]
    configs = [asked[0].config, *(folder.read_untracked_config() for folder in folders[1:])]
    for config in configs:
        model = resolve(config.model, num_symbols=len(vocabulary))
        for each in opened:
            check_sampling_memory(model, each.asked.config.sampling, num_symbols=len(vocabulary))
    facts = {"vocabulary_sha256": vocabulary.sha256}
    weights = [read_trained_weights(folder, checkpoint, facts=facts, warn=warn) for folder in folders]
    for seedless, each in zip(asked, opened, strict=True):
        if is_seed_drawn(seedless.config.sampling):
            write_note(f"sampling.seed={each.asked.config.sampling.seed} gives this text again")
    import_tensorflow()
    from charrnn_exp.model.weights import build_trained_network

    networks = [build_trained_network(config, each, vocabulary) for config, each in zip(configs, weights, strict=True)]
    return [replace(each, networks=networks) for each in opened]


def sample_runs(opened: Sequence[Opened], *, is_raw: bool = False) -> Iterator[str | bytes]:
    """Yield the texts in pieces: one as it is drawn, several each below a title; of a model of lines, a line each.

    Args:
        opened: at least one.
        is_raw: whether models of bytes yield the bytes themselves.
    """
    for each in opened:
        is_raw = is_raw and each.is_bytes
        num_samples = each.asked.config.sampling.num_samples
        if each.line_break is not None:
            yield from _show_lines(each, is_raw=is_raw)
            continue
        if len(opened) == num_samples == 1:
            yield from _show_one(each, is_raw=is_raw)
            return
        for i, written in enumerate(each.write(), start=1):
            parts = [each.asked.title] * bool(each.asked.title) + [f"sample {i}"] * (num_samples > 1)
            title = f"=== {', '.join(parts)} ===\n\n"
            yield title.encode() + written + b"\n\n" if is_raw else f"{title}{each.show(written)}\n\n"


def _show_one(opened: Opened, *, is_raw: bool) -> Iterator[str | bytes]:
    """Yield one text, and a line break at its end unless it ends with one as it was asked to."""
    asks_line = (opened.asked.config.sampling.stop or "").endswith("\n")
    decoder, last = codecs.getincrementaldecoder(opened.encoding)(errors="replace"), b""
    for piece in opened.stream():
        yield piece if is_raw else decoder.decode(piece)
        last = piece[-1:] or last
    if not (asks_line and last == b"\n"):
        yield b"\n" if is_raw else "\n"


def _show_lines(opened: Opened, *, is_raw: bool) -> Iterator[str | bytes]:
    """Yield lines, below their title if there is one, and say how new they are."""
    title, lines = opened.asked.title, opened.write()
    if title:
        yield f"=== {title} ===\n\n".encode() if is_raw else f"=== {title} ===\n\n"
    for line in lines:
        yield line + b"\n" if is_raw else f"{opened.show(line)}\n"
    if title:
        yield b"\n" if is_raw else "\n"
    write_note(_describe_novelty(opened.folder, opened.asked.config, lines))


def _settle(
    asked: Asked,
    folder: RunFolder,
    typed: str | None,
    vocabulary: Vocabulary,
    *,
    unknown: Unknown,
    warn: Callable[[str], None],
) -> Opened:
    """Return what is asked for with its seed and its ids, without networks."""
    config = replace(asked.config, sampling=settle_seed(put_prompt(asked.config.sampling, typed)))
    return Opened(
        folder=folder,
        asked=replace(asked, config=config),
        prompt_ids_t=read_prompt(config, vocabulary, unknown=unknown, warn=warn),
        stop_ids_t=read_stop(config, vocabulary),
        vocabulary=vocabulary,
        networks=(),
        unknown=unknown,
    )


def _share_vocabulary(folders: Sequence[RunFolder]) -> Vocabulary:
    """Return the vocabulary that all runs have.

    Raises:
        UserError: if one has another.
    """
    first, *others = [folder.read_vocabulary() for folder in folders]
    for folder, each in zip(folders[1:], others, strict=True):
        if each.sha256 != first.sha256:
            raise UserError(
                f"run must be runs of the same symbols, got {folders[0].path} ({len(first)} symbols) and {folder.path} "
                f"({len(each)}). Sample from each on its own."
            )
    return first


def _describe_novelty(folder: RunFolder, config: Config, lines: list[bytes]) -> str:
    """Return how many of the sampled lines are distinct, and how many stand in the training text, if it is there."""
    try:
        corpus = load_corpus(trust_installed_alone(config.dataset))
        found = (corpus.fingerprint.sha256, corpus.vocabulary.sha256)
        problem = None if read_overview(folder).text == found else "it has changed"
    except CharRNNError as error:
        problem = one_line(error)
    if problem is not None:
        return f"{len(lines):,} sampled lines: {len(set(lines)):,} distinct; the training text is not there: {problem}"
    splits = split_corpus(corpus, config.dataset)
    assert splits.line_break is not None
    return f"{count_novelty(lines, iterate_lines(splits.train_n, corpus.vocabulary, splits.line_break))}."
