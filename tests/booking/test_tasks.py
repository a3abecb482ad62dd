"""Booking's periodic tasks: they do what their service does, are in the timetable, and run twice without harm."""

import logging
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from booking import invariants, tasks
from booking.models import FreedNumber, QuotaPlan, Session, Template
from booking.services import appointments, endings
from tests import factories
from tests.booking.clinic import slots

pytestmark = pytest.mark.django_db


@pytest.fixture
def day_after():
    """A session that can be booked since yesterday."""
    now = timezone.localtime()
    return factories.session(
        split=((2, 1),),
        day=now + timedelta(days=2),
        state="planned",
        pool_opened_at=None,
        released_at=now - timedelta(days=1),
    )


def book(session, **kwargs):
    return appointments.book(patient_id=factories.patient().pk, slot_id=slots(session)[0].pk, **kwargs)


def test_each_is_in_the_timetable_under_its_name():
    timed = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values() if entry["task"].startswith("booking.")}
    own = (
        tasks.make_sessions, tasks.recalculate_quotas, tasks.expire_holds, tasks.free_numbers, tasks.forget_sources,
        tasks.reconcile_payments, tasks.lapse_offers, tasks.draw_ballots, tasks.expire_data,
    )  # fmt: skip
    assert timed == {task.name for task in own}


def test_sessions_are_made_and_quotas_recalculated_once():
    """R1.1, R2.6"""
    of = factories.department()
    for weekday in range(7):
        Template.objects.create(
            department=of, expert=factories.expert(of), weekday=weekday, starts="08:00", ends="12:00", numbers=42
        )
    made = tasks.make_sessions()
    assert made in (14, 15)  # today's may be over
    assert tasks.make_sessions() == 0
    plans = QuotaPlan.objects.count()
    assert tasks.recalculate_quotas() == 0
    assert (Session.objects.count(), QuotaPlan.objects.count()) == (made, plans)


def test_holds_expire_once(day_after):
    book(day_after, hold=True, now=timezone.now() - timedelta(minutes=16))
    assert [tasks.expire_holds(), tasks.expire_holds()] == [1, 0]


def test_numbers_are_free_again_once(day_after):
    endings.cancel(appointment_id=book(day_after).pk)
    FreedNumber.objects.update(free_at=timezone.now())
    assert [tasks.free_numbers(), tasks.free_numbers()] == [1, 0]


@pytest.mark.parametrize(("task", "place"), [("expire_holds", "held"), ("free_numbers", "cancelled")])
def test_killed_halfway_each_number_is_freed_once(day_after, task, place, monkeypatch):
    """The second of two dies between its claim and its move."""
    for _ in range(2):
        made = book(day_after, hold=place == "held", now=timezone.now() - timedelta(minutes=16))
        if place == "cancelled":
            endings.cancel(appointment_id=made.pk)
    FreedNumber.objects.update(free_at=timezone.now())
    move, moved = appointments.numbers.move, []

    def dies_at_the_second(**kwargs):
        if moved:
            raise SystemExit
        moved.append(kwargs)
        return move(**kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(appointments.numbers, "move", dies_at_the_second)
        with pytest.raises(SystemExit):
            getattr(tasks, task)()
    assert slots(day_after)[0].left_bookable == 1
    assert list(invariants.breaches()) == []
    assert getattr(tasks, task)() == 1
    assert slots(day_after)[0].left_bookable == 2
    assert list(invariants.breaches()) == []


def test_what_was_done_is_in_the_log_without_names(day_after, caplog):
    caplog.set_level(logging.INFO)
    held = book(day_after, hold=True, now=timezone.now() - timedelta(minutes=16))
    tasks.expire_holds()
    tasks.expire_holds()
    lines = [record.getMessage() for record in caplog.records if record.name == "booking.tasks"]
    assert lines == ["holds expired: 1"]
    assert held.patient.name not in caplog.text
