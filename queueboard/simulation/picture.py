"""Simulated mornings as a picture: how long people wait, and how full the waiting room is."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure as Canvas

from queueboard.simulation.report import Report, crowd_times
from queueboard.simulation.scenario import Scenario

WORDS = {
    "waits": "Mean wait and 90th percentile (minutes)",
    "walk_in": "walk-ins",
    "booked": "booked",
    "crowd": "In the waiting room, not called yet",
    "minutes": "minutes from the planned start",
}
# Told apart by who cannot see red or green (Okabe and Ito).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
# The first that there is; the last comes with the library and has no Chinese.
FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei", "DejaVu Sans")


def look() -> AbstractContextManager:
    """What all pictures share: fonts that are there, and no more lines than needed."""
    there = set(font_manager.get_font_names())
    settings: dict[Any, Any] = {"font.family": [font for font in FONTS if font in there], "font.size": 10}
    return rc_context(settings | {"axes.spines.top": False, "axes.spines.right": False})


def waits_and_crowd(
    scenario: Scenario,
    reports: Mapping[str, Report],
    *,
    names: Mapping[str, str] | None = None,
    words: Mapping[str, str] = WORDS,
) -> Canvas:
    """One picture of two parts. `names` of the policies and `words` in the reader's language."""
    names = names or {}
    with look():
        canvas = Canvas(figsize=(11, 4.6), layout="constrained")
        left, right = canvas.subplots(1, 2)
        rows = np.arange(len(reports))
        for kind, colour, shift in (("walk_in", COLOURS[1], -0.2), ("booked", COLOURS[0], 0.2)):
            means = [report.figures[f"{kind}_mean"] for report in reports.values()]
            worst = [report.figures[f"{kind}_p90"].value for report in reports.values()]
            left.barh(
                rows + shift, [each.value for each in means], 0.36, color=colour, label=words[kind],
                xerr=[each.margin for each in means], error_kw={"ecolor": "#333333", "elinewidth": 1},
            )  # fmt: skip
            left.plot(worst, rows + shift, "|", color=colour, markersize=12, markeredgewidth=2)
        left.set_yticks(rows, [names.get(name, name) for name in reports])
        left.invert_yaxis()
        left.set_title(words["waits"], loc="left")
        left.legend(frameon=False, loc="lower right")
        minutes = crowd_times(scenario) / 60
        # Where two policies fill the room alike, the earlier one shows on both sides of the later.
        widths = np.linspace(1.5 + 0.8 * (len(reports) - 1), 1.5, len(reports))
        for (name, report), colour, width in zip(reports.items(), COLOURS * len(reports), widths, strict=False):
            right.plot(minutes, report.crowd, color=colour, linewidth=width, label=names.get(name, name))
            low, high = report.crowd - report.crowd_margin, report.crowd + report.crowd_margin
            right.fill_between(minutes, low, high, color=colour, alpha=0.2, linewidth=0)
        right.axvline(0, color="#999999", linewidth=0.8)
        right.axvline(scenario.ends / 60, color="#999999", linewidth=0.8)
        right.set_ylim(bottom=0)
        right.set_title(words["crowd"], loc="left")
        right.set_xlabel(words["minutes"])
        right.legend(frameon=False)
    return canvas
