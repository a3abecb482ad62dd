"""A clinic that demands 20 yuan, the providers' fake servers, and a patient who holds a number."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from booking import invariants, payments
from booking.models import Payment
from booking.services import appointments
from booking.services import payments as service
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, planned, slots
from tests.fakes.alipay import FakeAlipay
from tests.fakes.wechat import FakeWeChat

FEE = 2000
NOW = WEEK_BEFORE
MINUTE = timedelta(minutes=1)
LATE = NOW + 16 * MINUTE
SITE = Client()
FAKES = {"wechat": FakeWeChat, "alipay": FakeAlipay}


class Clock:
    now = NOW


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """What the time is; a test may turn it on."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture
def session(db):
    return planned(((2, 1),), of=factories.department(prepayment=FEE, hold_minutes=15))


@pytest.fixture(scope="session")
def servers():
    made = {name: make() for name, make in FAKES.items()}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture
def fakes(servers, settings):
    """Both servers, and the settings that lead to them."""
    for each in servers.values():
        each.reset()
    settings.SITE_URL = "https://queue.example.org"
    settings.PAYMENT_PROVIDERS = list(servers)
    settings.WECHATPAY, settings.ALIPAY = servers["wechat"].settings(), servers["alipay"].settings()
    yield servers
    payments.provider.cache_clear()


@pytest.fixture(params=FAKES)
def fake(request, fakes):
    """Each of the servers in turn."""
    return fakes[request.param]


@pytest.fixture(autouse=True)
def _money_adds_up(request):
    yield
    if "session" in request.fixturenames:
        assert list(invariants.breaches()) == []


def hold(session):
    return appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, now=NOW)


def start(appointment, fake) -> Payment:
    """The payer chooses this provider and comes to its page."""
    started = service.start(
        appointment_id=appointment.pk,
        provider=fake.name,
        return_url="https://queue.example.org/t/x/",
        address="203.0.113.7",
    )
    fake.visit(started.url)
    return started.payment


def tell(fake, headers, body):
    """The provider posts a notice."""
    return SITE.generic("POST", f"/pay/notices/{fake.name}/", body, headers=headers)


def state_of(row):
    row.refresh_from_db()
    return row.state


def ledger(payment):
    return list(payment.moves.values_list("kind", "amount", "balance"))
