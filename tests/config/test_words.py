"""Typed words mean what was typed: text that a setting takes arrives letter for letter, whatever it looks like."""

import json
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from charrnn_exp.api import compose
from charrnn_exp.config.compose import compose_jobs, compose_values
from charrnn_exp.config.overrides import find_bad_overrides, name_run, parse_override
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.references import resolve_values
from charrnn_exp.config.words import quote_twice, show_word, split_elements, unquote, write_words
from charrnn_exp.data.sources import read_chunks
from charrnn_exp.errors import UserError
from tests.conftest import slow_after

NAMED = [
    "\u00e9t\u00e9.txt", "\u5468\u6770\u4f26.txt", "book (1).txt", "it's.txt", "a=b.txt", "notes #1.txt", "3.10", "1e5",
    "1_000", "No", "null", "true", "-1", "-m", "--help", "~x.txt", "~nobody", "a, b.txt", "[a,b].txt", "[a]", "{a}",
    "{a:b,c}", "${seed}.txt", "${x}.txt", "a${b.txt", "$HOME", "\\${x}", "a\\", "a\\'b", '"', "'", '"book"', "'book'",
    '"it\'s"', "'a\" b\"'", " x ", "a  b", "???", "choice(a,b)", "range(1,3)", "glob(*)", "str(3)", "*.txt", "%", "`a`",
    "!x", "a\tb", "a\nb", "\u200bx", "\u202ex", "\u00a0", "e\u0301", "\U0001f600", "\ufeffx", "a:b", "2024-01-01", "@x",
    "12:30", "0x1f", ".inf", "a;b", "a|b", "&x", ">", "-", "+x", "x=", "==", "_target_", "x: y", "- x", "# x", "NaN",
]  # fmt: skip
ALPHABET = "ab1 .,'\"\\()[]{}=:#~$%&*?!;|<>+-_@^`\u00e9\u5468\u05d0\u0645\u200d\u00a0\u3000\U0001f600"


def make_names(number: int, seed: int) -> list[str]:
    """Return file names of odd printable characters, the named ones first."""
    draw = random.Random(seed)
    names = dict.fromkeys(NAMED)
    while len(names) < number:
        name = "".join(draw.choices(ALPHABET, k=draw.randint(1, 12)))
        if name.strip(".") and not name.startswith("."):
            names[name] = None
    return list(names)


NAMES = make_names(200, seed=12)
FIRST = NAMES[: len(NAMED) + 30]
"""Those that are also read in ways of which each takes a good tenth of a second."""


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, entered, in which each file holds its own name."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        Path(name).write_bytes(name.encode())
    return tmp_path


def read_or_paste(read: Callable[[list[str]], bytes], words: list[str]) -> bytes:
    """Return what the words read; if they are refused, what they read with the pasted advice after them."""
    try:
        return read(words)
    except UserError as error:
        (line,) = error.lines
        if "As text: " in line:
            raise ValueError(line.partition("As text: ")[2]) from error
        (pasted,) = shlex.split(re.split("in a word: |of that name: ", line)[1])
        return read([*words, pasted])


def read_briefly(words: list[str]) -> bytes:
    """Read the text of these words, put into settings that were composed before, as Hydra puts them there."""
    settings = OmegaConf.create(json.loads(json.dumps(VALUES)))
    written = write_words(words)
    assert find_bad_overrides(written, groups={"dataset": ["file"]}, multirun=False) == (set(), [])
    for word in written:
        override = parse_override(word)
        OmegaConf.update(settings, override.key_or_group, override.value())
    return b"".join(read_chunks(read_config(resolve_values(settings)).dataset))


def read_wholly(words: list[str]) -> bytes:
    return b"".join(read_chunks(compose("dataset=file", *words).dataset))


VALUES = compose_values(["dataset=file"])


@pytest.mark.slow
@pytest.mark.usefixtures("texts")
def test_each_of_200_file_names_is_read_as_typed_and_null_as_the_pasted_advice() -> None:
    assert len(NAMES) == len(set(NAMES)) == 200
    refused = []

    def read(words: list[str]) -> bytes:
        try:
            return read_briefly(words)
        except UserError:
            refused.extend(words)
            raise

    found = {name: read_or_paste(read, [f"dataset.path={name}"]).decode() for name in NAMES}
    assert {name for name in NAMES if found[name] != name} == set()
    assert refused == ["dataset.path=null"]


