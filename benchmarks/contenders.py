"""The contenders of the speed table, each in a process of its own, so that no library's threads disturb another's.

    python benchmarks/contenders.py '{"work": "training", "contender": "keras", ...}'

The process prints `ready` when it is warm. For each number it then reads it makes so many units of work and prints the
seconds they took. All contenders train the same network: embedding, LSTM layers, a linear layer, mean cross-entropy,
Adam, random symbols in, the state carried.

Axes: b stream, t time, v vocabulary.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Work = Callable[[], object]
RATE = 0.001


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is measured.

    Args:
        work: training, validation, sampling or products.
        contender: charrnn_exp, notebook, keras or pytorch.
        precision: float32 or bfloat16.
        hidden_size: units a layer.
        num_layers: recurrent layers.
        batch_size: streams.
        sequence_length: characters a stream, of training.
        num_symbols: v.
        embedding_dim: of the first layer's inputs.
        isa: the newest instruction set that products may use, as AVX2; empty: that of the processor.
    """

    work: str
    contender: str
    precision: str
    hidden_size: int
    num_layers: int = 1
    batch_size: int = 64
    sequence_length: int = 100
    num_symbols: int = 99
    embedding_dim: int = 256
    isa: str = ""

    @property
    def characters(self) -> int:
        """Characters in one unit of work."""
        return self.batch_size * self.sequence_length


def build(task: Task) -> Work:
    """Return the function that does one unit of the task's work and returns when it is done."""
    match task.work, task.contender:
        case "training", "charrnn_exp":
            return train_ours(task)
        case "training", "notebook":
            return train_notebook(task)
        case "training", "keras":
            return train_keras(task)
        case "training", "pytorch":
            return train_pytorch(task)
        case "validation", "charrnn_exp":
            return validate_ours(task)
        case "sampling", "charrnn_exp":
            return sample_ours(task)
        case "sampling", "notebook":
            return sample_notebook(task)
        case "sampling", "keras":
            return sample_keras(task)
        case "sampling", "pytorch":
            return sample_pytorch(task)
        case "products", _:
            return multiply(task)
        case _:
            raise AssertionError(task)


def train_ours(task: Task) -> Work:
    """Train as `python -m charrnn_exp` does: its network, its compiled step."""
    from charrnn_exp.training.step import TrainingStep

    state = _our_state(task)
    step = TrainingStep(state, clip_norm=None, clip_value=None, ema_decay=0.0)
    windows_abt, starts_ab = _windows(task)[None], np.zeros((1, task.batch_size), np.bool_)

    def work() -> None:
        loss, _, state.carried = step(windows_abt, starts_ab, state.carried, RATE)
        assert np.isfinite(loss)

    return work


def train_notebook(task: Task) -> Work:
    """Train the ported notebook, in float32, as it was written."""
    from notebook import NotebookModel, NotebookTraining

    assert (task.num_layers, task.precision) == (1, "float32")
    model = NotebookModel(
        task.num_symbols,
        batch_size=task.batch_size,
        embedding_dim=task.embedding_dim,
        hidden_size=task.hidden_size,
    )
    training = NotebookTraining(model)
    windows_bt = _windows(task)

    def work() -> None:
        assert np.isfinite(float(training.step(windows_bt[:, :-1], windows_bt[:, 1:])))

    return work


def train_keras(task: Task) -> Work:
    """Train keras.layers.LSTM in one tf.function, with Keras' own mixed precision for bfloat16."""
    import keras
    import tensorflow as tf

    if task.precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras.Sequential([keras.layers.Embedding(task.num_symbols, task.embedding_dim)])
    for _ in range(task.num_layers):
        model.add(keras.layers.LSTM(task.hidden_size, return_sequences=True, stateful=True))
    model.add(keras.layers.Dense(task.num_symbols, dtype="float32"))
    model.build((task.batch_size, task.sequence_length))
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(inputs_bt: Any, targets_bt: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(targets_bt, model(inputs_bt, training=True))
        optimizer.apply(tape.gradient(loss, [v.value for v in model.trainable_variables]), model.trainable_variables)
        return loss

    windows_bt = _windows(task)

    def work() -> None:
        assert np.isfinite(float(step(windows_bt[:, :-1], windows_bt[:, 1:])))

    return work


def train_pytorch(task: Task) -> Work:
    """Train torch.nn.LSTM, with autocast for bfloat16 and PyTorch's fused Adam."""
    import torch

    network = _torch_network(task)
    weights = [*network.parameters()]
    optimizer = torch.optim.Adam(weights, lr=RATE, fused=True)
    windows_bt = torch.from_numpy(_windows(task).astype(np.int64))
    inputs_bt, targets_n = windows_bt[:, :-1].contiguous(), windows_bt[:, 1:].reshape(-1)
    carried: list[Any] = [None]

    def work() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=task.precision == "bfloat16"):
            hidden_bth, states = network.lstm(network.embedding(inputs_bt), carried[0])
            logits_nv = network.output(hidden_bth).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits_nv.float(), targets_n)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        carried[0] = tuple(state.detach() for state in states)
        assert np.isfinite(loss.item())

    return work


