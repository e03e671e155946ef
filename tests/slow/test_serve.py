"""`serve` as a real process: many at once, hostile requests, its end, and its page in a real browser."""

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.sampling.filters.registry import FILTERS
from charrnn_exp.serving.orders import MAX_NUMBER, find_inputs
from tests.slow.programs import TEXT, start
from tests.slow.served import JSON, Served, serving, train_small

pytestmark = pytest.mark.slow

PICTURES = os.environ.get("CHARRNN_UI_PICTURES")
"""Folder to leave the pictures in, for the docs."""
PLACE = os.environ.get("CHARRNN_SERVE_PLACE")
"""Folder with a better run, for the pictures."""
OBSERVE = """() => {
        const text = document.getElementById("text");
        new MutationObserver(() => {
            window.lengths = [...(window.lengths ?? []), [performance.now(), text.textContent.length]];
        }).observe(text, {childList: true});
        document.getElementById("write").addEventListener("click", () => { window.began = performance.now(); });
    }"""
HEAD = b"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    train_small(folder)
    return folder


@pytest.fixture(scope="module")
def served(place: Path) -> Iterator[Served]:
    with serving(place) as running:
        yield running


def test_fifty_at_once_are_all_answered_each_by_its_own_text(served: Served) -> None:
    def ask(seed: int) -> tuple[float, str]:
        began = time.monotonic()
        status, found = served.post("/api/generate", {"length": 200, "seed": seed})
        assert (status, found["characters"]) == (200, 200)
        return time.monotonic() - began, found["text"]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    p50, p99 = np.percentile([seconds for seconds, _ in answers], [50, 99])
    print(f"50 requests at once for 200 characters: p50 {p50:.3f} s, p99 {p99:.3f} s")
    assert len({text for _, text in answers}) > 45
    assert ask(7)[1] == answers[7][1]


def test_beyond_its_room_requests_are_asked_to_come_again(served: Served) -> None:
    def ask(seed: int) -> tuple[int, str | None]:
        body = json.dumps({"length": 2000, "seed": seed}).encode()
        status, headers, _ = served.ask("POST", "/api/generate", body, JSON)
        return status, {name.lower(): value for name, value in headers.items()}.get("retry-after")

    with ThreadPoolExecutor(110) as pool:
        answers = list(pool.map(ask, range(110)))
    assert set(answers) == {(200, None), (503, "1")}
    assert answers.count((200, None)) >= 64


def test_a_streamed_text_is_the_whole_one_and_the_verbs(served: Served, place: Path) -> None:
    order = {"prompt": "the ", "length": 600, "seed": 3, "losses": True}
    status, whole = served.post("/api/generate", order)
    assert status == 200
    with contextlib.closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("POST", "/api/generate", json.dumps({**order, "stream": True}), JSON)
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        *pieces, last = [json.loads(line) for line in answer.read().splitlines()]
    assert "".join(piece["text"] for piece in pieces) == whole["text"]
    assert [loss for piece in pieces for loss in piece["losses"]] == whole["losses"]
    assert (last["done"], last["characters"], last["loss"]) == (True, 600, whole["loss"])
    status, scored = served.post("/api/score", {"text": "the " + whole["text"]})
    assert scored["losses"][4:] == pytest.approx(whole["losses"], abs=2e-3)
    words = ["sample", "sampling.prompt=the ", "sampling.length=600", "sampling.seed=3"]
    out, _ = start(place, *words).communicate(timeout=120)
    assert out == "the " + whole["text"] + "\n"


def test_what_the_model_is(served: Served) -> None:
    status, _, model = served.ask("GET", "/api/model")
    assert status == 200
    assert model["settings"]["length"] == 7
    assert model["limits"] == {"prompt": 10_000, "length": 10_000, "text": 20_000}


BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "no json": (b"<html>", 400),
    "a list": (b"[]", 400),
    "deep lists": (b"[" * 200_000, 400),
    "deep objects": (b'{"a":' * 40_000, 400),
    "NaN": (b'{"temperature": NaN}', 400),
    "infinity": (b'{"temperature": Infinity}', 400),
    "an infinite number": (b'{"temperature": 1e999}', 400),
    "a negative temperature": (b'{"temperature": -1}', 400),
    "a huge whole number": (b'{"seed": ' + b"9" * 100_000 + b"}", 400),
    "a long whole number": (b'{"length": ' + b"9" * 30 + b"}", 400),
    "too many characters": (b'{"length": 10000000}', 400),
    "none": (b'{"length": 0}', 400),
    "a text for a number": (b'{"length": "7"}', 400),
    "a list for a number": (b'{"length": [7]}', 400),
    "a truth value": (b'{"length": true}', 400),
    "a number for a prompt": (b'{"prompt": 7}', 400),
    "a long prompt": (b'{"prompt": "' + b"a" * 10_001 + b'"}', 400),
    "half a surrogate pair": (b'{"prompt": "\\ud800"}', 400),
    "a symbol that it lacks": ('{"prompt": "\u4f60"}'.encode(), 400),
    "a zero": (b'{"prompt": "\\u0000"}', 400),
    "latin-1": (b'{"prompt": "\xe9"}', 400),
    "utf-16": ('{"length": 7}'.encode("utf-16"), 400),
    "a name twice": (b'{"length": 7, "length": 8}', 400),
    "a file for a prompt": (b'{"prompt_file": "/etc/passwd"}', 400),
    "a name of Python": (b'{"__class__": "x"}', 400),
    "two objects": (b"{}{}", 400),
    "too large": (b'{"prompt": "' + b" " * (1 << 18) + b'"}', 413),
}
REQUESTS: dict[str, tuple[bytes, int]] = {
    "another host": (b"GET / HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n", 421),
    "no host": (b"GET / HTTP/1.0\r\n\r\n", 421),
    "another origin": (HEAD + b"Origin: http://evil.com\r\nContent-Length: 2\r\n\r\n{}", 403),
    "a form": (HEAD.replace(b"application/json", b"text/plain") + b"Content-Length: 2\r\n\r\n{}", 415),
    "another encoding": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
    "a length that is none": (HEAD + b"Content-Length: x\r\n\r\n{}", 400),
    "a negative length": (HEAD + b"Content-Length: -2\r\n\r\n{}", 400),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "a length of a terabyte": (HEAD + b"Content-Length: 1099511627776\r\n\r\n{}", 413),
    "a chunk that is none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "chunks without end": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b" " * 32768 + b"\r\n") * 9,
        413,
    ),
    "a long head": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX: " + b"x" * (1 << 17), 400),
    "no http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a path that climbs": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n", 404),
    "a path that climbs in disguise": (
        b"GET /%2e%2e/%2e%2e/etc/passwd%00.css HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n",
        404,
    ),
    "a file of the source": (b"GET /app.py HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n", 404),
    "an absolute path": (b"GET //etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n", 404),
    "another method": (b"DELETE /api/generate HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n", 405),
    "to read what is asked by writing": (
        b"GET /api/generate HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n",
        405,
    ),
    "a request of another site before it asks": (
        b"OPTIONS /api/generate HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n",
        405,
    ),
}


def check_refusal(answer: bytes, status: int, place: Path) -> None:
    """Check that an answer has a status and tells nothing of this machine."""
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:300]
    for told in (b"Traceback", b".py", b"/home", b"/tmp", b"/usr", b"site-packages", str(place).encode(), b"root:"):
        assert told not in answer, answer[-300:]
    assert b"access-control-" not in answer.lower()


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused_and_the_next_is_answered(name: str, served: Served, place: Path) -> None:
    body, status = BODIES[name]
    head = HEAD.replace(b"PORT", str(served.port).encode()) + f"Content-Length: {len(body)}\r\n\r\n".encode()
    check_refusal(served.send_raw(head + body), status, place)
    assert served.post("/api/generate", {"length": 3})[0] == 200


