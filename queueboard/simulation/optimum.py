"""What the optimiser found, as a table for people, a document for programs, and a picture of what can be traded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from matplotlib.figure import Figure as Canvas

from queueboard.simulation import picture, tables
from queueboard.simulation.optimise import Judged, Optimum, order_of
from queueboard.simulation.report import Figure
from queueboard.simulation.scenario import Plan


def split_lines(plans: Mapping[str, Plan]) -> Iterator[str]:
    """One line a plan: how many of each slot's numbers can be booked, and how many are for walk-ins."""
    width = max(map(len, plans)) + 2
    for name, plan in plans.items():
        yield f"{name:<{width}}bookable {_numbers(plan.bookable)}   walk-in {_numbers(plan.walk_in)}   {order(plan)}"


def front_lines(front: Sequence[Judged]) -> Iterator[str]:
    """One line a point of the front, waits in minutes."""
    yield f"{'walk-ins wait':>15}{'booked wait':>15}{'overtime':>15}   bookable / walk-in"
    for each in front:
        cells = "".join(f"{tables.cell(figure):>15}" for figure in (each.walk_in, each.booked, each.overtime))
        yield f"{cells}   {_numbers(each.plan.bookable)} / {_numbers(each.plan.walk_in)}   {order(each.plan)}"


def order(plan: Plan) -> str:
    """The order's settings, in a word."""
    early = "" if plan.early else ", being early counts for nothing"
    return ("booked first" if plan.booked_first else "first come first served") + early


def document(optimum: Optimum, front: Sequence[Judged]) -> dict[str, Any]:
    """JSON values only: the split, whether it is better than the one it started from, and the front."""
    return {
        "better": optimum.better,
        "tried": optimum.tried,
        "start": _judged(optimum.start),
        "chosen": _judged(optimum.judged),
        "front": [_judged(each) for each in front],
    }


def trade(fronts: Mapping[str, Sequence[Judged]], points: Mapping[str, Judged]) -> Canvas:
    """The walk-ins' wait against the booked patients': each front a line, each named plan a point."""
    with picture.look():
        canvas = Canvas(figsize=(8, 6), layout="constrained")
        axes = canvas.subplots()
        for (name, front), colour in zip(fronts.items(), picture.COLOURS, strict=False):
            booked, walk_in = [each.booked.value for each in front], [each.walk_in.value for each in front]
            axes.plot(booked, walk_in, ".-", color=colour, linewidth=1, label=name)
        for (name, each), marker in zip(points.items(), "osD^v*P", strict=False):
            at = (each.booked.value, each.walk_in.value)
            axes.plot(*at, marker, color="#000000", markersize=7, label=name)
        axes.set_xlabel("mean wait of booked patients (minutes)")
        axes.set_ylabel("mean wait of walk-ins (minutes)")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        canvas.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return canvas


def _numbers(numbers: Sequence[int]) -> str:
    return " ".join(f"{number:>2}" for number in numbers)


def _judged(judged: Judged) -> dict[str, Any]:
    return {
        "bookable": list(judged.plan.bookable),
        "walk_in": list(judged.plan.walk_in),
        "order": asdict(order_of(judged.plan)),
        "walk_in_wait": _figure(judged.walk_in),
        "booked_wait": _figure(judged.booked),
        "overtime": _figure(judged.overtime),
        "lost": _figure(judged.lost),
    }


def _figure(figure: Figure) -> dict[str, float]:
    return {"value": round(figure.value, 4), "margin": round(figure.margin, 4)}
