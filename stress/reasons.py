"""Reasons to refuse a call, and the states that runs are in; each spoils a scene and says what to type."""

import json
import random
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from charrnn_exp.commands.registry import list_commands
from charrnn_exp.config.resumable import RESUMABLE
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.folder import RunFolder
from stress import corruption
from stress.setting_values import SETTINGS

TEXT = "the quick brown fox jumps over the lazy dog.\n" * 20
WORDS = (
    "dataset=file",
    "dataset.path=text.txt",
    "model.hidden_size=5",
    "model.embedding_dim=3",
    "training.batch_size=4",
    "training.sequence_length=20",
    "training.checkpoint_every_steps=3",
    "training.max_steps=7",
    "sampling.length=5",
)
"""A run of a moment with three checkpoints."""
COMMANDS = {command.name: command for command in list_commands()}
ALL = tuple(COMMANDS)
OF_RUN = tuple(name for name in ALL if name != "compare" and "run" in [word.name for word in COMMANDS[name].words])
"""The verbs that name one run."""
READING = ("resume", "sample", "evaluate")
OF_WEIGHTS = ("sample", "evaluate", "view", "export", "compress", "serve", "register")
"""The verbs that read a trained model."""
FIXED = {
    "train": (*WORDS, "tracking=none"),
    "view": ("kind=surprise",),
    "export": ("format=npz", "out=exported"),
    "compress": ("text=text.txt", "out=small"),
    "decompress": ("text=text.txt", "out=large"),
    "register": ("as=bard@champion",),
}
"""Words that a verb needs beside the run."""
ALLOWED = {"train": tuple(SETTINGS), "resume": RESUMABLE, "sample": ("sampling.",), "repair": ("tracking.",),
           "ui": ("tracking.",)}  # fmt: skip
"""Starts of the settings that a verb takes."""


@dataclass(frozen=True)
class Scene:
    """The place of one case.

    Args:
        rng: of the case.
        verb: that is called.
        work: the current folder.
        run: folder of the run in it.
        refusing: address of a server that answers 401 or 403.
        stack: ends with the case's call.
    """

    rng: random.Random
    verb: str
    work: Path
    run: RunFolder
    refusing: str
    stack: ExitStack

    @property
    def checkpoints(self) -> list[Path]:
        """Return the folders of its checkpoints, oldest first, a hidden one at the end."""
        return [*sorted(self.run.checkpoints.glob("step_*")), *self.run.checkpoints.glob(".step_*")]


@dataclass(frozen=True)
class Refusal:
    """A reason to refuse.

    Args:
        name: in the report.
        verbs: that meet it.
        codes: exit codes that are right.
        prepare: spoils the scene and returns the words of the call beside those that the verb always has.
    """

    name: str
    verbs: tuple[str, ...]
    codes: set[int]
    prepare: Callable[[Scene], list[str]]


def show_run(found: RunFolder) -> str:
    """Return the folder of a run as it is typed: below outputs/."""
    return str(Path(*found.path.parts[found.path.parts.index("outputs") :]))


def _unknown(scene: Scene) -> list[str]:
    return [scene.rng.choice(["frobnicate=1", "model.hiden_size=5", "samplin.length=3", "--frobnicate", "+x=1"])]


def _wrong_value(scene: Scene) -> list[str]:
    keys = [key for key in SETTINGS if key.startswith(ALLOWED[scene.verb])]
    keys = [key for key in keys if not key.startswith(("dataset.path", "sampling.prompt"))]
    key = scene.rng.choice(keys)
    while "${" in (typed := SETTINGS[key].invalid(scene.rng)):
        pass
    return [f"{key}={typed}"]


def _not_to_be_changed(scene: Scene) -> list[str]:
    fixed = ["model.hidden_size=6", "seed=8", "optimizer=sgd", "dataset.split=tfds", "training.precision=float32",
             "model.num_layers=2", "name=x", "dataset.unit=byte", "training.ema_decay=0.5"]  # fmt: skip
    return [scene.rng.choice(fixed)]


def _spoil_text(scene: Scene) -> list[str]:
    path = scene.work / "text.txt"
    match scene.rng.choice(["changed", "other symbols", "gone", "a folder", "not UTF-8", "empty", "short", "moved"]):
        case "changed":
            path.write_text(TEXT + TEXT[:45])
        case "other symbols":
            path.write_text(TEXT.replace("q", "\u00e9"))
        case "gone":
            path.unlink()
        case "a folder":
            path.unlink()
            path.mkdir()
        case "not UTF-8":
            path.write_bytes(TEXT.encode() + b"\xff\xfe\x81")
        case "empty":
            path.write_text("")
        case "short":
            path.write_text("the dog")
        case "moved":
            return ["dataset.path=there.txt"]
    return []


def _spoil_new_text(scene: Scene) -> list[str]:
    """Leave no text that a new run could train on."""
    raw = scene.rng.choice([None, b"", b"the dog", TEXT.encode() + b"\xff\xfe\x81"])
    path = scene.work / "text.txt"
    path.unlink()
    if raw is not None:
        path.write_bytes(raw)
    return []


