"""Samples of a run folder."""

import os
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp import files
from charrnn_exp.run_folder.samples import join_samples, list_samples, read_samples, split_samples


def test_samples_come_back_by_step_as_they_were_written(compose: Any, tmp_path: Path) -> None:
    (tmp_path / "step_9.txt").write_bytes(b"x\n\xff\n")
    (tmp_path / "step_10.txt").write_bytes(b"a\n\n\n=== next sample ===\n\nb\n\n")
    (tmp_path / "notes.txt").write_text("mine")
    found = read_samples(tmp_path, compose().dataset, warn=pytest.fail)
    assert list(found.items()) == [(9, ["x\n\ufffd"]), (10, ["a\n", "b\n"])]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16-le"])
def test_a_model_of_bytes_has_samples_in_the_encoding_of_its_text(compose: Any, encoding: str) -> None:
    dataset = compose("dataset.unit=byte", f"dataset.encoding={encoding}", "dataset.newlines=keep").dataset
    texts = ["caf\u00e9 \u20ac\n\n", "\u00fc"]
    assert split_samples(join_samples([text.encode(encoding) for text in texts], dataset), dataset) == texts


def test_a_model_of_characters_has_samples_in_utf_8_whatever_its_text_was_in(compose: Any) -> None:
    dataset = compose("dataset.encoding=cp1252").dataset
    assert split_samples(join_samples(["caf\u00e9".encode()], dataset), dataset) == ["caf\u00e9"]


def test_each_line_of_a_model_of_lines_is_a_sample(compose: Any) -> None:
    dataset = compose("dataset=stdlib_names").dataset
    assert split_samples(join_samples([b"anna", b"", b"bert"], dataset), dataset) == ["anna", "", "bert"]


def test_files_of_other_names_are_no_samples(tmp_path: Path) -> None:
    for name in ("step_100.txt", "step_7.txt"):
        (tmp_path / name).write_text("mine")
    for name in (
        "step_100 (copy).txt",
        "step_.txt",
        "step_1.txt.bak",
        "step_-1.txt",
        "step_1_0.txt",
        "step_\u0662.txt",
    ):
        (tmp_path / name).write_text("not mine")
    assert list(list_samples(tmp_path)) == [7, 100]
    assert list_samples(tmp_path / "none") == {}


def test_pipes_links_folders_and_large_files_are_left_out_with_a_line_each(
    compose: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of a stranger may hold them: a pipe would block, a link show a file of mine."""
    folder, lines = tmp_path / "samples", list[str]()
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    os.mkfifo(folder / "step_1.txt")
    (folder / "step_2.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "step_3.txt").mkdir()
    (folder / "step_4.txt").write_text("too large")
    (folder / "step_5.txt").write_text("good\n")
    monkeypatch.setattr(files, "MAX_BYTES", 8)
    assert read_samples(folder, compose().dataset, warn=lines.append) == {5: ["good"]}
    assert [line.partition(" is left out: ")[0] for line in lines] == [
        str(folder / f"step_{i}.txt") for i in range(1, 5)
    ]
