"""One queue without slots is M/M/1 or M/D/1, whose mean waits are known (Kleinrock, 1975)."""

import numpy as np
import pytest

from queueboard.simulation import batch, mornings
from queueboard.simulation.scenario import Plan, Scenario

VISIT = 600  # seconds
ARRIVALS, WARM_UP, MORNINGS = 3000, 500, 150


@pytest.mark.parametrize(
    ("load", "cv", "expected"),
    [
        (0.5, 1.0, 0.5 / 0.5 * VISIT),  # M/M/1: rho / (mu - lambda)
        (0.8, 1.0, 0.8 / 0.2 * VISIT),
        (0.5, 0.0, 0.5 / (2 * 0.5) * VISIT),  # M/D/1: half of that
        (0.8, 0.0, 0.8 / (2 * 0.2) * VISIT),
    ],
)
def test_the_mean_wait_is_the_theorys(load, cv, expected):
    """Within 3.5 standard errors, taken from the means of independent runs."""
    end = round(ARRIVALS * VISIT / load)
    scenario = Scenario(
        slots=((0, end),), opens=0, numbers=10**6, capacities=(10**6,), walk_ins=(0.0, float(ARRIVALS)), bookings=0,
        visit_minutes=(VISIT / 60,), visit_cv=cv,
    )  # fmt: skip
    plan = Plan(slots=scenario.slots, bookable=(0,), walk_in=(10**6,), appointed=())
    drawn = mornings.draw(scenario, MORNINGS, np.random.default_rng(round(100 * load + cv)))
    outcome = batch.play(scenario, plan, mornings.patients(scenario, plan, drawn))
    steady = slice(WARM_UP, ARRIVALS - WARM_UP)
    means = (outcome.called - outcome.arrived)[:, steady].mean(axis=1)
    error = means.std(ddof=1) / np.sqrt(MORNINGS)
    assert abs(means.mean() - expected) < 3.5 * error
    assert error < 0.05 * expected  # or the line above would say little
