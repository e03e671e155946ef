"""The child of a fuzzing line: it calls `main` of the program for one case after the other, in one process.

    python -m stress.inside

Each line of its standard input is a case, `{"words", "folder", "stdin"}`; each line of its standard output is the
answer, `{"code", "out", "err", "seconds", "megabytes"}`. What the program itself reads and writes
are files in their place.
"""

import gc
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil


def main() -> None:
    """Answer case after case until there is none."""
    cases, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    before = (sys.stdin, sys.stdout, sys.stderr)
    for line in cases:
        answer = answer_case(**json.loads(line))
        sys.stdin, sys.stdout, sys.stderr = before
        print(json.dumps(answer), file=answers, flush=True)


def answer_case(words: list[str], folder: str, stdin: str | None) -> dict[str, Any]:
    """Call the program in the folder; `stdin` is the path of a file, None for nothing to read."""
    from charrnn_exp import cli

    os.chdir(folder)
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(stdin or os.devnull).open("rb") as read,
    ):
        for file, number in ((read, 0), (out, 1), (err, 2)):
            os.dup2(file.fileno(), number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  # as a new process has them
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
        start = time.monotonic()
        code = cli.main(words)
        sys.stdout.flush()
        sys.stderr.flush()
        seconds = time.monotonic() - start
        texts = [_read(file) for file in (out, err)]
    _forget()
    return {
        "code": code,
        "out": texts[0],
        "err": texts[1],
        "seconds": seconds,
        "megabytes": psutil.Process().memory_info().rss / 1e6,
    }


def _read(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def _forget() -> None:
    """Let go of what a command left behind and what else would end with its process: graphs, levels of loggers."""
    logging.disable(logging.NOTSET)
    for logger in (logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)):
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET if logger is not logging.root else logging.WARNING)
    if "keras" in sys.modules:
        import keras

        keras.utils.clear_session()
    gc.collect()


if __name__ == "__main__":
    main()
