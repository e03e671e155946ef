"""Sampling from an existing run, piece by piece.

Axes: b stream, t time.
"""

import codecs
from collections.abc import Callable, Iterator

from charrnn_exp.config.schema import Config
from charrnn_exp.data.prompt import put_prompt, read_prompt, read_prompt_once
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights


def sample_run(
    folder: RunFolder, config: Config, *, checkpoint: str, warn: Callable[[str], None], tell: Callable[[str], None]
) -> Iterator[str]:
    """Yield the sampled text in pieces, its prompt first; several texts each below a title.

    Args:
        folder: of the run.
        config: its settings with the changes for these samples.
        checkpoint: last or best.
        warn: called with a line for each damaged checkpoint that is skipped.
        tell: called with a line that names the run and the checkpoint.

    Raises:
        CharRNNError: if the run has no checkpoint, or the prompt does not fit its vocabulary.
    """
    vocabulary = folder.read_vocabulary()
    sampling = put_prompt(config.sampling, read_prompt_once([config.sampling]))
    prompt_ids_t = read_prompt(sampling, vocabulary)
    facts = {"vocabulary_sha256": vocabulary.sha256}
    weights = read_trained_weights(folder, checkpoint, facts=facts, warn=warn, tell=tell)
    import_tensorflow()
    from charrnn_exp.model.network import build_network
    from charrnn_exp.model.weights import load_weights
    from charrnn_exp.sampling.sampler import Sampler

    model = resolve(config.model, num_symbols=len(vocabulary))
    network = build_network(model, num_symbols=len(vocabulary), precision=config.training.precision, seed=config.seed)
    load_weights(network, weights)
    sampler = Sampler(network, sampling)
    if sampling.num_samples > 1:
        texts = sampler.texts(
            prompt_ids_t, length=sampling.length, num_samples=sampling.num_samples, seed=sampling.seed
        )
        for i, ids_t in enumerate(texts, start=1):
            yield f"=== sample {i} ===\n\n{vocabulary.decode(ids_t)}\n\n"
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    yield decoder.decode(vocabulary.to_bytes(prompt_ids_t))
    for ids_bt in sampler.stream(prompt_ids_t, length=sampling.length, num_samples=1, seed=sampling.seed):
        yield decoder.decode(vocabulary.to_bytes(ids_bt[0]))
    yield "\n"
