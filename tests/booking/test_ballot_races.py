"""R3.7 under concurrency, on PostgreSQL: draws at once, requests at the close, bookings beside a draw."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.db import transaction

from booking import draws, invariants
from booking.models import Appointment, Ballot, Session
from booking.services import ballots, sessions
from tests import factories
from tests.booking.clinic import book, counts
from tests.booking.test_ballots import CLOSES, RELEASED, ask, drawn, drawn_session
from tests.booking.test_races import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def draw_one(session, entry):
    with transaction.atomic():
        return ballots._draw_one(session.pk, entry.pk, CLOSES)


def drawing():
    return ballots.draw_due(now=CLOSES)


def test_without_the_lock_two_draws_give_one_request_two_outcomes(monkeypatch):
    """The race is real: both have read before one of them writes. A constraint stops the second."""
    session = drawn_session(((2, 0),))
    entry = ask(session)
    ballots._close(session.pk, CLOSES)
    choose, looked = draws.choose, Barrier(2)

    def choose_when_both_have_read(*asked):
        looked.wait(timeout=30)
        return choose(*asked)

    monkeypatch.setattr(ballots.draws, "choose", choose_when_both_have_read)
    monkeypatch.setattr(sessions, "locked", lambda pk: Session.objects.select_related("department").get(pk=pk))
    results = race([lambda: draw_one(session, entry)] * 2)
    assert sorted(results, key=str) == [None, "constraint"]


def test_draws_at_once_draw_each_request_once_and_in_order():
    session = drawn_session(((3, 0), (2, 0)))
    entries = [ask(session, on_waitlist=True) for _ in range(12)]
    assert sum(race([drawing] * 5)) == 1
    assert drawn(session) == [("won", 0)] * 3 + [("won", 1)] * 2 + [("lost", None)] * 7
    by_place = list(session.ballot.entries.order_by("place").values_list("code", flat=True))
    assert by_place == draws.order(session.ballot.seed, [entry.code for entry in entries])
    assert counts(session) == [(0, 3, 0, 0, 0), (0, 2, 0, 0, 0)]
    waiting = session.waitlist.order_by("pk").values_list("patient", flat=True)
    assert list(waiting) == list(
        session.ballot.entries.filter(state="lost").order_by("place").values_list("patient", flat=True)
    )
    assert list(invariants.breaches()) == []


def test_requests_at_the_close_are_drawn_or_refused():
    session = drawn_session(((4, 0),))
    just_before = CLOSES - timedelta(microseconds=1)
    people = [factories.patient() for _ in range(12)]
    acts = [lambda who=who: ask(session, who, now=just_before).state for who in people]
    results = race([*acts[:6], drawing, drawing, *acts[6:]])
    asked = [results[n] for n in range(len(results)) if n not in (6, 7)]
    assert set(asked) <= {"asked", "ballot_closed"}
    assert session.ballot.entries.exclude(state="asked").count() == asked.count("asked")
    assert Ballot.objects.get(session=session).drawn_at is not None
    assert list(invariants.breaches()) == []


def test_bookings_beside_a_draw_get_what_is_left():
    session = drawn_session(((6, 0),))
    for _patient in range(3):
        ask(session)
    people = [factories.patient() for _ in range(6)]
    race([drawing, *(lambda who=who: book(session, 0, who, now=CLOSES).state for who in people)])
    assert drawn(session) == [("won", 0)] * 3
    assert list(invariants.breaches()) == []


def test_draws_of_many_sessions_and_a_patient_in_all_of_them_stay_within_the_days_limit():
    """R3.2: two a day."""
    who = factories.patient()
    day = [drawn_session(((2, 0),), start=f"{8 + n:02}:00", released_at=RELEASED) for n in range(4)]
    for session in day:
        ask(session, who), ask(session)
    race([lambda pk=session.pk: ballots.draw_due(session_id=pk, now=CLOSES) for session in day] * 2)
    assert Appointment.objects.filter(patient=who).count() == 2
    assert Appointment.objects.count() == 2 + 4
    assert list(invariants.breaches()) == []


def test_one_patient_pressing_ten_times_has_one_request_and_a_family_its_limit():
    session = drawn_session(of=factories.department(booked_per_phone_day=3))
    who, family = factories.patient(), [factories.patient(phone="13811112222") for _ in range(8)]
    assert sorted(race([lambda: ask(session, who).state] * 10)) == ["asked"] + ["asked_already"] * 9
    assert sorted(race([lambda who=who: ask(session, who).state for who in family])) == (
        ["asked"] * 3 + ["limit_asking"] * 5
    )
