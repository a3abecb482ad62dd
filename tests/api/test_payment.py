"""Paying for one's own appointment (R3.3): the API, and the page on which the demonstration pays."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.test import Client

from booking.models import Payment
from booking.services import appointments
from tests import factories
from tests.factories import at

API = "/api/v1"
FEE = 2050
pytestmark = pytest.mark.django_db


@pytest.fixture
def held(db, clock):
    """An appointment of tomorrow, held since just now."""
    tomorrow = at("08:00") + timedelta(days=1)
    of = factories.department(prepayment=FEE)
    session = factories.session(day=tomorrow, state="planned", pool_opened_at=None, of=of)
    return appointments.book(patient_id=factories.patient().pk, slot_id=session.slots.get(index=1).pk)


def address(held):
    return f"{API}/appointments/{held.token}/payment/"


@pytest.fixture
def page(anybody, held):
    """The address of the demonstration's page for this appointment."""
    return anybody.post(address(held), {"provider": "demo"}).json()["url"]


def state(anybody, held):
    return anybody.get(f"{API}/appointments/{held.token}/").json()["state"]


def test_the_appointment_says_what_is_to_be_paid(anybody, held):
    seen = anybody.get(f"{API}/appointments/{held.token}/").json()
    assert (seen["state"], seen["fee"]) == ("held", FEE)
    assert anybody.get(address(held)).json() == {
        "state": "held",
        "fee": FEE,
        "held_until": seen["held_until"],
        "providers": ["demo"],
        "payments": [],
    }


def test_an_expert_may_cost_something_else_than_the_department(held):
    expert = held.session.expert
    for own, asked in ((5000, 5000), (0, 0), (None, FEE)):
        expert.prepayment = own
        held.session.expert = expert
        assert held.session.prepayment == asked


def test_started_twice_it_is_one_payment_at_one_address(anybody, held):
    first, second = (anybody.post(address(held), {"provider": "demo"}) for _ in range(2))
    assert (first.status_code, first.json()) == (200, second.json())
    assert (first.json()["state"], first.json()["amount"]) == ("open", FEE)
    assert Payment.objects.count() == 1


def test_paid_on_the_page_it_is_booked_and_one_is_back_on_the_own_page(anybody, held, page):
    answer = Client().post(page, {"pay": ""})
    assert (answer.status_code, answer["Location"]) == (302, f"/t/{held.token}/")
    assert state(anybody, held) == "booked"
    paid = anybody.get(address(held)).json()["payments"]
    assert [(each["provider"], each["state"], each["amount"]) for each in paid] == [("demo", "paid", FEE)]


def test_pressed_twice_it_is_paid_once(anybody, held, page):
    for _ in range(2):
        assert Client().post(page, {"pay": ""}).status_code == 302
    assert Payment.objects.get().moves.count() == 1


def test_refused_on_the_page_it_stays_held(anybody, held, page):
    assert Client().post(page, {"refuse": ""}).status_code == 302
    assert state(anybody, held) == "held"


def test_paid_after_the_hold_the_money_goes_back(anybody, held, page, clock):
    clock.turn_to("08:26")
    assert b'name="pay"' not in Client().get(page).content
    Client().post(page, {"pay": ""})
    assert anybody.get(address(held)).json()["payments"][0]["state"] == "refunding"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "This is a demonstration: no money is taken."), ("zh-hans", "¥20.50"), ("zh-hant", "¥20.50")],
)
def test_the_page_is_there_in_each_language_without_script(page, language, words):
    answer = Client().get(page, {"lang": language})
    assert words in answer.content.decode()
    assert answer["Content-Language"] == language
    assert b"<script" not in answer.content


def test_the_page_names_no_patient(held, page):
    assert held.patient.name not in Client().get(page).content.decode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fee": 0}, "nothing_to_pay"),
        ({"state": "booked"}, "paid_already"),
        ({"state": "expired"}, "hold_expired"),
        ({"state": "cancelled", "held_until": None}, "not_active"),
    ],
)
def test_what_cannot_be_paid_says_why(anybody, held, change, code):
    type(held).objects.filter(pk=held.pk).update(**change)
    answer = anybody.post(address(held), {"provider": "demo"})
    assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize(("provider", "code"), [("wechat", "no_provider"), ("cash", "invalid")])
def test_only_what_is_offered_can_be_chosen(anybody, held, provider, code):
    answer = anybody.post(address(held), {"provider": provider})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_who_has_no_token_pays_for_nobody(anybody, held):
    assert anybody.post(f"{API}/appointments/nobodys/payment/", {"provider": "demo"}).status_code == 404
    assert Client().get("/pay/demo/0123456789abcdef/").status_code == 404


def test_without_the_demonstration_nobody_pays_on_its_page(page, settings):
    settings.PAYMENT_PROVIDERS = []
    assert Client().post(page, {"pay": ""}).status_code == 404


def test_the_demonstration_takes_no_notices(db):
    assert Client().post("/pay/notices/demo/", b"{}", content_type="application/json").status_code == 401
    assert Client().post("/pay/notices/cash/", b"{}", content_type="application/json").status_code == 404
    assert Client().get("/pay/notices/demo/").status_code == 405


def test_a_notice_too_large_to_be_one_is_not_read(db):
    answer = Client().post("/pay/notices/demo/", b"x" * (64 * 1024 + 1), content_type="application/json")
    assert answer.status_code == 413


def test_a_provider_without_its_keys_is_said_at_the_start(settings):
    settings.PAYMENT_PROVIDERS = ["demo", "wechat", "cash"]
    said = [each.msg for each in run_checks() if each.id and each.id.startswith("booking.")]
    assert "PAYMENT_PROVIDERS names cash, which is no provider." in said
    assert "Payments by wechat need WECHATPAY_API_V3_KEY." in said
    assert "Payments by wechat need SITE_URL." in said
