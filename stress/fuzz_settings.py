"""Any list of overrides and flags is right and means what it says, or is told off in lines and leaves nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.sampling.filters.registry import FILTERS
from stress.fuzzing import Answer, Case, fuzz, repeat
from stress.outcome import Outcome
from stress.sense import make_sense
from stress.setting_values import SETTINGS, draw_text, quote

TINY = (
    "tracking=none",
    "dataset.max_bytes=600",
    "model.hidden_size=4",
    "model.embedding_dim=2",
    "training.max_steps=1",
    "training.batch_size=2",
    "training.sequence_length=3",
    "sampling.length=1",
)
CHEAP = (
    "seed",
    "model.dropout",
    "model.input_dropout",
    "model.output_dropout",
    "model.embedding_dropout",
    "model.variational_dropout",
    "model.residual",
    "model.layer_norm",
    "model.tie_embeddings",
    "model.learn_initial_state",
    "training.stream_jitter",
    "training.max_val_characters",
    "optimizer.min_learning_rate",
    "optimizer.schedule",
    "optimizer.clip_norm",
    "training.shuffle",
    "training.stateful",
    "training.precision",
    "sampling.temperature",
    *(f"sampling.{name}" for name in FILTERS.built_in),
    "sampling.seed",
    "sampling.every_epochs",
    "sampling.every_steps",
    "tracking.tags",
    "name",
    "training.ema_decay",
    "training.keep_checkpoints",
    "dataset.unit",
    "tracking.run_name",
)
"""Settings that a tiny run takes any value of without getting slow."""
SHARE_VALID, SHARE_RUN = 0.35, 0.1
OPTIONS = {
    "dataset": ("stdlib", "shakespeare", "linux", "warpeace", "text8", "enwik8", "file"),
    "model": tuple(list_groups([find_conf_folder()])["model"]),
    "optimizer": ("adam", "adamw", "rmsprop", "sgd"),
    "tracking": ("local", "server", "none"),
    "training": ("default",),
    "sampling": ("default",),
}
HYDRA_JUNK = (
    "hydra.callbacks.x._target_=os.getcwd",
    "+hydra.callbacks.x={a:1}",
    "hydra.searchpath=[pkg://x]",
    "hydra.nothing=1",
    "+hydra.nothing=1",
    "++hydra.nothing=1",
    "~hydra.run",
    "~hydra",
    "hydra=null",
    "hydra={}",
    "hydra=x",
    "hydra.mode=SOMETIMES",
    "hydra.job.chdir=true",
    "hydra.job.name=x",
    "hydra.output_subdir=x",
    "hydra.run.dir=/tmp/x",
    "hydra.sweep.dir=x",
    "hydra/launcher=none",
    "hydra/sweeper=none",
    "hydra/job_logging=none_such",
    "+hydra/env=none_such",
    "hydra.job.env_set.A=1",
    "++hydra.job.env_set.A=1",
    "hydra.sweeper._target_=os.getcwd",
    "hydra.help.template=x",
    "hydra.verbose=[",
)
KEY_JUNK = (
    "model.hidden_size.x=1",
    "model.=1",
    ".model=1",
    "model..hidden_size=1",
    "model@=lstm",
    "model@a=lstm",
    "model@a:b=lstm",
    "dataset/file=x",
    "dataset@x=file",
    "~seed",
    "~model",
    "~dataset",
    "~model.hidden_size",
    "~training.epochs=5",
    "+seed=1",
    "+model.hidden_size=5",
    "+dataset=file",
    "+model.qqq=1",
    "++model.qqq=1",
    "+qqq=1",
    "++qqq=1",
    "+qqq/x=1",
    "~qqq",
    "qqq@x=1",
    "dataset=nothing",
    "model=transformer",
    "optimizer=[adam]",
    "tracking=off",
    "training=null",
    "sampling={length:5}",
    "model=",
    "model=${nothing}",
    "model={hidden_size:3,qqq:1}",
    "experiment=nothing",
    "experiments=notebook",
    "dataset=../dataset/file",
    "model=lstm.yaml",
    "model._target_=os.getcwd",
    "=",
    "=5",
    "a=",
    "",
    " ",
    "seed",
    "seed:5",
    "seed 5",
    "$seed=1",
    "{}=1",
    "[a]=1",
    '"seed"=1',
    "'",
    '"',
    "${seed}=1",
    "seed=${seed}",
    "seed=${training.epochs",
    "name=${name}",
    "__class__=1",
    "\t",
    "a" * 20_000,
    "a" * 5000 + "=1",
    "." * 3000 + "=1",
    "seed=" + "[" * 500,
    "seed=" + "[" * 200 + "]" * 200,
    "seed=" + "{a:" * 100 + "1" + "}" * 100,
    "seed=" + "${" * 300,
    "\U0001f600=1",
    "s\u0435ed=1",
    "seed\u200b=1",
    "seed=\udcff",
    "name=\udcff",
    'sampling.prompt="\udce9"',
    "\udcff",
    "\udcff=1",
    "dataset.path=book.txt",
    "tracking.uri=http://h:1",
)
FLAG_JUNK: tuple[tuple[str, ...], ...] = (
    ("--frobnicate",),
    ("--cfg",),
    ("--cfg", "jobs"),
    ("--info", "qqq"),
    ("--config-dir", "none_such"),
    ("--config-dir",),
    ("--config-name", "x"),
    ("--config-path", "x"),
    ("-cn", "x"),
    ("-cp", "x"),
    ("--experimental-rerun", "x"),
    ("--resolve",),
    ("--shell-completion",),
    ("-sc", "install=bash"),
    ("-sc", "query=bash"),
    ("-sc", "uninstall=zsh"),
    ("--multi",),
    ("--cfg", "job", "--info", "all"),
    ("--cfg", "job", "--shell-completion"),
    ("--cfg", "job", "--run"),
    ("--cfg", "job", "-p", "nothing"),
    ("--cfg", "job", "--package"),
    ("-q",),
    ("--hydra-help", "qqq=1"),
    ("--info", "seed=-1"),
    ("--info", "all", "seed=-1"),
    ("--hydra-help", "model.dropout=2"),
    ("--run", "--multirun"),
    ("--run", "--info", "all"),
    ("-x", "--cfg", "job"),
    ("--cfg=", "seed=1"),
    ("--cfg", "job", "-c", "nothing"),
    ("---",),
    ("-",),
    ("--=1",),
    ("trian",),
    ("samples", "run=latest"),
    ("-m", "seed=1,x"),
    ("-m", "seed=range(1,0)"),
    ("-m", "model.dropout=interval(0,1)"),
    ("-m", "dataset=glob(qqq*)"),
    ("-m", "seed=glob(*)"),
    ("-m", "seed=1,,2"),
    ("-m", "seed=choice()"),
    ("-m", "seed=range(1)", "x=1"),
    ("-m", "~seed"),
    ("-m", "seed=1,2", "seed="),
    ("-m", "seed=tag(a,1,2)", "seed=q"),
    ("hydra.mode=MULTIRUN", "seed=1,-2"),
)
FLAGS: tuple[tuple[str, ...], ...] = (
    ("--hydra-help",),
    ("--info",),
    ("--info", "all"),
    ("--info", "config"),
    ("--info", "defaults"),
    ("--info", "defaults-tree"),
    ("--info", "plugins"),
    ("--info", "searchpath"),
    ("--cfg", "all"),
    ("--cfg", "hydra"),
    ("-c", "job"),
    ("--cfg=job",),
    ("--cfg", "job", "-p", "model"),
    ("--cfg", "job", "--package", "training"),
    ("--cfg", "job", "--resolve"),
    ("--help",),
    ("-h",),
    ("--version",),
    ("--hydra-help", "--cfg", "job"),
    ("--cfg", "job", "hydra.verbose=true"),
    ("--cfg", "job", "hydra.mode=RUN"),
)
"""Flags that show something and do nothing, right with any right settings."""


def check(num_cases: int, folder: Path) -> Outcome:
    """Right and wrong lists, about a third and two thirds."""
    return fuzz(make_case, num_cases, folder, name="settings")


def make_case(random: Random, folder: Path) -> Case:
    """Return a list of overrides with its exit code."""
    if random.random() >= SHARE_VALID:
        return _make_wrong(random)
    if random.random() < SHARE_RUN:
        return _make_run(random)
    words, meant = _draw_right(random)
    if random.random() < 0.2:
        flags = random.choice(FLAGS)
        return Case([*flags, *words] if random.random() < 0.5 else [*words, *flags], 0, "nothing wrong, a flag")
    place = random.randint(0, len(words))
    words = [*words[:place], "--cfg", "job", *words[place:]]
    if random.random() < 0.2:
        words.insert(0, "train")

    def check(answer: Answer, folder: Path) -> list[str]:
        shown = _flatten(yaml.safe_load(answer.out))
        return [
            f"{key} is {shown.get(key)!r}, not {value!r}" for key, value in meant.items() if shown.get(key) != value
        ]

    return Case(words, 0, "nothing wrong", check=check)


def _make_run(random: Random) -> Case:
    """A real run, of one step."""
    drawn = {key: SETTINGS[key].valid(random) for key in random.sample(CHEAP, random.randint(0, 4))}
    drawn["name"] = ("fuzzed", "fuzzed")
    words = [*TINY, *(_write(random, key, typed) for key, (typed, _) in drawn.items())]
    random.shuffle(words)

    def check(answer: Answer, folder: Path) -> list[str]:
        summaries = list(folder.glob("outputs/fuzzed/*/*/summary.json"))
        if len(summaries) != 1:
            return [f"{len(summaries)} runs"]
        summary = json.loads(summaries[0].read_text())
        kept = _flatten(yaml.safe_load(summaries[0].with_name("config.yaml").read_text()))
        meant = _flatten({key: value for key, (_, value) in drawn.items()})
        if "sampling.seed" in meant and meant["sampling.seed"] is None:
            meant["sampling.seed"] = kept.get("sampling.seed") or "a seed that was drawn"
        problems = [f"kept {key}: {kept.get(key)!r}, not {v!r}" for key, v in meant.items() if kept.get(key) != v]
        if (summary["status"], summary["step"]) != ("FINISHED", 1):
            problems.append(f"the run is {summary['status']} at step {summary['step']}")
        return problems

    return Case(words, 0, "nothing wrong, a run", check=check)


def _make_wrong(random: Random) -> Case:
    """Right words with one to three pieces among them that never are; no later word takes a wrong one back."""
    words, _ = _draw_right(random)
    wrong: list[list[str]] = []
    why = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        kind = random.choice(["value", "value", "value", "key", "hydra", "flag", "junk"])
        why.append(kind)
        match kind:
            case "value":
                key = random.choice(list(SETTINGS))
                words = [word for word in words if word.partition("=")[0].lstrip("+") != key]
                wrong.append([_write(random, key, SETTINGS[key].invalid(random))])
            case "key":
                wrong.append([random.choice(KEY_JUNK)])
                words = [word for word in words if word.partition("=")[0] != wrong[-1][0].partition("=")[0]]
            case "hydra":
                wrong.append([random.choice(HYDRA_JUNK)])
            case "flag":
                wrong.append(list(random.choice(FLAG_JUNK)))
                words = [word for word in words if "seed" not in word.partition("=")[0]]  # the one that they sweep over
            case _:
                junk = "%" + draw_text(random).replace("=", "") + random.choice(["", "=1", "=" + draw_text(random, 5)])
                wrong.append([junk])
    keys = [words[0].partition("=")[0].lstrip("+") for words in wrong]
    if len(set(keys)) < len(keys):
        wrong = wrong[:1]
    if random.random() < 0.5 and not any(word.startswith("-") for piece in wrong for word in piece):
        wrong.append(["--cfg", "job"])
    for piece in wrong:
        # A verb is one only where it is first; what a flag takes must follow it.
        is_verb = piece[0].isalpha() and piece[0].isascii() and "=" not in piece[0] and piece[0].islower()
        place = 0 if is_verb or piece[0].startswith("-") else random.randint(0, len(words))
        words = [*words[:place], *piece, *words[place:]]
    return Case(words, 2, ", ".join(f"wrong {kind}" for kind in why))


def _draw_right(random: Random) -> tuple[list[str], dict[str, Any]]:
    """Return overrides that are right together, and what the settings then are."""
    groups = {group: random.choice(OPTIONS[group]) for group in random.sample(list(OPTIONS), random.randint(0, 3))}
    words = [f"{group}={option}" for group, option in groups.items()]
    drawn = {key: SETTINGS[key].valid(random) for key in random.sample(list(SETTINGS), random.randint(0, 6))}
    if groups.get("dataset") == "file":
        drawn["dataset.path"] = (quote(path := "p" + draw_text(random)), path)
    if groups.get("tracking") == "server":
        drawn["tracking.uri"] = ("http://127.0.0.1:9", "http://127.0.0.1:9")
    make_sense(drawn, groups)
    words += [_write(random, key, typed) for key, (typed, _) in drawn.items()]
    meant = {key: value for key, (_, value) in drawn.items() if key != "tracking.tags"}
    if random.random() < 0.2:
        tag = draw_text(random)
        words.append(f"tracking.tags.mine={quote(tag)}")
        meant["tracking.tags.mine"] = tag
    if random.random() < 0.1:
        words.insert(0, "seed=5")  # of two words on one setting the last is meant
        meant.setdefault("seed", 5)
    elif random.random() < 0.1 and "model.embedding_dim" not in drawn and "model.num_layers" in drawn:
        words.append("model.embedding_dim=${model.num_layers}")
    head, tail = words[:1], words[1:]
    random.shuffle(tail)
    return [*head, *tail], meant


def _write(random: Random, key: str, typed: str) -> str:
    return f"{'++' if random.random() < 0.1 else ''}{key}={typed}"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


if __name__ == "__main__":
    repeat(make_case)
