"""R4.8b and R4.9: emergencies, who turned up again, return visits, the slots, priority within them."""

from dataclasses import replace

import pytest

from queueboard.rules import Place, Priority, State, calls_made, place
from tests.queue.order_cases import BOOKED_FIRST, POLICY, booked, called, numbers, walk_in

EMERGENCY = Priority.EMERGENCY
PRIORITY = Priority.PRIORITY


def test_the_precedence_from_emergency_to_the_end_of_the_last_slot():
    """R4.8b: one of each kind, whatever the order of the input."""
    morning = [
        walk_in(1, 3, "10:00", priority=EMERGENCY),
        booked(2, 2, "10:05", passed=True),
        booked(3, 0, "07:00", misses=1, called_no=1, turned_up="10:06"),
        called(4, call=2, state=State.WAITING, returned="10:00", returned_after=2),
        walk_in(5, 2, "10:20", priority=PRIORITY),
        walk_in(6, 2, "09:00"),
        walk_in(7, 3, "09:00", priority=PRIORITY),
        booked(8, 0, "09:30", late=True, passed=True),
        called(9, call=4),
    ]
    for turn in range(len(morning)):
        assert numbers(morning[turn:] + morning[:turn]) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert numbers(reversed(morning[turn:] + morning[:turn])) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_passed_and_missed_go_by_the_time_they_turned_up():
    """R4.8b: those of R4.6 and R4.8 are one group."""
    morning = [
        booked(1, 0, "08:30", passed=True),
        booked(2, 0, "07:00", misses=1, called_no=1, turned_up="08:29"),
        called(3, call=2, state=State.WAITING, misses=1, turned_up="08:28", behind=2),
        booked(4, 0, "08:27", passed=True),
    ]
    assert numbers(morning) == [4, 3, 2, 1]


def test_a_walk_in_who_is_due_goes_by_the_time_of_turning_up_and_not_by_falling_due():
    """R4.8b: 1 reported back before 2 did and falls due after the next call; then 1 is ahead of 3, who came later."""
    morning = [
        called(1, call=1, state=State.WAITING, misses=1, turned_up="08:20", behind=2),
        booked(2, 0, "07:00", misses=1, called_no=0, turned_up="08:25"),
        booked(3, 0, "08:30", passed=True),
    ]
    assert numbers(morning) == [2, 1, 3]


class TestPriority:
    """R4.9."""

    def test_priority_patients_are_first_within_their_slot(self):
        morning = [walk_in(1, 1, "08:00"), walk_in(2, 1, "08:50", priority=PRIORITY), walk_in(3, 0, "08:40")]
        assert numbers(morning) == [3, 2, 1]
        assert place(morning[1], POLICY) is Place.PRIORITY

    def test_priority_patients_go_by_check_in_among_themselves(self):
        morning = [booked(1, 1, "08:50", priority=PRIORITY), walk_in(2, 1, "08:40", priority=PRIORITY)]
        assert numbers(morning) == [2, 1]
        assert numbers(morning, BOOKED_FIRST) == [1, 2]

    def test_priority_goes_before_booked_first(self):
        assert numbers([booked(1, 1, "08:40"), walk_in(2, 1, "08:50", priority=PRIORITY)], BOOKED_FIRST) == [2, 1]

    def test_emergencies_go_by_arrival_before_all(self):
        morning = [
            booked(1, 0, "08:00", passed=True),
            walk_in(2, 3, "09:01", priority=EMERGENCY),
            walk_in(4, 2, "09:00", priority=EMERGENCY),
            booked(3, 0, "09:00", late=True, passed=True, priority=EMERGENCY),
        ]
        assert numbers(morning) == [3, 4, 2, 1]

    @pytest.mark.parametrize("misses", [1, 2])
    def test_an_emergency_who_missed_a_call_and_is_back_stays_one(self, misses):
        """R4.8b names emergencies before those of R4.8."""
        back = called(1, call=2, state=State.WAITING, misses=misses, turned_up="09:00", behind=9, priority=EMERGENCY)
        assert numbers([back, booked(2, 0, "08:00", passed=True)]) == [1, 2]


def back_with_result(number, *, call, returned, after, **fields):
    return called(number, call=call, state=State.WAITING, returned=returned, returned_after=after, **fields)


