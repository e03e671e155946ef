"""Text with a colour behind each of its characters."""

import html
import itertools
import unicodedata
from collections.abc import Sequence

from charrnn_exp.streams import escape_controls
from charrnn_exp.views.html.colours import NUM_SIGNS

STYLE = """
.prose { font: .95rem/1.75 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 8;
  max-height: none; background: var(--bg); color: var(--fg); padding: .6rem; }
.prose i { font-style: normal; padding: .12em 0; } .prose .on { border-bottom: 2px solid var(--fg); }
.key { display: inline-flex; flex-wrap: wrap; gap: 0 .1rem; } .key span { padding: 0 .5rem; }
"""


def show_character(character: str) -> str:
    """Return a character as markup that shows it: a line break also as an arrow, controls as escapes.

    >>> [show_character(each) for each in "<\\n\\u0301"] == ["&lt;", "&#8629;\\n", "&#9676;\\u0301"]
    True
    """
    if character == "\n":
        return "&#8629;\n"
    mark = "&#9676;" if unicodedata.combining(character) else ""
    return mark + html.escape(escape_controls(character), quote=True)


def write_spans(text: str, classes: Sequence[str]) -> str:
    """Return a text as markup, a span for each stretch of one class; of an empty class there is none.

    Args:
        text: any.
        classes: for each character, words of ours.
    """
    parts = []
    for name, stretch in itertools.groupby(zip(classes, text, strict=True), key=lambda pair: pair[0]):
        shown = "".join(show_character(character) for _, character in stretch)
        parts.append(f'<i class="{name}">{shown}</i>' if name else shown)
    return "".join(parts)


def name_sign(value: float) -> str:
    """Return the class of a value in [-1, 1]: the nearest of the levels on its side, "" for none; beyond it, the last.

    >>> [name_sign(value) for value in (-9.0, -0.5, 0.1, 0.26, 1.0)]
    ['n4', 'n2', '', 'p1', 'p4']
    """
    level = min(NUM_SIGNS, round(abs(value) * NUM_SIGNS))
    return f"{'p' if value > 0 else 'n'}{level}" if level else ""
