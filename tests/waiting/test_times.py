"""R5.2: waiting times as sums, against drawn ones, and what must hold of any of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueboard.waiting import predict
from queueboard.waiting.coming import LOOKED_AHEAD, Coming
from queueboard.waiting.lengths import FIRST, RETURN, UNKNOWN, Lengths, Pace
from queueboard.waiting.times import CV, PACE_SD, quantiles, remaining

SEED = 20261124
SIX = Lengths(minutes=((6.0, 6.0, 6.0),))

kinds = st.sampled_from([FIRST, RETURN, UNKNOWN])
means = st.floats(0.5, 60)
lengths = st.lists(st.tuples(means, means, means), min_size=1, max_size=4).map(
    lambda rows: Lengths(minutes=tuple(rows))
)
minutes = st.floats(0, 500)


def group(place, count, chance):
    return Coming(place=place, count=count, chance=tuple(np.linspace(0, chance, len(LOOKED_AHEAD))))


groups = st.builds(group, st.integers(0, 30), st.integers(1, 10), st.floats(0, 1))


@st.composite
def situations(draw):
    """Everything that `predict` takes, as keywords."""
    learnt, rooms = draw(lengths), draw(st.integers(1, 4))
    return {
        "queue": draw(st.lists(kinds, max_size=30)),
        "lengths": learnt,
        "pace": Pace(draw(st.floats(-0.4, 0.6)), draw(st.floats(0, 6))),
        "now": draw(st.floats(-120, 400)),
        "slot_ends": [60.0 * (n + 1) for n in range(len(learnt.minutes))],
        "under_way": draw(st.lists(st.tuples(kinds, st.floats(0, 2000)), max_size=rooms)),
        "rooms": rooms,
        "pause": draw(minutes),
        "late_start": draw(st.tuples(st.floats(0, 60), st.floats(0, 30))),
        "coming": draw(st.lists(groups, max_size=3)),
    }


def told(situation):
    return predict(situation["queue"], **{name: value for name, value in situation.items() if name != "queue"})


@given(situations())
def test_waits_are_finite_and_never_fall_from_one_place_to_the_next(situation):
    """Whatever has been learnt and however long a visit has lasted: a range for everybody, and one behind them."""
    waits = told(situation)
    assert waits.shape == (len(situation["queue"]) + 1, 2)
    assert np.isfinite(waits).all()
    assert (waits >= 0).all()
    assert (waits[:, 1] >= waits[:, 0]).all()
    assert (np.diff(waits, axis=0) >= 0).all()


@given(situations(), st.floats(0.1, 300))
def test_a_longer_pause_makes_everybody_wait_as_much_longer_or_more(situation, longer):
    """Nobody is called in it; and in that time more of those who are not here yet come."""
    without = {**situation, "coming": [], "slot_ends": situation["slot_ends"][:1], "lengths": SIX}
    later = told({**without, "pause": without["pause"] + longer})
    assert later - told(without) == pytest.approx(longer, abs=0.35 * (1 + longer))
    assert (later[0] >= told(without)[0] + longer - 0.01).all()


@given(situations(), groups)
def test_who_may_still_come_never_shortens_a_wait(situation, more):
    calm = {**situation, "slot_ends": ()}
    with_them = told({**calm, "coming": [*calm["coming"], more]})
    assert (with_them[:, 0] >= told(calm)[:, 0] * 0.97 - 1e-6).all()


def test_nobody_ahead_and_a_free_room_is_no_wait():
    assert predict([FIRST], lengths=SIX)[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("ahead", [1, 3, 10, 40])
def test_so_many_visits_take_as_long_as_drawn_ones(ahead):
    """The sum of lognormal visits at a common lognormal pace: drawn, not computed by the code."""
    rng = np.random.default_rng(SEED)
    sigma, pace = math.sqrt(math.log1p(CV**2)), math.sqrt(math.log1p(PACE_SD**2))
    sums = (6 * np.exp(sigma * rng.standard_normal((100_000, ahead)) - sigma**2 / 2)).sum(axis=1)
    sums *= np.exp(pace * rng.standard_normal(100_000) - pace**2 / 2)
    assert predict([UNKNOWN] * ahead, lengths=SIX)[ahead] == pytest.approx(np.quantile(sums, [0.5, 0.9]), rel=0.02)


@pytest.mark.parametrize("lasted", [0.5, 4.0, 9.0])
def test_what_is_left_of_a_visit_is_what_is_left_of_those_that_last_so_long(lasted):
    sigma = math.sqrt(math.log1p(CV**2))
    visits = 6 * np.exp(sigma * np.random.default_rng(SEED).standard_normal(1_000_000) - sigma**2 / 2)
    beyond = visits[visits > lasted] - lasted
    mean, variance = remaining(lasted, 6.0, CV)
    assert mean == pytest.approx(beyond.mean(), rel=0.02)
    assert variance == pytest.approx(beyond.var(), rel=0.06)


def test_a_visit_longer_than_any_before_is_expected_to_go_on():
    """As a break does: what is left grows with what has passed, and is never negative."""
    left = [remaining(lasted, 6.0, CV)[0] for lasted in (20.0, 60.0, 300.0, 5000.0)]
    assert left == sorted(left)
    assert left[0] > 0


def test_a_first_visit_ahead_is_a_longer_wait_than_a_return_where_first_visits_are_longer():
    learnt = Lengths(minutes=((9.0, 5.0, 7.0),))
    waits = {kind: predict([kind], lengths=learnt)[1, 0] for kind in (FIRST, RETURN, UNKNOWN)}
    assert waits[RETURN] < waits[UNKNOWN] < waits[FIRST]


def test_visits_take_what_they_take_in_the_slot_in_which_they_will_begin():
    learnt = Lengths(minutes=((5.0,) * 3, (10.0,) * 3))
    waits = predict([UNKNOWN] * 24, lengths=learnt, slot_ends=[60, 600])[:, 0]
    assert waits[24] - waits[18] == pytest.approx(2 * (waits[8] - waits[2]), rel=0.05)


def test_two_rooms_halve_a_long_wait():
    one = predict([UNKNOWN] * 40, lengths=SIX, under_way=[(UNKNOWN, 0.0)])
    two = predict([UNKNOWN] * 40, lengths=SIX, under_way=[(UNKNOWN, 0.0)] * 2, rooms=2)
    assert two[40, 0] == pytest.approx(one[40, 0] / 2, rel=0.02)


def test_whoever_finds_a_room_free_goes_in_at_once():
    waits = predict([UNKNOWN] * 3, lengths=SIX, rooms=3, under_way=[(UNKNOWN, 1.0)])
    assert waits[:2].tolist() == [[0.0, 0.0]] * 2
    assert waits[2, 0] > 0


def test_a_slow_day_lengthens_the_near_waits_more_than_the_far_ones():
    """Pace fades: of a long queue most visits will be as ever."""
    usual, slow = (predict([UNKNOWN] * 30, lengths=SIX, pace=Pace(excess, 3.0)) for excess in (0.0, 0.3))
    assert slow[1, 0] / usual[1, 0] > 1.2
    assert slow[30, 0] / usual[30, 0] < 1.1


def test_an_expert_who_has_not_come_yet_is_waited_for_by_all():
    waits = predict([UNKNOWN], lengths=SIX, pause=10.0, late_start=(48.0, 6.0))
    assert waits[0] == pytest.approx([10 + 48, 10 + 48 + 1.28 * 6], rel=0.02)


def test_patients_who_come_for_certain_are_as_good_as_here():
    """Three who will have come within a minute, before the first: as if they stood there."""
    sure = Coming(place=0, count=3, minutes=(0.0, 1.0), chance=(1.0, 1.0))
    waits = predict([UNKNOWN] * 5, lengths=SIX, under_way=[(UNKNOWN, 0.0)], coming=[sure])
    assert waits[:6] == pytest.approx(predict([UNKNOWN] * 8, lengths=SIX, under_way=[(UNKNOWN, 0.0)])[3:], rel=0.02)
    behind = replace(sure, place=6)
    assert predict([UNKNOWN] * 5, lengths=SIX, coming=[behind]) == pytest.approx(predict([UNKNOWN] * 5, lengths=SIX))


def test_a_quantile_of_nothing_is_nothing():
    assert quantiles(np.zeros(1), np.zeros(1)).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rooms": 0},
        {"pause": -1.0},
        {"late_start": (-1.0, 0.0)},
        {"under_way": [(0, -1.0)]},
        {"under_way": [(0, 1.0)] * 2},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"room|negative"):
        predict([UNKNOWN], lengths=SIX, **wrong)
