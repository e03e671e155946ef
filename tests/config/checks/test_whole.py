"""What is wrong with settings of the right type: ranges, names, and settings that do not go together."""

import math
from dataclasses import fields
from typing import Any, get_args

import pytest

from charrnn_exp.config.checks.whole import find_problems, find_warnings
from charrnn_exp.config.choices import Backend, OptimizerName, Schedule, Source, Split, Unit
from charrnn_exp.config.overrides import list_settings
from charrnn_exp.config.schema import Config
from charrnn_exp.sampling.filters.registry import FILTERS
from tests.config.conftest import change

LIMITS = [
    ("seed", 0, 2**31 - 1),
    ("dataset.max_bytes", 1, None),
    ("dataset.num_bytes", 1, None),
    ("dataset.split_streams", 1, None),
    ("model.embedding_dim", 1, 16_384),
    ("model.hidden_size", 1, 16_384),
    ("model.parameter_budget", 1, None),
    ("model.num_layers", 1, 16),
    ("optimizer.warmup_steps", 0, None),
    ("optimizer.plateau_patience", 1, None),
    ("training.epochs", 1, None),
    ("training.max_steps", 1, None),
    ("training.batch_size", 1, None),
    ("training.sequence_length", 1, None),
    ("training.early_stopping_patience", 1, None),
    ("training.gradient_accumulation_steps", 1, None),
    ("training.max_val_characters", 2, None),
    ("training.profile_steps", 1, None),
    ("training.threads", 1, 1024),
    ("training.parts", 1, 1024),
    ("training.devices", 1, 64),
    ("sweep.jobs", 1, None),
    ("training.validate_every_steps", 1, None),
    ("training.checkpoint_every_epochs", 1, None),
    ("training.checkpoint_every_steps", 1, None),
    ("tracking.log_every_steps", 1, None),
    ("training.keep_checkpoints", 1, None),
    ("sampling.length", 1, 10_000_000),
    ("sampling.beams", 1, 1_000),
    ("sampling.every_epochs", 1, None),
    ("sampling.every_steps", 1, None),
    ("sampling.num_samples", 1, 10_000),
    ("sampling.seed", 0, 2**31 - 1),
]
"""Whole numbers: the least and the most that are allowed."""

SHARES = [0.0, 0.5, math.nextafter(1, 0)], [-0.1, 1.0, 1.5]
DECAYS = [5e-324, 0.5, math.nextafter(1, 0)], [0.0, 1.0, -0.1, 1.5]

INTERVALS = [
    ("dataset.val_fraction", *DECAYS),
    ("dataset.test_fraction", [5e-324, 0.5, 0.7], [0.0, 1.0, -0.1, 1.5]),
    ("model.dropout", *SHARES),
    ("model.input_dropout", *SHARES),
    ("model.output_dropout", *SHARES),
    ("model.embedding_dropout", *SHARES),
    ("model.weight_dropout", *SHARES),
    ("optimizer.momentum", *SHARES),
    ("optimizer.rho", *DECAYS),
    ("optimizer.decay_rate", *DECAYS),
    ("optimizer.decay_every_epochs", [5e-324, 0.1, 7.0], [0.0, -0.1]),
    ("optimizer.min_learning_rate", [0.0, 5e-324, 0.004], [-0.1, 0.0041]),
    ("optimizer.clip_value", [5e-324, 0.1, 7.0], [0.0, -0.1]),
    ("optimizer.learning_rate", [5e-324, 0.1, 7.0], [0.0, -0.1]),
    ("optimizer.clip_norm", [5e-324, 0.1, 7.0], [0.0, -0.1]),
    ("optimizer.weight_decay", [0.0, 0.1, 7.0], [-0.1]),
    ("training.ema_decay", *DECAYS),
    ("training.drop_state_probability", *SHARES),
    ("sampling.temperature", [0.0, 0.1, 7.0], [-0.1, -5e-324]),
]
"""Numbers: some that are allowed, some that are not."""

