"""How a name is found: by its characters, in Chinese or English, by pinyin, and by pinyin's initials.

Keys are words with a space before each. Every word is kept from each of its syllables on, so that what somebody types
is found where a syllable begins, and one "contains" answers: " yaw" is in " chenyawen yawen wen".
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from django.db.models import Q

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
READINGS = 4  # of a surname's character: 单 is read Shan, Dan and Chan
LONGEST = 60  # characters of what is looked for: no name is longer


def keys(names: Iterable[str]) -> str:
    """What these names of one person or department can be found by."""
    words = dict.fromkeys(word for name in names for word in _words(name))
    return "".join(f" {word}" for word in words)


def matching(text: str, *fields: str) -> Q:
    """The rows one of whose fields of keys has all that was typed, in one piece or as separate words."""
    words = [plain for word in text[:LONGEST].split() if (plain := _plain(word))]
    whole = _plain("".join(words))
    if not whole:
        return Q(pk__in=[])
    found = Q()
    for field in fields:
        each = Q()
        for word in words:
            each &= Q(**{f"{field}__contains": f" {word}"})
        found |= each | Q(**{f"{field}__contains": f" {whole}"})
    return found


def _words(name: str) -> Iterator[str]:
    if HAN.search(name):
        characters = [plain for character in name if (plain := _plain(character))]
        yield from _from_each(characters)
        for syllables in _readings("".join(characters)):
            yield from _from_each(syllables)
            yield from _from_each([syllable[0] for syllable in syllables])
    else:
        yield from _from_each([plain for word in re.split(r"[\s.,·-]+", name) if (plain := _plain(word))])


def _from_each(parts: Sequence[str]) -> Iterator[str]:
    for start in range(len(parts)):
        yield "".join(parts[start:])


def _readings(name: str) -> Iterator[list[str]]:
    """The pinyin of a name, syllable by syllable; a first character that is read in several ways in each of them."""
    # Its tables take a while to load, and only who saves a name needs them.
    from pypinyin import Style, lazy_pinyin, pinyin

    plain = [_plain(syllable) for syllable in lazy_pinyin(name)]
    firsts = dict.fromkeys([plain[0], *map(_plain, pinyin(name[0], style=Style.NORMAL, heteronym=True)[0])])
    for first in list(firsts)[:READINGS]:
        # ü is typed v, u, or yu as in a passport.
        for written in product(*(_umlauts(syllable) for syllable in (first, *plain[1:]))):
            yield list(written)


def _umlauts(syllable: str) -> tuple[str, ...]:
    return (syllable,) if "v" not in syllable else tuple(syllable.replace("v", letter) for letter in ("v", "u", "yu"))


def _plain(text: str) -> str:
    """Letters and digits alone, without accents and capitals; ü is v."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("ü", "v")
    return "".join(character for character in unicodedata.normalize("NFD", text) if character.isalnum())
