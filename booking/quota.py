"""R2: how many of a slot's numbers can be booked, and how many are kept for walk-ins.

Three steps, each a pure function of values (no database, no clock, no settings):
`sampled_rate` estimates how fast walk-ins arrive (R2.1), `capacity` how many visits fit in a slot (R2.3),
`plan` splits each slot's numbers between the two and says why (R2.4); `allocate` is the bare split.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]

# Nothing in a morning is larger; sums and quotients of what is below it stay finite.
_LARGEST = 1e12


class QuotaError(ValueError):
    """Input from which no quota can be computed. `code` is for programs, the message for logs.

    Codes: `no_history`, `bad_history`, `bad_interval`, `bad_setting`, `bad_visits`, `bad_numbers`, `lengths_differ`,
    `no_slots`, `too_few_numbers`, `all_locked`, `locked_under_booked`.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


# --- Checks shared by the three steps


def _snap(value: float) -> float:
    """Drop the dust of binary fractions, so that 0.1 + 0.2 walk-ins count as 0.3 and 7.0000000001 needs 7 numbers."""
    return round(value, 9)


def _whole(value: Any, what: str, code: str) -> int:
    try:
        whole = int(value)
        exact = whole == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or not 0 <= whole <= _LARGEST:
        raise QuotaError(f"{what} must be a whole number from 0 to {_LARGEST:.0e}, not {value!r}", code)
    return whole


def _amount(value: Any, what: str, code: str) -> float:
    try:
        amount = float(value)
    except (TypeError, ValueError, OverflowError):
        amount = math.nan
    if not 0 <= amount <= _LARGEST:
        raise QuotaError(f"{what} must be a number from 0 to {_LARGEST:.0e}, not {value!r}", code)
    return amount


def _one_per_slot(slots: int, **columns: Sequence[object]) -> None:
    if slots == 0:
        raise QuotaError("a session has at least one slot", "no_slots")
    for name, column in columns.items():
        if len(column) != slots:
            raise QuotaError(f"{name}: {len(column)} entries for {slots} slots", "lengths_differ")


# --- R2.1: how fast walk-ins arrive


def minute_counts(arrivals: Iterable[Iterable[float]], start: float, minutes: int) -> Counts:
    """Walk-ins by minute of an interval, the form that `sampled_rate` reads.

    `arrivals`: for each past session the walk-ins' arrival instants in minutes from that session's own start (negative
    before it), in any order; a session without any is an empty entry and still counts. `start`: where the interval
    begins, on the same scale (-60 for the hour before the start). `minutes`: its length. An arrival at the interval's
    end belongs to the next one. Returns integers of shape (sessions, minutes).
    Raises QuotaError `bad_interval` for a length under 1, `bad_history` for an instant that is not a finite number.
    """
    length = _whole(minutes, "the minutes of an interval", "bad_interval")
    if length == 0:
        raise QuotaError("an interval is at least one minute long", "bad_interval")
    rows = []
    for session in arrivals:
        offsets = np.asarray(list(session), dtype=float)
        if not np.isfinite(offsets).all():
            raise QuotaError("an arrival instant is not a finite number", "bad_history")
        minute = np.floor(offsets - start)
        inside = minute[(minute >= 0) & (minute < length)].astype(np.int64)
        rows.append(np.bincount(inside, minlength=length))
    return np.array(rows, dtype=np.int64).reshape(-1, length)