def validate_ours(task: Task) -> Work:
    """Score a text of so many streams and characters, as validation does."""
    from charrnn_exp.evaluation.scorer import Scorer

    ids_n = np.random.default_rng(0).integers(task.num_symbols, size=task.characters, dtype=np.uint8)
    state = _our_state(task)
    scorer = Scorer(state.network, ids_n, num_parts=state.num_parts)

    def work() -> None:
        loss = scorer.loss()
        assert loss is not None
        assert np.isfinite(loss)

    return work


def sample_ours(task: Task) -> Work:
    """Sample as `python -m charrnn_exp sample` does."""
    from charrnn_exp.config.compose import compose_jobs
    from charrnn_exp.sampling.sampler import Sampler

    sampler = Sampler([_our_state(task).network], compose_jobs(["sampling.temperature=1"])[0].sampling)
    prompt_ids_t = np.zeros(1, np.int32)

    def work() -> None:
        for _ in sampler.stream(prompt_ids_t, length=task.sequence_length, num_samples=task.batch_size, seed=1):
            pass

    return work


def sample_notebook(task: Task) -> Work:
    """Sample as the notebook does: an eager call a character."""
    from notebook import NotebookModel, generate

    assert (task.num_layers, task.precision, task.batch_size) == (1, "float32", 1)
    model = NotebookModel(
        task.num_symbols, batch_size=1, embedding_dim=task.embedding_dim, hidden_size=task.hidden_size
    )

    def work() -> None:
        for _ in generate(model, 0, task.sequence_length):
            pass

    return work


def sample_keras(task: Task) -> Work:
    """Sample keras.layers.LSTM in one tf.while_loop, the way a careful user of Keras would."""
    import keras
    import tensorflow as tf

    dtype = "mixed_bfloat16" if task.precision == "bfloat16" else "float32"
    embedding = keras.layers.Embedding(task.num_symbols, task.embedding_dim, dtype=dtype)
    cells = [keras.layers.LSTMCell(task.hidden_size, dtype=dtype) for _ in range(task.num_layers)]
    output = keras.layers.Dense(task.num_symbols, dtype=dtype)
    operand = output.compute_dtype
    b, h = task.batch_size, task.hidden_size
    output.build((None, h))
    for i, cell in enumerate(cells):
        cell.build((None, task.embedding_dim if i == 0 else h))

    @tf.function
    def generate() -> Any:
        def body(t: Any, ids_b: Any, states: Any) -> tuple[Any, ...]:
            features_bh, new_states = embedding(ids_b), []
            for cell, state in zip(cells, states, strict=True):
                features_bh, state = cell(features_bh, state)
                new_states.append(state)
            logits_bv = tf.cast(output(features_bh), tf.float32)
            return t + 1, tf.random.categorical(logits_bv, 1, dtype=tf.int32)[:, 0], new_states

        zeros_bh = tf.zeros((b, h), operand)
        start = (0, tf.zeros(b, tf.int32), [[zeros_bh, zeros_bh] for _ in cells])
        return tf.while_loop(lambda t, *_: t < task.sequence_length, body, start)[1]

    def work() -> None:
        generate().numpy()

    return work


