"""R7.1: the study's experiment over what it does not print; what it prints is kept in every combination."""

import numpy as np
import pytest

from queueboard.simulation import experiment, policies, study
from queueboard.simulation.experiment import ASSUMPTIONS, BEFORE

VALUES = experiment.draw(50, seed=3)


def test_each_assumption_is_once_in_each_part_of_its_range():
    """A Latin hypercube."""
    low, high = (np.array([getattr(each, end) for each in ASSUMPTIONS]) for end in ("low", "high"))
    parts = np.floor((VALUES - low) / (high - low) * 50).astype(int)
    for column in parts.T:
        assert sorted(column) == list(range(50))


@pytest.mark.parametrize("values", VALUES)
def test_what_the_study_prints_is_in_every_combination(values):
    scenario = experiment.scenario(values)
    assert scenario.slots == study.PRINTED["slots"]
    assert scenario.capacities[:3] == (2, 12, 10)
    assert sum(scenario.capacities) == scenario.numbers
    assert (scenario.walk_ins[0], scenario.bookings, scenario.absent, scenario.opens) == (9, 21, 0, -3600)
    # As many can book as did.
    assert sum(policies.study(scenario).bookable) >= 21


@pytest.mark.parametrize("values", VALUES[:20])
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_all_21_have_a_number_before_too(values, before):
    scenario = experiment.scenario(values)
    plan = before(scenario)
    assert sum(plan.bookable) == 21
    assert [a + b for a, b in zip(plan.bookable, plan.walk_in, strict=True)] == policies.slot_numbers(scenario)


def test_the_splits_before_are_what_they_say():
    scenario = study.scenario()  # 2, 12, 10 and 18 numbers, 21 booked
    assert experiment.crowded(scenario).bookable == (2, 12, 7, 0)
    assert experiment.even(scenario).bookable == (1, 6, 5, 9)
    # 10 crowd: 2 and 8; of what is left, 0, 4, 10 and 18, 11 are spread.
    assert experiment.mixed(scenario).bookable == (2, 9, 3, 7)


def test_waits_are_the_simulators_and_drivers_are_rank_correlations():
    found = experiment.run(6, mornings=40, seed=1)
    assert found.walk_in["study"].shape == (6,)
    assert found.by_interval["study"].shape == (6, 5)
    np.testing.assert_allclose(found.saved("even"), found.walk_in["even"] - found.walk_in["study"])
    # Bookings that crowd the first slots keep walk-ins waiting longer than bookings that are spread.
    assert (found.walk_in["crowded"] > found.walk_in["even"]).all()
    assert (abs(found.drivers("even")) <= 1 + 1e-9).all()
    first = np.argsort(np.argsort(found.values[:, 0]))
    saved = np.argsort(np.argsort(found.saved("even")))
    assert found.drivers("even")[0] == pytest.approx(1 - 6 * ((first - saved) ** 2).sum() / (6 * 35))  # Spearman