def sample_frequencies(minutes: ArrayLike, *, samples: int, clip: int, rng: np.random.Generator) -> Counts:
    """The study's frequency table of one interval (R2.1; its table 1): sampled minutes with 0, 1 .. clip walk-ins.

    `minutes`: integers of shape (past sessions, minutes of the interval), walk-ins in each minute. From each session
    `samples` (study: 50) one-minute windows are drawn, and counts over `clip` (study: 4) count as `clip`; so the last
    entry reads "clip or more". Returns clip + 1 integers; they sum to sessions x samples.

    Windows are drawn with replacement: every draw then sees the same minutes whatever the interval's length, and an
    interval shorter than `samples` minutes needs no rule of its own.
    Raises QuotaError: `no_history` without sessions or minutes, `bad_history` for other than whole counts from 0 up in
    two dimensions, `bad_setting` for `samples` or `clip` under 1.
    """
    if min(_whole(samples, "samples", "bad_setting"), _whole(clip, "clip", "bad_setting")) < 1:
        raise QuotaError("samples and clip must be at least 1", "bad_setting")
    try:
        counts = np.asarray(minutes)
    except ValueError as error:
        raise QuotaError("the past sessions of an interval have the same number of minutes", "bad_history") from error
    if counts.size == 0:
        raise QuotaError("no past session to estimate walk-ins from", "no_history")
    if counts.ndim != 2 or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise QuotaError("walk-ins must be whole counts, 0 or more, by past session and minute", "bad_history")
    sessions, length = counts.shape
    windows = rng.integers(0, length, size=(sessions, int(samples)))
    drawn = np.minimum(np.take_along_axis(counts, windows, axis=1), int(clip))
    return np.bincount(drawn.ravel().astype(np.int64), minlength=int(clip) + 1)


def rate_of_frequencies(frequencies: ArrayLike) -> float:
    """Walk-ins per minute from a frequency table: sum(count x frequency) / number of samples (R2.1).

    `frequencies`: how many samples had 0, 1, 2 .. walk-ins. Raises QuotaError `no_history` for a table without samples,
    `bad_history` for one that is not a row of whole numbers from 0 up.
    """
    table = np.asarray(frequencies)
    if table.size == 0 or not table.any():
        raise QuotaError("a frequency table without samples gives no rate", "no_history")
    if table.ndim != 1 or table.dtype.kind not in "iu" or table.min() < 0:
        raise QuotaError("frequencies must be one row of whole numbers, 0 or more", "bad_history")
    return float(np.arange(table.size) @ table) / float(table.sum())


def sampled_rate(minutes: ArrayLike, *, samples: int, clip: int, rng: np.random.Generator) -> float:
    """The study's estimate of walk-ins per minute in one interval (R2.1).

    Arguments and errors are those of `sample_frequencies`. The same `rng` state gives the same rate. Clipping makes it
    too low where more than `clip` come in one minute: that is the study's estimator, kept as it is.
    """
    return rate_of_frequencies(sample_frequencies(minutes, samples=samples, clip=clip, rng=rng))


# --- R2.3: how many visits fit in a slot


class CapacityReason(StrEnum):
    """Why a slot's capacity is what it is; a code that a page turns into a sentence."""

    VISIT_LENGTH = "visit_length"  # slot length / mean visit length
    LATE_START = "late_start"  # far fewer were seen although patients waited: the mean count seen
    DEFAULT_VISIT = "default_visit"  # no visit is on record: slot length / the default visit length


@dataclass(frozen=True, slots=True)
class SlotCapacity:
    """One slot's line of the capacity report (R2.3; the study's table 2)."""

    slot_minutes: float
    sessions: int  # past sessions looked at
    visits: int  # visits behind the mean length; 0: the default length stands in
    observed: float | None  # mean count of visits per past session; None without past sessions
    visit_minutes: float  # mean visit length, or the default
    expected: float  # slot_minutes / visit_minutes
    chosen: int  # the capacity c(i)
    reason: CapacityReason


