"""The log of past sessions, cut into slots: lengths, counts, who waited, who walked in (R2.1, R2.3)."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import history
from booking.history import TO_ITS_END, UNKNOWN, Log
from tests import factories
from tests.booking.clinic import past
from tests.factories import at

HOURS = [(0.0, 60.0), (60.0, 120.0)]


def whole(*values):
    """Minutes as whole seconds; None: unknown."""
    return np.array([UNKNOWN if value is None else round(60 * value) for value in values], dtype=np.int32)


def seen(started, minutes, arrived=None, walk_in=False, refused=False):
    return (arrived, started, minutes, walk_in, refused)


def session(*visits, arrivals=True, until=None):
    return visits, arrivals, until


def log_of(*sessions):
    """One expert's past sessions."""
    visits = [visit for each, _, _ in sessions for visit in each]
    arrived, started, minutes, walk_in, refused = zip(*visits, strict=True) if visits else ((),) * 5
    count = len(sessions)
    return Log(
        expert_ids=np.ones(count, dtype=np.int64),
        days=np.arange(count, dtype=np.int32),
        starts_at=np.arange(count, dtype=np.int64) * 86400,
        came_for=np.ones(count, dtype=np.int32),
        has_arrivals=np.array([arrivals for _, arrivals, _ in sessions]),
        logged_until=np.array(
            [TO_ITS_END if until is None else 60 * until for _, _, until in sessions], dtype=np.int32
        ),
        session=np.repeat(np.arange(count, dtype=np.int32), [len(each) for each, _, _ in sessions]),
        arrived=whole(*arrived),
        started=whole(*started),
        seconds=whole(*minutes),
        walk_in=np.array(walk_in, dtype=bool),
        refused=np.array(refused, dtype=bool),
    )


def minutes(log, spans=HOURS):
    return [slot.tolist() for slot in history.visit_minutes(log, spans)]


class TestCutting:
    def test_a_visit_belongs_to_the_slot_it_began_in(self):
        log = log_of(session(seen(0, 5), seen(59.9, 7), seen(60, 9)), session(seen(119, 11)))
        assert minutes(log) == [[5, 7], [9, 11]]
        assert history.counts(log, HOURS).tolist() == [[2, 1], [0, 1]]

    def test_what_began_before_the_start_is_the_first_slots_and_overtime_is_no_slots(self):
        log = log_of(session(seen(-5, 6), seen(120, 8)))
        assert minutes(log) == [[6], []]
        assert history.counts(log, HOURS).tolist() == [[1, 0]]

    def test_who_was_not_seen_has_no_length_and_is_not_counted(self):
        log = log_of(session(seen(None, None, arrived=5), seen(10, None)))
        assert minutes(log) == [[], []]
        assert history.counts(log, HOURS).tolist() == [[1, 0]]

    def test_only_walk_ins_that_came_at_a_known_time_count_the_refused_too(self):
        refused = seen(None, None, arrived=50, walk_in=True, refused=True)
        early = seen(5, 5, arrived=-30, walk_in=True)
        log = log_of(session(early, seen(9, 5, arrived=1), refused, seen(1, 1, walk_in=True)), session())
        assert history.walk_ins(log, [(-60, 0), *HOURS]).tolist() == [[1, 1, 0], [0, 0, 0]]

    def test_walk_ins_by_the_minute(self):
        came = (seen(None, None, arrived=minute, walk_in=True) for minute in (-60.5, -60, -59.1, -1, 0))
        by_minute = history.walk_ins_by_minute(log_of(session(), session(*came)), (-60, 0))
        assert by_minute.shape == (2, 60)
        assert by_minute.sum(axis=1).tolist() == [0, 3]
        assert np.flatnonzero(by_minute[1]).tolist() == [0, 59]
        assert by_minute[1, 0] == 2

    def test_a_session_that_was_stopped_tells_nothing_of_what_would_have_come_later(self):
        """R2.1: no quiet day."""
        log = log_of(session(), session(until=90), session(until=-30))
        assert history.exposure(log, [(-60, 0), *HOURS]).tolist() == [[1, 1, 1], [1, 1, 0.5], [0.5, 0, 0]]

    def test_a_part_of_the_log_keeps_each_sessions_own_visits(self):
        log = log_of(session(seen(0, 1)), session(), session(seen(0, 3), seen(70, 4)), session(seen(0, 5)))
        part = log.of(np.array([True, True, True, False]) & (log.days != 0))
        assert len(part) == 2
        assert part.days.tolist() == [1, 2]
        assert history.counts(part, HOURS).tolist() == [[0, 0], [1, 1]]
        assert minutes(part) == [[3], [4]]


