"""R3.3 under everything that can happen, in any order: no fen is lost, nobody is booked twice or for nothing."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from booking import invariants
from booking import payments as providers
from booking.errors import BookingError
from booking.models import Appointment, Payment, Session
from booking.services import appointments, endings, payments, refunds, sessions
from queueboard import outbox
from tests import factories
from tests.booking.clinic import planned, slots
from tests.chance import examples
from tests.factories import at
from tests.fakes.memory import Memory

FEE = 2000
PATIENTS = 3
NAMES = ("wechat", "alipay")
pytestmark = pytest.mark.django_db


class PaymentsOfASession(RuleBasedStateMachine):
    """A session from its booking to its close, with two providers that lie down, refuse, and repeat themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        of = factories.department(
            booked_per_patient_day=99, booked_per_patient_department=99, free_again_minutes=10, hold_minutes=15,
            prepayment=FEE,
        )  # fmt: skip
        self.session = planned(((3, 1),), of=of)
        self.patients = [factories.patient() for _ in range(PATIENTS)]
        self.made: list[Appointment] = []
        self.paid: list[tuple[str, str]] = []  # provider, number
        self.now = at("03:00")
        self.closed = False
        self.servers = {name: Memory(name) for name in NAMES}
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(providers, "provider", self.servers.__getitem__)
        self.patched.setattr(providers, "enabled", lambda: list(NAMES))
        self.patched.setattr(timezone, "now", lambda: self.now)

    def teardown(self) -> None:
        try:
            self.settles_in_the_end()
        finally:
            self.patched.undo()
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def settles_in_the_end(self) -> None:
        """Once the providers answer, all that came in is kept for a visit or has gone back, told of or not."""
        for each in self.servers.values():
            each.down = each.refuses = False
        for _ in range(3):
            self.now += timedelta(hours=2)
            endings.expire_holds()
            payments.reconcile()
            outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS)
        assert list(invariants.breaches()) == []
        kept = Payment.objects.filter(state="paid").count()
        assert not Payment.objects.exclude(state__in=["paid", "refunded", "closed"]).exists()
        assert sum(each.net() for each in self.servers.values()) == kept * FEE
        assert not Payment.objects.exclude(flag="").exclude(flag__contains="were asked").exists()

    def attempt(self, service, **kwargs):
        """A refusal is a fine outcome; that it changes nothing is what the invariants then show."""
        try:
            with transaction.atomic():
                return service(**kwargs)
        except BookingError:
            return None

    @rule(minutes=st.sampled_from([1, 16]))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.now < at("08:00") and self.paid)
    @rule()
    def the_morning_comes(self):
        self.now = at("08:00")

    @precondition(lambda self: self.now < at("07:00"))
    @rule(patient=st.integers(0, PATIENTS - 1), name=st.sampled_from(NAMES), told=st.booleans())
    def book_and_pay(self, patient, name, told):
        slot_id = slots(self.session)[0].pk
        made = self.attempt(appointments.book, patient_id=self.patients[patient].pk, slot_id=slot_id)
        if made:
            assert made.state == "held"
            self.made.append(made)
            self.start(made, name, FEE, told)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), name=st.sampled_from(NAMES), amount=st.sampled_from([0, FEE, FEE - 1]), told=st.booleans())
    def start_and_pay(self, data, name, amount, told):
        """With amount 0 the payer goes away again."""
        self.start(data.draw(st.sampled_from(self.made[-2:])), name, amount, told)

    def start(self, made, name, amount, told):
        """Whether the notice comes at once, later, or never, is another matter."""
        started = self.attempt(payments.start, appointment_id=made.pk, provider=name, return_url="", address="")
        if started and amount:
            number = started.payment.number
            self.servers[name].pay(number, amount)
            self.paid.append((name, number))
            if told:
                payments.receive(provider=name, told=self.servers[name].told(number))

    @precondition(lambda self: self.paid)
    @rule(data=st.data(), times=st.integers(1, 2))
    def notice(self, data, times):
        name, number = data.draw(st.sampled_from(self.paid[-3:]))
        for _ in range(times):
            payments.receive(provider=name, told=self.servers[name].told(number))

    @rule(name=st.sampled_from(NAMES), down=st.booleans())
    def a_provider_has_a_bad_day_or_a_good_one(self, name, down):
        self.servers[name].down = down
        self.servers[name].refuses = not down and not self.servers[name].refuses

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def cancel(self, data):
        self.attempt(endings.cancel, appointment_id=data.draw(st.sampled_from(self.made[-2:])).pk)

    @rule()
    def expire_holds_and_free_numbers(self):
        endings.expire_holds()
        endings.free_numbers()

    @rule()
    def reconcile(self):
        payments.reconcile()

    @rule()
    def send_refunds(self):
        outbox.send_due(deliver=refunds.deliver, which=outbox.REFUNDS)

    @precondition(lambda self: self.now >= at("07:00"))
    @rule()
    def open_pool(self):
        self.attempt(sessions.open_pool, session_id=self.session.pk, now=self.now)

    @precondition(lambda self: self.now >= at("07:30") and not self.closed)
    @rule()
    def close(self):
        with transaction.atomic():
            endings.settle(session_id=self.session.pk, now=self.now)
            Session.objects.filter(pk=self.session.pk).update(state="closed")
        self.closed = True

    @invariant()
    def nothing_is_breached(self):
        assert list(invariants.breaches()) == []

    @invariant()
    def our_books_are_theirs_but_for_what_they_have_not_told(self):
        held = sum(Payment.objects.values_list("balance", flat=True))
        untold = sum(
            self.servers[payment.provider].paid.get(payment.number, 0)
            for payment in Payment.objects.filter(provider_number="")
        )
        assert sum(each.net() for each in self.servers.values()) == held + untold


class TestPaymentsOfASession(PaymentsOfASession.TestCase, TestCase):
    settings = settings(
        max_examples=examples(15), stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
