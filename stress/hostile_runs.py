"""Run folders that somebody has changed: each is told from a good one, none runs code or leads outside."""

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stress.hostile_settings import BOMBS, TAGS

SMALL = (
    "dataset=stdlib",
    "dataset.max_bytes=2700",
    "model.hidden_size=5",
    "model.embedding_dim=3",
    "training.batch_size=4",
    "training.sequence_length=20",
    "training.max_steps=3",
    "sampling.length=5",
)
"""A run of a moment."""
SAMPLE = ("sample", "run=latest", "sampling.length=5")
BEST = (*SAMPLE, "checkpoint=best")
RESUME = ("resume", "run=latest", "training.max_steps=5")
EVALUATE = ("evaluate", "run=latest", "split=val")
INIT_FROM = (*SMALL, "training.init_from=latest", "tracking=none")
REPAIR = ("repair", "tracking.backend=local")
DAMAGED, SETTINGS, FINE = {3}, {2}, {0}
CALL = "{_target_: os.mkdir, path: <canary>}"


@dataclass(frozen=True)
class Hostile:
    """A change of a run folder, and what follows.

    Args:
        name: in the report.
        words: of the verb.
        spoil: changes the run folder; the second path is where a canary would be made.
        codes: exit codes that are right.
    """

    name: str
    words: tuple[str, ...]
    spoil: Callable[[Path, Path], None]
    codes: set[int]


def list_cases() -> list[Hostile]:
    """Return all of them."""
    return [*_arrays(), *_members(), *_manifests(), *_documents(), *_settings(), *_links(), *_names()]


class Bomb:
    """What unpickles to a call of os.mkdir."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def find_checkpoint(run: Path) -> Path:
    """Return the folder of the only checkpoint."""
    (path,) = (run / "checkpoints").glob("step_*")
    return path


def put(run: Path, name: str, raw: bytes) -> None:
    """Replace a file of the checkpoint, and have the manifest vouch for it."""
    path = find_checkpoint(run) / name
    path.write_bytes(raw)
    vouch(run, lambda manifest: manifest["files"].update({name: describe(path)}))


def describe(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def vouch(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest, and set the hash that it has of itself."""
    path = find_checkpoint(run) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest.pop("sha256", None)
    change(manifest)
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(manifest))


def read(run: Path, name: str) -> dict[str, Any]:
    """Return the arrays of a file of the checkpoint."""
    with np.load(find_checkpoint(run) / name) as arrays:
        return {key: arrays[key] for key in arrays.files}


def pack(arrays: dict[str, Any], **options: Any) -> bytes:
    """Return an `.npz`."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **options)
    return buffer.getvalue()


def _arrays() -> Iterator[Hostile]:
    """Arrays that are not what this run's model has."""

    def changed(name: str, change: Callable[[dict[str, Any], Path], dict[str, Any]]) -> Callable[[Path, Path], None]:
        return lambda run, nest: put(run, name, pack(change(read(run, name), nest / "canary")))

    def each(f: Callable[[Any], Any]) -> Callable[[dict[str, Any], Path], dict[str, Any]]:
        return lambda arrays, _: {name: f(array) for name, array in arrays.items()}

    changes: dict[str, Callable[[dict[str, Any], Path], dict[str, Any]]] = {
        "none": lambda arrays, _: {},
        "one missing": lambda arrays, _: dict(list(arrays.items())[1:]),
        "other names": lambda arrays, _: {f"x{name}": array for name, array in arrays.items()},
        "objects": lambda arrays, canary: {name: np.array([Bomb(canary)]) for name in arrays},
        "one object more": lambda arrays, canary: {**arrays, "x": np.array([Bomb(canary)])},
        "text": each(lambda array: np.array("1")),
        "double": each(lambda array: array.astype(np.complex128)),
        "bytes": each(lambda array: array.astype("S8")),
        "one axis more": each(lambda array: array[None]),
        "flat": each(lambda array: np.concatenate([array.ravel(), [0]]).astype(array.dtype)),
        "empty": each(lambda array: array.ravel()[:0]),
        "records": each(lambda array: np.zeros(3, [("a", "<f4"), ("b", "O")])),
        "dates": each(lambda array: np.zeros(array.shape, "datetime64[s]")),
    }
    for name, change in changes.items():
        yield Hostile(f"weights.npz: {name}", SAMPLE, changed("weights.npz", change), DAMAGED)
        yield Hostile(f"training.npz: {name}", RESUME, changed("training.npz", change), DAMAGED)
        yield Hostile(f"weights.npz to evaluate: {name}", EVALUATE, changed("weights.npz", change), DAMAGED)
        yield Hostile(f"weights.npz to start from: {name}", INIT_FROM, changed("weights.npz", change), DAMAGED)
    for step in (np.int64(-1), np.float64(3), np.array([1, 2]), np.array("x")):
        put_step = changed("training.npz", lambda arrays, _, step=step: {**arrays, "progress.step": np.asarray(step)})
        yield Hostile(f"training.npz: step {step!r}", RESUME, put_step, DAMAGED)


