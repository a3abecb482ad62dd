"""A whole booking in a real browser: in each language with script, and without any (R3.1-R3.4)."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from booking.models import Appointment, Session
from tests import browser as browsers
from tests import factories
from tests.faces.patients import ID, PHONE, button, press, sign_in, words_of

pytestmark = pytest.mark.browser
WORDS = {
    "find": "Find",
    "name": "Name, as on the ID",
    "id": "ID number",
    "book": "Book this number",
    "pay": "Pay",
    "move": "Another time",
    "yes_move": "Yes, move it",
    "cancel": "Cancel",
    "yes": "Yes, cancel it",
    "over": "You have cancelled",
}


@pytest.fixture
def session(server) -> Session:
    """An expert who sees patients tomorrow, for 20.50 yuan in advance."""
    of = factories.department(prepayment=2050, name="神经内科", name_en="Neurology", name_zh_hant="神經內科")
    tomorrow = timezone.localtime() + timedelta(days=1)
    made = factories.session(day=tomorrow, of=of, split=((2, 1), (3, 2)), state="planned", pool_opened_at=None)
    made.expert.name, made.expert.title = "陈雅文", "主任医师"
    made.expert.save()
    return made


def link(page: Page, path: str) -> None:
    page.locator(f'a[href="{path}"]').first.click()


def book(page: Page, server, session: Session, words: dict[str, str], look=lambda page: None) -> Appointment:
    """From the home page to the paid number, as a person goes; `look` is called on each page."""
    slot = session.slots.get(index=0)
    page.goto(server.url)
    link(page, "/book/")
    look(page)
    page.get_by_role("searchbox").fill("cyw")
    press(page, words["find"])
    link(page, f"/book/{session.expert.code}/")
    look(page)
    link(page, f"/book/slot/{slot.pk}/")
    look(page)
    sign_in(page, words)
    look(page)
    page.get_by_label(words["name"]).fill("王小明")
    page.get_by_label(words["id"], exact=True).fill(ID[:-1] + "5")
    press(page, words["book"])
    expect(page.get_by_role("alert").first).to_be_visible()
    look(page)
    page.get_by_label(words["id"], exact=True).fill(ID)
    press(page, words["book"])
    expect(page).to_have_url(re.compile("/t/"))
    look(page)
    page.get_by_role("button", name=re.compile("¥20.50")).click()
    press(page, words["pay"])
    expect(page.locator(".code img")).to_be_visible()
    look(page)
    made = Appointment.objects.get()
    assert (made.state, made.slot, made.patient.id_number) == ("booked", slot, ID)
    assert page.url == f"{server.url}/t/{made.token}/"
    return made


@pytest.mark.parametrize(
    "language", ["en", *(pytest.param(each, marks=pytest.mark.once) for each in ("zh-hans", "zh-hant"))]
)
def test_somebody_books_pays_moves_and_cancels(session, server, chromium, language):
    """Each page on the way is accessible, fits a phone of 320 pixels, and has nothing that fails in the console."""
    context = browsers.context(chromium, "320", locale={"en": "en-US"}.get(language, "zh-CN"))
    page, words, faults, seen = context.new_page(), words_of(WORDS, language), [], set()
    context.add_cookies([{"name": "django_language", "value": language, "url": server.url}])
    page.on("pageerror", lambda error: faults.append(str(error)))

    def look(page: Page) -> None:
        assert browsers.violations(page) == [], page.url
        assert browsers.wider_than_screen(page) <= 0, page.url
        for target in page.locator("main a:visible, main button:visible, main input:visible").all():
            if target.get_attribute("type") not in ("checkbox", "radio"):
                assert target.bounding_box()["height"] >= 48, target.inner_html()
        seen.add(re.sub(r"[\d?].*", "", page.url.removeprefix(server.url)))

    made = book(page, server, session, words, look)
    for secret in (PHONE, ID, "王小明"):
        assert secret not in page.content()
    page.get_by_role("link", name=words["move"], exact=True).click()
    look(page)
    link(page, f"/t/{made.token}/move/{session.slots.get(index=1).pk}/")
    look(page)
    press(page, words["yes_move"])
    page.get_by_role("link", name=words["cancel"], exact=True).click()
    look(page)
    press(page, words["yes"])
    expect(page.get_by_role("heading", name=words["over"])).to_be_visible()
    page.goto(f"{server.url}/book/mine/")
    look(page)
    made.refresh_from_db()
    assert (made.state, made.slot.index, made.payments.get().state) == ("cancelled", 1, "refunding")
    assert faults == []
    assert len(seen) >= 6
    context.close()


def test_the_same_without_any_script_pressed_twice_and_with_the_back_button(session, server, chromium):
    context = browsers.context(chromium, java_script_enabled=False)
    page = context.new_page()
    made = book(page, server, session, words_of(WORDS, "zh-hans"))
    page.goto(f"{server.url}/book/slot/{session.slots.get(index=1).pk}/")
    page.locator('[name="who"][value="new"]').check()
    page.get_by_label("姓名（与证件一致）").fill("李四")
    page.get_by_label("证件号码", exact=True).fill("110101190002010016")
    button(page, "确认预约").dblclick()
    expect(page).to_have_url(re.compile("/t/"))
    first = page.url
    page.go_back()
    press(page, "确认预约")
    expect(page).to_have_url(first)
    assert Appointment.objects.exclude(pk=made.pk).count() == 1
    context.close()


def test_in_two_tabs_it_is_one_booking_and_both_lead_to_its_page(session, server, chromium):
    context = browsers.context(chromium)
    address = f"{server.url}/book/slot/{session.slots.get(index=0).pk}/"
    tabs = [context.new_page(), context.new_page()]
    context.add_cookies([{"name": "django_language", "value": "en", "url": server.url}])
    tabs[0].goto(address)
    sign_in(tabs[0], words_of(WORDS, "en"))
    for tab in tabs:
        tab.goto(address)
        tab.get_by_label("Name, as on the ID").fill("王小明")
        tab.get_by_label("ID number", exact=True).fill(ID)
    for tab in tabs:
        press(tab, "Book this number")
        expect(tab).to_have_url(re.compile("/t/"))
    assert tabs[0].url == tabs[1].url
    assert Appointment.objects.count() == 1
    context.close()


@pytest.mark.once
@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"contrast": "more"}])
def test_dark_and_high_contrast_keep_enough_contrast(session, server, chromium, options):
    context = browsers.context(chromium, "720p", **options)
    page = context.new_page()
    for path in ("/book/", f"/book/{session.expert.code}/", "/book/sign-in/"):
        page.goto(f"{server.url}{path}?lang=en")
        assert browsers.violations(page) == [], path
    context.close()


def test_the_pages_are_small(session, server, chromium):
    """On a slow line: what a page of booking weighs before it is packed, styles, icon and script included."""
    context = browsers.context(chromium)
    page = context.new_page()
    weights: dict[str, int] = {}
    page.on("response", lambda answer: weights.update({answer.url: len(answer.body())}))
    page.goto(f"{server.url}/book/")
    page.goto(f"{server.url}/book/{session.expert.code}/")
    assert sum(weights.values()) < 60_000, weights
    context.close()
