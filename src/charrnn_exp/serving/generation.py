"""Text and losses of one model, piece by piece, for whoever serves it.

Axes: b stream, t time, v vocabulary.
"""

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import Config, SamplingConfig
from charrnn_exp.data.lines import find_line_break, lay_out
from charrnn_exp.data.prompt import read_prompt, read_stop
from charrnn_exp.data.vocabulary import WITHOUT_MARK, Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.model.memory import check_sampling_memory
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sampling.loaded_model import LoadedModel, load_model
from charrnn_exp.sampling.seed import settle_seed
from charrnn_exp.serving import orders

CHUNK = 128
"""Characters that the network reads at once: each other number would be compiled anew."""
PIECE_LENGTH = CHUNK // 2
"""Characters that are drawn, and sent, at once: fewer would have more losses found twice."""
MAX_WAYS = 64
"""Ways to draw (filters, whole numbers of theirs) whose compiled loops are kept."""
WARM_UP_LENGTH = 3
LEAVE_OUT = "Leave them out."
"""The way out for symbols that the model does not know: a request has no word that skips them."""

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Piece:
    """Some characters of a text.

    Args:
        text: of them.
        losses: of each character, in nats: minus the logarithm of the probability that the model gave it, before
            temperature and filters. None of the first character of a text, which follows nothing; of lines it follows
            a line break.
    """

    text: str
    losses: tuple[float | None, ...]


class Generator:
    """Draws and scores text.

    Args:
        model: trained.
        config: of its run.
        notes: for people, a line for each setting of the run that requests do not have as it stands.
    """

    def __init__(self, model: LoadedModel, config: Config, notes: Sequence[str] = ()) -> None:
        from charrnn_exp.sampling.sampler import quantize_networks

        self.config, self.notes = config, tuple(notes)
        self.vocabulary = model.vocabulary
        self._network = model.network
        self._read = _compile_reader(model.network)
        self._weights = quantize_networks([model.network], num_streams=1)
        self._ways: set[Any] = set()

    def read_prompt(self, sampling: SamplingConfig) -> Ids:
        """Return the ids of the prompt of these settings.

        Raises:
            UserError: if it, or the stop text, has symbols that the model does not know.
        """
        config = replace(self.config, sampling=sampling)
        try:
            self._read_stop(sampling)
            return read_prompt(config, self.vocabulary, way_out=LEAVE_OUT)
        except UserError as error:
            raise UserError(*map(orders.name_as_typed, error.lines)) from None

    def read_text(self, text: str) -> Ids:
        """Return the ids of a text that is to be scored; of lines laid out, as `evaluate` scores them.

        Raises:
            UserError: if it has symbols that the model does not know, or too few.
        """
        dataset = self.config.dataset
        points_t = self.vocabulary.find_points(text, key="text", encoding=dataset.encoding)
        ids_t = self.vocabulary.find_ids(points_t, key="text", way_out=LEAVE_OUT)
        line_break = find_line_break(self.vocabulary, lines=dataset.lines)
        if line_break is not None:
            if not len(ids_t):
                raise UserError("text must hold at least 1 character, got 0.")
            ids_t = lay_out(ids_t, line_break)
        if not len(ids_t) >= 2:
            raise UserError(f"text must hold at least 2 characters, got {len(ids_t)}: the first follows nothing.")
        return ids_t.astype(np.int32)

    def generate(self, sampling: SamplingConfig, prompt_ids_t: Ids, *, has_losses: bool) -> Iterator[Piece]:
        """Yield the text that follows a prompt, as the verb `sample` draws it.

        Args:
            sampling: all settings of the text.
            prompt_ids_t: from `read_prompt`.
            has_losses: whether the losses of its characters are found, which takes longer than to draw them.
        """
        reader, decoder = (
            _LossReader(self._network, self._read),
            _make_decoder(self.vocabulary, self.config.dataset.encoding),
        )
        unread_t = prompt_ids_t
        for ids_t in self._draw(sampling, prompt_ids_t):
            if not has_losses:
                yield decoder(ids_t, None)
                continue
            losses = reader.read(np.concatenate([unread_t, ids_t]))[len(unread_t) :]
            unread_t = ids_t[:0]
            yield decoder(ids_t, losses)

    def score(self, ids_t: Ids) -> Iterator[Piece]:
        """Yield a text with the losses of its characters; the first has none, but in a text of lines.

        Args:
            ids_t: from `read_text`. The line break in front of lines is read, and is no part of the text.
        """
        reader, decoder = (
            _LossReader(self._network, self._read),
            _make_decoder(self.vocabulary, self.config.dataset.encoding),
        )
        if self.config.dataset.lines:
            reader.read(ids_t[:1])
            ids_t = ids_t[1:]
        for start in range(0, len(ids_t), CHUNK):
            part_t = ids_t[start : start + CHUNK]
            yield decoder(part_t, reader.read(part_t))

    def warm_up(self) -> None:
        """Compile what a text with the settings of the run needs."""
        short = replace(self.config.sampling, length=WARM_UP_LENGTH)
        for _ in self.generate(short, self.vocabulary.default_prompt_ids(), has_losses=True):
            pass

    def _draw(self, sampling: SamplingConfig, prompt_ids_t: Ids) -> Iterator[Ids]:
        """Yield the ids of one text in pieces."""
        from charrnn_exp.sampling.sampler import find_way, forget_ways
        from charrnn_exp.sampling.writer import Writer

        way = find_way(sampling)
        if way not in self._ways and len(self._ways) >= MAX_WAYS:
            forget_ways()
            self._ways.clear()
        self._ways.add(way)
        writer = Writer([self._network], settle_seed(sampling), self._weights)
        stop_ids_t = self._read_stop(sampling)
        for (ids_t,) in writer.stream(prompt_ids_t, stop_ids_t=stop_ids_t, piece_length=PIECE_LENGTH):
            yield ids_t

    def _read_stop(self, sampling: SamplingConfig) -> Ids | None:
        return read_stop(replace(self.config, sampling=sampling), self.vocabulary, way_out=LEAVE_OUT)


