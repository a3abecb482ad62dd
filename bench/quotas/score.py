"""Held-out scores side by side: means, paired differences with 95% intervals, and how uniform a PIT is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
BINS, DRAWS = 20, 2_000


@dataclass(frozen=True)
class Paired:
    """A mean, how much more it is than ours, and half of the 95% interval of that."""

    mean: float
    more: float
    margin: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.more:+.3f} ± {self.margin:.3f})"


def paired(theirs: Array, ours: Array) -> Paired:
    """From the mean score of each group of forecasts that are independent of all other groups."""
    more = theirs - ours
    return Paired(float(theirs.mean()), float(more.mean()), 1.96 * float(more.std(ddof=1)) / math.sqrt(more.size))


Scores = Mapping[str, Mapping[str, Paired]]  # what was foretold -> estimator, ours first -> score


def table(what: str, scores: Scores) -> list[str]:
    names = list(next(iter(scores.values())))
    lines = [f"| {what} | " + " | ".join(names) + " |", "|" + " --- |" * (1 + len(names))]
    for title, (ours, *others) in ((title, of.values()) for title, of in scores.items()):
        lines.append(f"| {title} | **{ours.mean:.3f}** | " + " | ".join(map(str, others)) + " |")
    return lines


def verdict(**scores: Scores) -> str:
    """Where ours is not lower, and where it is lower by no more than chance could do."""
    worse, unsure, compared = [], [], 0
    for score, of in scores.items():
        for title, estimators in of.items():
            for name, their in estimators.items():
                if name.startswith("ours"):
                    continue
                compared += 1
                where = f"{title}, {score.replace('_', ' ')}, {name}"
                if their.more <= 0:
                    worse.append(where)
                elif their.more <= their.margin:
                    unsure.append(where)
    return (
        f"Of {compared} comparisons ours is not lower in {len(worse)}{_named(worse)}, and lower by no more than chance "
        f"could do in {len(unsure)}{_named(unsure)}."
    )


def _named(places: list[str]) -> str:
    return f" ({'; '.join(places)})" if places else ""


@dataclass(frozen=True)
class Uniformity:
    """Of probability integral transforms: uniform where the distributions foretold are the true ones."""

    forecasts: int
    histogram: Array  # share of each of BINS bins; 1 / BINS where calibrated
    margins: Array  # half of each bin's 95% interval
    distance: float  # Kolmogorov and Smirnov's
    critical: float  # which a calibrated forecast stays under in 95 of 100 cases
    covered: float  # how often the central 80% was right
    margin: float  # half of its 95% interval


def uniformity(groups: Sequence[Array]) -> Uniformity:
    """Of groups that are independent of each other; within one, forecasts may err alike.

    All intervals are therefore from how groups scatter; that of the distance by giving each group's deviation from
    uniform a random normal weight (a multiplier bootstrap).
    """
    total = sum(group.size for group in groups)
    edges = np.linspace(0, 1, 10 * BINS + 1)
    below = np.array([(group[:, None] <= edges).sum(axis=0) for group in groups]) / total
    sizes = np.array([group.size for group in groups])[:, None] / total
    apart = below - sizes * edges  # (groups, edges); the sum over groups is the deviation of all
    signs = np.random.default_rng(3).normal(size=(DRAWS, len(groups)))
    drawn = np.abs(signs @ (apart - sizes * apart.sum(axis=0))).max(axis=1)
    bins = np.diff(below[:, ::10], axis=1)
    within = below[:, [9 * BINS]] - below[:, [BINS]]
    return Uniformity(
        forecasts=total,
        histogram=bins.sum(axis=0),
        margins=_margin(bins, sizes),
        distance=float(np.abs(apart.sum(axis=0)).max()),
        critical=float(np.quantile(drawn, 0.95)),
        covered=float(within.sum()),
        margin=float(_margin(within, sizes)[0]),
    )


def _margin(parts: Array, sizes: Array) -> Array:
    """Half of the 95% interval of shares that are sums over groups."""
    return 1.96 * np.sqrt(((parts - sizes * parts.sum(axis=0)) ** 2).sum(axis=0))


def calibration(what: str, each: Mapping[str, Uniformity]) -> list[str]:
    lines = [f"| {what} | forecasts | distance | of calibrated at most | covered by the central 80% |"]
    lines.append("|" + " --- |" * 5)
    for title, of in each.items():
        covered = f"{of.covered:.1%} ± {of.margin:.1%}"
        lines.append(f"| {title} | {of.forecasts:,} | {of.distance:.4f} | {of.critical:.4f} | {covered} |")
    return lines
