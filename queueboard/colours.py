"""Colours that a hospital chooses, and whether words on them can be read."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
WHITE = "#ffffff"
ENOUGH = 4.5  # WCAG 2.2, 1.4.3 (AA)


def contrast(one: str, other: str) -> float:
    """Of two colours (#rrggbb), from 1 (none) to 21 (black and white): WCAG 2.2, "contrast ratio"."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable_under_white(colour: str) -> None:
    """Raises ValidationError unless this is a colour on which white words are read."""
    if not COLOUR.fullmatch(colour):
        raise ValidationError(_("Please write a colour as # and six digits, such as #0a6b62."), code="no_colour")
    found = contrast(colour, WHITE)
    if found < ENOUGH:
        words = _("White words on this colour are hard to read: their contrast is %(found)s, and 4.5 is the least.")
        hint = _("A darker shade will do.")
        # Rounded down, so that what is refused never reads as if it were enough.
        raise ValidationError(
            f"{words} {hint}", code="low_contrast", params={"found": f"{int(found * 10) / 10:.1f}"}
        )  # fmt: skip


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
