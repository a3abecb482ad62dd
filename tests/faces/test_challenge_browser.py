"""R3.7: the step more in a real browser: worked out by script, with and without crypto.subtle, or read in a picture."""

import pytest
from django.utils import timezone

from booking.models import PhoneCode, SourceCount
from booking.models.hashes import keyed_hash
from booking.services import sources
from booking.services.sources import What
from queueboard.challenge.models import Picture, Spent
from tests import browser as browsers
from tests.book.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.once]
NEVER = "export const solve = () => new Promise(() => {});"
FAILS = "export const solve = () => Promise.reject(new Error('old'));"


@pytest.fixture(autouse=True)
def _busy_address(server):
    sources.count(sources.of(address="127.0.0.1"), what=What.REFUSED, now=timezone.now())
    SourceCount.objects.update(count=1000)


def ask_code(page, url):
    page.goto(f"{url}/book/sign-in/")
    page.locator("input[type=tel]").fill(PHONE)
    page.locator("button.main").click()


# Browsers trust 127.0.0.1 as if it were https; not so 0.0.0.0, where they hand out no crypto.subtle.
@pytest.mark.parametrize(("host", "subtle"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_with_script_it_goes_on_by_itself(server, chromium, host, subtle):
    context = browsers.context(chromium, locale="en")
    page = context.new_page()
    ask_code(page, server.url.replace("127.0.0.1", host))
    page.get_by_role("heading", name="Which code did you get?").wait_for()
    assert page.evaluate("Boolean(globalThis.crypto.subtle)") is subtle
    assert (Spent.objects.count(), PhoneCode.objects.count()) == (1, 1)
    context.close()


def test_a_browser_without_module_workers_does_it_on_the_page(server, chromium):
    context = browsers.context(chromium, locale="en")
    context.route("**/challenge_worker.js", lambda route: route.fulfill(body="import", content_type="text/javascript"))
    page = context.new_page()
    ask_code(page, server.url)
    page.get_by_role("heading", name="Which code did you get?").wait_for()
    context.close()


def test_without_script_one_reads_a_picture(server, chromium):
    context = browsers.context(chromium, locale="en", java_script_enabled=False)
    page = context.new_page()
    ask_code(page, server.url)
    shown = page.get_by_role("img", name="A picture of five digits")
    shown.wait_for()
    page.wait_for_load_state("load")  # the picture is written down when it is fetched
    assert shown.bounding_box()["width"] >= 280
    picture = Picture.objects.get()
    Picture.objects.update(answer_hash=keyed_hash(picture.name + "23456"))
    page.get_by_label("The five digits").fill("23456")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_role("heading", name="Which code did you get?").wait_for()
    context.close()


@pytest.mark.parametrize("locale", ["en", "zh-CN", "zh-TW"])
@pytest.mark.parametrize(("solver", "shown"), [(NEVER, "progress"), (FAILS, "img")])
def test_both_ways_are_accessible_and_fit_a_small_phone(server, chromium, locale, solver, shown):
    context = browsers.context(chromium, "320", locale=locale)
    context.route("**/challenge_solver.js", lambda route: route.fulfill(body=solver, content_type="text/javascript"))
    page = context.new_page()
    ask_code(page, server.url)
    page.locator(f".challenge {shown}").wait_for()
    assert browsers.violations(page) == []
    assert browsers.wider_than_screen(page) <= 0
    context.close()
