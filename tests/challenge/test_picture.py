"""R3.7: digits in a picture, for browsers without script: one answer, in time, for one purpose."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from PIL import Image

from queueboard.challenge import gate, picture
from queueboard.challenge.models import Picture
from tests.booking.test_races import race

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def digits(monkeypatch):
    """What the next pictures show."""
    shown = iter(f"{n}{n}{n}{n}{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9))
    monkeypatch.setattr(picture, "_digits", lambda: next(shown))


def drawn(name, now=NOW):
    return picture.draw(name, now=now)


def solved(name, typed, purpose="book", now=NOW):
    return picture.solved(name, typed, purpose, now=now)


def test_who_reads_the_digits_has_solved_it_once():
    name = picture.name("book")
    assert Image.open(BytesIO(drawn(name).getvalue())).size == picture.SIZE
    assert solved(name, " 22 222 ")
    assert not solved(name, "22222")
    assert drawn(name) is None


def test_a_wrong_answer_is_the_only_one():
    name = picture.name("book")
    drawn(name)
    assert not solved(name, "33333")
    assert not solved(name, "22222")


def test_drawn_again_it_shows_other_digits_and_only_those_count_and_not_without_end():
    name = picture.name("book")
    for _ in range(picture.DRAWINGS):
        assert drawn(name)
    assert drawn(name) is None
    first = picture.name("book")
    drawn(first)  # 77777
    drawn(first)
    assert not solved(first, "77777")
    assert solved(name, "66666")


def test_for_another_purpose_or_too_late_or_never_looked_at_it_is_none():
    name = picture.name("code")
    assert not solved(name, "22222", "code")
    drawn(name)
    assert not solved(name, "22222", "book")
    assert not solved(name, "22222", "code", now=NOW + picture.VALID)
    assert solved(name, "22222", "code", now=NOW + picture.VALID - timedelta(seconds=1))


@pytest.mark.parametrize("forged", ["", "x", "WyJib29rIiwiYWFhIl0:1xxxxx:yyyy"])
def test_a_name_that_we_have_not_signed_is_none(forged):
    assert drawn(forged) is None
    assert not solved(forged, "22222")
    assert not Picture.objects.exists()


def test_the_digits_are_not_kept_and_the_rest_only_for_minutes():
    name = picture.name("book")
    drawn(name)
    kept = Picture.objects.get()
    assert "22222" not in f"{kept.name} {kept.answer_hash}"
    assert gate.forget(now=NOW + picture.VALID) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_answered_many_times_at_once_it_counts_once():
    name = picture.name("book")
    drawn(name)
    assert sorted(race([lambda: solved(name, "22222")] * 10)) == [False] * 9 + [True]
