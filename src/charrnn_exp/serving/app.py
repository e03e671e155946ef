"""The page and its JSON API, as an application for a server.

Axes: t time.
"""

import asyncio
import importlib.resources
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from charrnn_exp.errors import UserError
from charrnn_exp.serving import orders
from charrnn_exp.serving.generation import Generator, Piece
from charrnn_exp.serving.guards import answer_error
from charrnn_exp.serving.turns import End, Event, Ticket, TooLate, Turns

MAX_REQUESTS = 64
"""Requests that take turns; further ones are asked to come again."""
RETRY_SECONDS = 1
BODY_SECONDS = 10.0
"""Seconds that a body may take to arrive."""
REQUEST_SECONDS = 60.0
"""Seconds from a request to the end of its text."""
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
JSON = "application/json"
LINES = "application/x-ndjson"


class Refusal(Exception):
    """A request that gets an error.

    Args:
        status: of HTTP.
        lines: what is wrong, and what to do.
    """

    def __init__(self, status: int, *lines: str) -> None:
        super().__init__(*lines)
        self.status, self.lines = status, lines


def make_app(generator: Generator, name: str) -> Starlette:
    """Return the application.

    Args:
        generator: of the model.
        name: of the model, as the page shows it.
    """
    turns = Turns(MAX_REQUESTS)
    routes = [Route(path, _serve_file(*file), methods=["GET"]) for path, file in FILES.items()]
    routes += [
        Route("/api/model", _describe(generator, name), methods=["GET"]),
        Route("/api/generate", _generate(generator, turns), methods=["POST"]),
        Route("/api/score", _score(generator, turns), methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _answer_http, Refusal: _answer_refusal})
    app.router.redirect_slashes = False
    return app


def _serve_file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = (importlib.resources.files("charrnn_exp.serving") / "page" / name).read_bytes()

    async def serve_file(_: Request) -> Response:
        return Response(content, media_type=kind)

    return serve_file


def _describe(generator: Generator, name: str) -> Callable[[Request], Awaitable[Response]]:
    vocabulary = generator.vocabulary
    content = {
        "name": name,
        "unit": vocabulary.unit.name,
        "num_symbols": len(vocabulary),
        "settings": orders.find_defaults(generator.config),
        "inputs": orders.find_inputs(),
        "notes": generator.notes,
        "limits": {"prompt": orders.MAX_PROMPT, "length": orders.MAX_LENGTH, "text": orders.MAX_TEXT},
    }

    async def describe(_: Request) -> Response:
        return JSONResponse(content)

    return describe


def _generate(generator: Generator, turns: Turns) -> Callable[[Request], Awaitable[Response]]:
    async def generate(request: Request) -> Response:
        values = await _read_body(request)
        with _Refusing():
            order = orders.read_order(values, generator.config)
            prompt_ids_t = generator.read_prompt(order.sampling)
        began = time.monotonic()
        pieces = _compute(turns, lambda: generator.generate(order.sampling, prompt_ids_t, has_losses=order.has_losses))
        if not order.is_streamed:
            found = await _collect(request, pieces)
            return JSONResponse(_summarise(found, began, has_losses=order.has_losses))
        first = await anext(pieces)
        return _Lines(_stream(first, pieces, began), media_type=LINES)

    return generate


def _score(generator: Generator, turns: Turns) -> Callable[[Request], Awaitable[Response]]:
    async def score(request: Request) -> Response:
        values = await _read_body(request)
        with _Refusing():
            ids_t = generator.read_text(orders.read_text(values))
        began = time.monotonic()
        found = await _collect(request, _compute(turns, lambda: generator.score(ids_t)))
        return JSONResponse(_summarise(found, began, has_losses=True))

    return score


class _Refusing:
    """Turns a user's mistake into an answer."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: object, __: object) -> None:
        if isinstance(error, UserError):
            raise Refusal(400, *error.lines) from None


class _Lines(StreamingResponse):
    """An answer in lines; a reader who stops reading gets the end of the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS + BODY_SECONDS):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            return


