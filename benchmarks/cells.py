"""What do a cell and each of the other settings of a model cost? Training steps side by side in one process.

    python benchmarks/cells.py [--hidden 256] [--layers 1] [--precision bfloat16] [--rounds 5] [--only lstm gru ...]

They take turns, round after round, so that whatever else the machine does falls on all of them alike. What is measured
is the time of the processor, of all threads together: other processes do not count. Prints a table.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from charrnn_exp.model.cells.registry import CELLS

KERAS = " by Keras"
HAS_KERAS = [name for name, cell in CELLS.built_in.items() if cell.keras_layer is not None]
VARIANTS = {
    **{name: [f"model.cell={name}"] for name in CELLS.built_in},
    **{name + KERAS: [f"model.cell={name}"] for name in HAS_KERAS},
    "one-hot": ["model.embedding_dim=null"],
    "dropout": ["model.dropout=0.2"],
    "variational dropout": ["model.dropout=0.2", "model.variational_dropout=true"],
    "input dropout": ["model.input_dropout=0.2"],
    "embedding dropout": ["model.embedding_dropout=0.2"],
    "layer norm": ["model.layer_norm=true"],
    "residual": ["model.residual=true"],
    "tied": ["model.tie_embeddings=true"],
}
FIRST = "lstm"
STEPS_A_TURN = 5


def build_step(name: str, arguments: argparse.Namespace) -> Callable[[], None]:
    """Return a function that makes one training step of a variant."""
    import tensorflow as tf

    from charrnn_exp.config.compose import compose_jobs
    from charrnn_exp.model.layers import KerasRecurrent, Recurrent
    from charrnn_exp.model.network import Network
    from charrnn_exp.model.size import resolve
    from charrnn_exp.training.optimizer import build_optimizer
    from charrnn_exp.training.state import start_state
    from charrnn_exp.training.step import TrainingStep

    sizes = [f"model.hidden_size={arguments.hidden}", f"model.num_layers={arguments.layers}"]
    config = compose_jobs([*VARIANTS[name], *sizes])[0]
    network = Network(
        num_symbols=arguments.symbols,
        model=resolve(config.model, num_symbols=arguments.symbols),
        precision=arguments.precision,
        seed=1,
        layer=KerasRecurrent if name.endswith(KERAS) else Recurrent,
    )
    optimizer = build_optimizer(config.optimizer, network)
    state = start_state(network, optimizer, batch_size=arguments.batch, ema=False)
    step = TrainingStep(state, clip_norm=config.optimizer.clip_norm, clip_value=None, ema_decay=0.0)
    shape = (1, arguments.batch, arguments.length + 1)
    windows_abt = tf.constant(np.random.default_rng(0).integers(arguments.symbols, size=shape, dtype=np.int32))
    starts_ab = np.zeros((1, arguments.batch), np.bool_)

    def run() -> None:
        _, _, state.carried = step(windows_abt, starts_ab, state.carried, 0.001)

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--symbols", type=int, default=99)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    arguments = parser.parse_args()
    from charrnn_exp.machine.tensorflow import import_tensorflow

    import_tensorflow()
    steps = {name: build_step(name, arguments) for name in dict.fromkeys([FIRST, *arguments.only])}
    for run in steps.values():  # compile
        run()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.rounds):
        for name, run in steps.items():
            before = time.process_time()
            for _ in range(STEPS_A_TURN):
                run()
            seconds[name].append((time.process_time() - before) / STEPS_A_TURN)
    first = statistics.median(seconds[FIRST])
    sizes = f"{arguments.hidden} units, {arguments.layers} layers, {arguments.batch} x {arguments.length} characters"
    print(f"{sizes}, {arguments.symbols} symbols, {arguments.precision}")
    print(f"{'':20} {'ms a step':>10} {'characters a second':>20} {'time against lstm':>18}")
    for name in steps:
        median = statistics.median(seconds[name])
        rate = arguments.batch * arguments.length / median
        print(f"{name:20} {1000 * median:10.1f} {rate:20,.0f} {median / first:18.2f}")


if __name__ == "__main__":
    main()
