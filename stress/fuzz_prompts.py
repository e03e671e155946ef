"""Any prompt and sampling settings either draw the text asked for, of known symbols, or are told off in lines."""

import os
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from charrnn_exp.sampling.filters.registry import FILTERS
from stress.fuzzing import Answer, Case, fuzz, repeat
from stress.outcome import Outcome
from stress.processes import find_folder, run
from stress.setting_values import SETTINGS, quote

TEXT = (
    "the quick brown fox, 'jumps' \"over\" [the] {lazy} dog = 100% & co.\t\r\n\xe9\uac00\U0001f600\u2028\x1b#:;\\$~+-\n"
    * 20
)
WORDS = (
    "tracking=none",
    "dataset=file",
    "dataset.path=text.txt",
    "model.hidden_size=12",
    "model.embedding_dim=6",
    "training.batch_size=4",
    "training.sequence_length=16",
    "training.epochs=2",
)
KNOWN = sorted(set(TEXT))
PLAIN = [symbol for symbol in KNOWN if symbol not in "\\$"]
"""Without what means something in a quoted value of Hydra's."""
UNKNOWN = ["X", "\u4e2d", "\x00", "\x07", "\ud7ff", "\U0010ffff", "\ufeff", "`", "8", "\xa0"]
JUNK = (
    ["model.hidden_size=3"],
    ["seed=1"],
    ["run=none_such"],
    ["run="],
    ["run=."],
    ["checkpoint=none"],
    ["checkpoint="],
    ["qqq=1"],
    ["-m"],
    ["--cfg", "job"],
    ["--frobnicate"],
    [""],
    ["sampling=default"],
    ["sampling.qqq=1"],
    ["~sampling.length"],
    ["sampling"],
    ["sampling.length"],
    ["sampling.prompt="],
    ["sampling.prompt=''"],
    ["sampling.prompt_file="],
    ["sampling.prompt_file=none_such"],
    ["sampling.prompt_file=."],
    ["sampling.prompt_file=[a]"],
    ["sampling.prompt_file=/dev/zero"],
    ["sampling.prompt=a", "sampling.prompt_file=file"],
    ["sampling.prompt_file=/dev/null"],
    ["sampling.prompt_file=/proc/self/mem"],
    ["sampling.prompt_file=loop"],
    ["sampling.prompt='\udcff'"],
    ["sampling.prompt_file='\udcff'"],
    ["sampling.prompt_file=" + "x" * 300],
    ["sampling.prompt_file='~nobody_has_this/x'"],
    ["run=latest"],
    ["run=/"],
    ["run=file"],
    ["sampling._target_=os.getcwd"],
    ["sampling.prompt_file=-"],
)


def check(num_cases: int, folder: Path) -> Outcome:
    """Prompts for one run, trained first."""
    trained = train(folder)
    before = _read_all(trained)
    outcome = fuzz(partial(make_case, trained), num_cases, folder, name="prompts")
    outcome.add(["the run was changed"] if _read_all(trained) != before else [], "the run at the end")
    return outcome


def train(folder: Path) -> Path:
    """Train the run that is sampled from; return its folder."""
    there = folder / "trained"
    there.mkdir()
    (there / "text.txt").write_text(TEXT, newline="")
    ended = run(WORDS, there)
    assert ended.returncode == 0, ended.stderr
    return find_folder(there).path


