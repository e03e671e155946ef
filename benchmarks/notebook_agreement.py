"""Does `experiment=notebook` do what the notebook did? Same weights, same batches, loss by step side by side.

    python benchmarks/notebook_agreement.py TEXT [--steps 100] [setting=value ...]

TEXT is any text file; at the notebook's own sizes 100 steps of both take about five minutes on two cores.
"""

import argparse
import itertools
from dataclasses import dataclass

import numpy as np

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.machine.tensorflow import import_tensorflow


@dataclass
class Agreement:
    """Losses by step, nats per character."""

    project: list[float]
    notebook: list[float]

    def worst(self) -> float:
        """Return the largest relative difference of any step."""
        pairs = zip(self.project, self.notebook, strict=True)
        return max(abs(ours - theirs) / theirs for ours, theirs in pairs)


def compare(text_path: str, num_steps: int, overrides: list[str]) -> Agreement:
    """Train both from the same weights on the same batches and return their losses."""
    import_tensorflow()
    from notebook import NotebookModel, NotebookTraining, copy_weights

    from charrnn_exp.machine.arithmetic import pin_determinism
    from charrnn_exp.model.network import build_network, count_parameters
    from charrnn_exp.model.size import resolve
    from charrnn_exp.training.optimizer import build_optimizer
    from charrnn_exp.training.schedule import find_learning_rate
    from charrnn_exp.training.state import start_state
    from charrnn_exp.training.step import TrainingStep

    pin_determinism()
    words = ["experiment=notebook", "dataset=file", f"dataset.path={text_path}", "dataset.split=none"]
    config = compose_jobs([*words, *overrides])[0]
    text = prepare_text(config)
    training, num_symbols = config.training, len(text.corpus.vocabulary)
    model = resolve(config.model, num_symbols=num_symbols)
    network = build_network(model, num_symbols=num_symbols, precision=training.precision, seed=config.seed)
    state = start_state(network, build_optimizer(config.optimizer, network), batch_size=training.batch_size, ema=False)
    step = TrainingStep(state, clip_norm=config.optimizer.clip_norm, clip_value=None, ema_decay=0.0)
    assert model.embedding_dim is not None, "the notebook has an embedding"
    notebook = NotebookModel(
        len(text.corpus.vocabulary),
        batch_size=training.batch_size,
        embedding_dim=model.embedding_dim,
        hidden_size=model.hidden_size,
    )
    copy_weights([np.asarray(v) for v in network.trainable_variables], notebook)
    theirs = NotebookTraining(notebook)
    print(f"{count_parameters(network):,} parameters, batch {training.batch_size} x {training.sequence_length}")
    resets_sb = text.order.find_resets(0)[:num_steps]
    agreement = Agreement([], [])
    for i, windows_abt in enumerate(itertools.islice(text.order.stream_windows(text.splits.train_n, 0), num_steps)):
        rate = find_learning_rate(config.optimizer, step=i, num_steps=10**9, steps_per_epoch=len(resets_sb))
        loss, _, state.carried = step(windows_abt, resets_sb[i : i + 1], state.carried, rate)
        (windows_bt,) = windows_abt
        agreement.project.append(loss)
        agreement.notebook.append(float(theirs.step(windows_bt[:, :-1], windows_bt[:, 1:])))
        if (i + 1) % 10 == 0 or i == 0:
            print(f"step {i + 1:4}  project {agreement.project[-1]:.6f}  notebook {agreement.notebook[-1]:.6f}")
    return agreement


def main() -> None:
    """Compare and print the worst step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    agreement = compare(arguments.text, arguments.steps, arguments.overrides)
    print(f"worst step: {100 * agreement.worst():.4f} % apart over {len(agreement.project)} steps")


if __name__ == "__main__":
    main()