@pytest.mark.parametrize("name", REQUESTS)
def test_a_hostile_request_is_refused_and_the_next_is_answered(name: str, served: Served, place: Path) -> None:
    raw, status = REQUESTS[name]
    check_refusal(served.send_raw(raw.replace(b"PORT", str(served.port).encode())), status, place)
    assert served.post("/api/generate", {"length": 3})[0] == 200


@pytest.mark.parametrize("sent", ["nothing", "some of the head", "all of the head and some of the body"])
def test_a_slow_sender_is_sent_away_and_nobody_waits_for_it(sent: str, served: Served, place: Path) -> None:
    head = HEAD.replace(b"PORT", str(served.port).encode())
    parts = {"nothing": b"", "some of the head": head[:9]}
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(
            served.send_raw, parts.get(sent, head + b'Content-Length: 99\r\n\r\n{"length": '), seconds=25
        )
        began = time.monotonic()
        assert served.post("/api/generate", {"length": 3})[0] == 200
        assert time.monotonic() - began < 5
        check_refusal(slow.result(), 408, place)


def test_a_second_request_that_does_not_come_ends_the_connection(served: Served) -> None:
    head = HEAD.replace(b"PORT", str(served.port).encode())
    answer = served.send_raw(head + b"Content-Length: 2\r\n\r\n{}POST /a", seconds=25)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_drop_at_a_time_is_slow_too(served: Served) -> None:
    """Each byte comes well before any limit between bytes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        began, found = time.monotonic(), b""
        connection.settimeout(0.5)
        for byte in HEAD * 10:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.send(bytes([byte]))
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                found = connection.recv(1 << 12)
                break
        assert 8 < time.monotonic() - began < 15
    assert found.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("has_losses", [False, True])
def test_readers_that_do_not_read_hold_up_nobody(has_losses: bool, served: Served) -> None:
    body = json.dumps({"length": 10_000, "stream": True, "losses": has_losses, "prompt": "the "}).encode()
    head = HEAD.replace(b"PORT", str(served.port).encode()) + f"Content-Length: {len(body)}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            lazy = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            lazy.sendall(head + body)
        began = time.monotonic()
        assert served.post("/api/generate", {"length": 3})[0] == 200
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_seconds_also_amid_a_text(number: int, place: Path) -> None:
    with start(place, "serve") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        running = Served("", process, port)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                running.send_raw, HEAD.replace(b"PORT", str(port).encode()) + b"Content-Length: 9\r\n\r\n"
            )
            assert running.post("/api/generate", {"length": 3})[0] == 200
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(timeout=30) == 0
            assert time.monotonic() - began < 5
            asked.result()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module")
def shown(served: Served) -> Iterator[Served]:
    """The server of the pictures, where there is a better one."""
    if PLACE is None:
        yield served
        return
    with serving(Path(PLACE)) as better:
        yield better


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "the browser test needs Chromium"
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield opened
        opened.close()


OWN: dict[str, Any] = {
    "length": 13,
    "temperature": 0.123,
    "stop": "e\nthe",
    "seed": 2**31 - 1,
    **{name: each.valid[-1] for name, each in FILTERS.built_in.items()},
    "typical_p": 0.01,
    "min_p": 5e-324,
    "prompt": "the " * 3000,
}
"""Settings of a run that no slider comes to, and whose numbers a browser does not hold."""
TYPED: dict[str, Any] = {
    "length": 9,
    "temperature": 1.37,
    "stop": "5",
    "seed": 8,
    **{
        name: next(value for value in each.valid if 0 < value <= MAX_NUMBER and value not in (OWN[name], 1.0))
        for name, each in FILTERS.built_in.items()
    },
}
"""Another value of each setting, as a person types it; 1, where it is the end of a slider, means off."""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of a run with a value of its own for every setting."""
    folder = tmp_path_factory.mktemp("odd")
    words = [
        f'sampling.{name}="{value}"' if type(value) is str else f"sampling.{name}={value}"
        for name, value in OWN.items()
    ]
    (folder / "odd.txt").write_text(TEXT.read_text() + "5\n")
    train_small(folder, "dataset.path=odd.txt", "training.max_steps=3", "sampling.beams=2", *words)
    with serving(folder) as running:
        yield running


