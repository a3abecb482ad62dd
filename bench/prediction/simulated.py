"""Simulated mornings with booked, late and missing patients: what the live queue would have foretold."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from queueboard.simulation import batch, events, foresight, mornings, policies, study
from queueboard.simulation.events import Morning
from queueboard.simulation.scenario import Patients, Plan, Scenario
from queueboard.waiting import steady
from queueboard.waiting.known import Known

SEED = 7
PAST = 60  # mornings that the predictor has learnt from
JUDGED = 60
RESAMPLED = 2000

SCENARIOS: dict[str, Scenario] = {
    "one doctor's punctuality (23% late)": study.scenario(absent=0.1, missed=0.05, never_back=0.3),
    "the study's punctuality (28% late, 21% early)": study.scenario(
        absent=0.2, missed=0.05, never_back=0.3, punctuality=study.STUDY_PUNCTUALITY
    ),
    "no late start": study.scenario(absent=0.1, missed=0.05, never_back=0.3, start_delay=(5.0, 4.0)),
}


@dataclass
class Watched(foresight.Foreseen):
    """Keeps what was foretold of all who wait, whenever somebody comes or is called.

    kept  (morning, second, place, column, median, p90) of each
    """

    kept: list[tuple[int, int, int, int, float, float]]

    def moment(self, now: int) -> None:
        line, waits = self.foresee(now)
        for place, (ticket, (median, p90)) in enumerate(zip(line, waits.tolist(), strict=False)):
            # When somebody who missed a call is called again is in no outcome.
            if not ticket.misses:
                self.kept.append((self.row, now, place, self.column[ticket.number], median, p90))


def learnt(scenario: Scenario, plan: Plan, rng: np.random.Generator) -> Known:
    """What past mornings of the kind have shown."""
    people = mornings.patients(scenario, plan, mornings.draw(scenario, PAST, rng))
    return foresight.known(scenario, plan, people, batch.play(scenario, plan, people))


def table(scenario: Scenario, count: int, seed: int = SEED) -> tuple[np.ndarray, float]:
    """One row a prediction: morning, second, place, column, median, p90, what came true (minutes); the mean visit."""
    rng = np.random.default_rng(seed)
    plan = policies.ours(scenario)
    known = learnt(scenario, plan, rng)
    people = mornings.patients(scenario, plan, mornings.draw(scenario, count, rng))
    kept: list = []
    outcome = events.play(scenario, plan, people, morning=partial(_watched, known=known, kept=kept))
    rows = np.array(kept)
    morning, column = rows[:, 0].astype(int), rows[:, 3].astype(int)
    actual = (outcome.called[morning, column] - rows[:, 1]) / 60
    return np.column_stack([rows, actual]), float(np.mean(known.lengths.minutes))


def _watched(scenario: Scenario, plan: Plan, patients: Patients, row: int, *, known: Known, kept: list) -> Morning:
    return Watched(scenario, plan, patients, row, known, kept)


def section(pictures: Path) -> str:
    """The text; no picture."""
    lines = [
        "## Simulated mornings",
        "",
        f"The study's morning (`queueboard/simulation`), {JUDGED} of them, foretold after {PAST} others had been "
        f"seen. At "
        "every arrival and call, for all who wait, the time until called; mean absolute error in minutes. *Number × "
        "mean* is "
        "the number before me × the mean visit; *from the start* adds the time until the planned start, for those "
        "who ask "
        "before. The expert's lateness, who is booked and will not come, come late or miss a call are unknown to "
        "all; ours "
        "knows how often these happened in the past.",
        "",
        "| morning | predictions | number × mean | from the start | **ours** | below number × mean | below from the "
        "start | "
        "once the first is called, below | below the p90 | below the p90 once the first is called |",
        "|" + " --- |" * 10,
    ]
    for name, scenario in SCENARIOS.items():
        rows, visit = table(scenario, JUDGED)
        figures = _figures(rows, visit)
        (low, high), (fewest, most) = _between(rows, visit)
        lines.append(
            f"| {name} | {len(rows)} | {figures['plain']:.1f} | {figures['planned']:.1f} | **{figures['ours']:.1f}** | "
            f"{figures['gain']:.0%} ({low:.0%} to {high:.0%}) | {figures['gain_planned']:.0%} | "
            f"{figures['gain_running']:.0%} | {figures['cover']:.1%} ({fewest:.1%} to {most:.1%}) | "
            f"{figures['cover_running']:.1%} |"
        )
    lines += [
        "",
        "In brackets the 95% interval by bootstrap over mornings.",
        "",
        *_still(table(next(iter(SCENARIOS.values())), JUDGED)[0]),
    ]
    return "\n".join([*lines, ""])


def _still(rows: np.ndarray) -> list[str]:
    """What `queueboard.waiting.steady` does to the figures of each patient in turn."""
    patients: dict[tuple[float, float], list[np.ndarray]] = {}
    for row in rows:
        patients.setdefault((row[0], row[3]), []).append(row)
    raw_turns = held_turns = looks = below = 0
    raw_error = held_error = 0.0
    for history in patients.values():
        now, median, p90, actual = np.array(history)[:, [1, 4, 5, 6]].T
        clock = now / 60 + median
        shown: list[tuple[float, float]] = []
        for minute, *new in zip(now / 60, clock, now / 60 + p90, strict=True):
            shown.append(steady.held((new[0], new[1]), shown[-1] if shown else None, minute))
        kept, latest = np.array(shown).T
        below += int(np.count_nonzero(now / 60 + actual <= latest + 1e-6))
        raw_turns += _turns(clock)
        held_turns += _turns(kept)
        looks += len(history)
        raw_error += np.abs(actual - median).sum()
        held_error += np.abs(actual - (kept - now / 60)).sum()
    return [
        "### Standing still",
        "",
        "A patient is shown a time of day, who waits here as who is still at home. It stays until a newly computed one "
        "is off by more than a third of the range's "
        f"width (and by more than a minute), then it moves all the way. In the first kind of morning the computed "
        f"time turned "
        f"back {raw_turns / len(patients):.1f} times a patient, the shown one {held_turns / len(patients):.1f} "
        f"times; the mean "
        f"error is {raw_error / looks:.2f} minutes computed and {held_error / looks:.2f} shown, and "
        f"{below / looks:.1%} are called before the 90th percentile that is shown.",
    ]


def _turns(times: np.ndarray) -> int:
    """How often a figure goes back on itself by more than half a minute."""
    steps = np.diff(times)
    steps = np.sign(steps[np.abs(steps) > 0.5])
    return int(np.count_nonzero(steps[1:] != steps[:-1]))


def _figures(rows: np.ndarray, visit: float) -> dict[str, float]:
    morning, now, place, _, median, p90, actual = rows.T
    first_call = np.full(int(morning.max()) + 1, np.inf)
    np.minimum.at(first_call, morning.astype(int), now + 60 * actual)
    running = now >= first_call[morning.astype(int)]
    plain = place * visit
    planned = plain + np.maximum(0.0, -now / 60)
    ours, error, error_planned = np.abs(actual - median), np.abs(actual - plain), np.abs(actual - planned)
    return {
        "plain": error.mean(),
        "planned": error_planned.mean(),
        "ours": ours.mean(),
        "gain": 1 - ours.mean() / error.mean(),
        "gain_planned": 1 - ours.mean() / error_planned.mean(),
        "gain_running": 1 - ours[running].mean() / error[running].mean(),
        "cover": float(np.mean(actual <= p90 + 1e-6)),
        "cover_running": float(np.mean(actual[running] <= p90[running] + 1e-6)),
    }


def _between(rows: np.ndarray, visit: float) -> list[tuple[float, float]]:
    """Of the gain and of the cover."""
    count = int(rows[:, 0].max()) + 1
    ours = np.bincount(rows[:, 0].astype(int), np.abs(rows[:, 6] - rows[:, 4]), count)
    plain = np.bincount(rows[:, 0].astype(int), np.abs(rows[:, 6] - rows[:, 2] * visit), count)
    covered = np.bincount(rows[:, 0].astype(int), rows[:, 6] <= rows[:, 5] + 1e-6, count)
    all_ = np.bincount(rows[:, 0].astype(int), minlength=count)
    drawn = np.random.default_rng(SEED).integers(count, size=(RESAMPLED, count))
    gains = 1 - ours[drawn].sum(axis=1) / plain[drawn].sum(axis=1)
    covers = covered[drawn].sum(axis=1) / all_[drawn].sum(axis=1)
    return [tuple(np.quantile(each, [0.025, 0.975]).tolist()) for each in (gains, covers)]
