"""Simulated figures as a table for people and as a document for programs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from queueboard.simulation.report import CROWD_STEP, Figure, Report
from queueboard.simulation.scenario import Scenario

COLUMNS = (
    ("walk-ins", "walk_in_mean"),
    ("median", "walk_in_median"),
    ("p90", "walk_in_p90"),
    ("booked", "booked_mean"),
    ("median", "booked_median"),
    ("p90", "booked_p90"),
    ("idle", "idle"),
    ("overtime", "overtime"),
    ("crowd", "crowd_most"),
    ("refused", "refused"),
    ("seen", "seen"),
)
CELL = 12  # characters


def lines(scenario: Scenario, reports: Mapping[str, Report]) -> Iterator[str]:
    """One line a policy, each figure with its 95% margin; then the walk-ins by when they came (R7.1)."""
    width = max(map(len, reports)) + 2
    yield "minutes: wait of walk-ins and of booked patients (mean, median, 90th percentile), idle time, overtime;"
    yield "people: most in the waiting room at a time, refused and seen in a morning"
    yield " " * width + "".join(f"{head:>{CELL}}" for head, _ in COLUMNS)
    for name, report in reports.items():
        yield f"{name:<{width}}" + "".join(f"{cell(report.figures[key]):>{CELL}}" for _, key in COLUMNS)
    yield ""
    yield "mean wait of walk-ins by when they came, and of booked patients by slot (minutes)"
    spans = [f"{clock(scenario.opens)}-{clock(0)}", *(f"{clock(a)}-{clock(b)}" for a, b in scenario.slots)]
    width += len(", walk_in")
    yield " " * width + "".join(f"{span:>{CELL}}" for span in spans)
    for name, report in reports.items():
        for kind in ("walk_in", "booked"):
            cells = (report.figures.get(f"{kind}_{i}") for i in range(len(spans)))
            yield f"{name + ', ' + kind:<{width}}" + "".join(f"{cell(each):>{CELL}}" for each in cells)


def cell(figure: Figure | None) -> str:
    """`80.0 ±0.8`, and a dash where nobody was counted."""
    if figure is None or math.isnan(figure.value):
        return "-"
    return f"{figure.value:.1f} ±{figure.margin:.1f}"


def clock(seconds: int) -> str:
    """Minutes from the planned start: +1:30."""
    sign, minutes = "-" if seconds < 0 else "+", abs(seconds) // 60
    return f"{sign}{minutes // 60}:{minutes % 60:02d}"


def document(scenario: Scenario, reports: Mapping[str, Report], sources: Mapping[str, str]) -> dict[str, Any]:
    """JSON values only. Per policy: its split, every figure with its 95% margin, the difference to the first policy on
    the same mornings, and the crowd over time."""
    first = next(iter(reports))
    policies = {
        name: {
            "slots": [list(span) for span in report.plan.slots],
            "bookable": list(report.plan.bookable),
            "walk_in": list(report.plan.walk_in),
            "booked_first": report.plan.booked_first,
            "figures": {key: _figure(figure) for key, figure in report.figures.items()},
            "against_first": {
                key: _figure(figure - reports[first].figures[key]) for key, figure in report.figures.items()
            },
            "crowd": [round(float(each), 3) for each in report.crowd],
            "crowd_margin": [round(float(each), 3) for each in report.crowd_margin],
        }
        for name, report in reports.items()
    }
    return {
        "scenario": asdict(scenario),
        "sources": dict(sources),
        "first": first,
        "crowd_from": scenario.opens,
        "crowd_step": CROWD_STEP,
        "policies": policies,
    }


def _figure(figure: Figure) -> dict[str, float] | None:
    if math.isnan(figure.value):
        return None
    return {"value": round(figure.value, 4), "margin": round(figure.margin, 4)}
