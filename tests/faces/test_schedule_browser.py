"""Changed schedules in a browser: in three languages, light and dark, wide and narrow, by the keyboard alone."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from booking.models import Leave, SessionRoom, Template
from booking.services import sessions
from tests import browser as browsers
from tests import factories
from tests.faces import managers, staff
from tests.schedules.clinic import ahead_of, paid

pytestmark = [pytest.mark.browser, pytest.mark.once]
SOON = 15_000  # milliseconds
LOOKS = [("en-GB", "light", "720p"), ("zh-CN", "dark", "720p"), ("zh-TW", "light", "320")]
WORDS = {"en-GB": "is booked. ¥20 has been paid.", "zh-CN": "已付 ¥20", "zh-TW": "已付 ¥20"}


@pytest.fixture
def expert(server):
    of = factories.department(name="心血管内科", name_en="Cardiology", name_zh_hant="心血管內科")
    return factories.expert(of, name="方立群", name_en="Dr. Fang Liqun", name_zh_hant="方立群")


@pytest.fixture
def session(expert):
    made = ahead_of(expert.department, days=3, expert=expert)
    SessionRoom.objects.filter(session=made).update(expert=expert)
    paid(made, 1)
    return made


@pytest.mark.parametrize(("locale", "scheme", "size"), LOOKS)
def test_every_page_is_accessible_fits_and_speaks_the_readers_language(
    locale, scheme, size, expert, session, server, open_pages
):
    factories.expert(expert.department)
    leave = Leave.objects.create(expert=expert, first_day=session.date, last_day=session.date, reason="开会")
    template = Template.objects.create(
        department=expert.department, expert=factories.expert(expert.department), weekday=session.date.weekday(),
        starts="08:00", ends="12:00", numbers=20,
    )  # fmt: skip
    sessions.make_sessions(today=timezone.localdate())
    Template.objects.update(numbers=24)
    page = open_pages(locale, scheme, size)
    pages = (
        f"booking/leave/{leave.pk}/sessions", f"booking/session/{session.pk}/call-off", "booking/session/extra/",
        f"booking/template/{template.pk}/sessions", f"booking/session/{session.pk}/times",
    )  # fmt: skip
    for path in pages:
        page.goto(f"{server.url}/admin/{path}")
        assert managers.violations(page) == [], path
        assert browsers.wider_than_screen(page) <= 0, path
        if "call-off" in path:
            expect(page.locator("#shown")).to_contain_text(WORDS[locale])


def test_a_session_is_cancelled_by_the_keyboard_alone_and_only_as_it_was_shown(session, server, open_pages):
    """R1.3: somebody books between the look and the press."""
    page = open_pages()
    page.goto(f"{server.url}/admin/booking/session/{session.pk}/call-off")
    paid(session, 2)
    page.locator("#id_reason").focus()
    page.keyboard.type("flood")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This has changed since it was shown", timeout=SOON)
    expect(page.locator("#shown")).to_contain_text("¥40 goes back.")
    page.locator("#id_reason").focus()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("Done: Cancel the session", timeout=SOON)
    session.refresh_from_db()
    assert session.state == "cancelled"


def test_an_expert_adds_numbers_from_the_own_page_knowing_what_that_does(expert, server, open_pages):
    """R3.2b"""
    began = timezone.localtime(timezone.now() - timedelta(minutes=30))
    running = factories.session(of=expert.department, expert=expert, start=f"{began:%H:%M}", day=began)
    expert.user = staff.user("expert")
    expert.save()
    SessionRoom.objects.filter(session=running).update(expert=expert)
    last = running.slots.get(index=3)
    page = open_pages(who=expert.user)
    page.goto(f"{server.url}/expert/?session={running.pk}")
    expect(page.get_by_role("banner")).to_contain_text("waiting 0", timeout=SOON)
    page.keyboard.press("a")
    page.locator("#add-dialog select").select_option(str(last.pk))
    expect(page.locator("#add-does")).to_contain_text(
        "the session ends 18 min late; without them 12 min.", timeout=SOON
    )
    assert managers.violations(page) == []
    page.locator("#add-dialog [name=reason]").fill("a colleague's patient")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("Numbers added: 1.", timeout=SOON)
    last.refresh_from_db()
    assert last.walk_in == 1
