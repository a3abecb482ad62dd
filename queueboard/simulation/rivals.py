"""Whether any split at all beats one for walk-ins and for booked patients at once: not a search, but all of them.

Whoever is first in the queue, somebody is called whenever anybody is present (R4.3), and how long a visit takes does
not depend on whose it is. So where the bookings are decides, whatever the rest of the split and the order, when calls
happen and how late the session ends; with it, on average, the sum of all waits is given from below: calls less
arrivals, where a booked patient called before the slot begins counts as negative. A placing of the bookings whose sum
is not below what all wait under the split in question can beat it for one kind of patients only. Of the placings that
are left, every walk-in split and order is played.

That holds where everybody answers the first call: a missed call depends on when it comes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from queueboard.simulation import batch, mornings, policies
from queueboard.simulation.optimise import (
    GROUPS,
    Judged,
    Limits,
    Order,
    Progress,
    breach,
    judge,
    order_of,
    ordered,
)
from queueboard.simulation.report import Figure, appointed_at
from queueboard.simulation.scenario import NEVER, Mornings, Plan, Scenario

PLAYED, CONFIRMED = 600, 6000  # mornings, and fresh ones for those that were better on the first


@dataclass(frozen=True, slots=True)
class Rivals:
    """What is left of all splits with the same numbers.

    placings  how many ways there are to place the bookings; `possible`: those that the sum of waits leaves
    tried     splits and orders with these that were played; `better`: those that fresh mornings confirm to be better
              for walk-ins and for booked patients at once, beyond doubt
    """

    placings: int
    possible: list[tuple[int, ...]]
    tried: int
    better: list[Judged]


def rivals(
    scenario: Scenario,
    plan: Plan,
    *,
    limits: Limits | None,
    orders: Sequence[Order] = (),
    seed: int = 1,
    progress: Progress | None = None,
) -> Rivals:
    """All splits of as many numbers as `plan` has, in the order of `plan` or any of `orders`, against `plan`.

    Of `limits` only overtime and who is lost count: the booked patients' wait is to be under that of `plan` anyway.
    """
    said = progress or (lambda done, steps: None)
    drawn = mornings.draw(scenario, PLAYED, np.random.default_rng([seed, 0]))
    slots, walk_ins = len(plan.slots), sum(plan.walk_in)
    placings = list(parts(sum(plan.bookable), slots))
    possible = []
    waited = _sum(scenario, plan, drawn, least=False)
    limit = None if limits is None else judge(scenario, limits.plan, drawn)
    for done, bookable in enumerate(placings, start=1):
        placed = ordered(policies.plan(plan.slots, bookable, plan.walk_in), order_of(plan))
        more = _sum(scenario, placed, drawn, least=True) - waited
        if more.value - more.margin < 0 and breach(judge(scenario, placed, drawn), limit, booked=False) == 0:
            possible.append(bookable)
        said(done, len(placings))
    splits = list(parts(walk_ins, slots))
    all_orders = tuple(orders) or (order_of(plan),)
    found, tried, steps = [], 0, len(possible) * len(splits) * len(all_orders)
    mine = judge(scenario, plan, drawn)
    for bookable in possible:
        for walk_in in splits:
            for order in all_orders:
                other = judge(scenario, ordered(policies.plan(plan.slots, bookable, walk_in), order), drawn)
                tried += 1
                if _beats(other, mine, sure=False) and breach(other, limit, booked=False) == 0:
                    found.append(other.plan)
                said(tried, steps)
    fresh = mornings.draw(scenario, CONFIRMED, np.random.default_rng([seed, 1]))
    mine, limit = judge(scenario, plan, fresh), None if limits is None else judge(scenario, limits.plan, fresh)
    again = (judge(scenario, each, fresh) for each in found)
    better = [each for each in again if _beats(each, mine, sure=True) and breach(each, limit, booked=False) == 0]
    return Rivals(placings=len(placings), possible=possible, tried=tried, better=better)


def parts(count: int, slots: int) -> Iterator[tuple[int, ...]]:
    """All ways to put `count` numbers into so many slots."""
    for bars in combinations(range(count + slots - 1), slots - 1):
        yield tuple(after - before - 1 for before, after in pairwise([-1, *bars, count + slots - 1]))


def _beats(one: Judged, other: Judged, *, sure: bool) -> bool:
    """For walk-ins and for booked patients; `sure`: beyond doubt."""
    saved = [one.walk_in - other.walk_in, one.booked - other.booked]
    return all(each.value + (each.margin if sure else 0.0) < 0 for each in saved)


def _sum(scenario: Scenario, plan: Plan, drawn: Mornings, *, least: bool) -> Figure:
    """Minutes that all patients of a morning wait together; `least`: with negative waits, as the module says."""
    who = mornings.patients(scenario, plan, drawn)
    outcome = batch.play(scenario, plan, who)
    since = np.where(who.booked, np.maximum(outcome.arrived, appointed_at(plan, who)), outcome.arrived)
    wait = np.where(outcome.called < NEVER, outcome.called.astype(np.int64) - since, 0) / 60
    if not least:
        wait = np.maximum(wait, 0)
    return Figure(wait.reshape(GROUPS, -1).sum(axis=1) / (len(wait) // GROUPS))
