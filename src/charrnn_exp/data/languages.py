"""How much a text looks like some known language, by its characters beyond ASCII; `languages.txt` lists them."""

import functools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FREQUENT, OTHER, FIRST_LEVEL, STRANGE = 2.0, 1.0, 0.5, -1.0
"""Worth of a character to a language: a frequent letter, another one, a character of the first level, any other."""
MARK, SIGN = 1.9, 1.5
"""Worth of punctuation (quotes, dashes), and of signs that stand in texts of any language."""
BREAK, BROKEN = 2.0, 5.0
"""Cost of a joint that no word has, and of a character that no text has: a control, an unassigned one."""
ALONE = 1.5
"""Cost of a letter with no letter beside it, or with a digit: most often it is a sign in another encoding."""

LEVELS = {
    "chinese": ("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF)),
    "taiwanese": ("big5", range(0xA4, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF))),
    "japanese": ("euc-jp", range(0xB0, 0xD0), range(0xA1, 0xFF)),
    "korean": ("euc-kr", range(0xB0, 0xC9), range(0xA1, 0xFF)),
}
"""Codec, first and second bytes of the first level of each national set: its frequent characters."""
WESTERN_MARKS = (
    "\xa0\xab\xb7\xbb\u2010\u2011\u2012\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\u2039\u203a\u05be"
)
EASTERN_MARKS = (
    "\xb7\u2014\u2015\u2018\u2019\u201c\u201d\u2026\u3000\u3001\u3002\u3008\u3009\u300a\u300b\u300c\u300d\u300e\u300f"
    "\u3010\u3011\u301c\u30fb"
) + "".join(map(chr, range(0xFF01, 0xFF5F)))
SIGNS = (
    "\xa3\xa5\xa7\xa9\xae\xb0\xb1\xb2\xb3\xb4\xb5\xb9\xbc\xbd\xbe\xd7\xf7\u2020\u2021\u2022\u2030\u20ac\u2122\u2116\u2190"
    "\u2191\u2192\u2193\u2212\u25a0\u25cb\u25cf\u203b"
)
ONE_LETTER_WORDS = "\xe0\xe1\xe5\xe8\xe9\xea\xec\xed\xf2\xf3\xf4\xf6\xf8\xf9\xfa\xc0\xc9"
"""Of Latin languages; no other encoding has one where a Latin one has a sign."""
PARTNERS = {"\xab": "\xbb", "\xbb": "\xab", "\u201e": "\u201c\u201d"}
"""Quotation marks with those of which one closes or opens what they do; without any they are signs."""
INVISIBLE = "\xa0\xad\u200b\u200c\u200d\u200e\u200f\u3000\ufeff"
"""Characters that texts have although they show nothing."""


@dataclass(frozen=True)
class Language:
    """A language, as far as its letters tell it from others.

    Args:
        worth: of each character that it uses.
        joint: cost of a letter beyond ASCII beside an ASCII letter, which words of one alphabet do not have.
        run: cost of each further letter in a run of three or more beyond ASCII, which Latin words do not have.
        alone: cost of a letter beyond ASCII with no letter beside it, or with a digit.
    """

    worth: dict[str, float]
    joint: float
    run: float
    alone: float


def rate_text(text: str) -> float:
    """Return how much the text looks like one of some language: mean worth of its characters beyond ASCII.

    About 1 to 2.5 for a text, less where it was decoded wrongly; an ASCII text has the worth of frequent letters.
    """
    counts, joints, runs, breaks = _count(text)
    num_alone = _count_alone(text)
    lone = {mark for mark, partners in PARTNERS.items() if not any(c in counts for c in partners)}
    num = sum(counts.values())
    if not num:
        return FREQUENT
    broken = sum(count for c, count in counts.items() if not c.isprintable() and c not in INVISIBLE)
    best = max(
        sum(count * (SIGN if c in lone else language.worth.get(c, STRANGE)) for c, count in counts.items())
        - language.joint * joints
        - language.run * runs
        - language.alone * num_alone
        for language in load_languages().values()
    )
    return (best - BREAK * breaks - BROKEN * broken) / num


def _count(text: str) -> tuple[Counter[str], int, int, int]:
    """Return the characters beyond ASCII and the controls, joints with ASCII letters, letters in runs, case breaks."""
    counts: Counter[str] = Counter()
    joints = runs = breaks = run = 0
    before = " "
    for c in text:
        is_beyond = c > "\x7e"
        if is_beyond or (c < " " and c not in "\t\n\f\r"):
            counts[c] += 1
        if c.isalpha() and before.isalpha():
            joints += is_beyond != (before > "\x7e")
            runs += is_beyond and run >= 2
            breaks += c.isupper() and before.islower() and (is_beyond or before > "\x7e")
        run = run + 1 if is_beyond and c.isalpha() else 0
        before = c
    return counts, joints, runs, breaks


def _count_alone(text: str) -> int:
    """Return the letters beyond ASCII that stand without another letter, or beside a digit; signs are none."""
    pairs = zip(" " + text, text, text[1:] + " ", strict=False)
    return sum(
        c > "\x7e" and c.isalpha() and c not in SIGNS and c not in ONE_LETTER_WORDS
        and (not (before.isalpha() or after.isalpha()) or before.isdigit() or after.isdigit())
        for before, c, after in pairs
    )  # fmt: skip


@functools.cache
def load_languages() -> dict[str, Language]:
    """Return the languages of `languages.txt` by name."""
    languages = {}
    for line in Path(__file__).with_name("languages.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, letters = line.partition(" = ")
            frequent, _, other = letters.partition(" / ")
            languages[name] = _build_language(name, frequent, other)
    return languages


def _build_language(name: str, frequent: str, other: str) -> Language:
    is_latin = frequent[0] < "\u0250"
    worth = dict.fromkeys(SIGNS, SIGN) | dict.fromkeys(EASTERN_MARKS if name in LEVELS else WESTERN_MARKS, MARK)
    if name in LEVELS:
        codec, firsts, seconds = LEVELS[name]
        level = b"".join(bytes((first, second)) for first in firsts for second in seconds)
        worth |= dict.fromkeys(level.decode(codec, errors="ignore"), FIRST_LEVEL)
    letters = frequent + other
    for i, c in enumerate(letters):
        value = FREQUENT if i < len(frequent) else OTHER
        if not is_latin and name not in LEVELS:
            # Another alphabet differs from its own shuffled letters by their order of frequency alone.
            value = 2.5 - 2.0 * i / len(letters)
        worth[c] = value
        if len(c.upper()) == 1 and c.upper() != c:
            worth[c.upper()] = 0.75 * value
    return Language(
        worth,
        joint=0.0 if is_latin else 1.0 if name in LEVELS else 2.0,
        run=2.0 if is_latin else 0.0,
        alone=0.0 if name in LEVELS else ALONE,
    )
