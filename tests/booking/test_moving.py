"""R3.2, R3.4: an appointment goes to another slot in one step, and is never without a number."""

from datetime import timedelta

import pytest
from django.db import transaction

from booking.models import Appointment, FreedNumber, Outbox, Session, Suspension
from booking.services import appointments, endings, sessions
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, moves, planned, refused, slots
from tests.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_breached")]


@pytest.fixture
def session():
    return planned(((2, 1), (1, 2)))


@pytest.fixture
def tomorrow(session):
    """Another session of the same department."""
    return planned(((1, 0), (1, 0)), of=session.department, day=at("00:00") + timedelta(days=1))


def move(made, session, index=0, now=WEEK_BEFORE):
    return appointments.move(appointment_id=made.pk, slot_id=slots(session)[index].pk, now=now)


def test_to_another_slot_of_the_session_with_a_row_of_the_ledger_on_both_sides(session):
    made = book(session)
    moved = move(made, session, 1)
    assert (moved.pk, moved.token, moved.state, moved.slot.index) == (made.pk, made.token, "booked", 1)
    assert counts(session) == [(1, 0, 1, 1, 0), (0, 1, 0, 2, 0)]
    assert moves(session, "moved") == [(1, "bookable", "booked", 1), (0, "booked", "withheld", 1)]


def test_to_another_session_of_the_department_and_back(session, tomorrow):
    made = book(session)
    assert move(made, tomorrow, 1).session == tomorrow
    assert (counts(session)[0], counts(tomorrow)[1]) == ((1, 0, 1, 1, 0), (0, 1, 0, 0, 0))
    assert move(made, session).session == session
    assert FreedNumber.objects.filter(appointment=made).count() == 2
    assert [row.payload["moved_to"] for row in Outbox.objects.filter(kind="appointment_moved").order_by("pk")] == [
        slots(tomorrow)[1].pk,
        slots(session)[0].pk,
    ]


def test_the_old_number_is_free_to_all_after_a_random_delay_like_a_cancelled_one(session):
    """R3.4"""
    move(book(session, now=at("06:00")), session, 1, now=at("06:30"))
    freed = FreedNumber.objects.get()
    assert at("06:30") <= freed.free_at <= at("06:40")
    assert endings.free_numbers(now=freed.free_at) == 1
    assert counts(session)[0] == (2, 0, 0, 1, 0)


def test_to_the_slot_that_it_is_in_nothing_happens(session):
    made = move(book(session), session, 1)
    before = counts(session)
    assert move(made, session, 1).slot == made.slot
    assert counts(session) == before


def test_a_hold_is_moved_with_its_end_and_not_once_that_is_over(session):
    held = book(session, hold=True)
    moved = move(held, session, 1)
    assert (moved.state, moved.held_until) == ("held", held.held_until)
    with refused("hold_expired"):
        move(held, session, 0, now=held.held_until)
    assert endings.expire_holds(now=held.held_until) == 1
    assert counts(session) == [(1, 0, 1, 1, 0), (1, 0, 0, 2, 0)]


def test_a_full_slot_keeps_the_appointment_where_it_was_and_says_what_is_left(session, tomorrow):
    made = book(session)
    book(session, 1)
    with refused("none_left") as error:
        move(made, session, 1)
    assert [each["session"] for each in error.value.extra["elsewhere"]] == [session.pk, tomorrow.pk, tomorrow.pk]
    made.refresh_from_db()
    assert (made.state, made.slot.index) == ("booked", 0)
    assert moves(session, "moved") == []


def test_not_once_registration_has_opened_at_the_session_it_leaves(session, tomorrow):
    """R3.4: by the clock, or by hand."""
    made = book(session)
    with refused("moving_closed"):
        move(made, tomorrow, now=at("07:00"))
    with transaction.atomic():
        sessions.open_pool(session_id=session.pk, now=at("06:00"))
    with refused("moving_closed"):
        move(made, tomorrow, now=at("06:01"))


