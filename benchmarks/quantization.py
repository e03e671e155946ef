"""What do the sampler's integers do to a trained model? Its distributions beside the network's own.

    python benchmarks/quantization.py [run=REF] [--characters 20000]

Reads the run's validation text under both, one stream, and prints the loss of each in nats per character and the mean
Kullback-Leibler divergence of the sampler's distribution from the network's.
"""

import argparse
from typing import Any

import numpy as np

from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.finding import find_run


def compare(reference: str, num_characters: int) -> dict[str, float]:
    """Return the losses under the network in float32 and bfloat16 and the sampler, and divergences from the first."""
    folder = find_run(reference)
    config = folder.read_config()
    text = prepare_text(config)
    assert text.splits.val_n is not None, "the run must have a validation text"
    weights = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).best_or_newest().read(WEIGHTS)
    ids_t = text.splits.val_n[: num_characters + 1].astype(np.int32)
    import_tensorflow()
    import tensorflow as tf

    from charrnn_exp.model.network import Network
    from charrnn_exp.model.size import resolve
    from charrnn_exp.model.weights import load_weights
    from charrnn_exp.sampling.stepper import first_states, quantize, step

    def build(precision: str) -> Any:
        num_symbols = len(text.corpus.vocabulary)
        model = resolve(config.model, num_symbols=num_symbols)
        network = Network(num_symbols=num_symbols, model=model, precision=precision, seed=1)
        load_weights(network, weights)
        return network

    def read_whole(network: Any) -> Any:
        # One stream, in pieces, the state carried.
        logits, states = [], network.first_states(1)
        for start in range(0, len(ids_t) - 1, 1000):
            piece_bt = tf.constant(ids_t[None, start : min(start + 1000, len(ids_t) - 1)])
            logits_btv, states = network(piece_bt, states)
            logits.append(logits_btv[0])
        return tf.concat(logits, 0)

    @tf.function(jit_compile=True, autograph=False)
    def read_quantized(packed: Any, ids_t: Any) -> Any:
        def body(t: Any, states: Any, stack: Any) -> tuple[Any, ...]:
            logits_bv, states = step(packed, ids_t[t][None], states)
            return t + 1, states, stack.write(t, logits_bv[0])

        stack = tf.TensorArray(tf.float32, size=ids_t.shape[0])
        start = (tf.constant(0), first_states(packed, 1), stack)
        return tf.while_loop(lambda t, *_: t < ids_t.shape[0], body, start)[2].stack()

    reference_tv = tf.nn.log_softmax(tf.cast(read_whole(build("float32")), tf.float64))
    results = {}
    for name, logits_tv in (
        ("float32", reference_tv),
        ("bfloat16", read_whole(build("bfloat16"))),
        ("sampler", read_quantized(quantize(build("float32"), num_streams=1), tf.constant(ids_t[:-1]))),
    ):
        log_p_tv = tf.nn.log_softmax(tf.cast(logits_tv, tf.float64))
        results[f"loss {name}"] = float(-tf.reduce_mean(tf.gather(log_p_tv, ids_t[1:], batch_dims=1)))
        divergence_t = tf.reduce_sum(tf.exp(reference_tv) * (reference_tv - log_p_tv), -1)
        results[f"divergence {name}"] = float(tf.reduce_mean(divergence_t))
    return results


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="run=latest")
    parser.add_argument("--characters", type=int, default=20_000)
    arguments = parser.parse_args()
    for name, value in compare(arguments.run.removeprefix("run="), arguments.characters).items():
        print(f"{name:20} {value:.6f} nats per character")


if __name__ == "__main__":
    main()
