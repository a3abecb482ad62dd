"""R3 in any order and all at once: booked, paid, expired, cancelled, moved, asked for, drawn, waited for, offered,
taken, freed, added, called off, opened, checked in, stopped, closed; and after each of it everything holds."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from booking.models import Slot
from booking.services import claims
from tests.booking.everything import ACTIONS, BEGIN, MOMENTS, Clinic, later
from tests.booking.test_races import race
from tests.chance import examples

NUMBERS = st.integers(0, 47)
SOME = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5)
MANY = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=6)
LITTLE = st.one_of(st.integers(1, 9), st.integers(1, 9), st.sampled_from((20, 90, 240)))  # minutes
PAUSES = st.sampled_from((0, 0, 0, 0, 0, 1, 6, 11, 16, "next"))  # minutes, or up to the next moment
ACTS = st.tuples(st.sampled_from(ACTIONS), NUMBERS, NUMBERS)

pytestmark = pytest.mark.django_db


class Booking(RuleBasedStateMachine):
    """One thing after the other, some of them twice; what is refused has changed nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.clinic, self.now = Clinic(), BEGIN
        self.books = self.looked_at = None

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    @initialize(waiters=MANY, askers=SOME, then=st.sampled_from((BEGIN, *MOMENTS[:-1])))
    def a_morning_begins(self, waiters, askers, then):
        self.now = self.clinic.pass_until(then, self.clinic.begin(waiters, askers))
        self.books = self.clinic.books()

    @rule(pause=PAUSES, act=ACTS, again=st.booleans())
    def something_happens(self, pause, act, again):
        """One rule: of several some would be left out of an example, the one in which things happen too."""
        self.now = later(self.now, pause)
        for _ in range(1 + again):
            self.now += timedelta(seconds=1)
            overdue = self.clinic.overdue(self.now)
            answer = self.clinic.do(*act, self.now)
            before, self.books = self.books, self.clinic.books()
            assert answer == "done" or overdue or self.books == before

    @invariant()
    def everything_holds(self):
        """Looked at anew where anything has changed."""
        if self.books != self.looked_at:
            assert self.clinic.wrong() == []
            self.looked_at = self.books


class TestBooking(Booking.TestCase, TestCase):
    settings = settings(
        max_examples=examples(20), stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Several things at the same moment, each by somebody else, on PostgreSQL."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        waiters=SOME,
        askers=SOME,
        rounds=st.lists(st.tuples(LITTLE, st.lists(ACTS, min_size=3, max_size=6)), min_size=3, max_size=7),
    )
    def test_everything_holds_after_each_round(self, caplog, waiters, askers, rounds):
        clinic = Clinic()
        now = clinic.begin(waiters, askers)
        for minutes, acts in rounds:
            now += timedelta(minutes=minutes)
            # Neither a deadlock nor a constraint is an answer to anybody.
            assert "constraint" not in race([partial(clinic.do, *act, now) for act in acts])
            # Nor one that a task logs, and goes on with the next.
            assert [record.getMessage() for record in caplog.records if record.exc_info] == []
            assert clinic.wrong() == []

    def test_without_the_guard_it_finds_what_is_wrong(self, monkeypatch):
        """What looks first and writes then takes more than there is, or is stopped by the last line, the database."""

        def look_and_write(wanted):
            slot = Slot.objects.get(pk=wanted.appointment.slot_id)
            if slot.left_bookable < 1:
                return claims.Outcome.NONE_LEFT
            wanted.appointment.save()
            Slot.objects.filter(pk=slot.pk).update(booked=F("booked") + 1)
            return claims.Outcome.CLAIMED

        clinic = Clinic()
        now = clinic.begin() + timedelta(minutes=20)
        evening = clinic.slots.index(Slot.objects.get(session=clinic.sessions[2], index=0).pk)
        monkeypatch.setattr(claims, "claim", look_and_write)
        answers = race([partial(clinic.do, "book", n, evening, now) for n in (0, 2, 4, 5, 6, 7)])
        assert "constraint" in answers or clinic.wrong() != []
