"""Groups, experiments and overrides compose to checked settings; no file and no word of them can run code."""

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from charrnn_exp.config.choices import Source
from charrnn_exp.config.compose import compose_jobs, compose_values
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.hydra_settings import HARMLESS_REFERENCES
from charrnn_exp.config.reading import flatten, read_yaml, to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError
from tests.config.conftest import change
from tests.forks import Program

REQUIRED = {"dataset=file": ["dataset.path=a.txt"], "tracking=server": ["tracking.uri=http://h:1"]}
"""Options that need a setting of the user's own."""

OPTIONS = [f"{group}={option}" for group, options in list_groups([find_conf_folder()]).items() for option in options]


def compose_lines(words: list[str], **options: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        compose_jobs(words, **options)
    for line in caught.value.lines:
        assert len(line.splitlines()) == 1
    return caught.value.lines


def write_files(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("word", OPTIONS)
def test_every_option_of_every_group_composes(word: str) -> None:
    (config,) = compose_jobs([word, *REQUIRED.get(word, [])])
    group, _, option = word.partition("=")
    values = read_yaml(find_conf_folder() / group / f"{option}.yaml")
    expected = flatten({key: value for key, value in values.items() if key != "defaults"})
    composed = flatten(to_values(config))
    for key, value in expected.items():
        path = key if group in ("experiment", "recipe", "debug") else f"{group}.{key}"
        if not path.startswith("hydra.") and f"{path}=" not in "".join(REQUIRED.get(word, [])):
            assert composed[path] == value, path


@pytest.mark.parametrize("word", sorted(REQUIRED))
def test_an_option_that_needs_a_setting_names_it(word: str) -> None:
    (line,) = compose_lines([word])
    assert line.startswith(f"{REQUIRED[word][0].partition('=')[0]} must be ")


def test_no_words_give_the_settings_that_conf_holds(defaults: Config) -> None:
    assert compose_jobs([]) == [defaults]
    assert compose_values([]) == to_values(defaults)
    assert defaults.dataset.source is Source.stdlib


def test_composing_twice_gives_the_same_twice() -> None:
    words = ["model.hidden_size=5", "optimizer=adam"]
    assert compose_jobs(words) == compose_jobs(words)


def test_an_override_changes_its_setting_and_no_other(defaults: Config) -> None:
    assert compose_jobs(["model.hidden_size=5"]) == [change(defaults, {"model.hidden_size": 5})]


def test_a_word_beats_an_experiment_and_an_experiment_beats_a_group() -> None:
    (of_group,) = compose_jobs(["dataset=linux", "optimizer=adam"])
    (of_experiment,) = compose_jobs(["experiment=notebook"])
    (of_word,) = compose_jobs(["experiment=notebook", "model.hidden_size=7"])
    assert of_group.model.hidden_size != of_experiment.model.hidden_size == 1024
    assert of_word == change(of_experiment, {"model.hidden_size": 7})


def test_the_order_of_words_on_different_settings_does_not_matter() -> None:
    words = ["optimizer.learning_rate=0.5", "seed=7", "optimizer=adam"]
    assert compose_jobs(words) == compose_jobs(words[::-1])


def test_a_setting_may_be_taken_from_another(defaults: Config) -> None:
    assert compose_jobs(["model.embedding_dim=${model.hidden_size}"]) == [
        change(defaults, {"model.embedding_dim": defaults.model.hidden_size})
    ]


@pytest.mark.parametrize("value", ["${nothing}", "${model.nothing}", "${nothing:3}"])
def test_a_setting_taken_from_nowhere_is_one_line_that_names_it(value: str) -> None:
    (line,) = compose_lines([f"name={value}"])
    assert "name" in line
    assert "nothing" in line


@pytest.mark.parametrize(
    "value",
    ["${oc.env:EVIL}", "${oc.env:EVIL,x}", "a${oc.decode:${oc.env:EVIL}}", "${oc.select:seed}", "${oc.${name}:EVIL}"],
)
def test_a_setting_never_reads_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    monkeypatch.setenv("EVIL", "secret")
    write_files(tmp_path, {"experiment/mine.yaml": f"# @package _global_\nname: '{value}'\n"})
    for words in (["experiment=mine"], [f"tracking.run_name={value}"]):
        (line,) = compose_lines(words, config_dir=tmp_path)
        assert "secret" not in line
    assert OmegaConf.create({"x": "${oc.env:EVIL}"}).x == "secret"  # OmegaConf itself is as it was


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"])
def test_a_run_lies_where_all_runs_lie(key: str) -> None:
    (line,) = compose_lines([f"{key}=/elsewhere"])
    assert line == f"{key} must be left as it is, got '/elsewhere'. Runs lie below outputs/; set name=NAME."


@pytest.mark.parametrize("value", ["${y}", "${oc.env:HOME}", "a${y.b}", "$y", "${hydra.${y}}", "${.y}", "\\${y}"])
def test_a_launcher_takes_no_value_from_outside_hydra(value: str) -> None:
    assert HARMLESS_REFERENCES.fullmatch(value) is None
    assert HARMLESS_REFERENCES.fullmatch("${hydra.sweep.dir}/.submitit/%j")


def test_a_file_that_is_small_on_disk_and_not_in_memory_is_refused_unread(tmp_path: Path) -> None:
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    )
    write_files(tmp_path, {"experiment/mine.yaml": laughs})
    (line,) = compose_lines(["experiment=mine"], config_dir=tmp_path)
    assert line == f"{tmp_path}/experiment/mine.yaml must be a readable YAML file, got: more than 100000 values"


@pytest.mark.parametrize("words", [["tracking.tags.team=a", "tracking.tags.n=3"], ["tracking.tags={team: a, n: 3}"]])
def test_tags_are_the_users_own(words: list[str]) -> None:
    assert compose_jobs(write_words(words))[0].tracking.tags == {"team": "a", "n": "3"}


def test_everything_that_is_wrong_is_told_at_once_each_problem_once() -> None:
    lines = compose_lines(
        ["qqqqq=3", "dataset=shakespear", "model.hidden_size=1.5", "model.dropout=nan", "seed=-1", "seed=-1",
         "training.epochs=true", "training.early_stopping_patience=3", "dataset.split=none", "dataset.path=a.txt"]
    )  # fmt: skip
    assert sorted(line.split(" ")[0] for line in lines) == sorted(
        ["unknown", "dataset", "model.hidden_size", "model.dropout", "seed", "training.epochs",
         "training.early_stopping_patience"]
    )  # fmt: skip


def test_each_value_of_the_wrong_type_is_one_line() -> None:
    wrong = {
        "model.num_layers=true": "model.num_layers must be a whole number, got True.",
        "model.hidden_size=1.5": "model.hidden_size must be a whole number or null, got 1.5.",
        "model.embedding_dim=big": "model.embedding_dim must be a whole number or null, got 'big'.",
        "model.dropout=true": "model.dropout must be a number, got True.",
        "optimizer.clip_norm=nan": "optimizer.clip_norm must be above 0 and finite, got nan.",
        "optimizer.learning_rate=inf": "optimizer.learning_rate must be above 0 and finite, got inf.",
        "training.shuffle=1": "training.shuffle must be true or false, got 1.",
        "training.epochs=null": "training.epochs must be a whole number, got null.",
        "tracking.tags=3": "tracking.tags must be text by name, got 3.",
        "sampling={length:5}": "sampling must be one of default, got {'length': 5}.",
    }
    assert sorted(compose_lines(list(wrong))) == sorted(wrong.values())


@pytest.mark.parametrize("value", ["9" * 400, "1e400"])
def test_a_number_past_all_floats_is_one_line(value: str) -> None:
    lines = compose_lines([f"model.dropout={value}", f"model.hidden_size={value}"])
    assert sorted(line.split(" ")[0] for line in lines) == ["model.dropout", "model.hidden_size"]


@pytest.mark.parametrize(
    "word", ["~dataset", "~model.hidden_size", "dataset=null", "hydra=x", "hydra/launcher=qqq", "hydra/launcher=[1]"]
)
def test_taking_away_what_every_run_needs_is_the_users_mistake(word: str) -> None:
    assert compose_lines([word])


def test_a_sweep_is_every_combination_in_order(defaults: Config) -> None:
    jobs = compose_jobs(["model.hidden_size=5,7", "seed=range(1,4)", "name=x"], multirun=True)
    assert jobs == [
        change(defaults, {"model.hidden_size": h, "seed": seed, "name": "x", "tracking.experiment_name": "x"})
        for h, seed in itertools.product((5, 7), (1, 2, 3))
    ]


def test_a_sweep_over_a_group_takes_all_its_options_that_match() -> None:
    jobs = compose_jobs(["dataset=glob(*,exclude=file)"], multirun=True)
    assert sorted(job.dataset.name for job in jobs) == [
        "enwik8",
        "linux",
        "shakespeare",
        "stdlib",
        "stdlib_names",
        "text8",
        "warpeace",
    ]


def test_a_sweep_of_one_value_is_one_job(defaults: Config) -> None:
    assert compose_jobs([], multirun=True) == [defaults]


def test_a_sweep_tells_what_is_wrong_in_any_job_once() -> None:
    lines = compose_lines(["model.hidden_size=5,0", "model.dropout=3", "seed=1,x"], multirun=True)
    assert sorted(lines) == [
        "model.dropout must be in [0, 1), got 3.0.",
        "model.hidden_size must be in [1, 16384], got 0.",
        "seed must be a whole number, got 'x'.",
    ]


def test_a_sweep_names_an_option_that_nobody_knows() -> None:
    lines = compose_lines(["dataset=stdlib,shakespear"], multirun=True)
    assert lines == [
        "dataset must be one of enwik8, file, linux, shakespeare, stdlib, stdlib_names, text8, warpeace, got "
        "'shakespear' - did you mean shakespeare?"
    ]


@pytest.mark.parametrize("word", ["seed=range(1,0)", "dataset=glob(qqq*)"])
def test_a_sweep_of_no_job_is_a_mistake(word: str) -> None:
    (line,) = compose_lines([word], multirun=True)
    assert word.partition("=")[0] in line


@pytest.mark.parametrize("word", ["model.dropout=interval(0,1)", "seed=glob(*)"])
def test_a_sweep_that_only_other_sweepers_know_is_a_mistake(word: str) -> None:
    (line,) = compose_lines([word], multirun=True)
    assert word.partition("=")[0] in line


def test_a_folder_of_the_user_adds_options_and_experiments(tmp_path: Path, defaults: Config) -> None:
    write_files(
        tmp_path,
        {
            "model/tiny.yaml": "defaults: [lstm]\nhidden_size: 5\n",
            "experiment/mine.yaml": "# @package _global_\ndefaults:\n  - override /model: tiny\nseed: 7\n",
        },
    )
    models = list_groups([find_conf_folder()])["model"]
    small = change(defaults, {"model.hidden_size": 5})
    assert compose_jobs(["model=tiny"], config_dir=tmp_path) == [small]
    assert compose_jobs(["experiment=mine"], config_dir=tmp_path) == [change(small, {"seed": 7})]
    assert compose_lines(["model=tinny"], config_dir=tmp_path) == [
        f"model must be one of {', '.join(sorted([*models, 'tiny']))}, got 'tinny' - did you mean tiny?"
    ]
    assert compose_lines(["model=tiny"]) == [f"model must be one of {', '.join(models)}, got 'tiny'."]


@pytest.mark.parametrize("name", ["a b,c", "it's", 'say "x"', "[a]{b}", "a=b#", "\uac00$x", "a\\"])
def test_a_folder_of_the_user_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = write_files(tmp_path / name, {"model/tiny.yaml": "defaults: [lstm]\nhidden_size: 5\n"})
    assert compose_jobs(["model=tiny"], config_dir=folder)[0].model.hidden_size == 5


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("model: {hiden_size: 3}", "unknown setting 'model.hiden_size' - did you mean model.hidden_size?"),
        ("qqqqq: 3", "unknown setting 'qqqqq'."),
        ("model: {hidden_size: true}", "model.hidden_size must be a whole number or null, got True."),
        ("model: {dropout: .nan}", "model.dropout must be in [0, 1), got nan."),
        ("model: 3", "model must be a group of settings, got 3."),
    ],
)
def test_what_is_wrong_in_a_file_of_the_user_is_told_like_a_word(tmp_path: Path, text: str, line: str) -> None:
    write_files(tmp_path, {"experiment/mine.yaml": f"# @package _global_\n{text}\n"})
    assert compose_lines(["experiment=mine"], config_dir=tmp_path) == [line]


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "- 1", "a: 1\na: 2", "a: !!python/object/apply:os.getcwd []"])
def test_a_file_of_the_user_that_is_no_yaml_of_settings_is_one_line_that_names_it(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"experiment/mine.yaml": f"# @package _global_\n{text}\n"})
    (line,) = compose_lines(["experiment=mine"], config_dir=tmp_path)
    assert "experiment/mine" in line