def open_generator(folder: RunFolder, checkpoint: str | None, *, warn: Callable[[str], None]) -> Generator:
    """Return the model of a run; TensorFlow is imported after all that can be refused.

    Args:
        folder: of the run.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped.

    Raises:
        CharRNNError: if the run has no checkpoint, or memory is short.
    """
    of_run, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    config = replace(of_run, sampling=replace(of_run.sampling, prompt_file=None, num_samples=1, beams=None))
    check_sampling_memory(
        resolve(config.model, num_symbols=len(vocabulary)), config.sampling, num_symbols=len(vocabulary)
    )
    return Generator(load_model(folder, checkpoint, warn=warn), config, list(orders.list_notes(of_run)))


class _LossReader:
    """Reads a text in parts of any length and finds the loss of each symbol.

    The network gets chunks of one length. The symbols of a chunk that has room left are read again with those that
    come next, from the state before the chunk.
    """

    def __init__(self, network: Any, read: Any) -> None:
        self._read = read
        self._states = network.first_states(1)
        self._chunk_t = np.zeros(0, np.int32)
        self._log_probs_v: npt.NDArray[np.float64] | None = None

    def read(self, ids_t: Ids) -> list[float | None]:
        """Return the loss of each symbol, nats; None of the first of all."""
        losses: list[float | None] = []
        while len(ids_t):
            num_old = len(self._chunk_t)
            new_t, ids_t = ids_t[: CHUNK - num_old], ids_t[CHUNK - num_old :]
            self._chunk_t = np.concatenate([self._chunk_t, new_t])
            length = len(self._chunk_t)
            padded_t = np.pad(self._chunk_t, (0, CHUNK - length))
            log_probs_btv, states = self._read(padded_t[None], self._states)
            log_probs_tv = log_probs_btv[0].numpy()
            for place, symbol in enumerate(new_t.tolist(), start=num_old):
                before_v = self._log_probs_v if place == 0 else log_probs_tv[place - 1]
                losses.append(None if before_v is None else -float(before_v[symbol]))
            if length == CHUNK:
                self._states, self._chunk_t = states, np.zeros(0, np.int32)
                self._log_probs_v = log_probs_tv[-1]
        return losses


def _compile_reader(network: Any) -> Any:
    """Return a function from ids `[b, t]` and states to log-probabilities of the next symbols, float64, and states."""
    import tensorflow as tf

    def read(ids_bt: Any, states: Any) -> tuple[Any, Any]:
        logits_btv, states = network(ids_bt, states, training=False)
        return tf.nn.log_softmax(tf.cast(logits_btv, tf.float64)), states

    return tf.function(read, autograph=False)


def _make_decoder(vocabulary: Vocabulary, encoding: str) -> Callable[[Ids, Sequence[float | None] | None], Piece]:
    """Return a function from ids and their losses to text; bytes that are no whole character wait for the next ones.

    The loss of a character is the sum of those of its bytes; None where one of them has none.
    """
    if vocabulary.unit is not Unit.byte:
        return lambda ids_t, losses: Piece(vocabulary.decode(ids_t), tuple(losses or ()))
    codec = WITHOUT_MARK.get(codecs.lookup(encoding).name, encoding)
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    waiting: list[float | None] = []

    def decode(ids_t: Ids, losses: Sequence[float | None] | None) -> Piece:
        text, found = "", list[float | None]()
        for i, value in enumerate(vocabulary.to_bytes(ids_t)):
            new = decoder.decode(bytes([value]))
            text += new
            if losses is None:
                continue
            waiting.append(losses[i])
            if new:
                found += _share(waiting, len(new))
                waiting.clear()
        return Piece(text, tuple(found))

    return decode


def _share(losses: Sequence[float | None], num_characters: int) -> list[float | None]:
    """Return the losses of characters that came of some bytes at once: the first has the sum, whoever it is of.

    More than one come of bytes that are no whole character and the one that follows.
    """
    known = [each for each in losses if each is not None]
    if len(known) < len(losses):
        return [None] * num_characters
    return [sum(known), *[0.0] * (num_characters - 1)]
