"""What one prediction costs, beside the same sum by plain Monte Carlo, and how far its quantiles are off."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from queueboard.waiting import times
from queueboard.waiting.coming import LOOKED_AHEAD, Coming
from queueboard.waiting.lengths import RETURN, Lengths

QUEUE = 100
DRAWN = 10_000
TIMED = 200
SEED = 3
LENGTHS = Lengths(minutes=((6.0, 5.0, 5.5),))
LASTED = 4.0
SHOWN = (1, 3, 10, 30, 100)


def section(pictures: Path) -> str:
    """The text; no picture."""
    kinds = [place % 2 for place in range(QUEUE)]
    ours = times.predict(kinds, lengths=LENGTHS, under_way=[(RETURN, LASTED)])
    drawn = monte_carlo(kinds, np.random.default_rng(SEED))
    groups = [
        Coming(place=10 * each, count=5, chance=tuple(np.linspace(0, 0.9, len(LOOKED_AHEAD)))) for each in range(8)
    ]
    plain = _milliseconds(lambda: times.predict(kinds, lengths=LENGTHS, under_way=[(RETURN, LASTED)]), TIMED)
    full = _milliseconds(
        lambda: times.predict(kinds, lengths=LENGTHS, under_way=[(RETURN, LASTED)], coming=groups), TIMED
    )
    sampled = _milliseconds(lambda: monte_carlo(kinds, np.random.default_rng(SEED)), 5)
    lines = [
        "## Cost",
        "",
        f"All waits of a queue of {QUEUE} with a visit under way, median of {TIMED} runs: {plain:.2f} ms; with eight "
        f"groups of "
        f"patients who may still come {full:.2f} ms. The same sums by plain Monte Carlo ({DRAWN:,} draws): "
        f"{sampled:.0f} ms, "
        f"{sampled / plain:.0f} times as much. Absolute figures depend on the machine.",
        "",
        "Of a sum that has a common random pace, moments by convolution or by FFT would have to be taken pace by pace; "
        "matching mean and variance costs one pass and is as near as this to the drawn sums:",
        "",
        "| visits ahead | median, drawn | ours | p90, drawn | ours |",
        "| --- | --- | --- | --- | --- |",
    ]
    for place in SHOWN:
        median, p90 = np.quantile(drawn[:, place], [0.5, 0.9])
        lines.append(f"| {place} | {median:.1f} | {ours[place, 0]:.1f} | {p90:.1f} | {ours[place, 1]:.1f} |")
    worst = np.abs(ours[1:] / np.quantile(drawn[:, 1:], [0.5, 0.9], axis=0).T - 1).max()
    return "\n".join([*lines, "", f"Furthest off, of all places and both quantiles: {worst:.1%}.", ""])


def monte_carlo(kinds: list[int], rng: np.random.Generator) -> np.ndarray:
    """(DRAWN, n + 1) waits of the same model by drawing every visit: a lognormal pace, lognormal visits, and of the one
    under way what is left of those drawn that last so long."""
    sigma = np.sqrt(np.log1p(times.CV**2))
    pace_sigma = np.sqrt(np.log1p(times.PACE_SD**2))
    means = np.array([LENGTHS.expected(0, kind) for kind in kinds])
    visits = means * np.exp(sigma * rng.standard_normal((DRAWN, len(kinds))) - sigma**2 / 2)
    under_way = LENGTHS.expected(0, RETURN) * np.exp(sigma * rng.standard_normal(8 * DRAWN) - sigma**2 / 2)
    left = under_way[under_way > LASTED][:DRAWN] - LASTED
    left = rng.choice(left, DRAWN)
    pace = np.exp(pace_sigma * rng.standard_normal(DRAWN) - pace_sigma**2 / 2)
    waits = np.cumsum(np.column_stack([left, visits]), axis=1)
    return pace[:, None] * waits


def _milliseconds(act: Callable[[], object], count: int) -> float:
    took = []
    for _ in range(count):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)
