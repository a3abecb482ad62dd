"""The real consultations of one expert, with the dates that their calendar implies."""

import calendar
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

# Half-days as the expert held them: from 08:00 and from 14:00, in slots of an hour, the last open-ended.
STARTS = {"morning": 8 * 60, "afternoon": 14 * 60}
SLOTS, SLOT_MINUTES = 4, 60
# The records begin in January 2018 and name month and weekday, not the date.
BEFORE = date(2017, 12, 31)


@dataclass(frozen=True)
class Consultations:
    days: Sequence[int]  # ordinals, by visit
    slots: Sequence[int]
    minutes: Sequence[float]


def path() -> Path | None:
    """The file in the folder that QUEUEBOARD_DATA names, if it is there."""
    folder = os.environ.get("QUEUEBOARD_DATA")
    file = Path(folder) / "consultations.csv" if folder else None
    return file if file and file.exists() else None


def read(file: Path, half_day: str) -> Consultations:
    """The visits of all mornings, or of all afternoons.

    Each session is put on the next day that fits its month and weekday: a guess, but near enough for a half-life.
    """
    day, last = BEFORE, ("", "", "")
    days, slots, minutes = [], [], []
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            session = row["session"], row["month"], row["day_of_week"]
            if session != last:
                if session[1:] != last[1:] or row["half_day"] == "morning":
                    day = _next(day, *session[1:])
                last = session
            if row["half_day"] != half_day:
                continue
            hour, minute, _ = map(int, row["start_time"].split(":"))
            since = hour * 60 + minute - STARTS[half_day]
            days.append(day.toordinal())
            slots.append(min(SLOTS - 1, max(0, since // SLOT_MINUTES)))
            minutes.append(int(row["service_s"]) / 60)
    return Consultations(days, slots, minutes)


def _next(day: date, month: str, weekday: str) -> date:
    day += timedelta(days=1)
    while (calendar.month_name[day.month], calendar.day_name[day.weekday()]) != (month, weekday):
        day += timedelta(days=1)
    return day
