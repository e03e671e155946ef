"""What every test starts from: a quiet TensorFlow, small settings, real text that needs no network."""

import functools
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.schema import Config
from charrnn_exp.machine.compiled import keep_reductions
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.size import SizedModel, resolve
from tests.forks import Program, preload

SMALL = [
    "tracking=none",
    "dataset.max_bytes=6007",
    "model.hidden_size=5",
    "model.embedding_dim=3",
    "training.batch_size=4",
    "training.sequence_length=7",
    "training.precision=float32",
    "sampling.length=11",
]
"""Overrides of a run that takes a moment."""


def slow_after(count: int, values: Iterable[Any]) -> list[Any]:
    """Return the parameters of a test, of which those after the first `count` are for `make test-slow`.

    >>> [bool(getattr(each, "marks", ())) for each in slow_after(1, "ab")]
    [False, True]
    """
    kept, others = [*values][:count], [*values][count:]
    of_several = [value if isinstance(value, tuple) else (value,) for value in others]
    return [*kept, *(pytest.param(*value, marks=pytest.mark.slow) for value in of_several)]


if "PYTEST_XDIST_WORKER" not in os.environ:  # workers have the folder of the process that starts them
    _cache = tempfile.TemporaryDirectory(prefix="charrnn_exp_tests_")
    os.environ["XDG_CACHE_HOME"] = _cache.name  # tests share compiled functions, none with the user's runs
keep_reductions()  # before TensorFlow is imported by what pytest reads next


def pytest_configure(config: pytest.Config) -> None:
    """Take the signals as in a terminal, and refuse to test settings that this checkout alone has."""
    if hasattr(config, "workerinput"):
        import_tensorflow()  # before a test module does, without the packages that Keras would import with it
    # A shell starts what it puts in the background with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if (find_conf_folder() / "local").exists():
        pytest.exit("conf/local must be moved away while tests run: it changes the settings of every run.", 2)


@pytest.fixture(scope="session", autouse=True)
def _tensorflow() -> None:
    import_tensorflow()


@pytest.fixture(autouse=True)
def _environment_kept() -> Iterator[None]:
    """No test, and nothing of the program that it calls, leaves an address or a folder to the tests after it."""
    before = _list_places()
    yield
    assert _list_places() == before


def _list_places() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("MLFLOW_TRACKING_", "CHARRNN_"))}


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """The program, begun with all libraries imported."""
    with preload("everything") as program:
        yield program


@pytest.fixture(scope="session")
def settings_program() -> Iterator[Program]:
    """The program, begun with Hydra imported; for what ends before TensorFlow."""
    with preload("settings") as program:
        yield program


@pytest.fixture(scope="session")
def small_model() -> SizedModel:
    """Sizes that no two axes share: e, h = 3, 5."""
    return resolve(compose_once("model.embedding_dim=3", "model.hidden_size=5").model, num_symbols=7)


@functools.cache
def compose_once(*overrides: str) -> Config:
    """Return the Config of a run; composing takes 0.2 s and many tests begin with the same words."""
    return compose_jobs([*overrides])[0]


def compose_small(*overrides: str) -> Config:
    """Return the Config of a small run."""
    return compose_once(*SMALL, *overrides)


@pytest.fixture
def compose() -> Any:
    """Return `compose_small`."""
    return compose_small


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """A file of a few hundred characters with 28 symbols or so."""
    path = tmp_path / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog and runs.\n" * 20)
    return path