def _members() -> Iterator[Hostile]:
    """Files that are no honest archive of arrays, their hashes mended."""
    for name in ("weights.npz", "training.npz"):
        for what, make in {
            "a pickle": lambda canary: pickle.dumps(Bomb(canary)),
            "an old pickle": lambda canary: pickle.dumps(Bomb(canary), protocol=0),
            "an .npy": lambda canary: _npy(np.zeros(3)),
            "an .npy of objects": lambda canary: _npy(np.array([Bomb(canary)]), allow_pickle=True),
            "an HDF5 file": lambda canary: b"\x89HDF\r\n\x1a\n" + bytes(4096),
            "a Keras archive": lambda canary: _archive(
                {"config.json": b"{}", "model.weights.h5": b"", "metadata.json": b"{}"}
            ),
            "nothing": lambda canary: b"",
            "an empty archive": lambda canary: _archive({}),
            "zeros": lambda canary: bytes(10_000),
        }.items():
            yield Hostile(
                f"{name}: {what}",
                SAMPLE,
                lambda run, nest, name=name, make=make: put(run, name, make(nest / "canary")),
                # No array is needed of training.npz to sample; that it has none is for resume to tell.
                FINE if (name, what) == ("training.npz", "an empty archive") else DAMAGED,
            )
    plain = _npy(np.zeros(3, np.float32))
    archives = {
        **{f"a member {member!r}": _archive({member: plain}) for member in (
            "../../evil.npy", "/tmp/evil.npy", "..\\evil.npy", "a/b.npy", ".npy", "a.pkl", "a", "a\nb.npy",
            "\u00e9.npy", "x" * 999 + ".npy")},
        "two of one name": _archive({"a.npy": plain, "A.npy": plain}).replace(b"A.npy", b"a.npy"),
        "a zip bomb": _archive({"a.npy": _npy(np.zeros(10_000_000, np.float32))}, zipfile.ZIP_DEFLATED),
        "lzma": _archive({"a.npy": plain}, zipfile.ZIP_LZMA),
        "a size of 4 GB": _archive({"a.npy": plain}).replace(
            len(plain).to_bytes(4, "little") * 2, b"\xfe\xff\xff\xff" * 2),
        "a flipped checksum": _archive({"a.npy": plain}).replace(plain, plain[:-1] + b"\1"),
        "a member of an archive in an archive": _archive({"a.npy": _archive({"a.npy": plain})}),
        **{f"a header {shape}": _archive({"a.npy": _header(shape, "<f4")}) for shape in (
            "(1000000000000,)", "(-1,)", "(2,2,)", "(99999999999999999999,)", "(0, 99999999999)", "(True,)",
            "((1,),)", "()", "(3.0,)",
            "(" + "1," * 40 + ")", "(" * 900 + ")" * 900, "__import__('os').getcwd()", "{}", "'x'",
            "(4294967296, 4294967296)")},
        **{f"a type {kind}": _archive({"a.npy": _header("(3,)", kind)}) for kind in (
            "O", "|O", "V8", "U9999999", "<M8[s]", "c16", "x", "(3,)f4")},
        **{f"a version {version}": _archive({"a.npy": plain[:6] + bytes(version) + plain[8:]}) for version in (
            (2, 0), (3, 0), (9, 9))},
    }  # fmt: skip
    for what, raw in archives.items():
        yield Hostile(f"weights.npz: {what}", SAMPLE, lambda run, nest, raw=raw: put(run, "weights.npz", raw), DAMAGED)