@pytest.mark.parametrize("head", ["", "# my experiment\n", "seed: 7\n# @package _global_\n"])
def test_an_experiment_without_its_first_line_is_named(tmp_path: Path, head: str) -> None:
    write_files(tmp_path, {"experiment/mine.yaml": f"{head}model: {{hidden_size: 5}}\n"})
    assert compose_lines(["experiment=mine"], config_dir=tmp_path) == [
        f"{tmp_path}/experiment/mine.yaml must begin with the line '# @package _global_', got none."
    ]


def test_the_mode_of_a_sweep_in_a_file_is_not_ignored_in_silence(tmp_path: Path) -> None:
    write_files(tmp_path, {"experiment/mine.yaml": "# @package _global_\nhydra: {mode: MULTIRUN}\n"})
    (line,) = compose_lines(["experiment=mine"], config_dir=tmp_path)
    assert line == "hydra.mode must be left as it is, got MULTIRUN in a file. Use -m on the command line."


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["dataset=fil", "dataset.path=a.txt"], "dataset must be one of"),
        (["tracking=servr", "tracking.uri=http://h:1"], "tracking must be one of"),
        (["dataset=file", "dataset.path=[a,b].txt"], "dataset.path must be text"),
        (["dataset=file", "dataset.path=\udcff"], "dataset.path must be text"),
    ],
)
def test_a_refused_word_has_one_line_and_none_of_what_follows_from_its_absence(words: list[str], line: str) -> None:
    (found,) = compose_lines(write_words(words, multirun=True), multirun=True)
    assert found.startswith(line)