SHA256 = "sha256:" + "0123456789abcdef" * 4
NETWORK = {
    "dataset.source": Source.network,
    "dataset.urls": ["https://example.org/a"],
    "dataset.num_bytes": 5,
    "dataset.checksum": SHA256,
}

GIVEN: dict[str, dict[str, Any]] = {
    "dataset.num_bytes": NETWORK,
    "dataset.split_streams": {"dataset.split": Split.charrnn},
    "dataset.val_fraction": {"dataset.split": Split.fraction},
    "dataset.test_fraction": {"dataset.split": Split.fraction, "dataset.val_fraction": 0.1},
    "model.parameter_budget": {"model.hidden_size": None},
    "optimizer.momentum": {"optimizer.name": OptimizerName.sgd},
    "optimizer.rho": {"optimizer.name": OptimizerName.rmsprop},
    "optimizer.clip_value": {"optimizer.clip_norm": None},
    "optimizer.decay_rate": {"optimizer.schedule": Schedule.step, "optimizer.decay_every_epochs": 3.0},
    "optimizer.decay_every_epochs": {"optimizer.schedule": Schedule.exponential, "optimizer.decay_rate": 0.5},
    "optimizer.plateau_patience": {"optimizer.schedule": Schedule.plateau, "optimizer.decay_rate": 0.5},
}
"""What else must be set for a setting to have a meaning."""
OF_PARTS: dict[str, dict[str, Any]] = {
    "training.parts": {"training.batch_size": 1024},
    "training.devices": {"training.batch_size": 64, "training.parts": 64},
}
"""What else must be set for each number of parts to be right."""


def kinds() -> dict[str, Any]:
    groups: dict[str, Any] = {field.name: field.type for field in fields(Config)}
    found = {}
    for key in list_settings():
        group, _, name = key.rpartition(".")
        section = groups[group] if group else Config
        found[key] = next(field.type for field in fields(section) if field.name == name)
    return found


KINDS = kinds()


def test_the_default_settings_are_right_and_give_no_warning(defaults: Config) -> None:
    assert find_problems(defaults) == []
    assert find_warnings(defaults) == []


def test_the_tables_of_this_file_hold_every_number_of_the_schema() -> None:
    whole = {key for key, kind in KINDS.items() if kind is int or int in get_args(kind)}
    real = {key for key, kind in KINDS.items() if kind is float or float in get_args(kind)}
    of_filters = {f"sampling.{name}" for name in FILTERS.built_in}  # see tests/sampling/filters/test_registry.py
    assert whole - of_filters == {key for key, _, _ in LIMITS}
    assert real - of_filters == {key for key, _, _ in INTERVALS}


@pytest.mark.parametrize(("key", "least", "most"), LIMITS, ids=[row[0] for row in LIMITS])
def test_whole_numbers_are_right_up_to_their_limits_and_wrong_beyond(
    defaults: Config, key: str, least: int, most: int | None
) -> None:
    for allowed in (least, most):
        if allowed is not None:
            assert find_problems(change(defaults, (GIVEN | OF_PARTS).get(key, {}) | {key: allowed})) == []
    for refused in (least - 1, -(10**30), None if most is None else most + 1, None if most is None else 10**30):
        if refused is not None:
            (line,) = find_problems(change(defaults, (GIVEN | OF_PARTS).get(key, {}) | {key: refused}))
            assert line.startswith(f"{key} must be ")
            assert f"got {refused}." in line
            assert str(least) in line


@pytest.mark.parametrize("key", [key for key, _, most in LIMITS if most is None])
def test_whole_numbers_have_64_bits(defaults: Config, key: str) -> None:
    largest = 2**63 - 1
    if key != "optimizer.warmup_steps":  # more of them than steps is allowed, with a warning
        assert find_problems(change(defaults, GIVEN.get(key, {}) | {key: largest})) == []
    (line,) = find_problems(change(defaults, GIVEN.get(key, {}) | {key: largest + 1}))
    assert line == f"{key} must be at most {largest}, the largest 64-bit number, got {largest + 1}."


