"""What may be typed for each setting and what may not, written from the ranges in config/schema.py, not the checks."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from charrnn_exp import options
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.sampling.filters.registry import FILTERS

Typed = tuple[str, Any]
"""A value as typed, and what it means."""

TEXT = (
    "abcxyzABCXYZ019 _-./+*%&|;<>!?^~@,=:#'\"()[]{}`\t"
    "\n\x01\x1b\x7f\xa0\xe9\u0301\u200b\u202e\u2028\uac00\ufeff\U0001f600"
)
GRAMMAR = ["[a]", "{a:b}", "[]", "{a:[b]}", "a,b", "a=b", '"a', "'", "a'b'", "a,", "[a", "x}", "choice(a,b)", 'a "b"']
"""Texts that Hydra's grammar takes for something else, or cannot read."""
WORDS = ["abc", "x", "a_b", "A-b", "v1.5", "book.txt", "../x/y", "/tmp/none", "C:/x", "50%", "a+b", '"\uac00\ub098"']


@dataclass(frozen=True)
class Setting:
    """Values of one setting.

    Args:
        valid: draws one that is allowed, given nothing else (or what `stress/sense.py` gives with it).
        invalid: draws one that never is.
    """

    valid: Callable[[Random], Typed]
    invalid: Callable[[Random], str]


def quote(text: str) -> str:
    """Return the text as Hydra's grammar quotes it: a backslash before a quote is doubled, others stand for themselves.

    >>> print(quote('say "hi"'))
    "say \\"hi\\""
    """
    return '"' + text.replace('"', '\\"') + '"'


def draw_text(random: Random, at_most: int = 40) -> str:
    """Return a text of odd characters, without `$` and backslashes, which mean something to Hydra."""
    return "".join(random.choices(TEXT, k=random.randint(1, at_most)))


def _number(number: int, random: Random) -> Typed:
    forms = [str(number), f"+{number}" if number >= 0 else str(number), f"{number:_}"]
    return random.choice(forms), number


def _wrong_type(random: Random, *, null: bool) -> str:
    wrong = [
        "true",
        "False",
        "nan",
        "-inf",
        "inf",
        "",
        "abc",
        "[1]",
        "[]",
        "{a:1}",
        "{}",
        "[[1],[2]]",
        "'x'",
        "0x10",
        "1 2",
        "1,2",
        "choice(1,2)",
        "range(1,3)",
        "1;2",
        "None",
        "${nothing}",
        "${model.nothing}",
        "${",
        "'1",
        "1'",
        "{a:",
        "[1",
        "1]",
        "\u0661\u0662",
        "\U0001f600",
        "1e999",
        "-1e999",
        "--5",
        "${oc.env:HOME}",
        "???",
        "1__0",
        "glob(*)",
        "interval(1,2)",
        "sort(2,1)",
        "shuffle(1,2)",
        "=",
        "1=2",
        "\x01",
        "'\x01'",
        "a" * 5000,
    ]
    return random.choice([*wrong, *([] if null else ["null"])])


def whole(least: int, most: int | None, *, null: bool | None = False) -> Setting:
    """Return a setting of whole numbers."""

    def valid(random: Random) -> Typed:
        if null and random.random() < 0.2:
            return "null", None
        top = most if most is not None else random.choice([least + 9, 10**6, 2**31, 2**63 - 1])
        return _number(random.choice([least, top, random.randint(least, top), random.randint(least, top)]), random)

    def invalid(random: Random) -> str:
        outside = [
            str(least - 1),
            str(-(2**63)),
            "-1e9" if least > 0 else "-0.5",
            "1.5",
            "2.0",
            "1e3",
            "-" + "9" * 5000,
        ]
        outside += ["9" * 30, "9" * 5000, "1e30", str(2**63 if most is None else most + 1)]
        return random.choice(outside) if random.random() < 0.5 else _wrong_type(random, null=null is not False)

    return Setting(valid, invalid)


def real(valid_values: list[str], invalid_values: list[str], *, null: bool | None = False) -> Setting:
    """Return a setting of numbers, of which those at the borders are given."""
    return Setting(
        lambda random: ("null", None) if null and random.random() < 0.2 else _real(random.choice(valid_values)),
        lambda random: (
            random.choice(invalid_values) if random.random() < 0.5 else _wrong_type(random, null=null is not False)
        ),
    )


