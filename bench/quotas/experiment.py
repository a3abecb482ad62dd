"""The study's experiment over the whole range of what it does not print (R7.1)."""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Canvas
from tqdm import tqdm

from queueboard.simulation import experiment, picture
from queueboard.simulation.experiment import ASSUMPTIONS, Experiment

COMBINATIONS, MORNINGS, SEED = 300, 400, 1
STUDYS = 40  # minutes, nearly, that its walk-ins saved
INTERVALS = ("07:00-08:00", "08:00-09:00", "09:00-10:00", "10:00-11:00", "11:00-12:00")
SAYS = {
    "crowded": "bookings crowd the first slots",
    "mixed": "half crowd, half are spread",
    "even": "each slot has the same share booked",
}


def section(pictures: Path) -> str:
    with tqdm(total=COMBINATIONS, unit=" combinations", file=sys.stderr, leave=False) as bar:
        found = experiment.run(
            COMBINATIONS, mornings=MORNINGS, seed=SEED, progress=lambda done, _: bar.update(done - bar.n)
        )
    _picture(found).savefig(pictures / "experiment.png", dpi=110)
    return "\n".join([_introduction(), *_savings(found), *_table_3(found), *_booked(found), *_drivers(found)])


def _introduction() -> str:
    rows = "\n".join(f"| {each.name} | {each.low:g} to {each.high:g} | {each.reason} |" for each in ASSUMPTIONS)
    return f"""## The study's experiment (R7.1)

The study reports that its split made walk-ins wait "nearly 40 minutes" less. It prints the morning's hours, the numbers
of the first three slots (2, 12, 10), the 9 walk-ins of the hour before the start, the 21 booked of a morning, that all
of them came, and that the booked go first within a slot. The rest is assumed, each over its plausible range:

| assumption | from, to | why |
|---|---|---|
{rows}

Nor does it print how numbers were split before. Three ways are compared: bookings crowd the first slots (as many of
each slot's numbers as are wanted, from 08:00 on), each slot has the same share of its numbers booked, or half and half.
{COMBINATIONS} combinations (a Latin hypercube) of {MORNINGS} mornings each, the same mornings before and after.
"""


def _savings(found: Experiment) -> list[str]:
    lines = [
        "### What walk-ins save",
        "",
        "| before | median | from 5% to 95% of combinations | at least 20 min | at least 30 | at least 40 | 30 to 50 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, says in SAYS.items():
        saved = found.saved(name)
        low, median, high = np.percentile(saved, [5, 50, 95])
        shares = [np.mean(saved >= minutes) for minutes in (20, 30, 40)] + [np.mean((saved >= 30) & (saved < 50))]
        cells = " | ".join(f"{share:.0%}" for share in shares)
        lines.append(f"| {says} | {median:.0f} min | {low:.0f} to {high:.0f} min | {cells} |")
    return [*lines, "", "![What walk-ins save, and what drives it](quotas/experiment.png)", ""]


def _table_3(found: Experiment) -> list[str]:
    lines = [
        "### By when they came (the study's table 3)",
        "",
        "Mean wait of walk-ins in minutes: median of the combinations, and from 5% to 95% of them.",
        "",
        f"| split | {' | '.join(INTERVALS)} |",
        "|---|" + "---|" * len(INTERVALS),
    ]
    for name in (*SAYS, "study"):
        cells = []
        for column in found.by_interval[name].T:
            low, median, high = np.nanpercentile(column, [5, 50, 95])
            cells.append(f"{median:.0f} ({low:.0f} to {high:.0f})")
        says = "the study's" if name == "study" else f"before: {SAYS[name]}"
        lines.append(f"| {says} | {' | '.join(cells)} |")
    return [*lines, ""]


def _booked(found: Experiment) -> list[str]:
    lines = [
        "### What happens to the booked",
        "",
        "The study aims at waits of the booked that are no worse. A booked patient waits from check-in or from the "
        "start of the slot, whichever is later (R5.2).",
        "",
        "| before | booked wait before | after | change, 5% to 95% | no longer (by half a minute) | more overtime |",
        "|---|---|---|---|---|---|",
    ]
    for name, says in SAYS.items():
        before, after = found.booked[name], found.booked["study"]
        low, median, high = np.percentile(after - before, [5, 50, 95])
        over = np.median(found.overtime["study"] - found.overtime[name])
        lines.append(
            f"| {says} | {np.median(before):.0f} min | {np.median(after):.0f} min | "
            f"{median:+.1f} ({low:+.1f} to {high:+.1f}) min | {np.mean(after - before < 0.5):.0%} | {over:+.1f} min |"
        )
    return [*lines, ""]


def _drivers(found: Experiment) -> list[str]:
    medians = {name: float(np.median(found.saved(name))) for name in SAYS}
    near = min(SAYS, key=lambda name: abs(medians[name] - STUDYS))
    apart = max(medians.values()) - min(medians.values())
    drivers = found.drivers(near)
    first, second = np.argsort(-np.abs(drivers))[:2]
    return [
        f'Nearest to the study\'s "nearly {STUDYS} minutes" is "{SAYS[near]}", with a median of {medians[near]:.0f}. '
        f"How bookings were placed before decides most ({apart:.0f} minutes between the highest and the lowest median "
        "of the three), and the study does not say it. Of what else is assumed, under that split, two things matter "
        f"most: {ASSUMPTIONS[first].name} (rank correlation {drivers[first]:+.2f}), and {ASSUMPTIONS[second].name} "
        f"({drivers[second]:+.2f}).",
        "",
    ]


def _picture(found: Experiment) -> Canvas:
    with picture.look():
        canvas = Canvas(figsize=(13, 5), layout="constrained")
        left, right = canvas.subplots(1, 2)
        edges = np.arange(0, 125, 5)
        rows = np.arange(len(ASSUMPTIONS))
        for shift, (name, colour) in zip((-0.27, 0, 0.27), zip(SAYS, picture.COLOURS, strict=False), strict=True):
            left.hist(found.saved(name), edges, color=colour, alpha=0.6, label=SAYS[name])
            right.barh(rows + shift, found.drivers(name), 0.25, color=colour)
        left.axvline(STUDYS, color="#000000", linestyle="--", label='the study: "nearly 40 minutes"')
        left.set_title("Minutes that walk-ins save", loc="left")
        left.set_ylabel("combinations")
        canvas.legend(loc="outside lower center", ncols=4, frameon=False)
        right.axvline(0, color="#999999", linewidth=0.8)
        right.set_yticks(rows, [each.name for each in ASSUMPTIONS])
        right.invert_yaxis()
        right.set_title("Rank correlation with what is saved", loc="left")
    return canvas