def make_case(trained: Path, random: Random, folder: Path) -> Case:
    """Return a `sample` with its exit code."""
    (folder / "file").write_text("the\n")
    (folder / "loop").symlink_to("loop")
    settings, asked = _draw_settings(random)
    words = ["sample", f"run={trained}", *settings]
    chosen = random.random()
    if chosen < 0.25:
        # Any text may be the name of a file; those that are none are in JUNK.
        key = random.choice([key for key in SETTINGS if key.startswith("sampling.") and key != "sampling.prompt_file"])
        words = [word for word in words if not word.startswith(key)]
        words.insert(random.randint(1, len(words)), f"{key}={_draw_wrong(random, key)}")
        return Case(words, 2, "wrong value")
    if chosen < 0.4:
        junk = random.choice(JUNK)
        # Of a word given twice the last is meant.
        words = [word for word in words if word.partition("=")[0] != junk[0].partition("=")[0]]
        stdin = random.choice([None, b"", b"\n", b"\xff\xfe"])
        return Case([*words, *junk], 2, "junk", stdin=stdin)
    prompt = "".join(random.choices(PLAIN, k=random.choice([1, 2, 9, 60, 500])))
    way = random.choice(["word", "word", "file", "stdin", "none"])
    code, why = 0, "nothing wrong"
    if way == "none":
        prompt = "\n"
    elif random.random() < 0.35:
        symbols = UNKNOWN if way != "word" else [symbol for symbol in UNKNOWN if symbol != "\x00"]
        # At the start of a file a mark is taken off, and before a line feed a carriage return.
        symbols = symbols if way == "word" else [symbol for symbol in symbols if symbol not in "\r\ufeff"]
        place = random.randint(0, len(prompt))
        prompt = prompt[:place] + random.choice(symbols) + prompt[place:]
        code, why = 2, "an unknown symbol"
    stdin = None
    match way:
        case "word":
            words.append(f"sampling.prompt={quote(prompt)}")
        case "file" | "stdin":
            content, written = prompt.encode(), prompt
            if code == 0 and random.random() < 0.2:
                content = random.choice(
                    [b"", b"\n", b"a\xff", b"\xff\xfea", content + b"\xea\xb0", random.randbytes(50)]
                )
                code, why = 2, "a file that is none"
            else:
                if random.random() < 0.5:
                    written += "\n"
                else:
                    prompt = prompt.removesuffix("\n")
                    code, why = (code, why) if prompt else (2, "an empty file")
                content = written.encode(random.choice(["utf-8", "utf-8", "utf-16"]))
            if way == "file":
                (folder / "prompt.txt").write_bytes(content)
                words.append("sampling.prompt_file=prompt.txt")
            else:
                stdin = content
                words.append("sampling.prompt_file=-")
    head, tail = words[:1], words[1:]
    random.shuffle(tail)
    check = partial(_check_text, prompt=prompt, asked=asked)
    return Case([*head, *tail], code, f"{why}, by {way}", stdin=stdin, check=lambda answer, _: check(answer))


class Asked(NamedTuple):
    """What each text must be: its length without the prompt, their number, and where one may end earlier."""

    length: int
    num_samples: int
    stop: str | None


def _draw_settings(random: Random) -> tuple[list[str], Asked]:
    length = random.choice([1, 2, 7, 20])
    words = [f"sampling.length={length}"]
    num_samples = random.choice([1, 1, 1, 2, 5])
    if num_samples > 1:
        words.append(f"sampling.num_samples={num_samples}")
    if random.random() < 0.5:
        temperature = random.choice(
            ["0", "0.0", "1e-320", "1e-300", "1e-9", "0.5", "1", "7", "1e30", "1e38", "1e39", "1e300"]
        )
        words.append(f"sampling.temperature={temperature}")
    for name in FILTERS.built_in:
        if random.random() < 0.4:
            words.append(f"sampling.{name}={SETTINGS[f'sampling.{name}'].valid(random)[0]}")
    if random.random() < 0.3:
        words.append(f"sampling.seed={random.choice([0, 7, 2**31 - 1, 'null'])}")
    stop = random.choice(PLAIN) if num_samples == 1 and random.random() < 0.2 else None
    if stop is not None:
        words.append(f"sampling.stop={quote(stop)}")
    if num_samples == 1 and random.random() < 0.2:
        words.append(f"sampling.beams={random.choice([1, 2, 9, 1000])}")
    if random.random() < 0.3:
        words.append(f"checkpoint={random.choice(['last', 'best'])}")
    return words, Asked(length, num_samples, stop)


def _draw_wrong(random: Random, key: str) -> str:
    """Return a value that is wrong here; a prompt on the command line has no interpolation that is followed."""
    while "${" in (typed := SETTINGS[key].invalid(random)):
        pass
    return typed


def _check_text(answer: Answer, *, prompt: str, asked: Asked) -> list[str]:
    """The prompt, then as many known symbols as asked for, or those up to the stop text."""
    problems = []
    rest = answer.out
    for i in range(1, asked.num_samples + 1):
        head, end = (f"=== sample {i} ===\n\n", "\n\n") if asked.num_samples > 1 else ("", "\n")
        length, after = asked.length, rest[len(head) + len(prompt) :]
        if asked.stop is not None and asked.stop in after[:length]:
            length = after.index(asked.stop) + 1
            end = "" if asked.stop == "\n" else end
        expected = len(head) + len(prompt) + length + len(end)
        text, rest = rest[:expected], rest[expected:]
        drawn = text[len(head) + len(prompt) : len(text) - len(end)]
        if not (text.startswith(head + prompt) and text.endswith(end) and len(text) == expected):
            problems.append(f"sample {i} is {text!r}")
        elif not set(drawn) <= set(KNOWN):
            problems.append(f"sample {i} has unknown symbols: {drawn!r}")
    return [*problems, f"and then {rest!r}"] if rest else problems


def _read_all(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    repeat(partial(make_case, Path(os.environ["TRAINED"])))