def _manifests() -> Iterator[Hostile]:
    """Manifests that say what is not so."""

    def said(key: str, value: Any) -> Callable[[Path, Path], None]:
        return lambda run, nest: vouch(run, lambda manifest: manifest.update({key: value}))

    def of_weights(value: Any) -> Callable[[Path, Path], None]:
        return lambda run, nest: vouch(run, lambda manifest: manifest["files"].update({"weights.npz": value}))

    value: Any
    for value in (None, "2", 99, [], {}, True, -1, 1e300, "x" * 10_000):
        yield Hostile(f"manifest: format {str(value)[:20]!r}", SAMPLE, said("format", value), DAMAGED)
        yield Hostile(f"manifest: step {str(value)[:20]!r}", SAMPLE, said("step", value), DAMAGED)
        yield Hostile(f"manifest: best step {str(value)[:20]!r}", BEST, said("best_step", value), FINE | DAMAGED)
        for key in ("settings", "numerics", "model", "best_val_loss", "resume_from", "dataset", "machine", "versions"):
            name = f"manifest: {key} {str(value)[:20]!r}"
            yield Hostile(name, RESUME, said(key, value), FINE | SETTINGS | DAMAGED)
        yield Hostile(f"manifest: kept {str(value)[:20]!r}", SAMPLE, said("kept", value), FINE)
        yield Hostile(f"manifest: files {str(value)[:20]!r}", SAMPLE, said("files", value), DAMAGED)
        yield Hostile(f"manifest: weights {str(value)[:20]!r}", SAMPLE, of_weights(value), DAMAGED)
        yield Hostile(f"manifest: vocabulary {str(value)[:20]!r}", SAMPLE, said("vocabulary_sha256", value), SETTINGS)
        for key in ("bytes", "sha256"):
            wrong = of_weights({"bytes": 10, "sha256": "0" * 64, key: value})
            yield Hostile(f"manifest: {key} of weights {str(value)[:20]!r}", SAMPLE, wrong, DAMAGED)
    for size in (10**9, 10**10):
        yield Hostile(
            f"{size} bytes, the manifest says less",
            SAMPLE,
            lambda run, nest, size=size: os.truncate(find_checkpoint(run) / "weights.npz", size),
            DAMAGED,
        )
    for size, kept in ((10**9, True), (10**9, False)):
        yield Hostile(
            f"{size} bytes, the manifest says so, hash {'right' if kept else 'wrong'}",
            SAMPLE,
            lambda run, nest, size=size, kept=kept: _enlarge(run, size, kept),
            DAMAGED,
        )
    yield Hostile("a pipe for weights", SAMPLE, lambda run, nest: _pipe(find_checkpoint(run) / "weights.npz"), DAMAGED)
    for what, raw in DOCUMENTS.items():
        yield Hostile(
            f"manifest: {what}",
            SAMPLE,
            lambda run, nest, raw=raw: _fill(find_checkpoint(run) / "manifest.json", raw),
            DAMAGED,
        )
    yield Hostile("manifest: a pipe", SAMPLE, lambda run, nest: _pipe(find_checkpoint(run) / "manifest.json"), DAMAGED)


DOCUMENTS = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[[1]]",
    "pairs": b'[["step", 1]]',
    "text": b'"x"',
    "half": b'{"step": ',
    "no UTF-8": b'{"a": "\xff"}',
    "NULs": bytes(100),
    "depth": b"[" * 200_000,
    "depth of objects": b'{"a":' * 100_000,
    "a number past floats": b'{"step": 1e999, "val_loss": 1e999}',
    "NaN": b'{"step": NaN, "val_loss": NaN}',
    "a number of 5,000 digits": b'{"step": ' + b"9" * 5000 + b"}",
    "YAML": b"step: !!python/object/apply:os.getcwd []",
}
"""What is no JSON object of a run."""


