"""R2.1, R2.3 and R2.4: the study's estimator, the capacity of a slot, the split of its numbers."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import quota
from booking.quota import CapacityReason, QuotaError

# Table 1 of the study, 07:00-08:00, ten sessions of 50 samples: minutes with 0, 1, 2, 3 and 4 walk-ins.
STUDY_FREQUENCIES = [450, 34, 10, 3, 3]


def raises(code):
    """A QuotaError with this code and no other."""
    return pytest.raises(QuotaError, check=lambda error: error.code == code)


# --- R2.1


def sampled(minutes, *, samples=50, clip=4, seed=1):
    return quota.sampled_rate(minutes, samples=samples, clip=clip, rng=np.random.default_rng(seed))


class TestSampledRate:
    """R2.1: walk-ins per minute, from samples of past sessions."""

    def test_the_studys_table_gives_nine_an_hour(self):
        rate = quota.rate_of_frequencies(STUDY_FREQUENCIES)
        assert rate == 0.15
        assert rate * 60 == 9

    @pytest.mark.parametrize(("every_minute", "rate"), [(0, 0), (1, 1), (4, 4), (5, 4), (90, 4)])
    def test_a_count_over_four_counts_as_four(self, every_minute, rate):
        assert sampled(np.full((3, 60), every_minute)) == rate

    def test_each_session_gives_the_same_number_of_samples(self):
        busy_and_quiet = [[2] * 60, [0] * 60, [0] * 60, [0] * 60]
        assert quota.sample_frequencies(busy_and_quiet, samples=50, clip=4, rng=np.random.default_rng(7)).tolist() == [
            150,
            0,
            50,
            0,
            0,
        ]
        assert sampled(busy_and_quiet) == 0.5

    def test_an_interval_may_be_shorter_than_the_samples(self):
        """Windows are drawn with replacement."""
        assert sampled([[3]]) == 3

    def test_every_minute_is_drawn_alike(self):
        """One walk-in in the last of four minutes: a quarter of the samples see it, 5 sigma is 0.02."""
        assert sampled([[0, 0, 0, 1]], samples=12_000) == pytest.approx(0.25, abs=0.02)

    def test_windows_repeat_within_a_session(self):
        """As many draws as minutes: without replacement every minute would be seen once, and the rate be exact."""
        one_in_ten = [[1] + [0] * 9]
        assert len({sampled(one_in_ten, samples=10, seed=seed) for seed in range(20)}) > 1

    def test_every_session_draws_windows_of_its_own(self):
        """With the same windows in both of these sessions the rate would always be 0.5."""
        assert len({sampled([[1, 0], [0, 1]], seed=seed) for seed in range(20)}) > 1

    def test_poisson_arrivals_are_found_again(self):
        """E[min(X, 4)] of a Poisson X with mean 0.15 is 0.15 to within 1e-6; 5 sigma of 50,000 draws and their 60,000
        minutes is 0.013."""
        minutes = np.random.default_rng(3).poisson(0.15, size=(1000, 60))
        assert sampled(minutes) == pytest.approx(0.15, abs=0.013)

    def test_the_same_seed_gives_the_same_rate(self):
        minutes = np.random.default_rng(3).poisson(0.5, size=(10, 60))
        assert sampled(minutes, seed=5) == sampled(minutes, seed=5) != sampled(minutes, seed=6)

    @given(st.lists(st.lists(st.integers(0, 9), min_size=7, max_size=7), min_size=1, max_size=5), st.integers(1, 60))
    def test_the_table_holds_every_sample_and_the_rate_is_within_what_was_seen(self, minutes, samples):
        table = quota.sample_frequencies(minutes, samples=samples, clip=4, rng=np.random.default_rng(0))
        assert len(table) == 5
        assert table.sum() == samples * len(minutes)
        clipped = np.minimum(minutes, 4)
        assert clipped.min() <= quota.rate_of_frequencies(table) <= clipped.max()

    @pytest.mark.parametrize("nothing", [[], [[]], np.zeros((0, 60), dtype=int)])
    def test_no_history_is_said_to_be_none(self, nothing):
        with raises("no_history"):
            sampled(nothing)

    @pytest.mark.parametrize("wrong", [[1, 2], [[-1, 0]], [[0.5, 0.5]], [[math.nan]], [[1], [1, 2]]])
    def test_history_that_is_no_table_of_counts_is_refused(self, wrong):
        with raises("bad_history"):
            sampled(wrong)

    @pytest.mark.parametrize("setting", [{"samples": 0}, {"clip": 0}, {"samples": 2.5}, {"clip": -4}])
    def test_samples_and_clip_are_at_least_one(self, setting):
        with raises("bad_setting"):
            sampled([[1]], **setting)

    def test_a_table_without_samples_gives_no_rate(self):
        for table in ([], [0, 0, 0]):
            with raises("no_history"):
                quota.rate_of_frequencies(table)

    @pytest.mark.parametrize("table", [[-1, 2], [[1, 2]], [0.5, 0.5]])
    def test_a_table_that_is_no_row_of_frequencies_is_refused(self, table):
        with raises("bad_history"):
            quota.rate_of_frequencies(table)


class TestMinuteCounts:
    """R2.1: the log of arrivals, cut into minutes."""

    def test_arrivals_are_counted_in_their_minute_and_interval(self):
        opening_hour = [[-60, -59.5, -0.01, 0, 12], [], [-60.5, -58]]
        counts = quota.minute_counts(opening_hour, start=-60, minutes=60)
        assert counts.shape == (3, 60)
        assert counts.sum(axis=1).tolist() == [3, 0, 1]
        assert (counts[0, 0], counts[0, 59], counts[2, 2]) == (2, 1, 1)

    def test_neighbouring_intervals_share_no_arrival_and_lose_none(self):
        arrivals = [[0, 59.999, 60, 61, 119.5]]
        first, second = (quota.minute_counts(arrivals, start, 60).sum() for start in (0, 60))
        assert (first, second) == (2, 3)

    def test_no_past_session_is_an_empty_table_that_has_no_rate(self):
        counts = quota.minute_counts([], start=0, minutes=60)
        assert counts.shape == (0, 60)
        with raises("no_history"):
            sampled(counts)

    def test_an_interval_has_a_length(self):
        for minutes in (0, -5, 1.5):
            with raises("bad_interval"):
                quota.minute_counts([[1]], start=0, minutes=minutes)

    def test_an_instant_that_is_no_number_is_refused(self):
        with raises("bad_history"):
            quota.minute_counts([[math.nan]], start=0, minutes=60)


# --- R2.3


def one_slot(visits, counts, waited, *, length=60, default_visit=8, **settings):
    [row] = quota.capacity([length], [visits], [counts], [waited], default_visit=default_visit, **settings)
    return row


class TestCapacity:
    """R2.3: slot length over mean visit length, except where the expert starts late."""

    def test_the_studys_first_three_slots_are_2_12_and_10(self):
        """08:00-09:00 could hold 12 visits of 5 minutes, but ward rounds leave time for 2 while patients wait."""
        rows = quota.capacity(
            [60, 60, 60],
            [[4, 6, 5, 5], [5] * 24, [6, 5, 7]],
            [[2, 2], [12, 12], [10, 10]],
            [[True, True], [True, True], [True, True]],
            default_visit=8,
        )
        assert [row.chosen for row in rows] == [2, 12, 10]
        assert [row.reason for row in rows] == [
            CapacityReason.LATE_START,
            CapacityReason.VISIT_LENGTH,
            CapacityReason.VISIT_LENGTH,
        ]
        late = rows[0]
        assert (late.observed, late.visit_minutes, late.expected) == (2, 5, 12)
        assert (late.sessions, late.visits) == (2, 4)

    def test_a_quiet_slot_keeps_its_capacity(self):
        """Few were seen because few came: nobody waited."""
        row = one_slot([5] * 4, [2, 2], [False, False])
        assert (row.chosen, row.reason) == (12, CapacityReason.VISIT_LENGTH)

    @pytest.mark.parametrize(
        ("mean_count", "chosen"), [(7, 10), (6, 6)], ids=["at 0.7 of the expected", "under 0.7 of the expected"]
    )
    def test_far_below_means_under_seven_tenths(self, mean_count, chosen):
        assert one_slot([6], [mean_count], [True]).chosen == chosen

    def test_the_share_that_is_far_below_is_a_setting(self):
        assert one_slot([6], [7], [True], late_share=0.8).chosen == 7
        assert one_slot([6], [1], [True], late_share=0).chosen == 10

    def test_exactly_at_the_share_is_not_below_it(self):
        """0.8 x 3 is 2.4000000000000004 in binary, and a mean of 2.4 is not under 0.8 of 3."""
        row = one_slot([20], [24, *[0] * 9], [True] * 10, late_share=0.8)
        assert (row.observed, row.reason) == (2.4, CapacityReason.VISIT_LENGTH)

    def test_thirds_exactly_at_the_share_are_not_below_it(self):
        assert one_slot([18], [8, 0, 0], [True] * 3, late_share=0.8).reason == CapacityReason.VISIT_LENGTH

    @pytest.mark.parametrize(("waited", "chosen"), [([1, 1, 0, 0], 2), ([1, 0, 0, 0], 12)])
    def test_patients_waited_means_in_half_of_the_sessions(self, waited, chosen):
        assert one_slot([5], [2, 2, 2, 2], waited).chosen == chosen

    @pytest.mark.parametrize(
        ("visit", "chosen"),
        [(60 / 11.5, 12), (60 / 11.49, 11), (60 / 11.4999999999, 12), (60 / 9.5, 10), (5.5, 11), (90, 1), (130, 0)],
    )
    def test_the_nearest_whole_number_is_taken_halves_up(self, visit, chosen):
        assert one_slot([visit], [12], [False]).chosen == chosen

    def test_an_observed_mean_is_rounded_alike(self):
        assert one_slot([5], [2, 3], [True, True]).chosen == 3
        assert one_slot([5], [2, 2, 3], [True] * 3).chosen == 2

    def test_a_short_last_slot_holds_less(self):
        rows = quota.capacity([60, 30], [[6], [6]], [[10], [5]], [[True], [True]], default_visit=8)
        assert [row.chosen for row in rows] == [10, 5]

    def test_a_slot_without_data_uses_the_default_visit_and_says_so(self):
        row = one_slot([], [], [], default_visit=7.5)
        assert (row.chosen, row.reason) == (8, CapacityReason.DEFAULT_VISIT)
        assert (row.observed, row.sessions, row.visits, row.visit_minutes) == (None, 0, 0, 7.5)

    @pytest.mark.parametrize("nothing", [0, 1e-310])
    def test_visits_of_no_length_are_no_data(self, nothing):
        row = one_slot([nothing, nothing], [2], [False], default_visit=6)
        assert (row.chosen, row.reason, row.visits) == (10, CapacityReason.DEFAULT_VISIT, 0)

    def test_an_expert_who_never_came_in_a_slot_while_patients_waited_has_no_capacity_there(self):
        row = one_slot([], [0, 0], [True, True])
        assert (row.chosen, row.reason) == (0, CapacityReason.LATE_START)

    @pytest.mark.parametrize("length", [0, -60, math.nan, math.inf])
    def test_a_slot_has_a_length(self, length):
        with raises("bad_interval"):
            one_slot([5], [1], [True], length=length)

    @pytest.mark.parametrize(
        ("visits", "counts"), [([5, -1], [2]), ([math.nan], [1]), (["x"], [1]), ([5], [-1]), ([5], [1.5])]
    )
    def test_negative_or_broken_visits_are_refused(self, visits, counts):
        with raises("bad_visits"):
            one_slot(visits, counts, [True])

    @pytest.mark.parametrize(
        "settings", [{"default_visit": 0}, {"default_visit": -1}, {"late_share": 1.1}, {"waited_share": -0.1}]
    )
    def test_settings_out_of_range_are_refused(self, settings):
        with raises("bad_setting"):
            one_slot([5], [1], [True], **settings)

    def test_every_slot_needs_its_entries(self):
        with raises("no_slots"):
            quota.capacity([], [], [], [], default_visit=8)
        with raises("lengths_differ"):
            quota.capacity([60, 60], [[5]], [[1]], [[True]], default_visit=8)
        with raises("lengths_differ"):
            one_slot([5], [1, 2], [True])

    @given(st.lists(st.floats(0, 1e9), max_size=20), st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=9))
    def test_capacity_is_a_whole_number_within_half_of_one_of_the_two_figures(self, visits, sessions):
        row = one_slot(visits, [count for count, _ in sessions], [waited for _, waited in sessions])
        figure = row.observed if row.reason == CapacityReason.LATE_START else row.expected
        assert isinstance(row.chosen, int)
        assert abs(row.chosen - figure) <= 0.5 + 1e-6 * figure


# --- R2.4


def r24(capacity, walk_ins, before_start, total):
    """R2.4 as it is written, in exact fractions, for a session with nothing booked nor locked."""
    pairs, carry, left = [], Fraction(before_start), total
    for cap, arriving in zip(capacity[:-1], walk_ins[:-1], strict=True):
        c = min(cap, left)  # "earlier ones keep theirs until N is used up"
        left -= c
        d = Fraction(arriving) + carry
        if c > d:
            bookable, carry = math.floor(c - d), Fraction(0)
        else:
            bookable, carry = 0, d - c
        pairs.append((bookable, c - bookable))
    walk_in = min(left, math.ceil(Fraction(walk_ins[-1]) + carry))
    return [*pairs, (left - walk_in, walk_in)]


# Expectations in 64ths are exact in binary, so that the fractions above and the floats must agree to the last number.
expectation = st.integers(0, 64 * 20).map(lambda n: n / 64)


@st.composite
def mornings(draw):
    """A session's slots, half of them with bookings or a lock, and numbers enough for those."""
    slots = draw(st.integers(1, 7))
    per_slot = {"min_size": slots, "max_size": slots}
    booked = draw(st.lists(st.integers(0, 15), **per_slot))
    locked = draw(st.lists(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)), **per_slot))
    locked = [lock and (lock[0] + held, lock[1]) for lock, held in zip(locked, booked, strict=True)]
    reserved = sum(sum(lock) if lock else held for lock, held in zip(locked, booked, strict=True))
    return {
        "capacity": draw(st.lists(st.integers(0, 20), **per_slot)),
        "walk_ins": draw(st.lists(st.floats(0, 30), **per_slot)),
        "before_start": draw(st.floats(0, 30)),
        "total": reserved + (draw(st.integers(0, 150)) if None in locked else 0),
        "booked": booked,
        "locked": locked,
    }


