"""Two machines of two users on one server: MLflow with passwords on PostgreSQL, by examples/team_server.py."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.api import compose
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.tracking.access import probe_server
from charrnn_exp.tracking.mlflow_run import KEY_TAG, RunDescription, open_run
from stress.mlflow_rows import find_mlflow_problems
from stress.postgresql import find_programs
from stress.team import TeamServer, find_leaks, serve_team
from tests.slow import programs
from tests.slow.programs import SMALL, TEXT, end

pytestmark = pytest.mark.slow
TRACKED = [*(word for word in SMALL if not word.startswith("tracking")), "tracking=server"]
TRACKED += ["training.max_steps=40", "tracking.log_every_steps=1"]
NAMED = "tracking.experiment_name=ours"


@pytest.fixture(scope="module")
def server() -> Iterator[TeamServer]:
    """A server with two users."""
    if not find_programs():
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with serve_team() as running:
        yield running


@dataclass(frozen=True)
class Machine:
    """A machine of a user.

    Args:
        path: has its working folder and its home.
        user: of it, and of the server.
        server: the team's.
    """

    path: Path
    user: str
    server: TeamServer

    @property
    def work(self) -> Path:
        """The working folder."""
        return self.path / "work"

    def start(self, *words: str, password: str | None = None) -> Any:
        """Start the program as the user."""
        names = {"HOME": str(self.path / "home"), "LOGNAME": self.user, "USER": self.user}
        environment = {**self.server.list_credentials(self.user, password), **names}
        return programs.start(self.work, *words, environment=environment)

    def run(self, *words: str, password: str | None = None) -> tuple[int, str, str]:
        """Return exit code, standard output and error; both outputs are kept in the machine's folder."""
        code, out, err = end(self.start(*words, password=password))
        with (self.path / "outputs.txt").open("a") as file:
            file.write(out + err)
        return code, out, err

    def run_well(self, *words: str) -> tuple[str, str]:
        """Return both outputs of a run that ends well."""
        code, out, err = self.run(*words)
        assert code == 0, err
        return out, err


