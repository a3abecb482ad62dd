"""Waiting times: the median and the 90th percentile of how long until a patient is called (R5.2). Pure.

A wait is a sum: what is left of a pause, of the expert's late start and of the visits under way, the visits of those
who are called before, and of those who may still come and would be. Visits are lognormal (real ones are, breaks
included), and all of a session's share a pace that is known in part. Mean and variance of such a sum are exact; its
quantiles are those of the lognormal distribution with the same two moments (Fenton 1960), within 2% of drawn sums.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from queueboard.waiting.coming import Coming
from queueboard.waiting.lengths import LEAN_ON_PAST, UNKNOWN, Lengths, Pace

Z90 = 1.2815515655446004  # the normal distribution's 90th percentile
CV = 0.47  # standard deviation / mean of one visit, at a known pace
PACE_SD = 0.12  # of the session's pace, before anybody has been seen
# Today's pace is less so the further ahead: of its excess so much is left, visit by visit.
FADES_AHEAD = 0.85
# An expert hurries when the queue needs more than this share of the time left, in this measure, up to this excess.
HURRY_FROM, HURRY, HURRY_MOST = 0.7, 0.15, 1.5
LEFT_AT_LEAST = 20.0  # minutes: the time left is never taken for less

Minutes = float
Waits = NDArray[np.float64]


def predict(
    queue: Sequence[int],
    *,
    lengths: Lengths,
    pace: Pace = Pace(),  # noqa: B008
    now: Minutes = 0.0,
    slot_ends: Sequence[Minutes] = (),
    under_way: Sequence[tuple[int, Minutes]] = (),
    rooms: int = 1,
    pause: Minutes = 0.0,
    late_start: tuple[Minutes, Minutes] = (0.0, 0.0),
    coming: Sequence[Coming] = (),
) -> Waits:
    """(n + 1, 2): minutes until called, median and 90th percentile, of each of n in the queue and of one behind them.

    queue       kinds of visit (`lengths.FIRST` ...) of those who wait, in the order in which they are called
    lengths     what a visit takes
    pace        how today differs from it
    now         minutes since the session's planned start (negative before it)
    slot_ends   end of each slot in the same minutes; none: one slot without an end
    under_way   of each visit under way its kind and the minutes that it has lasted, at most one a room
    rooms       in which this queue is served
    pause       minutes for which nobody will be called: until the planned start, until the pause is over
    late_start  mean and standard deviation of the further delay of an expert who has not come yet
    coming      who is not in the queue and may still come before its end

    Neither column ever falls from one place to the next. Raises ValueError where there is no room, where more visits
    are under way than rooms, and for a negative `pause` or length.
    """
    if rooms < 1 or len(under_way) > rooms:
        raise ValueError("at least one room, and at most one visit under way in each")
    if pause < 0 or min(late_start) < 0 or any(lasted < 0 for _, lasted in under_way):
        raise ValueError("no length can be negative")
    begins = now + pause + late_start[0]
    work, squares, left_variance = _work(queue, lengths, pace, under_way, rooms, begins, slot_ends)
    extra, spread = np.zeros_like(work), np.zeros_like(work)
    if coming:
        visit = lengths.expected(slot_at(begins, slot_ends), UNKNOWN)
        for _ in range(2):  # the longer the wait, the more come: the second look changes little
            extra, spread = _who_comes(coming, begins - now + (work + extra) / rooms, visit)
    mean = (work + extra) / rooms
    pace_variance = PACE_SD**2 * LEAN_ON_PAST / (LEAN_ON_PAST + pace.seen)
    variance = (left_variance + CV**2 * squares + spread) / rooms**2 + pace_variance * mean**2
    hurry = _hurry(mean, begins, slot_ends)
    waits = quantiles(late_start[0] + mean * hurry, late_start[1] ** 2 + variance * hurry**2)
    return pause + np.maximum.accumulate(waits)


def slot_at(moment: Minutes, slot_ends: Sequence[Minutes]) -> int:
    """The slot in which a visit begins; what begins after the last counts to it."""
    return min(bisect_right(slot_ends, moment), max(0, len(slot_ends) - 1))


def quantiles(mean: Waits, variance: Waits) -> Waits:
    """(n, 2): median and 90th percentile of lognormal variables; where the mean is nothing both are."""
    relative = variance / np.maximum(mean, 1e-9) ** 2
    log_variance = np.log1p(np.where(mean > 0, relative, 0.0))
    median = mean * np.exp(-log_variance / 2)
    return np.column_stack([median, median * np.exp(Z90 * np.sqrt(log_variance))])


def remaining(lasted: Minutes, mean: Minutes, cv: float) -> tuple[float, float]:
    """Mean and variance of what is left of a lognormal visit that has lasted so long.

    By its partial moments; far beyond all visits the remainder grows with what has passed, as that of a break does.
    """
    if lasted <= LEAST_LASTED * mean:
        return mean, (cv * mean) ** 2
    sigma = math.sqrt(math.log1p(cv**2))
    z = min((math.log(lasted / mean) + sigma**2 / 2) / sigma, FURTHEST)
    lasted = mean * math.exp(sigma * z - sigma**2 / 2)
    beyond = _above(z)
    first = mean * _above(z - sigma) / beyond
    second = mean**2 * (1 + cv**2) * _above(z - 2 * sigma) / beyond
    return max(0.0, first - lasted), max(0.0, second - first**2)


LEAST_LASTED = 1e-9  # of a visit: less has no logarithm to speak of
FURTHEST = 8.0  # standard deviations on the logarithmic scale; beyond, floats do not tell the moments apart


def _above(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


def _work(
    queue: Sequence[int],
    lengths: Lengths,
    pace: Pace,
    under_way: Sequence[tuple[int, Minutes]],
    rooms: int,
    begins: Minutes,
    slot_ends: Sequence[Minutes],
) -> tuple[Waits, Waits, Waits]:
    """Minutes of visits before each place, shared by the rooms; the sum of their squares; the variance of what is left.

    Whoever finds a room free goes in at once, so for those behind that visit is under way.
    """
    free = rooms - len(under_way)
    begun = [*under_way, *((kind, 0.0) for kind in queue[:free])]
    slot, factor = slot_at(begins, slot_ends), 1 + pace.excess
    rests = [remaining(lasted, factor * lengths.expected(slot, kind), CV) for kind, lasted in begun]
    left = sum(mean for mean, _ in rests) / max(1, len(rests))
    work, squares = [0.0] * free, [0.0] * free
    done, square, excess = left, 0.0, pace.excess
    for kind in [*queue[free:], UNKNOWN]:
        work.append(done)
        squares.append(square)
        excess *= FADES_AHEAD
        visit = (1 + excess) * lengths.expected(slot_at(begins + done / rooms, slot_ends), kind)
        done += visit
        square += visit**2
    places = len(queue) + 1
    left_variance = np.full(places, sum(variance for _, variance in rests) / max(1, len(rests)))
    left_variance[:free] = 0.0
    return np.array(work[:places]), np.array(squares[:places]), left_variance


def _who_comes(coming: Sequence[Coming], waits: Waits, visit: Minutes) -> tuple[Waits, Waits]:
    """Mean and variance of the minutes of those who come before each place is called and go before it."""
    places = np.arange(len(waits))
    extra, spread = np.zeros(len(waits)), np.zeros(len(waits))
    for each in coming:
        likely = np.where(places >= each.place, np.interp(waits, each.minutes, each.chance), 0.0)
        extra += each.count * likely * visit
        spread += each.count * likely * (1 - likely + CV**2) * visit**2
    return extra, spread


def _hurry(mean: Waits, begins: Minutes, slot_ends: Sequence[Minutes]) -> Waits:
    if not slot_ends:
        return np.ones(len(mean))
    need = mean / max(slot_ends[-1] - begins, LEFT_AT_LEAST)
    return np.exp(-HURRY * np.clip(need - HURRY_FROM, 0.0, HURRY_MOST))
