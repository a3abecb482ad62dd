"""The wait that is shown before booking, days ahead (R5.2), against simulated mornings, which know who came."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.prediction.consultations import Floats
from bench.prediction.simulated import PAST, SEED
from queueboard.simulation import batch, foresight, mornings, policies, report, study
from queueboard.simulation.scenario import NEVER, Scenario
from queueboard.waiting import ahead

JUDGED = 200
USUAL = {"absent": 0.1, "missed": 0.05, "never_back": 0.3}
SCENARIOS: dict[str, Scenario] = {
    "the study's morning": study.scenario(**USUAL),
    "patients of the study's punctuality": study.scenario(**USUAL, punctuality=study.STUDY_PUNCTUALITY),
    "an expert who starts in time": study.scenario(**USUAL, start_delay=(5.0, 4.0), capacities=(11, 12, 10, 9)),
    "numbers to spare": study.scenario(**USUAL, capacities=(8, 8, 8, 8), numbers=32, start_delay=(5.0, 4.0)),
}


@dataclass(frozen=True)
class Booked:
    """Minutes, of each booked patient who was seen: what the wait was, and what had been told (median, p90)."""

    waited: Floats
    told: Floats


def booked(scenario: Scenario, count: int = JUDGED, seed: int = SEED) -> Booked:
    """Of so many mornings, once PAST others had been seen."""
    plan = policies.ours(scenario)
    rng = np.random.default_rng(seed)
    past, future = (mornings.patients(scenario, plan, mornings.draw(scenario, n, rng)) for n in (PAST, count))
    known = foresight.known(scenario, plan, past, batch.play(scenario, plan, past))
    outcome = batch.play(scenario, plan, future)
    parts = [
        ahead.Part(start / 60, end / 60, bookable, walk_in)
        for (start, end), bookable, walk_in in zip(plan.slots, plan.bookable, plan.walk_in, strict=True)
    ]
    seen = (outcome.called < NEVER) & future.booked
    slot = np.broadcast_to(future.slot, seen.shape)[seen]
    return Booked(report.waits(plan, future, outcome)[seen], np.array(ahead.waits(parts, known))[slot])


def section(pictures: Path) -> str:
    """The text; no picture."""
    lines = [
        "## While booking",
        "",
        "Days ahead nothing is known but the numbers of each slot, how long visits take and how punctual patients are "
        f"(`queueboard/waiting/ahead.py`). {JUDGED} mornings, foretold after {PAST} others had been seen; of the "
        "booked patients, in minutes:",
        "",
        "| morning | waited: median, 9 of 10 | told: median, 9 of 10 | stayed under the median told | stayed under the "
        "later time told |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, scenario in SCENARIOS.items():
        found = booked(scenario)
        waited, told = np.quantile(found.waited, [0.5, 0.9]), found.told.mean(axis=0)
        below = (found.waited[:, None] <= found.told).mean(axis=0)
        lines.append(
            f"| {name} | {waited[0]:.0f}, {waited[1]:.0f} | {told[0]:.0f}, {told[1]:.0f} | {below[0]:.0%} | "
            f"{below[1]:.0%} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            "*Told* is the mean over them. All numbers are taken to be used, so on a quiet day rather more is said "
            "than less.",
            "",
        ]
    )
