""" "Come at 9:40" (R5.3): what following it does to early arrival, lateness, waits and the crowd."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bench.prediction.simulated import SEED, learnt
from queueboard.simulation import events, foresight, mornings, policies, report, study
from queueboard.simulation.scenario import NEVER, Outcome, Patients, Plan, Scenario
from queueboard.waiting import leaving

MORNINGS = 40
SHARES = (0.0, 0.5, 1.0)
SHARES_OF = ("early", "late", "missed_turn")
EARLY = 30 * 60
PATIENTS: dict[str, Scenario] = {
    "one doctor's": study.scenario(absent=0.1, missed=0.05, never_back=0.3),
    "the study's": study.scenario(absent=0.1, missed=0.05, never_back=0.3, punctuality=study.STUDY_PUNCTUALITY),
}
COLUMNS = (
    ("over 30 min early", "early"),
    ("late", "late"),
    ("passed or late", "missed_turn"),
    ("in the room until called, booked", "stay"),
    ("walk-ins wait", "walk_ins"),
    ("called by, booked", "called"),
    ("most in the room", "most"),
    ("most booked in the room", "most_booked"),
    ("expert idle", "idle"),
)


def figures(scenario: Scenario, share: float, count: int, seed: int = SEED) -> tuple[dict[str, float], np.ndarray]:
    """Of booked patients who came, shares and mean minutes; and the crowd at `report.crowd_times`."""
    rng = np.random.default_rng(seed)
    plan = policies.ours(scenario)
    known = learnt(scenario, plan, rng)
    people = mornings.patients(scenario, plan, mornings.draw(scenario, count, rng))
    outcome = events.play(scenario, plan, people, morning=foresight.advised(known, share, rng))
    crowd = report.in_waiting_room(scenario, outcome)
    booked = replace(
        outcome,
        arrived=np.where(people.booked, outcome.arrived, NEVER),
        called=np.where(people.booked, outcome.called, NEVER),
    )
    most = {"most": float(crowd.max()), "most_booked": float(report.in_waiting_room(scenario, booked).max())}
    return _figures(scenario, plan, people, outcome) | most, crowd


def _figures(scenario: Scenario, plan: Plan, people: Patients, outcome: Outcome) -> dict[str, float]:
    seen = outcome.called < NEVER
    booked = seen & people.booked
    appointed = report.appointed_at(plan, people)
    early = np.broadcast_to(appointed, seen.shape) - outcome.arrived > EARLY
    stay = (outcome.called - outcome.arrived) / 60
    began = np.maximum(people.delay, 0)
    last = np.where(outcome.finished < NEVER, outcome.finished, 0).max(axis=1)
    work = np.where(outcome.finished < NEVER, outcome.finished - outcome.started, 0).sum(axis=1, dtype=np.int64)
    work += scenario.call_seconds * outcome.missed.sum(axis=1)
    return {
        "early": float(early[booked].mean()),
        "late": float(outcome.late[booked].mean()),
        "missed_turn": float((outcome.late | outcome.passed)[booked].mean()),
        "stay": float(stay[booked].mean()),
        "walk_ins": float(stay[seen & ~people.booked].mean()),
        "called": float((outcome.called - appointed)[booked].mean() / 60),
        "idle": float(np.maximum(last - began - work, 0).mean() / 60),
    }


def section(pictures: Path) -> str:
    """The text, and crowd.png."""
    lines = [
        "## Come at 9:40",
        "",
        f"{MORNINGS} simulated mornings, the same ones in each row; the booked patients come as they are used to "
        f"(whose "
        "punctuality it is says the first column), or that share of them follows the phone. It tells each to have "
        "checked "
        "in by the moment before which the own turn comes in one case of ten, not before the slot and not in its last "
        f"{leaving.BEFORE_END:.0f} minutes, counting who of the slot booked before and has not come; and to set out "
        f"as long "
        f"before as the own way takes in nine journeys of ten ({leaving.WAY_SPREAD} times the usual one, assumed) with "
        f"{leaving.AT_DOOR:.0f} minutes at the door. Ways are 10 to 60 minutes. Everybody looks until they leave.",
        "",
        "| punctuality | follow | " + " | ".join(name for name, _ in COLUMNS) + " |",
        "|" + " --- |" * (len(COLUMNS) + 2),
    ]
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, (name, scenario) in zip(figure.subplots(1, 2, sharey=True), PATIENTS.items(), strict=True):
        for share in SHARES:
            found, crowd = figures(scenario, share, MORNINGS)
            cells = [f"{found[key]:.0%}" if key in SHARES_OF else f"{found[key]:.1f}" for _, key in COLUMNS]
            lines.append(f"| {name} | {share:.0%} | " + " | ".join(cells) + " |")
            axes.plot(report.crowd_times(scenario) / 3600, crowd, label=f"{share:.0%} follow")
        axes.set_title(f"{name} punctuality", fontsize=10)
        axes.set_xlabel("hours from the planned start")
    figure.axes[0].set_ylabel("in the waiting room")
    figure.axes[0].legend()
    figure.savefig(pictures / "crowd.png", dpi=100)
    return "\n".join(
        [
            *lines,
            "",
            "Shares are of booked patients who came, the rest are minutes, and people at the fullest moment. *Passed "
            "or late* "
            "is who was not there in time. *Called by* is counted from the start of the slot.",
            "",
            "![Who is in the waiting room](prediction/crowd.png)",
            "",
        ]
    )
