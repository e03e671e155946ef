"""What every page must be: one file, without an address, an element or a script that is not ours."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from charrnn_exp.views.html.document import SCRIPT
from charrnn_exp.views.kinds.pages import MAX_BYTES
from charrnn_exp.views.kinds.surprise_script import SCRIPT as OF_SURPRISE

OPEN = {"meta", "br", "input", "path", "circle"}
"""Elements that have no end."""


class Elements(HTMLParser):
    """Collects elements and attributes; each must be closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.waiting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in OPEN:
            self.waiting.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPEN:
            assert self.waiting.pop() == tag


def check_page(page: str) -> None:
    """Assert that a page is closed, small, and ours alone."""
    assert len(page.encode()) < MAX_BYTES
    elements = Elements()
    elements.feed(page)
    assert elements.waiting == []
    assert elements.names.count("script") == elements.names.count("style") == 1
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & set(elements.names)
    for tag, name, value in elements.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "action"), (tag, name)
        assert name != "href" or value.startswith("#"), value
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script in (SCRIPT, SCRIPT + OF_SURPRISE)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(value for tag, name, value in elements.attributes if tag == "meta" and "script-src" in value)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