def _documents() -> Iterator[Hostile]:
    """JSON files of the wrong kind."""
    unit: Any
    value: Any

    def fill(name: str, raw: bytes) -> Callable[[Path, Path], None]:
        return lambda run, nest: _fill(run / name, raw)

    for what, raw in DOCUMENTS.items():
        yield Hostile(f"vocabulary.json: {what}", SAMPLE, fill("vocabulary.json", raw), DAMAGED)
        yield Hostile(f"summary.json: {what}", RESUME[:2], fill("summary.json", raw), DAMAGED)
        yield Hostile(f"summary.json: {what}, repair", REPAIR, fill("summary.json", raw), DAMAGED)
        yield Hostile(f"tracking.json: {what}", REPAIR, fill("tracking.json", raw), DAMAGED)
        yield Hostile(f"best.json: {what}", BEST, fill("checkpoints/best.json", raw), FINE | DAMAGED)
    for points in ("[]", "[3,2,1]", "[1,1]", '["1"]', "[1.0]", "[true]", "[-1]", "[1114112]", "[999999999999]",
                   "{}", "null", '"ab"',
                   "[55296]", "[[1]]", "[null]", "9"):  # fmt: skip
        raw = f'{{"unit": "char", "code_points": {points}}}'.encode()
        yield Hostile(f"vocabulary.json: code points {points}", SAMPLE, fill("vocabulary.json", raw), DAMAGED)
    for unit in ("bytes", "__class__", "name", None, 3, ["char"], {}):
        raw = json.dumps({"unit": unit, "code_points": [10, 32]}).encode()
        yield Hostile(f"vocabulary.json: unit {unit!r}", SAMPLE, fill("vocabulary.json", raw), DAMAGED)
    yield Hostile(
        "vocabulary.json: in another order", SAMPLE, lambda run, nest: _shift(run / "vocabulary.json"), SETTINGS
    )
    for key in ("status", "run_id", "step"):
        for value in ([], {}, [[]], 1.5, True):
            raw = json.dumps({"status": "FINISHED", "run_id": None, "step": 1, key: value}).encode()
            yield Hostile(f"summary.json: {key} {value!r}", RESUME[:2], fill("summary.json", raw), DAMAGED)
    for key in ("run_id", "name", "params", "tags", "dataset", "complete"):
        for value in (3, [1], [[]], 1.5):
            yield Hostile(
                f"tracking.json: {key} {value!r}",
                REPAIR,
                lambda run, nest, key=key, value=value: _retrack(
                    run, {key: value, **({} if key == "complete" else {"complete": False})}
                ),
                DAMAGED,
            )
    for line in ("", "null", "[]", "3",
                 '{"step": "1"}', '{"step": 1, "a": "x"}', '{"step": 1, "a": [1]}', '{"a": 1}', '{"step": 1e99}',
                 "[" * 100_000, '{"step": true}', "\0"):  # fmt: skip
        yield Hostile(f"metrics.jsonl: {line[:30]!r}", RESUME, fill("metrics.jsonl", line.encode() + b"\n"), DAMAGED)


def _settings() -> Iterator[Hostile]:
    """A config.yaml that was changed."""
    for verb in (SAMPLE, RESUME, EVALUATE, INIT_FROM):
        for tag in TAGS:
            yield Hostile(
                f"{verb[0]}, config.yaml: {tag}",
                verb,
                lambda run, nest, tag=tag: _append(run, f"x: {tag}\n", nest),
                SETTINGS,
            )
        for what, text in BOMBS.items():
            yield Hostile(
                f"{verb[0]}, config.yaml: bomb of {what}",
                verb,
                lambda run, nest, text=text: _append(run, text, nest),
                SETTINGS,
            )
        for text in (f"x: {CALL}", f"_target_: {CALL}", f"hydra: {{callbacks: {{x: {CALL}}}}}",
                      "defaults: [evil]", "- 1", "model: 3", "sampling: 3",
                     "sampling: null", "model: []", f"model: {CALL}", "dataset: null",
                     "seed: '${oc.env:CANARY_NUMBER}'",
                     "seed: ${oc.decode:1}", "name: '${oc.env:CANARY_SECRET}'", "name: ../../x",
                     "tracking: {tags: 3}", "seed: .inf",
                     "seed: 2026-01-01", "1: 2", "null: 1", "[a]: 1", "? {a: b}\n: 1", "\0", "a: b: c",
                     "training: null"):  # fmt: skip
            yield Hostile(
                f"{verb[0]}, config.yaml: {text[:40]}",
                verb,
                lambda run, nest, text=text: _append(run, text + "\n", nest),
                SETTINGS,
            )
    for name in ("config.yaml",):
        yield Hostile(f"{name}: a pipe", SAMPLE, lambda run, nest, name=name: _pipe(run / name), SETTINGS)
        yield Hostile(
            f"{name}: 70 MB", SAMPLE, lambda run, nest, name=name: os.truncate(run / name, 70_000_000), SETTINGS
        )


