"""The first and the last lines of a run."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.overrides import parse_override
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.streams import measure
from charrnn_exp.views.report import conclude, format_seconds, suggest_sample
from charrnn_exp.views.scores import format_score_header, format_scores
from charrnn_exp.views.settings import format_settings
from charrnn_exp.views.terminal import Terminal


def test_more_text_is_more_and_other_text_of_the_named_run(compose: Any) -> None:
    folder = RunFolder(Path("outputs/a b/run"))
    config = compose("sampling.seed=7", "sampling.length=3000")
    words = dict(word.split("=", 1) for word in shlex.split(suggest_sample(folder, config.sampling)))
    assert words == {"run": "outputs/a b/run", "sampling.length": "3000", "sampling.seed": "8"}
    greedy = compose("sampling.temperature=0").sampling
    assert "sampling.temperature=0.5" in suggest_sample(folder, greedy), "the seed changes no greedy text"
    for key, value in list(words.items())[1:]:
        parse_override(f"{key}={value}")


def test_shares_are_of_the_whole_time_and_what_is_after_another_adds_up_to_it() -> None:
    seconds = {"start": 20.0, "updates": 60.0, "validation": 10.0, "tracking_thread_cpu": 5.0}
    text = format_seconds(seconds, 100.0)
    shares = [float(share) for share in re.findall(r"\(([0-9.]+) %\)", text.partition(";")[0])]
    assert shares == [20.0, 60.0, 10.0, 10.0]
    assert text.endswith("; beside them: tracking thread cpu 5.0 s (5.0 %)")


def test_the_last_lines_name_the_folder_and_separate_thousands(
    compose: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(Path("outputs/x/run"))
    summary = Summary(chars_per_second=70782.4, seconds=1234.5, seconds_by_activity={"start": 1.0})
    conclude(summary, folder, compose(), Terminal())
    out = capsys.readouterr().out
    assert "70,782 chars/s, 1,234.5 s in all, in outputs/x/run" in out
    assert "sample run=outputs/x/run sampling.length=2000 sampling.seed=2" in out
    assert "latest" not in out


SERVER = ["tracking=server", "tracking.uri=http://host:5000"]


@pytest.mark.parametrize(
    ("words", "record", "said", "not_said"),
    [
        (["tracking=local"], {"run_id": "ab", "experiment_id": "1", "complete": True},
         ["in MLflow: mlruns/mlflow.db", "charrnn_exp ui",
          "http://127.0.0.1:5000/#/experiments/1/runs/ab?workflowType=machine_learning"], "not in MLflow"),
        (SERVER, {"run_id": "ab", "experiment_id": "1", "complete": True},
         ["in MLflow: http://host:5000", "http://host:5000/#/experiments/1/runs/ab?workflowType=machine_learning"],
         "not in MLflow"),
        (SERVER, {"run_id": "ab", "experiment_id": "1", "complete": False},
         ["not in MLflow yet, or not all of it: http://host:5000", "repair run="], "#/experiments"),
        (["tracking=local"], {"run_id": None, "complete": False}, ["not in MLflow yet", "repair run="],
         "charrnn_exp ui"),
    ],
)  # fmt: skip
def test_the_last_lines_name_the_store_that_has_the_run(
    words: list[str],
    record: dict[str, Any],
    said: list[str],
    not_said: str,
    compose: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = RunFolder(tmp_path)
    folder.write_tracking(record)
    conclude(Summary(), folder, compose(*words), Terminal())
    out = capsys.readouterr().out
    assert all(each in out for each in said), out
    assert not_said not in out


@pytest.mark.parametrize("width", [40, 60, 80])
def test_settings_and_scores_have_the_width_of_the_terminal(compose: Any, width: int) -> None:
    from charrnn_exp.config.reading import to_values

    tree = format_settings(to_values(compose()), width)
    assert all(measure(line) <= width or line.count("=") == 1 for line in tree.split("\n"))
    scores = {"loss": 1.0, "bits_per_char": 1.4427, "perplexity": 2.7, "accuracy": 0.5, "standard_error": 0.1,
              "num_characters": 111_540}  # fmt: skip
    lines = [format_score_header(width), format_scores("val", scores, width)]
    assert len(lines[0]) == len(lines[1]) <= width
    assert "1.0000" in lines[1]