async def _read_body(request: Request) -> dict[str, Any]:
    """Return the object of a body, of bounded size, in bounded time.

    Raises:
        Refusal: if it is too large, too slow, or something else.
    """
    kind, _, words = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != JSON or words.strip().lower() not in ("", "charset=utf-8"):
        raise Refusal(415, f"Content-Type must be {JSON}, in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "Content-Encoding must be identity.")
    length = request.headers.get("content-length", "0")
    too_large = Refusal(413, f"a body must have at most {orders.MAX_BODY_BYTES:,} bytes.")
    if not length.isdecimal() or len(length) > 12 or int(length) > orders.MAX_BODY_BYTES:
        raise too_large
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                raw += chunk
                if len(raw) > orders.MAX_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refusal(408, f"a body must arrive within {BODY_SECONDS:.0f} seconds.") from None
    except ClientDisconnect:
        raise Refusal(400, "the body must be whole.") from None
    with _Refusing():
        return orders.parse_object(bytes(raw))
    raise AssertionError("a mistake is refused")


async def _compute(turns: Turns, begin: Callable[[], Iterator[Piece]]) -> AsyncIterator[Piece]:
    """Yield the pieces that the thread computes; whoever stops listening stops it.

    Raises:
        Refusal: if there is no room, or the time is over.
    """
    loop, events = asyncio.get_running_loop(), asyncio.Queue[Event]()

    def deliver(event: Event) -> None:
        loop.call_soon_threadsafe(events.put_nowait, event)

    ticket = Ticket(begin, deliver, time.monotonic() + REQUEST_SECONDS)
    if not turns.submit(ticket):
        raise Refusal(503, f"this server has {MAX_REQUESTS} requests to answer: come again in {RETRY_SECONDS} s.")
    try:
        while not isinstance(event := await events.get(), End):
            match event:
                case Piece():
                    yield event
                case TooLate():
                    raise Refusal(
                        503, f"the text was not done in {REQUEST_SECONDS:.0f} s: come again, or ask for less."
                    )
                case UserError():
                    raise Refusal(400, *event.lines)
                case _:
                    assert isinstance(event, Exception)
                    raise event
    finally:
        ticket.is_cancelled = True


async def _collect(request: Request, pieces: AsyncIterator[Piece]) -> list[Piece]:
    found = []
    async for piece in pieces:
        found.append(piece)
        if await request.is_disconnected():
            break
    return found


async def _stream(first: Piece, others: AsyncIterator[Piece], began: float) -> AsyncIterator[str]:
    """Yield a line for each piece, and a last one that sums up or says what went wrong."""
    found = [first]
    yield _write_line(_write_piece(first))
    try:
        async for piece in others:
            found.append(piece)
            yield _write_line(_write_piece(piece))
    except Refusal as refusal:
        yield _write_line({"errors": list(refusal.lines)})
        return
    summary = _summarise(found, began, has_losses=bool(first.losses))
    yield _write_line({"done": True, **{key: summary[key] for key in ("characters", "loss", "seconds")}})


def _write_line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"


def _write_piece(piece: Piece) -> dict[str, Any]:
    return {"text": piece.text} | ({"losses": [_round(each) for each in piece.losses]} if piece.losses else {})


def _summarise(pieces: list[Piece], began: float, *, has_losses: bool) -> dict[str, Any]:
    """Return the whole text: its characters, their losses and the mean of these, the seconds that it took."""
    text = "".join(piece.text for piece in pieces)
    losses = [each for piece in pieces for each in piece.losses]
    known = [each for each in losses if each is not None]
    return {
        "text": text,
        "characters": len(text),
        "loss": _round(sum(known) / len(known)) if known else None,
        "seconds": round(time.monotonic() - began, 3),
    } | ({"losses": [_round(each) for each in losses]} if has_losses else {})


def _round(loss: float | None) -> float | None:
    return None if loss is None else round(loss, 4)


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answer_error(error.status_code, error.detail, headers=dict(error.headers or {}))


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = {"Retry-After": str(RETRY_SECONDS)} if error.status == 503 else None
    return answer_error(error.status, *error.lines, headers=headers)