@pytest.mark.slow
@pytest.mark.usefixtures("texts")
def test_each_of_100_file_names_is_read_by_hydras_own_composition() -> None:
    read = {name: read_or_paste(read_wholly, [f"dataset.path={name}"]).decode() for name in FIRST}
    assert len(read) >= 100
    assert {name for name in FIRST if read[name] != name} == set()


@pytest.mark.slow
def test_each_of_100_file_names_is_read_from_yaml(texts: Path) -> None:
    (texts / "conf/experiment").mkdir(parents=True)
    wrong = set()
    for name in FIRST:

        def write(scalar: str) -> None:
            text = f"# @package _global_\ndataset:\n  path: {scalar}\n"
            (texts / "conf/experiment/mine.yaml").write_text(text, encoding="utf-8")

        def read(words: list[str]) -> bytes:
            written = write_words(["dataset=file", "experiment=mine", *words])
            return b"".join(read_chunks(compose_jobs(written, config_dir=texts / "conf")[0].dataset))

        write(json.dumps(name, ensure_ascii=False))  # JSON's strings are YAML's
        try:
            found = read_or_paste(read, [])
        except ValueError as error:  # the advice is for the file itself
            write(str(error))
            found = read([])
        if found != name.encode():
            wrong.add(name)
    assert wrong == set()


@pytest.mark.parametrize("name", slow_after(1, ["a, ${b}.txt", "\u00e9t\u00e9.txt", "it's (1).txt", "~x.txt"]))
def test_a_real_process_reads_the_file_that_was_typed(texts: Path, name: str) -> None:
    Path(name).write_bytes(b"")
    words = ["dataset=file", f"dataset.path={name}"]
    done = subprocess.run([sys.executable, "-m", "charrnn_exp", *words], capture_output=True, text=True, cwd=texts)
    assert done.stderr == (
        f"charrnn_exp: error: dataset must hold at least one character, got an empty text ({name}).\n"
    )


@pytest.mark.parametrize("multirun", [False, True])
def test_a_path_below_the_home_folder_is_read_as_typed(
    texts: Path, monkeypatch: pytest.MonkeyPatch, multirun: bool
) -> None:
    monkeypatch.setenv("HOME", str(texts))
    (texts / "book (1).txt").write_bytes(b"at home")
    words = write_words(["dataset=file", "dataset.path=~/book (1).txt"], multirun=False)
    (config,) = compose_jobs(words, multirun=multirun)
    assert b"".join(read_chunks(config.dataset)) == b"at home"


@pytest.mark.parametrize("text", NAMES, ids=ascii)
def test_text_that_is_no_file_arrives_letter_for_letter_when_it_is_quoted_twice(text: str) -> None:
    (typed,) = shlex.split(quote_twice("tracking.run_name", text))
    for multirun in (False, True):
        (word,) = write_words([typed], multirun=multirun)
        assert write_words([word], multirun=multirun) == [word]  # written once is written for good
        settings = OmegaConf.create({"tracking": {"run_name": None}})
        OmegaConf.update(settings, "tracking.run_name", parse_override(word).value())
        assert resolve_values(settings)["tracking"]["run_name"] == text


@pytest.mark.parametrize("text", ["3.10", "1e5", "1_000", "No", "~", "it's", "a=b", "to be, or not", "x ", " x", ""])
@pytest.mark.parametrize(
    "key", ["name", "sampling.prompt", "tracking.tags.a", "tracking.experiment_name", "training.init_from"]
)
def test_what_looks_like_a_number_or_like_grammar_stays_text(key: str, text: str) -> None:
    (word,) = write_words([f"{key}={text}"])
    assert parse_override(word).value() == text
    assert show_word(word) == f"{key}={text}"


@pytest.mark.parametrize(
    ("value", "meant"),
    [('"a, b"', "a, b"), ("'a'", "a"), ("null", None), ('"null"', "null"), ('"a" and "b"', '"a" and "b"'), ("'", "'")],
)
def test_a_word_in_quotes_loses_them_and_null_is_null(value: str, meant: str | None) -> None:
    assert parse_override(*write_words([f"sampling.prompt={value}"])).value() == meant


def test_a_reference_in_a_text_is_the_text_of_the_other_setting() -> None:
    config = compose("tracking.run_name=${seed}", "sampling.prompt=seed ${seed}, ${name}", "seed=7", "name=x")
    assert (config.tracking.run_name, config.sampling.prompt) == ("7", "seed 7, x")


