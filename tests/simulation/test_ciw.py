"""Ciw and SimPy say the same: by their own draws within confidence, and of the same people wait by wait."""

import math

import ciw
import numpy as np
import pytest

from queueboard.simulation import batch, events, mornings, policies, report, study
from queueboard.simulation.scenario import NEVER, Plan, Scenario
from tests.simulation import elsewhere

HOUR = 3600
STARTS = 25 * 60  # ward rounds
BOOKED_EVERY = 20 * 60
VISIT = 360
# An hour before the start and four after it: 9 walk-ins, then 5 an hour; 12 booked patients on time.
SCENARIO = {
    "slots": ((0, 4 * HOUR),), "numbers": 10**4, "capacities": (40,), "walk_ins": (9.0, 20.0), "bookings": 12,
    "visit_minutes": (VISIT / 60,), "start_delay": (STARTS / 60, 0.0),
}  # fmt: skip
PLAN = Plan(
    slots=SCENARIO["slots"], bookable=(12,), walk_in=(10**4,), appointed=tuple(BOOKED_EVERY * i for i in range(12)),
    booked_first=True,
)  # fmt: skip
CIW_MORNINGS = 250


def ours(engine, count, cv):
    """By morning: mean wait of walk-ins, of booked patients, and when the last visit is over (minutes)."""
    scenario = Scenario(**SCENARIO, visit_cv=cv)
    drawn = mornings.draw(scenario, count, np.random.default_rng(11))
    who = mornings.patients(scenario, PLAN, drawn)
    outcome = engine.play(scenario, PLAN, who)
    wait = np.where(outcome.called < NEVER, report.waits(PLAN, who, outcome), np.nan)
    over = np.where(outcome.finished < NEVER, outcome.finished, 0).max(axis=1) / 60
    return np.column_stack([np.nanmean(wait[:, ~who.booked], axis=1), wait[:, who.booked].mean(axis=1), over])


def ciws(cv):
    visits = {0.0: ciw.dists.Deterministic(VISIT), 1.0: ciw.dists.Exponential(1 / VISIT)}
    law = visits.get(cv) or ciw.dists.Gamma(1 / cv**2, VISIT * cv**2)
    booked = [float(HOUR), *[float(BOOKED_EVERY)] * 11, math.inf]
    rows = []
    ciw.seed(11)
    for _ in range(CIW_MORNINGS):
        walk_ins = ciw.dists.PoissonIntervals([9 / HOUR, 5 / HOUR], [HOUR, 5 * HOUR], 5 * HOUR)
        arrivals = [ciw.dists.Sequential(booked), walk_ins]
        records = elsewhere.ciw_records(elsewhere.ciw_network(arrivals, [law, law], float(HOUR + STARTS)))
        waits = [[r.waiting_time for r in records if r.customer_class == name] for name in ("01", "00")]
        over = max(r.service_end_date for r in records) - HOUR
        rows.append([np.mean(waits[0]) / 60, np.mean(waits[1]) / 60, over / 60])
    return np.array(rows)


@pytest.mark.parametrize("cv", [0.0, 0.5, 1.0], ids=["deterministic", "gamma", "exponential"])
def test_the_same_model_gives_the_same_figures_within_confidence(cv):
    """Walk-ins' wait, booked patients' wait and the end: within 3.5 standard errors of the difference."""
    other = ciws(cv)
    for engine, count in ((batch, 10_000), (events, 100)):
        own = ours(engine, count, cv)
        error = np.sqrt(own.var(axis=0, ddof=1) / len(own) + other.var(axis=0, ddof=1) / len(other))
        assert (abs(own.mean(axis=0) - other.mean(axis=0)) < 3.5 * error).all()
    assert (error < 0.2 * other.mean(axis=0)).all()  # or the line above would say little


@pytest.fixture(scope="module")
def studys_mornings():
    """The study's, of those in which nobody was passed: for that the others have no rule."""
    scenario = study.scenario()
    plan = policies.study(scenario)
    drawn = mornings.draw(scenario, 300, np.random.default_rng(5))
    who = mornings.patients(scenario, plan, drawn)
    outcome = batch.play(scenario, plan, who)
    return scenario, who, outcome, np.flatnonzero(~outcome.passed.any(axis=1))


def compared(studys_mornings, play):
    """How many mornings agree, of how many. What happens within one second is not ordered alike everywhere."""
    scenario, who, outcome, rows = studys_mornings
    same = 0
    for row in rows:
        found = elsewhere.lines(scenario, who, outcome, row)
        waits = elsewhere.waits_by_column(found, play(scenario, found, int(who.delay[row])))
        same += waits == {column: outcome.called[row, column] - outcome.arrived[row, column] for column in waits}
    return same, len(rows)


def test_the_same_people_wait_as_long_in_ciw(studys_mornings):
    ciw.seed(5)
    same, all_of_them = compared(
        studys_mornings,
        lambda scenario, found, delay: elsewhere.ciw_waits(elsewhere.in_ciw(scenario, found, delay), len(found)),
    )
    assert all_of_them > 50
    assert same >= 0.95 * all_of_them


def test_the_same_people_wait_as_long_in_simpy(studys_mornings):
    same, all_of_them = compared(studys_mornings, elsewhere.simpy_waits)
    assert same >= 0.95 * all_of_them