@pytest.mark.parametrize(("key", "allowed", "refused"), INTERVALS, ids=[row[0] for row in INTERVALS])
def test_numbers_are_right_within_their_interval_and_wrong_outside(
    defaults: Config, key: str, allowed: list[float], refused: list[float]
) -> None:
    for value in allowed:
        assert find_problems(change(defaults, GIVEN.get(key, {}) | {key: value})) == []
    for value in refused:
        (line,) = find_problems(change(defaults, GIVEN.get(key, {}) | {key: value}))
        assert line.startswith(f"{key} must be ")
        assert f"got {value}." in line


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", [row[0] for row in INTERVALS])
def test_nan_and_infinity_are_wrong_everywhere(defaults: Config, key: str, value: float) -> None:
    (line,) = find_problems(change(defaults, GIVEN.get(key, {}) | {key: value}))
    assert line.startswith(f"{key} must be ")
    assert f"got {value}." in line


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if type(None) in get_args(kind)])
def test_every_setting_that_may_be_null_is_right_without_a_value(defaults: Config, key: str) -> None:
    if key not in ("optimizer.weight_decay", "model.hidden_size"):
        assert find_problems(change(defaults, {key: None})) == []


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "0", "x" * 100])
def test_a_name_of_letters_digits_dots_and_dashes_is_right(defaults: Config, name: str) -> None:
    assert find_problems(change(defaults, {"name": name})) == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/a", "-a", "_a", ".a", "a b", "a\n", "\n", "x" * 101, "caf\u00e9", "a\\b"]
)
def test_a_name_that_would_leave_its_folder_or_need_quoting_is_wrong(defaults: Config, name: str) -> None:
    (line,) = find_problems(change(defaults, {"name": name}))
    assert line.startswith("name must be ")
    assert f"got {name!r}." in line


def test_a_file_needs_a_path_and_nothing_else_takes_one(defaults: Config) -> None:
    assert find_problems(change(defaults, {"dataset.source": Source.file})) == [
        "dataset.path must be the path of a text file when dataset=file, got null. Set dataset.path=FILE."
    ]
    assert find_problems(change(defaults, {"dataset.source": Source.file, "dataset.path": "a.txt"})) == []
    for given in ({}, NETWORK):
        assert find_problems(change(defaults, given | {"dataset.name": "me", "dataset.path": "a.txt"})) == [
            "dataset.path must be null when dataset=me, got 'a.txt'. Use dataset=file dataset.path=a.txt"
        ]


def test_a_text_from_the_network_needs_addresses_size_and_checksum(defaults: Config) -> None:
    lines = find_problems(change(defaults, {"dataset.source": Source.network}))
    assert [line.split()[0] for line in lines] == ["dataset.urls", "dataset.num_bytes", "dataset.checksum"]
    assert all(line.endswith((", got [].", ", got null.", ": the size of the text.")) for line in lines)


@pytest.mark.parametrize(
    ("field", "value"), [("urls", ["https://a.b/c"]), ("num_bytes", 5), ("checksum", SHA256), ("member", "a")]
)
def test_no_other_text_takes_an_address_a_size_or_a_checksum(defaults: Config, field: str, value: Any) -> None:
    (line,) = find_problems(change(defaults, {f"dataset.{field}": value}))
    assert line.startswith(f"dataset.{field} must be ")
    assert line.endswith(f" when dataset.source=stdlib, got {value!r}.")


@pytest.mark.parametrize("checksum", [SHA256, "md5:" + "0a" * 16, "git-blob:" + "f" * 40])
def test_checksums_of_known_kinds_are_right(defaults: Config, checksum: str) -> None:
    assert find_problems(change(defaults, NETWORK | {"dataset.checksum": checksum})) == []


@pytest.mark.parametrize(
    "checksum",
    ["", "sha256", "sha256:", SHA256[:-1], SHA256.upper(), SHA256 + "0", "sha1:" + "0" * 40, "md5:" + "g" * 32],
)
def test_other_checksums_are_wrong(defaults: Config, checksum: str) -> None:
    (line,) = find_problems(change(defaults, NETWORK | {"dataset.checksum": checksum}))
    assert line.startswith("dataset.checksum must be one of (sha256: and 64 digits, ")
    assert line.endswith(f", got {checksum!r}.")


