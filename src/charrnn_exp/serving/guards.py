"""What stands before the application: whose requests are answered, and what every answer says to a browser.

A page of another site can send requests to a server on loopback, also under a name of its own that it points there
(DNS rebinding). It cannot choose the headers Host and Origin: both must name this server.
"""

import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
WILDCARDS = ("0.0.0.0", "::")


class Guard:
    """Answers a request that is not meant for this server, and adds `HEADERS` to every answer.

    Args:
        app: that gets the others.
        host: as typed, that the server listens on.
        port: that it listens on.
    """

    def __init__(self, app: App, host: str, port: int) -> None:
        self._app, self._port = app, port
        self._names = {"localhost", "127.0.0.1", "::1", host.lower()}
        self._takes_addresses = host in WILDCARDS
        if self._takes_addresses:
            self._names.add(socket.gethostname().lower())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer or hand on one request."""
        if scope["type"] != "http":
            return
        has_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        refusal = self._find_refusal(scope["headers"])
        app = self._app if refusal is None else answer_error(*refusal)
        try:
            await app(scope, receive, send_guarded)
        except Exception:
            log.exception("a bug in the answer to %s", ascii(scope["path"]))
            if not has_begun:  # else the server closes the connection
                await answer_error(500, "this server has a bug: its terminal tells more.")(scope, receive, send_guarded)

    def _find_refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        """Return status and line of a refusal; None: the request is for this server."""
        found: dict[bytes, list[str]] = {}
        for name, value in headers:
            found.setdefault(name, []).append(value.decode("latin-1"))
        hosts, origins = found.get(b"host", []), found.get(b"origin", [])
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            return 421, "Host must name this server, by the address that it prints."
        if origins and origins != [f"http://{hosts[0]}"]:
            return 403, "Origin must be this server: it has no answers for pages of others."
        if found.get(b"sec-fetch-site", ["none"])[0] not in ("none", "same-origin"):
            return 403, "the page that asks must be of this server."
        return None

    def _is_own(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname, parts.port or 80
        except ValueError:
            return False
        if name is None or port != self._port or host.lower() not in (f"{name}:{port}", f"[{name}]:{port}", name):
            return False
        return name in self._names or (self._takes_addresses and _is_address(name))


def answer_error(status: int, *lines: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer that says what is wrong; the connection ends with it, whatever of the request is on its way."""
    return JSONResponse({"errors": list(lines)}, status, {"Connection": "close", **(headers or {})})


def _is_address(name: str) -> bool:
    """Return whether it is an address: no page of another site can have that for its name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
