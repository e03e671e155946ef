"""`sample`: text from a run that exists, streamed to the terminal."""

import codecs
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from charrnn_exp.commands.arguments import change_config, parse_words
from charrnn_exp.commands.weights import read_weights
from charrnn_exp.config.schema import Config
from charrnn_exp.data.prompt import read_prompt
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.folder import find_run, forget_tracking
from charrnn_exp.views.terminal import write_stream


def sample(words: Sequence[str]) -> None:
    """Write text of `run=REF` (default: latest) to standard output as it is drawn.

    `checkpoint=last` (default) or `checkpoint=best`; all of `sampling.*`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the prompt does not fit its vocabulary.
    """
    parsed = parse_words(words, verb="sample")
    folder = find_run(parsed.own.get("run", "latest"))
    values = forget_tracking(folder.read_values())
    # A prompt on the command line takes the place of either way the run had it.
    changed = {override.key_or_group for override in parsed.settings}
    for one, other in (("prompt", "prompt_file"), ("prompt_file", "prompt")):
        own = values.get("sampling")
        if f"sampling.{one}" in changed and f"sampling.{other}" not in changed and isinstance(own, dict):
            own[other] = None
    config = change_config(values, parsed)
    vocabulary = folder.read_vocabulary()
    prompt_ids_t = read_prompt(config.sampling, vocabulary)
    weights = read_weights(folder, parsed.own.get("checkpoint", "last"), facts={"vocabulary_sha256": vocabulary.sha256})
    import_tensorflow()
    _stream(config, vocabulary, prompt_ids_t, weights)


def _stream(config: Config, vocabulary: Vocabulary, prompt_ids_t: npt.NDArray[np.int32], weights: Arrays) -> None:
    from charrnn_exp.model.network import build_network
    from charrnn_exp.sampling.sampler import Sampler
    from charrnn_exp.training.state import load_weights

    network = build_network(config, num_symbols=len(vocabulary))
    load_weights(network, weights)
    sampling = config.sampling
    sampler = Sampler(network, sampling)
    if sampling.num_samples > 1:
        texts = sampler.texts(
            prompt_ids_t, length=sampling.length, num_samples=sampling.num_samples, seed=sampling.seed
        )
        for i, ids_t in enumerate(texts, start=1):
            write_stream(f"=== sample {i} ===\n\n{vocabulary.decode(ids_t)}\n\n")
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    write_stream(decoder.decode(vocabulary.to_bytes(prompt_ids_t)))
    for ids_bt in sampler.stream(prompt_ids_t, length=sampling.length, num_samples=1, seed=sampling.seed):
        write_stream(decoder.decode(vocabulary.to_bytes(ids_bt[0])))
    write_stream("\n")
