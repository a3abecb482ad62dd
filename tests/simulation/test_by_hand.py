"""Mornings worked out by hand, on both engines (R4.1 to R4.8, R3.5b, R5.2). Times in minutes from the start."""

import numpy as np
import pytest

from queueboard.simulation import batch, events, report
from queueboard.simulation.scenario import NEVER, Patients, Plan, Scenario

HOUR = 60


@pytest.fixture(params=[events, batch], ids=["events", "batch"])
def engine(request):
    return request.param


def minutes(table):
    return [int(at) // 60 if at < NEVER else None for at in table[0]]


class Morning:
    """Two slots of an hour, visits of ten minutes. `booked`: (slot, check-in); `walk_ins`: registrations."""

    def __init__(self, engine, *, booked=(), walk_ins=(), back=None, delay=0, pool=(4, 4), call=1, **plan):
        columns = len(booked) + len(walk_ins)
        appointed = tuple(HOUR * 60 * slot for slot, _ in booked)
        bookable = tuple(sum(slot == i for slot, _ in booked) for i in range(2))
        spans = ((0, HOUR * 60), (HOUR * 60, 2 * HOUR * 60))
        self.scenario = Scenario(
            slots=spans, numbers=sum(bookable) + sum(pool), capacities=(6, 6), walk_ins=(0.0, 0.0, 0.0),
            bookings=len(booked), visit_minutes=(10.0, 10.0), call_seconds=60 * call,
        )  # fmt: skip
        self.plan = Plan(slots=spans, bookable=bookable, walk_in=pool, appointed=appointed, **plan)
        coming = [at for _, at in booked] + list(walk_ins)
        self.patients = Patients(
            booked=np.arange(columns) < len(booked),
            slot=np.array([slot for slot, _ in booked] + [-1] * len(walk_ins), dtype=np.int32),
            at=np.array([[NEVER if at is None else 60 * at for at in coming]], dtype=np.int32),
            length=np.ones((1, columns)),
            back=np.array([[-1] * columns if back is None else back], dtype=np.int32),
            delay=np.array([60 * delay], dtype=np.int32),
        )
        self.outcome = engine.play(self.scenario, self.plan, self.patients)
        self.called = minutes(self.outcome.called)
        self.started = minutes(self.outcome.started)

    @property
    def waits(self):
        return report.waits(self.plan, self.patients, self.outcome)[0].tolist()


def test_one_after_the_other_and_nobody_before_the_expert_is_there(engine):
    """Ward rounds until 8:15: three walk-ins of 7:30, 8:00 and 8:20 are called at 8:15, 8:25 and 8:35."""
    morning = Morning(engine, walk_ins=[-30, 0, 20], delay=15)
    assert morning.called == [15, 25, 35]
    assert morning.waits == [45, 25, 15]


def test_a_free_expert_calls_who_comes_at_once(engine):
    assert Morning(engine, walk_ins=[0, 40]).called == [0, 40]


def test_a_later_slot_is_called_early_while_nobody_waits_in_the_first(engine):
    """R4.3; the wait counts from the start of the slot: none (R5.2)."""
    morning = Morning(engine, booked=[(1, 20)])
    assert morning.called == [20]
    assert morning.waits == [0]


def test_in_a_slot_booked_and_walk_ins_come_by_arrival_or_booked_first(engine):
    """R4.2: 8:00 sees the first; the walk-in of 8:01 is before the booked patient of 8:02, or behind."""
    everybody = {"booked": [(0, 2)], "walk_ins": [0, 1]}
    assert Morning(engine, **everybody).called == [20, 0, 10]
    assert Morning(engine, **everybody, booked_first=True).called == [10, 0, 20]


def test_checking_in_long_before_the_slot_counts_as_half_an_hour_before(engine):
    """R4.2: booked for 9:00 and there at 8:05 counts as 8:30, behind a walk-in of that slot who came at 8:20."""
    morning = Morning(engine, booked=[(1, 5)], walk_ins=[0, 1, 2, 20], pool=(3, 1))
    assert morning.outcome.slot[0].tolist() == [1, 0, 0, 0, 1][:5]
    assert morning.called == [40, 0, 10, 20, 30]


def test_on_time_but_passed_is_next(engine):
    """R4.6: booked for 8:00, there at 8:25, when a patient of 9:00 has been called; before all others who wait."""
    morning = Morning(engine, booked=[(0, 25), (1, 0), (1, 1), (1, 2), (1, 3)])
    assert morning.outcome.passed[0].tolist() == [True, False, False, False, False]
    assert morning.called == [30, 0, 10, 20, 40]


def test_late_and_passed_is_at_the_end_of_the_last_slot(engine):
    """R4.7: booked for 8:00 and there at 9:05 is seen after who keeps time in the last slot, who comes later too."""
    morning = Morning(engine, booked=[(0, 65), (1, 58), (1, 59), (1, 75)])
    assert morning.outcome.late[0].tolist() == [True, False, False, False]
    assert morning.called == [88, 58, 68, 78]


def test_late_but_not_passed_stays_in_the_own_slot(engine):
    """R4.7: the session runs behind, so who comes at 9:05 for 8:00 is still before the second slot."""
    morning = Morning(engine, booked=[(0, 65), (1, 58)], walk_ins=[0, 1, 2, 3], delay=40)
    assert (morning.outcome.late[0, 0], morning.outcome.passed[0, 0]) == (True, False)
    assert morning.called == [80, 90, 40, 50, 60, 70]


def test_a_missed_walk_in_comes_back_behind_the_next_three(engine):
    """R4.8: called at 8:00 and missed, back at 8:05, due after three more calls; the call took a minute."""
    morning = Morning(engine, walk_ins=[0, 0, 0, 0, 0, 0], back=[240, -1, -1, -1, -1, -1], pool=(6, 0))
    assert morning.called == [0, 1, 11, 21, 31, 51]
    assert morning.started == [41, 1, 11, 21, 31, 51]


def test_a_missed_booked_patient_comes_back_next(engine):
    """R4.8"""
    morning = Morning(engine, booked=[(0, 0)], walk_ins=[0, 0, 0], back=[240, -1, -1, -1], booked_first=True)
    assert morning.called == [0, 1, 21, 31]
    assert morning.started == [11, 1, 21, 31]


def test_who_never_reports_back_is_called_and_not_seen(engine):
    morning = Morning(engine, walk_ins=[0, 5], back=[int(NEVER), -1])
    assert (morning.called, morning.started) == ([0, 5], [None, 5])


def test_a_walk_in_gets_the_earliest_slot_with_numbers_and_is_refused_where_there_are_none(engine):
    """R4.1"""
    morning = Morning(engine, walk_ins=[0, 1, 2], pool=(1, 1))
    assert morning.outcome.slot[0].tolist() == [0, 1, -1]
    assert morning.outcome.refused[0].tolist() == [False, False, True]


def test_a_slot_that_ends_passes_its_numbers_on(engine):
    """R3.5b: two numbers of 8:00 are left at 9:00, so two walk-ins can register then."""
    morning = Morning(engine, walk_ins=[60, 61, 62], pool=(2, 0))
    assert morning.outcome.slot[0].tolist() == [1, 1, -1]


def test_the_session_is_over_when_its_end_has_come_and_nobody_waits(engine):
    """R1.4: a booked patient at 10:05 is still seen while the last visit goes on, at 10:30 nobody is there any more."""
    still = Morning(engine, booked=[(1, 125)], walk_ins=[119])
    assert still.called == [129, 119]
    over = Morning(engine, booked=[(1, 150)], walk_ins=[119])
    assert over.called == [None, 119]
    assert over.outcome.slot[0].tolist() == [-1, 1]
