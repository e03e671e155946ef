"""How long the server of `serve` takes: `python -m benchmarks.serving [run=REF] [requests=50] [length=200]`.

It starts the verb as a process of its own, asks for one text after another, then for all at once, and prints for both
the median and the 99th percentile of the seconds to the first character (streamed) and to the last.
"""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np

HEADERS = {"Content-Type": "application/json"}


def ask(host: str, length: int, seed: int, *, has_losses: bool) -> tuple[float, float]:
    """Return the seconds to the first line of a streamed text and to its last."""
    connection = HTTPConnection(host, timeout=120)
    order = {"length": length, "seed": seed, "stream": True, "losses": has_losses}
    began = time.perf_counter()
    connection.request("POST", "/api/generate", json.dumps(order), HEADERS)
    answer = connection.getresponse()
    first = answer.readline()
    to_first = time.perf_counter() - began
    *_, last = (first + answer.read()).splitlines()
    to_last = time.perf_counter() - began
    connection.close()
    assert json.loads(last)["characters"] == length, last
    return to_first, to_last


def measure(host: str, num_requests: int, length: int) -> None:
    """Print the table."""
    print(f"{num_requests} requests for {length} characters, seconds   first p50     p99   last p50     p99")
    for has_losses in (False, True):
        for num_at_once in (1, num_requests):
            with ThreadPoolExecutor(num_at_once) as pool:
                found = list(pool.map(partial(ask, host, length, has_losses=has_losses), range(num_requests)))
            first, last = np.percentile(np.array(found), [50, 99], axis=0).T
            name = f"{'with' if has_losses else 'without'} losses, {num_at_once} at once"
            print(f"{name:<44}{first[0]:>11.3f} {first[1]:>7.3f} {last[0]:>10.3f} {last[1]:>7.3f}")


def main(words: list[str]) -> None:
    """Serve a run, measure, end the server."""
    typed = dict(word.split("=", 1) for word in words)
    command = [sys.executable, "-m", "charrnn_exp", "serve", f"run={typed.get('run', 'latest')}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "http" in line, "the server did not start"
            host = urlsplit(line.rpartition(": ")[2].strip()).netloc
            measure(host, int(typed.get("requests", 50)), int(typed.get("length", 200)))
        finally:
            process.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