def make_machine(path: Path, user: str, server: TeamServer) -> Machine:
    for name in ("work", "home"):
        (path / name).mkdir(parents=True)
    shutil.copy(TEXT, path / "work" / "text.txt")
    return Machine(path, user, server)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for both machines."""
    return tmp_path_factory.mktemp("team")


@pytest.fixture(scope="module")
def anna(place: Path, server: TeamServer) -> Machine:
    """The machine that has made a sweep of two runs."""
    machine = make_machine(place / "anna", "anna", server)
    out, err = machine.run_well("-m", *TRACKED, NAMED, "training.validate_every_steps=10", "seed=1,2")
    assert err == ""
    link = next(line for line in out.splitlines() if line.startswith("see it at:"))
    assert link.split()[-1].startswith(f"{server.uri}/#/experiments/")
    return machine


@pytest.fixture(scope="module")
def bob(place: Path, server: TeamServer) -> Machine:
    """The other machine."""
    return make_machine(place / "bob", "bob", server)


def list_ids(machine: Machine) -> list[str]:
    """Return the MLflow ids of the runs of a machine."""
    configs = sorted(machine.work.glob("outputs/**/config.yaml"))
    return [RunFolder(config.parent).read_tracking()["run_id"] for config in configs]


def ask(server: TeamServer, monkeypatch: pytest.MonkeyPatch, user: str) -> Any:
    """Return a client of the server."""
    for name, value in server.list_credentials(user).items():
        monkeypatch.setenv(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server.uri)


def test_a_sweep_is_whole_on_the_server_with_its_page(
    anna: Machine, server: TeamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask(server, monkeypatch, "anna")
    for config in anna.work.glob("outputs/**/config.yaml"):
        assert find_mlflow_problems(server.uri, RunFolder(config.parent)) == []
    experiment = client.get_experiment_by_name("ours")
    (sweep,) = client.search_runs([experiment.experiment_id], "tags.sweep_run LIKE '%'")
    assert {"comparison.html", "sweep.json"} <= {file.path for file in client.list_artifacts(sweep.info.run_id)}


def test_a_wrong_password_is_one_line_and_leaves_nothing(bob: Machine) -> None:
    for words in (TRACKED, ["-m", *TRACKED, "seed=1,2"], ["sample", f"run={'a' * 32}", "tracking=server"]):
        code, _, err = bob.run(*words, password="not-the-password")
        assert (code, len(err.splitlines())) == (3, 1)
        assert "refused access (401 Unauthorized): set MLFLOW_TRACKING_USERNAME" in err
    assert {path.name for path in bob.work.iterdir()} == {"text.txt"}


def test_a_team_mate_samples_scores_and_compares_by_id(anna: Machine, bob: Machine) -> None:
    ids = list_ids(anna)
    folder = next(iter(anna.work.glob("outputs/*/*/*/0")))
    out, err = bob.run_well("sample", f"run={ids[0]}", "tracking=server")
    assert f"is downloaded from {bob.server.uri}" in err
    assert out == anna.run_well("sample", f"run={folder}")[0]
    assert bob.run_well("evaluate", f"run={ids[0]}")[0] == anna.run_well("evaluate", f"run={folder}")[0]
    out, _ = bob.run_well("compare", f"run={ids[0]},{ids[1]}", "tracking=server", "format=csv")
    theirs = anna.run_well("compare", f"run={folder.parent}", "format=csv")[0]
    # The places differ, and the seconds: a summary is sent before the run has quite ended.
    hide = re.compile(r"[\w/-]*(outputs|mlruns)/[\w/-]+|(?<=,)[0-9.]+(?=,False,)")
    assert hide.sub("", out) == hide.sub("", theirs)
    fetched = bob.work / "mlruns" / "fetched" / ids[0]
    for name in ("samples", "run.log", "metrics.jsonl"):
        assert_same(fetched / name, folder / name)


def assert_same(ours: Path, theirs: Path) -> None:
    """Compare a file or all files of a folder; a log may have grown after it was sent."""
    if theirs.is_dir():
        assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}
        for path in theirs.iterdir():
            assert_same(ours / path.name, path)
    else:
        assert theirs.read_bytes().startswith(ours.read_bytes())
        assert ours.stat().st_size > 0


def test_to_go_on_in_an_experiment_of_another_user_takes_the_permission(
    anna: Machine, bob: Machine, server: TeamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = list_ids(anna)[0]
    resume = ["resume", f"run={run_id}", "tracking=server", "training.max_steps=60"]
    code, _, err = bob.run(*resume)
    assert (code, len([line for line in err.splitlines() if " error: " in line])) == (3, 1)
    assert "lets you read the experiment 'ours' but not write into it (403 Forbidden)" in err
    assert "tracking.experiment_name=NAME" in err
    assert not (bob.work / "outputs").exists()
    server.call("share", "ours", "bob")
    out, _ = bob.run_well(*resume)
    assert f"goes on as a new MLflow run tagged resumed_from={run_id}" in out
    client = ask(server, monkeypatch, "bob")
    (mine,) = (RunFolder(path.parent) for path in bob.work.glob("outputs/**/config.yaml"))
    for name in ("train_loss", "val_loss"):
        history = client.get_metric_history(list_ids(bob)[0], name)
        assert sorted((each.step, each.value) for each in history) == read_metrics(mine.metrics)[name]
    assert len(read_metrics(mine.metrics)["train_loss"]) == 60
    assert client.get_run(list_ids(bob)[0]).data.tags["resumed_from"] == run_id


def test_a_permission_that_comes_a_moment_after_the_experiment_is_waited_for(
    server: TeamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on another machine of the user who made the experiment, whom the server gives it after it is there."""
    described = RunDescription(
        name="mine", params={"seed": 1}, tags={KEY_TAG: "k"}, dataset={"name": "text", "sha256": "0" * 64}
    )

    def create(tracking: TrackingConfig) -> object:
        return open_run(tracking, described, run_id=None, may_exist=False)

    for name, action in (("new to probe", probe_server), ("new to write", create)):
        ask(server, monkeypatch, "anna").create_experiment(name)
        ask(server, monkeypatch, "bob")
        words = ("tracking=server", f"tracking.experiment_name={name}", f"tracking.uri={server.uri}")
        tracking = compose(*words).tracking
        with ThreadPoolExecutor(1) as pool:
            sharing = pool.submit(share_later, server, name)
            action(tracking)
            sharing.result()


def share_later(server: TeamServer, name: str) -> None:
    time.sleep(0.7)
    server.call("share", name, "bob")


def test_two_machines_share_a_search(anna: Machine, bob: Machine, server: TeamServer) -> None:
    words = ["-m", *TRACKED, NAMED, "name=shared", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "sweep.jobs=1"]
    server.call("share", "ours", "bob")
    words += ["hydra.sweeper.study_name=rates", "optimizer.learning_rate=tag(log,interval(1e-3,1e-1))"]
    machines = [(each, server.storage.replace("//", f"//{each.user}@")) for each in (anna, bob)]
    begun = [machine.start(*words, f"hydra.sweeper.storage={address}") for machine, address in machines]
    for (machine, _), process in zip(machines, begun, strict=True):
        code, out, err = end(process)
        assert (code, err) == (0, "")
        (machine.path / "search.txt").write_text(out)
    folders = [path for machine, _ in machines for path in machine.work.glob("outputs/shared/*/*/*/summary.json")]
    assert len(folders) == 4


def test_no_password_is_in_a_file(anna: Machine, bob: Machine, server: TeamServer, place: Path) -> None:
    server.dump(place)
    assert "mlflow_auth" in (place / "dump.sql").read_text()
    assert find_leaks(place) == []
    assert find_leaks(server.folder) == []