CALL = "{_target_: os.mkdir, path: <canary>}"
CODE_IN_FILES = {
    "in a group": "model: <call>",
    "in a new group": "qqqqq: <call>",
    "in a list": "tracking: {tags: {a: [<call>]}}",
    "as a callback": "hydra: {callbacks: {x: <call>}}",
    "as a callback in a list": "hydra: {callbacks: {x: [<call>]}}",
    "as a callback in lists": "hydra: {callbacks: {x: [[<call>]]}}",
    "as a callback of hydra's own": "hydra: {callbacks: {x: {_target_: hydra._internal.utils._locate, path: spy}}}",
    "as a callback made of text": "hydra: {callbacks: {x: \"${oc.create:${oc.decode:'<call>'}}\"}}",
    "as a callback from elsewhere": "hydra: {callbacks: {x: '${y}'}}\ny: <call>",
    "as a callback from the environment": "hydra: {callbacks: {x: '${oc.decode:${oc.env:EVIL}}'}}",
    "in a launcher": "hydra: {launcher: <call>}",
    "in a sweeper's values": "hydra: {sweeper: {params: {+hydra.callbacks.x: '<call>'}}}",
    "in job_logging": "hydra: {job_logging: <logging>}",
    "in hydra_logging": "hydra: {hydra_logging: <logging>}",
    "in an option of job_logging": "seed: 3",
    "in the search path": "hydra: {searchpath: ['pkg://spy']}",
    "as a tag": "a: !!python/object/apply:os.mkdir [<canary>]",
}
WORDS_BESIDE_FILES = {"in a sweeper's values": ["-m"], "in an option of job_logging": ["hydra/job_logging=evil"]}
CODE_IN_WORDS = {
    "as a key": ["+hydra.callbacks.x._target_=os.mkdir", "+hydra.callbacks.x.path=<canary>"],
    "as a value": ["+hydra.callbacks.x={_target_:os.mkdir,path:<canary>}"],
    "in a list": ["+hydra.callbacks.x=[{_target_:os.mkdir,path:<canary>}]"],
    "made of text": ["+hydra.callbacks.x=\"${oc.create:${oc.decode:'<call>'}}\""],
    "from the environment": ['+hydra.callbacks.x="${oc.decode:${oc.env:EVIL}}"'],
    "in job_logging": ["hydra/job_logging=default", "+hydra.job_logging.handlers.h={class:spy.X}"],
    "in hydra_logging": ["hydra/hydra_logging=default", "+hydra.hydra_logging.handlers.h={class:spy.X}"],
    "in the search path": ["hydra.searchpath=[pkg://spy]"],
    "in a sweep": ["+hydra.callbacks.x={_target_:os.mkdir,path:<canary>},{a:b}", "-m"],
    "in a sweep of tags": ["tracking.tags={_target_:os.mkdir,path:<canary>},{a:b}", "-m"],
    "as a pickled run": ["--experimental-rerun", "spy.pickle"],
    "as a config path": ["--config-path", "pkg://spy"],
}
LOGGING = "{version: 1, handlers: {h: {(): os.mkdir, path: <canary>}}, root: {handlers: [h]}}"


