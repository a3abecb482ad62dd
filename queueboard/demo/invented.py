"""Invented patients: the same number always gives the same person.

ID numbers have a valid check digit and are nobody's: born on the first of a month from 1900 to 1909. Phone numbers
begin with 12, which no network has.
"""

from dataclasses import dataclass
from random import Random

from stdnum.cn import ric

POPULATION = 20_000
FOREIGN_EVERY = 12  # one in so many has a passport and a name in Latin letters
PLACE = "110101"
PASSPORT = "DEMO"

_FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任"
    "姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰秀珍建国志文斌宇浩轩子涵雨欣怡梓晨思琪佳慧婷雪梅春"
    "红海波永康德福瑞祥安宁乐天晓东立新长青"
)
_FIRST = ("Anna", "James", "Maria", "Omar", "Sofia", "Peter", "Elena", "David", "Amina", "Lucas", "Ingrid", "Tomás")
_LAST = ("Smith", "García", "Novak", "Müller", "Rossi", "Haddad", "Jansen", "Okafor", "Silva", "Dubois", "Larsen")


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    id_type: str  # resident or passport
    id_number: str
    phone: str
    language: str


def person(number: int) -> Person:
    """The invented person with this number, 0 to POPULATION - 1."""
    own = Random(number)
    phone = f"12{number:09d}"
    if number % FOREIGN_EVERY == 0:
        name = f"{own.choice(_FIRST)} {own.choice(_LAST)}"
        return Person(name, "passport", f"{PASSPORT}{number:06d}", phone, "en")
    given = "".join(own.choice(_GIVEN) for _ in range(own.choice((1, 2, 2, 2))))
    language = "zh-hant" if number % 10 == 1 else "zh-hans"
    return Person(own.choice(_FAMILY) + given, "resident", resident_id(number), phone, language)


def resident_id(number: int) -> str:
    """A resident ID number with a valid check digit, of nobody alive."""
    month, order = divmod(number, 1000)
    year, month = divmod(month, 12)
    plain = f"{PLACE}{1900 + year}{month + 1:02d}01{order:03d}"
    return plain + ric.calc_check_digit(plain + "0")


def is_invented(id_number: str | None) -> bool:
    """Whether somebody with this ID number is one of these people, whom the demonstration may act for."""
    if not id_number:
        return False
    if id_number.startswith(PASSPORT):
        return True
    return id_number[:9] == f"{PLACE}190" and id_number[12:14] == "01" and len(id_number) == 18
