"""R1.3, R3.2b: whom a change touches, what they paid, and that what is confirmed is what was shown."""

import pytest

from booking import touched
from booking.models import Payment, Session, WaitlistEntry
from booking.services import appointments, endings, schedules
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, planned, refused, slots
from tests.factories import at

pytestmark = pytest.mark.django_db
FEE = 2000


@pytest.fixture
def session():
    return planned(((3, 1), (2, 0), (1, 0)))


def paid(appointment, amount=FEE):
    return Payment.objects.create(
        appointment=appointment, provider="demo", amount=amount, balance=amount, state="paid", made_at=WEEK_BEFORE,
        until=at("12:00"), paid_at=WEEK_BEFORE,
    )  # fmt: skip


def test_it_counts_who_is_held_booked_and_here_by_slot_and_what_they_paid(session):
    first, here, _held, gone = book(session), book(session), book(session, hold=True), book(session, 1)
    paid(first)
    paid(here, 500)
    here.state = "arrived"
    here.save()
    endings.cancel(appointment_id=gone.pk, now=WEEK_BEFORE)
    paid(book(session, 2))
    early, late = touched.one(session).slots
    assert (early.booked, early.arrived, early.held, early.count) == (1, 1, 1, 3)
    assert (early.paid, early.paid_here, early.paid_in_all) == (FEE, 500, FEE + 500)
    assert (early.starts_at, late.starts_at) == (at("08:00"), at("10:00"))
    whole = touched.one(session)
    assert (whole.count, whole.to_come, whole.paid) == (4, 3, 2 * FEE)


def test_many_sessions_are_three_queries_and_their_rooms(session, django_assert_max_num_queries):
    book(session)
    others = [planned(((1, 0),)) for _ in range(3)]
    sessions = list(Session.objects.prefetch_related("rooms"))
    with django_assert_max_num_queries(3):
        found = touched.of(sessions)
    assert [found[each.pk].count for each in (session, *others)] == [1, 0, 0, 0]


def another_books(session):
    book(session, 1)


def one_cancels(session):
    endings.cancel(appointment_id=session.appointments.get().pk, now=WEEK_BEFORE)


def one_moves(session):
    there = slots(session)[1]
    appointments.move(appointment_id=session.appointments.get().pk, slot_id=there.pk, now=WEEK_BEFORE)


def one_pays(session):
    paid(session.appointments.get())


def one_waits(session):
    WaitlistEntry.objects.create(session=session, patient=factories.patient(), joined_at=WEEK_BEFORE)


def another_manager_finds_a_substitute(session):
    schedules.substitute(
        session_id=session.pk, away_id=session.expert_id, expert_id=factories.expert(session.department).pk,
        reason="ill", now=WEEK_BEFORE,
    )  # fmt: skip


@pytest.mark.parametrize(
    "happens", [another_books, one_cancels, one_moves, one_pays, one_waits, another_manager_finds_a_substitute]
)
def test_what_has_changed_since_it_was_shown_is_not_done(session, happens):
    book(session)
    seen = touched.one(session).mark
    assert touched.one(Session.objects.get(pk=session.pk)).mark == seen
    happens(session)
    with refused("changed_meanwhile"):
        schedules.call_off(session_id=session.pk, reason="ill", seen=seen, now=WEEK_BEFORE)
    session.refresh_from_db()
    assert session.state == "planned"
    again = touched.one(session).mark
    schedules.call_off(session_id=session.pk, reason="ill", seen=again, now=WEEK_BEFORE)
    schedules.call_off(session_id=session.pk, reason="pressed twice", seen=again, now=WEEK_BEFORE)


def test_a_substitute_too_is_for_those_who_were_shown(session):
    seen = touched.one(session).mark
    book(session)
    with refused("changed_meanwhile"):
        schedules.substitute(
            session_id=session.pk, away_id=session.expert_id, expert_id=factories.expert(session.department).pk,
            reason="ill", seen=seen, now=WEEK_BEFORE,
        )  # fmt: skip
