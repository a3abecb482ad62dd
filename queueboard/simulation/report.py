"""What a plan did to those who waited: figures with confidence intervals, comparable between policies (R5.2, R7.1).

Mornings are drawn in groups. A figure is the mean of its groups, its 95% interval comes from how much they differ; all
policies see the same mornings, so the difference of two is taken group by group and is far more certain than either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from queueboard.simulation import batch, mornings
from queueboard.simulation.policies import Policy
from queueboard.simulation.scenario import NEVER, Outcome, Patients, Plan, Scenario, Seconds

GROUPS = 20
_T95 = 2.093  # Student's t, 19 degrees of freedom, two-sided 95%
CROWD_STEP = 300  # seconds between two looks into the waiting room
CROWD_AFTER = 2 * 3600  # how long after the session's end it is looked into

Progress = Callable[[int, int], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, by group of mornings; NaN where a group has nobody to count."""

    groups: Floats

    @property
    def value(self) -> float:
        return float(np.mean(self.groups))

    @property
    def margin(self) -> float:
        """Half of the 95% interval."""
        return float(_margin(self.groups))

    def __sub__(self, other: "Figure") -> "Figure":
        return Figure(self.groups - other.groups)


@dataclass(frozen=True, slots=True)
class Report:
    """One policy's mornings. Waits in minutes; counts are per morning.

    figures  `walk_in_mean`, `_median`, `_p90` and `walk_in_0` .. `walk_in_M` (mean by the interval of registration: 0
             before the start, then each slot); the same of `booked`, by the slot booked, from 1; `seen`, `refused`,
             `absent`, `unseen` (came, and was not called before the session was over); `idle` minutes of the expert
             between arrival and the last visit, `overtime` minutes after the session's end; `crowd_most`
    crowd    mean number of those present and not called yet, every CROWD_STEP seconds from the opening of registration
    crowd_margin  half of the 95% interval of each
    """

    plan: Plan
    figures: dict[str, Figure]
    crowd: Floats
    crowd_margin: Floats


