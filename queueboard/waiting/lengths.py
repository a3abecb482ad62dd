"""How long a visit takes, by the slot it begins in and by the kind of visit, from an expert's past (R5.2). Pure.

Every mean leans on a wider one as if that had been seen so many times: the expert's on the department's, that of the
half-day on the expert's, that of the weekday and half-day on the half-day's. What few data say counts little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST, RETURN, UNKNOWN = range(3)  # kinds of visit: the patient's first, a later one, or the log does not say
KINDS = 3

# So many visits of the wider mean go into the narrower one.
LEAN_ON_DEPARTMENT = 10
LEAN_ON_EXPERT = 10
LEAN_ON_HALF_DAY = 60
LEAN_ON_ALL_KINDS = 10
LEAN_ON_ALL_SLOTS = 60
# A session of the same weekday and half-day counts so much of the next one.
FADES = 0.9
# A break in the middle of a visit counts as so many visits, at most.
LONGEST = 4.0
# Of today's visits none counts as more than so many expected ones.
MOST = 1.8
TYPICAL = 0.95  # mean of visits cut at MOST, where there is no past


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """V past visits of an expert, or of those who work side by side.

    minutes  from the start to the next one's where somebody waited meanwhile, else the length of the visit; > 0 (V,)
    slot     of the session in which it began, 0 first (V,)
    kind     FIRST, RETURN or UNKNOWN (V,)
    alike    the session was on the same half-day: mornings and afternoons are not mixed (V,)
    age      sessions of the same weekday and half-day since, 0 for the last; NaN where its session was another (V,)
    """

    minutes: NDArray[np.float64]
    slot: NDArray[np.int64]
    kind: NDArray[np.int64]
    alike: NDArray[np.bool_]
    age: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Expected minutes of a visit, `minutes[slot][kind]`; `typical` is the mean of actual / expected, cut at MOST."""

    minutes: tuple[tuple[float, ...], ...]
    typical: float = TYPICAL

    def expected(self, slot: int, kind: int) -> float:
        """What begins before the first slot or after the last counts to it."""
        return self.minutes[min(max(slot, 0), len(self.minutes) - 1)][kind]


NOTHING = Past(
    minutes=np.empty(0), slot=np.empty(0, np.int64), kind=np.empty(0, np.int64), alike=np.empty(0, np.bool_),
    age=np.empty(0),
)  # fmt: skip


def learn(past: Past, *, slots: int, department_minutes: float) -> Lengths:
    """The lengths to expect in a session of so many slots. `department_minutes`: mean visit of the department, > 0.

    Raises ValueError for a mean or a number of slots that is not positive.
    """
    if department_minutes <= 0 or slots < 1:
        raise ValueError("department_minutes and slots must be positive")
    if not len(past.minutes):
        return Lengths(minutes=((department_minutes,) * KINDS,) * slots)
    minutes = np.minimum(past.minutes, LONGEST * np.mean(past.minutes))
    ones = np.ones(len(minutes))
    overall = _leaning(minutes, ones, department_minutes, LEAN_ON_DEPARTMENT)
    of_kind = np.ones(KINDS)
    for kind in (FIRST, RETURN):
        of_kind[kind] = _leaning(minutes / overall, ones * (past.kind == kind), 1.0, LEAN_ON_ALL_KINDS)
    plain = minutes / of_kind[past.kind]
    half_day = _leaning(plain, ones * past.alike, overall, LEAN_ON_EXPERT)
    level = _leaning(plain, np.nan_to_num(FADES**past.age), half_day, LEAN_ON_HALF_DAY)
    began = np.clip(past.slot, 0, slots - 1)
    of_slot = np.array(
        [_leaning(plain / half_day, past.alike * (began == slot), 1.0, LEAN_ON_ALL_SLOTS) for slot in range(slots)]
    )
    ratio = past.minutes / (half_day * of_kind[past.kind] * of_slot[began])
    typical = float(np.minimum(ratio[past.alike], MOST).mean()) if past.alike.any() else TYPICAL
    return Lengths(minutes=tuple(tuple(row) for row in (level * np.outer(of_slot, of_kind)).tolist()), typical=typical)


def _leaning(values: NDArray[np.float64], weights: NDArray, wider: float, lean: float) -> float:
    return float((np.dot(values, weights) + lean * wider) / (weights.sum() + lean))


@dataclass(frozen=True, slots=True)
class Pace:
    """How today differs from what was expected: `excess` 0.1 is a tenth longer; `seen` visits weigh in it."""

    excess: float = 0.0
    seen: float = 0.0


# Today's visits count less the longer they are ago, and lean on "as expected" as if that had been seen so often.
FORGOTTEN = 0.85
LEAN_ON_PAST = 16


def todays(lengths: Lengths, visits: Sequence[tuple[int, int, float]]) -> Pace:
    """Today's pace from today's finished visits, oldest first: (slot, kind, minutes as in `Past`)."""
    excess = seen = 0.0
    for slot, kind, minutes in visits:
        ratio = min(minutes / lengths.expected(slot, kind), MOST) / lengths.typical
        excess = FORGOTTEN * excess + ratio - 1
        seen = FORGOTTEN * seen + 1
    return Pace(excess / (seen + LEAN_ON_PAST), seen)