def sample_pytorch(task: Task) -> Work:
    """Sample torch.nn.LSTM, a call a character, as char-rnn's descendants do; weights in the precision asked for."""
    import torch

    network = _torch_network(task)
    if task.precision == "bfloat16":
        network = network.to(torch.bfloat16)

    @torch.inference_mode()
    def work() -> None:
        ids_b1, states = torch.zeros(task.batch_size, 1, dtype=torch.int64), None
        for _ in range(task.sequence_length):
            hidden_b1h, states = network.lstm(network.embedding(ids_b1), states)
            logits_bv = network.output(hidden_b1h)[:, -1].float()
            ids_b1 = torch.multinomial(torch.softmax(logits_bv, -1), 1)

    return work


def multiply(task: Task) -> Work:
    """Multiply two square matrices of hidden_size: the machine's ceiling, in the faster of TensorFlow and PyTorch."""
    size = task.hidden_size
    if task.contender == "pytorch":
        import torch

        factor = torch.randn(size, size, dtype=getattr(torch, task.precision))
        return lambda: (factor @ factor)[0, 0].item()
    import tensorflow as tf

    factor = tf.cast(tf.random.normal((size, size)), task.precision)
    product = tf.function(lambda: tf.matmul(factor, factor)[0, 0])
    return lambda: product().numpy()


def _torch_network(task: Task) -> Any:
    import torch

    network = torch.nn.Module()
    network.embedding = torch.nn.Embedding(task.num_symbols, task.embedding_dim)
    network.lstm = torch.nn.LSTM(task.embedding_dim, task.hidden_size, task.num_layers, batch_first=True)
    network.output = torch.nn.Linear(task.hidden_size, task.num_symbols)
    return network


def _our_settings(task: Task) -> Any:
    from charrnn_exp.config.compose import compose_jobs

    sizes = [f"model.{name}={getattr(task, name)}" for name in ("hidden_size", "num_layers", "embedding_dim")]
    return compose_jobs(["optimizer=adam", f"training.batch_size={task.batch_size}", *sizes])[0]


def _our_workers(task: Task) -> Any:
    """Return the threads and parts that a run of these sizes has; a text is scored within such a run."""
    from charrnn_exp.model.size import resolve
    from charrnn_exp.model.threads import choose_workers

    config = _our_settings(replace(task, batch_size=64) if task.work == "validation" else task)
    return choose_workers(resolve(config.model, num_symbols=task.num_symbols), config.training)


def _our_state(task: Task) -> Any:
    from charrnn_exp.machine.arithmetic import pin_determinism
    from charrnn_exp.model.network import Network
    from charrnn_exp.model.size import resolve
    from charrnn_exp.training.optimizer import build_optimizer
    from charrnn_exp.training.state import start_state

    pin_determinism()
    config = _our_settings(task)
    model = resolve(config.model, num_symbols=task.num_symbols)
    network = Network(num_symbols=task.num_symbols, model=model, precision=task.precision, seed=1)
    return start_state(
        network,
        build_optimizer(config.optimizer, network),
        batch_size=task.batch_size,
        ema=False,
        num_parts=_our_workers(task).parts,
    )


def _windows(task: Task) -> np.ndarray:
    shape = (task.batch_size, task.sequence_length + 1)
    return np.random.default_rng(0).integers(task.num_symbols, size=shape, dtype=np.int32)


def main() -> None:
    """Build the work, warm it up, and do what standard input asks for."""
    task = Task(**json.loads(sys.argv[1]))
    if task.isa:  # read by XLA, by the products of TensorFlow and PyTorch, and by PyTorch's own loops
        isa = task.isa
        os.environ.update(XLA_FLAGS=f"--xla_cpu_max_isa={isa}", ONEDNN_MAX_CPU_ISA=isa, MKL_ENABLE_INSTRUCTIONS=isa)
        os.environ["ATEN_CPU_CAPABILITY"] = isa.lower()
    if task.contender != "pytorch":
        from charrnn_exp.machine.tensorflow import import_tensorflow

        is_ours = task.contender == "charrnn_exp" and task.work in ("training", "validation")
        import_tensorflow(_our_workers(task).threads if is_ours else None)
    work = build(task)
    for _ in range(2):
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        before = time.perf_counter()
        for _ in range(int(line)):
            work()
        print(time.perf_counter() - before, flush=True)


if __name__ == "__main__":
    main()