def _links() -> Iterator[Hostile]:
    """Parts of the folder that lie elsewhere."""
    for name in ("checkpoints", "samples", "plots", "metrics.jsonl", "run.log", ".lock", "summary.json",
                 "tracking.json", "vocabulary.json",
                 "parameters.txt", "checkpoints/best.json", "weights.npz", "manifest.json",
                 "samples/step_9.txt", "plots/loss.png", "new"):  # fmt: skip
        for verb in (SAMPLE, RESUME, EVALUATE, INIT_FROM, (*REPAIR, "run=latest")):
            yield Hostile(
                f"{verb[0]}: {name} lies elsewhere", verb, lambda run, nest, name=name: _move(run, name, nest), DAMAGED
            )
        yield Hostile(
            f"{name} leads to nothing",
            RESUME,
            lambda run, nest, name=name: _dangle(run, name, nest / "canary"),
            DAMAGED,
        )


def _names() -> Iterator[Hostile]:
    """Folders and files beside the checkpoint that are none: left alone."""
    for name in ("step_abc", "step_", "step_-000000001", "step_99999999999999999999999", "step_0000000099 ",
                 "step_1e99", "step_..", "x", "step_\u0661" * 1,
                 "step_0000000099.old", ".step_0000000099.1", "step_0x00000099", "step_+000000099"):  # fmt: skip
        yield Hostile(
            f"a folder checkpoints/{name}",
            SAMPLE,
            lambda run, nest, name=name: (run / "checkpoints" / name).mkdir(),
            FINE,
        )
    for name in (
        "model.keras",
        "weights.h5",
        "model.weights.h5",
        "saved_model.pb",
        "checkpoint",
        "model.pkl",
        "MLmodel",
    ):
        yield Hostile(
            f"a file {name} beside the weights",
            SAMPLE,
            lambda run, nest, name=name: (find_checkpoint(run) / name).write_bytes(pickle.dumps(Bomb(nest / "canary"))),
            FINE,
        )


def _npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def _header(shape: str, kind: str) -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(12)


def _archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def _enlarge(run: Path, size: int, is_right: bool) -> None:
    path = find_checkpoint(run) / "weights.npz"
    os.truncate(path, size)
    found = describe(path) if is_right else {"bytes": size, "sha256": "0" * 64}
    vouch(run, lambda manifest: manifest["files"].update({"weights.npz": found}))


def _fill(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _shift(path: Path) -> None:
    values = json.loads(path.read_text())
    values["code_points"] = [*values["code_points"][1:], values["code_points"][-1] + 1]
    path.write_text(json.dumps(values))


def _retrack(run: Path, changes: dict[str, Any]) -> None:
    path = run / "tracking.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _append(run: Path, text: str, nest: Path) -> None:
    path = run / "config.yaml"
    text = text.replace("<canary>", str(nest / "canary"))
    key = text.partition(":")[0]
    kept = [part for part in path.read_text().split("\n") if part]
    if key in ("model", "sampling", "dataset", "training", "seed", "name", "tracking"):
        kept = _without(kept, key)
    path.write_text("\n".join(kept) + "\n" + text)


def _without(lines: list[str], key: str) -> list[str]:
    kept, is_inside = [], False
    for line in lines:
        is_inside = line.startswith(f"{key}:") or (is_inside and line.startswith(" "))
        kept += [] if is_inside else [line]
    return kept


def _move(run: Path, name: str, nest: Path) -> None:
    _retrack(run, {"complete": False})  # so that repair has something to do
    path = find_checkpoint(run) / name if name in ("weights.npz", "manifest.json") else run / name
    there = nest / path.name
    if path.exists():
        path.rename(there)
    else:
        there.write_text("precious")
    path.symlink_to(there)


def _dangle(run: Path, name: str, canary: Path) -> None:
    path = find_checkpoint(run) / name if name in ("weights.npz", "manifest.json") else run / name
    if path.exists():
        path.rename(canary.with_name(f"was_{path.name}"))
    path.symlink_to(canary)
