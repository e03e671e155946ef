"""Samples of kept checkpoints."""

from pathlib import Path
from typing import Any

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.samples import Samples
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.samples import read_samples
from charrnn_exp.training.loop import Saved, Saving


def test_a_kept_checkpoint_has_samples_and_a_restored_one_gets_those_that_it_lacks(
    compose: Any, start: Any, tmp_path: Path
) -> None:
    run, sent, shown = start("sampling.num_samples=2"), [], []
    folder = RunFolder(tmp_path / "run")
    folder.samples.mkdir(parents=True)
    job = Job.of(prepare_run(compose("sampling.num_samples=2")), folder, name="a run", began=0.0)
    run.checkpoints.save(run.state.snapshot(), kept=True)
    (restored,) = run.checkpoints.find_all()

    def make() -> Samples:
        return Samples(
            job,
            run.state,
            restored,
            watch=Stopwatch(),
            send=lambda step, path, texts: sent.append((step, path.exists(), len(texts))),
            show=lambda title, text: shown.append(text),
        )

    samples = make()
    samples.start()
    assert list(folder.samples.iterdir()) == [], "it is held until the first own checkpoint"
    samples.hear(Saving())
    assert sent == [(0, True, 2)]
    again = make()
    again.start()
    again.hear(Saving())
    assert len(sent) == 1, "it is there"
    samples.hear(Saved(3, kept=False, seconds=0.1))
    samples.hear(Saved(5, kept=True, seconds=0.1))
    assert sent[1:] == [(5, True, 2)]
    samples.finish()
    written = read_samples(folder.samples)
    assert list(written) == [0, 5]
    assert written[5] == shown
    assert all(len(text) == 1 + 11 for text in shown), "the prompt and sampling.length characters"