@pytest.mark.parametrize(
    "url", ["https://example.org/a", "http://127.0.0.1:80/a", "http://[::1]/a", "http://localhost/a"]
)
def test_addresses_of_https_and_of_this_machine_are_right(defaults: Config, url: str) -> None:
    assert find_problems(change(defaults, NETWORK | {"dataset.urls": [url]})) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a", "ftp://example.org/a", "file:///etc/passwd", "/etc/passwd", "", "https://",
        "https://a b/", "https://me@example.org/a", "http://127.0.0.1.example.org/a", "https://example.org:port/a", "http://[::1/a",
    ],
)  # fmt: skip
def test_other_addresses_are_wrong(defaults: Config, url: str) -> None:
    (line,) = find_problems(change(defaults, NETWORK | {"dataset.urls": ["https://example.org/b", url]}))
    assert line.startswith("dataset.urls must each be ")


def test_an_address_with_a_password_is_wrong_and_the_password_is_not_repeated(defaults: Config) -> None:
    (line,) = find_problems(change(defaults, NETWORK | {"dataset.urls": ["https://me:secret@example.org/a"]}))
    assert line == "dataset.urls must each be an address without user and password, got 'https://example.org/a'."


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "euc_kr", "shift_jis", "utf-16", "UTF8"])
def test_text_encodings_of_python_are_right(defaults: Config, encoding: str) -> None:
    assert find_problems(change(defaults, {"dataset.encoding": encoding})) == []


@pytest.mark.parametrize("encoding", ["", "utf-9", "hex", "zip", "bz2", "base64", "rot13", "uu", "quopri", "undefined"])
def test_codecs_that_do_not_turn_bytes_into_text_are_wrong(defaults: Config, encoding: str) -> None:
    (line,) = find_problems(change(defaults, {"dataset.encoding": encoding}))
    assert line.startswith("dataset.encoding must be a text encoding of Python")
    assert f"got {encoding!r}." in line


def test_weight_decay_belongs_to_adamw_and_adamw_needs_it(defaults: Config) -> None:
    adam = {"optimizer.name": OptimizerName.adam}
    adamw = {"optimizer.name": OptimizerName.adamw}
    assert find_problems(change(defaults, {**adam, "optimizer.weight_decay": None})) == []
    assert find_problems(change(defaults, {**adamw, "optimizer.weight_decay": 0.0})) == []
    assert find_problems(change(defaults, {**adam, "optimizer.weight_decay": 0.1})) == [
        "optimizer.weight_decay must be null when optimizer=adam, got 0.1. Use optimizer=adamw."
    ]
    (line,) = find_problems(change(defaults, {**adamw, "optimizer.weight_decay": None}))
    assert line.startswith("optimizer.weight_decay must be a number when optimizer=adamw, got null.")


def test_parts_divide_the_streams_and_have_a_device_each_at_most(defaults: Config) -> None:
    (line,) = find_problems(change(defaults, {"training.parts": 3}))
    assert line == "training.batch_size must be a multiple of training.parts=3, got 64."
    (line,) = find_problems(change(defaults, {"training.devices": 3}))
    assert line == "training.batch_size must be a multiple of training.devices=3, got 64."
    (line,) = find_problems(change(defaults, {"training.devices": 4, "training.parts": 2}))
    assert line == "training.devices must be at most training.parts=2, got 4."


def test_a_setting_that_has_no_meaning_beside_the_others_must_be_null(defaults: Config) -> None:
    values = {key: 3 for key, _, _ in LIMITS} | {key: 0.5 for key, _, _ in INTERVALS}
    for key in GIVEN:
        (line,) = find_problems(change(defaults, {key: values[key]}))
        assert line.startswith(f"{key} must be null when ") or key == "model.parameter_budget", key
        assert ", got " in line


