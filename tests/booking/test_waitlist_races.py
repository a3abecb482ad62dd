"""R3.4, R3.5 under concurrency, on PostgreSQL: what is offered is taken, passed on or opened, never two of these."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.db import transaction

from booking import invariants
from booking.models import Appointment, FreedNumber, Session, WaitlistEntry
from booking.services import endings, sessions, waitlist
from tests import factories
from tests.booking.clinic import WEEK_BEFORE, book, counts, planned, slots
from tests.booking.test_races import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
OVER = WEEK_BEFORE + timedelta(minutes=10)
JUST_BEFORE = OVER - timedelta(microseconds=1)


def offered(numbers=1, waiting=3):
    """A full session with a waitlist, whose numbers have been let go, and its entries in order."""
    session = planned(((numbers, 0),))
    made = [book(session) for _ in range(numbers)]
    entries = [
        waitlist.join(session_id=session.pk, patient_id=factories.patient().pk, now=WEEK_BEFORE) for _ in range(waiting)
    ]
    for each in made:
        endings.cancel(appointment_id=each.pk, now=WEEK_BEFORE)
    return session, entries


def accepting(entry, now=JUST_BEFORE):
    return lambda: waitlist.accept(entry_id=entry.pk, now=now).state


def lapsing():
    return waitlist.lapse_offers(now=OVER)


def opening(session):
    def act():
        with transaction.atomic():
            return sessions.open_pool(session_id=session.pk, now=JUST_BEFORE)

    return act


def states(entries):
    return list(
        WaitlistEntry.objects.filter(pk__in=[e.pk for e in entries]).order_by("pk").values_list("state", flat=True)
    )


def test_without_the_lock_a_number_that_is_taken_is_offered_to_the_next_too(monkeypatch):
    """The race is real: both have read the open offer before one of them writes."""
    _session, (first, second, _third) = offered()
    looked = Barrier(2)

    def read_and_go_on(entry_id):
        entry = WaitlistEntry.objects.select_related("appointment").get(pk=entry_id)
        looked.wait(timeout=30)
        return Session.objects.select_related("department").get(pk=entry.session_id), entry

    monkeypatch.setattr(waitlist, "_locked", read_and_go_on)
    race([accepting(first), lapsing])
    assert WaitlistEntry.objects.get(pk=second.pk).state == "offered"
    assert Appointment.objects.filter(patient=first.patient_id, state="booked").exists()
    assert any("is offered a number that is gone" in line for line in invariants.breaches())


def test_an_offer_is_taken_or_lapses():
    for _round in range(6):
        _session, entries = offered()
        taken, *_lapsed = race([accepting(entries[0]), lapsing, lapsing])
        outcomes = {"booked": ["accepted", "waiting", "waiting"], "offer_over": ["lapsed", "offered", "waiting"]}
        assert states(entries) == outcomes[taken]
    assert list(invariants.breaches()) == []


def test_pressed_ten_times_it_is_taken_once():
    session, (first, *_others) = offered()
    assert race([accepting(first)] * 10) == ["booked"] * 10
    assert counts(session) == [(0, 1, 0, 0, 0)]
    assert Appointment.objects.filter(patient=first.patient_id).count() == 1
    assert list(invariants.breaches()) == []


def test_an_offer_is_taken_or_opened_to_walk_ins():
    """R3.5: at the opening itself."""
    for _round in range(6):
        session, (first, *others) = offered()
        taken, moved = race([accepting(first), opening(session)])
        assert (taken, moved) in (("booked", 0), ("offer_over", 1))
        assert states(others) == ["ended", "ended"]
        assert all(slot.withheld == 0 for slot in slots(session))
    assert list(invariants.breaches()) == []


def test_who_gives_up_and_what_lapses_at_once_is_passed_on_in_order_and_once():
    session, entries = offered(numbers=4, waiting=12)
    race([lapsing, lapsing, *(lambda e=e: waitlist.leave(entry_id=e.pk, now=OVER).state for e in entries[:2])])
    assert states(entries)[4:] == ["offered"] * 4 + ["waiting"] * 4
    assert set(states(entries)[:4]) <= {"declined", "lapsed"}
    assert counts(session) == [(0, 0, 4, 0, 0)]
    assert list(invariants.breaches()) == []


def test_who_joins_while_numbers_are_cancelled_and_freed_waits_or_is_offered_one():
    session = planned(((6, 0),))
    made = [book(session) for _ in range(6)]
    people = [factories.patient().pk for _ in range(6)]
    acts = [
        *(lambda pk=m.pk: endings.cancel(appointment_id=pk, now=WEEK_BEFORE).state for m in made),
        *(lambda pk=pk: waitlist.join(session_id=session.pk, patient_id=pk, now=WEEK_BEFORE).state for pk in people),
        lambda: endings.free_numbers(now=OVER),
    ]
    results = race(acts)
    joined = WaitlistEntry.objects.count()
    assert results[6:12].count("waiting") == joined
    assert set(results[6:12]) <= {"waiting", "numbers_left"}
    endings.free_numbers(now=OVER)
    assert (
        WaitlistEntry.objects.filter(state="offered").count() + results[-1] + slots(session)[0].left_bookable >= joined
    )
    assert not FreedNumber.objects.filter(done_at=None).exclude(offers__state="offered").exists()
    assert list(invariants.breaches()) == []


def test_one_patient_waits_once_and_one_phone_within_its_limit():
    """R3.7"""
    session = planned(((1, 0),), of=factories.department(booked_per_phone_day=3))
    book(session)
    who, family = factories.patient().pk, [factories.patient(phone="13811112222").pk for _ in range(8)]
    join = [lambda pk=pk: waitlist.join(session_id=session.pk, patient_id=pk, now=WEEK_BEFORE).state for pk in family]
    results = race([lambda: waitlist.join(session_id=session.pk, patient_id=who, now=WEEK_BEFORE).state] * 6)
    assert sorted(results) == ["waiting"] + ["waits_already"] * 5 or sorted(results) == [
        "waiting",
        *["waits_already"] * 5,
    ]
    assert sorted(race(join)) == ["limit_waiting"] * 5 + ["waiting"] * 3
