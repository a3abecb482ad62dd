"""Another split of an expert's numbers than the study's, where a manager has chosen it (R2.4, R2.5).

How it is found is the site's: settings.SPLIT_OPTIMISER names a function that takes what `Optimiser` says. It is called
outside of any transaction, may take a second or two, and gives the same for the same: R2.6.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from booking import quota
from booking.estimates import Estimate, Period
from booking.models import Expert, Slot


@dataclass(frozen=True, slots=True)
class Given:
    """What a split has to respect: the session's numbers, what of each slot is booked, what a manager has locked."""

    total: int
    booked: tuple[int, ...]
    locked: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`(bookable, walk_in)` of each slot, and what that rests on (JSON values only; `QuotaPlan.basis["optimised"]`)."""

    split: tuple[tuple[int, int], ...]
    basis: dict[str, Any]


# The last argument is the basis of the session's last choice, or None: where nothing it rests on has changed, the same
# is chosen without another search.
Optimiser = Callable[[Period, Estimate, Given, dict[str, Any] | None], Choice]


def given(slots: Iterable[Slot], total: int) -> Given:
    """As the slots are now, in order; what is withheld counts as booked."""
    slots = list(slots)
    return Given(
        total=total,
        booked=tuple(slot.booked + slot.withheld for slot in slots),
        locked=tuple((slot.bookable, slot.walk_in) if slot.locked else None for slot in slots),
    )


def plan(estimated: Estimate, given: Given, choice: Choice | None) -> list[quota.SlotPlan]:
    """The split slot by slot, the study's or the one chosen. Raises QuotaError."""
    return quota.plan(
        [slot.chosen for slot in estimated.capacities],
        estimated.walk_ins,
        estimated.before_start,
        given.total,
        booked=given.booked,
        locked=given.locked if choice is None else choice.split,
    )


def choose(
    expert: Expert | None, period: Period, estimated: Estimate, given: Given, last: dict[str, Any] | None = None
) -> Choice | None:
    """The split for an expert whose numbers a manager wants optimised; None: the study's (R2.4)."""
    if expert is None or expert.split_by != Expert.SplitBy.OPTIMISED:
        return None
    try:
        plan(estimated, given, None)
    except quota.QuotaError:
        # No split is possible: whoever applies it says why.
        return None
    optimiser: Optimiser = import_string(settings.SPLIT_OPTIMISER)
    return optimiser(period, estimated, given, last)