def test_only_to_what_can_be_booked(session, tomorrow):
    """R3.1"""
    made = book(tomorrow)
    later = planned(((1, 0),), of=session.department, day=at("00:00") + timedelta(days=9))
    with refused("not_released"):
        move(made, later)
    with refused("booking_closed"):
        move(made, session, now=at("07:00"))
    Session.objects.filter(pk=session.pk).update(state="cancelled")
    with refused("booking_closed"):
        move(made, session)
    with refused("no_such_slot"):
        appointments.move(appointment_id=made.pk, slot_id=10**9)


def test_not_to_another_department(session):
    with refused("other_department"):
        move(book(session), planned())


def test_one_active_appointment_per_patient_and_session(session, tomorrow):
    """R3.2"""
    who = factories.patient()
    made = book(session, 0, who)
    book(tomorrow, 0, who)
    with refused("already_booked"):
        move(made, tomorrow, 1)


def test_the_day_it_goes_to_has_its_limit_and_the_one_that_is_moved_does_not_count(session, tomorrow):
    """R3.2: two a day."""
    who = factories.patient()
    made = book(session, 0, who)
    for start in ("14:00", "18:00"):
        evening = planned(((1, 0),), of=factories.department(), start=start, day=at("00:00") + timedelta(days=1))
        book(evening, 0, who)
    with refused("limit_per_day"):
        move(made, tomorrow)
    noon = planned(((1, 0),), of=session.department, start="13:00")
    book(planned(((1, 0),), start="15:00"), 0, who)
    assert move(made, noon).session == noon


def test_a_booking_under_way_sees_the_move(session, tomorrow, monkeypatch):
    """R3.2: a move to a day counts for who has looked at that day's limit already."""
    who = factories.patient()
    made = book(session, 0, who)
    first, second = (
        planned(((1, 0),), start=start, day=at("00:00") + timedelta(days=1)) for start in ("14:00", "18:00")
    )
    book(first, 0, who)
    claim = appointments.claims.claim

    def claim_after_the_move(wanted):
        monkeypatch.setattr(appointments.claims, "claim", claim)
        move(made, tomorrow)
        return claim(wanted)

    monkeypatch.setattr(appointments.claims, "claim", claim_after_the_move)
    with refused("limit_per_day"):
        book(second, 0, who)


def test_who_is_suspended_moves_what_was_booked_before(session):
    """R3.6: no visit more."""
    made = book(session)
    Suspension.objects.create(patient=made.patient, begins_at=WEEK_BEFORE, until=at("12:00"))
    assert move(made, session, 1).slot.index == 1


@pytest.mark.parametrize(
    ("state", "code"), [("arrived", "checked_in"), ("seen", "not_active"), ("no_show", "not_active")]
)
def test_what_has_begun_or_ended_stays(session, state, code):
    made = book(session)
    Appointment.objects.filter(pk=made.pk).update(state=state)
    with refused(code):
        move(made, session, 1)


def test_a_payment_stays_with_the_appointment_so_the_fee_must_be_the_same(session, tomorrow):
    """R3.3"""
    made = book(session)
    type(tomorrow.expert).objects.filter(pk=tomorrow.expert_id).update(prepayment=5000)
    with refused("other_fee"):
        move(made, tomorrow)
    assert move(made, session, 1).slot.index == 1


def test_an_own_hold_there_whose_time_is_over_is_no_obstacle_while_the_task_is_late(session, tomorrow):
    """R3.3: it ends first."""
    who = factories.patient()
    made, held = book(session, 0, who), book(tomorrow, 0, who, hold=True)
    with refused("already_booked"):
        move(made, tomorrow, 1, now=held.held_until - timedelta(seconds=1))
    assert move(made, tomorrow, 1, now=held.held_until).session == tomorrow
    held.refresh_from_db()
    assert held.state == "expired"
    assert counts(tomorrow) == [(1, 0, 0, 0, 0), (0, 1, 0, 0, 0)]
