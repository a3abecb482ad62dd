"""R2.7 under everything that can happen to numbers, in any order: the ledger's sums are the counts.

R3.2, R3.4, R3.6: moves between two sessions, added numbers, suspensions and their lift among them.
"""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from booking import invariants
from booking.errors import BookingError
from booking.models import Appointment, FreedNumber, Session, Suspension
from booking.services import appointments, endings, numbers, quotas, schedules, sessions, suspensions
from tests import factories
from tests.booking.clinic import planned, slots
from tests.chance import examples
from tests.factories import at

SPLIT = ((3, 1), (2, 2), (1, 0))
EVENING = ((3, 0), (2, 1))
SLOTS = len(SPLIT) + len(EVENING)
NUMBERS = sum(bookable + walk_in for bookable, walk_in in (*SPLIT, *EVENING))
PATIENTS = 6


class NumbersOfASession(RuleBasedStateMachine):
    """A session from its booking to its close, and another in the evening; each step is later than the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        of = factories.department(
            booked_per_patient_day=99, booked_per_patient_department=99, free_again_minutes=10, hold_minutes=15,
            no_show_limit=2, added_per_session=3,
        )  # fmt: skip
        self.session = planned(SPLIT, of=of)
        self.evening = planned(EVENING, of=of, start="19:00")
        self.patients = [factories.patient() for _ in range(PATIENTS)]
        self.made: list[Appointment] = []
        self.miss_one(of)
        self.now = at("06:00")
        self.closed = False
        self.added = 0
        for patient in range(3):
            self.book(patient=patient, slot=patient, hold=False)

    def miss_one(self, of):
        """Half of the patients have missed a visit the day before: one more suspends them."""
        day = at("00:00") - timedelta(days=1)
        before = planned(((PATIENTS, 0),), of=of, day=day)
        for who in self.patients[::2]:
            factories.appointment(before, 0, who)
        self.settle(before, at("12:00", day))

    def settle(self, session, now):
        with transaction.atomic():
            endings.settle(session_id=session.pk, now=now)
            Session.objects.filter(pk=session.pk).update(state="closed")

    def both(self):
        return [*slots(self.session), *slots(self.evening)]

    def suspended(self, patient):
        return suspensions.of(patient.pk, now=self.now) is not None

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

    @rule(patient=st.integers(0, PATIENTS - 1), slot=st.integers(0, SLOTS - 1), hold=st.booleans())
    def book(self, patient, slot, hold):
        who = self.patients[patient]
        made = self.attempt(appointments.book, patient_id=who.pk, slot_id=self.both()[slot].pk, hold=hold)
        if made:
            assert self.now < made.session.registration_opens_at
            assert not self.suspended(who)
            self.made.append(made)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), slot=st.integers(0, SLOTS - 1))
    def move(self, data, slot):
        """R3.2: in one step; where it is refused, the appointment is as it was."""
        before = Appointment.objects.get(pk=data.draw(st.sampled_from(self.made)).pk)
        target = self.both()[slot]
        moved = self.attempt(appointments.move, appointment_id=before.pk, slot_id=target.pk)
        after = Appointment.objects.get(pk=before.pk)
        assert (after.state, after.token) == (before.state, before.token)
        assert after.slot_id == (before.slot_id if moved is None else target.pk)
        if after.slot_id != before.slot_id:
            assert self.now < min(before.session.registration_opens_at, after.session.registration_opens_at)

    @rule(slot=st.integers(0, SLOTS - 1), count=st.integers(1, 2))
    def add_numbers(self, slot, count):
        """R3.2b"""
        if self.attempt(schedules.add_numbers, slot_id=self.both()[slot].pk, count=count, reason="one more"):
            self.added += count

    @precondition(lambda self: Suspension.objects.exists())
    @rule()
    def lift(self):
        """R3.6"""
        last = Suspension.objects.order_by("pk").last()
        if self.attempt(suspensions.lift, suspension_id=last.pk, reason="was here"):
            assert not self.suspended(last.patient)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def confirm(self, data):
        self.attempt(appointments.confirm, appointment_id=data.draw(st.sampled_from(self.made)).pk)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), times=st.integers(1, 2))
    def cancel(self, data, times):
        pk = data.draw(st.sampled_from(self.made)).pk
        for _ in range(times):
            self.attempt(endings.cancel, appointment_id=pk)

    @rule()
    def expire_holds(self):
        endings.expire_holds(now=self.now)
        assert not Appointment.objects.filter(state="held", held_until__lte=self.now).exists()

    @rule()
    def free_numbers(self):
        endings.free_numbers(now=self.now)
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

    @precondition(lambda self: not self.closed)
    @rule()
    def close(self):
        """The morning goes by; what is left is the evening."""
        self.now = max(self.now, at("11:00"))
        missing = self.session.appointments.filter(state="booked", slot__ends_at__lte=self.now)
        again = set(missing.values_list("patient", flat=True)) & {who.pk for who in self.patients[::2]}
        self.settle(self.session, self.now)
        self.closed = True
        assert again == set(Suspension.objects.values_list("patient", flat=True))

    @invariant()
    def nothing_is_breached(self):
        assert list(invariants.breaches()) == []

    @invariant()
    def no_number_is_lost_or_made(self):
        """N of R2.4, counted without the ledger."""
        assert sum(slot.bookable + slot.walk_in for slot in self.both()) == NUMBERS + self.added

    @invariant()
    def nobody_has_two_active_appointments(self):
        active = list(Appointment.objects.filter(state__in=Appointment.ACTIVE).values_list("patient", "session"))
        assert len(active) == len(set(active))


class TestNumbersOfASession(NumbersOfASession.TestCase, TestCase):
    settings = settings(
        max_examples=examples(25), stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


pytestmark = pytest.mark.django_db
