"""What is typed is understood in any of the languages, and as loosely as people type."""

import pytest

from queueboard.chat.commands import Act, Command, read


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("排队", Command(Act.QUEUE)),
        (" 排隊。", Command(Act.QUEUE)),
        ("“排队”", Command(Act.QUEUE)),
        ("QUEUE", Command(Act.QUEUE)),
        ("A017", Command(Act.NUMBER, "A017")),
        ("a17", Command(Act.NUMBER, "A017")),
        ("Ａ０１７号", Command(Act.NUMBER, "A017")),
        ("17号", Command(Act.NUMBER, "017")),
        ("A 1234", Command(Act.NUMBER, "A1234")),
        ("绑定13912345678", Command(Act.BIND, "13912345678")),
        ("綁定：139 1234 5678", Command(Act.BIND, "139 1234 5678")),
        ("bind +852-9123-4567", Command(Act.BIND, "+852-9123-4567")),
        ("绑定", Command(Act.HOW_TO_BIND)),
        ("123456", Command(Act.CODE, "123456")),
        ("123 456", Command(Act.CODE, "123456")),
        ("解绑", Command(Act.UNBIND)),
        ("English", Command(Act.LANGUAGE, "en")),
        ("繁體中文", Command(Act.LANGUAGE, "zh-hant")),
        ("简体", Command(Act.LANGUAGE, "zh-hans")),
        ("？", Command(Act.HELP)),
        ("", Command(Act.HELP)),
        ("王建华", Command(Act.NAME, "王建华")),
        ("Wang  Jianhua", Command(Act.NAME, "wang jianhua")),
    ],
)
def test_what_is_typed_is_understood(typed, command):
    assert read(typed) == command


@pytest.mark.parametrize("typed", ["绑定 我", "1234567", "A12345", "abc1", "x" * 10_000, "\x00", "🙂"])
def test_whatever_else_is_typed_is_a_name(typed):
    assert read(typed).act is Act.NAME
