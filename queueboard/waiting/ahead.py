"""How long who books a slot will wait, days before it: what to expect of the slot (R5.2). Pure.

Nobody is there yet, so nothing is known but the numbers of each slot, how long visits take and how punctual patients
are. Each slot's patients are called in the order in which they check in, after what the slots before have left over;
whoever comes at a given place of that order waits until those before are through. A wait counts from check-in or from
the start of the slot, whichever is later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from queueboard.waiting.known import Known
from queueboard.waiting.lengths import UNKNOWN
from queueboard.waiting.times import CV, PACE_SD

# The grid over which places in the order, and how fast the morning goes, are spread evenly.
POINTS = 31


@dataclass(frozen=True, slots=True)
class Part:
    """A slot: its start and end in minutes from the session's start, its numbers, and how many of them are booked."""

    start: float
    end: float
    bookable: int
    walk_in: int


def waits(parts: Sequence[Part], known: Known, *, rooms: int = 1) -> list[tuple[float, float]]:
    """Of each slot the median and the 90th percentile of its booked patients' waits, in minutes.

    All numbers are taken to be used: what is not booked goes to walk-ins. Raises ValueError where there is no room.
    """
    if rooms < 1:
        raise ValueError("at least one room")
    share = (np.arange(POINTS) + 0.5) / POINTS
    late = np.array(known.late_starts or (0.0,))
    backlog, spread = float(late.mean()), float(late.var())
    check_in = np.interp(share, np.linspace(0, 1, len(known.habits.punctuality)), known.habits.punctuality)
    arrived, lead = np.maximum(check_in, 0), max(0.0, -float(np.median(check_in)))
    normal = _normal(share)
    found = []
    for index, part in enumerate(parts):
        visit = known.lengths.expected(index, UNKNOWN) / rooms
        come = part.bookable * (1 - known.habits.absent) + part.walk_in
        ahead = share * max(0.0, come - 1) * visit
        mean = backlog + ahead
        deviation = np.sqrt(spread + ahead * visit * CV**2 + (PACE_SD * mean) ** 2)
        wait = np.maximum(0.0, mean[:, None] + deviation[:, None] * normal[None, :] - arrived[:, None])
        median, p90 = np.quantile(wait, [0.5, 0.9])
        found.append((float(median), float(p90)))
        spread += come * (CV * visit) ** 2
        # An expert who is through early goes on with those of the next slot who are there already.
        backlog = max(-lead, backlog + come * visit - (part.end - part.start))
    return found


def _normal(share: np.ndarray) -> np.ndarray:
    """Quantiles of the normal distribution, within 0.0005 (Abramowitz and Stegun 26.2.23)."""
    tail = np.minimum(share, 1 - share)
    t = np.sqrt(-2 * np.log(tail))
    upper = t - (2.515517 + 0.802853 * t + 0.010328 * t**2) / (1 + 1.432788 * t + 0.189269 * t**2 + 0.001308 * t**3)
    return np.where(share < 0.5, -upper, upper)
