"""Whose requests are answered: those that name this server, from its own page or from no page at all."""

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from charrnn_exp.serving.guards import HEADERS, Guard, Message

PORT = 8123


async def greet(scope: Message, receive: Any, send: Any) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


async def fail(scope: Message, receive: Any, send: Any) -> None:
    raise ValueError("/home/someone/secret")


def ask(
    headers: list[tuple[str, str]], *, host: str = "127.0.0.1", app: Any = greet
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": encoded}
    asyncio.run(Guard(app, host, PORT)(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:8123", "LOCALHOST:8123", "[::1]:8123"])
@pytest.mark.parametrize("has_origin", [False, True])
def test_a_request_that_names_this_server_is_answered(host: str, has_origin: bool) -> None:
    headers = [
        ("host", host),
        *([("origin", f"http://{host}"), ("sec-fetch-site", "same-origin")] if has_origin else []),
    ]
    status, found, body = ask(headers)
    assert (status, body) == (200, b"hello")
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= found.items()
    assert not any(name.startswith("access-control") for name in found)


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["127.0.0.1"],
        ["127.0.0.1:80"],
        ["evil.com"],
        ["evil.com:8123"],
        ["127.0.0.1.evil.com:8123"],
        ["localhost:8123.evil.com"],
        ["evil.com@127.0.0.1:8123"],
        ["127.0.0.1:8123@evil.com"],
        ["127.0.0.1:8123/x"],
        ["127.0.0.1:8123", "127.0.0.1:8123"],
        ["127.0.0.1:8123, evil.com"],
        ["2130706433:8123"],
        ["0.0.0.0:8123"],
        ["10.0.0.7:8123"],
        ["[::1:8123"],
        ["127.0.0.1:99999999"],
        ["127.0.0.1:x"],
        ["\xff\xfe:8123"],
    ],
)
def test_another_host_is_misdirected(hosts: list[str]) -> None:
    status, found, body = ask([("host", host) for host in hosts])
    assert status == 421
    assert found["connection"] == "close"
    assert json.loads(body)["errors"] == ["Host must name this server, by the address that it prints."]


@pytest.mark.parametrize("origin", ["http://evil.com", "null", "https://127.0.0.1:8123", "http://localhost:8123", ""])
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert ask([("host", "127.0.0.1:8123"), ("origin", origin)])[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
def test_a_request_that_a_browser_says_comes_from_elsewhere_is_refused(site: str) -> None:
    assert ask([("host", "127.0.0.1:8123"), ("sec-fetch-site", site)])[0] == 403


@pytest.mark.parametrize(("host", "status"), [("10.0.0.7:8123", 200), ("[fe80::1]:8123", 200), ("evil.com:8123", 421)])
def test_a_server_for_a_network_takes_addresses_and_no_foreign_names(host: str, status: int) -> None:
    assert ask([("host", host)], host="0.0.0.0")[0] == status
    assert ask([("host", host)], host="127.0.0.1")[0] == 421


def test_a_bug_is_an_answer_that_tells_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    status, found, body = ask([("host", "127.0.0.1:8123")], app=fail)
    assert status == 500
    assert found["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert b"secret" not in body
    assert b"ValueError" not in body
    assert "/home/someone/secret" in caplog.text


def test_the_policy_allows_no_inline_script_and_no_other_place() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy
