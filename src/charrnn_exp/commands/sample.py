"""`sample`: text from a run that exists, streamed to the terminal."""

import codecs
from collections.abc import Sequence
from typing import Any

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command

DETAILS = """\
Writes text to standard output as it is drawn, with the run's own settings where none are given:
  sampling.length=4000 sampling.temperature=1 sampling.top_k=5 sampling.seed=7 sampling.num_samples=3
  sampling.temperature=0 is greedy: the likeliest symbol each time
  'sampling.prompt="ROMEO: say, what is"'    quotes within quotes, for commas, '=' and quotes
  sampling.prompt_file=FILE                  a UTF-8 file; - reads standard input
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
"""


def run(words: Sequence[str]) -> None:
    """Write text of `run=REF` (default: latest) to standard output as it is drawn.

    `checkpoint=last` (default) or `checkpoint=best`; all of `sampling.*`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the prompt does not fit its vocabulary.
    """
    from charrnn_exp.commands.arguments import change_config, parse_words
    from charrnn_exp.commands.weights import read_weights
    from charrnn_exp.data.prompt import read_prompt
    from charrnn_exp.machine.tensorflow import import_tensorflow
    from charrnn_exp.run_folder.folder import find_run, forget_tracking

    parsed = parse_words(words, COMMAND)
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


def _stream(config: Any, vocabulary: Any, prompt_ids_t: Any, weights: Any) -> None:
    from charrnn_exp.model.network import build_network
    from charrnn_exp.sampling.sampler import Sampler
    from charrnn_exp.training.state import load_weights
    from charrnn_exp.views.terminal import write_stream

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


COMMAND = Command(
    name="sample",
    order=3,
    summary="more text from a run:                                sample run=latest sampling.temperature=0.5",
    usage="sample [run=REF] [checkpoint=last|best] [sampling.*=...]",
    details=DETAILS,
    words=(RUN, CHECKPOINT),
    settings=("sampling.",),
    run=run,
)
