"""The study's tables for any expert and span of days (R2.1, R2.3, R7.1)."""

from datetime import date, datetime, timedelta

import pytest

from booking import reports
from booking.models import PastSession, PastVisit
from booking.reports import Days
from tests import factories

pytestmark = pytest.mark.django_db
FIRST = factories.at("08:00")  # a Monday
WEEK = timedelta(weeks=1)


def past(of, starts_at=FIRST, *, hours=2, visits=(), **fields):
    """A past session; `visits` as (arrived, started, walk-in), minutes from its start, of 5 minutes each."""
    made = PastSession.objects.create(
        expert=of, source="test", starts_at=starts_at, ends_at=starts_at + timedelta(hours=hours),
        **{"morning": starts_at.hour < 12} | fields,
    )  # fmt: skip
    for place, (arrived, started, walk_in) in enumerate(visits, start=1):
        PastVisit.objects.create(
            past_session=made, position=place, booked=not walk_in, seconds=300,
            arrived_at=starts_at + timedelta(minutes=arrived), started_at=starts_at + timedelta(minutes=started),
        )  # fmt: skip
    return made


@pytest.fixture
def doctor():
    return factories.expert(factories.department())


def known_in(of, span):
    return reports.record(of, reports.read(of, morning=span.morning), span)


def starts(known):
    return [datetime.fromtimestamp(second, tz=FIRST.tzinfo) for second in known.log.starts_at]


def days(first=FIRST, last=FIRST, *, morning=True):
    return Days(first.date(), last.date(), morning)


def test_only_the_days_and_the_half_of_the_day_asked_for_are_read(doctor):
    for week in range(4):
        past(doctor, FIRST + week * WEEK)
    past(doctor, FIRST + WEEK + timedelta(hours=6))
    past(factories.expert(doctor.department), FIRST + WEEK)
    known = known_in(doctor, days(FIRST + WEEK, FIRST + 2 * WEEK))
    assert starts(known) == [FIRST + WEEK, FIRST + 2 * WEEK]
    afternoons = known_in(doctor, days(FIRST, FIRST + 3 * WEEK, morning=False))
    assert starts(afternoons) == [FIRST + WEEK + timedelta(hours=6)]


def test_intervals_are_the_time_before_the_start_and_the_slots(doctor):
    past(doctor, hours=2)
    known = known_in(doctor, days())
    assert [(each.start, each.end) for each in known.intervals] == [(-60, 0), (0, 60), (60, 120)]
    assert [each.clock for each in known.intervals] == ["07:00–08:00", "08:00–09:00", "09:00–10:00"]


def test_table_1_counts_fifty_minutes_of_each_session_and_interval(doctor):
    """R2.1"""
    for week in range(3):
        every_minute = [(minute + 0.5, minute + 1, True) for minute in range(60)]
        past(doctor, FIRST + week * WEEK, visits=every_minute)
    span = days(FIRST, FIRST + 2 * WEEK)
    known = known_in(doctor, span)
    before, first, second = reports.frequencies(doctor, span, known)
    assert [sum(line.counts) for line in (before, first, second)] == [150, 150, 150]
    assert (before.expected, first.expected, second.expected) == (0, 60, 0)  # one a minute in the first slot
    assert reports.frequencies(doctor, span, known) == [before, first, second]


def test_table_2_says_the_count_seen_where_the_expert_starts_late(doctor):
    """R2.3: of 12 visits that fit, 2 were seen in the first hour although patients waited."""
    visits = [(0, 50, False), (0, 55, False)] + [(0, 60 + 5 * n, False) for n in range(12)]
    for week in range(2):
        past(doctor, FIRST + week * WEEK, visits=visits)
    known = known_in(doctor, days(FIRST, FIRST + WEEK))
    told = [(row.observed, row.expected, row.chosen, row.reason) for _, row in reports.capacities(doctor, known)]
    assert told == [(2, 12, 2, "late_start"), (12, 12, 12, "visit_length")]


def test_table_3_compares_walk_ins_by_when_they_came(doctor):
    """R7.1: waits of walk-ins, from registration; booked patients and who was not seen do not count."""
    past(doctor, FIRST, visits=[(-30, 30, True), (-10, 30, True), (10, 20, True), (0, 50, False)])
    past(doctor, FIRST + WEEK, visits=[(-30, 0, True), (70, 75, True)])
    before, after = (known_in(doctor, days(at, at)) for at in (FIRST, FIRST + WEEK))
    early, first, second = reports.waits(before, after)
    assert (early.before.walk_ins, early.before.mean, early.after.mean, early.change) == (2, 50, 30, -20)
    assert (first.before.mean, first.after.mean, first.change) == (10, None, None)
    assert (second.before.walk_ins, second.after.mean) == (0, 5)
    assert early.margin is None  # one session says nothing of chance


def test_the_margin_of_a_change_comes_from_sessions_as_wholes(doctor):
    """Two mornings of mean waits 10 and 30 apart: a standard error of 10, whatever the number of patients in them."""
    for week, wait in enumerate((10, 30, 20, 20)):
        visits = [(-20 + minute, -20 + minute + wait, True) for minute in range(10)]
        past(doctor, FIRST + week * WEEK, visits=visits)
    before = known_in(doctor, days(FIRST, FIRST + WEEK))
    after = known_in(doctor, days(FIRST + 2 * WEEK, FIRST + 3 * WEEK))
    line = reports.waits(before, after)[0]
    assert (line.before.mean, line.before.error) == (20, pytest.approx(10))
    assert (line.after.mean, line.after.error) == (20, 0)
    assert line.margin == pytest.approx(19.6)


def test_without_records_every_table_is_empty(doctor):
    known = known_in(doctor, Days(date(2020, 1, 1), date(2020, 2, 1), True))
    assert (len(known.log), known.intervals) == (0, [])
    assert reports.frequencies(doctor, days(), known) == []
    assert reports.capacities(doctor, known) == []
    assert reports.waits(known, known) == []


def test_sessions_whose_arrivals_are_unknown_give_table_2_alone(doctor):
    past(doctor, visits=[(0, 5 * n, False) for n in range(24)], has_arrivals=False)
    known = known_in(doctor, days())
    assert reports.frequencies(doctor, days(), known) == []
    assert [row.chosen for _, row in reports.capacities(doctor, known)] == [12, 12]
    assert reports.waits(known, known) == []


def test_it_is_said_where_a_span_begins_before_what_is_read(doctor, monkeypatch):
    monkeypatch.setattr(reports, "MOST_SESSIONS", 2)
    for week in range(3):
        past(doctor, FIRST + week * WEEK)
    known = known_in(doctor, days(FIRST, FIRST + 2 * WEEK))
    assert known.more
    assert starts(known) == [FIRST + WEEK, FIRST + 2 * WEEK]
    assert not known_in(doctor, days(FIRST + WEEK, FIRST + 2 * WEEK)).more


def test_three_queries_read_a_year(doctor, django_assert_num_queries):
    for week in range(52):
        past(doctor, FIRST + week * WEEK, visits=[(0, 5, True)])
    with django_assert_num_queries(3):
        known_in(doctor, days(FIRST, FIRST + 52 * WEEK))
