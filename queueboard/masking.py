"""Names as boards and pushes may show them (R6.2): 张*明, 王*, J. S***. Pure."""

import unicodedata

HIDDEN = "*"
EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO")


def masked(name: str) -> str:
    """The name with all but its first (and of three characters or more its last) character hidden.

    Names in Latin and other spaced scripts keep the initials of the first and the last word: J. S***. Three stars
    stand for a word of any length, so that they do not tell how long it is. Never the whole name: one of a single
    character is hidden altogether.
    """
    text = unicodedata.normalize("NFC", name)
    if any(_is_east_asian(char) for char in text):
        return _masked_characters([char for char in text if char.isalnum()])
    words = [letters for word in text.split() if (letters := [char for char in word if char.isalnum()])]
    if not words:
        return HIDDEN
    if len(words) == 1:
        return f"{words[0][0].upper()}***" if len(words[0]) > 1 else HIDDEN
    return f"{words[0][0].upper()}. {words[-1][0].upper()}***"


def _masked_characters(chars: list[str]) -> str:
    if len(chars) < 2:
        return HIDDEN
    if len(chars) == 2:
        return chars[0] + HIDDEN
    return chars[0] + HIDDEN * (len(chars) - 2) + chars[-1]


def _is_east_asian(char: str) -> bool:
    return unicodedata.name(char, "").startswith(EAST_ASIAN)
