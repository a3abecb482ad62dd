"""The page with the code, in a real browser."""

import pytest
from django.conf import settings

from queueboard.services.arrivals import register_walk_in
from tests import browser as browsers
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


def test_the_code_is_shown_without_script_accessibly_and_on_a_small_phone(wechat, session, live_server, chromium):
    ticket = register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
    context = browsers.context(chromium, "320", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/t/{ticket.token}/?lang=en")
    page.get_by_role("button", name="Show the code").click()
    assert page.get_by_role("img").count() == 1
    context.close()
    context = browsers.context(chromium, "320")
    page = context.new_page()
    for language, _name in settings.LANGUAGES:
        page.goto(f"{live_server.url}/t/{ticket.token}/wechat/?lang={language}")
        assert browsers.violations(page) == []
        assert browsers.wider_than_screen(page) <= 0
    context.close()