@pytest.mark.parametrize(
    "words", [["name=${name}"], ["tracking.run_name=${sampling.prompt}", "sampling.prompt=${tracking.run_name}"]]
)
def test_references_in_a_circle_are_one_line(words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        compose(*words)
    (line,) = caught.value.lines
    assert words[0].partition("=")[0] in line


def test_a_text_of_nothing_but_references_begun_is_text() -> None:
    (word,) = write_words(["sampling.prompt=" + "${" * 300])
    settings = OmegaConf.create({"sampling": {"prompt": None}})
    OmegaConf.update(settings, "sampling.prompt", parse_override(word).value())
    assert resolve_values(settings)["sampling"]["prompt"] == "${" * 300


@pytest.mark.parametrize(
    ("value", "meant"),
    [("[bias,norm]", ["bias", "norm"]), ("[3.10, No, a b]", ["3.10", "No", "a b"]), ("[]", []), ("['a,b']", ["a,b"])],
)
def test_a_list_of_words_holds_the_words_as_typed(value: str, meant: list[str]) -> None:
    assert parse_override(*write_words([f"optimizer.weight_decay_exclude={value}"])).value() == meant


def test_tags_typed_at_once_hold_the_texts_as_typed() -> None:
    (word,) = write_words(['tracking.tags={team: a b, version: 3.10, note: "x, y"}'])
    assert parse_override(word).value() == {"team": "a b", "version": "3.10", "note": "x, y"}


def test_other_settings_keep_hydras_grammar() -> None:
    words = ["seed=1_000", "model.cell=lstm", "training.shuffle=True", "~local", "dataset=file", "model.dropout=1e-1"]
    assert write_words(words) == words
    assert [parse_override(word).value() for word in words[::5]] == [1000, 0.1]


def test_a_sweep_over_texts_has_the_texts_between_the_commas() -> None:
    jobs = compose_jobs(
        write_words(['tracking.run_name=3.10, it\'s ,"a, b",null,x (1)', "sampling.prompt=No"], multirun=True),
        multirun=True,
    )
    assert [job.tracking.run_name for job in jobs] == ["3.10", "it's", "a, b", None, "x (1)"]
    assert {job.sampling.prompt for job in jobs} == {"No"}
    chosen = compose_jobs(write_words(["name=choice(a,b)"], multirun=True), multirun=True)
    assert [job.name for job in chosen] == ["a", "b"]


def test_a_run_is_named_by_the_words_as_typed() -> None:
    words = ["sampling.prompt=it's, well", "model.hidden_size=5", "optimizer.weight_decay_exclude=[a b]", "name=x"]
    assert name_run(write_words(words), set()) == " ".join(words)


@pytest.mark.parametrize("value", ["3.1", "No", "1e5", "1_000", "true", ".inf"])
def test_a_number_or_truth_value_of_yaml_where_text_belongs_is_refused(tmp_path: Path, value: str) -> None:
    keys = ["name", "optimizer.weight_decay_exclude[0]", "sampling.prompt", "tracking.tags.a"]
    settings = {
        "name": "<value>",
        "sampling": {"prompt": "<value>"},
        "tracking": {"tags": {"a": "<value>"}},
        "optimizer": {"weight_decay_exclude": ["<value>"]},
    }
    (tmp_path / "experiment").mkdir()
    written = json.dumps(settings).replace('"<value>"', value)  # JSON's braces are YAML's
    (tmp_path / "experiment/mine.yaml").write_text(f"# @package _global_\n{written}\n")
    with pytest.raises(UserError) as caught:
        compose("experiment=mine", config_dir=tmp_path)
    for key, line in zip(keys, sorted(caught.value.lines), strict=True):
        assert line.startswith(f"{key} must be text")
        assert line.endswith("Put it in quotes.")


def test_text_that_no_file_can_hold_is_one_line() -> None:
    with pytest.raises(UserError) as caught:
        compose("dataset=file", "dataset.path=\udcff.txt")
    assert caught.value.lines == ["dataset.path must be text, got '\\udcff.txt', which no file can hold."]


@pytest.mark.parametrize("text", ["a)", "(a", "a, 'b", "a, (b]"])
def test_what_is_not_in_pairs_has_no_elements(text: str) -> None:
    assert split_elements(text) is None


@pytest.mark.parametrize("text", ['"a\\"', "'a", "a'", '""a"', "'a' 'b'"])
def test_what_is_not_in_one_pair_of_quotes_keeps_them(text: str) -> None:
    assert unquote(text) == text
