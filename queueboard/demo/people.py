"""How the demonstration's people behave: pure decisions, each drawn from the random generator that is handed in.

Times are minutes of a real half-day (four hours, four slots of one hour); whoever plays a shorter one scales them.
Rates are those of published records (docs/demo.md names them).
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

HALF_DAY_MINUTES = 240
SLOT_MINUTES = 60

# One doctor's 143 kept appointments: median 8 minutes early, 5th to 95th percentile 46 early to 12 late.
PUNCTUAL_MEDIAN, PUNCTUAL_5TH, PUNCTUAL_95TH = -8.0, -46.0, 12.0
Z95 = 1.6449
# The study: so many minutes off is early or late; who is within comes as punctual patients do.
OFF_LEAST, OFF_MOST = 30.0, 120.0

# 4,531 real consultations: mean 13.4 minutes, SD 6.2; first visits 15.2, later ones 12.3.
FIRST_VISIT_MINUTES, LATER_VISIT_MINUTES = 15.2, 12.3
FIRST_VISITS = 0.38  # so that the mean of both is 13.4
VISIT_CV = 6.2 / 13.4

# Walk-ins an hour: before the start and in each slot, of a session of so many numbers (the study's example of R2.4).
WALK_INS_PER_HOUR = (9.0, 6.0, 4.0, 2.0, 0.0)
WALK_INS_OF = 42


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of patients, or of visits where it says so."""

    no_show: float = 0.15  # 9.5% to 20% in real clinics
    early: float = 0.21
    late: float = 0.28
    missed: float = 0.08  # of calls
    reports_back: float = 0.85  # of those who missed one
    test: float = 0.06  # of visits: sent for a test
    returns: float = 0.95  # of those: back with the result
    priority: float = 0.04
    emergency: float = 0.015
    gives_up: float = 0.015
    pause: float = 0.02  # of visits: followed by one
    filled: float = 0.9  # of the bookable numbers


@dataclass(frozen=True, slots=True)
class First:
    """Why somebody goes first: the kind, and the reason as staff write it."""

    priority: str
    reason: str


EMERGENCIES = ("胸痛", "意识模糊", "突发肢体无力")
PRIORITIES = ("75岁以上", "孕妇", "残疾人证", "现役军人")
PAUSES = ("ward_round", "consultation", "short_break")


def arrival(rng: random.Random, rates: Rates) -> float | None:
    """When a booked patient comes, in minutes from the start of the slot; None: never."""
    if rng.random() < rates.no_show:
        return None
    kind = rng.random()
    if kind < rates.early:
        return -rng.uniform(OFF_LEAST, OFF_MOST)
    if kind < rates.early + rates.late:
        return rng.uniform(OFF_LEAST, OFF_MOST)
    while abs(minutes := punctuality(rng)) > OFF_LEAST:
        pass
    return minutes


def punctuality(rng: random.Random) -> float:
    """Minutes from the appointed time of a patient who keeps the appointment: two half-normals around the median."""
    z = rng.gauss(0.0, 1.0)
    edge = PUNCTUAL_5TH if z < 0 else PUNCTUAL_95TH
    return PUNCTUAL_MEDIAN + abs(edge - PUNCTUAL_MEDIAN) / Z95 * z


def walk_ins(rng: random.Random, numbers: int) -> Iterator[float]:
    """When walk-ins come to a session of so many numbers, in minutes from its start: an hour before it and on."""
    for hour, per_hour in enumerate(WALK_INS_PER_HOUR):
        rate = per_hour / 60 * numbers / WALK_INS_OF
        minute = 0.0
        while rate and (minute := minute + rng.expovariate(rate)) < 60:
            yield 60 * (hour - 1) + minute


def is_first_visit(rng: random.Random) -> bool:
    return rng.random() < FIRST_VISITS


def visit(rng: random.Random, *, first: bool) -> float:
    """Length of a visit in minutes, > 0: gamma distributed as the real ones are."""
    mean = FIRST_VISIT_MINUTES if first else LATER_VISIT_MINUTES
    shape = 1 / VISIT_CV**2
    return max(1.0, rng.gammavariate(shape, mean / shape))


def goes_first(rng: random.Random, rates: Rates) -> First | None:
    """Whether staff put a patient first, and why."""
    kind = rng.random()
    if kind < rates.emergency:
        return First("emergency", rng.choice(EMERGENCIES))
    if kind < rates.emergency + rates.priority:
        return First("priority", rng.choice(PRIORITIES))
    return None


def answers(rng: random.Random, rates: Rates, *, misses: int) -> bool:
    """Whether a called patient is there. Who has missed a call already is more careful."""
    return rng.random() >= (rates.missed if misses == 0 else rates.missed / 2)


def back_after_miss(rng: random.Random, rates: Rates) -> float | None:
    """Minutes until who missed a call reports back; None: never."""
    return rng.uniform(2, 15) if rng.random() < rates.reports_back else None


def back_with_result(rng: random.Random, rates: Rates) -> float | None:
    """Minutes until who was sent for a test is back; None: never."""
    return rng.uniform(20, 50) if rng.random() < rates.returns else None


def gives_up_after(rng: random.Random, rates: Rates) -> float | None:
    """Minutes of waiting after which a patient leaves; None: stays."""
    return rng.uniform(15, 60) if rng.random() < rates.gives_up else None


def pause(rng: random.Random) -> tuple[float, str]:
    """Length of an expert's pause in minutes, and its reason."""
    return rng.uniform(5, 15), rng.choice(PAUSES)


def numbers_of(rooms: int) -> int:
    """Numbers of a session that keep so many rooms busy for nine tenths of the half-day."""
    mean = FIRST_VISITS * FIRST_VISIT_MINUTES + (1 - FIRST_VISITS) * LATER_VISIT_MINUTES
    return math.ceil(rooms * HALF_DAY_MINUTES / mean)
