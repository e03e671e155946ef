"""The files of a run that a store gives, and what it could give in their place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn_exp.errors import CharRNNError, MachineError, UserError
from charrnn_exp.model.memory import SAVED_BYTES
from charrnn_exp.run_folder.checkpoint import hash_manifest
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.download import download_run
from tests.conftest import slow_after
from tests.tracking.small_server import SmallServer, serve_files
from tests.tracking.test_stored_run import find

LAST = "checkpoints/step_0000000006"
HUGE = 1 << 50


def download(server: SmallServer, path: Path) -> RunFolder:
    download_run(find(server), path, key="run")
    return RunFolder(path)


def list_paths(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def find_best(files: dict[str, bytes]) -> str:
    return f"checkpoints/step_{json.loads(files[f'{LAST}/manifest.json'])['best_step']:010d}"


def test_what_the_verbs_read_is_fetched_byte_for_byte(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    files = {**sent_files, "samples/step_2.txt": b"early\n"}
    with serve_files(files) as server:
        folder = download(server, tmp_path / "run")
    best = find_best(sent_files)
    expected = {"config.yaml", "versions.json", "vocabulary.json", "summary.json", "metrics.jsonl", "run.log"}
    expected |= {
        f"{place}/{name}" for place in (LAST, best) for name in ("manifest.json", "weights.npz", "training.npz")
    }
    expected |= {path for path in files if path.startswith("samples/")}
    assert list_paths(folder.path) == expected
    assert {path: (folder.path / path).read_bytes() for path in expected} == {p: files[p] for p in expected}


@pytest.mark.parametrize(
    "path",
    ["../evil", "/tmp/evil", "a/../../evil", "..", ".", "", "config.yaml/../evil", "a\0b", "checkpoints/../evil", "\n",
     "step_0000000007/../../evil", "step_00000000070000000000", "step_1"],
)  # fmt: skip
@pytest.mark.parametrize("is_folder", slow_after(1, [False, True]))
def test_a_name_that_no_run_has_is_never_a_path(
    sent_files: dict[str, bytes], tmp_path: Path, path: str, is_folder: bool
) -> None:
    with serve_files(sent_files) as server:
        for folder in ("", "checkpoints", "samples", LAST):
            entry = {"path": path, "is_dir": is_folder, "file_size": 3}
            server.listed[folder] = [*server.list_folder(folder), entry, {**entry, "path": f"{folder}/{path}"}]
        server.files |= {path: b"abc", f"checkpoints/{path}": b"abc"}
        whole = list_paths(download(server, tmp_path / "nest" / "run").path)
    assert {path.name for path in tmp_path.iterdir()} == {"nest"}
    assert {path.name for path in (tmp_path / "nest").iterdir()} == {"run"}
    assert whole <= set(sent_files)


Spoil = Callable[[SmallServer], None]


def list_as(path: str, num_bytes: int) -> Spoil:
    def spoil(server: SmallServer) -> None:
        folder = path.rpartition("/")[0]
        entries = [entry for entry in server.list_folder(folder) if entry["path"] != path]
        server.listed[folder] = [*entries, {"path": path, "is_dir": False, "file_size": num_bytes}]

    return spoil


def put(path: str, content: bytes) -> Spoil:
    return lambda server: server.files.update({path: content})


def list_as_folder(path: str) -> Spoil:
    def spoil(server: SmallServer) -> None:
        folder = path.rpartition("/")[0]
        entries = [entry for entry in server.list_folder(folder) if entry["path"] != path]
        server.listed[folder] = [*entries, {"path": path, "is_dir": True}]

    return spoil


def take_manifests(server: SmallServer) -> None:
    for path in [path for path in server.files if path.endswith("manifest.json")]:
        del server.files[path]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        *((list_as(name, HUGE), f"{name} of run .* must have at most") for name in (
            "config.yaml", "vocabulary.json", "summary.json", "metrics.jsonl", f"{LAST}/manifest.json",
            f"{LAST}/weights.npz", f"{LAST}/training.npz", "samples/step_6.txt")),
        (list_as("config.yaml", 3), "came with more than the 3 bytes"),
        (list_as("config.yaml", 9999), "of the 9,999 bytes"),
        (list_as(f"{LAST}/weights.npz", 1000), "came with more than the 1,000 bytes"),
        (list_as("versions.json", 0), "came with more than the 0 bytes"),
        (put("config.yaml", b"seed: !!python/object/apply:os.getcwd []\n"), "config.yaml"),
        (put("config.yaml", b"[" * 5000), "config.yaml"),
        (put("config.yaml", b"\xff\xfe"), "config.yaml"),
        (put("vocabulary.json", b"{}"), "holds no vocabulary"),
        (put("vocabulary.json", b'{"unit": "char", "code_points": [1e999]}'), "holds no vocabulary"),
        (put("changes.json", b"[]"), "changes.json is damaged"),
        (put(f"{LAST}/weights.npz", b"PK"), "is damaged: its manifest says"),
        (put(f"{LAST}/training.npz", b""), "is damaged: its manifest says"),
        (put(f"{LAST}/manifest.json", b"{}"), "is damaged"),
        (list_as_folder(f"{LAST}/weights.npz"), "has not all of checkpoints/step_0000000006"),
        (take_manifests, "has not all of checkpoints/step_0000000006"),
    ],
)  # fmt: skip
def test_what_is_not_the_file_of_a_run_is_refused(
    sent_files: dict[str, bytes], tmp_path: Path, spoil: Spoil, said: str
) -> None:
    with serve_files(sent_files) as server:
        spoil(server)
        with pytest.raises(CharRNNError, match=said) as raised:
            download(server, tmp_path / "run")
    assert len(raised.value.lines) == 1
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 10 * sum(map(len, sent_files.values()))


def test_a_checkpoint_is_bounded_by_its_model(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    size = len(sent_files[f"{LAST}/weights.npz"]) + SAVED_BYTES
    with serve_files(sent_files) as server:
        list_as(f"{LAST}/weights.npz", size)(server)
        with pytest.raises(MachineError, match=f"weights.npz .* must have at most [0-9,]+ bytes, .* got {size:,}"):
            download(server, tmp_path / "run")


def test_a_prompt_file_is_not_read_for_somebody_else(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    config = sent_files["config.yaml"].replace(b"prompt_file: null", b"prompt_file: /etc/passwd")
    assert config != sent_files["config.yaml"]
    with (
        serve_files({**sent_files, "config.yaml": config}) as server,
        pytest.raises(MachineError, match=r"must have no sampling.prompt_file, .* got '/etc/passwd'"),
    ):
        download(server, tmp_path / "run")


@pytest.mark.parametrize("name", ["config.yaml", "vocabulary.json"])
def test_a_run_that_has_sent_no_files_is_told(sent_files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    files = {path: content for path, content in sent_files.items() if path != name}
    with serve_files(files) as server, pytest.raises(UserError, match=f"has no {name}: it has not ended"):
        download(server, tmp_path / "run")


def test_a_run_without_checkpoints_says_the_setting(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    files = {path: content for path, content in sent_files.items() if not path.startswith("checkpoints")}
    files["config.yaml"] = files["config.yaml"].replace(b"log_checkpoints: best", b"log_checkpoints: none")
    with serve_files(files) as server, pytest.raises(UserError, match=r"its tracking.log_checkpoints is none"):
        download(server, tmp_path / "run")


def test_the_training_state_comes_with_the_changes_that_made_it_or_not_at_all(
    sent_files: dict[str, bytes], tmp_path: Path
) -> None:
    change = {"step": 3, "setting": "training.batch_size", "old": 9, "new": 4}
    with serve_files(sent_files, tags={"changes": "training.batch_size 9 -> 4 after step 3"}) as server:
        assert "training.npz" not in {Path(path).name for path in list_paths(download(server, tmp_path / "a").path)}
        server.files["changes.json"] = json.dumps({"changes": [change]}).encode()
        assert "training.npz" in {Path(path).name for path in list_paths(download(server, tmp_path / "b").path)}


def test_a_best_step_that_a_manifest_makes_up_is_not_asked_for(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    manifest = json.loads(sent_files[f"{LAST}/manifest.json"])
    manifest.pop("sha256")
    manifest["best_step"] = 10**30
    manifest["sha256"] = hash_manifest(manifest)
    with serve_files({**sent_files, f"{LAST}/manifest.json": json.dumps(manifest).encode()}) as server:
        assert LAST in {path.rpartition("/")[0] for path in list_paths(download(server, tmp_path / "run").path)}


@pytest.mark.parametrize("name", ["weights.npz", "training.npz"])
def test_a_checkpoint_that_was_on_its_way_when_its_machine_went_is_passed_over(
    sent_files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    newer = {f"checkpoints/step_0000000008/{name}": sent_files[f"{LAST}/{name}"]}
    with serve_files(sent_files | newer) as server:
        folder = download(server, tmp_path / "run")
    assert max(path.name for path in folder.checkpoints.glob("step_*")) == Path(LAST).name
