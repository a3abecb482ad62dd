"""The log of past sessions, cut into slots: lengths, counts, who waited, who walked in (R2.1, R2.3)."""

from datetime import timedelta

import pytest

from booking import history
from booking.history import Past, Visit
from tests import factories
from tests.booking.clinic import past
from tests.factories import at

HOURS = [(0.0, 60.0), (60.0, 120.0)]


def seen(started, minutes, arrived=None, walk_in=False):
    return Visit(arrived=arrived, started=started, minutes=minutes, walk_in=walk_in, refused=False)


def session(*visits, arrivals=True):
    return Past(starts_at=at("08:00"), came_for=1, has_arrivals=arrivals, visits=visits)


class TestCutting:
    def test_a_visit_belongs_to_the_slot_it_began_in(self):
        log = [session(seen(0, 5), seen(59.9, 7), seen(60, 9)), session(seen(119, 11))]
        assert history.visit_minutes(log, HOURS) == [[5, 7], [9, 11]]
        assert history.counts(log, HOURS) == [[2, 0], [1, 1]]

    def test_what_began_before_the_start_is_the_first_slots_and_overtime_is_no_slots(self):
        log = [session(seen(-5, 6), seen(120, 8))]
        assert history.visit_minutes(log, HOURS) == [[6], []]
        assert history.counts(log, HOURS) == [[1], [0]]

    def test_visits_of_one_expert_stand_for_those_in_each_room(self):
        assert history.counts([session(seen(0, 5), seen(10, 5))], HOURS, rooms=3) == [[6], [0]]

    def test_only_walk_ins_that_came_at_a_known_time_count_the_refused_too(self):
        refused = Visit(arrived=50, started=None, minutes=None, walk_in=True, refused=True)
        log = [session(seen(5, 5, arrived=-30, walk_in=True), seen(9, 5, arrived=1), refused, seen(1, 1, walk_in=True))]
        assert history.walk_in_arrivals(log) == [[-30, 50]]


class TestWaiting:
    """R2.3: "although patients waited"."""

    def test_known_arrivals_say_who_waited_when(self):
        late_start = session(seen(31, 10, arrived=-10), seen(41, 10, arrived=20))
        quiet = session(seen(10, 10, arrived=8), seen(40, 10, arrived=39))
        assert history.waited([late_start, quiet], HOURS) == [[True, False], [False, False]]

    def test_half_of_the_slot_is_enough_and_overlapping_waits_count_once(self):
        half = session(seen(30, 5, arrived=0), seen(30, 5, arrived=0))
        less = session(seen(29, 5, arrived=0), seen(29, 5, arrived=0))
        assert history.waited([half, less], HOURS)[0] == [True, False]

    def test_without_arrivals_visits_that_follow_at_once_tell(self):
        busy = session(seen(31, 10), seen(41, 10), seen(51.5, 10), arrivals=False)
        breaks = session(seen(0, 5), seen(20, 5), seen(40, 5), arrivals=False)
        assert history.waited([busy, breaks], HOURS)[0] == [True, False]

    def test_a_slot_without_visits_tells_nothing(self):
        assert history.waited([session(arrivals=False), session()], HOURS) == [[False, False], [False, False]]


@pytest.mark.django_db
class TestReading:
    def test_mornings_and_afternoons_are_not_mixed(self):
        """R2.3"""
        expert = factories.expert(factories.department())
        day = at("00:00") - timedelta(days=7)
        past(expert, day, {"start": "08:10", "seconds": 300})
        past(expert, day, {"start": "14:10", "seconds": 600}, hours=("14:00", "18:00"))
        read = {clock: history.read(before=at(clock), limit=9, expert_ids=[expert.pk]) for clock in ("08:00", "14:00")}
        assert [[v.minutes for s in log for v in s.visits] for log in read.values()] == [[5], [10]]

    def test_the_last_sessions_before_this_one_are_read_oldest_first(self):
        expert = factories.expert(factories.department())
        for days in (28, 21, 14, 7, 0, -7):
            past(expert, at("00:00") - timedelta(days=days))
        read = history.read(before=at("08:00"), limit=2, expert_ids=[expert.pk])
        assert [at("08:00") - log.starts_at for log in read] == [timedelta(days=14), timedelta(days=7)]

    def test_instants_are_minutes_from_the_planned_start(self):
        expert = factories.expert(factories.department())
        past(
            expert,
            at("00:00") - timedelta(days=7),
            {"arrived": "07:20", "start": "08:31", "seconds": 90, "booked": False},
            {"arrived": "11:00", "booked": False, "refused": True},
        )
        (log,) = history.read(before=at("08:00"), limit=1, expert_ids=[expert.pk])
        assert log.visits == (
            Visit(arrived=-40, started=31, minutes=1.5, walk_in=True, refused=False),
            Visit(arrived=180, started=None, minutes=None, walk_in=True, refused=True),
        )

    def test_a_department_is_all_its_experts(self):
        of = factories.department()
        for expert in (factories.expert(of), factories.expert(of), factories.expert(factories.department())):
            past(expert, at("00:00") - timedelta(days=7))
        assert len(history.read(before=at("08:00"), limit=9, department_id=of.pk)) == 2
