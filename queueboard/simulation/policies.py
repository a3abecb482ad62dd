"""Ways to split a morning's numbers and to order its queue: plain functions of the scenario (R2.4, R4.2, R7)."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

from booking import quota
from queueboard.simulation.scenario import Plan, Scenario, Span

Policy = Callable[[Scenario], Plan]


def today(scenario: Scenario) -> Plan:
    """Before the study: bookings crowd the first slots, as many as are wanted; walk-ins get what is left."""
    numbers = slot_numbers(scenario)
    left, bookable = min(scenario.bookings, scenario.numbers), []
    for number in numbers:
        bookable.append(min(number, left))
        left -= bookable[-1]
    return split(scenario, bookable, booked_first=True)


def study(scenario: Scenario) -> Plan:
    """The study's split (R2.4), booked before walk-ins within a slot as in its simulation (R7.1)."""
    return split(scenario, [bookable for bookable, _ in allocated(scenario)], booked_first=True)


def ours(scenario: Scenario) -> Plan:
    """The same split, first come, first served within a slot (R4.2)."""
    return split(scenario, [bookable for bookable, _ in allocated(scenario)])


def all_booked(scenario: Scenario) -> Plan:
    """Every number can be booked."""
    return split(scenario, slot_numbers(scenario))


def none_booked(scenario: Scenario) -> Plan:
    """No number can be booked: everybody queues at the window."""
    return split(scenario, [0] * len(scenario.slots))


def fixed_time(scenario: Scenario) -> Plan:
    """The time is fixed when booking (R7.2): each booked patient of the study's split has an own time within the slot,
    before which and after which others are seen; walk-ins have the times between."""
    slots: list[Span] = []
    bookable: list[int] = []
    for (start, end), (booked, walk_in) in zip(scenario.slots, allocated(scenario), strict=True):
        numbers = booked + walk_in
        slots += pairwise(start + (end - start) * i // numbers for i in range(numbers + 1) if numbers)
        # Booked times are spread evenly among the others.
        bookable += [booked * (i + 1) // numbers - booked * i // numbers for i in range(numbers)]
    if not slots:
        return split(scenario, [0] * len(scenario.slots), booked_first=True)
    return plan(slots, bookable, [1 - each for each in bookable], booked_first=True)


def at_check_in(scenario: Scenario) -> Plan:
    """The place is fixed at check-in by arrival alone (R7.2): one queue for all, whatever was booked."""
    by_slot = allocated(scenario)
    appointed = [start for (start, _), (booked, _) in zip(scenario.slots, by_slot, strict=True) for _ in range(booked)]
    whole = (0, scenario.ends)
    walk_in = sum(walk_in for _, walk_in in by_slot)
    return Plan(slots=(whole,), bookable=(len(appointed),), walk_in=(walk_in,), appointed=tuple(appointed), early=10**6)


POLICIES: dict[str, Policy] = {
    policy.__name__: policy for policy in (today, study, ours, all_booked, none_booked, fixed_time, at_check_in)
}


def slot_numbers(scenario: Scenario) -> list[int]:
    """How many numbers each slot has: its capacity, the last all others; later slots give way first (R2.4)."""
    given = [min(total, scenario.numbers) for total in accumulate(scenario.capacities[:-1])]
    edges = [0, *given, scenario.numbers]
    return [after - before for before, after in pairwise(edges)]


def allocated(scenario: Scenario) -> list[tuple[int, int]]:
    """`(bookable, walk_in)` of each slot by R2.4."""
    before_start, *walk_ins = scenario.walk_ins
    return quota.allocate(scenario.capacities, walk_ins, before_start, scenario.numbers)


def split(scenario: Scenario, bookable: Sequence[int], *, booked_first: bool = False) -> Plan:
    """So many of each slot's numbers can be booked, the others are for walk-ins.

    Raises ValueError where a slot has fewer numbers than that.
    """
    walk_in = [number - booked for number, booked in zip(slot_numbers(scenario), bookable, strict=True)]
    return plan(scenario.slots, bookable, walk_in, booked_first=booked_first)


def plan(slots: Sequence[Span], bookable: Sequence[int], walk_in: Sequence[int], *, booked_first: bool = False) -> Plan:
    """These numbers of each slot; whoever books is told to come at the slot's start.

    Raises ValueError for a number under 0.
    """
    if min(*bookable, *walk_in) < 0:
        raise ValueError("a slot cannot give out fewer numbers than none")
    appointed = tuple(start for (start, _), booked in zip(slots, bookable, strict=True) for _ in range(booked))
    return Plan(
        slots=tuple(slots), bookable=tuple(bookable), walk_in=tuple(walk_in), appointed=appointed,
        booked_first=booked_first,
    )  # fmt: skip