def simulate(
    scenario: Scenario,
    policies: Mapping[str, Policy],
    *,
    count: int,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Report]:
    """Plays `count` mornings (rounded up to whole groups) under each policy: the same mornings for all.

    `progress` is told how many of how many steps are done. Raises ValueError for a count under 1.
    """
    if count < 1:
        raise ValueError("at least one morning")
    plans = {name: policy(scenario) for name, policy in policies.items()}
    size = -(-count // GROUPS)
    groups: dict[str, list[tuple[dict[str, float], Floats]]] = {name: [] for name in plans}
    for done, rng in enumerate(np.random.default_rng(seed).spawn(GROUPS)):
        drawn = mornings.draw(scenario, size, rng)
        for step, (name, plan) in enumerate(plans.items(), start=1):
            who = mornings.patients(scenario, plan, drawn)
            groups[name].append(measured(scenario, plan, who, batch.play(scenario, plan, who)))
            if progress is not None:
                progress(done * len(plans) + step, GROUPS * len(plans))
    return {name: _report(plans[name], each) for name, each in groups.items()}


def _report(plan: Plan, groups: Sequence[tuple[dict[str, float], Floats]]) -> Report:
    names = groups[0][0]
    figures = {name: Figure(np.array([figures[name] for figures, _ in groups])) for name in names}
    crowd = np.array([crowd for _, crowd in groups])
    return Report(plan=plan, figures=figures, crowd=crowd.mean(axis=0), crowd_margin=_margin(crowd))


def _margin(groups: Floats) -> Floats:
    """Half of the 95% interval of the groups' mean."""
    return np.asarray(_T95 * groups.std(axis=0, ddof=1) / np.sqrt(len(groups)))


def measured(scenario: Scenario, plan: Plan, patients: Patients, outcome: Outcome) -> tuple[dict[str, float], Floats]:
    """The figures of one group of mornings, and its crowd over time (see `Report`)."""
    called = outcome.called < NEVER
    wait = waits(plan, patients, outcome)
    booked = np.broadcast_to(patients.booked, called.shape)
    figures = _waits("walk_in", wait, called & ~booked)
    edges = [scenario.opens - 1, *(start for start, _ in scenario.slots), scenario.ends]
    for interval, (begin, end) in enumerate(pairwise(edges)):
        inside = called & ~booked & (outcome.arrived >= begin) & (outcome.arrived < end)
        figures[f"walk_in_{interval}"] = _mean(wait, inside)
    figures |= _waits("booked", wait, called & booked)
    appointed = appointed_at(plan, patients)
    for slot, (begin, end) in enumerate(scenario.slots, start=1):
        inside = called & booked & (appointed >= begin) & (appointed < end)
        figures[f"booked_{slot}"] = _mean(wait, inside)
    rows = len(called)
    last = ends_at(patients, outcome)
    seen = outcome.finished < NEVER
    at_work = np.where(seen, outcome.finished - outcome.started, 0).sum(axis=1, dtype=np.int64)
    at_work += scenario.call_seconds * outcome.missed.sum(axis=1, dtype=np.int64)
    crowd = in_waiting_room(scenario, outcome)
    figures |= {
        "seen": seen.sum() / rows,
        "refused": outcome.refused.sum() / rows,
        "absent": (booked & (patients.at == NEVER)).sum() / rows,
        "unseen": unseen(patients, outcome).sum() / rows,
        "idle": float(np.maximum(last - patients.delay - at_work, 0).mean()) / 60,
        "overtime": float(np.maximum(last - scenario.ends, 0).mean()) / 60,
        "crowd_most": float(crowd.max()),
    }
    return {name: float(value) for name, value in figures.items()}, crowd


def appointed_at(plan: Plan, patients: Patients) -> Seconds:
    """(P,) when each booked patient was told to come; 0 for walk-ins."""
    appointed = np.zeros(len(patients.booked), dtype=np.int32)
    taken = int(patients.booked.sum())
    appointed[:taken] = plan.appointed[:taken]
    return appointed


def waits(plan: Plan, patients: Patients, outcome: Outcome) -> Floats:
    """(B, P) minutes until the first call: of walk-ins from registration, of booked patients from check-in or from the
    time that they were told to come, whichever is later (R5.2). Without meaning where nobody was called."""
    since = np.where(patients.booked, np.maximum(outcome.arrived, appointed_at(plan, patients)), outcome.arrived)
    return np.maximum(outcome.called - since, 0) / 60


def ends_at(patients: Patients, outcome: Outcome) -> NDArray[np.int64]:
    """(B,) when the last visit is over; where there was none, when the expert came."""
    last = np.where(outcome.finished < NEVER, outcome.finished, -(2**31)).max(axis=1, initial=-(2**31))
    return np.maximum(last, patients.delay).astype(np.int64)


def unseen(patients: Patients, outcome: Outcome) -> NDArray[np.bool_]:
    """(B, P) who came, was not refused, and was not seen before the session was over."""
    came = (patients.at < NEVER) & ~outcome.refused
    return came & (outcome.finished == NEVER)


def in_waiting_room(scenario: Scenario, outcome: Outcome) -> Floats:
    """Mean number of those present and not called yet, at `crowd_times`."""
    return (_by_then(scenario, outcome.arrived) - _by_then(scenario, outcome.called)) / len(outcome.arrived)


def _by_then(scenario: Scenario, instants: Seconds) -> NDArray[np.int64]:
    """How many of the instants have come by each of `crowd_times`."""
    looks = len(crowd_times(scenario))
    first = np.clip(-((scenario.opens - instants) // CROWD_STEP), 0, looks)  # the first look that finds it come
    return np.bincount(first.ravel(), minlength=looks + 1)[:looks].cumsum()


def crowd_times(scenario: Scenario) -> Seconds:
    return np.arange(scenario.opens, scenario.ends + CROWD_AFTER + 1, CROWD_STEP, dtype=np.int32)


def _waits(of: str, wait: Floats, who: NDArray[np.bool_]) -> dict[str, float]:
    chosen = wait[who]
    if not len(chosen):
        return dict.fromkeys((f"{of}_mean", f"{of}_median", f"{of}_p90"), float("nan"))
    median, p90 = np.quantile(chosen, [0.5, 0.9])
    return {f"{of}_mean": float(chosen.mean()), f"{of}_median": float(median), f"{of}_p90": float(p90)}


def _mean(wait: Floats, who: NDArray[np.bool_]) -> float:
    count = np.count_nonzero(who)
    return float(wait.sum(where=who) / count) if count else float("nan")