def fill_in(text: str, folder: Path) -> str:
    """Return the text with the places that name code filled in."""
    return text.replace("<call>", CALL).replace("<logging>", LOGGING).replace("<canary>", str(folder / "canary"))


@dataclass(frozen=True)
class Flight:
    """How a real process ended beside a canary.

    Args:
        code: exit code.
        err: standard error.
        sang: whether some code of the settings ran.
    """

    code: int
    err: str
    sang: bool


def fly(program: Program, folder: Path, words: list[str], text: str | None = None) -> Flight:
    """Run a process that could import a module that leaves a canary, with an experiment of this text."""
    canary = folder / "canary"
    write_files(folder, {"spy.py": f"import os\nos.mkdir({str(canary)!r})\n"})
    if text is not None:
        experiment = fill_in(f"# @package _global_\n{text}\n", folder)
        logging = fill_in(LOGGING, folder)
        write_files(folder / "conf", {"experiment/evil.yaml": experiment, "hydra/job_logging/evil.yaml": logging})
        words = ["--config-dir", "conf", "experiment=evil", *words]
    filled, environment = [fill_in(word, folder) for word in words], {**os.environ, "EVIL": fill_in(CALL, folder)}
    ended = program.run(folder, *filled, environment=environment, path=[folder])
    return Flight(ended.returncode, ended.stderr, canary.exists())


