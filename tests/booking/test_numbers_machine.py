"""R2.7 under everything that can happen to a session's numbers, in any order: the ledger's sums are the counts."""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from booking import invariants
from booking.errors import BookingError
from booking.models import Appointment, FreedNumber, Session
from booking.services import appointments, numbers, quotas, sessions
from tests import factories
from tests.booking.clinic import planned, slots
from tests.factories import at

SPLIT = ((3, 1), (2, 2), (1, 0))
NUMBERS = sum(bookable + walk_in for bookable, walk_in in SPLIT)
PATIENTS = 6


class NumbersOfASession(RuleBasedStateMachine):
    """A session from its booking to its close; each step at a later moment than the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        of = factories.department(
            booked_per_patient_day=99, booked_per_patient_department=99, free_again_minutes=10, hold_minutes=15
        )
        self.session = planned(SPLIT, of=of)
        self.patients = [factories.patient() for _ in range(PATIENTS)]
        self.made: list[Appointment] = []
        self.now = at("06:00")
        self.closed = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def attempt(self, service, **kwargs):
        """A refusal is a fine outcome; that it changes nothing is what the invariants then show."""
        try:
            with transaction.atomic():
                return service(now=self.now, **kwargs)
        except BookingError:
            return None

    @rule(minutes=st.integers(1, 40))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(patient=st.integers(0, PATIENTS - 1), slot=st.integers(0, len(SPLIT) - 1), hold=st.booleans())
    def book(self, patient, slot, hold):
        made = self.attempt(
            appointments.book,
            patient_id=self.patients[patient].pk,
            slot_id=slots(self.session)[slot].pk,
            hold=hold,
        )
        if made:
            assert self.now < at("07:00")
            self.made.append(made)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def confirm(self, data):
        self.attempt(appointments.confirm, appointment_id=data.draw(st.sampled_from(self.made)).pk)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), times=st.integers(1, 2))
    def cancel(self, data, times):
        pk = data.draw(st.sampled_from(self.made)).pk
        for _ in range(times):
            self.attempt(appointments.cancel, appointment_id=pk)

    @rule()
    def expire_holds(self):
        appointments.expire_holds(now=self.now)
        assert not Appointment.objects.filter(state="held", held_until__lte=self.now).exists()

    @rule()
    def free_numbers(self):
        appointments.free_numbers(now=self.now)
        assert not FreedNumber.objects.filter(done_at=None, free_at__lte=self.now).exists()

    @rule()
    def recalculate(self):
        self.attempt(quotas.recalculate, session_id=self.session.pk)

    @rule(slot=st.integers(0, len(SPLIT) - 1), bookable=st.integers(0, 5))
    def lock(self, slot, bookable):
        self.attempt(quotas.lock_split, slot_id=slots(self.session)[slot].pk, bookable=bookable, actor=None)

    @rule()
    def open_pool(self):
        if self.attempt(sessions.open_pool, session_id=self.session.pk) is not None:
            assert all(slot.left_bookable == slot.withheld == 0 for slot in slots(self.session))

    @rule(slot=st.integers(0, len(SPLIT) - 1))
    def register(self, slot):
        self.attempt(
            numbers.move, slot_id=slots(self.session)[slot].pk, source="pool", target="registered", reason="registered"
        )

    @rule()
    def pass_on(self):
        with transaction.atomic():
            sessions.pass_on(session_id=self.session.pk, now=self.now)
        *others, _last = slots(self.session)
        assert all(slot.left_walk_in == 0 for slot in others if slot.ends_at <= self.now)

    @precondition(lambda self: self.now >= at("09:00") and not self.closed)
    @rule()
    def close(self):
        with transaction.atomic():
            appointments.settle(session_id=self.session.pk, now=self.now)
            Session.objects.filter(pk=self.session.pk).update(state="closed")
        self.closed = True

    @invariant()
    def nothing_is_breached(self):
        assert list(invariants.breaches()) == []

    @invariant()
    def no_number_is_lost_or_made(self):
        """N of R2.4, counted without the ledger."""
        assert sum(slot.bookable + slot.walk_in for slot in slots(self.session)) == NUMBERS

    @invariant()
    def nobody_has_two_active_appointments(self):
        active = list(Appointment.objects.filter(state__in=Appointment.ACTIVE).values_list("patient_id", flat=True))
        assert len(active) == len(set(active))


class TestNumbersOfASession(NumbersOfASession.TestCase, TestCase):
    settings = settings(
        max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


pytestmark = pytest.mark.django_db
