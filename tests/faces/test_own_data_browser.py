"""What is kept about me, and erasing it, in a real browser: in each language, accessible, on 320 pixels (R3.7)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Download, expect

from booking.models import Account, Patient, PhoneCode
from booking.services import accounts, appointments
from tests import browser as browsers
from tests import factories
from tests.book.conftest import ahead, slot_of
from tests.faces.patients import ID, NAME, PHONE, follow, heading, look, press, sign_in, somebody, words_of
from tests.privacy.test_personal import seen

pytestmark = [pytest.mark.browser, pytest.mark.once]
WORDS = {
    "mine": "My appointments",
    "kept": "What is kept about me",
    "data": "My data",
    "download": "Download everything",
    "erase": "Erase my data",
    "really": "Erase my data?",
    "back": "Keep my data",
    "good": "Erase for good",
    "erased": "Your data is erased",
}


@pytest.fixture
def wang(server) -> Patient:
    """Seen once, missed once, and on the list of the account of this phone with somebody of another one."""
    made = factories.patient(name=NAME, id_type="resident", id_number=ID, phone=PHONE)
    seen(made)
    seen(made, 20, state="no_show")
    code = accounts.ask_code(phone=PHONE, now=timezone.now() - timedelta(hours=1))
    account = accounts.sign_in(phone=PHONE, code=code.code, now=timezone.now() - timedelta(minutes=59))
    child = factories.patient(name="王小小")
    seen(child, 12, account=account)
    for each in (made, child):
        accounts.add_member(account=account, patient_id=each.pk)
    return made


def newest_code() -> str:
    return PhoneCode.objects.first().code


def some_time_later() -> None:
    """Another code can be asked for a minute after the last."""
    PhoneCode.objects.update(made_at=timezone.now() - timedelta(minutes=2))


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_somebody_reads_what_is_kept_takes_it_along_and_has_it_erased(wang, server, chromium: Browser, language):
    words, faults = words_of(WORDS, language), []
    page = somebody(chromium, server, language, size="320")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{server.url}/book/mine/data/")
    sign_in(page, words)
    heading(page, words["data"])
    expect(page.get_by_role("heading", name=NAME, exact=True)).to_be_visible()
    look(page)
    with page.expect_download() as taken:
        press(page, words["download"])
    file: Download = taken.value
    assert ID in file.path().read_text(encoding="utf-8")
    follow(page, words["erase"])
    heading(page, words["really"])
    look(page)
    some_time_later()
    page.locator("form.choose button").click()
    expect(page.get_by_label(words["six"])).to_be_visible()
    look(page)
    page.get_by_label(words["six"]).fill("000000" if newest_code() != "000000" else "111111")
    press(page, words["good"])
    expect(page.locator('[data-code="code_wrong"]')).to_be_visible()
    look(page)
    page.get_by_label(words["six"]).fill(newest_code())
    page.get_by_role("button", name=words["good"], exact=True).dblclick()
    heading(page, words["erased"])
    look(page)
    wang.refresh_from_db()
    assert (wang.name, Account.objects.count()) == ("", 0)
    for address in ("data/", "data/erase/", ""):
        page.goto(f"{server.url}/book/mine/{address}")
        assert "/book/sign-in/" in page.url
    assert faults == []
    page.context.close()


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_without_script_what_is_still_open_is_said_and_no_code_is_sent(wang, server, chromium: Browser, language):
    appointments.book(patient_id=wang.pk, slot_id=slot_of(ahead()).pk)
    words = words_of(WORDS, language)
    page = somebody(chromium, server, language, size="320", java_script_enabled=False)
    page.goto(f"{server.url}/book/mine/")
    sign_in(page, words)
    follow(page, words["kept"])
    follow(page, words["erase"])
    expect(page.locator('[data-code="appointment_ahead"]')).to_be_visible()
    assert page.locator("form.choose, form.form").count() == 0
    for target in page.locator("main a:visible").all():
        assert target.bounding_box()["height"] >= 44
    assert browsers.wider_than_screen(page) <= 0
    wang.refresh_from_db()
    assert wang.name == NAME
    page.context.close()
