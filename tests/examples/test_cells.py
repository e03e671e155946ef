"""The cells of examples/: against naive twins and finite differences, and everywhere that knows all cells."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.api import run
from charrnn_exp.commands.completion import complete
from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.memory import estimate_bytes
from charrnn_exp.model.network import Network, count_parameters
from charrnn_exp.model.size import SizedModel, count_weights, resolve
from charrnn_exp.sampling.stepper import first_states, quantize, step
from charrnn_exp.training.transfer import InitialWeights
from tests.examples.conftest import FILES
from tests.exporting import exports
from tests.model.naive import ROUND_AS_SAMPLER, Array, NaiveNetwork, sigmoid

ROOT = Path(__file__).resolve().parents[2]
B, T, V = 2, 4, 7
IDS_BT = np.array([[0, 3, 6, 1], [5, 2, 2, 4]], np.int32)
EVERY = pytest.mark.parametrize("name", FILES)


def spread(names: str, *cases: tuple[Any, ...]) -> Any:
    """Parametrize with cells and cases: the first case with one cell; the rest are slow."""
    parameters = [
        pytest.param(name, *case, marks=[] if (name, case) == ("peephole", cases[0]) else pytest.mark.slow)
        for case in cases
        for name in FILES
    ]
    return pytest.mark.parametrize(("name", *names.split()), parameters)


class NaiveCell(NaiveNetwork):
    """The network with the steps of the examples written out once more."""

    def step(self, i: int, above: Array, state: list[Array]) -> list[Array]:
        own = {n.rpartition("/")[2]: a for n, a in self.values.items() if n.startswith(f"{self.cell}_{i}/")}
        hidden = state[0]
        if "recurrent_kernel" in own:
            above = above + self.round_hidden(hidden) @ self.round_matrix(own["recurrent_kernel"])
        sums = above + own["bias"]
        match self.cell:
            case "leaky":
                return [(hidden + np.tanh(sums)) / 2]
            case "mingru":
                z, c = np.split(sums, 2)
                return [hidden + sigmoid(z) * (np.tanh(c) - hidden)]
            case "peephole":
                before = state[1]
                z_i, z_f, z_g, z_o = np.split(sums, 4)
                forget = sigmoid(z_f + own["peephole_f"] * before)
                after = forget * before + sigmoid(z_i + own["peephole_i"] * before) * np.tanh(z_g)
                return [sigmoid(z_o + own["peephole_o"] * after) * np.tanh(after), after]
            case _:
                raise AssertionError(self.cell)


def build(model: SizedModel, name: str, *, precision: str = "float32", **changes: Any) -> Network:
    """Return a network of two layers with weights far from their start, and a learned first state."""
    model = dataclasses.replace(model, cell=name, num_layers=2, learn_initial_state=True, **changes)
    network, generator = Network(num_symbols=V, model=model, precision=precision, seed=3), np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.5, size=variable.shape))
    return network


@spread("precision error", ("float32", 1e-5), ("bfloat16", 0.03))
def test_logits_equal_those_of_the_naive_twin(small_model: SizedModel, name: str, precision: str, error: float) -> None:
    network = build(small_model, name, precision=precision)
    logits_btv, _ = network(tf.constant(IDS_BT), network.first_states(B))
    expected = np.stack([NaiveCell(network).read(ids_t) for ids_t in IDS_BT])
    assert np.abs(logits_btv - expected).max() < error * np.abs(expected).max()


@spread("embedding_dim", (3,), (None,))
def test_gradients_equal_finite_differences(small_model: SizedModel, name: str, embedding_dim: int | None) -> None:
    """Every weight once, in float64, whether inputs are gathered or one-hot."""
    network = build(small_model, name, precision="float64", embedding_dim=embedding_dim)
    targets_bt = np.roll(IDS_BT, -1, axis=1)

    def find_loss() -> Any:
        logits_btv, _ = network(tf.constant(IDS_BT), network.first_states(B), training=True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets_bt, logits_btv))

    with tf.GradientTape() as tape:
        loss = find_loss()
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    find_again = tf.function(find_loss, autograph=False)  # faster as one graph
    generator = np.random.default_rng(1)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        start, nudge_by = variable.numpy(), generator.normal(size=variable.shape)
        losses = []
        for sign in (1, -1):
            variable.assign(start + sign * 1e-6 * nudge_by)
            losses.append(float(find_again()))
        variable.assign(start)
        expected = float(np.sum(tf.convert_to_tensor(gradient).numpy() * nudge_by))
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(expected, rel=1e-5, abs=1e-9), variable.path


@spread("layer_norm", (False,), (True,))
def test_the_sampler_s_step_equals_the_network_over_a_window(
    small_model: SizedModel, name: str, layer_norm: bool
) -> None:
    """To the rounding of hidden values and matrices: the naive twin rounds as the sampler says."""
    network = build(small_model, name, layer_norm=layer_norm)

    naive = NaiveCell(network, **ROUND_AS_SAMPLER)
    weights = quantize(network, num_streams=B)
    states, compiled = first_states(weights, B), tf.function(step, jit_compile=True, autograph=False)
    expected_btv = np.stack([naive.read(ids_t) for ids_t in IDS_BT])
    differences = []
    for t in range(T):
        logits_bv, states = compiled(weights, tf.constant(IDS_BT[:, t]), states)
        differences.append(np.abs(logits_bv - expected_btv[:, t]))
    assert np.max(differences) < 5e-3, "more than a value rounded the other way"
    assert np.median(differences) < 1e-4


@EVERY
def test_budget_and_memory_count_the_weights_that_are_built(small_model: SizedModel, compose: Any, name: str) -> None:
    network = build(small_model, name)
    model = dataclasses.replace(small_model, cell=name, num_layers=2, learn_initial_state=True)
    count = count_parameters(network)
    assert count_weights(model, num_symbols=V) == count
    changes: dict[str, Any] = {"hidden_size": None, "parameter_budget": count}
    of_budget = dataclasses.replace(model, **changes)
    assert resolve(of_budget, num_symbols=V) == model
    config = compose()
    own, gru = (
        estimate_bytes(dataclasses.replace(model, cell=cell, hidden_size=64), config.training, num_symbols=V)
        for cell in (name, "gru")
    )
    assert 0 < own < 2 * gru


@EVERY
def test_weights_go_to_a_run_with_other_symbols(small_model: SizedModel, name: str) -> None:
    """One-hot: the rows of the first layer's input matrix follow their symbols."""
    network = build(small_model, name, embedding_dim=None)
    arrays = {v.path.removeprefix("network/").replace("/", "."): v.numpy() for v in network.trainable_variables}
    old, new = Vocabulary(Unit.byte, (1, 2, 3, 5, 7, 11, 13)), Vocabulary(Unit.byte, (0, 2, 3, 5, 7, 11, 17))
    fitted = InitialWeights("old", arrays, old).fit({key: array * 2 for key, array in arrays.items()}, new)
    np.testing.assert_array_equal(fitted[f"{name}_1.kernel"][1:6], arrays[f"{name}_1.kernel"][1:6])
    np.testing.assert_array_equal(fitted[f"{name}_1.kernel"][0], 2 * arrays[f"{name}_1.kernel"][0])
    np.testing.assert_array_equal(fitted[f"{name}_2.kernel"], arrays[f"{name}_2.kernel"])


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_run_trains_validates_saves_and_samples(
    compose: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint names the cell's weights, and a second run goes on from it."""
    monkeypatch.chdir(tmp_path)
    words = (f"model.cell={name}", "training.max_steps=3", "optimizer.warmup_steps=1")
    first = run(compose(*words))
    assert (first.summary.status, first.summary.step) == ("FINISHED", 3)
    assert len(str(first.sample)) > 0
    (path,) = list(Path("outputs").rglob("weights.npz"))[:1]
    with np.load(path) as saved:
        assert {weight.name for weight in CELLS.find(name).weights} == {
            each.rpartition(".")[2] for each in saved.files if each.startswith(f"{name}_1.")
        }
    second = run(compose(*words, "training.init_from=latest"))
    assert second.summary.status == "FINISHED"


@EVERY
def test_completion_and_errors_name_it(compose: Any, name: str) -> None:
    assert complete(f"charrnn-exp model.cell={name[:3]}") == [f"model.cell={name}"]
    assert str(CELLS.find_origin(name)) == "cells-of-a-package 1.2"
    assert list(CELLS.find_problems()) == []
    assert compose(f"model.cell={name}").model.cell == name


def test_files_of_ours_are_options_by_themselves(tmp_path: Path) -> None:
    """A copy of the project with a file and a line for each: help, completion, errors and settings know them."""
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    gru = (ROOT / "conf/model/gru.yaml").read_text()
    for name, file in FILES.items():
        shutil.copy(ROOT / f"examples/{file}.py", tmp_path / f"src/charrnn_exp/model/cells/{name}.py")
        (tmp_path / f"conf/model/{name}.yaml").write_text(gru.replace("cell: gru", f"cell: {name}"))
    asked = """if True:
        from charrnn_exp.commands.completion import complete
        from charrnn_exp.config.compose import compose_jobs
        from charrnn_exp.cli import main
        print(*complete("charrnn-exp model.cell="))
        print(*complete("charrnn-exp model="))
        print(*[job.model.cell for job in compose_jobs(["model=leaky,mingru,peephole"], multirun=True)])
        main(["model.cell=minigru"])
    """
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    ended = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, env=environment, capture_output=True, text=True)
    names = sorted({*FILES, *CELLS.built_in})
    cells, options, composed = ended.stdout.splitlines()
    assert cells.split() == [f"model.cell={name}" for name in names]
    assert options.split() == [f"model={name}" for name in names]
    assert composed.split() == sorted(FILES)
    assert ended.stderr.splitlines() == [
        f"charrnn_exp: error: model.cell must be one of {', '.join(names)}, got 'minigru' - did you mean mingru?"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_saved_model_has_the_cell_without_its_package(small_model: SizedModel, name: str, tmp_path: Path) -> None:
    """Read by TensorFlow alone; see tests/exporting."""
    network = exports.build(small_model, cell=name, num_layers=2, learn_initial_state=True, residual=True)
    folder = exports.write(network, "saved_model", tmp_path / "saved")
    (found_btv,) = exports.read_alone("saved_model", {folder: IDS_BT}, tmp_path)
    expected_btv, _ = network(tf.constant(IDS_BT), network.first_states(B))
    np.testing.assert_allclose(found_btv, expected_btv, rtol=1e-5, atol=1e-5)