def _unknown_symbols(scene: Scene) -> list[str]:
    if scene.verb == "evaluate":
        (scene.work / "other.txt").write_text("THE QUICK BROWN FOX 123\n" * 20)
        return ["text=other.txt"]
    if scene.rng.random() < 0.5:
        (scene.work / "prompt.txt").write_text("THE")
        return ["sampling.prompt_file=prompt.txt"]
    return [f"sampling.prompt={scene.rng.choice(['XYZ', 'the 3', 'dog!'])}"]


def _no_run(scene: Scene) -> list[str]:
    return [f"run={scene.rng.choice(['none_such', 'best:none_such', '.', 'outputs', 'text.txt', ''])}"]


def _no_words(scene: Scene) -> list[str]:
    """Words of the verb's own that have no meaning."""
    words = {
        "sample": ["checkpoint=newest", "unknown=x", "interactive=maybe"],
        "evaluate": ["split=x", "checkpoint=newest", "text=none_such.txt", "text=.", "split=valid", "unknown=x"],
        "list": ["sort=x", "status=x", "model.hiden_size=3", "latest"],
        "compare": [
            "format=xml",
            "best=0",
            "loss=x",
            "run=none_such",
            "run=",
            "name=none_such",
            "run=text.txt",
            "latest",
        ],
        "ui": ["port=x", "port=0", "port=99999", "open=maybe", "tracking=none", "run=latest"],
        "completion": ["ksh", "shell=x", "line"],
        "repair": ["checkpoint=best", "model.hidden_size=5", "latest"],
        "train": ["--cfg", "--cfg=x", "training=x", "-x", "train", "hydra.run.dir=x"],
        "resume": ["checkpoint=best", "latest", "-m"],
        "view": ["kind=x", "characters=0", "split=x", "checkpoint=newest", "unknown=x", "open=maybe", "out=text.txt"],
        "export": ["format=x", "checkpoint=newest", "out=text.txt", "out=none/there", "latest"],
        "compress": ["text=none_such.txt", "text=.", "checkpoint=newest", "out=text.txt", "out=none/there"],
        "decompress": ["text=none_such.txt", "text=.", "out=text.txt", "checkpoint=best"],
        "serve": ["port=x", "port=0", "port=99999", "checkpoint=newest", "host=no.such.host.invalid", "latest"],
        "register": ["as=bard", "as=bard@latest", "as=b/c@d", "checkpoint=newest", "latest"],
    }
    empty = [f"{word.name}=" for word in COMMANDS[scene.verb].words if word.name != "line"]  # of the shell's script
    return [scene.rng.choice([*words[scene.verb], *empty])]


def _damage_all(scene: Scene) -> list[str]:
    whole = [corruption.DAMAGES[name] for name in ("bit flipped", "cut short", "made longer", "file gone", "emptied",
                                                  "folder for a file")]  # fmt: skip
    for path in scene.checkpoints:
        scene.rng.choice(whole)(scene.rng, path)
    return []


def _damage_all_weights(scene: Scene) -> list[str]:
    for path in scene.checkpoints:
        raw = (path / WEIGHTS).read_bytes()
        (path / WEIGHTS).write_bytes(raw[: scene.rng.randrange(len(raw))])
    return _start_from(scene) if scene.verb == "train" else ["checkpoint=best"]


def _start_from(scene: Scene) -> list[str]:
    return [f"training.init_from={show_run(scene.run)}"]


def _start_from_other(scene: Scene) -> list[str]:
    other = ["model.hidden_size=6", "model.num_layers=2", "dataset.unit=byte", "model=gru"]
    return [*_start_from(scene), scene.rng.choice(other)]


def _start_from_none(scene: Scene) -> list[str]:
    return [f"training.init_from={scene.rng.choice(['none_such', 'best:none_such', 'text.txt'])}"]


def _damage(name: str) -> Callable[[Scene], list[str]]:
    """Return a function that writes what is no JSON, no YAML and no row into a file of the run."""

    def spoil(scene: Scene) -> list[str]:
        lines = [b"[" * 99 + b"\n", b"\xff\n", b"[3]\n", b"\0\n"]
        halves = [] if name == "metrics.jsonl" else [b"", b"{"]  # a kill may leave half a row
        (scene.run.path / name).write_bytes(scene.rng.choice([*lines, *halves]))
        return ["training.max_steps=9"] if scene.verb == "resume" else []

    return spoil


def _damage_for_repair(name: str) -> Callable[[Scene], list[str]]:
    def spoil(scene: Scene) -> list[str]:
        _leave_dead(scene)
        return _damage(name)(scene)

    return spoil


def _too_large(scene: Scene) -> list[str]:
    if scene.verb == "train":
        return [f"model.hidden_size={scene.rng.randrange(12_000, 16_384)}", "model.num_layers=8"]
    if scene.verb == "sample":
        return ["sampling.num_samples=10000", f"sampling.length={scene.rng.randrange(5_000_000, 10_000_001)}"]
    # A run that was killed before its first checkpoint, on a larger machine.
    shutil.rmtree(scene.run.checkpoints)
    path = scene.run.config
    path.write_text(
        path.read_text().replace("hidden_size: 5", "hidden_size: 16000").replace("num_layers: 1", "num_layers: 8")
    )
    return ["training.max_steps=9"]


