"""The wheel, installed into a clean environment, run from an empty folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has nothing but the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment", with_pip=True)
    bin_folder = folder / "environment" / "bin"
    pip = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", "--no-compile"]
    environment = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}  # pip's downloads
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], env=environment, check=True)
    return bin_folder


@pytest.mark.parametrize("command", [["python", "-m", "charrnn_exp"], ["charrnn-exp"]])
def test_a_run_from_an_empty_folder_leaves_outputs_and_mlruns_there(
    clean_environment: Path, tmp_path: Path, command: list[str]
) -> None:
    program = [str(clean_environment / command[0]), *command[1:]]
    words = ["dataset.max_bytes=50000", "training.max_steps=3", "sampling.length=20", "training.batch_size=4"]
    finished = subprocess.run([*program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"outputs", "mlruns"}
    assert f"{' '.join(command)} ui" in finished.stdout
    shown = subprocess.run([*program, "--cfg", "job"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "hidden_size: 256" in shown.stdout
