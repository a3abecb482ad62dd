"""R4.2, R4.3, R4.5 and R4.11: the slots in order, first come first served within one, and nobody idle."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, timedelta

import pytest

from queueboard.rules import Place, Policy, Priority, State, first_callable, order, place
from tests.queue.order_cases import BOOKED_FIRST, POLICY, at, booked, called, numbers, walk_in


class TestFirstComeFirstServed:
    """R4.2."""

    def test_an_earlier_slot_goes_first_whoever_came_first(self):
        assert numbers([walk_in(1, 2, "07:00"), booked(2, 1, "08:50"), walk_in(3, 0, "08:20")]) == [3, 2, 1]

    def test_within_a_slot_the_check_in_counts_whether_booked_or_not(self):
        morning = [walk_in(1, 1, "09:10"), booked(2, 1, "08:55"), walk_in(3, 1, "08:40"), booked(4, 1, "09:20")]
        assert numbers(morning) == [3, 2, 1, 4]

    def test_the_ticket_number_breaks_a_tie(self):
        assert numbers([booked(12, 1, "09:00"), walk_in(11, 1, "09:00"), booked(10, 1, "09:00")]) == [10, 11, 12]

    def test_booked_first_puts_booked_before_walk_ins_within_a_slot_only(self):
        morning = [walk_in(1, 0, "08:10"), walk_in(2, 1, "08:40"), booked(3, 1, "09:20"), booked(4, 1, "09:05")]
        assert numbers(morning, BOOKED_FIRST) == [1, 4, 3, 2]
        assert numbers(morning, POLICY) == [1, 2, 4, 3]

    def test_a_check_in_far_ahead_of_the_slot_counts_as_half_an_hour_before_it(self):
        """Booked for 09:00 and there since 07:00: behind a walk-in who registers at 08:29, ahead of one at 08:31."""
        morning = [booked(1, 1, "07:00"), walk_in(2, 1, "08:29"), walk_in(3, 1, "08:31")]
        assert numbers(morning) == [2, 1, 3]
        assert [place(ticket, POLICY) for ticket in morning] == [Place.EARLY, Place.WALK_IN, Place.WALK_IN]

    def test_of_those_who_came_too_early_the_earlier_goes_first(self):
        assert numbers([booked(1, 1, "08:15"), booked(2, 1, "07:30"), booked(3, 1, "08:30")]) == [2, 1, 3]

    def test_exactly_half_an_hour_before_the_slot_is_not_early(self):
        assert place(booked(1, 1, "08:30"), POLICY) is Place.SLOT

    def test_how_early_is_too_early_is_a_setting(self):
        morning = [booked(1, 1, "08:10"), walk_in(2, 1, "08:20")]
        assert numbers(morning, POLICY) == [2, 1]
        assert numbers(morning, replace(POLICY, early=timedelta(hours=1))) == [1, 2]

    def test_a_walk_in_is_never_too_early(self):
        """They take what is left at the counter: their registration counts as it is."""
        assert numbers([booked(1, 3, "10:00"), walk_in(2, 3, "07:01"), walk_in(3, 3, "07:00")]) == [3, 2, 1]

    def test_moments_are_compared_in_any_time_zone(self):
        utc = walk_in(1, 1, "09:10")
        assert numbers([replace(utc, arrived=utc.arrived.astimezone(UTC)), walk_in(2, 1, "09:00")]) == [2, 1]


class TestNobodyIdle:
    """R4.3 and R4.5."""

    def test_the_next_slots_first_patient_follows_when_a_slot_has_nobody_left(self):
        assert numbers([booked(1, 2, "08:10"), called(2, 0, call=1)]) == [1]

    def test_a_booked_patient_who_is_not_here_has_no_place_and_the_next_present_is_seen(self):
        """R4.5: without a check-in there is no ticket; 2 is first although 09:00 was booked before."""
        assert numbers([called(1, call=1, state=State.SERVING), walk_in(2, 1, "08:30")]) == [2]

    def test_the_late_are_called_when_nobody_else_is_there(self):
        assert numbers([booked(1, 0, "09:30", late=True, passed=True)]) == [1]

    def test_without_a_limit_the_first_is_called_however_early(self):
        line = order([booked(1, 3, "07:30")], POLICY)
        assert first_callable(line, at("07:31"), None) == line[0]

    def test_with_a_limit_nobody_is_called_longer_before_the_slot(self):
        line = order([booked(1, 1, "07:30"), booked(2, 2, "07:10")], POLICY)
        assert first_callable(line, at("08:39"), timedelta(minutes=20)) is None
        assert first_callable(line, at("08:40"), timedelta(minutes=20)) == line[0]

    def test_with_a_limit_someone_further_down_may_be_the_first_to_call(self):
        """Back after a missed call of the 11:00 slot: first in order, and not yet to be called; 2 is."""
        line = order([booked(1, 3, "07:30", misses=1, turned_up="08:05"), walk_in(2, 0, "08:00")], POLICY)
        assert [ticket.number for ticket in line] == [1, 2]
        assert first_callable(line, at("08:10"), timedelta(minutes=20)).number == 2

    def test_a_limit_does_not_hold_up_an_emergency(self):
        line = order([walk_in(1, 3, "08:00", priority=Priority.EMERGENCY)], POLICY)
        assert first_callable(line, at("08:01"), timedelta(minutes=20)) == line[0]

    @pytest.mark.parametrize("limit", [None, timedelta(0)])
    def test_an_empty_queue_has_nobody_to_call(self, limit):
        assert first_callable([], at("08:00"), limit) is None


class TestInput:
    """R4.11: a function of all the session's tickets, and of nothing else."""

    @pytest.mark.parametrize("state", [state for state in State if state is not State.WAITING])
    def test_only_who_waits_is_in_the_order(self, state):
        assert numbers([walk_in(1, 0, "08:00", state=state), walk_in(2, 0, "08:01")]) == [2]

    def test_a_state_may_come_as_its_plain_word(self):
        assert numbers([walk_in(1, 0, "08:00", state="waiting")]) == [1]

    def test_nobody_there_is_an_empty_order(self):
        assert numbers([]) == []

    def test_a_number_that_comes_twice_is_refused(self):
        with pytest.raises(ValueError, match="twice"):
            order([walk_in(1, 0, "08:00"), walk_in(1, 1, "08:01", state=State.DONE)], POLICY)

    @pytest.mark.parametrize("slot", [-1, 4])
    def test_a_slot_that_the_session_does_not_have_is_refused(self, slot):
        with pytest.raises(ValueError, match="0 to 3"):
            order([walk_in(1, slot, "08:00")], POLICY)

    def test_the_input_is_not_changed(self):
        morning = [walk_in(2, 1, "08:00"), walk_in(1, 0, "08:30")]
        order(morning, POLICY)
        assert [ticket.number for ticket in morning] == [2, 1]
        with pytest.raises(FrozenInstanceError):
            morning[0].misses = 1

    def test_the_defaults_are_those_of_the_rules(self):
        assert Policy(last_slot=3) == Policy(
            booked_first=False, early=timedelta(minutes=30), missed_behind=3, return_every=2, last_slot=3
        )