def _in_use(scene: Scene) -> list[str]:
    scene.stack.enter_context(scene.run.lock())
    return ["training.max_steps=9"]


def _server_refuses(scene: Scene) -> list[str]:
    if scene.verb == "repair":
        record: dict[str, object] = {
            "run_id": None,
            "name": "x",
            "params": {},
            "tags": {},
            "dataset": {},
            "complete": False,
        }
        scene.run.tracking.write_text(json.dumps(record))
        scene.run.summary.write_text('{"status": "RUNNING", "step": 3}')
        return ["tracking.backend=server", f"tracking.uri={scene.refusing}"]
    group = "tracking=server" if scene.verb in ("train", "ui") else "tracking.backend=server"
    return [group, f"tracking.uri={scene.refusing}", *(["training.max_steps=9"] if scene.verb == "resume" else [])]


def _wrong_job(scene: Scene) -> list[str]:
    words = ["model.hidden_size=5,-1", "seed=1,2,x", "training.epochs=0,1", "dataset.path=text.txt,none.txt"]
    return ["-m", scene.rng.choice(words)]


REFUSALS = (
    Refusal("an unknown setting", ALL, {2}, _unknown),
    Refusal("a wrong value", tuple(ALLOWED), {2}, _wrong_value),
    Refusal("a setting that makes another run", READING[:1], {2}, _not_to_be_changed),
    Refusal("a word without meaning", ALL, {2}, _no_words),
    Refusal("a text that is not the run's", ("resume", "evaluate"), {2}, _spoil_text),
    Refusal("no text", ("train",), {2}, _spoil_new_text),
    Refusal("unknown symbols", ("train", *READING), {2}, _unknown_symbols),
    Refusal("no such run", OF_RUN, {2}, _no_run),
    Refusal("a job that is wrong", ("train",), {2}, _wrong_job),
    Refusal("no run to start from", ("train",), {2}, _start_from_none),
    Refusal("another model than that to start from", ("train",), {2}, _start_from_other),
    # `register` reads the weights alone, which not each damage touches.
    Refusal("no whole checkpoint", ("resume", *OF_WEIGHTS[:-1]), {3}, _damage_all),
    Refusal("no whole weights", ("train", *OF_WEIGHTS), {3}, _damage_all_weights),
    Refusal("a damaged config.yaml", ("resume", *OF_WEIGHTS), {2, 3}, _damage("config.yaml")),
    Refusal("a damaged versions.json", ("resume", *OF_WEIGHTS), {3}, _damage("versions.json")),
    Refusal("a damaged vocabulary.json", OF_WEIGHTS, {3}, _damage("vocabulary.json")),
    Refusal("a damaged summary.json", READING[:1], {3}, _damage("summary.json")),
    Refusal("a damaged tracking.json", READING[:1], {3}, _damage("tracking.json")),
    Refusal("a damaged changes.json", READING[:1], {3}, _damage("changes.json")),
    Refusal("damaged rows", READING[:1], {3}, _damage("metrics.jsonl")),
    Refusal("a damaged summary.json of a dead run", ("repair",), {3}, _damage_for_repair("summary.json")),
    Refusal("a damaged config.yaml of a dead run", ("repair",), {2, 3}, _damage_for_repair("config.yaml")),
    Refusal("a damaged tracking.json of a dead run", ("repair",), {3}, _damage_for_repair("tracking.json")),
    Refusal("not enough memory", ("train", "resume", "sample"), {3}, _too_large),
    Refusal("a run in use", READING[:1], {3}, _in_use),
    Refusal("a server that refuses", ("train", "resume", "repair", "ui"), {3}, _server_refuses),
)


def _leave_finished(scene: Scene) -> None:
    """Leave the run as it ended."""


def _leave_dead(scene: Scene) -> None:
    """Leave what a kill leaves: a status, rows after the newest checkpoint and half a row, no sample."""
    values = json.loads(scene.run.summary.read_text())
    scene.run.summary.write_text(json.dumps({**values, "status": "RUNNING"}))
    shutil.rmtree(scene.checkpoints[-1])
    with scene.run.metrics.open("a") as file:
        file.write('{"step": 8, "tra')
    for path in scene.run.samples.iterdir():
        path.unlink()


def _leave_hidden(scene: Scene) -> None:
    """Leave what a kill leaves within the replacement of a checkpoint: the old one under its hidden name."""
    newest = scene.checkpoints[-1]
    newest.rename(newest.with_name(f".{newest.name}.replaced"))


def _leave_damaged(scene: Scene) -> None:
    """Leave a newest checkpoint that is damaged, which a verb passes over with a word."""
    corruption.DAMAGES["cut short"](scene.rng, scene.checkpoints[-1])


STATES: dict[str, Callable[[Scene], None]] = {
    "finished": _leave_finished,
    "dead": _leave_dead,
    "with a hidden checkpoint": _leave_hidden,
    "with a damaged checkpoint": _leave_damaged,
}
