"""R4.12: whenever a position gets worse there is a reason, and it tells the rule and nothing about the other."""

from dataclasses import replace

import pytest

from queueboard.rules import Priority, Reason, State, Worse, overtakers
from tests.queue.order_cases import BOOKED_FIRST, POLICY, at, booked, called, walk_in


def worse(before, *changed, policy=POLICY):
    """What `overtakers` says when the tickets `changed` replace those of the same number, or are new."""
    after = {ticket.number: ticket for ticket in [*before, *changed]}
    return overtakers(before, after.values(), policy)


def test_nothing_happened_and_nobody_is_worse_off():
    morning = [walk_in(1, 0, "08:00"), walk_in(2, 0, "08:01")]
    assert overtakers(morning, reversed(morning), POLICY) == {}


def test_calling_the_first_makes_nobody_worse_off():
    first = walk_in(1, 0, "08:00")
    assert worse([first, walk_in(2, 0, "08:01")], replace(first, state=State.CALLED, called_no=1)) == {}


def test_who_checks_in_last_in_the_last_slot_makes_nobody_worse_off():
    assert worse([walk_in(1, 0, "08:00"), booked(2, 3, "10:40")], walk_in(3, 3, "10:50")) == {}


@pytest.mark.parametrize("priority", [Priority.EMERGENCY, Priority.PRIORITY])
def test_an_emergency_and_a_priority_are_told_in_the_same_word(priority):
    """The phone gets "a patient seen first on medical or legal grounds", no more: not even which of the two."""
    third = walk_in(3, 0, "08:02")
    before = [walk_in(1, 0, "08:00"), walk_in(2, 0, "08:01"), third]
    expected = Worse(1, (Reason.PRIORITY,))
    assert worse(before, replace(third, priority=priority)) == {1: expected, 2: expected}
    assert Reason.EMERGENCY.value == Reason.PRIORITY.value


def test_a_new_priority_among_priority_patients_is_told_as_such():
    """3 came before 4, and is ahead of 4 only since the priority was set."""
    third = walk_in(3, 0, "08:02")
    before = [third, walk_in(4, 0, "08:03", priority=Priority.PRIORITY)]
    assert worse(before, replace(third, priority=Priority.PRIORITY)) == {4: Worse(1, (Reason.PRIORITY,))}


def test_a_priority_tells_a_patient_of_a_later_slot_about_the_slot_only():
    assert worse([booked(1, 1, "08:40")], walk_in(2, 0, "08:41", priority=Priority.PRIORITY)) == {
        1: Worse(1, (Reason.EARLIER_SLOT,))
    }


def test_who_was_on_time_and_passed():
    assert worse([walk_in(1, 0, "08:40")], booked(2, 0, "08:50", passed=True)) == {
        1: Worse(1, (Reason.ON_TIME_PASSED,))
    }


def test_who_was_called_earlier_and_came_back():
    missed = booked(1, 0, "07:50", called_no=1, misses=1, state=State.MISSED)
    back = replace(missed, state=State.WAITING, turned_up=at("08:30"))
    assert worse([missed, walk_in(2, 0, "08:00")], back) == {2: Worse(1, (Reason.BACK,))}


def test_a_walk_in_who_came_back_is_a_reason_only_for_those_behind():
    missed = called(1, call=1, misses=1, state=State.MISSED)
    back = replace(missed, state=State.WAITING, turned_up=at("08:30"), behind=2)
    waiting = [walk_in(2, 0, "08:00"), walk_in(3, 0, "08:01")]
    assert worse([missed, *waiting], back) == {3: Worse(1, (Reason.BACK,))}


def test_a_return_visit():
    away = called(1, call=1, state=State.AWAY)
    back = replace(away, state=State.WAITING, returned=at("08:30"), returned_after=1)
    waiting = [walk_in(n, 0, f"08:0{n}") for n in (2, 3, 4)]
    assert worse([away, *waiting], back) == {4: Worse(1, (Reason.RETURN_VISIT,))}


def test_an_earlier_slot():
    assert worse([walk_in(1, 1, "08:00")], booked(2, 0, "08:30")) == {1: Worse(1, (Reason.EARLIER_SLOT,))}


def test_booked_first_where_that_is_the_setting():
    before, new = [walk_in(1, 1, "08:40")], booked(2, 1, "08:50")
    assert worse(before, new, policy=BOOKED_FIRST) == {1: Worse(1, (Reason.BOOKED_FIRST,))}
    assert worse(before, new) == {}


def test_a_check_in_that_was_early_counts_from_later():
    assert worse([booked(1, 1, "07:30")], walk_in(2, 1, "08:00")) == {1: Worse(1, (Reason.EARLY_CHECK_IN,))}


def test_a_patient_handed_over_who_has_waited_longer():
    assert worse([walk_in(1, 1, "08:40")], walk_in(2, 1, "08:20")) == {1: Worse(1, (Reason.HANDED_OVER_IN,))}


