"""The page on which the demonstration pays, in a real browser: in each language, and without script (R3.3)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.services import appointments, payments
from tests import browser as browsers
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.once]


@pytest.fixture
def payment(server):
    of = factories.department(prepayment=2050)
    tomorrow = timezone.localtime() + timedelta(days=1)
    session = factories.session(day=tomorrow, of=of, state="planned", pool_opened_at=None)
    held = appointments.book(patient_id=factories.patient().pk, slot_id=session.slots.get(index=1).pk)
    return payments.start(appointment_id=held.pk, provider="demo", return_url="", address="").payment


def test_one_pays_without_script_and_is_back_on_the_own_page(payment, server, chromium):
    context = browsers.context(chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/pay/demo/{payment.number}/?lang=en")
    page.get_by_role("button", name="Pay", exact=True).click()
    assert page.url == f"{server.url}/t/{payment.appointment.token}/"
    payment.refresh_from_db()
    assert (payment.state, payment.appointment.state) == ("paid", "booked")
    page.goto(f"{server.url}/pay/demo/{payment.number}/?lang=en")
    assert "This appointment is paid." in page.inner_text("main")
    context.close()


@pytest.mark.once
@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_the_page_is_accessible_and_fits_a_small_phone(payment, server, chromium, language):
    context = browsers.context(chromium, "320")
    page = context.new_page()
    page.goto(f"{server.url}/pay/demo/{payment.number}/?lang={language}")
    assert browsers.violations(page) == []
    assert browsers.wider_than_screen(page) <= 0
    context.close()