def _real(typed: str) -> Typed:
    return typed, float(typed)


def one_of(*names: str) -> Setting:
    """Return a setting of names."""

    def invalid(random: Random) -> str:
        wrong = [random.choice(names) + "x", random.choice(names).upper() + "_", "0", "1.5", "qqq", "null"]
        return random.choice(wrong) if random.random() < 0.5 else _wrong_type(random, null=False)

    return Setting(lambda random: (name := random.choice(names), name), invalid)


def flag() -> Setting:
    """Return a setting of true or false."""
    return Setting(
        lambda random: random.choice([("true", True), ("false", False), ("True", True), ("FALSE", False)]),
        lambda random: random.choice(
            ["0", "1", "yes", "no", "on", "null", "'true'", "", "[true]", "{a:true}", "nan", "t"]
        ),
    )


def declared(setting: options.Setting) -> Setting:
    """Return a setting of an option that declares which values are right and which are wrong."""
    if setting.kind is bool:
        return flag()
    write = quote if setting.kind is str else str
    null = setting.default is None

    def valid(random: Random) -> Typed:
        value = random.choice(setting.valid)
        return ("null", None) if null and random.random() < 0.2 else (write(value), value)

    def invalid(random: Random) -> str:
        if setting.kind is not str and random.random() < 0.5:
            return _wrong_type(random, null=null)
        return random.choice([*map(write, setting.invalid), "[1]", "{a:1}", "1,2", "'1"])

    return Setting(valid, invalid)


def text(valid: Callable[[Random], Typed], *invalid: str) -> Setting:
    """Return a setting of texts: what is typed is meant, but for references, which must be to other settings."""
    wrong = ["${nothing}", "${oc.env:HOME}", "${oc.decode:x}"]
    return Setting(valid, lambda random: random.choice([*wrong, *invalid]))


def _any_text(random: Random) -> Typed:
    chosen = random.random()
    if chosen < 0.1:
        return (word := random.choice(GRAMMAR)), word
    if chosen < 0.4:
        word = random.choice(WORDS)
        return word, word.strip('"')
    typed = draw_text(random)
    return quote(typed), typed


def _mlflow_name(random: Random) -> Typed:
    name = "r" + draw_text(random, 200)
    return quote(name), name


def _folder_name(random: Random) -> Typed:
    name = random.choice("abZ019") + "".join(random.choices("abZ019._-", k=random.choice([0, 5, 99]))) + "x"
    name = name[:99] + "a"
    return quote(name), name


SHARES = ["0", "0.0", "0.5", "0.999999", "1e-300", "5e-324"], ["1", "1.0", "-0.1", "1.5", "-1e-9", "2"]
_share, _share_or_null = real(*SHARES), real(*SHARES, null=None)
_fraction = real(["0.1", "0.25", "0.4", "1e-300", "5e-324"], ["0", "0.0", "1", "1.0", "-0.1", "1.5", "2"], null=None)

