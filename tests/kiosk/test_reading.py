"""What is typed at a kiosk is one thing; codes and cards are read as everywhere (tests/desk/test_readers.py)."""

import pytest

from queueboard.kiosk.reading import read
from queueboard.readers import Reading

RESIDENT = "11010519491231002X"
TOKEN = "pQ3-_x8TqkZlJm2vRw7Yag"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (f"https://hospital.example/t/{TOKEN}/", Reading(token=TOKEN)),
        (RESIDENT, Reading(id_number=RESIDENT)),
        ("110105 19491231 002x", Reading(id_number=RESIDENT)),
        ("１１０１０５１９４９１２３１００２Ｘ", Reading(id_number=RESIDENT)),
        (f"张晓明,{RESIDENT}", Reading(id_number=RESIDENT, name="张晓明")),
        ("13812345678", Reading(phone="13812345678")),
        ("+86 138 1234 5678", Reading(phone="+86 138 1234 5678")),
        ("2345 6789", Reading(phone="2345 6789")),  # Hong Kong
        ("D1234567", Reading(id_type="other", id_number="D1234567")),
        ("H12345678(A)", Reading(id_type="other", id_number="H12345678A")),
        ("110105194912310021", None),
        ("11010519491231", None),
        ("A017", None),
        ("张晓明", None),
        ("", None),
        ("'; DROP TABLE", None),
    ],
)
def test_words_are_one_thing(words, meant):
    assert read(words) == meant
