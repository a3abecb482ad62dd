"""What was typed, read as one of a few things to do. Pure; in any of the languages, whichever is set."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

LONGEST = 100  # characters that are looked at


class Act(Enum):
    QUEUE = "queue"
    NUMBER = "number"
    NAME = "name"
    HOW_TO_BIND = "how to bind"
    BIND = "bind"
    CODE = "code"
    UNBIND = "unbind"
    LANGUAGE = "language"
    CHOOSE_LANGUAGE = "choose language"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Command:
    """`value` is a ticket's number as boards write it or its digits alone, a name, a phone, a code or a language."""

    act: Act
    value: str = ""


_WORDS = {
    Act.QUEUE: ("排队", "排隊", "我的排队", "我的排隊", "候诊", "候診", "queue", "my queue"),
    Act.HOW_TO_BIND: ("绑定", "綁定", "bind"),
    Act.UNBIND: ("解绑", "解綁", "解除绑定", "解除綁定", "取消绑定", "取消綁定", "unbind"),
    Act.CHOOSE_LANGUAGE: ("语言", "語言", "language"),
    Act.HELP: ("帮助", "幫助", "help", "?"),
}
_LANGUAGES = {
    "en": ("english", "英文", "英语", "英語"),
    "zh-hans": ("简体中文", "简体", "中文", "简中", "簡體", "簡體中文", "chinese"),
    "zh-hant": ("繁體中文", "繁體", "繁体", "繁体中文", "正體中文", "繁中"),
}
_PLAIN = {word: Command(act) for act, words in _WORDS.items() for word in words}
_PLAIN |= {word: Command(Act.LANGUAGE, code) for code, words in _LANGUAGES.items() for word in words}
_BIND = re.compile(r"(?:绑定|綁定|bind)[\s:]*(\+?[0-9][0-9 -]{4,20})")
_CODE = re.compile(r"[0-9]{6}|[0-9]{3} [0-9]{3}")
_NUMBER = re.compile(r"([a-z]{0,2})[ -]?([0-9]{1,4})号?號?")


def read(text: str) -> Command:
    """Whatever it is, something: a name, where it is nothing else."""
    plain = (
        " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).casefold().split())
        .rstrip(" 。.!！")
        .strip("\"'“”「」[]")
    )
    if plain in _PLAIN:
        return _PLAIN[plain]
    if found := _BIND.fullmatch(plain):
        return Command(Act.BIND, found[1])
    if _CODE.fullmatch(plain):
        return Command(Act.CODE, plain.replace(" ", ""))
    if found := _NUMBER.fullmatch(plain):
        return Command(Act.NUMBER, f"{found[1].upper()}{int(found[2]):03d}")
    return Command(Act.NAME, plain) if plain else Command(Act.HELP)
