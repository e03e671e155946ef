"""`repair` on the command line."""

from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.cli import main
from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary


@pytest.mark.parametrize("status", ["RUNNING", "FINISHED"])
def test_a_wrong_value_is_the_users_mistake_also_where_nothing_is_to_be_repaired(
    compose: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(Path("outputs/a/run"))
    folder.create(compose(), Vocabulary(Unit.char, (10, 97)))
    folder.write_summary(Summary(status=status))
    assert main(["repair", "tracking.tags=3"]) == 2
    assert "tracking.tags must be text by name, got 3" in capsys.readouterr().err
    assert folder.read_summary().status == status
