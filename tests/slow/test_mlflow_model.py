"""The model of MLflow from code: loaded and served by MLflow itself, in processes that have this package installed."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.slow.programs import SMALL, SOURCE, TEXT, end, start

pytestmark = pytest.mark.slow

ADDRESS = "models:/small@champion"
LOAD = """
import json, sys, mlflow, pandas
from mlflow.exceptions import MlflowException
model = mlflow.pyfunc.load_model(sys.argv[1])
table = pandas.DataFrame({"prompt": ["the ", "and "]})
drawn = model.predict(table, params={"length": 40, "temperature": 0.5, "seed": 3})
scored = model.predict(pandas.DataFrame({"prompt": ["the " + drawn["text"][0]]}), params={"kind": "score"})
refused = []
for prompts, params in json.loads(sys.argv[2]):
    try:
        model.predict(pandas.DataFrame({"prompt": prompts}), params=params)
    except MlflowException as error:
        refused.append([error.error_code, error.message])
example = model.predict(model.input_example)
print(json.dumps({"drawn": drawn.to_dict("records"), "scored": scored.to_dict("records"), "refused": refused,
                  "example": example.to_dict("records")}))
"""
WRONG: list[tuple[list[str], dict[str, Any]]] = [
    (["\u4f60"], {}),
    (["the "] * 65, {}),
    (["x" * 10_001], {}),
    (["the "], {"length": 0}),
    (["the "], {"length": 10_001}),
    (["the "] * 64, {"length": 2_000}),
    (["the "], {"temperature": -1.0}),
    (["the "], {"kind": "run"}),
    (["t"], {"kind": "score"}),
]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in a local store, whose model is registered."""
    place = tmp_path_factory.mktemp("registered")
    shutil.copyfile(TEXT, place / "text.txt")
    words = [word for word in SMALL if word != "tracking=none"]
    code, _, err = end(start(place, *words, "training.max_steps=30"))
    assert code == 0, err
    code, out, err = end(start(place, "register", "as=small@champion"))
    assert code == 0, err
    assert out.startswith(f"{ADDRESS} is models:/small/1: run ")
    return place


@pytest.fixture(scope="module")
def environment(registered: Path) -> dict[str, str]:
    path = os.pathsep.join([str(SOURCE), *sys.path])
    # MLflow starts its server by the name of the script that an activated environment has on its path.
    script = registered / "bin" / "uvicorn"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m uvicorn "$@"\n')
    script.chmod(0o755)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}
    return {
        **os.environ,
        **quiet,
        "PYTHONPATH": path,
        "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{registered}/mlruns/mlflow.db",
    }


