"""R4.6, R4.7 and R4.8: passed, late, missed, and back again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from queueboard.rules import Place, Priority, State, behind_after_miss, is_late, is_passed, place
from tests.queue.order_cases import BOOKED_FIRST, POLICY, at, booked, called, numbers, walk_in


def test_on_time_but_passed_is_seen_next():
    """R4.6: 4 comes at 08:50 for 08:00-09:00, when a patient of 09:00 has been called already."""
    morning = [
        called(1, 1, call=1, state=State.SERVING),
        walk_in(2, 0, "08:45"),
        booked(3, 1, "08:40"),
        booked(4, 0, "08:50", passed=True),
    ]
    assert numbers(morning) == [4, 2, 3]
    assert place(morning[3], POLICY) is Place.ON_TIME_PASSED


def test_on_time_but_passed_is_for_booked_patients():
    """R4.6 says booked: a walk-in who takes a number left in an earlier slot stands in that slot."""
    late_comer = walk_in(3, 0, "08:50", passed=True)
    assert numbers([walk_in(2, 0, "08:45"), late_comer, walk_in(4, 1, "08:00")]) == [2, 3, 4]


def test_who_was_passed_goes_by_check_in():
    """R4.6, R4.8b."""
    assert numbers([booked(1, 0, "08:52", passed=True), booked(2, 1, "08:51", passed=True)]) == [2, 1]


def test_late_and_passed_is_behind_everybody_who_keeps_time_in_the_last_slot():
    """R4.7, those included who check in later than the late one."""
    late = booked(1, 0, "09:30", late=True, passed=True)
    assert numbers([late, booked(2, 3, "11:50"), walk_in(3, 2, "10:00")]) == [3, 2, 1]
    assert place(late, POLICY) is Place.LATE_PASSED


def test_the_late_and_passed_go_by_check_in():
    """R4.7."""
    morning = [booked(n, slot, clock, late=True, passed=True) for n, slot, clock in [(1, 0, "10:20"), (2, 1, "10:10")]]
    assert numbers(morning) == [2, 1]


def test_booked_first_does_not_lift_the_late_and_passed_over_walk_ins_of_the_last_slot():
    """R4.7 with the other setting of R4.2."""
    assert numbers([booked(1, 0, "09:30", late=True, passed=True), walk_in(2, 3, "09:40")], BOOKED_FIRST) == [2, 1]


def test_priority_within_a_slot_does_not_lift_the_late_and_passed():
    """R4.7 against R4.8b: the end of the last slot is behind everybody who keeps time, priority or not."""
    late = booked(1, 0, "09:30", late=True, passed=True, priority=Priority.PRIORITY)
    assert numbers([late, walk_in(2, 3, "09:40")]) == [2, 1]


def test_late_but_not_passed_is_in_the_own_slot_by_check_in():
    """R4.7: the session runs behind, 1 came at 09:10 for 08:00-09:00."""
    morning = [booked(1, 0, "09:10", late=True), walk_in(2, 0, "08:30"), walk_in(3, 0, "09:20"), booked(4, 1, "08:30")]
    assert numbers(morning) == [2, 1, 3, 4]
    assert place(morning[0], POLICY) is Place.LATE


class TestBackAfterAMiss:
    """R4.8."""

    def test_a_booked_patient_is_next_after_a_first_miss(self):
        back = booked(1, 0, "07:50", misses=1, called_no=1, turned_up="08:20", behind=9)
        assert numbers([walk_in(2, 0, "07:00"), back, walk_in(3, 0, "07:10")]) == [1, 2, 3]
        assert place(back, POLICY) is Place.BACK

    def test_a_walk_in_goes_behind_the_next_three(self):
        waiting = [walk_in(n, 0, f"07:0{n}") for n in (2, 3, 4, 5)]
        away = called(1, call=1, state=State.MISSED, misses=1)
        behind = behind_after_miss([away, *waiting], POLICY)
        assert behind == 1 + 3
        back = replace(away, state=State.WAITING, turned_up=at("08:20"), behind=behind)
        assert numbers([*waiting, back]) == [2, 3, 4, 1, 5]

    def test_a_walk_in_moves_up_with_every_call(self):
        """Two calls on, one is left before them."""
        back = called(1, call=1, state=State.WAITING, misses=1, turned_up="08:20", behind=4)
        seen = [called(2, call=2), called(3, call=3)]
        assert numbers([*seen, walk_in(4, 0, "07:04"), walk_in(5, 0, "07:05"), back]) == [4, 1, 5]

    def test_whatever_the_clock_somebody_new_in_an_earlier_slot_is_one_of_the_three(self):
        """What was stored is a number of calls: 1 is called fourth, whoever the three are."""
        back = called(1, 1, call=1, state=State.WAITING, misses=1, turned_up="08:20", behind=4)
        waiting = [walk_in(n, 1, f"07:0{n}") for n in (2, 3, 4)]
        assert numbers([back, *waiting, walk_in(9, 0, "08:30")]) == [9, 2, 3, 1, 4]

    def test_with_fewer_waiting_a_walk_in_goes_behind_these(self):
        waiting = [walk_in(2, 0, "07:02"), walk_in(3, 0, "07:03", state=State.SERVING, called_no=2)]
        away = called(1, call=1, state=State.MISSED, misses=1)
        assert behind_after_miss([away, *waiting], POLICY) == 2 + 1

    def test_how_many_go_first_is_a_setting(self):
        waiting = [walk_in(n, 0, "07:30") for n in (2, 3, 4)]
        assert behind_after_miss(waiting, replace(POLICY, missed_behind=1)) == 1
        assert behind_after_miss(waiting, replace(POLICY, missed_behind=0)) == 0

    def test_when_nobody_else_is_left_a_walk_in_need_not_wait_for_three_calls(self):
        """R4.3."""
        assert numbers([called(1, call=1, state=State.WAITING, misses=1, turned_up="08:20", behind=4)]) == [1]

    def test_the_end_of_the_last_slot_counts_among_the_three(self):
        """Waiting are 2 and, at the end of the last slot, 3: a walk-in who is back goes behind both."""
        back = called(1, call=1, state=State.WAITING, misses=1, turned_up="10:20", behind=3)
        assert numbers([back, walk_in(2, 3, "10:00"), booked(3, 0, "09:30", late=True, passed=True)]) == [2, 3, 1]

    def test_walk_ins_who_are_back_keep_their_order_though_others_left(self):
        """1 was put behind call 5 of three waiting, of whom two left; 2, back after them, is not due before."""
        first = called(1, call=1, state=State.WAITING, misses=1, turned_up="08:20", behind=5)
        assert behind_after_miss([first, called(2, call=2, state=State.MISSED, misses=1)], POLICY) == 5

    @pytest.mark.parametrize("make", [booked, walk_in])
    def test_after_a_second_miss_anybody_is_at_the_end_of_the_last_slot(self, make):
        back = make(1, 0, "07:30", misses=2, called_no=5, turned_up="09:10", behind=1)
        assert numbers([back, walk_in(2, 3, "09:20")]) == [2, 1]
        assert place(back, POLICY) is Place.MISSED_TWICE

    def test_at_the_end_of_the_last_slot_all_go_by_the_time_they_turned_up(self):
        """R4.7 and R4.8 meet: a check-in of 09:40 is between two who reported back at 09:30 and 09:50."""
        morning = [
            walk_in(1, 0, "07:10", misses=2, called_no=3, turned_up="09:50"),
            booked(2, 0, "07:20", misses=3, called_no=4, turned_up="09:30"),
            booked(3, 0, "09:40", late=True, passed=True),
        ]
        assert numbers(morning) == [2, 3, 1]

    def test_a_late_and_passed_patient_who_misses_a_first_call_is_back_like_anybody(self):
        back = booked(1, 0, "09:30", late=True, passed=True, misses=1, called_no=4, turned_up="11:40")
        assert place(back, POLICY) is Place.BACK

    def test_who_has_not_reported_back_is_not_in_the_order(self):
        assert numbers([called(1, call=1, state=State.MISSED, misses=1)]) == []


class TestDecidedOnce:
    """R4.7, R4.11: what depends on the moment, at the check-in."""

    @pytest.mark.parametrize(
        ("clock", "grace", "late"),
        [("09:00", 0, False), ("09:00:01", 0, True), ("09:10", 10, False), ("09:10:01", 10, True), ("08:00", 0, False)],
    )
    def test_late_is_after_the_end_of_the_slot_plus_the_grace(self, clock, grace, late):
        assert is_late(at(clock), at("09:00"), timedelta(minutes=grace)) is late

    def test_passed_is_when_a_ticket_of_a_later_slot_was_called(self):
        assert is_passed(0, [called(1, 0, call=1), called(2, 1, call=2)])

    @pytest.mark.parametrize("state", [State.CALLED, State.MISSED, State.DONE, State.HANDED_OVER])
    def test_passed_does_not_ask_what_became_of_that_call(self, state):
        assert is_passed(0, [called(1, 1, call=1, state=state)])

    def test_a_call_of_the_own_or_an_earlier_slot_passes_nobody(self):
        assert not is_passed(1, [called(1, 0, call=1), called(2, 1, call=2)])

    def test_a_later_slot_that_only_waits_passes_nobody(self):
        assert not is_passed(0, [walk_in(1, 1, "08:00"), walk_in(2, 3, "08:00", state=State.LEFT)])
