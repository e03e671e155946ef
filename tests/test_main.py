"""`python -m charrnn_exp` beside files that are named like modules."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import charrnn_exp

SOURCE = Path(charrnn_exp.__file__).parents[1]
CODE = "import pathlib\npathlib.Path({!r}).touch()\nraise SystemExit(77)\n"


@pytest.mark.parametrize(
    "names", [["hydra_plugins/evil.py"], ["numpy.py", "yaml.py", "hydra.py", "typing.py", "ast.py"]]
)
def test_no_file_in_the_current_folder_is_taken_for_a_module(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CODE.format(str(tmp_path / "canary")))
    done = subprocess.run(
        [sys.executable, "-m", "charrnn_exp", "--cfg", "job"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "canary").exists()


def test_it_runs_from_its_own_source_which_nothing_else_leads_to(tmp_path: Path) -> None:
    """In the folder of the source the current folder is the program's, and stays."""
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "-m", "charrnn_exp", "--version"]
    done = subprocess.run(command, cwd=SOURCE, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, charrnn_exp.__version__)
