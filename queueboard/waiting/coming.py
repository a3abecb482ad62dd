"""Who is not in the queue and may still come, with what chance, and where the rules would put them (R5.2). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from queueboard import rules

LOOKED_AHEAD = tuple(float(minutes) for minutes in range(0, 241, 10))
SOON_BACK = 10.0  # minutes: mean time after which a missed patient reports back
TEST_TAKES = 45.0  # and after which one who was sent for a test does


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """So many patients, alike but independent. `chance`: that one has come so many `minutes` from now, rising.

    place   how many of those who wait now would go before them
    """

    place: int
    count: int
    minutes: tuple[float, ...] = LOOKED_AHEAD
    chance: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the patients of an expert keep their appointments.

    absent       share of booked patients who never come
    punctuality  check-in minutes from the start of the slot of those who do, as the quantiles at 0, 1/n .. 1
    back         share of those who missed a call, or were sent for a test, who come back
    """

    absent: float
    punctuality: tuple[float, ...]
    back: float = 0.7


def expected(
    tickets: Iterable[rules.Ticket],
    policy: rules.Policy,
    habits: Habits,
    *,
    places: Sequence[int],
    slot_starts: Sequence[datetime],
    absent: Sequence[int],
    out_since: dict[int, datetime],
    now: datetime,
) -> list[Coming]:
    """Booked patients not here yet, missed ones and those away for a test.

    places       of each slot the place that its booked patient would get, checking in now (R5.1)
    slot_starts  and its start
    absent       and how many of its booked patients have not come
    out_since    by ticket number, since when a patient is missed or away
    """
    tickets = list(tickets)
    late = [
        Coming(place=place, count=count, chance=_checks_in(habits, (now - start) / timedelta(minutes=1)))
        for place, start, count in zip(places, slot_starts, absent, strict=True)
        if count
    ]
    out = [t for t in tickets if t.state in (rules.State.MISSED, rules.State.AWAY)]
    line = {t.number: at for at, t in enumerate(rules.order(tickets, policy))} if out else {}
    for group in _alike(out):
        back = [_back(ticket, tickets, policy, now) for ticket in group]
        first = back[0]
        others = [first if t.number == first.number else t for t in tickets]
        ahead = rules.order(others, policy).index(first)
        for ticket in group:
            gone = (now - out_since.get(ticket.number, now)) / timedelta(minutes=1)
            late.append(Coming(place=min(ahead, len(line)), count=1, chance=_comes_back(habits, ticket, gone)))
    return late


def _alike(out: Sequence[rules.Ticket]) -> list[list[rules.Ticket]]:
    """Those whom the rules would put in the same place: one look at the order for each such group."""
    groups: dict[tuple[rules.State, bool, bool], list[rules.Ticket]] = {}
    for ticket in out:
        groups.setdefault((ticket.state, ticket.booked, ticket.misses > 1), []).append(ticket)
    return list(groups.values())


def _back(ticket: rules.Ticket, tickets: Sequence[rules.Ticket], policy: rules.Policy, now: datetime) -> rules.Ticket:
    """The ticket as if its patient reported back now."""
    if ticket.state == rules.State.AWAY:
        after = rules.calls_made(tickets)
        return replace(ticket, state=rules.State.WAITING, returned=now, returned_after=after)
    behind = rules.behind_after_miss(tickets, policy)
    return replace(ticket, state=rules.State.WAITING, turned_up=now, behind=behind)


def _checks_in(habits: Habits, since_start: float) -> tuple[float, ...]:
    """The chance of having checked in by then of a booked patient who has not yet, so long since the slot's start."""
    shares = np.linspace(0.0, 1.0, len(habits.punctuality))
    here = (1 - habits.absent) * np.interp(since_start, habits.punctuality, shares)
    then = (1 - habits.absent) * np.interp(since_start + np.array(LOOKED_AHEAD), habits.punctuality, shares)
    return tuple(((then - here) / max(1e-9, 1 - here)).tolist())


def _comes_back(habits: Habits, ticket: rules.Ticket, gone: float) -> tuple[float, ...]:
    """The same of one who has been out for so long, with an exponential time until coming back."""
    mean = TEST_TAKES if ticket.state == rules.State.AWAY else SOON_BACK
    still_out = habits.back * np.exp(-max(0.0, gone) / mean)
    then = still_out * (1 - np.exp(-np.array(LOOKED_AHEAD) / mean))
    return tuple((then / (1 - habits.back + still_out)).tolist())