@pytest.fixture
def page(odd: Served, browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1000, "height": 900})
    opened.goto(odd.address)
    opened.get_by_text("ready").wait_for(timeout=10_000)
    yield opened
    opened.close()


def write(page: Any) -> dict[str, Any]:
    """Press the button; return what the page asks for once the server took it."""
    with page.expect_response("**/api/generate") as answered:
        page.get_by_role("button", name="Write").click()
    assert answered.value.status == 200, page.locator("#status").text_content()
    page.get_by_text("characters in").wait_for(timeout=30_000)
    asked: dict[str, Any] = json.loads(answered.value.request.post_data)
    return asked


def test_what_nobody_changes_is_as_the_run_has_it(odd: Served, page: Any) -> None:
    page.locator("#renew").uncheck()
    assert write(page) == {"stream": True, "losses": True}
    drawn = page.locator("#text span:not(.prompt)").all_text_contents()
    assert "".join(drawn) == odd.post("/api/generate", {})[1]["text"]
    assert page.get_by_label("stop", exact=True).input_value() == OWN["stop"]
    notes = page.locator("#notes").text_content()
    assert "sampling.prompt of the run has 12,000 characters" in notes
    assert "sampling.beams of the run is 2" in notes


def test_each_setting_has_an_input_that_takes_its_values(page: Any) -> None:
    assert set(TYPED) == set(OWN) - {"prompt"} == set(find_inputs()) - {"prompt"}, "a setting that no test types"
    page.locator("#renew").uncheck()
    for name, value in TYPED.items():
        page.locator(f"#setting-{name}").fill(str(value))
    page.get_by_label("Prompt").fill("he")
    assert write(page) == {**TYPED, "prompt": "he", "stream": True, "losses": True}
    for name, about in find_inputs().items():
        if name != "prompt" and about["optional"]:
            page.locator(f"#setting-{name}").fill("")
    page.get_by_label("Prompt").fill("")
    off = dict.fromkeys((name for name, about in find_inputs().items() if about["optional"]))
    assert write(page) == {**TYPED, **off, "stream": True, "losses": True}


