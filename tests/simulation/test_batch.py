"""The compiled engine and the one on the rules agree, patient by patient (R4, R7)."""

import numpy as np
import pytest
from hypothesis import given, settings

from queueboard.simulation import batch, events, mornings, policies, study
from queueboard.simulation.scenario import Outcome
from tests.simulation.worlds import worlds


def same(one: Outcome, other: Outcome) -> None:
    for name in Outcome.__slots__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_both_engines_do_the_same_with_every_patient(world):
    same(events.play(*world), batch.play(*world))


@pytest.mark.parametrize("policy", policies.POLICIES.values(), ids=policies.POLICIES)
def test_both_engines_do_the_same_with_the_studys_morning(policy):
    scenario = study.scenario(absent=0.1, missed=0.15, never_back=0.3)
    plan = policy(scenario)
    drawn = mornings.draw(scenario, 10, np.random.default_rng(7))
    who = mornings.patients(scenario, plan, drawn)
    same(events.play(scenario, plan, who), batch.play(scenario, plan, who))


def test_what_is_compared_does_happen():
    """Late, passed, missed, refused, never back: the study's morning has them all, or the tests above show little."""
    scenario = study.scenario(absent=0.1, missed=0.15, never_back=0.3, punctuality=study.STUDY_PUNCTUALITY)
    plan = policies.study(scenario)
    drawn = mornings.draw(scenario, 200, np.random.default_rng(7))
    outcome = batch.play(scenario, plan, mornings.patients(scenario, plan, drawn))
    for flag in (outcome.late, outcome.passed, outcome.missed, outcome.refused, outcome.late & outcome.passed):
        assert flag.any()
    assert (outcome.missed & (outcome.started == outcome.started.max())).any()


def test_more_patients_than_can_be_told_apart_are_refused():
    scenario = study.scenario()
    drawn = mornings.draw(scenario, 1, np.random.default_rng(7))
    who = mornings.patients(scenario, policies.study(scenario), drawn)
    many = type(who)(
        booked=np.zeros(70_000, np.bool_), slot=np.full(70_000, -1, np.int32), at=np.zeros((1, 70_000), np.int32),
        length=np.ones((1, 70_000)), back=np.full((1, 70_000), -1, np.int32), delay=who.delay,
    )  # fmt: skip
    with pytest.raises(ValueError, match="65,535"):
        batch.play(scenario, policies.study(scenario), many)
