"""Coloured text."""

import re

from charrnn_exp.views.html.prose import write_spans
from tests.viewed_run import EVIL


def test_a_span_stands_around_each_stretch_of_one_class_and_all_text_is_escaped() -> None:
    shown = write_spans(f"ab<{EVIL}", ["s1", "s1", "", *["n2 on"] * len(EVIL)])
    assert shown.startswith('<i class="s1">ab</i>&lt;<i class="n2 on">&lt;/pre&gt;')
    assert set(re.findall(r"<[^>]*>", shown)) == {'<i class="s1">', '<i class="n2 on">', "</i>"}


def test_what_cannot_be_seen_is_shown() -> None:
    assert write_spans("\n\t\x1b\u202e", ["", "", "", ""]) == "&#8629;\n\t\\x1b\\u202e"
