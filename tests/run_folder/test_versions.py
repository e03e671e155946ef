"""Versions of settings and numerics: older runs mean what they meant, newer ones are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.cli import main
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.reading import to_values, write_yaml
from charrnn_exp.config.schema import Config
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder import versions
from charrnn_exp.run_folder.checkpoint import Snapshot
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.versions import NUMERICS, SETTINGS, Added, Renamed, Versions, read_versions, upgrade
from charrnn_exp.sampling.filters.registry import FILTERS

CHANGES: list[Added | Renamed] = [
    Renamed(2, "model.cels", "model.cell"),
    Added(2, "model.extra", {}),
    Added(3, "model.twice", lambda values: 2 * values["model"]["size"]),
]
LATER = max(SETTINGS, 2) + 1


def test_an_older_run_gets_each_setting_that_it_lacks_with_its_meaning_then() -> None:
    values = {"seed": 3, "model": {"cels": "lstm", "size": 7}}
    upgraded, phrases = upgrade(values, 1, changes=CHANGES)
    assert upgraded == {"seed": 3, "model": {"size": 7, "cell": "lstm", "extra": {}, "twice": 14}}
    assert phrases == ["model.cell (then model.cels)", "model.extra (off)", "model.twice (14)"]
    assert values == {"seed": 3, "model": {"cels": "lstm", "size": 7}}
    assert upgrade(values, 2, changes=CHANGES)[0] == {"seed": 3, "model": {"cels": "lstm", "size": 7, "twice": 14}}
    assert upgrade(upgraded, 1, changes=CHANGES) == (upgraded, [])


@pytest.mark.parametrize("values", [{}, {"model": None}, {"model": [1]}, {"model": {}}, {"model": {"size": None}}])
def test_damaged_settings_stay_for_the_reader_to_tell(values: dict[str, Any]) -> None:
    upgraded, _ = upgrade(values, 1, changes=CHANGES)
    assert "twice" not in (upgraded.get("model") or {})


def test_a_filter_that_a_run_lacks_is_off_whatever_its_version() -> None:
    upgraded, phrases = upgrade({"sampling": {"extra": {}}}, SETTINGS)
    assert upgraded["sampling"] == {"extra": {}} | {name: each.default for name, each in FILTERS.built_in.items()}
    assert phrases == [f"sampling.{name} (off)" for name in FILTERS.built_in]


def test_two_upgrades_do_not_share_a_value() -> None:
    first, second = (upgrade({"model": {}}, 1, changes=CHANGES)[0] for _ in range(2))
    first["model"]["extra"]["x"] = 1
    assert second["model"]["extra"] == {}


def test_every_change_is_of_a_setting_that_exists_and_of_a_version_that_there_was() -> None:
    groups = {key.partition(".")[0] for key in list_settings()}
    assert {c.key if isinstance(c, Added) else c.new for c in versions.CHANGES} <= {*list_settings(), *groups}
    assert all(2 <= change.version <= SETTINGS for change in versions.CHANGES)


def test_a_run_records_its_versions_and_one_without_them_is_of_version_1(folder: RunFolder, tmp_path: Path) -> None:
    assert read_versions(folder.versions) == Versions(SETTINGS, NUMERICS)
    assert read_versions(tmp_path / "none.json") == Versions(1, 1)


@pytest.mark.parametrize(
    "text",
    ["", "3", "{}", '{"settings": true, "numerics": 1, "plugins": {}}', '{"settings": 0, "numerics": 1, "plugins": {}}',
     '{"settings": 1, "numerics": "1", "plugins": {}}', '{"settings": 1, "numerics": 1, "plugins": [1]}',
     '{"settings": 1, "numerics": 1, "plugins": {"a": 1}}'],
)  # fmt: skip
def test_damaged_versions_are_one_line(folder: RunFolder, text: str) -> None:
    folder.versions.write_text(text)
    with pytest.raises(MachineError, match=r"versions\.json (is damaged|\()") as caught:
        folder.read_values()
    assert len(caught.value.lines) == 1


@pytest.fixture
def folder(compose: Any, tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    config: Config = compose()
    made.create(config, Vocabulary.from_json({"unit": "char", "code_points": [10, 97]}))
    return made


@pytest.mark.parametrize("verb", ["sample", "resume", "evaluate"])
def test_a_run_of_a_newer_program_is_refused_with_the_way_out(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    folder.versions.write_text(Versions(settings=SETTINGS + 5).to_json())
    assert main([verb, f"run={folder.path}"]) == 2
    assert capsys.readouterr().err == (
        f"charrnn_exp: error: run {folder.path} has settings version {SETTINGS + 5}, this program knows "
        f"up to {SETTINGS}: install the newer charrnn_exp that made the run.\n"
    )


def test_the_upgrade_of_a_run_is_said_once_and_written_by_resume_alone(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder.read_config()
    values = to_values(config)
    del values["model"]["residual"]
    folder.config.write_text(write_yaml(values))
    with pytest.raises(UserError, match=r"model\.residual must be set"):
        folder.read_config()
    monkeypatch.setattr(versions, "SETTINGS", LATER)
    monkeypatch.setattr(versions, "CHANGES", (Added(LATER, "model.residual", False),))
    assert folder.read_config() == folder.read_config() == config
    assert capsys.readouterr().err == (
        f"charrnn_exp: note: run {folder.path} is of settings version {SETTINGS}: model.residual (off) "
        "means what it meant then.\n"
    )
    assert folder.config.read_text() == write_yaml(values)
    assert read_versions(folder.versions).settings == SETTINGS
    folder.create(config, folder.read_vocabulary())
    assert "residual: false" in folder.config.read_text()


def test_a_checkpoint_of_older_settings_is_of_the_same_model_and_of_older_numerics_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = Snapshot(step=3, epoch=0, best_step=0, best_val_loss=0.0, weights={}, training={})
    CheckpointStore(tmp_path, facts={"model": {"size": 5}}, num_rolling=1).save(snapshot, kept=False)
    monkeypatch.setattr(versions, "SETTINGS", LATER)
    monkeypatch.setattr(versions, "CHANGES", (Added(LATER, "model.extra", {}), Added(LATER, "dataset.new", 1)))
    store = CheckpointStore(tmp_path, facts={"model": {"size": 5, "extra": {}}}, num_rolling=1)
    (checkpoint,) = store.find_all()
    store.check_facts(checkpoint)
    with pytest.raises(UserError, match="same model"):
        CheckpointStore(tmp_path, facts={"model": {"size": 5, "extra": {"x": 1}}}, num_rolling=1).check_facts(
            checkpoint
        )
    assert store.find_changes(checkpoint) == []
    monkeypatch.setattr(versions, "NUMERICS", NUMERICS + 1)
    (line,) = store.find_changes(checkpoint)
    assert line == (
        f"checkpoint step_0000000003 is of numerics version {NUMERICS}, this program of {NUMERICS + 1}: "
        "the run goes on with the arithmetic of this program."
    )
    manifest = json.loads((checkpoint.folder / "manifest.json").read_text())
    assert (manifest["settings"], manifest["numerics"]) == (SETTINGS, NUMERICS)
