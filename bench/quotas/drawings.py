"""The pictures of docs/quotas.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

from bench.quotas.score import BINS, Uniformity

# Told apart by who cannot see red or green (Okabe and Ito).
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"
# The salt gives the same names within the file in each run.
LOOK: dict[str, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "quotas",
    "svg.fonttype": "none",
}


BARS = {"ecolor": "#333333", "elinewidth": 1}


def calibration(each: Mapping[str, Uniformity], file: Path) -> None:
    """A histogram for each, with 95% intervals; a calibrated one is level but for chance."""
    columns = min(3, len(each))
    rows = -(-len(each) // columns)
    with rc_context(LOOK):
        canvas = Canvas(figsize=(3.6 * columns, 2.4 * rows), layout="constrained")
        panels = canvas.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
        for panel, (title, of) in zip(panels, each.items(), strict=False):
            middle = (np.arange(BINS) + 0.5) / BINS
            panel.bar(middle, of.histogram, 0.8 / BINS, yerr=of.margins, color=BLUE, error_kw=BARS)
            panel.axhline(1 / BINS, color=ORANGE)
            panel.set_title(title, loc="left")
            panel.set_ylim(0, 2 / BINS)
        canvas.savefig(file, metadata={"Date": None})


def followed(days: Any, came: Any, low: Any, median: Any, high: Any, plain: Any, file: Path) -> None:
    """Of one interval: who came on each day, what was foretold for it, and the plain mean."""
    with rc_context(LOOK):
        canvas = Canvas(figsize=(11, 3.6), layout="constrained")
        panel = canvas.subplots()
        panel.fill_between(days, low, high, step="mid", color=BLUE, alpha=0.25, linewidth=0, label="ours, 80%")
        panel.step(days, median, where="mid", color=BLUE, label="ours, median")
        panel.plot(days, plain, color=ORANGE, label="plain mean")
        panel.plot(days, came, ".", color="#333333", label="came")
        panel.set_xlabel("days since the first session")
        panel.set_ylabel("walk-ins")
        panel.set_ylim(bottom=0)
        panel.legend(frameon=False, ncols=4)
        canvas.savefig(file, metadata={"Date": None})