@pytest.mark.parametrize("typed", ["", "1e", "-"])
def test_a_number_that_is_none_is_not_sent(typed: str, page: Any) -> None:
    """Also not as 0, which would be greedy."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#setting-temperature").fill("")
    page.locator("#setting-temperature").press_sequentially(typed)
    page.get_by_role("button", name="Write").click()
    page.get_by_label("Prompt").press("Control+Enter")
    page.locator("#setting-temperature").fill("0.5")
    assert write(page)["temperature"] == 0.5
    assert len(asked) == 1


def test_sliders_are_of_settings_and_end_at_values_that_are_taken(page: Any) -> None:
    ranges = page.evaluate("RANGES")
    assert set(ranges) <= set(find_inputs())
    for end in ("min", "max"):
        for name in ranges:
            slider = page.locator(f".setting:has(#setting-{name}) input[type=range]")
            slider.evaluate(f"each => {{ each.value = each.{end}; each.dispatchEvent(new Event('input')); }}")
        write(page)


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [("integer", "7", 7), ("number", "0.123", 0.123), ("string", "a\nb", "a\nb"), ("boolean", "true", True)],
)
def test_a_setting_of_any_kind_has_an_input_for_it(kind: str, typed: str, value: Any, page: Any) -> None:
    """Whoever adds a filter names it nowhere in the page."""
    for own, is_optional in ((None, True), (value, True), (value, False)):
        about = {"kind": kind, "optional": is_optional, "meaning": "Any."}
        page.evaluate("([own, about]) => addSetting('new', own, about, {})", [own, about])
        field = page.locator("#setting-new")
        assert page.evaluate("readers.new() === undefined")
        if own is None:
            (field.select_option if kind == "boolean" else field.fill)(typed)
            assert page.evaluate("readers.new()") == value
        elif is_optional:
            (field.select_option if kind == "boolean" else field.fill)("")
            assert page.evaluate("readers.new()") is None
        assert page.evaluate("document.getElementById('form').checkValidity()")
        page.evaluate("document.querySelector('.setting:has(#setting-new)').remove()")


def test_a_symbol_that_the_model_lacks_has_a_way_out_of_the_page(page: Any) -> None:
    page.get_by_label("Prompt").fill("\u4f60")
    page.get_by_role("button", name="Write").click()
    page.locator("#status.wrong").wait_for(timeout=10_000)
    line = page.locator("#status").text_content()
    assert line.startswith("prompt must hold only symbols of the training text, got U+4F60")
    assert line.endswith(" Leave them out.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_the_page_streams_a_text_in_colours_and_asks_no_one_else(
    width: int, scheme: str, shown: Served, browser: Any, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(shown.address)
    page.get_by_text("ready").wait_for(timeout=10_000)
    page.get_by_label("Prompt").fill("the ")
    page.locator("#setting-length").fill("700")
    page.evaluate(OBSERVE)
    page.get_by_role("button", name="Write").click()
    page.get_by_text("700 characters in").wait_for(timeout=30_000)
    began, lengths = page.evaluate("[window.began, window.lengths]")
    assert began < lengths[0][0]
    assert len({length for _, length in lengths}) > 2, "it comes in pieces"
    assert page.locator("#text").text_content().startswith("the ")
    assert len(page.locator("#text").text_content()) == 704
    classes = set(page.evaluate("Array.from(document.querySelectorAll('#text span'), each => each.className)"))
    assert len(classes - {"prompt", ""}) >= 3
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=f"{PICTURES or tmp_path}/serve_{width}_{scheme}.png", full_page=True)
    assert asked
    assert all(url.startswith((shown.address, "data:")) for url in asked), asked
    assert problems == []
    page.close()


@pytest.mark.alone
def test_the_first_character_comes_within_three_tenths_of_a_second(shown: Served, browser: Any) -> None:
    page = browser.new_page()
    page.goto(shown.address)
    page.get_by_text("ready").wait_for(timeout=10_000)
    page.get_by_label("Prompt").fill("the ")
    page.evaluate(OBSERVE)
    page.get_by_role("button", name="Write").click()
    page.get_by_text("characters in").wait_for(timeout=30_000)
    began, lengths = page.evaluate("[window.began, window.lengths]")
    first = next(time for time, length in lengths if length > 4) - began
    print(f"first character after {first / 1000:.3f} s")
    assert first < 300
    page.close()


def test_the_page_can_be_used_without_a_mouse(shown: Served, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.goto(shown.address)
    page.get_by_text("ready").wait_for(timeout=10_000)
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.ariaLabel"))
    assert {"prompt", "setting-length", "setting-temperature", "setting-seed", "colours", "write", "text"} <= set(seen)
    page.get_by_label("Prompt").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("the ")
    page.keyboard.press("Control+Enter")
    page.get_by_text("characters in").wait_for(timeout=30_000)
    page.locator("#setting-length").fill("10000")
    page.keyboard.press("Control+Enter")
    page.get_by_text("writing").wait_for(timeout=30_000)
    page.keyboard.press("Escape")
    page.get_by_text("stopped").wait_for(timeout=10_000)
    page.close()


def test_a_text_is_shown_as_text_and_a_mistake_as_a_line(shown: Served, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.goto(shown.address)
    page.get_by_text("ready").wait_for(timeout=10_000)
    markup = "<img src=x onerror=alert(1)><script>alert(2)</script>\u4f60"
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    page.get_by_label("Prompt").fill(markup)
    page.get_by_role("button", name="Write").click()
    page.get_by_text("prompt must hold only symbols of the training text").wait_for(timeout=10_000)
    assert page.locator("#text").text_content() == markup
    assert page.locator("#text img, #text script").count() == 0
    page.close()