def test_a_setting_that_a_choice_needs_must_be_a_number(defaults: Config) -> None:
    for key, given in GIVEN.items():
        if key in ("dataset.split_streams", "dataset.test_fraction", "model.parameter_budget", "optimizer.clip_value"):
            continue  # off, or the protocol's own
        assert f"{key} must be a number when " in " ".join(find_problems(change(defaults, given | {key: None}))), key
    (line,) = find_problems(change(defaults, {"model.hidden_size": None}))
    assert line.startswith("model.hidden_size must be a number when model.parameter_budget is null, got null.")


def test_two_shares_of_a_text_leave_some_for_training(defaults: Config) -> None:
    halves = {"dataset.split": Split.fraction, "dataset.val_fraction": 0.5, "dataset.test_fraction": 0.5}
    assert find_problems(change(defaults, halves)) == [
        "dataset.test_fraction must leave a training text beside dataset.val_fraction=0.5, got 0.5."
    ]


def test_a_one_hot_input_has_no_vectors_to_tie_or_to_drop(defaults: Config) -> None:
    one_hot: dict[str, Any] = {"model.embedding_dim": None}
    assert find_problems(change(defaults, one_hot)) == []
    for key, value in (("tie_embeddings", True), ("embedding_dropout", 0.1), ("input_dropout", 0.1)):
        (line,) = find_problems(change(defaults, one_hot | {f"model.{key}": value}))
        assert line.startswith(f"model.{key} must be ")
        assert "when model.embedding_dim is null (one-hot), got " in line


def test_an_empty_word_that_would_spare_every_weight_from_decay_is_wrong(defaults: Config) -> None:
    assert find_problems(change(defaults, {"optimizer.weight_decay_exclude": []})) == []
    for words in ([""], ["bias", " "]):
        (line,) = find_problems(change(defaults, {"optimizer.weight_decay_exclude": words}))
        assert line.startswith("optimizer.weight_decay_exclude must be words of at least one letter, got ")


def test_states_that_are_not_carried_are_not_dropped(defaults: Config) -> None:
    asked = {"training.stateful": False, "training.drop_state_probability": 0.1}
    (line,) = find_problems(change(defaults, asked))
    assert line.startswith("training.drop_state_probability must be 0 when training.stateful=false")


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "dataset.split",
            Split.charrnn,
            "dataset.split must not be charrnn when dataset.lines=true (it cuts lines), got charrnn. "
            "Use dataset.split=nanogpt.",
        ),
        (
            "training.shuffle",
            True,
            "training.shuffle must be false when dataset.lines=true (whole lines are shuffled), got true.",
        ),
        (
            "training.stateful",
            False,
            "training.stateful must be true when dataset.lines=true (a long line goes on from window to window), "
            "got false.",
        ),
        (
            "training.stream_jitter",
            True,
            "training.stream_jitter must be false when dataset.lines=true (whole lines are shuffled), got true.",
        ),
        (
            "training.drop_state_probability",
            0.25,
            "training.drop_state_probability must be 0 when dataset.lines=true (each line starts anew), got 0.25.",
        ),
        (
            "sampling.stop",
            "a",
            "sampling.stop must be null when dataset.lines=true (a line ends itself), got 'a'.",
        ),
    ],
)
def test_what_makes_no_sense_of_a_list_of_lines_is_wrong(defaults: Config, key: str, value: Any, line: str) -> None:
    lines = {"dataset.lines": True}
    assert find_problems(change(defaults, lines)) == []
    assert find_problems(change(defaults, lines | {key: value})) == [line]


def test_bytes_of_a_wide_encoding_have_no_lines(defaults: Config) -> None:
    asked = {"dataset.lines": True, "dataset.unit": Unit.byte, "dataset.encoding": "utf-16"}
    assert find_problems(change(defaults, asked)) == [
        "dataset.lines must be false when dataset.unit=byte and dataset.encoding=utf-16, got true. "
        "Use dataset.unit=char."
    ]


def test_a_learned_first_state_learns_from_each_line(defaults: Config) -> None:
    asked = {"model.learn_initial_state": True}
    assert len(find_warnings(change(defaults, asked))) == 1
    assert find_warnings(change(defaults, asked | {"dataset.lines": True})) == []


