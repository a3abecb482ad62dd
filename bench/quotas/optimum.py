"""A better split than the study's: what there is, what it costs, and that there is no more (R2.4, R7)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.quotas import expert
from queueboard.simulation import experiment, mornings, optimise, optimum, policies, rivals, study
from queueboard.simulation.optimise import Judged, Limits, Optimum
from queueboard.simulation.rivals import Rivals
from queueboard.simulation.scenario import Order, Scenario

SEED, FRESH = 1, 20_000
COMBINATIONS = 20
# What fits in the first three hours where the first is as good as the second.
ON_TIME = (12, 12, 10)
HEAD = "| split | bookable | for walk-ins | walk-ins wait | booked wait | overtime |\n|---|---|---|---|---|---|"


def section(pictures: Path) -> str:
    return "\n".join([_studys_morning(pictures), _other_mornings(), _expert(pictures)])


def _studys_morning(pictures: Path) -> str:
    scenario, half = study.scenario(), _half_hours()
    today, start = policies.today(scenario), policies.study(scenario)
    fair, at_most = Limits(today), Limits(start)
    begin = perf_counter()
    found = {
        "optimised, limits: today's": optimise.optimise(scenario, start, limits=fair),
        "optimised, limits: the study's": optimise.optimise(scenario, start, limits=at_most),
        "optimised, no limits": optimise.optimise(scenario, start),
    }
    seconds = (perf_counter() - begin) / len(found)
    finer = optimise.optimise(half, policies.study(half), limits=at_most)
    fronts = {
        "no more overtime than today": optimise.front(scenario, start, limits=fair),
        "no more overtime than by the study's": optimise.front(scenario, start, limits=at_most),
        "any overtime": optimise.front(scenario, start),
        "half-hour slots, no more overtime than by the study's": optimise.front(
            half, policies.study(half), limits=at_most
        ),
    }
    orders = [Order(booked_first=True), Order(booked_first=False)]
    none = rivals.rivals(scenario, start, limits=at_most, orders=orders)
    some = rivals.rivals(scenario, start, limits=None)

    drawn = mornings.draw(scenario, FRESH, np.random.default_rng([SEED, 3]))
    judged = {name: optimise.judge(scenario, plan, drawn) for name, plan in _plans(today, start, found).items()}
    by_half = mornings.draw(half, FRESH, np.random.default_rng([SEED, 3]))
    halves = {
        "the study's rule, half-hour slots": optimise.judge(half, policies.study(half), by_half),
        "optimised, half-hour slots, limits: the study's": optimise.judge(half, finer.plan, by_half),
    }
    points = {name: judged[name] for name in ("today", "the study's")} | {
        "the study's, first come first served": optimise.judge(scenario, policies.ours(scenario), drawn),
        "the study's rule, half-hour slots": halves["the study's rule, half-hour slots"],
    }
    verdict = _verdict(none, some, judged["the study's"])
    optimum.trade(fronts, points).savefig(pictures / "front.png", dpi=110)
    stands = "Under the study's own wait of the booked and its overtime no better split was found in hourly slots."
    if found["optimised, limits: the study's"].better:
        stands = "Under the study's own wait of the booked and its overtime a better one was found, see the table."
    return f"""## Better than the study's split

`manage.py optimise_split` moves whole numbers between slots until no move shortens the wait of all patients together (a
minute of any of them counts the same unless `--weight` says otherwise), under limits: the booked wait no longer, the
session ends no later and nobody more goes unseen than under another split (`--limits`), each within
{optimise.TOLERANCE:g} min. A split that does not save {optimise.WORTH:g} min beyond doubt is none. As many numbers can
be booked and as many are for walk-ins as by the study's rule: the shortest wait of all would be that of patients turned
away. The best {optimise.FINALISTS} are compared on fresh mornings, and the figures here come from {FRESH:,} mornings
that no choice was made on. One search took {seconds:.1f} s on one core.

### The study's morning

With the study's own assumptions of `manage.py simulate`, booked first within a slot. Minutes, with 95% margins:

{HEAD}
{_rows(judged)}
{_rows(halves)}

The study's split shortens the walk-ins' wait at the price of the booked patients' and of overtime: both are longer than
today. With both no worse than today the walk-ins still wait far less than today, but more than by the study's split.
{stands}

