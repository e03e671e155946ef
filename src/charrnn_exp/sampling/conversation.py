"""A text that a person and a model write in turn.

Axes: b stream, t time.
"""

import codecs
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import Config
from charrnn_exp.data.prompt import read_stop
from charrnn_exp.sampling.from_run import Opened
from charrnn_exp.sampling.sampler import Position, Sampler
from charrnn_exp.sampling.stop import Stop

PIECE_LENGTH = 20
"""Characters that are shown at once."""

Ids = npt.NDArray[np.int32]


class Conversation:
    """Goes on with a text as a person adds to it.

    Args:
        opened: a run; its prompt begins the text, and its settings hold until others are set.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._turns: list[Ids] = []
        """What was added to the prompt, by a person and then the model, a turn each."""
        self._position: Position | None = None
        """The place after all turns; None: the text has to be read anew."""
        self._sampler = self._make_sampler()

    @property
    def config(self) -> Config:
        """The settings that hold."""
        return self._opened.asked.config

    @property
    def text(self) -> str:
        """All of the text so far."""
        return self._show(self._join())

    def set(self, config: Config) -> None:
        """Let other settings hold from here on.

        Raises:
            UserError: if the stop text has symbols that the model does not know.
        """
        stop_ids_t = read_stop(config, self._opened.vocabulary)
        self._opened = replace(self._opened, asked=replace(self._opened.asked, config=config), stop_ids_t=stop_ids_t)
        self._position, self._sampler = None, self._make_sampler()

    def undo(self) -> bool:
        """Take back the last turn, the added text with what the model made of it; return whether there was one."""
        self._position = None
        return bool(self._turns) and self._turns.pop() is not None

    def restart(self) -> None:
        """Take back all turns."""
        self._turns, self._position = [], None

    def answer(self, typed: str) -> Iterator[str]:
        """Add a text, and yield in pieces what the model makes of it; what was yielded stays if the caller ends early.

        Raises:
            UserError: if the text has symbols that the model does not know; then nothing is added.
        """
        ids_t, sampling = self._encode(typed), self.config.sampling
        assert sampling.seed is not None, "see settle_seed"
        generator = np.random.default_rng([sampling.seed, len(self._turns)])
        self._go_to(ids_t)
        self._turns.append(ids_t)
        stop = Stop(self._opened.stop_ids_t, 1)
        decoder = codecs.getincrementaldecoder(self._opened.encoding)(errors="replace")
        for start in range(0, sampling.length, PIECE_LENGTH):
            assert self._position is not None
            num_steps = min(PIECE_LENGTH, sampling.length - start)
            ids_bt, position = self._sampler.draw(self._position, [generator], num_steps=num_steps)
            (piece_t,) = stop.cut(ids_bt)
            # The place after a piece that was cut is not that of the text.
            self._position = position if len(piece_t) == num_steps else None
            self._turns[-1] = np.concatenate([self._turns[-1], piece_t])
            yield decoder.decode(self._opened.vocabulary.to_bytes(piece_t))
            if stop.is_reached:
                return

    def _go_to(self, ids_t: Ids) -> None:
        """Move to the place after all turns and these ids."""
        if self._position is None:
            self._position = self._sampler.read(np.concatenate([self._join(), ids_t]))
        elif len(ids_t):
            self._position = self._sampler.read(ids_t, self._position)

    def _join(self) -> Ids:
        return np.concatenate([self._opened.prompt_ids_t, *self._turns])

    def _encode(self, typed: str) -> Ids:
        vocabulary, encoding = self._opened.vocabulary, self.config.dataset.encoding
        unknown = self._opened.unknown
        points_t = vocabulary.find_points(typed, key="the text", encoding=encoding, unknown=unknown)
        return vocabulary.find_ids(points_t, key="the text", unknown=unknown).astype(np.int32)

    def _show(self, ids_t: Ids) -> str:
        return self._opened.show(self._opened.vocabulary.to_bytes(ids_t))

    def _make_sampler(self) -> Sampler:
        return Sampler(self._opened.networks, self.config.sampling)
