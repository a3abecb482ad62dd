"""What a scan names, and what a hospital's own reader may do: also fail."""

import logging
import re
import sqlite3
from pathlib import Path

import pytest
from django.core.checks import run_checks

from queueboard import readers
from queueboard.readers import Reading, read

ID = "110101199003070011"
TOKEN = "PuFNlspVi9felCYL6M1xpQ"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "desk.md"


@pytest.mark.parametrize(
    ("scan", "reading"),
    [
        (f"https://queue.example.org/t/{TOKEN}/", Reading(token=TOKEN)),
        (f"  /t/{TOKEN}/calendar.ics\n", Reading(token=TOKEN)),
        (TOKEN, Reading(token=TOKEN)),
        (ID, Reading(id_number=ID)),
        ("110101 19900307 0011", Reading(id_number=ID)),
        ("１１０１０１１９９００３０７００１１", Reading(id_number=ID)),
        ("11010519491231002x", Reading(id_number="11010519491231002X")),
        (f"张晓明|男|汉|19900307|北京市东城区 1 号|{ID}|20200101", Reading(id_number=ID, name="张晓明")),
        (f"{ID},Anna Keller", Reading(id_number=ID, name="Anna Keller")),
        ("13900001111", Reading(phone="13900001111")),
        ("+86 139-0000-1111", Reading(phone="+86 139-0000-1111")),
        ("+44 20 7946 0000", Reading(phone="+44 20 7946 0000")),
        ("a17", Reading(ticket="A017")),
        ("A1023", Reading(ticket="A1023")),
    ],
)
def test_what_a_scan_names(scan, reading):
    assert read(scan) == reading


@pytest.mark.parametrize(
    "scan",
    ["", "  ", "张晓明", "Anna Keller", "110101199003070012", "12345", "Wolfeschlegelsteinhausen", f"A{ID}", "A" * 501],
)
def test_what_no_reader_knows_is_not_guessed_at(scan):
    """A wrong check digit above all: it may be another person's number."""
    assert read(scan) is None


def first(scan):
    return Reading(patient=7) if scan == "CARD" else None


def failing(scan):
    raise ValueError(f"cannot read {scan}")


@pytest.fixture
def own(settings):
    def use(*names):
        settings.CODE_READERS = [f"{__name__}.{name}" for name in names] + ["queueboard.readers.resident_id"]

    return use


def test_the_hospitals_reader_is_asked_first_and_ours_after_it(own):
    own("first")
    assert read("CARD") == Reading(patient=7)
    assert read(ID) == Reading(id_number=ID)


def test_a_reader_that_fails_is_skipped_and_logged_without_the_scan(own, caplog):
    """R6.2"""
    own("failing")
    with caplog.at_level(logging.DEBUG):
        assert read(ID) == Reading(id_number=ID)
    assert "failing failed: ValueError in line" in caplog.text
    assert ID not in caplog.text


def test_a_reading_that_is_printed_names_nobody():
    shown = repr(Reading(id_number=ID, name="张晓明", phone="13900001111", token=TOKEN))
    assert not any(private in shown for private in (ID, "张晓明", "13900001111", TOKEN))


def test_a_reader_that_is_not_there_is_told_at_the_start(settings):
    settings.CODE_READERS = ["hospital.nowhere.read", "queueboard.readers.LONGEST"]
    assert [each.id for each in run_checks() if each.id == "queueboard.E008"] == ["queueboard.E008"] * 2


def test_the_reader_in_the_docs_reads_the_hospitals_card(tmp_path, monkeypatch):
    (source,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    made: dict = {}
    exec(source, made)
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("cards.sqlite3") as cards:
        cards.execute("CREATE TABLE card (number, id_number, name, phone)")
        cards.execute("INSERT INTO card VALUES ('00001234', ?, '张晓明', '13900001111')", [ID])
    assert made["read"]("HC00001234") == Reading(id_number=ID, name="张晓明", phone="13900001111")
    assert made["read"]("HC00009999") is None
    assert made["read"](ID) is None


def test_every_reader_that_comes_along_is_asked():
    from queueboard import settings as written

    ours = {"own_code", "resident_id", "phone", "ticket"}
    assert {path.removeprefix("queueboard.readers.") for path in written.CODE_READERS} == ours
    assert all(hasattr(readers, name) for name in ours)