def capacity(
    slot_minutes: Iterable[float],
    visits: Iterable[Iterable[float]],
    counts: Iterable[Iterable[float]],
    waited: Iterable[Iterable[bool]],
    *,
    default_visit: float,
    late_share: float = 0.7,
    waited_share: float = 0.5,
) -> list[SlotCapacity]:
    """How many visits fit in each slot, with the reason (R2.3).

    One entry per slot in each argument: `slot_minutes` its length (the last may be shorter); `visits` the minutes of
    every visit that began in it, over all past sessions together; `counts` the visits per past session; `waited`
    whether patients waited in it, per past session, in the order of `counts`. Give past sessions of the same half-day
    only: mornings and afternoons have different visits.

    Capacity is slot length / mean visit length. Where the mean count is under `late_share` of that although patients
    waited in at least `waited_share` of the past sessions, it is the mean count: the expert starts late there. A slot
    without a visit on record (or with visits of no length only) uses `default_visit` minutes.

    The figure is rounded to the nearest whole number, halves up: rounding down would cost a number wherever a mean
    falls just short, and what is rounded up is taken from the last slot, whose numbers are the rest of the session's.
    Raises QuotaError: `no_slots`, `lengths_differ`, `bad_interval` (a slot's length not above 0), `bad_visits`
    (a negative visit or count), `bad_setting`.
    """
    lengths, by_slot = list(slot_minutes), [list(slot) for slot in visits]
    seen, waits = [list(slot) for slot in counts], [list(slot) for slot in waited]
    _one_per_slot(len(lengths), visits=by_slot, counts=seen, waited=waits)
    if _snap(_amount(default_visit, "the default visit length", "bad_setting")) == 0:
        raise QuotaError("the default visit length must be above 0", "bad_setting")
    for share, name in ((late_share, "late_share"), (waited_share, "waited_share")):
        if _amount(share, name, "bad_setting") > 1:
            raise QuotaError(f"{name} is a share, from 0 to 1", "bad_setting")
    return [
        _slot_capacity(*slot, default_visit=default_visit, late_share=late_share, waited_share=waited_share)
        for slot in zip(lengths, by_slot, seen, waits, strict=True)
    ]


def _slot_capacity(
    length: float,
    visits: list[float],
    counts: list[float],
    waited: list[bool],
    *,
    default_visit: float,
    late_share: float,
    waited_share: float,
) -> SlotCapacity:
    minutes = _amount(length, "a slot's length", "bad_interval")
    if minutes == 0:
        raise QuotaError("a slot's length must be above 0", "bad_interval")
    if len(waited) != len(counts):
        raise QuotaError(f"{len(waited)} marks of waiting for {len(counts)} past sessions", "lengths_differ")
    known = [_amount(visit, "a visit's length", "bad_visits") for visit in visits]
    tallies = [_whole(count, "a count of visits", "bad_visits") for count in counts]

    mean = math.fsum(known) / len(known) if known else 0.0
    on_record = _snap(mean) > 0
    visit_minutes = mean if on_record else float(default_visit)
    expected = minutes / visit_minutes
    observed = sum(tallies) / len(tallies) if tallies else None
    chosen, reason = expected, CapacityReason.VISIT_LENGTH if on_record else CapacityReason.DEFAULT_VISIT
    # A low count in a slot where nobody waited says that few came, not that few can be seen.
    held_up = sum(map(bool, waited)) >= _snap(waited_share * len(waited))
    if observed is not None and held_up and _snap(observed) < _snap(late_share * expected):
        chosen, reason = observed, CapacityReason.LATE_START
    return SlotCapacity(
        slot_minutes=minutes,
        sessions=len(tallies),
        visits=len(known) if on_record else 0,
        observed=observed,
        visit_minutes=visit_minutes,
        expected=expected,
        chosen=math.floor(_snap(chosen + 0.5)),
        reason=reason,
    )


# --- R2.4: the split


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
    caps = [_whole(number, "a capacity", "bad_numbers") for number in capacity]
    arriving = [_amount(number, "expected walk-ins", "bad_numbers") for number in walk_ins]
    taken = [0] * len(caps) if booked is None else [_whole(number, "booked", "bad_numbers") for number in booked]
    locks = [_lock(pair) for pair in ([None] * len(caps) if locked is None else locked)]
    _one_per_slot(len(caps), walk_ins=arriving, booked=taken, locked=locks)
    numbers = _numbers(caps, _whole(total, "the session's numbers", "bad_numbers"), taken, locks)

    rows = []
    carry = _snap(_amount(before_start, "walk-ins expected before the start", "bad_numbers"))
    for cap, count, expected, held, lock in zip(caps, numbers, arriving, taken, locks, strict=True):
        demand = _snap(expected + carry)
        # For a whole c, c - floor(c - d) is ceil(d): the two cases of R2.4 and its last slot are this one line.
        walk_in = lock[1] if lock else min(count - held, math.ceil(demand))
        left = _snap(max(0.0, demand - walk_in))
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
    return _whole(bookable, "locked bookable", "bad_numbers"), _whole(walk_in, "locked walk-in", "bad_numbers")


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