@pytest.mark.parametrize("state", [State.CALLED, State.SERVING])
def test_a_call_that_was_undone(state):
    first = walk_in(1, 0, "08:00", state=state, called_no=1)
    undone = replace(first, state=State.WAITING, called_no=0)
    assert worse([first, walk_in(2, 0, "08:01")], undone) == {2: Worse(1, (Reason.UNDONE,))}


@pytest.mark.parametrize("state", [State.LEFT, State.HANDED_OVER, State.NOT_SEEN])
def test_another_step_that_was_undone(state):
    gone = walk_in(1, 0, "08:00", state=state)
    assert worse([gone, walk_in(2, 0, "08:01")], replace(gone, state=State.WAITING)) == {2: Worse(1, (Reason.UNDONE,))}


def test_a_call_out_of_turn_that_was_undone_is_told_to_whom_it_had_brought_closer():
    """The call of 9, of the last slot, was the second that the return visit 1 awaited; taken back, 2 is ahead again."""
    back = called(1, call=1, state=State.WAITING, returned="08:30", returned_after=1)
    chosen = walk_in(9, 3, "08:00", state=State.CALLED, called_no=3)
    before = [back, called(8, call=2), chosen, walk_in(2, 0, "08:00"), walk_in(3, 0, "08:01")]
    undone = replace(chosen, state=State.WAITING, called_no=0)
    assert worse(before, undone) == {1: Worse(1, (Reason.UNDONE,))}


def test_the_undone_call_of_an_emergency_is_told_as_undone():
    first = walk_in(1, 0, "08:00", state=State.CALLED, called_no=1, priority=Priority.EMERGENCY)
    undone = replace(first, state=State.WAITING, called_no=0)
    assert worse([first, walk_in(2, 0, "08:01")], undone)[2].reasons == (Reason.UNDONE,)


def test_the_own_priority_was_taken_back():
    own = walk_in(3, 0, "08:02", priority=Priority.PRIORITY)
    before = [walk_in(1, 0, "08:00"), walk_in(2, 0, "08:01"), own]
    assert worse(before, replace(own, priority=Priority.NONE)) == {3: Worse(2, (Reason.OWN_PRIORITY,))}


def test_at_the_end_of_the_last_slot_whoever_keeps_time_goes_first():
    late = booked(1, 0, "09:30", late=True, passed=True)
    twice = walk_in(2, 0, "07:30", misses=2, called_no=3, turned_up="09:40")
    expected = Worse(1, (Reason.KEEPS_TIME,))
    assert worse([late, twice], booked(3, 3, "10:50")) == {1: expected, 2: expected}


def test_a_walk_in_back_alone_gives_way_to_who_comes_before_the_three_calls_are_over():
    back = called(1, call=1, state=State.WAITING, misses=1, turned_up="08:30", behind=3)
    assert worse([back], walk_in(2, 1, "08:40")) == {1: Worse(1, (Reason.OWN_MISS,))}


def test_a_return_visit_alone_gives_way_to_who_comes_before_its_interval_is_over():
    back = called(1, call=1, state=State.WAITING, returned="08:30", returned_after=1)
    assert worse([back], walk_in(2, 1, "08:40")) == {1: Worse(1, (Reason.OWN_RETURN,))}


def test_a_return_visit_waits_for_its_interval_again_when_another_was_called_out_of_turn():
    """Two others go before it once more."""
    back = called(1, call=1, state=State.WAITING, returned="08:30", returned_after=1)
    chosen = called(2, call=2, state=State.WAITING, returned="08:40", returned_after=3)
    before = [back, chosen, called(3, call=3), walk_in(4, 0, "08:00"), walk_in(5, 0, "08:01")]
    now_called = replace(chosen, state=State.CALLED, called_no=4, return_call=True)
    assert worse(before, now_called) == {1: Worse(2, (Reason.OWN_RETURN,))}


def test_whom_an_event_brings_closer_is_a_reason_too():
    """The emergency 6 is one of the two calls that the return visit 1 waits for; 3 is now behind both."""
    back = called(1, call=1, state=State.WAITING, returned="08:30", returned_after=1)
    before = [back, *(walk_in(n, 0, f"08:0{n}") for n in (2, 3, 4))]
    result = worse(before, walk_in(6, 0, "08:31", priority=Priority.EMERGENCY))
    assert result == {
        2: Worse(1, (Reason.PRIORITY,)),
        3: Worse(2, (Reason.PRIORITY, Reason.RETURN_VISIT)),
        4: Worse(1, (Reason.PRIORITY,)),
    }


def test_a_reason_that_holds_for_several_is_told_once():
    before = [walk_in(1, 1, "08:40")]
    assert worse(before, walk_in(2, 0, "08:45"), walk_in(3, 0, "08:46")) == {1: Worse(2, (Reason.EARLIER_SLOT,))}


def test_who_did_not_wait_before_is_not_worse_off():
    """1 reports back and stands behind 2: that is a first place, no worse one."""
    missed = walk_in(1, 0, "07:30", misses=2, called_no=2, state=State.MISSED)
    assert worse([missed, walk_in(2, 0, "08:00")], replace(missed, state=State.WAITING, turned_up=at("08:40"))) == {}
