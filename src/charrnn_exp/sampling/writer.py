"""Text by the settings of sampling: drawn, or the likeliest by beam search.

Axes: t time.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.model.network import Network
from charrnn_exp.sampling.beam import BeamSearch
from charrnn_exp.sampling.sampler import Sampler
from charrnn_exp.sampling.stepper import StepWeights

Ids = npt.NDArray[np.int32]


class Writer:
    """Writes texts with a network, or with several whose probabilities are averaged.

    Args:
        networks: of one vocabulary; their weights are read at each call.
        sampling: with a seed; its prompt and stop text are arguments of each call, as ids.
        weights: as for `Sampler`.
    """

    def __init__(
        self, networks: Sequence[Network], sampling: SamplingConfig, weights: list[StepWeights] | None = None
    ) -> None:
        self._sampling = sampling
        beams = sampling.beams
        self._search = None if beams is None else BeamSearch(networks, sampling, num_beams=beams)
        self._sampler = Sampler(networks, sampling, weights)

    def stream(
        self, prompt_ids_t: Ids, *, stop_ids_t: Ids | None = None, piece_length: int | None = None
    ) -> Iterator[list[Ids]]:
        """Yield pieces of the texts, without the prompt: for each text the ids that come next.

        Args:
            prompt_ids_t: ids that the network reads first, at least one.
            stop_ids_t: a text ends with these ids where it comes to them; None: off.
            piece_length: characters of a piece, None: as many as are fast; texts of a beam search are one piece.
        """
        sampling = self._sampling
        if self._search is not None:
            found = self._search.find(
                prompt_ids_t, length=sampling.length, num_texts=sampling.num_samples, stop_ids_t=stop_ids_t
            )
            yield [ids_t[len(prompt_ids_t) :] for ids_t, _ in found]
            return
        assert sampling.seed is not None, "see settle_seed"
        yield from self._sampler.stream(
            prompt_ids_t,
            length=sampling.length,
            num_samples=sampling.num_samples,
            seed=sampling.seed,
            stop_ids_t=stop_ids_t,
            piece_length=piece_length,
        )

    def write(self, prompt_ids_t: Ids, *, stop_ids_t: Ids | None = None) -> list[Ids]:
        """Return the whole texts as ids, the prompt before each; arguments as for `stream`."""
        pieces = list(self.stream(prompt_ids_t, stop_ids_t=stop_ids_t))
        return [np.concatenate([prompt_ids_t, *text]) for text in zip(*pieces, strict=True)]
