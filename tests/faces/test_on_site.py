"""The code shown on site (R4.1): what fits, when it changes, and who sees it."""

import re
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from booking import data_keys
from queueboard import on_site
from tests import factories
from tests.faces import staff

NOON = factories.at("12:00")
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def test_the_code_is_four_digits_and_stays_for_a_minute():
    shown = on_site.code(7, NOON)
    assert re.fullmatch(r"\d{4}", shown)
    assert on_site.code(7, NOON + 59 * SECOND) == shown
    assert on_site.valid_until(NOON + 59 * SECOND) == on_site.valid_until(NOON) == NOON + MINUTE


def test_codes_of_minutes_and_departments_differ():
    """Of an even choice among 10,000, 500 have about 488 different ones."""
    by_minute = {on_site.code(7, NOON + n * MINUTE) for n in range(500)}
    by_department = {on_site.code(n, NOON) for n in range(500)}
    assert len(by_minute) > 460
    assert len(by_department) > 460


@pytest.mark.parametrize("wait", [timedelta(0), 59 * SECOND, MINUTE, 2 * MINUTE - SECOND])
def test_the_present_code_and_the_one_before_fit(wait):
    """Who types at the turn of the minute is not refused."""
    assert on_site.fits(7, f" {on_site.code(7, NOON)} ", NOON + wait)


@pytest.mark.parametrize("wait", [-SECOND, 2 * MINUTE, timedelta(days=1)])
def test_an_older_code_and_one_not_shown_yet_do_not_fit(wait):
    assert not on_site.fits(7, on_site.code(7, NOON), NOON + wait)


@pytest.mark.parametrize("typed", ["", "12", "１２３４", "abcd", "00000", "\x00"])
def test_what_is_no_code_does_not_fit(typed):
    assert not on_site.fits(7, typed, NOON)


def test_another_departments_code_does_not_fit():
    assert not on_site.fits(8, on_site.code(7, NOON), NOON)


def test_a_key_handed_on_does_not_refuse_who_has_just_read_the_code():
    old = data_keys.secrets(["a" * 50], secret_keys=[], salt="", lookup="")
    new = data_keys.secrets(["b" * 50, "a" * 50], secret_keys=[], salt="", lookup="")
    with override_settings(DATA_KEYS=old):
        shown = on_site.code(7, NOON)
    with override_settings(DATA_KEYS=new):
        assert on_site.code(7, NOON) != shown
        assert on_site.fits(7, shown, NOON)


@pytest.mark.django_db
def test_staff_sees_the_codes_of_the_own_departments_only_and_the_page_renews_itself(client):
    mine, other = factories.department(), factories.department()
    client.force_login(staff.user("clerk", mine))
    response = client.get("/admin/on-site/?lang=en")
    html = response.content.decode()
    now = timezone.now()
    assert any(on_site.code(mine.pk, now - wait) in html for wait in (timedelta(0), MINUTE))
    assert other.name not in html
    assert 1 <= int(re.search(r'http-equiv="refresh" content="(\d+)"', html)[1]) <= 61
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.django_db
def test_who_does_not_work_at_a_desk_sees_no_code(client):
    client.force_login(staff.user("expert"))
    assert client.get("/admin/on-site/").status_code == 403
    client.logout()
    assert client.get("/admin/on-site/").status_code == 302
