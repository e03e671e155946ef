"""Sampling from an existing run, piece by piece.

Axes: b stream, t time.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit, Unknown
from charrnn_exp.config.schema import Config, SamplingConfig
from charrnn_exp.data.prompt import put_prompt, read_prompt, read_prompt_once
from charrnn_exp.data.vocabulary import WITHOUT_MARK, Vocabulary
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights


def sample_run(
    folder: RunFolder,
    config: Config,
    *,
    checkpoint: str | None,
    warn: Callable[[str], None],
    unknown: Unknown = Unknown.refuse,
    is_raw: bool = False,
) -> Iterator[str | bytes]:
    """Yield the sampled text in pieces, its prompt first; several texts each below a title.

    Args:
        folder: of the run.
        config: its settings with the changes for these samples.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped, and where symbols are skipped.
        unknown: what to do with symbols of the prompt that the run does not know.
        is_raw: whether a model of bytes yields the bytes themselves.

    Raises:
        CharRNNError: if the run has no checkpoint, or the prompt does not fit its vocabulary.
    """
    vocabulary = folder.read_vocabulary()
    sampling = put_prompt(config.sampling, read_prompt_once([config]))
    prompt_ids_t = read_prompt(replace(config, sampling=sampling), vocabulary, unknown=unknown, warn=warn)
    facts = {"vocabulary_sha256": vocabulary.sha256}
    weights = read_trained_weights(folder, checkpoint, facts=facts, warn=warn)
    import_tensorflow()
    from charrnn_exp.model.weights import build_trained_network
    from charrnn_exp.sampling.sampler import Sampler

    sampler = Sampler(build_trained_network(config, weights, num_symbols=len(vocabulary)), sampling)
    is_bytes = vocabulary.unit is Unit.byte
    if is_bytes and is_raw:
        yield from _sample_bytes(sampler, sampling, vocabulary, prompt_ids_t)
        return
    encoding = config.dataset.encoding if is_bytes else "utf-8"
    encoding = WITHOUT_MARK.get(codecs.lookup(encoding).name, encoding)
    if sampling.num_samples > 1:
        texts = sampler.texts(
            prompt_ids_t, length=sampling.length, num_samples=sampling.num_samples, seed=sampling.seed
        )
        for i, ids_t in enumerate(texts, start=1):
            yield f"=== sample {i} ===\n\n{vocabulary.to_bytes(ids_t).decode(encoding, errors='replace')}\n\n"
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(vocabulary.to_bytes(prompt_ids_t))
    for ids_bt in sampler.stream(prompt_ids_t, length=sampling.length, num_samples=1, seed=sampling.seed):
        yield decoder.decode(vocabulary.to_bytes(ids_bt[0]))
    yield "\n"


def _sample_bytes(
    sampler: Any, sampling: SamplingConfig, vocabulary: Vocabulary, prompt_ids_t: npt.NDArray[np.int32]
) -> Iterator[bytes]:
    """Yield the bytes of one text and a line break, as of any model; several each below a title."""
    if sampling.num_samples == 1:
        yield vocabulary.to_bytes(prompt_ids_t)
        for ids_bt in sampler.stream(prompt_ids_t, length=sampling.length, num_samples=1, seed=sampling.seed):
            yield vocabulary.to_bytes(ids_bt[0])
        yield b"\n"
        return
    texts = sampler.texts(prompt_ids_t, length=sampling.length, num_samples=sampling.num_samples, seed=sampling.seed)
    for i, ids_t in enumerate(texts, start=1):
        yield f"=== sample {i} ===\n\n".encode() + vocabulary.to_bytes(ids_t) + b"\n\n"
