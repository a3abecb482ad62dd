"""Mornings drawn from a scenario, and who comes to them under a plan. The draws do not depend on the plan."""

import numpy as np

from queueboard.simulation.scenario import NEVER, Mornings, Patients, Plan, Scenario, Seconds

ANSWERS = np.int32(-1)  # Mornings.walk_in_back of those who answer their first call


def draw(scenario: Scenario, mornings: int, rng: np.random.Generator) -> Mornings:
    """B = `mornings` mornings. The same scenario and the same state of `rng` give the same mornings."""
    at = _walk_ins(scenario, mornings, rng)
    wishes = (mornings, scenario.bookings)
    points = np.linspace(0.0, 1.0, len(scenario.punctuality))
    offset = _seconds(np.interp(rng.random(wishes), points, scenario.punctuality))
    offset[rng.random(wishes) < scenario.absent] = NEVER
    instead = _spread(scenario, wishes, rng)
    instead[rng.random(wishes) >= scenario.instead] = NEVER
    return Mornings(
        walk_in_at=at,
        walk_in_length=_lengths(scenario, at.shape, rng),
        walk_in_back=_back(scenario, at.shape, rng),
        booked_offset=offset,
        booked_instead=instead,
        booked_length=_lengths(scenario, wishes, rng),
        booked_back=_back(scenario, wishes, rng),
        delay=_seconds(_gamma(*scenario.start_delay, (mornings,), rng)),
    )


def patients(scenario: Scenario, plan: Plan, mornings: Mornings) -> Patients:
    """Who comes when under `plan`: bookings fill its numbers in the order of their times, until nobody wants one more.

    P = bookings + W columns: K' booked ones, those who found nothing to book, then the walk-ins.
    """
    slots = np.repeat(np.arange(len(plan.slots), dtype=np.int32), plan.bookable)
    taken = min(len(slots), scenario.bookings)
    wishes = scenario.bookings
    appointed = np.asarray(plan.appointed[:taken], dtype=np.int32)
    offset = mornings.booked_offset[:, :taken]
    # Nobody checks in before the doors open.
    comes = offset < NEVER
    check_in = np.where(comes, np.maximum(scenario.opens, appointed + offset), NEVER)
    at = np.concatenate([check_in, mornings.booked_instead[:, taken:], mornings.walk_in_at], axis=1)
    walk_ins = at.shape[1] - wishes
    return Patients(
        booked=np.arange(at.shape[1]) < taken,
        slot=np.concatenate([slots[:taken], np.full(wishes - taken + walk_ins, -1, dtype=np.int32)]),
        at=np.ascontiguousarray(at, dtype=np.int32),
        length=np.concatenate([mornings.booked_length, mornings.walk_in_length], axis=1),
        back=np.concatenate([mornings.booked_back, mornings.walk_in_back], axis=1),
        delay=mornings.delay,
    )


def _walk_ins(scenario: Scenario, mornings: int, rng: np.random.Generator) -> Seconds:
    """(B, W) registrations, rising: of a Poisson number, each falls into an interval by its share."""
    came = rng.poisson(sum(scenario.walk_ins), mornings)
    at = _spread(scenario, (mornings, int(came.max(initial=0))), rng)
    at[np.arange(at.shape[1]) >= came[:, None]] = NEVER
    at.sort(axis=1)
    return at


def _spread(scenario: Scenario, shape: tuple[int, int], rng: np.random.Generator) -> Seconds:
    """Instants at which a walk-in may come: by the rates of the intervals, evenly within each."""
    edges = np.array([scenario.opens, *(start for start, _ in scenario.slots), scenario.ends], dtype=float)
    total = sum(scenario.walk_ins)
    if total == 0:
        return np.full(shape, NEVER, dtype=np.int32)
    shares = np.concatenate([[0.0], np.cumsum(scenario.walk_ins) / total])
    return np.minimum(np.floor(np.interp(rng.random(shape), shares, edges)), scenario.ends - 1).astype(np.int32)


def _lengths(scenario: Scenario, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return _gamma(1.0, scenario.visit_cv, shape, rng)


def _gamma(mean: float, sd: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Gamma distributed with this mean and standard deviation; without a spread all are the mean."""
    if mean == 0 or sd == 0:
        return np.full(shape, float(mean))
    return rng.gamma((mean / sd) ** 2, sd**2 / mean, shape)


def _back(scenario: Scenario, shape: tuple[int, int], rng: np.random.Generator) -> Seconds:
    back = _seconds(rng.exponential(scenario.back_minutes, shape)) if scenario.missed else np.zeros(shape, np.int32)
    back[rng.random(shape) < scenario.never_back] = NEVER
    back[rng.random(shape) >= scenario.missed] = ANSWERS
    return back


def _seconds(minutes: np.ndarray) -> Seconds:
    return np.floor(minutes * 60 + 0.5).astype(np.int32)
