"""Every dataset is a stream of bytes, the same each time; what cannot be read is named with its absolute path."""

import os
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.config.choices import Source
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import Config, DatasetConfig
from charrnn_exp.config.texts import list_installed_texts
from charrnn_exp.data.download import DATA_FOLDER_VARIABLE
from charrnn_exp.data.sources import STDLIB_LEFT_OUT, read_chunks, trust_installed_alone
from charrnn_exp.errors import UserError
from tests.data.conftest import MakeDataset


def read(dataset: DatasetConfig) -> bytes:
    return b"".join(read_chunks(dataset))


def read_lines(dataset: DatasetConfig) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(dataset)
    return caught.value.lines


def file_at(defaults: Config, path: str) -> DatasetConfig:
    return replace(defaults.dataset, source=Source.file, path=path, max_bytes=None)


def test_a_file_is_read_whole_and_unchanged(make_dataset: MakeDataset, chunk_bytes: int) -> None:
    content = bytes(range(256)) + b"\r\n\xef\xbb\xbf\0"
    dataset = make_dataset(content)
    assert read(dataset) == content
    assert read(dataset) == content


@pytest.mark.parametrize("max_bytes", [1, 2, 3, 4, 5, 6, 7, 8, 100])
def test_at_most_so_many_bytes_are_read_and_no_empty_piece_comes(
    make_dataset: MakeDataset, chunk_bytes: int, max_bytes: int
) -> None:
    content = b"abcdefg"
    dataset = make_dataset(content, max_bytes=max_bytes)
    assert read(dataset) == content[:max_bytes]
    assert all(read_chunks(dataset))


def test_an_empty_file_is_an_empty_stream(make_dataset: MakeDataset) -> None:
    assert list(read_chunks(make_dataset(b""))) == []


def test_a_path_starts_at_the_current_folder_or_at_home(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(file_at(defaults, "a.txt")) == b"here"
    assert read(file_at(defaults, "~/a.txt")) == b"here"


def test_a_missing_file_is_named_with_its_absolute_path(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    assert read_lines(file_at(defaults, "none/a.txt")) == [
        f"dataset.path must be an existing text file, got {here / 'none' / 'a.txt'}, which does not exist."
    ]


def test_a_folder_without_a_file_is_named_with_its_absolute_path(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    assert read_lines(file_at(defaults, "texts")) == [
        f"dataset.path must have a file to read, got the folder {Path.cwd() / 'texts'} with none."
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_named_with_its_absolute_path(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(b"secret")
    Path(str(dataset.path)).chmod(0)
    assert read_lines(dataset) == [
        f"dataset.path must be a readable text file, got {dataset.path} (Permission denied)."
    ]


@pytest.mark.parametrize(
    "path",
    ["a" * 300, "a\0b", "a.txt/b", "~nobody-has-this-name/a.txt"],
    ids=["too long", "NUL", "below a file", "home"],
)
def test_a_path_that_no_file_can_have_is_the_users_mistake(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "a.txt").touch()
    monkeypatch.chdir(tmp_path)
    (line,) = read_lines(file_at(defaults, path))
    assert line.startswith("dataset.path must be ")
    assert path in line or path.removeprefix("~") in line


def make_library(folder: Path) -> None:
    for name, content in {
        "b.py": b"b = 1\n",
        "a.py": b"a = 1\n",
        "notes.txt": b"not code\n",
        "latin.py": b"# caf\xe9\n",
        "utf8.py": b"# caf\xc3\xa9\n",
        "z/inner.py": b"z = 1\n",
        "c/deep/er.py": b"c = 1\n",
        "c/tests/t.py": b"left out\n",
        **{f"{left_out}/x.py": b"left out\n" for left_out in STDLIB_LEFT_OUT},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_the_library_is_its_own_ascii_code_in_sorted_order(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_library(tmp_path)
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    assert list(read_chunks(defaults.dataset)) == [b"a = 1\n", b"b = 1\n", b"c = 1\n", b"z = 1\n"]


def test_the_running_pythons_library_is_long_enough_ascii_and_the_same_each_time(defaults: Config) -> None:
    content = read(defaults.dataset)
    assert len(content) == defaults.dataset.max_bytes
    assert content.isascii()
    assert read(replace(defaults.dataset, max_bytes=70_001)) == content[:70_001]
    assert b"import" in content


def test_an_installed_text_has_all_that_a_download_needs(defaults: Config) -> None:
    texts = list_installed_texts()
    assert [text.name for text in texts] == ["enwik8", "linux", "shakespeare", "text8", "warpeace"]
    for text in texts:
        (job,) = compose_jobs([f"dataset={text.name}"])
        assert (job.dataset.name, tuple(job.dataset.urls), job.dataset.checksum) == (
            text.name,
            text.urls,
            text.checksum,
        )
        assert (job.dataset.num_bytes, job.dataset.member) == (text.num_bytes, text.member)
        assert all(url.startswith("https://") for url in text.urls)
        assert {url.endswith(".zip") for url in text.urls} == {text.member is not None}


def test_of_a_run_that_exists_only_the_addresses_of_installed_texts_are_used() -> None:
    (job,) = compose_jobs(["dataset=shakespeare"])
    hostile = replace(job.dataset, urls=["https://example.org/hostile"])
    assert trust_installed_alone(hostile) == job.dataset
    assert trust_installed_alone(replace(hostile, checksum="sha256:" + "0" * 64)).urls == []
    (file,) = compose_jobs(["dataset=file", "dataset.path=a.txt"])
    assert trust_installed_alone(file.dataset) == file.dataset


def test_a_text_laid_into_the_data_folder_is_read_whatever_its_name(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "anything.txt").write_bytes(b"abc")
    dataset = replace(
        defaults.dataset, source=Source.network, num_bytes=3, checksum="md5:900150983cd24fb0d6963f7d28e17f72"
    )
    assert read(dataset) == b"abc"


def test_a_pipe_is_refused_at_once_since_a_text_is_read_twice(defaults: Config, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (line,) = read_lines(file_at(defaults, str(tmp_path / "pipe")))
    assert line == (
        f"dataset.path must be a readable text file, got {tmp_path}/pipe (a pipe or device, and a text is read twice)."
    )


def test_the_names_of_the_library_are_those_that_its_parser_finds(
    defaults: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
import os

def zeta(def_): return def_
async  def alpha():
    class _Inner2(object):
        def  zeta(self): pass
        define = 1
\tclass\tB: pass
x = "def no(): 1" or lambda: 0
# def none():
"""
    (tmp_path / "a.py").write_text(source)
    (tmp_path / "b.py").write_text("class B:\n    def __init__(self): pass\n")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    dataset = replace(defaults.dataset, source=Source.stdlib_names, max_bytes=None)
    assert read(dataset).decode().splitlines() == ["B", "_Inner2", "__init__", "alpha", "zeta"]
    assert read(dataset).endswith(b"zeta\n")


def test_the_running_pythons_names_are_a_list_of_lines(defaults: Config) -> None:
    (job,) = compose_jobs(["dataset=stdlib_names"])
    assert job.dataset.lines
    names = read(job.dataset).decode().splitlines()
    assert len(names) == len(set(names)) > 5_000
    assert {"walk", "OrderedDict", "__init__"} <= set(names)
    assert all(name.isidentifier() for name in names)