class TestAllocate:
    """R2.4: the split of each slot's numbers."""

    def test_the_studys_example(self):
        assert quota.allocate([2, 12, 10, 0], [6, 4, 2, 0], 9, 42) == [(0, 2), (0, 12), (3, 7), (18, 0)]

    def test_the_plan_tells_the_studys_example_step_by_step(self):
        rows = quota.plan([2, 12, 10, 10], [6, 4, 2, 0], 9, 42)
        assert [row.carry_in for row in rows] == [9, 13, 5, 0]
        assert [row.demand for row in rows] == [15, 17, 7, 0]
        assert [row.carry_out for row in rows] == [13, 5, 0, 0]
        assert [row.numbers for row in rows] == [2, 12, 10, 18]
        assert [row.overtime for row in rows] == [0, 0, 0, 8]
        assert [row.capacity for row in rows] == [2, 12, 10, 10]
        assert [row.walk_ins for row in rows] == [6, 4, 2, 0]

    def test_the_last_capacity_does_not_matter_to_the_split(self):
        splits = [quota.allocate([2, 12, 10, last], [6, 4, 2, 0], 9, 42) for last in (0, 7, 18, 1000)]
        assert splits == [splits[0]] * 4

    def test_arrays_and_whole_floats_are_taken_and_plain_integers_returned(self):
        pairs = quota.allocate(np.array([2.0, 12.0, 10.0, 0.0]), np.array([6, 4, 2, 0]), np.float64(9), np.int64(42))
        assert pairs == [(0, 2), (0, 12), (3, 7), (18, 0)]
        assert {type(number) for pair in pairs for number in pair} == {int}

    @given(
        st.lists(st.tuples(st.integers(0, 20), expectation), min_size=1, max_size=8), expectation, st.integers(0, 99)
    )
    def test_it_is_the_rule_as_written(self, slots, before_start, total):
        capacity, walk_ins = [c for c, _ in slots], [w for _, w in slots]
        assert quota.allocate(capacity, walk_ins, before_start, total) == r24(capacity, walk_ins, before_start, total)

    @given(mornings())
    def test_numbers_are_conserved_and_what_is_booked_or_locked_is_kept(self, morning):
        pairs = quota.allocate(**morning)
        assert sum(bookable + walk_in for bookable, walk_in in pairs) == morning["total"]
        for (bookable, walk_in), held, lock in zip(pairs, morning["booked"], morning["locked"], strict=True):
            assert bookable >= held >= 0
            assert walk_in >= 0
            assert lock is None or (bookable, walk_in) == lock

    @given(mornings())
    def test_walk_ins_are_carried_from_slot_to_slot_and_none_is_lost(self, morning):
        rows = quota.plan(**morning)
        assert [(row.bookable, row.walk_in) for row in rows] == quota.allocate(**morning)
        assert rows[0].carry_in == pytest.approx(morning["before_start"], abs=2e-9)
        for row, following in pairwise(rows):
            assert following.carry_in == row.carry_out
        for row in rows:
            assert row.demand == pytest.approx(row.walk_ins + row.carry_in, abs=2e-9)
            assert row.carry_out == pytest.approx(max(0, row.demand - row.walk_in), abs=2e-9)

    @given(mornings())
    def test_no_slot_but_the_last_open_one_exceeds_its_capacity_unless_booked_or_locked(self, morning):
        rows = quota.plan(**morning)
        open_slots = [row for row in rows if not row.locked]
        for row in open_slots[:-1]:
            assert row.numbers <= max(row.capacity, row.booked)

    @given(mornings())
    def test_an_open_slot_goes_short_only_if_none_after_it_has_more_than_its_bookings(self, morning):
        """Later slots give way first."""
        open_slots = [row for row in quota.plan(**morning) if not row.locked]
        for i, row in enumerate(open_slots[:-1]):
            if row.numbers < row.capacity:
                assert all(later.numbers == later.booked for later in open_slots[i + 1 :])

    def test_no_walk_ins_at_all_leaves_everything_bookable(self):
        assert quota.allocate([2, 12, 10, 5], [0, 0, 0, 0], 0, 42) == [(2, 0), (12, 0), (10, 0), (18, 0)]

    def test_more_walk_ins_than_numbers_leaves_nothing_bookable(self):
        rows = quota.plan([2, 3], [10, 10], 10, 6)
        assert [(row.bookable, row.walk_in) for row in rows] == [(0, 2), (0, 4)]
        assert rows[-1].carry_out == 24

    @pytest.mark.parametrize(("before_start", "pair"), [(0, (5, 5)), (2.5, (2, 8)), (5, (0, 10)), (50, (0, 10))])
    def test_a_session_of_one_slot_gives_it_all_numbers(self, before_start, pair):
        assert quota.allocate([3], [5], before_start, 10) == [pair]

    def test_a_short_last_slot_says_how_far_it_runs_over(self):
        rows = quota.plan([10, 5], [0, 0], 0, 18)
        assert [row.overtime for row in rows] == [0, 3]
        assert [quota.plan([10, 5], [0, 0], 0, total)[-1].overtime for total in (16, 15, 14)] == [1, 0, 0]

    def test_a_slot_without_capacity_carries_all_its_walk_ins_on(self):
        rows = quota.plan([0, 10, 0], [3, 0, 0], 1.5, 10)
        assert [(row.bookable, row.walk_in) for row in rows] == [(0, 0), (5, 5), (0, 0)]
        assert rows[1].carry_in == 4.5

    @pytest.mark.parametrize(
        ("total", "numbers"), [(25, [2, 12, 10, 1]), (24, [2, 12, 10, 0]), (20, [2, 12, 6, 0]), (1, [1, 0, 0, 0])]
    )
    def test_too_few_numbers_are_missed_by_the_later_slots(self, total, numbers):
        rows = quota.plan([2, 12, 10, 10], [6, 4, 2, 0], 9, total)
        assert [row.numbers for row in rows] == numbers

    def test_a_part_of_a_walk_in_takes_a_whole_number(self):
        assert quota.allocate([10, 10], [7.25, 7.25], 0, 20) == [(2, 8), (2, 8)]

    @pytest.mark.parametrize("demand", [7.0000000004, 7.0, 6.9999999996, 0.1 * 3 + 6.7])
    def test_the_dust_of_binary_fractions_moves_no_number(self, demand):
        """floor(2.9999999996) bookable would be 2, and ceil(7.0000000004) walk-ins 8."""
        rows = quota.plan([10, 0], [demand, 0], 0, 20)
        assert [(row.bookable, row.walk_in) for row in rows] == [(3, 7), (10, 0)]
        assert rows[0].carry_out == 0
        assert quota.allocate([0], [demand], 0, 20) == [(13, 7)]

    def test_what_is_more_than_dust_does(self):
        assert quota.allocate([10, 0], [7.000001, 0], 0, 10) == [(2, 8), (0, 0)]

    def test_dust_does_not_pile_up_in_the_carry(self):
        """Ten times 0.7, carried through slots without capacity, adds up to 7.000000000000001 in binary."""
        rows = quota.plan([0] * 9 + [7, 0], [0.7] * 10 + [0], 0, 8)
        assert [(row.bookable, row.walk_in) for row in rows[9:]] == [(0, 7), (1, 0)]
        assert rows[9].carry_out == 0

    def test_big_values_are_exact(self):
        big = 10**9
        assert quota.allocate([big, big], [big - 1, 0.5], 0, 3 * big) == [(1, big - 1), (2 * big - 1, 1)]