class TestWaiting:
    """R2.3: "although patients waited"."""

    def test_known_arrivals_say_who_waited_when(self):
        late_start = session(seen(31, 10, arrived=-10), seen(41, 10, arrived=20))
        quiet = session(seen(10, 10, arrived=8), seen(40, 10, arrived=39))
        assert history.waited(log_of(late_start, quiet), HOURS).tolist() == [[True, False], [False, False]]

    def test_half_of_the_slot_is_enough_and_overlapping_waits_count_once(self):
        half = session(seen(30, 5, arrived=0), seen(30, 5, arrived=0))
        less = session(seen(29, 5, arrived=0), seen(29, 5, arrived=0))
        assert history.waited(log_of(half, less), HOURS)[:, 0].tolist() == [True, False]

    @given(st.lists(st.lists(st.tuples(st.integers(-30, 130), st.integers(0, 90)), max_size=6), min_size=1, max_size=4))
    def test_the_share_of_a_slot_with_somebody_waiting_is_counted_minute_by_minute(self, mornings):
        log = log_of(*(session(*(seen(at + wait, 1, arrived=at) for at, wait in each)) for each in mornings))
        for row, each in zip(history.waited(log, HOURS), mornings, strict=True):
            for (start, end), found in zip(HOURS, row, strict=True):
                waited = sum(any(at <= m < at + wait for at, wait in each) for m in range(int(start), int(end)))
                assert found == (waited >= 30)

    def test_without_arrivals_visits_that_follow_at_once_tell(self):
        busy = session(seen(31, 10), seen(41, 10), seen(51.5, 10), arrivals=False)
        breaks = session(seen(0, 5), seen(20, 5), seen(40, 5), arrivals=False)
        assert history.waited(log_of(busy, breaks), HOURS)[:, 0].tolist() == [True, False]

    def test_a_slot_without_visits_tells_nothing(self):
        assert not history.waited(log_of(session(arrivals=False), session()), HOURS).any()


@pytest.mark.django_db
class TestReading:
    def test_mornings_and_afternoons_are_not_mixed(self):
        """R2.3"""
        expert = factories.expert(factories.department())
        day = at("00:00") - timedelta(days=7)
        past(expert, day, {"start": "08:10", "seconds": 300})
        past(expert, day, {"start": "14:10", "seconds": 600}, hours=("14:00", "18:00"))
        assert history.read(morning=True, limit=9, expert_ids=[expert.pk]).seconds.tolist() == [300]
        assert history.read(morning=False, limit=9, expert_ids=[expert.pk]).seconds.tolist() == [600]

    def test_the_last_sessions_of_each_expert_are_read_oldest_first(self):
        of = factories.department()
        experts = [factories.expert(of), factories.expert(of)]
        for expert, ago in zip(experts, ((28, 21, 14), (70, 63)), strict=True):
            for days in ago:
                past(expert, at("00:00") - timedelta(days=days), {"start": "08:00", "seconds": days})
        read = history.read(morning=True, limit=2, department_id=of.pk)
        assert read.expert_ids.tolist() == [expert.pk for expert in experts for _ in range(2)]
        assert read.seconds.tolist() == [21, 14, 70, 63]
        assert (np.diff(read.days) == [7, -56, 7]).all()

    def test_instants_are_seconds_from_the_planned_start(self):
        expert = factories.expert(factories.department())
        past(
            expert,
            at("00:00") - timedelta(days=7),
            {"arrived": "07:20", "start": "08:31", "seconds": 90, "booked": False},
            {"arrived": "11:00", "booked": False, "refused": True},
        )
        log = history.read(morning=True, limit=1, expert_ids=[expert.pk])
        assert log.arrived.tolist() == [-40 * 60, 180 * 60]
        assert log.started.tolist() == [31 * 60, UNKNOWN]
        assert log.seconds.tolist() == [90, UNKNOWN]
        assert log.walk_in.tolist() == [True, True]
        assert log.refused.tolist() == [False, True]
        assert date.fromordinal(int(log.days[0])) == (at("00:00") - timedelta(days=7)).date()

    def test_each_row_is_read_once_with_two_queries(self, django_assert_num_queries):
        expert = factories.expert(factories.department())
        for days in range(1, 30):
            past(expert, at("00:00") - timedelta(days=days), {"start": "08:31", "seconds": 90})
        with django_assert_num_queries(2):
            assert len(history.read(morning=True, limit=99, department_id=expert.department_id).session) == 29

    def test_a_department_is_all_its_experts(self):
        of = factories.department()
        for expert in (factories.expert(of), factories.expert(of), factories.expert(factories.department())):
            past(expert, at("00:00") - timedelta(days=7))
        assert len(history.read(morning=True, limit=9, department_id=of.pk)) == 2