![What the walk-ins' wait can be traded for](quotas/front.png)

**Does any split beat the study's for walk-ins and for booked patients at once?** {verdict}

Shorter slots do: told to come at half past, a booked patient does not wait from the full hour. By the study's own rule
with half-hour slots both wait less than with hourly ones, for {_more(halves, judged)} min more overtime; the front of
half-hour slots in the picture shows how much of that is left without more overtime.
"""


def _plans(today: Any, start: Any, found: dict[str, Optimum]) -> dict[str, Any]:
    return {"today": today, "the study's": start} | {name: each.plan for name, each in found.items()}


def _half_hours() -> Scenario:
    """The study's morning in half-hour slots: the expert starts in the second; the others have half of their hour's
    numbers each."""
    hourly = study.scenario()
    before, *walk_ins = hourly.walk_ins
    return replace(
        hourly,
        slots=tuple((1800 * i, 1800 * (i + 1)) for i in range(8)),
        capacities=(0, 2, 6, 6, 5, 5, 9, 9),
        walk_ins=(before, *(each / 2 for each in walk_ins for _ in range(2))),
        visit_minutes=tuple(each for each in hourly.visit_minutes for _ in range(2)),
    )


def _rows(judged: dict[str, Judged]) -> str:
    return "\n".join(
        f"| {name} | {_numbers(each.plan.bookable)} | {_numbers(each.plan.walk_in)} | "
        + " | ".join(
            f"{figure.value:.1f} ±{figure.margin:.1f}" for figure in (each.walk_in, each.booked, each.overtime)
        )
        + " |"
        for name, each in judged.items()
    )


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _verdict(none: Rivals, some: Rivals, studys: Judged) -> str:
    """In words; both came out of all splits there are."""
    tried = (
        f"{none.tried:,} splits and orders that the sum of all waits leaves of {none.placings:,} placings of bookings"
    )
    if none.better:
        first = min(none.better, key=lambda each: each.walk_in.value + each.booked.value)
        return f"Yes, without more overtime: of the {tried}, {len(none.better)} do, the best of them {_split(first)}."
    words = (
        f"Not without more overtime. That is not a search but all of them: of the {tried} "
        "(`queueboard/simulation/rivals.py` says why the others cannot), booked first or first come, first served, not "
        "one is better for both beyond doubt."
    )
    if not some.better:
        return words + " With more overtime neither."
    best = min(some.better, key=lambda each: each.walk_in.value + each.booked.value)
    return (
        f"{words} With more overtime {len(some.better)} of {some.tried:,} are: the one with the shortest waits has "
        f"{_split(best)}, that is {studys.walk_in.value - best.walk_in.value:.1f} min less for walk-ins and "
        f"{studys.booked.value - best.booked.value:.1f} for the booked, for "
        f"{best.overtime.value - studys.overtime.value:.1f} min more overtime."
    )


def _split(each: Judged) -> str:
    return f"{_numbers(each.plan.bookable)} to book and {_numbers(each.plan.walk_in)} for walk-ins"


def _more(halves: dict[str, Judged], judged: dict[str, Judged]) -> str:
    more = halves["the study's rule, half-hour slots"].overtime.value - judged["the study's"].overtime.value
    return f"{more:.1f}"


def _other_mornings() -> str:
    """What is left to gain over the assumptions of the experiment, with the study's late start and without."""
    rows = []
    for says, on_time in (("starts late, as the study's", False), ("starts on time", True)):
        saved, walk_in, booked = [], [], []
        for values in experiment.draw(COMBINATIONS, seed=SEED):
            scenario = experiment.scenario(values)
            if on_time:
                rest = scenario.numbers - sum(ON_TIME)
                scenario = replace(scenario, start_delay=(3.0, 2.0), capacities=(*ON_TIME, rest))
            start = policies.study(scenario)
            found = optimise.optimise(scenario, start, limits=Limits(start))
            weight = optimise.alike(scenario)
            saved.append((found.start.cost(weight) - found.judged.cost(weight)).value)
            walk_in.append((found.judged.walk_in - found.start.walk_in).value)
            booked.append((found.judged.booked - found.start.booked).value)
        low, median, high = np.percentile(saved, [5, 50, 95])
        rows.append(
            f"| {says} | {np.mean(np.array(saved) > 0):.0%} | {median:.1f} ({low:.1f} to {high:.1f}) | "
            f"{np.median(walk_in):+.1f} | {np.median(booked):+.1f} |"
        )
    return f"""### Other mornings

In the admin a manager chooses for each expert how numbers are split: by the study's rule (the default), or by such a
search from the expert's own past, with the study's split as start and limit. "Why this split?" of a session then says
how many splits were tried and what simulation found of both; where no better one is confirmed, the study's stands. The
same history gives the same split, and while nothing has changed none is searched again.

{COMBINATIONS} combinations of the assumptions above say what that brings. Minutes for each patient; median, and from 5%
to 95% of the combinations:

| the expert | better split found | all patients save | walk-ins wait | the booked wait |
|---|---|---|---|---|
{chr(10).join(rows)}
"""


def _expert(pictures: Path) -> str:
    head = "### An expert's own past\n"
    folder = os.environ.get("QUEUEBOARD_DATA")
    file = Path(folder) / "consultations.csv" if folder else None
    if file is None or not file.exists():
        return f"{head}\nNot measured: QUEUEBOARD_DATA names no folder with consultations.csv.\n"
    command = [sys.executable, "-m", "queueboard.supervisor.sandbox"]
    command += [sys.executable, "-m", "bench.quotas.expert", str(file), str(pictures / "front_expert.png")]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    rows = []
    for name, each in done["policies"].items():
        cells = [each["figures"][key] for key in ("walk_in_mean", "booked_mean", "overtime")]
        rows.append(
            f"| {name} | {_numbers(each['bookable'])} | {_numbers(each['walk_in'])} | "
            + " | ".join(f"{cell['value']:.1f} ±{cell['margin']:.1f}" for cell in cells)
            + " |"
        )
    better = (
        "better, and confirmed on fresh mornings" if done["optimum"]["better"] else "none better, so the study's stands"
    )
    return f"""{head}
The expert of `consultations.csv`, imported by `manage.py import_history`, then `manage.py optimise_split --expert
{expert.CODE} {" ".join(expert.OPTIONS)}`. The file does not say who walked in, so the walk-ins are stated; visits and
the late start are the expert's own.

{HEAD}
{chr(10).join(rows)}

{done["optimum"]["tried"]} splits tried: {better}.

![What can be traded for what with this expert](quotas/front_expert.png)
"""
