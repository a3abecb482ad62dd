"""Properties of the order over random mornings (R4.11), and of the reasons for getting worse (R4.12)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from queueboard.rules import (
    TAIL,
    Place,
    Priority,
    Reason,
    State,
    behind_after_miss,
    calls_made,
    order,
    overtakers,
    place,
)
from tests.queue.order_mornings import Morning, events, lived, policies

mornings = st.builds(lived, policies, events)

thorough = settings(max_examples=60, deadline=None)
IN_SLOTS = {Place.PRIORITY, Place.WALK_IN, Place.EARLY, Place.LATE, Place.SLOT}


def words(line, policy):
    return [place(ticket, policy) for ticket in line]


@thorough
@given(mornings)
def test_nobody_is_lost_and_nobody_comes_twice(morning):
    present = sorted(ticket.number for ticket in morning.all() if ticket.state is State.WAITING)
    assert sorted(ticket.number for ticket in morning.line()) == present


@thorough
@given(mornings, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_the_input(morning, random):
    shuffled = morning.all()
    random.shuffle(shuffled)
    assert order(shuffled, morning.policy) == morning.line()


@thorough
@given(mornings)
def test_calling_the_first_leaves_the_others_exactly_as_they_stood(morning):
    """Down to the last patient: what a phone shows is what happens if nothing else does."""
    shown = [ticket.number for ticket in morning.line()]
    while shown:
        assert morning.next(0)
        shown = shown[1:]
        assert [ticket.number for ticket in morning.line()] == shown


@thorough
@given(mornings)
def test_emergencies_are_first_by_arrival(morning):
    line = morning.line()
    emergencies = [ticket for ticket in line if ticket.priority is Priority.EMERGENCY]
    assert line[: len(emergencies)] == sorted(emergencies, key=lambda ticket: (ticket.arrived, ticket.number))


@thorough
@given(mornings)
def test_those_in_the_slots_keep_the_order_of_the_slots_whoever_comes_between(morning):
    """R4.2 and R4.8b among the slots' own, written down once more and in another way."""
    policy = morning.policy
    in_slots = [ticket for ticket in morning.line() if place(ticket, policy) in IN_SLOTS]

    def rank(ticket):
        counts_from = max(ticket.arrived, ticket.slot_start - policy.early) if ticket.booked else ticket.arrived
        kind = (ticket.priority is not Priority.PRIORITY, policy.booked_first and not ticket.booked)
        return ticket.slot, kind, counts_from, ticket.arrived, ticket.number

    assert in_slots == sorted(in_slots, key=rank)


@thorough
@given(mornings)
def test_the_end_of_the_last_slot_is_behind_all_who_keep_time(morning):
    found = [word for word in words(morning.line(), morning.policy) if word in IN_SLOTS | TAIL]
    assert found == sorted(found, key=lambda word: word in TAIL)


@thorough
@given(mornings)
def test_booked_patients_who_turned_up_wait_for_nobody_who_did_not_turn_up_before(morning):
    """R4.6, R4.8: only emergencies and who turned up earlier are ahead."""
    policy = morning.policy
    line = morning.line()
    for at, ticket in enumerate(line):
        if ticket.booked and place(ticket, policy) in {Place.ON_TIME_PASSED, Place.BACK}:
            assert set(words(line[:at], policy)) <= {Place.EMERGENCY, Place.ON_TIME_PASSED, Place.BACK}


@thorough
@given(mornings)
def test_a_walk_in_who_is_back_comes_after_the_stored_call_and_not_later_than_that_needs(morning):
    """R4.8: not sooner, unless nobody else is left; once due, nobody but emergencies and other turned-up go first."""
    policy, line = morning.policy, morning.line()
    calls = calls_made(morning.all())
    for at, ticket in enumerate(line):
        if place(ticket, policy) is Place.BACK and not ticket.booked:
            if calls + at < ticket.behind:
                assert not set(words(line[at:], policy)) & (IN_SLOTS | TAIL)
            since_due = line[max(ticket.behind - calls, 0) : at]
            assert set(words(since_due, policy)) <= {Place.EMERGENCY, Place.ON_TIME_PASSED, Place.BACK}


