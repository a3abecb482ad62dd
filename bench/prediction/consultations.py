"""The real record (shared/data/consultations.csv) as sessions of starts, and the predictor's cases from it.

What is taken as known at a start: everything that happened until then, in this session and in those before; the kind of
visit (first or return) of whoever is called now and of the k - 1 patients ahead of the k-th, since they hold tickets;
the weekday, the half-day and when such half-days usually end (the median of the fitted part). Not known: how many
patients the session will have, and whatever comes later.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from queueboard.waiting import lengths, times

FITTED = 200  # sessions 1-200 were used to choose every constant, 201-266 judge
STEPS = (1, 3, 5, 10)
STARTS = {"morning": 8.5 * 60, "afternoon": 14.5 * 60}  # minutes after midnight
SLOT = 60

Floats = NDArray[np.float64]


def path() -> Path:
    """Where the record is. It is no part of this repository."""
    return Path(os.environ.get("QUEUEBOARD_DATA") or "../shared/data") / "consultations.csv"


@dataclass(frozen=True)
class Half:
    """One half-day: `starts` in minutes from its planned start, `kinds` as in queueboard.waiting.lengths."""

    number: int
    weekday: str
    half_day: str
    starts: Floats
    kinds: NDArray[np.int64]

    @property
    def gaps(self) -> Floats:
        return np.diff(self.starts)


def read() -> list[Half]:
    """All sessions in order of time."""
    rows: dict[int, list[dict[str, str]]] = {}
    with path().open() as file:
        for row in csv.DictReader(file):
            rows.setdefault(int(row["session"]), []).append(row)
    halves = []
    for number, visits in sorted(rows.items()):
        first = visits[0]
        clocks = [[int(part) for part in visit["start_time"].split(":")] for visit in visits]
        halves.append(
            Half(
                number=number,
                weekday=first["day_of_week"],
                half_day=first["half_day"],
                starts=np.array([h * 60 + m + s / 60 for h, m, s in clocks]) - STARTS[first["half_day"]],
                kinds=np.array([lengths.FIRST if visit["visit_no"] == "1" else lengths.RETURN for visit in visits]),
            )
        )
    return halves


def mean_gap(halves: Iterable[Half]) -> float:
    """The mean of the gaps between starts in the fitted part: the historical mean that all is measured against."""
    return float(np.concatenate([half.gaps for half in halves if half.number <= FITTED]).mean())


def slot_ends(halves: Iterable[Half], half_day: str) -> list[float]:
    """Hourly slots, the last one ending when such half-days usually do."""
    last = [half.starts[-1] for half in halves if half.half_day == half_day and half.number <= FITTED]
    end = float(np.median(last))
    return [*np.arange(SLOT, end, SLOT).tolist(), end]


def past_of(half: Half, before: list[Half]) -> lengths.Past:
    """The sessions before this one as its past, the last first."""
    age = 0
    parts = []
    for past in reversed(before):
        same = (past.weekday, past.half_day) == (half.weekday, half.half_day)
        visits = len(past.gaps)
        parts.append(
            (
                past.gaps,
                (np.maximum(past.starts[:-1], 0) // SLOT).astype(int),
                past.kinds[:-1],
                np.full(visits, past.half_day == half.half_day),
                np.full(visits, float(age) if same else np.nan),
            )
        )
        age += same
    if not parts:
        return lengths.NOTHING
    minutes, slot, kind, alike, ages = (np.concatenate(each) for each in zip(*parts, strict=True))
    return lengths.Past(minutes=minutes, slot=slot, kind=kind, alike=alike, age=ages)


@dataclass(frozen=True)
class Cases:
    """One step k: the session of each case, the minutes that came true, ours (median, p90), and the rivals' figures."""

    session: NDArray[np.int64]
    actual: Floats
    ours: Floats
    rivals: dict[str, Floats]


def cases(halves: list[Half], numbers: range) -> dict[int, Cases]:
    """Every start of the sessions with these numbers, for each k for which there is a k-th later start."""
    mean = mean_gap(halves)
    ends = {half_day: slot_ends(halves, half_day) for half_day in STARTS}
    found: dict[int, list[tuple]] = {k: [] for k in STEPS}
    for half in halves:
        if half.number in numbers:
            past = past_of(half, [each for each in halves if each.number < half.number])
            learnt = lengths.learn(past, slots=len(ends[half.half_day]), department_minutes=mean)
            for at, waits in enumerate(_predictions(half, learnt, ends[half.half_day])):
                for k in STEPS:
                    if at + k < len(half.starts):
                        actual = half.starts[at + k] - half.starts[at]
                        found[k].append((half.number, actual, *waits[k - 1], *_rivals(half, at, k, mean)))
    result = {}
    for k, rows in found.items():
        table = np.array(rows)
        rivals = {name: table[:, 4 + i] for i, name in enumerate(RIVALS)}
        result[k] = Cases(table[:, 0].astype(int), table[:, 1], table[:, 2:4], rivals)
    return result


def _predictions(half: Half, learnt: lengths.Lengths, ends: list[float]):
    kinds = half.kinds.tolist()
    seen = [
        (times.slot_at(start, ends), kind, gap) for start, kind, gap in zip(half.starts, kinds, half.gaps, strict=False)
    ]
    for at in range(len(half.gaps)):
        yield times.predict(
            kinds[at + 1 : at + max(STEPS)],
            lengths=learnt,
            pace=lengths.todays(learnt, seen[:at]),
            now=float(half.starts[at]),
            slot_ends=ends,
            under_way=[(kinds[at], 0.0)],
        )


RIVALS = ("number ahead × mean", "last to enter service", "head of line", "rolling mean of five", "today's mean")


def _rivals(half: Half, at: int, k: int, mean: float) -> tuple[float, ...]:
    """Of delay announcements in the literature (Ibrahim and Whitt 2009), with the log that we have: nobody's arrival is
    known, so the patient who has just been called is taken to have come k places before, and "head of line" is the same
    one visit earlier. Where a rival has seen too little it says number ahead × mean."""
    starts, plain = half.starts, k * mean
    last = starts[at] - starts[at - k] if at >= k else plain
    head = starts[at - 1] - starts[at - 1 - k] if at >= k + 1 else plain
    rolling = k * float(np.mean(half.gaps[at - 5 : at])) if at >= 5 else plain
    today = k * float(np.mean(half.gaps[:at])) if at >= 1 else plain
    return plain, last, head, rolling, today