@pytest.mark.parametrize("field", ["early_stopping_patience", "validate_every_steps", "max_val_characters"])
def test_what_needs_a_validation_text_is_wrong_without_one(defaults: Config, field: str) -> None:
    asked = {f"training.{field}": 3}
    assert find_problems(change(defaults, asked)) == []
    (line,) = find_problems(change(defaults, {**asked, "dataset.split": Split.none}))
    assert line.startswith(f"training.{field} must be null when dataset.split=none")
    assert "got 3. Use dataset.split=nanogpt." in line


def test_a_prompt_comes_from_one_place_and_is_not_empty(defaults: Config) -> None:
    assert find_problems(change(defaults, {"sampling.prompt": "\n"})) == []
    assert find_problems(change(defaults, {"sampling.prompt_file": "p.txt"})) == []
    (line,) = find_problems(change(defaults, {"sampling.prompt": ""}))
    assert line.startswith("sampling.prompt must hold at least one character, got ''.")
    (line,) = find_problems(change(defaults, {"sampling.prompt": "a", "sampling.prompt_file": "p.txt"}))
    assert line.startswith("sampling.prompt_file must be null when sampling.prompt is set, got both.")


def test_a_server_needs_an_http_address_and_nothing_else_takes_one(
    defaults: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {"tracking.backend": Backend.server}
    (line,) = find_problems(change(defaults, server))
    assert line.startswith("tracking.uri must be the address of the server when tracking=server, got null.")
    (line,) = find_problems(change(defaults, {**server, "tracking.uri": "sqlite:///x"}))
    assert line == "tracking.uri must start with http:// or https:// when tracking=server, got 'sqlite:///x'."
    for uri in ("http://h:1", "https://h"):
        assert find_problems(change(defaults, {**server, "tracking.uri": uri})) == []
        for backend in (Backend.local, Backend.none):
            (line,) = find_problems(change(defaults, {"tracking.backend": backend, "tracking.uri": uri}))
            assert line.startswith(f"tracking.uri must be null when tracking={backend.name}, got '{uri}'.")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://h:1")
    assert find_problems(change(defaults, server)) == []
    assert find_problems(defaults) == []


def test_a_server_in_the_environment_that_is_not_used_is_warned_of(
    defaults: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, none = (change(defaults, {"tracking.backend": each}) for each in (Backend.local, Backend.none))
    assert find_warnings(local) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:sesame@h:1")
    (line,) = find_warnings(local)
    assert "MLFLOW_TRACKING_URI is" in line
    assert "is not used" in line
    assert "sesame" not in line
    assert find_warnings(none) == []


@pytest.mark.parametrize("backend", list(Backend))
@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_no_line_shows_the_password_of_an_address(defaults: Config, backend: Backend, scheme: str) -> None:
    uri = f"{scheme}://user:sesame@host:5000"
    for line in find_problems(change(defaults, {"tracking.backend": backend, "tracking.uri": uri})):
        assert "sesame" not in line


@pytest.mark.parametrize("field", ["experiment_name", "run_name"])
def test_mlflow_names_are_neither_blank_nor_longer_than_mlflow_takes(defaults: Config, field: str) -> None:
    assert find_problems(change(defaults, {f"tracking.{field}": "x" * 250})) == []
    for name in ("", " \t", "x" * 251):
        (line,) = find_problems(change(defaults, {f"tracking.{field}": name}))
        assert line.startswith(f"tracking.{field} must be 1 to 250 characters, got ")


def test_tags_have_names_that_mlflow_takes(defaults: Config) -> None:
    assert find_problems(change(defaults, {"tracking.tags": {"team": "a", "a.b/c-d e_9": "", "x" * 250: "b"}})) == []
    lines = find_problems(change(defaults, {"tracking.tags": {"a=b": "1", "": "2", "x" * 251: "3", "a[0]": "4"}}))
    assert len(lines) == 4
    for line in lines:
        assert line.startswith("tracking.tags must have keys of ")


def test_all_problems_are_told_at_once_a_line_each_each_starting_with_its_key(defaults: Config) -> None:
    wrong: dict[str, Any] = {key: -3 for key, _, _ in LIMITS} | {key: math.nan for key, _, _ in INTERVALS}
    wrong = {key: value for key, value in wrong.items() if key not in GIVEN}
    lines = find_problems(change(defaults, wrong | {"name": "a/b"}))
    assert sorted(line.split(" ")[0] for line in lines) == sorted([*wrong, "name"])
    for line in lines:
        assert line.isprintable()
        assert " must be " in line
        assert ", got " in line


def test_states_carried_between_shuffled_windows_are_allowed_with_a_warning(defaults: Config) -> None:
    both = change(defaults, {"training.shuffle": True, "training.stateful": True})
    assert find_problems(both) == []
    (line,) = find_warnings(both)
    assert line.startswith("training.shuffle and training.stateful are both true")
    for shuffle, stateful in ((True, False), (False, True), (False, False)):
        assert find_warnings(change(defaults, {"training.shuffle": shuffle, "training.stateful": stateful})) == []


@pytest.mark.parametrize(
    ("wanted", "given", "word"),
    [
        ({"model.learn_initial_state": True}, {"training.drop_state_probability": 0.01}, "drop_state_probability"),
        ({"model.learn_initial_state": True}, {"training.stateful": False}, "drop_state_probability"),
        ({"model.variational_dropout": True}, {"model.input_dropout": 0.1}, "nothing to hold"),
        ({"model.residual": True}, {"model.num_layers": 2}, "nothing to add"),
    ],
)
def test_a_setting_that_does_little_alone_is_allowed_with_a_warning(
    defaults: Config, wanted: dict[str, Any], given: dict[str, Any], word: str
) -> None:
    assert find_problems(change(defaults, wanted)) == []
    (line,) = find_warnings(change(defaults, wanted))
    assert line.startswith(next(iter(wanted)))
    assert word in line
    assert find_warnings(change(defaults, wanted | given)) == []


def test_a_warmup_that_outlasts_the_run_is_allowed_with_a_warning(defaults: Config) -> None:
    steps = {"optimizer.warmup_steps": 7, "training.max_steps": 7}
    assert find_warnings(change(defaults, steps)) == []
    (line,) = find_warnings(change(defaults, steps | {"training.max_steps": 6}))
    assert line.startswith("optimizer.warmup_steps is 7, more than training.max_steps (6)")


def test_a_password_in_the_address_of_the_server_is_refused_since_settings_are_written_down(defaults: Config) -> None:
    changes = {"tracking.backend": Backend.server, "tracking.uri": "https://user:sesame@host:5000/x"}
    (line,) = find_problems(change(defaults, changes))
    assert line.startswith("tracking.uri must be without user and password")
    assert "'https://host:5000/x'. Set MLFLOW_TRACKING_USERNAME" in line
    assert "sesame" not in line


@pytest.mark.parametrize("key", ["optimizer.learning_rate", "optimizer.clip_norm", "optimizer.weight_decay"])
def test_a_number_of_the_optimizer_is_a_32_bit_one(defaults: Config, key: str) -> None:
    assert find_problems(change(defaults, {key: 3e38})) == []
    assert find_problems(change(defaults, {key: 1e39})) == [
        f"{key} must be at most 3.4e+38, the largest 32-bit number, got 1e+39."
    ]


@pytest.mark.parametrize(("fraction", "num_lines"), [(0.89, 0), (0.9, 1), (0.95, 1)])
def test_a_fraction_leaves_a_training_text_beside_the_protocols_own_other_one(
    defaults: Config, fraction: float, num_lines: int
) -> None:
    """karpathy2015 takes 0.1 for the one that is not said."""
    for field in ("val_fraction", "test_fraction"):
        asked = {"dataset.split": Split.karpathy2015, f"dataset.{field}": fraction}
        assert len(find_problems(change(defaults, asked))) == num_lines