def test_the_canary_sings_when_its_module_is_imported(settings_program: Program, tmp_path: Path) -> None:
    assert not fly(settings_program, tmp_path, ["--version"]).sang
    subprocess.run([sys.executable, "-c", "import spy"], cwd=tmp_path, check=True)
    assert (tmp_path / "canary").exists()


NOWHERE = ["dataset=file", "dataset.path=none.txt"]
CASES = {
    f"file: {place}": (NOWHERE + WORDS_BESIDE_FILES.get(place, []), text) for place, text in CODE_IN_FILES.items()
} | {f"word: {place}": (NOWHERE + words, None) for place, words in CODE_IN_WORDS.items()}


@pytest.mark.parametrize("place", CASES)
def test_no_code_that_a_setting_names_is_run(settings_program: Program, tmp_path: Path, place: str) -> None:
    flight = fly(settings_program, tmp_path, *CASES[place])
    assert not flight.sang, flight.err
    assert flight.code == 2, flight.err
    for line in flight.err.splitlines():
        assert line.startswith("charrnn_exp: error: ")


def test_a_folder_that_holds_a_whole_disk_is_refused_at_once(tmp_path: Path) -> None:
    for i in range(11):
        (tmp_path / str(i)).mkdir()
        for j in range(1000):
            (tmp_path / str(i) / str(j)).touch()
    (line,) = compose_lines(["experiment=mine"], config_dir=tmp_path)
    assert line == f"--config-dir must be a folder with YAML groups, got {tmp_path}, which has over 10000 files."


def test_an_experiment_of_mlflow_has_the_name_of_the_runs_unless_set() -> None:
    assert compose_jobs([])[0].tracking.experiment_name == "charrnn"
    assert compose_jobs(["name=notebook"])[0].tracking.experiment_name == "notebook"
    assert compose_jobs(["name=notebook", "tracking.experiment_name=all"])[0].tracking.experiment_name == "all"
