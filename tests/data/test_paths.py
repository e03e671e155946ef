"""A setting may name a file, a folder, a pattern or several: their files are read in the order of their bytes."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.config.choices import Source, Split
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import Config, DatasetConfig
from charrnn_exp.config.words import write_words
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.data.paths import find_files
from charrnn_exp.data.sources import read_chunks
from charrnn_exp.data.splits import split_text
from charrnn_exp.errors import UserError


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four texts and all that is skipped, below the current one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "books"
    (folder / "more").mkdir(parents=True)
    for name, text in {"b.txt": "bb", "a.txt": "aa\n", "B.txt": "BB", "\u00e9.txt": "ee", ".hidden": "h",
                       "more/c.txt": "cc", "../out.txt": "oo"}.items():  # fmt: skip
        (folder / name).write_text(text)
    (folder / "out.txt").symlink_to("../out.txt")
    (folder / "nowhere.txt").symlink_to("none")
    (folder / "z.txt").symlink_to("b.txt")
    return folder


def names(given: str | list[str]) -> list[str]:
    return [path.name for path in find_files(given, key="dataset.path").paths]


def test_a_folder_is_its_own_files_in_the_order_of_their_bytes(books: Path) -> None:
    found = find_files("books", key="dataset.path")
    assert [path.name for path in found.paths] == ["B.txt", "a.txt", "b.txt", "z.txt", "\u00e9.txt"]
    assert found.skipped == {"hidden files": 1, "subfolders": 1, "links that lead out": 2}


def test_a_pattern_is_the_files_that_it_fits(books: Path) -> None:
    assert names("books/?.txt") == ["B.txt", "a.txt", "b.txt", "z.txt", "\u00e9.txt"]
    assert names("books/[ab].txt") == ["a.txt", "b.txt"]
    found = find_files("books/*", key="dataset.path")
    assert len(found.paths) == 5
    assert found.skipped == {"hidden files": 1, "subfolders": 1, "links that lead out": 2}


def test_an_existing_path_is_no_pattern(books: Path) -> None:
    (books / "[ab].txt").write_text("x")
    assert names("books/[ab].txt") == ["[ab].txt"]
    (books / "q?").mkdir()
    (books / "q?" / "in.txt").write_text("x")
    assert names("books/q?") == ["in.txt"]


def test_several_are_joined_and_none_is_read_twice(books: Path) -> None:
    found = find_files(["books/b.txt", "out.txt", "books/[ab].txt"], key="dataset.path")
    assert [path.name for path in found.paths] == ["a.txt", "b.txt", "out.txt"]
    assert found.skipped == {"files named twice": 1}


@pytest.mark.parametrize("given", ["books/x*", "none/*", "books/more/.*", "a\0*"])
def test_a_pattern_without_a_file_is_one_line(books: Path, given: str) -> None:
    with pytest.raises(UserError) as caught:
        find_files(given, key="dataset.path")
    (line,) = caught.value.lines
    assert line.startswith("dataset.path must ")


def test_a_link_that_leads_to_itself_is_skipped(books: Path) -> None:
    (books / "loop").symlink_to("loop")
    assert find_files("books", key="dataset.path").skipped["links that lead out"] == 3


def dataset_of(defaults: Config, path: str | list[str], **changes: object) -> DatasetConfig:
    return replace(defaults.dataset, source=Source.file, name="file", path=path, max_bytes=None, **changes)  # type: ignore[arg-type]


def test_files_are_joined_without_a_separator_and_skipped_ones_told(books: Path, defaults: Config) -> None:
    dataset = dataset_of(defaults, "books")
    assert b"".join(read_chunks(dataset)).decode() == "BBaa\nbbbbee"
    corpus = load_corpus(dataset)
    assert corpus.vocabulary.decode(corpus.ids_n) == "BBaa\nbbbbee"
    head, _, skipped = corpus.notes[0].partition(", skipped: ")
    assert head == "dataset.path books: 5 files"
    assert sorted(skipped.rstrip(".").split(", ")) == ["1 hidden files", "1 subfolders", "2 links that lead out"]


def test_each_file_is_decoded_by_itself_and_named_where_it_is_not_text(books: Path, defaults: Config) -> None:
    for name in ("a.txt", "b.txt"):
        (books / name).write_bytes(f"{name} \u00e9\n".encode("utf-8-sig"))
    corpus = load_corpus(dataset_of(defaults, ["books/a.txt", "books/b.txt"], encoding="utf-8-sig"))
    assert corpus.vocabulary.decode(corpus.ids_n) == "a.txt \u00e9\nb.txt \u00e9\n"
    (books / "b.txt").write_bytes("caf\u00e9 d'\u00e9t\u00e9\n".encode("cp1252") * 200)
    with pytest.raises(UserError) as caught:
        load_corpus(dataset_of(defaults, ["books/a.txt", "books/b.txt"]))
    (line,) = caught.value.lines
    assert line.startswith(f"dataset {os.path.join('books', 'b.txt')} must be utf-8 text, got the bytes e9 ")
    assert line.endswith("save it in that encoding too. It reads as cp1252 text.")


def test_the_name_the_size_and_the_content_of_each_file_are_in_the_fingerprint(books: Path, defaults: Config) -> None:
    def read() -> dict[str, str | int]:
        return load_corpus(dataset_of(defaults, ["books/a.txt", "books/b*"])).fingerprint.as_dict()

    first = read()
    assert first["num_files"] == 2
    (books / "a.txt").write_text("aa")
    (books / "b.txt").write_text("\nbb")
    moved = read()
    assert (moved["sha256"], moved["num_files"]) == (first["sha256"], 2)
    assert moved["files_sha256"] != first["files_sha256"]
    (books / "b.txt").rename(books / "b2.txt")
    assert read()["files_sha256"] != moved["files_sha256"]
    assert "num_files" not in load_corpus(dataset_of(defaults, "books/a.txt")).fingerprint.as_dict()


def test_most_bytes_are_counted_over_the_files_of_a_part(books: Path, defaults: Config) -> None:
    dataset = replace(dataset_of(defaults, "books"), max_bytes=4)
    assert b"".join(read_chunks(dataset)) == b"BBaa"
    corpus = load_corpus(replace(dataset_of(defaults, ["books/b.txt", "books/\u00e9.txt"]), max_bytes=3))
    assert corpus.vocabulary.decode(corpus.ids_n) == "bbe"


def test_validation_and_test_text_may_be_files_of_their_own(books: Path, defaults: Config) -> None:
    dataset = dataset_of(defaults, "books/a.txt", split=Split.files, val_path="books/[bB].txt", test_path=["out.txt"])
    corpus = load_corpus(dataset)
    splits = split_text(corpus.ids_n, dataset, corpus.num_by_part)
    parts = (splits.train_n, splits.val_n, splits.test_n)
    assert [corpus.vocabulary.decode(part) for part in parts if part is not None] == ["aa\n", "BBbb", "oo"]
    assert corpus.fingerprint.num_symbols == len(set("aa\nBBbboo"))
    without = replace(dataset, test_path=None)
    corpus = load_corpus(without)
    assert split_text(corpus.ids_n, without, corpus.num_by_part).test_n is None


@pytest.mark.parametrize(
    ("words", "told"),
    [(["dataset.split=files"], "dataset.val_path must be the path of a text file when dataset.split=files, got null."),
     (["dataset.val_path=b.txt"], "dataset.val_path must be null when dataset.split=nanogpt, got 'b.txt'. "
      "Use dataset.split=files."),
     (["dataset.split=files", "dataset.val_path=b.txt", "dataset=stdlib", "dataset.path=null"],
      "dataset.source must be file when dataset.split=files, got stdlib. Use dataset=file."),
     (["dataset.path=[]"], "dataset.path must be the path of a text file when dataset=file, got []. "
      "Set dataset.path=FILE."),
     (["dataset.newlines=lf", "dataset.unit=byte", "dataset.encoding=utf-16"],
      "dataset.newlines must be keep when dataset.unit=byte and dataset.encoding=utf-16, got lf.")],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_told(words: list[str], told: str) -> None:
    with pytest.raises(UserError) as caught:
        compose_jobs(write_words(["dataset=file", "dataset.path=a.txt", *words]))
    assert caught.value.lines[0] == told


def test_several_paths_are_typed_as_a_list() -> None:
    (config,) = compose_jobs(write_words(["dataset=file", "dataset.path=[a.txt,b*.txt]"]))
    assert config.dataset.path == ["a.txt", "b*.txt"]
    (config,) = compose_jobs(write_words(["dataset=file", "dataset.path=b*.txt"]))
    assert config.dataset.path == "b*.txt"