SETTINGS: dict[str, Setting] = {
    "name": text(
        _folder_name,
        "",
        "../x",
        "a/b",
        ".x",
        "-x",
        "a" * 101,
        "\xe9",
        '"a b"',
        '"a\nb"',
        "null",
        '"x\x00"'[:3],
        "~",
        *GRAMMAR,
    ),
    "seed": whole(0, 2**31 - 1),
    "dataset.unit": one_of("char", "byte"),
    "dataset.encoding": text(
        lambda random: (e := random.choice(["utf-8", "latin-1", "utf-16", "cp1252", "ascii", "euc_kr", "UTF8"]), e),
        "",
        "nope",
        "hex",
        "rot13",
        "base64",
        "utf-88",
        "\xe9",
        "zlib",
        "undefined",
        "../x",
        '"utf\x01"',
        "x" * 3000,
        "null",
        *GRAMMAR,
    ),
    "dataset.split": one_of("nanogpt", "torchrnn", "tfds", "charrnn", "karpathy2015", "none"),
    "dataset.val_fraction": _fraction,
    "dataset.test_fraction": _fraction,
    "dataset.split_streams": whole(1, None, null=True),
    "dataset.max_bytes": whole(1, None, null=True),
    "model.cell": one_of(*CELLS.list_names()),
    "model.embedding_dim": whole(1, 16_384, null=None),
    "model.hidden_size": whole(1, 16_384),
    "model.num_layers": whole(1, 16),
    "model.dropout": _share,
    "model.input_dropout": _share,
    "model.output_dropout": _share_or_null,
    "model.embedding_dropout": _share,
    "model.variational_dropout": flag(),
    "model.residual": flag(),
    "model.layer_norm": flag(),
    "model.tie_embeddings": flag(),
    "model.learn_initial_state": flag(),
    "optimizer.learning_rate": real(["1e-9", "0.5", "3", "1e38"], ["0", "0.0", "-1", "-1e-9", "1e300", "1e400"]),
    "optimizer.schedule": one_of("constant", "cosine"),
    "optimizer.momentum": _share_or_null,
    "optimizer.rho": _fraction,
    "optimizer.decay_rate": _fraction,
    "optimizer.decay_every_epochs": real(["1e-9", "0.5", "3", "1e38"], ["0", "-1", "1e300"], null=None),
    "optimizer.plateau_patience": whole(1, None, null=None),
    "optimizer.min_learning_rate": real(["0", "0.0", "1e-10"], ["-1", "-1e-9", "4e38", "1e400"]),
    "optimizer.warmup_steps": whole(0, None),
    "optimizer.clip_norm": real(["1e-9", "0.5", "3", "1e38"], ["0", "0.0", "-1", "-1e-9", "1e300"], null=True),
    "optimizer.weight_decay": real(["0", "0.5", "7", "1e38"], ["-1", "-1e-9", "-0.5", "1e300"], null=None),
    "training.epochs": whole(1, None),
    "training.max_steps": whole(1, None, null=True),
    "training.batch_size": whole(1, None),
    "training.sequence_length": whole(1, None),
    "training.shuffle": flag(),
    "training.stateful": flag(),
    "training.stream_jitter": flag(),
    "training.drop_state_probability": _share,
    "training.gradient_accumulation_steps": whole(1, None),
    "training.max_val_characters": whole(2, None, null=True),
    "training.profile_steps": whole(1, None, null=True),
    "training.threads": whole(1, 1024, null=True),
    "training.precision": one_of("auto", "float32", "bfloat16"),
    "training.ema_decay": real(["1e-9", "0.5", "0.999999"], ["0", "1", "1.0", "-0.5", "1.1"], null=True),
    "training.early_stopping_patience": whole(1, None, null=True),
    "training.validate_every_steps": whole(1, None, null=True),
    "training.checkpoint_every_epochs": whole(1, None),
    "training.checkpoint_every_steps": whole(1, None, null=True),
    "training.keep_checkpoints": whole(1, None),
    "sampling.prompt": text(_any_text, "", "''", '""'),
    "sampling.prompt_file": text(_any_text),
    "sampling.length": whole(1, 10_000_000),
    "sampling.temperature": real(["0", "0.0", "1e-9", "0.8", "1e300", "7"], ["-1", "-1e-9", "-0.5"]),
    **{f"sampling.{name}": declared(each) for name, each in FILTERS.built_in.items()},
    "sampling.num_samples": whole(1, 10_000),
    "sampling.beams": whole(1, 1_000, null=True),
    "sampling.stop": text(_any_text, "", "''", '""'),
    "sampling.seed": whole(0, 2**31 - 1, null=True),
    "sampling.every_epochs": whole(1, None, null=True),
    "sampling.every_steps": whole(1, None, null=True),
    "tracking.experiment_name": text(_mlflow_name, "", '"  "', "e" * 251, "null"),
    "tracking.run_name": text(_mlflow_name, "", '"  "', "r" * 251),
    "tracking.tags": Setting(
        lambda random: random.choice(
            [("{}", {}), ("{a:b}", {"a": "b"}), ("{a_1:'x y',B:z}", {"a_1": "x y", "B": "z"})]
        ),
        lambda random: random.choice(
            ["3", "abc", "[a]", "{a:{b:c}}", "{a:[b]}", "{a", "{'a:b':c}", "{a:${nothing}}", "true"]
        ),
    ),
    "tracking.system_metrics": flag(),
    "tracking.log_checkpoints": one_of("best", "all", "none"),
    "tracking.log_every_steps": whole(1, None),
    "sweep.jobs": whole(1, None, null=True),
    "sweep.keep_going": flag(),
    "sweep.rerun": flag(),
    "sweep.dry_run": flag(),
}
"""Without the names that their groups set, dataset.path and tracking.uri, which depend on these."""
