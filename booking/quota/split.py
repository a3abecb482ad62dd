"""R2.4: the split of a session's numbers between booked and walk-in patients, slot by slot."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import QuotaError, amount, one_per_slot, snap, whole


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """One slot's numbers and how they came about (R2.4), so that "why 3 bookable at 9-10?" has an answer (R2.5)."""

    capacity: int  # c(i)
    walk_ins: float  # w(i), expected to arrive in the slot
    carry_in: float  # walk-ins left over from before; of the first slot a(0)
    demand: float  # d(i) = walk_ins + carry_in
    bookable: int
    walk_in: int
    carry_out: float  # walk-ins without a number here; of the last slot those without any number
    booked: int
    locked: bool

    @property
    def numbers(self) -> int:
        """All numbers of the slot."""
        return self.bookable + self.walk_in

    @property
    def overtime(self) -> int:
        """Numbers beyond the slot's own capacity. In the last slot, times its mean visit length, the minutes of
        overtime; elsewhere (only by bookings or a lock) they push the following slots back."""
        return max(0, self.numbers - self.capacity)


def plan(
    capacity: Iterable[int],
    walk_ins: Iterable[float],
    before_start: float,
    total: int,
    *,
    booked: Iterable[int] | None = None,
    locked: Iterable[tuple[int, int] | None] | None = None,
) -> list[SlotPlan]:
    """Split a session's numbers between booking and walk-ins, slot by slot, with every step of the carry (R2.4).

    One entry per slot: `capacity` c (whole), `walk_ins` w (expectations), `booked` (default none), `locked` None or the
    `(bookable, walk_in)` that a manager fixed. `before_start`: walk-ins expected before the start, a(0). `total`: the
    session's numbers, N. The numbers of all rows sum to N.

    Locked slots keep their split, and booked numbers stay bookable: both are taken from N first. Then each slot in turn
    takes up to its capacity until N is used up, and the last slot all other numbers; where the last is locked, the last
    one that is not. Walk-ins beyond what a slot keeps for them are carried on, also those crowded out by bookings.
    Expectations are rounded to 1e-9 before a number is cut from them.

    Raises QuotaError: `no_slots`, `lengths_differ`, `bad_numbers` (negative, not finite, over 1e12, part of a number),
    `too_few_numbers` (N is less than what is booked and locked), `all_locked` (nowhere to put the rest of N),
    `locked_under_booked`.
    """
    caps = [whole(number, "a capacity", "bad_numbers") for number in capacity]
    arriving = [amount(number, "expected walk-ins", "bad_numbers") for number in walk_ins]
    taken = [0] * len(caps) if booked is None else [whole(number, "booked", "bad_numbers") for number in booked]
    locks = [_lock(pair) for pair in ([None] * len(caps) if locked is None else locked)]
    one_per_slot(len(caps), walk_ins=arriving, booked=taken, locked=locks)
    numbers = _numbers(caps, whole(total, "the session's numbers", "bad_numbers"), taken, locks)

    rows = []
    carry = snap(amount(before_start, "walk-ins expected before the start", "bad_numbers"))
    for cap, count, expected, held, lock in zip(caps, numbers, arriving, taken, locks, strict=True):
        demand = snap(expected + carry)
        # For a whole c, c - floor(c - d) is ceil(d): the two cases of R2.4 and its last slot are this one line.
        walk_in = lock[1] if lock else min(count - held, math.ceil(demand))
        left = snap(max(0.0, demand - walk_in))
        rows.append(
            SlotPlan(
                capacity=cap,
                walk_ins=expected,
                carry_in=carry,
                demand=demand,
                bookable=count - walk_in,
                walk_in=walk_in,
                carry_out=left,
                booked=held,
                locked=lock is not None,
            )
        )
        carry = left
    return rows


def allocate(
    capacity: Iterable[int],
    walk_ins: Iterable[float],
    before_start: float,
    total: int,
    *,
    booked: Iterable[int] | None = None,
    locked: Iterable[tuple[int, int] | None] | None = None,
) -> list[tuple[int, int]]:
    """The split alone: `(bookable, walk_in)` per slot (R2.4). Arguments and errors are those of `plan`.

    The study's example: capacity 2, 12, 10 (the last slot's does not matter), 9 before the start, then 6, 4, 2, 0, and
    42 numbers give bookable 0, 0, 3, 18 and walk-in 2, 12, 7, 0.
    """
    rows = plan(capacity, walk_ins, before_start, total, booked=booked, locked=locked)
    return [(row.bookable, row.walk_in) for row in rows]


def _lock(pair: tuple[int, int] | None) -> tuple[int, int] | None:
    if pair is None:
        return None
    try:
        bookable, walk_in = pair
    except (TypeError, ValueError) as error:
        raise QuotaError(f"a lock is a pair of bookable and walk-in numbers, not {pair!r}", "bad_numbers") from error
    return whole(bookable, "locked bookable", "bad_numbers"), whole(walk_in, "locked walk-in", "bad_numbers")


def _numbers(caps: list[int], total: int, booked: list[int], locks: list[tuple[int, int] | None]) -> list[int]:
    """How many numbers each slot gets; they sum to `total`."""
    for lock, held in zip(locks, booked, strict=True):
        if lock and lock[0] < held:
            raise QuotaError(f"a slot is locked at {lock[0]} bookable, with {held} booked", "locked_under_booked")
    numbers = [sum(lock) if lock else held for lock, held in zip(locks, booked, strict=True)]
    free = total - sum(numbers)
    if free < 0:
        raise QuotaError(f"{total} numbers cannot hold the {sum(numbers)} booked or locked", "too_few_numbers")
    open_slots = [slot for slot, lock in enumerate(locks) if lock is None]
    if free and not open_slots:
        raise QuotaError(f"every slot is locked, and {free} of {total} numbers are in none", "all_locked")
    for slot in open_slots[:-1]:
        more = min(free, max(0, caps[slot] - numbers[slot]))
        numbers[slot] += more
        free -= more
    if open_slots:
        numbers[open_slots[-1]] += free
    return numbers
