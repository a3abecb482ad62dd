"""The study's experiment (R7.1) over the whole range of what it does not print.

Each assumption has a plausible range and a reason; a Latin hypercube draws combinations of them, and each is played
before and after the study's split, on the same mornings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from queueboard.simulation import policies, report, study
from queueboard.simulation.policies import Policy
from queueboard.simulation.scenario import Plan, Scenario

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Assumption:
    """What the study does not print: evenly anything from `low` to `high`, because of `reason`."""

    name: str
    low: float
    high: float
    reason: str


ASSUMPTIONS = (
    Assumption(
        "numbers of the morning", 36, 48,
        "2 + 12 + 10 in the first three hours are printed; 12 in the last are no overtime, 24 an hour of it",
    ),
    Assumption(
        "share of the numbers left that later walk-ins take", 0.3, 1.0,
        "21 are booked, 9 walk-ins come before the start; on a full morning later ones take all that is left",
    ),
    Assumption(
        "walk-ins of an hour for each of the hour before", 0.3, 1.0,
        "9 come in the hour before the start (printed); later ones may be as many an hour, or soon none",
    ),
    Assumption("mean visit 08:00-09:00 (min)", 4.5, 7.0, "the later hours' 5 to 6, with room on both sides"),
    Assumption("mean visit 09:00-10:00 (min)", 4.8, 5.2, "12 fit in the hour (printed)"),
    Assumption("mean visit 10:00-11:00 (min)", 5.7, 6.3, "10 fit in the hour (printed)"),
    Assumption("mean visit from 11:00 on (min)", 4.5, 7.0, "as in the first hour"),
    Assumption("spread of a visit (sd / mean)", 0.3, 0.8, "0.46 with the one real expert measured here (below)"),
    Assumption("visits until 09:00", 1.5, 2.5, "2 (printed, rounded): so late does the expert start"),
    Assumption("spread of the late start (min)", 2.0, 15.0, "ward rounds: not printed at all"),
    Assumption(
        "punctuality: share of the study's own", 0.0, 1.0,
        "it prints 21% early and 28% late by 30 min or more; other clinics measure far less",
    ),
)  # fmt: skip


def crowded(scenario: Scenario) -> Plan:
    """Before: bookings crowd the first slots."""
    return policies.today(scenario)


def even(scenario: Scenario) -> Plan:
    """Before: each slot has the same share of its numbers booked."""
    spread = _shares(policies.slot_numbers(scenario), min(scenario.bookings, scenario.numbers))
    return policies.split(scenario, spread, booked_first=True)


def mixed(scenario: Scenario) -> Plan:
    """Before: half of the bookings crowd the first slots, half are spread over what is left."""
    numbers, left = policies.slot_numbers(scenario), min(scenario.bookings, scenario.numbers)
    first: list[int] = []
    crowd = left // 2
    for number in numbers:
        first.append(min(number, crowd - sum(first)))
    free = [number - taken for number, taken in zip(numbers, first, strict=True)]
    rest = _shares(free, left - sum(first))
    both = [taken + more for taken, more in zip(first, rest, strict=True)]
    return policies.split(scenario, both, booked_first=True)


BEFORE: dict[str, Policy] = {policy.__name__: policy for policy in (crowded, even, mixed)}


@dataclass(frozen=True, slots=True)
class Experiment:
    """C combinations of A assumptions, before and after. Waits and overtime in minutes.

    values    (C, A) in the order of ASSUMPTIONS
    walk_in, booked, overtime  by policy (those of BEFORE and `study`): (C,)
    by_interval  by policy: (C, 5), the walk-ins' mean wait by when they came, as the study's table 3
    """

    values: NDArray[np.float64]
    walk_in: dict[str, NDArray[np.float64]]
    booked: dict[str, NDArray[np.float64]]
    overtime: dict[str, NDArray[np.float64]]
    by_interval: dict[str, NDArray[np.float64]]

    def saved(self, before: str) -> NDArray[np.float64]:
        """(C,) by how many minutes the study's split shortens the walk-ins' mean wait."""
        return self.walk_in[before] - self.walk_in["study"]

    def drivers(self, before: str) -> NDArray[np.float64]:
        """(A,) rank correlation of each assumption with what is saved (Spearman's, without ties)."""
        saved = _ranks(self.saved(before))
        return np.array([np.corrcoef(_ranks(column), saved)[0, 1] for column in self.values.T])


def draw(count: int, seed: int) -> NDArray[np.float64]:
    """(count, A) a Latin hypercube: each assumption once in each of `count` equal parts of its range."""
    rng = np.random.default_rng(seed)
    low, high = (np.array([getattr(each, end) for each in ASSUMPTIONS]) for end in ("low", "high"))
    parts = np.array([rng.permutation(count) for _ in ASSUMPTIONS]).T
    return low + (parts + rng.random(parts.shape)) / count * (high - low)


def scenario(values: Sequence[float]) -> Scenario:
    """The study's morning under these assumptions, in the order of ASSUMPTIONS."""
    numbers, share, falling, *visits, last, cv, until_nine, delay_spread, own = values
    total = round(numbers)
    before_start = study.ASSUMED["walk_ins"][0]
    # Whole numbers, as in the study: of each part of one R2.4 would keep a whole number for walk-ins.
    later = _shares(falling ** np.arange(4), round(share * (total - study.PRINTED["bookings"] - before_start)))
    points = np.linspace(0, 1, 41)
    both = [_quantiles(each, points) for each in (study.STUDY_PUNCTUALITY, study.PUNCTUALITY)]
    return study.scenario(
        numbers=total,
        capacities=(*study.PRINTED["capacities"][:-1], total - sum(study.PRINTED["capacities"][:-1])),
        walk_ins=(before_start, *map(float, later)),
        visit_minutes=(*visits, last),
        visit_cv=cv,
        start_delay=(60 - until_nine * visits[0], delay_spread),
        punctuality=tuple((own * both[0] + (1 - own) * both[1]).tolist()),
    )


def run(count: int, *, mornings: int, seed: int, progress: Progress | None = None) -> Experiment:
    """Plays `count` combinations, `mornings` mornings each. `progress` is told how many of them are done."""
    values = draw(count, seed)
    plans = BEFORE | {"study": policies.study}
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in plans}
    for done, row in enumerate(values, start=1):
        reports = report.simulate(scenario(row), plans, count=mornings, seed=seed + done)
        for name, each in reports.items():
            figures[name].append({key: _mean(figure) for key, figure in each.figures.items()})
        if progress is not None:
            progress(done, count)

    def column(name: str, key: str) -> NDArray[np.float64]:
        return np.array([each[key] for each in figures[name]])

    return Experiment(
        values=values,
        walk_in={name: column(name, "walk_in_mean") for name in plans},
        booked={name: column(name, "booked_mean") for name in plans},
        overtime={name: column(name, "overtime") for name in plans},
        by_interval={name: np.stack([column(name, f"walk_in_{i}") for i in range(5)], axis=1) for name in plans},
    )


def _mean(figure: report.Figure) -> float:
    """Over the groups that had somebody to count; NaN where none had."""
    counted = figure.groups[~np.isnan(figure.groups)]
    return float(counted.mean()) if len(counted) else float("nan")


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.argsort(np.argsort(column)).astype(float)


def _quantiles(known: Sequence[float], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(points, np.linspace(0, 1, len(known)), known)


def _shares(numbers: ArrayLike, count: int) -> list[int]:
    """`count` shared out in proportion, to whole numbers that add up to it."""
    edges = np.floor(np.concatenate([[0.0], np.cumsum(numbers)]) * count / max(1e-9, np.sum(numbers)) + 1e-9)
    return np.diff(edges).astype(int).tolist()