def test_the_model_holds_no_pickle_and_no_path_of_this_machine(registered: Path) -> None:
    (model,) = registered.glob("mlruns/artifacts/*/artifacts/registered/step_0000000030")
    files = {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    assert {"MLmodel", "mlflow_code.py", "requirements.txt", "input_example.json"} <= set(files)
    for name, content in files.items():
        assert not name.endswith((".pkl", ".pickle", ".joblib", ".h5", ".keras"))
        assert not content.startswith(b"\x80"), name
        assert not name.endswith(".npz") or b"pickle" not in content
        for told in (str(registered), str(SOURCE), "/tmp/"):
            assert name.endswith(".npz") or told.encode() not in content, (name, told)
    wanted = [line.partition("==")[0] for line in files["requirements.txt"].decode().splitlines()]
    assert wanted == ["mlflow", "tensorflow", "keras", "numpy"]
    assert all("==" in line for line in files["requirements.txt"].decode().splitlines())


def test_the_same_model_again_is_the_same_version_and_an_alias_can_move(registered: Path) -> None:
    assert end(start(registered, "register", "as=small@second"))[1].startswith(
        "models:/small@second is models:/small/1:"
    )
    out = end(start(registered, "sample", "run=models:/small@second", "sampling.length=9"))[1]
    assert out == end(start(registered, "sample", "run=models:/small/1", "sampling.length=9"))[1]
    assert out == end(start(registered, "sample", "checkpoint=best", "sampling.length=9"))[1]


def test_mlflow_loads_it_draws_and_scores(registered: Path, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOAD, ADDRESS, json.dumps(WRONG)],
        cwd=registered, env=environment, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    words = ["sampling.length=40", "sampling.temperature=0.5", "sampling.seed=3", "checkpoint=best"]
    for row, prompt in zip(found["drawn"], ["the ", "and "], strict=True):
        assert prompt + row["text"] + "\n" == end(start(registered, "sample", *words, f"sampling.prompt={prompt}"))[1]
        assert row["characters"] == 40
    first, (scored,) = found["drawn"][0], found["scored"]
    assert json.loads(scored["losses"])[4:] == pytest.approx(json.loads(first["losses"]), abs=2e-3)
    assert len(found["refused"]) == len(WRONG)
    for code, message in found["refused"]:
        assert code == "INVALID_PARAMETER_VALUE"
        assert "/" not in message.replace("models:/", "")
        assert "\n" not in message
    assert found["example"][0]["characters"] == 7


@pytest.fixture(scope="module")
def scoring_server(registered: Path, environment: dict[str, str]) -> Iterator[str]:
    """The address of `mlflow models serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", ADDRESS, "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = registered / "serve.log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            command, cwd=registered, env=environment, stdout=file, stderr=file, start_new_session=True
        ) as process,
    ):
        try:
            until = time.monotonic() + 200
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5)
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < until, log.read_text()
                    time.sleep(0.3)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def ask(address: str, values: Any) -> tuple[int, Any]:
    """Return status and answer of the scoring server."""
    raw = values if isinstance(values, bytes) else json.dumps(values).encode()
    request = urllib.request.Request(address, raw, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_mlflow_serves_it(scoring_server: str) -> None:
    table = {"columns": ["prompt"], "data": [["the "]]}
    status, drawn = ask(scoring_server, {"dataframe_split": table, "params": {"length": 40, "seed": 3}})
    assert (status, drawn["predictions"][0]["characters"]) == (200, 40)
    whole = {"columns": ["prompt"], "data": [["the " + drawn["predictions"][0]["text"]]]}
    status, scored = ask(scoring_server, {"dataframe_split": whole, "params": {"kind": "score"}})
    assert (status, scored["predictions"][0]["characters"]) == (200, 44)
    for prompts, params in WRONG:
        rows = {"columns": ["prompt"], "data": [[prompt] for prompt in prompts]}
        status, answer = ask(scoring_server, {"dataframe_split": rows, "params": params})
        assert 400 <= status < 500
        assert "Traceback" not in answer
        assert ".py" not in answer
    for raw in (b"{", b"[]", b"{}", b'{"dataframe_split": 3}', b'{"inputs": {"a": 1}}'):
        status, answer = ask(scoring_server, raw)
        assert 400 <= status < 500
    assert ask(scoring_server, {"dataframe_split": table, "params": {"length": 3}})[0] == 200


def test_mlflow_answers_fifty_at_once(scoring_server: str) -> None:
    def draw(seed: int) -> tuple[float, int, Any]:
        began = time.perf_counter()
        table = {"columns": ["prompt"], "data": [["the "]]}
        status, drawn = ask(scoring_server, {"dataframe_split": table, "params": {"length": 200, "seed": seed}})
        return time.perf_counter() - began, status, drawn["predictions"][0]

    _, _, alone = draw(7)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(draw, range(1, 51)))
    p50, p99 = np.percentile([seconds for seconds, _, _ in answers], [50, 99])
    print(f"50 requests at once for 200 characters: p50 {p50:.3f} s, p99 {p99:.3f} s")
    assert [(status, drawn["characters"]) for _, status, drawn in answers] == [(200, 200)] * 50
    assert answers[6][2] == alone
    assert len({drawn["text"] for _, _, drawn in answers}) > 40
