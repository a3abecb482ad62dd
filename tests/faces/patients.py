"""Patients for the tests of their pages: somebody with a phone in a browser, who reads what is on it."""

from django.utils.translation import gettext, override
from playwright.sync_api import Browser, Page, expect

from booking.models import PhoneCode
from tests import browser as browsers

PHONE, ID, NAME = "13912345678", "110101190001010014", "王小明"
SIGNING_IN = {
    "phone": "Phone number",
    "code": "Send me a code",
    "six": "The code of six digits",
    "sign_in": "Sign in",
}


def words_of(words: dict[str, str], language: str) -> dict[str, str]:
    """What these, and what one signs in with, are called in a language, as the catalogue has it."""
    with override(language):
        return {name: gettext(text) for name, text in (SIGNING_IN | words).items()}


def somebody(chromium: Browser, server, language: str, **options) -> Page:
    context = browsers.context(chromium, locale={"en": "en-US"}.get(language, "zh-CN"), **options)
    context.add_cookies([{"name": "django_language", "value": language, "url": server.url}])
    return context.new_page()


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def press(page: Page, name: str) -> None:
    button(page, name).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True).first).to_be_visible(timeout=20_000)


def sign_in(page: Page, words: dict[str, str]) -> None:
    page.get_by_label(words["phone"], exact=True).fill(PHONE)
    press(page, words["code"])
    page.get_by_label(words["six"]).fill(PhoneCode.objects.first().code)
    press(page, words["sign_in"])


def look(page: Page, least: int = 44) -> None:
    """Accessible, no wider than the screen, nothing that is touched lower than `least` pixels, and no whole number:
    others may look on."""
    assert browsers.violations(page) == [], page.url
    assert browsers.wider_than_screen(page) <= 0, page.url
    for target in page.locator("main a:visible, main button:visible, main input:visible, main select:visible").all():
        if target.get_attribute("type") not in ("checkbox", "radio"):
            assert target.bounding_box()["height"] >= least, target.evaluate("each => each.outerHTML")
    for secret in (PHONE, ID):
        assert secret not in page.content()