class TestReturnVisits:
    """R4.9: one after every two others."""

    def test_a_return_visit_comes_after_two_others(self):
        morning = [*(walk_in(n, 0, f"07:1{n}") for n in range(2, 7))]
        assert numbers([*morning, back_with_result(1, call=1, returned="08:30", after=1)]) == [2, 3, 1, 4, 5, 6]

    def test_several_return_visits_take_every_third_call(self):
        morning = [walk_in(n, 0, f"07:1{n}") for n in range(4, 9)]
        back = [back_with_result(n, call=n, returned=f"08:3{3 - n}", after=3) for n in (1, 2, 3)]
        assert numbers([*morning, *back]) == [4, 5, 3, 6, 7, 2, 8, 1]

    def test_the_interval_runs_from_the_last_return_visit_called(self):
        """Call 3 was a return visit; two others go before the next, though that one is back since call 2."""
        seen = [called(9, call=3, return_call=True, returned="08:00", returned_after=1)]
        morning = [walk_in(n, 0, f"07:1{n}") for n in (4, 5, 6)]
        assert numbers([*seen, *morning, back_with_result(1, call=1, returned="08:10", after=2)]) == [4, 5, 1, 6]

    def test_a_patient_who_returns_twice_does_not_reset_the_interval(self):
        """Call 5 was 1's first return visit; with 1 back again after it, 2 is still due after call 7 and not before."""
        twice = back_with_result(1, call=5, returned="09:30", after=6, return_call=True)
        other = back_with_result(2, call=2, returned="09:00", after=4)
        others = [called(3, call=6), walk_in(4, 1, "08:00"), walk_in(5, 1, "08:01"), walk_in(6, 1, "08:02")]
        assert numbers([twice, other, *others]) == [4, 2, 5, 6, 1]

    def test_somebody_else_called_out_of_turn_counts_as_one_of_the_two(self):
        seen = [called(7, call=2), called(8, 3, call=3, state=State.SERVING)]
        morning = [walk_in(4, 0, "07:14"), back_with_result(1, call=1, returned="08:10", after=1)]
        assert numbers([*seen, *morning]) == [1, 4]

    def test_how_many_others_is_a_setting(self):
        morning = [
            walk_in(2, 0, "07:12"),
            walk_in(3, 0, "07:13"),
            back_with_result(1, call=1, returned="08:30", after=1),
        ]
        assert numbers(morning, replace(POLICY, return_every=1)) == [2, 1, 3]
        assert numbers(morning, replace(POLICY, return_every=0)) == [1, 2, 3]

    def test_a_return_visit_need_not_wait_when_nobody_else_does(self):
        """R4.3; after 2 there is nobody left but return visits."""
        back = [back_with_result(n, call=1, returned=f"08:3{n}", after=1) for n in (1, 3)]
        assert numbers([*back, walk_in(2, 0, "07:12")]) == [2, 1, 3]

    def test_the_end_of_the_last_slot_counts_as_others(self):
        late = [booked(n, 0, f"09:3{n}", late=True, passed=True) for n in (2, 3, 4)]
        assert numbers([*late, back_with_result(1, call=1, returned="09:00", after=1)]) == [2, 3, 1, 4]

    def test_of_those_not_due_the_turned_up_go_before_the_return_visits(self):
        """R4.3 with the precedence of R4.8b: only people are left who are not due."""
        back = called(1, call=1, state=State.WAITING, misses=1, turned_up="09:40", behind=9)
        assert numbers([back, back_with_result(2, call=2, returned="09:00", after=2)]) == [1, 2]

    def test_a_return_visit_who_missed_that_call_is_back_like_anybody(self):
        """R4.8 names the latest thing that happened: called after the return, not there, and back."""
        missed = booked(1, 0, "07:00", called_no=5, returned="08:30", returned_after=3, return_call=True)
        missed = replace(missed, misses=1, turned_up=missed.returned)
        assert place(missed, POLICY) is Place.BACK
        assert numbers([missed, walk_in(2, 0, "07:30")]) == [1, 2]

    def test_a_miss_before_the_first_visit_does_not_follow_into_the_return_visit(self):
        back = back_with_result(1, call=3, returned="09:00", after=4, misses=1, turned_up="08:10")
        assert place(back, POLICY) is Place.RETURN_VISIT

    def test_misses_before_and_after_the_return_add_up(self):
        """R4.8 counts a patient's missed calls, not those of one visit."""
        back = back_with_result(1, call=6, returned="09:00", after=4, misses=2, turned_up="09:40", return_call=True)
        assert place(back, POLICY) is Place.MISSED_TWICE

    def test_a_late_and_passed_patient_is_a_return_visit_after_having_been_seen(self):
        back = booked(1, 0, "09:30", late=True, passed=True, called_no=4, returned="10:00", returned_after=5)
        assert place(back, POLICY) is Place.RETURN_VISIT


def test_calls_made_are_counted_over_all_tickets_in_whatever_state():
    """R4.11: the highest number given to a call; nobody called is 0."""
    assert calls_made([called(1, call=2), called(2, call=3, state=State.LEFT), walk_in(3, 0, "08:00")]) == 3
    assert calls_made([]) == 0
