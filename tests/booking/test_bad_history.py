"""R2 on histories that nobody would wish for: each has a clear outcome, and the basis says which."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import translation

from booking import history, invariants
from booking.estimates import Period, estimate
from booking.models import PastSession, PastVisit, Template
from booking.services import quotas, sessions
from tests import factories
from tests.booking.clinic import MONTH_BEFORE, NO_WALK_INS, every, past, planned, split_of, weeks
from tests.factories import at

pytestmark = pytest.mark.django_db


def recalculate(session):
    plan = quotas.recalculate(session_id=session.pk, now=MONTH_BEFORE)
    assert list(invariants.breaches()) == []
    assert sum(bookable + walk_in for bookable, walk_in in split_of(session)) == session.numbers
    return plan


def test_no_history_at_all_is_the_departments_stated_figures_and_says_so():
    session = planned(((0, 10), (0, 10)), of=factories.department(default_visit_minutes=5))
    plan = recalculate(session)
    assert (plan.basis["visits"]["source"], plan.basis["walk_ins"]["source"]) == ("default", "default")
    assert [row["reason"] for row in plan.rows] == ["default_visit", "default_visit"]
    assert plan.rows[0]["capacity"] == 12


def test_one_past_session_is_enough_for_a_split():
    session = planned(((0, 20), (0, 20)))
    weeks(session.expert, *every(10, 600, count=12, arrived="07:30", booked=False), weeks=(1,))
    plan = recalculate(session)
    assert plan.basis["visits"]["sessions"] == plan.basis["walk_ins"]["sessions"] == 1
    assert plan.basis["walk_ins"]["source"] == "expert"
    assert plan.rows[0]["capacity"] == 6


def test_a_visit_of_negative_length_never_enters_the_log():
    session = past(factories.expert(factories.department()), at("00:00"))
    with pytest.raises(IntegrityError), transaction.atomic():
        PastVisit.objects.create(past_session=session, position=1, started_at=at("08:00"), seconds=-60)


def test_overlapping_visits_and_arrivals_after_the_call_do_no_harm():
    """Two at once, as where a visit was never ended; called before the clerk checked in."""
    session = planned(((0, 20), (0, 20)), of=factories.department(**NO_WALK_INS))
    overlapping = [
        {"start": "08:00", "seconds": 3600, "arrived": "08:30", "booked": True},
        {"start": "08:00", "seconds": 600, "arrived": "09:30", "booked": True},
        {"start": "08:05", "seconds": 600, "arrived": "08:05", "booked": True},
    ]
    weeks(session.expert, *overlapping)
    log = history.read(morning=True, limit=9, expert_ids=[session.expert_id])
    assert not history.waited(log, [(0, 60), (60, 120)]).any()
    plan = recalculate(session)
    assert plan.rows[0]["mean_minutes"] == pytest.approx((60 + 10 + 10) / 3, abs=1e-6)


def test_where_the_clocks_change_a_past_day_compares_by_the_hours_that_went_by(settings):
    """Berlin, 25 October 2026, 00:00-04:00 is five hours: 03:30 is four and a half after the start."""
    settings.TIME_ZONE = "Europe/Berlin"
    expert = factories.expert(factories.department())
    starts = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    session = PastSession.objects.create(
        expert=expert, source="test", starts_at=starts, ends_at=starts + timedelta(hours=5), morning=True
    )
    seen = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    PastVisit.objects.create(past_session=session, position=1, started_at=seen, seconds=300, arrived_at=seen)
    log = history.read(morning=True, limit=9, expert_ids=[expert.pk])
    assert log.started.tolist() == [round(4.5 * 3600)]
    assert date.fromordinal(int(log.days[0])) == date(2026, 10, 25)


def test_a_session_may_cross_midnight():
    """22:00-02:00: visits after midnight belong to its later slots, and the next night is split by them."""
    expert = factories.expert(factories.department(**NO_WALK_INS))
    night = at("22:00") - timedelta(days=7)
    session = PastSession.objects.create(
        expert=expert, source="test", starts_at=night, ends_at=night + timedelta(hours=4), morning=False
    )
    for position, minutes in enumerate((10, 70, 130, 190), start=1):
        PastVisit.objects.create(
            past_session=session, position=position, started_at=night + timedelta(minutes=minutes), seconds=60 * minutes
        )
    period = Period(
        department=expert.department,
        expert_ids=(expert.pk,),
        rooms=1,
        opens_at=at("21:00"),
        spans=tuple(sessions.slot_spans(at("22:00"), at("22:00") + timedelta(hours=4), 60)),
    )
    estimated = estimate(period)
    assert estimated.basis["visits"]["source"] == "expert"
    assert [slot.visits for slot in estimated.capacities] == [1, 1, 1, 1]


def test_a_template_ends_on_its_day_and_says_what_to_do_instead():
    of = factories.department()
    night = Template(department=of, expert=factories.expert(of), weekday=0, starts=time(22), ends=time(2), numbers=20)
    with translation.override("en"), pytest.raises(ValidationError, match="after midnight is two"):
        night.full_clean()


def test_an_expert_who_never_starts_on_time_has_the_first_slot_of_those_who_are_seen_in_it():
    """R2.3: from 08:40 on, for weeks, with patients waiting since 07:30."""
    session = planned(((0, 21), (0, 21)), of=factories.department(**NO_WALK_INS))
    weeks(session.expert, *every(5, 300, "08:40", count=16, arrived="07:30", booked=True), weeks=range(1, 11))
    plan = recalculate(session)
    assert [(row["capacity"], row["reason"]) for row in plan.rows] == [(4, "late_start"), (12, "visit_length")]


def test_a_stopped_morning_does_not_make_the_expert_slow():
    """R2.1, R2.3: who was not seen because the session was stopped would have been."""
    session = planned(((0, 21), (0, 21)), of=factories.department(**NO_WALK_INS))
    weeks(session.expert, *every(5, 300, count=24, arrived="07:30", booked=True), weeks=(1, 2))
    for stopped in weeks(session.expert, *every(5, 300, count=1, arrived="07:30", booked=True), weeks=(3, 4, 5, 6)):
        stopped.logged_until = stopped.starts_at + timedelta(minutes=5)
        stopped.save()
    assert [row["reason"] for row in recalculate(session).rows] == ["visit_length", "visit_length"]