class TestBookedAndLocked:
    """R2.5: a recalculation leaves a locked slot, and never goes under what is booked."""

    def test_booked_numbers_stay_bookable_and_the_walk_ins_they_displace_are_carried(self):
        rows = quota.plan([10, 10, 10], [10, 0, 0], 0, 30, booked=[4, 0, 0])
        assert [(row.bookable, row.walk_in) for row in rows] == [(4, 6), (6, 4), (10, 0)]
        assert rows[0].carry_out == 4

    def test_bookings_beyond_capacity_are_kept_and_come_off_the_last_slot(self):
        rows = quota.plan([2, 10, 10], [1, 0, 0], 0, 22, booked=[5, 0, 0])
        assert [(row.bookable, row.walk_in) for row in rows] == [(5, 0), (9, 1), (7, 0)]
        assert rows[0].overtime == 3

    def test_bookings_in_a_late_slot_are_kept_before_an_early_one_takes_its_capacity(self):
        assert quota.allocate([10, 10], [0, 0], 0, 10, booked=[0, 4]) == [(6, 0), (4, 0)]

    def test_a_locked_slot_keeps_its_split_and_serves_the_carry_with_its_walk_in_numbers(self):
        rows = quota.plan([2, 12, 10, 0], [6, 4, 2, 0], 9, 42, locked=[None, (4, 8), None, None])
        assert [row.carry_out for row in rows] == [13, 9, 1, 0]
        assert [(row.bookable, row.walk_in) for row in rows] == [(0, 2), (4, 8), (0, 10), (17, 1)]

    def test_a_locked_slot_takes_its_numbers_first(self):
        assert quota.allocate([10, 10, 10], [0, 0, 0], 0, 12, locked=[None, None, (3, 5)]) == [(4, 0), (0, 0), (3, 5)]

    def test_where_the_last_slot_is_locked_the_last_open_one_takes_the_rest(self):
        rows = quota.plan([2, 5, 5], [0, 3, 0], 0, 20, locked=[None, None, (1, 1)])
        assert [(row.bookable, row.walk_in) for row in rows] == [(2, 0), (13, 3), (1, 1)]
        assert rows[1].overtime == 11

    def test_all_slots_locked_are_returned_as_they_are(self):
        locked = [(1, 2), (3, 4)]
        assert quota.allocate([5, 5], [9, 9], 9, 10, locked=locked) == locked

    def test_numbers_that_no_open_slot_can_take_are_reported(self):
        with raises("all_locked"):
            quota.allocate([5, 5], [0, 0], 0, 11, locked=[(1, 2), (3, 4)])

    def test_fewer_numbers_than_booked_and_locked_are_reported(self):
        with raises("too_few_numbers"):
            quota.allocate([5, 5], [0, 0], 0, 9, booked=[3, 0], locked=[None, (3, 4)])

    def test_a_lock_under_what_is_booked_is_reported(self):
        with raises("locked_under_booked"):
            quota.allocate([5, 5], [0, 0], 0, 20, booked=[3, 0], locked=[(2, 4), None])


