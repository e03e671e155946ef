"""Any file trains, with the symbols it has and a word on the odd ones, or is told off in lines and leaves nothing."""

import codecs
import json
import os
from pathlib import Path
from random import Random

from stress.fuzzing import Answer, Case, fuzz, repeat
from stress.outcome import Outcome

BATCH, LENGTH = 2, 3
TINY = (
    "tracking=none",
    "model.hidden_size=4",
    "model.embedding_dim=2",
    "training.max_steps=1",
    "sampling.length=1",
    f"training.batch_size={BATCH}",
    f"training.sequence_length={LENGTH}",
    "optimizer.warmup_steps=0",
    "training.precision=float32",
    "dataset=file",
)
NEEDED = BATCH * LENGTH + 1
"""Characters of training text for one batch."""
ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "latin-1",
    "cp1252",
    "ascii",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "euc_kr",
    "shift_jis",
    "gb18030",
    "big5",
    "koi8-r",
)
ALPHABETS = (
    "abc \n",
    "the quick brown fox\n",
    "\x00\x01\x02a",
    "\r\n\tab",
    "\uac00\ub098\ub2e4\n",
    "\xe9\xe8\xea ",
    "\U0001f600\U0001f468\u200d\U0001f469\u0301",
    "\ufeffab",
    "\x1b[31m\x7f",
    "a",
    "\u2028\u2029\x85x",
    "\ue000\uffff",
)
HUGE_BYTES = 10_000_000
KINDS = {
    "encoded": 30,
    "bytes": 15,
    "cut": 10,
    "wrong encoding": 10,
    "short": 15,
    "place": 15,
    "byte unit": 8,
    "max_bytes": 7,
}
"""How often each kind of file comes, of 110; besides, one in 250 is huge. About half of all are wrong."""


def check(num_cases: int, folder: Path) -> Outcome:
    """Texts right and wrong."""
    return fuzz(make_case, num_cases, folder, name="texts")


def make_case(random: Random, folder: Path) -> Case:
    """Return a training of one step on a file, with its exit code."""
    if random.random() < 1 / 250:
        return _make_huge(random, folder)
    (kind,) = random.choices(list(KINDS), weights=list(KINDS.values()))
    encoding = random.choice(ENCODINGS)
    alphabet = random.choice(ALPHABETS)
    characters = "".join(random.choices(alphabet, k=random.choice([40, 200, 1000])))
    content = characters.encode(encoding, errors="ignore")
    words: list[str] = []
    match kind:
        case "place":
            return _make_place(random, folder)
        case "bytes":
            content = random.randbytes(random.choice([1, 2, 50, 500]))
        case "cut":
            content = content[random.randint(0, 3) : len(content) - random.randint(0, 3)]
        case "wrong encoding":
            content = characters.encode("utf-8")
        case "short":
            content = characters[: random.randint(0, 30)].encode(encoding, errors="ignore")
        case "byte unit":
            content = random.randbytes(random.choice([0, 1, 9, 11, 100, 1000]))
            words = ["dataset.unit=byte"]
        case "max_bytes":
            if _decode(content, encoding) is not None and content:
                words = [f"dataset.max_bytes={random.randint(1, len(content) + 9)}"]
    if random.random() < 0.2:
        words.append("dataset.split=none")
    if random.random() < 0.2:
        words += ["training.shuffle=true", "training.stateful=false"]
    (folder / "text.txt").write_bytes(content)
    words = [*TINY, "dataset.path=text.txt", f"dataset.encoding={encoding}", *words]
    return _expect(words, content, encoding, kind)


def _expect(words: list[str], content: bytes, encoding: str, kind: str) -> Case:
    """Return the case with what the whole file is, decoded at once by Python."""
    symbols: str | None
    if "dataset.unit=byte" in words:
        symbols = content.decode("latin-1")
    else:
        symbols = _decode(content, encoding)
        limits = [int(word.partition("=")[2]) for word in words if word.startswith("dataset.max_bytes")]
        if limits:
            symbols = _decode_start(content[: limits[0]], encoding)
    if symbols is None:
        return Case(words, 2, f"{kind}: not {encoding}")
    num_train = len(symbols) if "dataset.split=none" in words else len(symbols) * 9 // 10
    num_val = len(symbols) - num_train
    if num_train < NEEDED or ("dataset.split=none" not in words and num_val < 2):
        return Case(words, 2, f"{kind}: too short, {len(symbols)} characters")
    return Case(words, 0, f"{kind}: nothing wrong", check=lambda answer, folder: _check_run(answer, folder, symbols))


