"""R3.2b, R1.3: schedules that change: added numbers, a substitute, a session that is cancelled, a leave."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from booking.models import Appointment, Leave, Outbox, QuotaMove, Session, SessionRoom
from booking.services import endings, quotas, schedules, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, moves, planned, refused, slots
from tests.booking.test_races import race
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


@pytest.fixture
def session():
    return planned(((1, 1), (1, 0)))


def told(kind):
    return sorted(Outbox.objects.filter(kind=kind).values_list("payload__appointment", flat=True))


class TestAddedNumbers:
    def add(self, session, count=1, index=0, now=WEEK_BEFORE, reason="a colleague's patient", **kwargs):
        return schedules.add_numbers(
            slot_id=slots(session)[index].pk, count=count, reason=reason, now=now, **kwargs
        )  # fmt: skip

    def test_they_can_be_booked_and_the_ledger_says_who_and_why(self, session):
        who = User.objects.create(username="expert")
        book(session)
        self.add(session, 2, actor=who)
        assert counts(session)[0] == (2, 1, 0, 1, 0)
        row = QuotaMove.objects.get(reason="added")
        assert (row.source, row.target, row.count, row.note, row.actor) == (
            "outside", "bookable", 2, "a colleague's patient", who,
        )  # fmt: skip
        assert book(session).state == "booked"

    def test_once_registration_has_opened_they_are_for_walk_ins(self, session):
        """R3.5"""
        with transaction.atomic():
            sessions.open_pool(session_id=session.pk, now=at("07:00"))
        self.add(session, now=at("07:30"))
        assert counts(session)[0] == (0, 0, 0, 3, 0)

    def test_recalculation_keeps_them(self, session):
        """R2.6, R2.7"""
        self.add(session, 3)
        quotas.recalculate(session_id=session.pk, now=WEEK_BEFORE)
        assert sum(slot.bookable + slot.walk_in for slot in slots(session)) == session.numbers + 3

    def test_a_department_allows_so_many_for_a_session_in_all(self, session):
        self.add(session, 6)
        with refused("limit_added") as error:
            self.add(session, 5, index=1)
        assert (error.value.extra["limit"], error.value.extra["added"]) == (10, 6)
        self.add(session, 4, index=1)

    def test_not_without_a_reason_nor_to_what_is_over(self, session):
        with refused("reason_missing"):
            self.add(session, reason=" ")
        with refused("slot_ended"):
            self.add(session, now=at("09:00"))
        Session.objects.filter(pk=session.pk).update(state="cancelled")
        with refused("session_over"):
            self.add(session)
        with refused("no_such_slot"):
            schedules.add_numbers(slot_id=10**9, count=1, reason="x")
        assert moves(session, "added") == []


class TestSubstitute:
    def take_over(self, session, expert, away=None, reason="ill"):
        return schedules.substitute(
            session_id=session.pk, away_id=(away or session.expert).pk, expert_id=expert.pk, reason=reason,
            now=WEEK_BEFORE,
        )  # fmt: skip

    def test_everybody_keeps_their_number_and_is_told(self, session):
        made, gone = [book(session), book(session, 1, hold=True)], session.expert
        before, substitute = counts(session), factories.expert(session.department)
        assert self.take_over(session, substitute) == 2
        session.refresh_from_db()
        assert (session.expert, SessionRoom.objects.get(session=session).expert) == (substitute, substitute)
        assert counts(session) == before
        assert told("expert_substituted") == [each.pk for each in made]
        assert Outbox.objects.filter(kind="expert_substituted", payload__away=gone.pk).count() == 2

    def test_there_and_back_again_is_told_each_time(self, session):
        book(session)
        first, second = session.expert, factories.expert(session.department)
        self.take_over(session, second, away=first)
        schedules.substitute(
            session_id=session.pk, away_id=second.pk, expert_id=first.pk, reason="well again",
            now=WEEK_BEFORE + timedelta(hours=1),
        )  # fmt: skip
        assert len(told("expert_substituted")) == 2

    def test_in_a_pooled_session_the_seat_changes_and_nobody_booked_an_expert(self):
        pooled = planned(((1, 0),), rooms=2, expert=None, title="普通门诊")
        book(pooled)
        away, substitute = pooled.rooms.first().expert, factories.expert(pooled.department)
        assert self.take_over(pooled, substitute, away=away) == 0
        assert substitute in [seat.expert for seat in pooled.rooms.all()]
        assert told("expert_substituted") == []

    def test_only_by_somebody_of_the_department_who_is_there_and_free(self, session):
        free = factories.expert(session.department)
        with refused("no_such_expert"):
            self.take_over(session, factories.expert(factories.department()))
        with refused("no_such_expert"):
            self.take_over(session, factories.expert(session.department, active=False))
        with refused("not_seated"):
            self.take_over(session, free, away=factories.expert(session.department))
        with refused("reason_missing"):
            self.take_over(session, free, reason="")
        busy = planned(((1, 0),), of=session.department, start="09:00").expert
        with refused("expert_busy"):
            self.take_over(session, busy)
        Leave.objects.create(expert=free, first_day=session.date, last_day=session.date)
        with refused("expert_on_leave"):
            self.take_over(session, free)
        Session.objects.filter(pk=session.pk).update(state="closed")
        with refused("session_over"):
            self.take_over(session, free)


class TestCallingOff:
    def call_off(self, session, now=WEEK_BEFORE, reason="ill"):
        return schedules.call_off(session_id=session.pk, reason=reason, now=now)

    def test_whoever_booked_is_told_and_nobody_gets_a_no_show(self, session):
        """R1.3"""
        made = [book(session), book(session, 1, hold=True)]
        assert self.call_off(session) == 2
        assert set(session.appointments.values_list("state", flat=True)) == {"called_off"}
        assert told("appointment_called_off") == [each.pk for each in made]
        with refused("booking_closed"):
            book(session)
        assert endings.expire_holds(now=at("12:00")) == 0

    def test_twice_is_once(self, session):
        book(session)
        assert [self.call_off(session), self.call_off(session)] == [1, 0]
        assert len(told("appointment_called_off")) == 1

    def test_what_was_cancelled_before_is_freed_without_harm(self, session):
        endings.cancel(appointment_id=book(session).pk, now=WEEK_BEFORE)
        self.call_off(session)
        assert endings.free_numbers(now=at("06:00")) == 1

    def test_not_without_a_reason_nor_once_registration_is_open(self, session):
        with refused("reason_missing"):
            self.call_off(session, reason="")
        Session.objects.filter(pk=session.pk).update(state="open")
        with refused("session_begun"):
            self.call_off(session)

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_bookings_at_the_same_moment_are_called_off_or_refused(self):
        """R1.3: nobody is left with a number of a session that does not take place."""
        session = planned(((20, 0),))
        acts = [lambda: book(session).state for _ in range(10)]
        results = race([*acts[:5], lambda: self.call_off(session), *acts[5:]])
        off = results.pop(5)
        assert set(results) <= {"booked", "booking_closed"}
        assert results.count("booked") == off == Appointment.objects.filter(state="called_off").count()
        assert not Appointment.objects.filter(state="booked").exists()