class TestBadNumbers:
    """R2.4: what is no number of a morning is refused, with a code."""

    @pytest.mark.parametrize("bad", [-1, math.nan, math.inf, 1e13, None, "x"])
    @pytest.mark.parametrize("place", ["capacity", "walk_ins", "before_start", "total", "booked", "locked"])
    def test_values_that_are_no_numbers_are_refused(self, place, bad):
        case = {"capacity": [5, 5], "walk_ins": [1, 1], "before_start": 1, "total": 20}
        in_slot = {"capacity": [5, bad], "walk_ins": [bad, 1], "booked": [0, bad], "locked": [(1, bad), None]}
        with raises("bad_numbers"):
            quota.allocate(**(case | {place: in_slot.get(place, bad)}))

    @pytest.mark.parametrize("part", [{"capacity": [2.5, 1]}, {"total": 20.5}, {"booked": [0.5, 0]}])
    def test_numbers_are_whole(self, part):
        with raises("bad_numbers"):
            quota.allocate(**({"capacity": [5, 5], "walk_ins": [1, 1], "before_start": 1, "total": 20} | part))

    @pytest.mark.parametrize("lock", [3, (1,), (1, 2, 3)])
    def test_a_lock_is_a_pair(self, lock):
        with raises("bad_numbers"):
            quota.allocate([5], [1], 1, 20, locked=[lock])

    def test_a_session_has_slots_and_every_slot_its_entries(self):
        with raises("no_slots"):
            quota.allocate([], [], 0, 0)
        for more in ({"walk_ins": [1]}, {"booked": [0]}, {"locked": [None]}, {"capacity": [5]}):
            case = {"capacity": [5, 5], "walk_ins": [1, 1], "before_start": 1, "total": 20} | more
            with raises("lengths_differ"):
                quota.allocate(**case)
