"""R2.3: how many visits fit in a slot, and why."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .errors import QuotaError, amount, amounts, one_per_slot, snap, whole


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
    mean_minutes: float | None  # mean length of the visits on record
    visit_minutes: float  # what was foretold, else that mean, else the default
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
    foretold: Iterable[float] | None = None,
    late_share: float = 0.7,
    waited_share: float = 0.5,
) -> list[SlotCapacity]:
    """How many visits fit in each slot, with the reason (R2.3).

    One entry per slot in each argument: `slot_minutes` its length (the last may be shorter); `visits` the minutes of
    every visit that began in it, over all past sessions together; `counts` the visits per past session; `waited`
    whether patients waited in it, per past session, in the order of `counts`. Give past sessions of the same half-day
    only: mornings and afternoons have different visits.

    Capacity is slot length / mean visit length; with `foretold` the visit length is what is foretold for each slot from
    the same past (R2.2). Where the mean count is under `late_share` of that although patients
    waited in at least `waited_share` of the past sessions, it is the mean count: the expert starts late there. A slot
    without a visit on record (or with visits of no length only) uses `default_visit` minutes.

    The figure is rounded to the nearest whole number, halves up: rounding down would cost a number wherever a mean
    falls just short, and what is rounded up is taken from the last slot, whose numbers are the rest of the session's.
    Raises QuotaError: `no_slots`, `lengths_differ`, `bad_interval` (a slot's length not above 0), `bad_visits`
    (a negative visit or count), `bad_setting`.
    """
    lengths, by_slot = list(slot_minutes), list(visits)
    seen, waits = [list(slot) for slot in counts], [list(slot) for slot in waited]
    minutes = [None] * len(lengths) if foretold is None else [float(each) for each in foretold]
    one_per_slot(len(lengths), visits=by_slot, counts=seen, waited=waits, foretold=minutes)
    if snap(amount(default_visit, "the default visit length", "bad_setting")) == 0:
        raise QuotaError("the default visit length must be above 0", "bad_setting")
    for share, name in ((late_share, "late_share"), (waited_share, "waited_share")):
        if amount(share, name, "bad_setting") > 1:
            raise QuotaError(f"{name} is a share, from 0 to 1", "bad_setting")
    return [
        _slot_capacity(*slot, default_visit=default_visit, late_share=late_share, waited_share=waited_share)
        for slot in zip(lengths, by_slot, seen, waits, minutes, strict=True)
    ]


def _slot_capacity(
    length: float,
    visits: Iterable[float],
    counts: list[float],
    waited: list[bool],
    foretold: float | None,
    *,
    default_visit: float,
    late_share: float,
    waited_share: float,
) -> SlotCapacity:
    minutes = amount(length, "a slot's length", "bad_interval")
    if minutes == 0:
        raise QuotaError("a slot's length must be above 0", "bad_interval")
    if len(waited) != len(counts):
        raise QuotaError(f"{len(waited)} marks of waiting for {len(counts)} past sessions", "lengths_differ")
    known = amounts(visits, "a visit's length", "bad_visits")
    tallies = [whole(count, "a count of visits", "bad_visits") for count in counts]

    mean = math.fsum(known) / len(known) if len(known) else 0.0
    on_record = snap(mean) > 0
    visit_minutes = mean if on_record else float(default_visit)
    if foretold is not None:
        visit_minutes = amount(foretold, "a foretold visit length", "bad_setting")
        if snap(visit_minutes) == 0:
            raise QuotaError("a foretold visit length must be above 0", "bad_setting")
    expected = minutes / visit_minutes
    observed = sum(tallies) / len(tallies) if tallies else None
    chosen, reason = expected, CapacityReason.VISIT_LENGTH if on_record else CapacityReason.DEFAULT_VISIT
    # A low count in a slot where nobody waited says that few came, not that few can be seen.
    held_up = sum(map(bool, waited)) >= snap(waited_share * len(waited))
    if observed is not None and held_up and snap(observed) < snap(late_share * expected):
        chosen, reason = observed, CapacityReason.LATE_START
    return SlotCapacity(
        slot_minutes=minutes,
        sessions=len(tallies),
        visits=len(known) if on_record else 0,
        observed=observed,
        mean_minutes=mean if on_record else None,
        visit_minutes=visit_minutes,
        expected=expected,
        chosen=math.floor(snap(chosen + 0.5)),
        reason=reason,
    )
