"""Colours behind text: a scale for amounts, one for signs; on each the text has a contrast of 4.5 or more."""

from dataclasses import dataclass

NUM_AMOUNTS = 7
"""Levels above the background itself."""
NUM_SIGNS = 4
"""Levels on each side."""
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """The colours of a kind of page.

    Args:
        ground: of the page, where nothing is shown.
        text: on all of them.
        warm: the strongest warm colour.
        cold: the strongest cold one.
    """

    ground: Colour
    text: Colour
    warm: Colour
    cold: Colour


LIGHT = Theme((0xFF, 0xFF, 0xFF), (0x1B, 0x1F, 0x24), (0xF0, 0x7A, 0x38), (0x62, 0xA6, 0xEC))
DARK = Theme((0x0F, 0x13, 0x18), (0xE6, 0xEA, 0xEF), (0xA2, 0x40, 0x0C), (0x1C, 0x5C, 0xA6))


def list_colours(theme: Theme) -> dict[str, Colour]:
    """Return the colours behind text by class: s1.. for amounts, p1.. above and n1.. below a middle."""
    amounts = {f"s{i}": _mix(theme.ground, theme.warm, i / NUM_AMOUNTS) for i in range(1, NUM_AMOUNTS + 1)}
    signs = {
        f"{side}{i}": _mix(theme.ground, end, i / NUM_SIGNS)
        for side, end in (("p", theme.warm), ("n", theme.cold))
        for i in range(1, NUM_SIGNS + 1)
    }
    return amounts | signs


def write_rules() -> str:
    """Return the rules of the classes, for light and dark pages."""
    light, dark = (
        "".join(f".{name}{{background:#{r:02x}{g:02x}{b:02x}}}" for name, (r, g, b) in list_colours(theme).items())
        for theme in (LIGHT, DARK)
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{{dark}}}\n"


def find_contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours.

    Source: WCAG 2.2, definitions of contrast ratio and relative luminance.

    >>> find_contrast((0, 0, 0), (255, 255, 255))
    21.0
    """
    low, high = sorted((_shine(one), _shine(other)))
    return (high + 0.05) / (low + 0.05)


def _shine(colour: Colour) -> float:
    parts = [value / 255 for value in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(start: Colour, stop: Colour, share: float) -> Colour:
    red, green, blue = (round(one + share * (other - one)) for one, other in zip(start, stop, strict=True))
    return red, green, blue
