"""Streams of bytes from the network; every address, also after a redirect, must be one that may be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from charrnn_exp.config.urls import find_url_problem

CHUNK_BYTES = 1 << 16
MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 20.0
"""Seconds without a byte after which a server counts as silent."""


@contextmanager
def open_url(url: str) -> Iterator[tuple[Iterator[bytes], int | None]]:
    """Give the chunks of an answer and the number of bytes that the server announces, None: none.

    Raises:
        ValueError: if the address, or one that it redirects to, may not be used; it is not connected to.
        OSError: if the server does not answer, or not with 200 (exceptions of requests are OSErrors).
    """
    import requests

    with requests.Session() as session:
        session.auth = _send_no_password
        for _ in range(MAX_REDIRECTS + 1):
            if rule := find_url_problem(url):
                raise ValueError(f"{url[:200]!r} is not {rule}")
            with session.get(url, stream=True, timeout=TIMEOUT_SECONDS, allow_redirects=False) as answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers["location"])
                    continue
                answer.raise_for_status()
                announced = answer.headers.get("content-length", "")
                yield answer.iter_content(CHUNK_BYTES), int(announced) if announced.isdecimal() else None
                return
        raise OSError(f"more than {MAX_REDIRECTS} redirects")


def _send_no_password(request: Any) -> Any:
    """Leave a request as it is; without this, requests would send what it finds in ~/.netrc."""
    return request