@thorough
@given(mornings)
def test_return_visits_come_one_after_every_so_many_others_while_there_are_others(morning):
    """R4.9, from the interval since the last return visit called and since the first of those waiting came back."""
    policy, line = morning.policy, morning.line()
    calls = calls_made(morning.all())
    last = max((ticket.called_no for ticket in morning.all() if ticket.return_call), default=0)
    for at, ticket in enumerate(line):
        others_follow = set(words(line[at:], policy)) & (IN_SLOTS | TAIL)
        others_called = calls + at - max(last, ticket.returned_after)
        if place(ticket, policy) is Place.RETURN_VISIT and others_follow:
            assert others_called >= policy.return_every
        if ticket.returned is not None:
            last = calls + at + 1


@thorough
@given(mornings)
def test_a_walk_in_is_never_put_behind_more_than_the_setting(morning):
    """R4.8."""
    calls = calls_made(morning.all())
    assert calls <= behind_after_miss(morning.all(), morning.policy) <= calls + morning.policy.missed_behind


# What may be said of each event to those worse off by it. An event that is not named makes nobody worse off. Whoever
# comes in front may be one of the calls that another waits for, so COUNTED goes with all of them.
COUNTED = {Reason.BACK, Reason.RETURN_VISIT}
OWN = {Reason.OWN_MISS, Reason.OWN_RETURN}
ARRIVAL = {Reason.EARLIER_SLOT, Reason.KEEPS_TIME, *COUNTED, *OWN}
REASONS = {
    "check_in": {Reason.BOOKED_FIRST, Reason.ON_TIME_PASSED, *ARRIVAL},
    "register": {Reason.EARLY_CHECK_IN, *ARRIVAL},
    "handed_in": {
        *(Reason.BOOKED_FIRST, Reason.ON_TIME_PASSED, Reason.EARLY_CHECK_IN, Reason.HANDED_OVER_IN),
        *ARRIVAL,
    },
    "put_back": {Reason.EMERGENCY, Reason.KEEPS_TIME, *COUNTED, *OWN},
    "return_visit": {Reason.EMERGENCY, *COUNTED, *OWN},
    "leave": {Reason.RETURN_VISIT},  # of an emergency back with a result, whose call the next return visit was to await
    "call_chosen": {*COUNTED, *OWN},
    "emergency": {Reason.EMERGENCY, *COUNTED, *OWN},
    "priority": {Reason.PRIORITY, Reason.OWN_PRIORITY, *COUNTED, *OWN},
    "no_priority": {Reason.OWN_PRIORITY, Reason.EARLIER_SLOT, *COUNTED, *OWN},
}


@thorough
@given(policies, events)
def test_every_worse_position_has_a_reason_that_fits_what_happened(policy, happenings):
    """R4.12."""
    morning = Morning(policy)
    for event in happenings:
        before = morning.all()
        stood = {ticket.number: at for at, ticket in enumerate(morning.line())}
        if not morning.happen(*event):
            continue
        stands = {ticket.number: at for at, ticket in enumerate(morning.line())}
        worse = overtakers(before, morning.all(), policy)
        lost = {number: stands[number] - stood[number] for number in stood.keys() & stands.keys()}
        assert {number: by for number, by in lost.items() if by > 0} == {n: found.by for n, found in worse.items()}
        for number, found in worse.items():
            assert found.reasons, f"{number} is worse off without a word"
            assert len(set(found.reasons)) == len(found.reasons)
            if event[0] != "undo":
                assert set(found.reasons) <= REASONS.get(event[0], set()), event[0]
            assert Reason.SLOT not in found.reasons
