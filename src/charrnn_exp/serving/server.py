"""The server: listens, says so, and ends within seconds of a signal."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from charrnn_exp.serving.app import make_app
from charrnn_exp.serving.generation import Generator
from charrnn_exp.serving.guards import Guard

HEAD_SECONDS = 10.0
"""Seconds that the head of a request may take to arrive."""
MAX_HEAD_BYTES = 1 << 14
MAX_CONNECTIONS = 256
"""Further ones are answered by 503 at once."""
END_SECONDS = 2
"""Seconds that texts on their way have at the end."""
SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def serve(generator: Generator, name: str, listener: socket.socket, host: str, announce: Callable[[], None]) -> None:
    """Answer until SIGINT or SIGTERM, which then reaches the handler that was set before.

    Args:
        generator: warm.
        name: of the model, as the page shows it.
        listener: bound to the port.
        host: as typed.
        announce: called once the server listens.
    """
    port = int(listener.getsockname()[1])
    config = uvicorn.Config(
        Guard(make_app(generator, name), host, port),
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=END_SECONDS,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # it warns of each request that is no HTTP
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    _Server(config, announce).run(sockets=[listener])


class TimedProtocol(H11Protocol):
    """HTTP by h11, with a limit to the time in which the head of a request arrives."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the time of the first head."""
        super().connection_made(transport)
        self._time_head()

    def data_received(self, data: bytes) -> None:
        """Take data; the time of a head ends with the head."""
        super().data_received(data)
        self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time."""
        super().connection_lost(exc)
        self._stop_timer()

    def _time_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(SLOW)
            self.transport.close()


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._announce()
