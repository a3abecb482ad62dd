"""R5.2: what is shown moves for a reason, all the way, and not back and forth."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from queueboard.waiting.steady import AT_LEAST, SHARE, held, held_in_line

tremble = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60)


def play(sequence, start=0.0):
    """What is shown after each of the newly computed (median, p90), a minute apart."""
    shown, out = None, []
    for minute, new in enumerate(sequence):
        shown = held(new, shown, start + minute)
        out.append(shown)
    return out


def moves(values):
    return sum(before != after for before, after in pairwise(values))


@given(tremble, st.floats(0, 60))
def test_figures_that_tremble_within_the_margin_never_move_what_is_shown(noise, width):
    """The margin is a minute, or a third of a wide range."""
    margin = max(AT_LEAST, SHARE * width)
    shown = play([(500 + margin * each * 0.9, 500 + width + margin * each * 0.9) for each in noise])
    assert moves([median for median, _ in shown]) == 0


@given(tremble)
def test_one_real_change_under_noise_is_one_move_each_way(noise):
    """No flip-flop: twenty minutes later for good, with figures that tremble before and after."""
    half = len(noise) // 2
    shown = play([(500 + 20 * (n >= half) + 0.9 * each, 540 + 20 * (n >= half)) for n, each in enumerate(noise)])
    assert moves([median for median, _ in shown]) == 1


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 100)), min_size=1, max_size=30))
def test_what_is_shown_is_never_further_off_than_the_margin(pairs):
    """And the range never turns over."""
    sequence = [(100 + median, 100 + median + width) for median, width in pairs]
    for (median, p90), (shown_median, shown_p90) in zip(sequence, play(sequence), strict=True):
        margin = max(AT_LEAST, SHARE * (p90 - median))
        assert abs(shown_median - median) <= margin
        assert abs(shown_p90 - p90) <= margin
        assert shown_p90 >= shown_median


def test_a_drift_moves_it_in_steps():
    shown = [median for median, _ in play([(100 + minute * 0.25, 110) for minute in range(40)])]
    assert shown == sorted(shown)
    assert 0 < moves(shown) < 12


def test_a_time_that_has_passed_is_not_kept():
    assert held((10.4, 12.0), (9.9, 12.0), now=10.0)[0] == 10.4


def test_nobody_is_shown_an_earlier_time_than_who_is_called_before():
    """Held one by one they could cross."""
    shown = {"A001": (21.0, 31.0), "A002": (20.0, 30.0)}
    line = held_in_line(["A001", "A002", "A003"], [(20.5, 30.5), (20.6, 30.6), (20.7, 30.7)], shown, 0.0)
    assert [median for median, _ in line] == sorted(median for median, _ in line)
    assert [p90 for _, p90 in line] == sorted(p90 for _, p90 in line)