def _check_run(answer: Answer, folder: Path, symbols: str) -> list[str]:
    summaries = list(folder.glob("outputs/charrnn/*/*/summary.json"))
    if len(summaries) != 1:
        return [f"{len(summaries)} runs"]
    summary = json.loads(summaries[0].read_text())
    points = json.loads(summaries[0].with_name("vocabulary.json").read_text())["code_points"]
    problems = []
    if (summary["status"], summary["step"]) != ("FINISHED", 1):
        problems.append(f"the run is {summary['status']} at step {summary['step']}")
    if points != sorted({ord(symbol) for symbol in symbols}):
        problems.append("the vocabulary is not that of the text")
    counts = {
        "byte order marks": symbols.count("\ufeff"),
        "carriage returns": symbols.count("\r"),
        "NUL characters": symbols.count("\0"),
        "control characters": sum("\0" < symbol < " " and symbol not in "\t\n\r" for symbol in symbols),
    }
    told = [f"the text has {count:,} {name}" for name, count in counts.items() if count]
    told += ["the text has only one symbol"] if len(points) == 1 else []
    for line in told:
        if line not in answer.err:
            problems.append(f"not a word that {line}")
    # A model of one update may guess worse than chance, and a drawn text may look like one in another encoding.
    may_be = (
        "guessing them all alike",
        "looks more like",
        "can be read as utf-8",
        "C1 control characters",
        "prompts are written in",
    )
    warnings = [line for line in answer.err.splitlines() if not any(words in line for words in may_be)]
    if len(warnings) != len(told):
        problems.append(f"warnings are {answer.err!r}, not {told}")
    return problems


def _make_place(random: Random, folder: Path) -> Case:
    """A path that is no file that can be read twice."""
    name = random.choice(
        [
            "folder",
            "missing",
            "fifo",
            "loop",
            "dangling",
            "under a file",
            "long",
            "/dev/null",
            "/dev/zero",
            "/proc/self/mem",
            "/dev/stdin",
            "",
            "~nobody/x",
            "socket",
            "dot",
        ]
    )
    paths = {
        "loop": "loop",
        "under a file": "file/x",
        "long": "x" * 300,
        "": '""',
        "~nobody/x": "'~nobody_has_this/x'",
        "dot": ".",
    }
    path = paths.get(name, name)
    (folder / "folder").mkdir()
    (folder / "file").write_text("abc\n" * 100)
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("none")
    case = Case([*TINY, f"dataset.path={path}", *random.choice([[], ["dataset.max_bytes=100"]])], 2, f"place: {name}")
    if name == "/dev/stdin":
        case.stdin = b"abc\n" * 100
    if name in ("/dev/stdin", "dot"):  # of the folder's own files one is a text
        case.code = 0
    return case


def _make_huge(random: Random, folder: Path) -> Case:
    """One line of 10 MB."""
    content = random.choice([b"ab ", "\uac00b".encode(), b"a\xff"]) * (HUGE_BYTES // 3)
    (folder / "text.txt").write_bytes(content)
    words = [*TINY, "dataset.path=text.txt", "dataset.encoding=utf-8", "dataset.split=none"]
    return _expect(words, content, "utf-8", "huge")


def _decode(content: bytes, encoding: str) -> str | None:
    if encoding == "utf-16" and content and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None  # without a mark the order of the bytes would be a guess: utf-16-le and utf-16-be name it
    try:
        return content.decode(encoding)
    except UnicodeError:
        return None


def _decode_start(content: bytes, encoding: str) -> str | None:
    """Decode the start of a text that is right as a whole; half a character at its end is dropped."""
    for end in range(len(content), max(-1, len(content) - 5), -1):
        symbols = _decode(content[:end], encoding)
        if symbols is not None:
            return symbols
    return None


if __name__ == "__main__":
    repeat(make_case)
