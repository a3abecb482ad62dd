"""Where the marks of a picture stand: from figures to places in an SVG, which a template then draws (pure).

Everything is in the picture's own units, x to the right, y downwards; `None` where there is nothing to mark.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOP, BOTTOM, LEFT = 20, 62, 44
HEIGHT = 260
COLUMN = 150
BAR = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a column: its place, its height, and where its figure is written (None: no room for it)."""

    x: float
    y: float
    height: float
    label: str
    label_y: float | None

    @property
    def middle(self) -> float:
        return self.x + BAR / 2

    @property
    def label_x(self) -> float:
        return self.middle - 15

    @property
    def plate_y(self) -> float:
        return (self.label_y or 0.0) - 8.5


@dataclass(frozen=True, slots=True)
class Whisker:
    """A predictive interval, upright."""

    x: float
    top: float
    bottom: float

    @property
    def left(self) -> float:
        return self.x - 5

    @property
    def right(self) -> float:
        return self.x + 5


@dataclass(frozen=True, slots=True)
class Capacity:
    """A line across the numbers of a slot."""

    left: float
    right: float
    y: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One interval of the picture "why": what is expected on the left, the numbers on the right."""

    middle: float
    clock: str
    carried_in: Bar | None = None
    walk_ins: Bar | None
    whisker: Whisker | None
    for_walk_ins: Bar | None = None
    bookable: Bar | None = None
    capacity: Capacity | None = None
    carry: str  # what is carried on to the next column; empty: nothing

    @property
    def next(self) -> float:
        """Where the next column begins."""
        return self.middle + COLUMN / 2


@dataclass(frozen=True, slots=True)
class Grid:
    """Axis lines: their places and what is written there."""

    lines: list[tuple[float, str]]
    width: float
    height: float
    base: float
    left: float


def ticks(most: float, *, wanted: int = 4) -> list[float]:
    """Round figures from 0 to at least `most`, in about `wanted` steps of 1, 2 or 5 times a power of ten."""
    rough = max(most, 1e-9) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [step * i for i in range(math.ceil(most / step - 1e-9) + 1)] if most > 0 else [0.0, 1.0]


def figure(value: float) -> str:
    """One digit behind the point at most: 9, 4.5."""
    return f"{value:.1f}".removesuffix(".0")


def clock(seconds: int) -> str:
    """Time from the planned start: −1:00, 0:00, +1:30."""
    sign = "" if not seconds else "−" if seconds < 0 else "+"
    minutes = abs(seconds) // 60
    return f"{sign}{minutes // 60}:{minutes % 60:02d}"


def why(rows: Sequence[Mapping[str, Any]], intervals: Sequence[Mapping[str, Any]], opens: str) -> dict[str, Any]:
    """The picture of a quota calculation: `rows` of a QuotaPlan, the `intervals` of its basis (the first is the time
    before the start, which has no numbers), `opens` its clock."""
    before = intervals[0]
    most = max(
        [before.get("high", before["expected"]), 1.0]
        + [float(max(row["bookable"] + row["walk_in"], row["capacity"])) for row in rows]
        + [
            row["carry_in"] + interval.get("high", row["walk_ins"])
            for row, interval in zip(rows, intervals[1:], strict=True)
        ]
    )
    marks = ticks(most)
    scale = HEIGHT / marks[-1]
    base = TOP + HEIGHT

    def bar(x: float, low: float, high: float) -> Bar | None:
        if high - low <= 0:
            return None
        y, height = base - high * scale, (high - low) * scale
        return Bar(
            x, round(y, 1), round(height, 1), figure(high - low), round(y + height / 2, 1) if height > 15 else None
        )

    def whisker(x: float, above: float, interval: Mapping[str, Any]) -> Whisker | None:
        if "low" not in interval or "high" not in interval:
            return None
        top, bottom = above + interval["high"], above + interval["low"]
        return Whisker(x + BAR + 8, round(base - top * scale, 1), round(base - bottom * scale, 1))

    columns = []
    if before["to"] > before["from"]:
        x = LEFT + (COLUMN - BAR) / 2
        columns.append(
            Column(
                middle=LEFT + COLUMN / 2,
                clock=opens,
                walk_ins=bar(x, 0, before["expected"]),
                whisker=whisker(x, 0, before),
                carry=figure(before["expected"]) if before["expected"] > 0 else "",
            )
        )
    for row, interval in zip(rows, intervals[1:], strict=True):
        middle = LEFT + COLUMN * (len(columns) + 0.5)
        left, right = middle - BAR - 12, middle + 14
        columns.append(
            Column(
                middle=middle,
                clock=row["clock"],
                carried_in=bar(left, 0, row["carry_in"]),
                walk_ins=bar(left, row["carry_in"], row["carry_in"] + row["walk_ins"]),
                whisker=whisker(left, row["carry_in"], interval),
                for_walk_ins=bar(right, 0, row["walk_in"]),
                bookable=bar(right, row["walk_in"], row["walk_in"] + row["bookable"]),
                capacity=Capacity(
                    right - 6, right + BAR + 6, round(base - row["capacity"] * scale, 1), str(row["capacity"])
                ),
                carry=figure(row["carry"]) if row["carry"] > 0 else "",
            )
        )
    width = LEFT + COLUMN * len(columns) + 10
    grid = Grid([(round(base - m * scale, 1), figure(m)) for m in marks], width, base + BOTTOM, base, LEFT)
    return {"columns": columns, "grid": grid, "bar": BAR}


ROW, NAME, WIDE, LABEL = 58, 230, 800, 50


@dataclass(frozen=True, slots=True)
class Wait:
    """Bars of one policy: mean waits of walk-ins and of booked patients, and their 90th percentiles."""

    y: float
    name: str
    bars: list[dict[str, Any]]


def waits(policies: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, Any]:
    """Waits of each policy in minutes, walk-ins above booked; `policies` as in simulation.tables.document."""
    kinds = ("walk_in", "booked")
    found = [
        policy["figures"][f"{kind}_{what}"]
        for policy in policies.values() for kind in kinds for what in ("mean", "p90")
    ]  # fmt: skip
    marks = ticks(max([each["value"] for each in found if each] or [1.0]), wanted=5)
    scale = (WIDE - NAME - 70) / marks[-1]
    rows = []
    for place, (name, policy) in enumerate(policies.items()):
        y = TOP + ROW * place
        bars = []
        for shift, kind in enumerate(kinds):
            mean, p90 = policy["figures"][f"{kind}_mean"], policy["figures"][f"{kind}_p90"]
            if mean:
                end, worst = NAME + mean["value"] * scale, NAME + p90["value"] * scale
                # Beside its bar; behind the mark of the worst where there is no room between the two.
                label_x = end + 6 if worst - end > LABEL else worst + 8
                bars.append(
                    {
                        "kind": kind, "y": y + 20 * shift, "width": round(mean["value"] * scale, 1),
                        "label": figure(mean["value"]), "label_x": round(label_x, 1), "p90": round(worst, 1),
                    }
                )  # fmt: skip
        rows.append(Wait(y, names[name], bars))
    base = TOP + ROW * len(rows) - 8
    grid = Grid([(round(NAME + m * scale, 1), figure(m)) for m in marks], WIDE, base + 30, base, NAME)
    return {"rows": rows, "grid": grid}


def crowd(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """How many wait over time under each policy, a line each; told apart by dashes as well as by colour."""
    policies, step, begin = document["policies"], document["crowd_step"], document["crowd_from"]
    marks = ticks(max(max(policy["crowd"]) for policy in policies.values()))
    count = max(len(policy["crowd"]) for policy in policies.values())
    across = (WIDE - LEFT - 20) / max(1, count - 1)
    base = TOP + HEIGHT
    lines = []
    for place, (name, policy) in enumerate(policies.items()):
        points = [
            f"{LEFT + across * i:.1f},{base - value * HEIGHT / marks[-1]:.1f}"
            for i, value in enumerate(policy["crowd"])
        ]
        lines.append(
            {"name": names[name], "points": " ".join(points), "look": place % 7, "most": figure(max(policy["crowd"]))}
        )
    hours = [
        {"x": round(LEFT + across * (second - begin) / step, 1), "hour": f"{second // 3600:+d}" if second else "0"}
        for second in range(-(-begin // 3600) * 3600, begin + step * (count - 1) + 1, 3600)
    ]
    grid = Grid([(round(base - m * HEIGHT / marks[-1], 1), figure(m)) for m in marks], WIDE, base + 40, base, LEFT)
    end = document["scenario"]["slots"][-1][1]
    return {"lines": lines, "hours": hours, "grid": grid, "ends": round(LEFT + across * (end - begin) / step, 1)}


GROUP, THIN = 64, 16


def load(hours: Sequence[Any]) -> dict[str, Any]:
    """Who came and whose visit began, hour by hour, side by side, with a line for the numbers there are; `hours` as
    overview.Hour."""
    marks = ticks(max([max(hour.came, hour.begun, hour.capacity) for hour in hours] or [1.0]))
    base, scale = TOP + HEIGHT, HEIGHT / marks[-1]
    columns = []
    for place, hour in enumerate(hours):
        left = LEFT + GROUP * place + 10
        bars = [
            {
                "kind": kind, "x": left + (THIN + 4) * shift, "y": round(base - value * scale, 1),
                "height": round(value * scale, 1), "value": value,
                "middle": left + (THIN + 4) * shift + THIN / 2, "label": round(base - value * scale - 5, 1),
            }
            for shift, (kind, value) in enumerate((("came", hour.came), ("begun", hour.begun)))
        ]  # fmt: skip
        columns.append(
            {
                "hour": hour.hour, "bars": bars, "middle": left + THIN + 2,
                "left": left - 4, "right": left + 2 * THIN + 8,
                "capacity": round(base - hour.capacity * scale, 1),
            }
        )  # fmt: skip
    width = LEFT + GROUP * max(1, len(columns)) + 10
    grid = Grid([(round(base - m * scale, 1), figure(m)) for m in marks], width, base + 40, base, LEFT)
    return {"columns": columns, "grid": grid, "bar": THIN}
