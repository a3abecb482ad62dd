"""The judged sessions of the real record: errors against rivals, cover, calibration, and what is possible at all."""

from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist

import numpy as np
from matplotlib.figure import Figure

from bench.prediction.consultations import FITTED, RIVALS, STEPS, Cases, Floats, Half, cases, path, read
from queueboard.waiting.times import Z90

SEED = 20261124
RESAMPLED = 2000
DRAWN = 400
ASKED = {1: None, 3: 0.10, 5: 0.15, 10: 0.20}


def section(pictures: Path) -> str:
    """The text, and calibration.png."""
    if not path().exists():
        return f"## Real sessions\n\nNot measured: {path()} is not there.\n"
    halves = read()
    judged = cases(halves, range(FITTED + 1, len(halves) + 1))
    fitted = cases(halves, range(41, FITTED + 1))
    _plot(judged, pictures / "calibration.png")
    rng = np.random.default_rng(SEED)
    lines = [
        "## Real sessions",
        "",
        "One expert's 266 half-days. At every start, the time until the k-th later start. Mean absolute error in "
        "minutes "
        f"on sessions {FITTED + 1}-{len(halves)}; every constant was chosen on sessions 1-{FITTED} (there in order of "
        "time: each session is foretold from those before it).",
        "",
        "Known at a start: all that has happened until then, in this session and before; the kind of visit, first or "
        "return, of who is called now and of the k - 1 patients ahead of the k-th, who hold tickets; weekday, "
        "half-day, "
        "and when such half-days usually ended in the fitted part. Not known: how many patients the session will have.",
        "",
        "| k | cases | " + " | ".join(RIVALS) + " | **ours** | below number × mean | asked |",
        "|" + " --- |" * (len(RIVALS) + 5),
    ]
    for k in STEPS:
        case = judged[k]
        errors = [_error(case, case.rivals[name]) for name in RIVALS]
        low, high = _between(case, _gain, rng)
        asked = "" if ASKED[k] is None else f"{ASKED[k]:.0%}"
        lines.append(
            f"| {k} | {len(case.actual)} | " + " | ".join(f"{error:.2f}" for error in errors)
            + f" | **{_error(case, case.ours[:, 0]):.2f}** | {_gain(case):.1%} ({low:.1%} to {high:.1%}) | {asked} |"
        )  # fmt: skip
    lines += [
        "",
        "In brackets the 95% interval by bootstrap over sessions. The rivals are those of the literature on delay "
        "announcements (Ibrahim and Whitt, 2009) as far as a log without arrivals allows: the patient called now is "
        "taken "
        "to have come k places before; until a rival has seen enough it says number ahead × mean.",
        "",
        "The 90th percentile, and how often the truth stayed below it; and what is possible: below number × mean by "
        "whom "
        "the session's own mean gap had been told beforehand (nobody can know it), and by whom our distribution were "
        "the "
        "truth (the error that it expects of its own median, and of the rival's figure).",
        "",
        f"| k | below the p90 | below the median | ours, sessions 41-{FITTED} | the session's own mean known | "
        "our distribution were true |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for k in STEPS:
        case = judged[k]
        low, high = _between(case, cover, rng)
        median = float(np.mean(case.actual <= case.ours[:, 0]))
        lines.append(
            f"| {k} | {cover(case):.1%} ({low:.1%} to {high:.1%}) | {median:.1%} | {_gain(fitted[k]):.1%} | "
            f"{_knowing_the_mean(case, k, halves):.1%} | {_if_ours_were_true(case, rng):.1%} |"
        )
    return "\n".join([*lines, "", *_verdict(judged), "", "![Calibration](prediction/calibration.png)", ""])


def _verdict(judged: dict[int, Cases]) -> list[str]:
    short = [k for k, asked in ASKED.items() if asked is not None and _gain(judged[k]) < asked]
    if not short:
        return ["All that was asked is met."]
    named = ", ".join(f"k = {k}" for k in short)
    return [
        f"Asked and not met on these sessions: {named}. What was asked is within the interval, the fitted sessions "
        "exceed it, and even were our distribution the truth the gain to expect would be little above what was asked. "
        "The constants were chosen by the error on sessions 41-200, with these in sight: sets that are equally good "
        "there differ by half a percentage point here, and picking among them by it would be fitting on what judges."
    ]


def _error(case: Cases, said: Floats) -> float:
    return float(np.mean(np.abs(case.actual - said)))


def _gain(case: Cases) -> float:
    return 1 - _error(case, case.ours[:, 0]) / _error(case, case.rivals[RIVALS[0]])


def cover(case: Cases) -> float:
    return float(np.mean(case.actual <= case.ours[:, 1]))


def _between(case: Cases, figure: Callable[[Cases], float], rng: np.random.Generator) -> tuple[float, float]:
    """The 95% interval of a figure, sessions drawn with replacement."""
    sessions = np.unique(case.session)
    rows = {session: np.flatnonzero(case.session == session) for session in sessions}
    found = []
    for _ in range(RESAMPLED):
        drawn = np.concatenate([rows[session] for session in rng.choice(sessions, len(sessions))])
        rivals = {RIVALS[0]: case.rivals[RIVALS[0]][drawn]}
        found.append(figure(Cases(case.session[drawn], case.actual[drawn], case.ours[drawn], rivals)))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _knowing_the_mean(case: Cases, k: int, halves: list[Half]) -> float:
    means = {half.number: float(half.gaps.mean()) for half in halves if len(half.gaps)}
    said = k * np.array([means[session] for session in case.session])
    return 1 - _error(case, said) / _error(case, case.rivals[RIVALS[0]])


def _if_ours_were_true(case: Cases, rng: np.random.Generator) -> float:
    median, sigma = _lognormal(case)
    drawn = median[:, None] * np.exp(sigma[:, None] * rng.standard_normal((len(median), DRAWN)))
    plain = case.rivals[RIVALS[0]][:, None]
    return float(1 - np.abs(drawn - median[:, None]).mean() / np.abs(drawn - plain).mean())


def _lognormal(case: Cases) -> tuple[Floats, Floats]:
    median, p90 = case.ours.T
    return median, np.log(p90 / median) / Z90


def _plot(judged: dict[int, Cases], file: Path) -> None:
    """Of each predicted quantile, how often the truth stayed below it: on the diagonal is right."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    levels = np.linspace(0.02, 0.98, 49)
    for k, case in judged.items():
        median, sigma = _lognormal(case)
        # How many standard deviations off, on the logarithmic scale; then as a probability by the normal distribution.
        off = np.log(case.actual / median) / sigma
        axes.plot(levels, [np.mean(off <= z) for z in _normal_quantiles(levels)], label=f"k = {k}")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.axvline(0.9, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("predicted to stay below, share")
    axes.set_ylabel("stayed below, share")
    axes.legend()
    figure.savefig(file, dpi=100)


def _normal_quantiles(levels: Floats) -> Floats:
    return np.array([NormalDist().inv_cdf(level) for level in levels])
